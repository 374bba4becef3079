//! Why there is no order.

use einfold_ir::{Count, PathError};

use crate::OrderMismatch;

/// Why a network got no order.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OrderError {
    /// No strategy has this name.
    #[error("no order is called `{name}`; there are {}", known.join(", "))]
    UnknownStrategy {
        /// The name as given.
        name: String,
        /// The names there are, without the aliases.
        known: Vec<&'static str>,
    },
    /// No objective has this name.
    #[error(
        "no objective is called `{name}`; there are flops, size, write, time, combo and limit, the last two also with a weight: combo-64"
    )]
    UnknownObjective {
        /// The name as given.
        name: String,
    },
    /// The network is too large for the exact search.
    #[error("the exact search takes at most {limit} connected operands, not {operands}; use `greedy` or `auto`")]
    TooMany {
        /// Operands of the largest connected part.
        operands: usize,
        /// The most there may be.
        limit: usize,
    },
    /// The network is too densely connected for the exact search.
    #[error("{operands} operands have more than {limit} splits for the exact search; use `greedy` or `auto`")]
    TooDense {
        /// Operands of the connected part.
        operands: usize,
        /// The most splits that are tried.
        limit: u64,
    },
    /// No slices keep the contraction to its limits.
    #[error(
        "even in slices the contraction takes {peak} elements at once, the largest intermediate {size}; allow it more memory"
    )]
    TooLarge {
        /// The most elements of intermediates and result that are alive at once, in the slices that take least.
        peak: Count,
        /// The elements of the largest intermediate.
        size: Count,
    },
    /// The search was ended before it had an exact order, or one within the limits.
    #[error("the search was ended before it found what was asked for")]
    Cancelled,
    /// The network has no tensor.
    #[error("a network without tensors has no order")]
    NoTensors,
    /// A saved order does not fit what it is to be followed for.
    #[error("the order does not fit{}: {what}", contraction.map_or_else(String::new, |k| format!(" contraction {}", k + 1)))]
    Mismatch {
        /// Which contraction, from 0, where there are several.
        contraction: Option<usize>,
        /// What differs.
        what: OrderMismatch,
    },
    /// The path given is not a path of the network.
    #[error(transparent)]
    Path(#[from] PathError),
}
