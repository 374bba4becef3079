//! The errors of an order search.

use einfold_ir::{Count, PathError};

use crate::OrderMismatch;

/// The reason why a network has no order.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OrderError {
    /// No strategy has this name.
    #[error("unknown strategy `{name}`; the strategies are {}", known.join(", "))]
    UnknownStrategy {
        /// The given name.
        name: String,
        /// The names of the strategies, without aliases.
        known: Vec<&'static str>,
    },
    /// No objective has this name.
    #[error(
        "unknown objective `{name}`; the objectives are flops, size, write, time, combo and limit, the last two also with a weight: combo-64"
    )]
    UnknownObjective {
        /// The given name.
        name: String,
    },
    /// The network is too large for the exact search.
    #[error("the exact search takes at most {limit} connected operands, not {operands}; use `greedy` or `auto`")]
    TooMany {
        /// The number of operands of the largest connected component.
        operands: usize,
        /// The maximal number of operands.
        limit: usize,
    },
    /// The network is too densely connected for the exact search.
    #[error("{operands} operands have more than {limit} splits for the exact search; use `greedy` or `auto`")]
    TooDense {
        /// The number of operands of the connected component.
        operands: usize,
        /// The maximal number of splits.
        limit: u64,
    },
    /// No slices meet the limits.
    #[error(
        "no slices meet the limits: the contraction needs {peak} elements at once, {size} of them for its largest intermediate; raise the memory limit"
    )]
    TooLarge {
        /// The maximal number of elements of intermediates and result that are alive together, in the slices that take
        /// least.
        peak: Count,
        /// The elements of the largest intermediate.
        size: Count,
    },
    /// The search was cancelled before it found an exact order, or an order within the limits.
    #[error("the search was cancelled before it found an order that meets the request")]
    Cancelled,
    /// The network has no tensors.
    #[error("a network without tensors has no order")]
    NoTensors,
    /// A saved order does not fit the expression.
    #[error("the order does not fit{}: {what}", contraction.map_or_else(String::new, |k| format!(" contraction {}", k + 1)))]
    Mismatch {
        /// The number of the contraction, from 0, if the expression has several.
        contraction: Option<usize>,
        /// The difference.
        what: OrderMismatch,
    },
    /// The given path is not a path of the network.
    #[error(transparent)]
    Path(#[from] PathError),
}
