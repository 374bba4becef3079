//! The default: the exact order where it costs little to find, else the best that pays to look for.

use einfold_ir::{Cost, Count, Tree};

use crate::deep::{self, Limits};
use crate::graph::Graph;
use crate::slice::evaluate_sliced;
use crate::watch::Stop;
use crate::{Budget, Effort, Found, Objective, OrderError, Search, Task, cost, dp, greedy, left};

/// The exact search may try this many splits at least (enough for any twelve tensors) and at most (half a second).
const SPLITS: std::ops::RangeInclusive<u64> = 1 << 15..=1 << 23;
/// The work of the first deep search, by how much that of the next is more, and the most, about a second.
const WORK: std::ops::RangeInclusive<u64> = 1 << 20..=1 << 25;
const GROWTH: u64 = 8;

/// The best of `left-to-right`, `greedy` and, where that is cheap, `dp`, by flops and then by size. If that one is not exact
/// and takes long to run, or keeps to no limit, `deep` goes on from it, for no longer than the contraction is likely to run.
/// The exact search takes no longer than the greedy order is likely to run. Uses nothing of the effort: how much is searched
/// depends on the network and on the [`Machine`](einfold_ir::Machine) of the budget, a value, so that the answer is the same
/// wherever it is searched.
pub(crate) fn search(search: &Search<'_>) -> Result<Found, OrderError> {
    let (tree, cost, exact) = quick(search)?;
    let Search { task, budget, .. } = search;
    let each = budget.machine.flops_per_work();
    let limits = Limits::of(task, budget);
    let serves = budget.objective == Objective::Flops && limits.admit(&cost);
    if task.network.inputs().len() <= 2 || (serves && (exact || worth(cost.flops, each) < *WORK.start())) {
        return Ok(tree.into());
    }
    let mut found = Found::from(tree);
    let mut work = *WORK.start();
    loop {
        let task = Task { start: Some(&found.tree), ..**task };
        let budget = Budget { effort: Effort::Work(work), ..**budget };
        let better = deep::search(&Search { task: &task, budget: &budget, ..*search })?;
        let flops = evaluate_sliced(task.network, &better.tree, &better.slices).flops;
        found = better;
        if work >= worth(flops, each).min(*WORK.end()) || search.watch.is_cancelled() {
            return Ok(found);
        }
        work = (work * GROWTH).min(*WORK.end());
    }
}

/// The best of the quick strategies, and whether it is exact.
fn quick(search: &Search<'_>) -> Result<(Tree, Cost, bool), OrderError> {
    let (network, stop) = (search.task.network, Stop::new(search.watch));
    let leaves = network.inputs().len();
    let mut tree = left::tree(leaves)?;
    let graph = Graph::of(network);
    if leaves <= 2 {
        let cost = cost::evaluate_graph(&graph, &tree);
        return Ok((tree, cost, true));
    }
    let greedy = greedy::tree(&graph, &stop)?;
    let mut cost = cost::evaluate_graph(&graph, &greedy);
    match cost::evaluate_within(&graph, &tree, cost.flops) {
        Some(left) if rank(&left) <= rank(&cost) => cost = left,
        _ => tree = greedy,
    }
    let splits = worth(cost.flops, search.budget.machine.flops_per_split()).clamp(*SPLITS.start(), *SPLITS.end());
    let Ok(exact) = dp::tree(&graph, splits, &stop) else {
        return Ok((tree, cost, false));
    };
    if let Some(exact_cost) = cost::evaluate_within(&graph, &exact, cost.flops)
        && rank(&exact_cost) < rank(&cost)
    {
        (tree, cost) = (exact, exact_cost);
    }
    Ok((tree, cost, true))
}

fn rank(cost: &Cost) -> (Count, Count) {
    (cost.flops, cost.size)
}

/// How much is worth doing for a network that can be contracted in `flops`, if a unit takes as long as `each` flops.
fn worth(flops: Count, each: u64) -> u64 {
    flops.exact().and_then(|flops| u64::try_from(flops / u128::from(each)).ok()).unwrap_or(u64::MAX)
}
