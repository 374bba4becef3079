//! The default: the exact order where it costs little to find, else the best of the cheap ones.

use einfold_ir::{Cost, Count};

use crate::graph::Graph;
use crate::{Found, OrderError, Search, cost, dp, greedy, left};

/// The exact search may try this many splits at least (enough for any twelve tensors) and at most (half a second).
const SPLITS: std::ops::RangeInclusive<u64> = 1 << 15..=1 << 23;
/// A split takes about as long as this many flops of the contraction: the search is not to take longer than the greedy order
/// would run.
const FLOPS_PER_SPLIT: u128 = 1024;

/// The best of `left-to-right`, `greedy` and, where that is cheap, `dp`, by flops and then by size. Uses nothing of the
/// budget: what it searches depends on the network alone, so that the answer is the same on every machine.
pub(crate) fn search(search: &Search<'_>) -> Result<Found, OrderError> {
    let network = search.task.network;
    let leaves = network.inputs().len();
    let mut tree = left::tree(leaves)?;
    if leaves <= 2 {
        return Ok(tree.into());
    }
    let graph = Graph::of(network);
    let greedy = greedy::tree(&graph)?;
    let mut cost = cost::evaluate_graph(&graph, &greedy);
    match cost::evaluate_within(&graph, &tree, cost.flops) {
        Some(left) if rank(&left) <= rank(&cost) => cost = left,
        _ => tree = greedy,
    }
    if let Ok(exact) = dp::tree(&graph, splits(cost.flops))
        && let Some(exact_cost) = cost::evaluate_within(&graph, &exact, cost.flops)
        && rank(&exact_cost) < rank(&cost)
    {
        tree = exact;
    }
    Ok(tree.into())
}

fn rank(cost: &Cost) -> (Count, Count) {
    (cost.flops, cost.size)
}

/// How many splits are worth trying on a network that can be contracted in `flops`.
fn splits(flops: Count) -> u64 {
    let worth = flops.exact().and_then(|flops| u64::try_from(flops / FLOPS_PER_SPLIT).ok()).unwrap_or(u64::MAX);
    worth.clamp(*SPLITS.start(), *SPLITS.end())
}
