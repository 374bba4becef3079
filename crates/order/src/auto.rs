//! The default strategy: the exact order where it is cheap to find, otherwise the best order that is worth its search.

use einfold_ir::{Cost, Count, Machine, Tree};

use crate::deep::{self, Limits};
use crate::slices::sliced_cost;
use crate::watch::StopCheck;
use crate::{
    Budget, Effort, Objective, OrderError, SearchRequest, SearchResult, Task, cost, dp, graph, greedy, left_to_right,
};

/// The range of the number of splits that the exact search may try: enough for any twelve tensors, at most half a
/// second.
const SPLITS: std::ops::RangeInclusive<u64> = 1 << 15..=1 << 23;
/// The work of the first deep search and the largest work of one (about a second); each search has `GROWTH` times the
/// work of the one before.
const WORK: std::ops::RangeInclusive<u64> = 1 << 20..=1 << 25;
const GROWTH: u64 = 8;

/// Takes the best of `left-to-right`, `greedy` and, where it is cheap, `dp`, by flops and then by size. If that order
/// is not exact and takes long to run, or exceeds a limit, `deep` improves it for no longer than the contraction is
/// likely to run; the exact search takes no longer than the greedy order is likely to run. The effort of the budget is
/// not used: the amount of search depends on the network and on the [`Machine`](einfold_ir::Machine) of the budget, so
/// that the result is the same wherever the search runs.
pub(crate) fn search(search: &SearchRequest<'_>) -> Result<SearchResult, OrderError> {
    let SearchRequest { task, budget, .. } = search;
    let leaves = task.network.inputs().len();
    if leaves <= 2 {
        return Ok(left_to_right::tree(leaves)?.into());
    }
    let (tree, cost, exact) = quick(search)?;
    let each = budget.machine.search_work.in_units_of(budget.machine.contraction);
    let limits = Limits::of(task, budget);
    let serves = budget.objective == Objective::Flops && limits.admit(&cost);
    if serves && (exact || worth(cost.flops, each) < *WORK.start()) {
        return Ok(SearchResult { cost: Some(cost), ..tree.into() });
    }
    let mut found = SearchResult::from(tree);
    let mut work = *WORK.start();
    loop {
        let task = Task { start: Some(&found.tree), ..**task };
        let budget = Budget { effort: Effort::Work(work), ..**budget };
        let better = deep::search(&SearchRequest { task: &task, budget: &budget, ..*search })?;
        let flops = sliced_cost(task.network, &better.tree, &better.slices).flops;
        found = better;
        if work >= worth(flops, each).min(*WORK.end()) || search.watch.is_cancelled() {
            return Ok(found);
        }
        work = (work * GROWTH).min(*WORK.end());
    }
}

/// Returns the best tree of the quick strategies, its cost, and whether it is exact.
fn quick(search: &SearchRequest<'_>) -> Result<(Tree, Cost, bool), OrderError> {
    let (network, stop) = (search.task.network, StopCheck::new(search.watch));
    let leaves = network.inputs().len();
    let mut tree = left_to_right::tree(leaves)?;
    let graph = search.graph;
    let steps = greedy::pairs(graph, &stop);
    let greedy = graph::tree(leaves, &steps)?;
    let mut cost = cost::graph_cost(graph, &greedy);
    match cost::cost_within(graph, &tree, cost.flops) {
        Some(left) if rank(&left) <= rank(&cost) => cost = left,
        _ => tree = greedy,
    }
    let Machine { search_split, contraction, .. } = search.budget.machine;
    let splits = worth(cost.flops, search_split.in_units_of(contraction)).clamp(*SPLITS.start(), *SPLITS.end());
    let Ok(exact) = dp::pairs(graph, Some(&steps), splits, &stop) else {
        return Ok((tree, cost, false));
    };
    // The greedy steps are in the comparison already.
    if exact == steps {
        return Ok((tree, cost, true));
    }
    let exact = graph::tree(leaves, &exact)?;
    if exact != tree
        && let Some(exact_cost) = cost::cost_within(graph, &exact, cost.flops)
        && rank(&exact_cost) < rank(&cost)
    {
        (tree, cost) = (exact, exact_cost);
    }
    Ok((tree, cost, true))
}

fn rank(cost: &Cost) -> (Count, Count) {
    (cost.flops, cost.size)
}

/// Returns the units of search that take as long as `flops` flops, if one unit takes as long as `each` flops.
fn worth(flops: Count, each: u64) -> u64 {
    flops.exact().and_then(|flops| u64::try_from(flops / u128::from(each)).ok()).unwrap_or(u64::MAX)
}
