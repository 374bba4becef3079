//! The order as written.

use einfold_ir::{Network, Tree};

use crate::{Budget, OrderError, graph};

/// Multiplies the first two tensors, then the result with the third, and so on. Uses nothing of the budget.
pub(crate) fn search(network: &Network, _: &Budget) -> Result<Tree, OrderError> {
    tree(network.inputs().len())
}

/// The tree of `leaves` tensors from left to right.
pub(crate) fn tree(leaves: usize) -> Result<Tree, OrderError> {
    let n = leaves as u32;
    let step = |k: u32| if k == 0 { [0, 1] } else { [n + k - 1, k + 1] };
    graph::tree(leaves, &(0..n.saturating_sub(1)).map(step).collect())
}
