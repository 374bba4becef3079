//! The errors of an order search.

use einfold_ir::{Count, PathError};

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

/// The difference between a saved order and the expression that it is applied to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OrderMismatch {
    /// The number of contractions differs.
    #[error("it is for {}, the expression has {given}", count(*saved, "contraction"))]
    Contractions {
        /// The number of trees of the saved order.
        saved: usize,
        /// The number of contractions that have several orders.
        given: usize,
    },
    /// The number of tensors of a contraction differs.
    #[error("its tree has {}, the contraction has {given}", count(*saved, "tensor"))]
    Tensors {
        /// The number of tensors of the tree.
        saved: usize,
        /// The number of tensors of the contraction.
        given: usize,
    },
    /// A tensor has other axes, up to names. Axes of extent 1 are left out.
    #[error("{} has axes [{}] in the order and [{}] here", tensor(*operand), saved.join(" "), given.join(" "))]
    Axes {
        /// The position of the tensor; `None` for the result.
        operand: Option<usize>,
        /// Its axes in the saved order.
        saved: Vec<String>,
        /// Its axes in the expression.
        given: Vec<String>,
    },
    /// The extent of an axis differs.
    #[error("axis `{axis}` has extent {saved} in the order and {given} here")]
    Extent {
        /// The name of the axis in the expression.
        axis: String,
        /// The extent in the saved order.
        saved: u64,
        /// The extent in the expression.
        given: u64,
    },
    /// A sliced axis does not exist.
    #[error("it slices axis `{axis}`, which does not exist; the axes are {}", there.join(", "))]
    NoAxis {
        /// The label of the axis.
        axis: String,
        /// The labels of the axes that exist.
        there: Vec<String>,
    },
    /// An axis is sliced twice.
    #[error("it slices axis `{axis}` twice")]
    Twice {
        /// The label of the axis.
        axis: String,
    },
    /// The extent of an axis is not divisible by the number of slices.
    #[error("axis `{axis}` of extent {extent} is not divisible into {parts} slices")]
    Parts {
        /// The label of the axis.
        axis: String,
        /// The number of slices.
        parts: u64,
        /// The extent.
        extent: u64,
    },
    /// A contraction with index tensors is sliced.
    #[error("it slices a contraction with index tensors")]
    Sliced,
    /// The order takes more memory than the given limit.
    #[error("it needs {bytes} bytes, more than the limit of {limit}{}", found_for(*found))]
    Memory {
        /// The memory of the order.
        bytes: Count,
        /// The given limit.
        limit: u64,
        /// The limit for which the order was found.
        found: Option<u64>,
    },
    /// An intermediate has more elements than the given limit.
    #[error("an intermediate has {elements} elements, more than the limit of {limit}{}", found_for(*found))]
    Largest {
        /// The elements of the intermediate.
        elements: Count,
        /// The given limit.
        limit: u64,
        /// The limit for which the order was found.
        found: Option<u64>,
    },
}

fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

fn tensor(operand: Option<usize>) -> String {
    operand.map_or_else(|| "the result".into(), |k| format!("tensor {}", k + 1))
}

fn found_for(limit: Option<u64>) -> String {
    limit.map_or_else(String::new, |limit| format!("; it was found for a limit of {limit}"))
}

impl OrderMismatch {
    /// Returns the error for contraction `contraction` of `of`.
    pub fn in_contraction(self, contraction: usize, of: usize) -> OrderError {
        OrderError::Mismatch { contraction: (of > 1).then_some(contraction), what: self }
    }
}

impl From<OrderMismatch> for OrderError {
    fn from(what: OrderMismatch) -> OrderError {
        OrderError::Mismatch { contraction: None, what }
    }
}
