//! Why there is no order.

use einfold_ir::{Count, PathError};

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
        what: Mismatch,
    },
    /// The path given is not a path of the network.
    #[error(transparent)]
    Path(#[from] PathError),
}

/// How a saved order differs from what it is to be followed for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Mismatch {
    /// It is for another number of contractions.
    #[error("it has trees for {}, the expression has {given}", count(*saved, "contraction"))]
    Contractions {
        /// How many contractions it has trees for.
        saved: usize,
        /// How many have an order to choose.
        given: usize,
    },
    /// A tree is for another number of tensors.
    #[error("its tree contracts {}, there are {given}", count(*saved, "tensor"))]
    Tensors {
        /// How many the tree has.
        saved: usize,
        /// How many the contraction has.
        given: usize,
    },
    /// A tensor has other axes, the names aside. Those of extent 1 are left out.
    #[error("{} has axes [{}] in the order and [{}] here", tensor(*operand), saved.join(" "), given.join(" "))]
    Axes {
        /// The position of the tensor; none for the result.
        operand: Option<usize>,
        /// Its axes in the order.
        saved: Vec<String>,
        /// Its axes here.
        given: Vec<String>,
    },
    /// An axis has another extent.
    #[error("axis `{axis}` has extent {saved} in the order and {given} here")]
    Extent {
        /// The axis, by its name here.
        axis: String,
        /// The extent in the order.
        saved: u64,
        /// The extent here.
        given: u64,
    },
    /// A sliced axis does not exist.
    #[error("it slices axis `{axis}`, which does not exist; there are {}", there.join(", "))]
    NoAxis {
        /// The axis.
        axis: String,
        /// The axes that exist.
        there: Vec<String>,
    },
    /// An axis is sliced twice.
    #[error("it slices axis `{axis}` twice")]
    Twice {
        /// The axis.
        axis: String,
    },
    /// An axis does not fall into so many parts.
    #[error("axis `{axis}` of extent {extent} does not fall into {parts} parts")]
    Parts {
        /// The axis.
        axis: String,
        /// The number of parts.
        parts: u64,
        /// The extent.
        extent: u64,
    },
    /// A contraction with ids is sliced.
    #[error("it slices a contraction with ids")]
    Sliced,
    /// It takes more memory than a limit that is given besides.
    #[error("it takes {bytes} bytes, more than the limit of {limit}{}", found_for(*found))]
    Memory {
        /// The bytes.
        bytes: Count,
        /// The limit.
        limit: u64,
        /// The limit that it was found for.
        found: Option<u64>,
    },
    /// An intermediate has more elements than a limit that is given besides.
    #[error("an intermediate has {elements} elements, more than the limit of {limit}{}", found_for(*found))]
    Largest {
        /// The elements.
        elements: Count,
        /// The limit.
        limit: u64,
        /// The limit that it was found for.
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

impl Mismatch {
    /// As the error about contraction `contraction` of `of`.
    pub fn in_contraction(self, contraction: usize, of: usize) -> OrderError {
        OrderError::Mismatch { contraction: (of > 1).then_some(contraction), what: self }
    }
}

impl From<Mismatch> for OrderError {
    fn from(what: Mismatch) -> OrderError {
        OrderError::Mismatch { contraction: None, what }
    }
}
