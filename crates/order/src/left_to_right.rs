//! The order of the text.

use einfold_ir::Tree;

use crate::{OrderError, SearchRequest, SearchResult, graph};

/// Multiplies the first two tensors, then the result with the third, and so on. Ignores the budget.
pub(crate) fn search(search: &SearchRequest<'_>) -> Result<SearchResult, OrderError> {
    Ok(tree(search.task.network.inputs().len())?.into())
}

/// Returns the tree that multiplies `leaves` tensors from left to right.
pub(crate) fn tree(leaves: usize) -> Result<Tree, OrderError> {
    let n = leaves as u32;
    let step = |k: u32| if k == 0 { [0, 1] } else { [n + k - 1, k + 1] };
    graph::tree(leaves, &(0..n.saturating_sub(1)).map(step).collect())
}
