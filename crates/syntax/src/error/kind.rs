//! The kinds of errors, with their facts.

use super::problem::SyntaxProblem;
use einfold_ir::{Algebra, Dtype};
use std::fmt::{self, Display, Formatter};
use thiserror::Error;

/// What is wrong. Operands and axes are counted from 0 here, and from 1 in messages.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The text is not in the language.
    #[error("{problem}")]
    Syntax {
        /// What of the grammar is broken.
        problem: SyntaxProblem,
    },
    /// The text is of a level that this version does not give a meaning.
    #[error("{level} are not available in this version")]
    Unsupported {
        /// The level of the language that the text is written in.
        level: Level,
    },
    /// There are more or fewer operands than input terms.
    #[error("the expression has {}, {given} given", count(*expected, "operand"))]
    Operands {
        /// The number of input terms.
        expected: usize,
        /// The number of operands.
        given: usize,
    },
    /// An operand has more or fewer axes than its term has labels.
    #[error("operand {} has {}, its term {}", operand + 1, count(*given, "axis"), labels(*expected, *ellipsis))]
    Rank {
        /// Which operand.
        operand: usize,
        /// The number of labels of its term.
        expected: usize,
        /// The number of its axes.
        given: usize,
        /// Whether the term has an ellipsis, so that more axes than labels are fine.
        ellipsis: bool,
    },
    /// One label names axes of different sizes.
    #[error("axis `{label}` has two sizes")]
    Size {
        /// The label as written; for an axis covered by an ellipsis, `...`.
        label: String,
        /// The first axis that has the label.
        first: Holder,
        /// The axis that disagrees with it.
        second: Holder,
        /// The rule that forbids it.
        rule: SizeRule,
    },
    /// An ellipsis covers axes, and the output has none.
    #[error("`...` covers {} that the output drops", count(*axes, "axis"))]
    EllipsisDropped {
        /// The first operand whose ellipsis covers an axis.
        operand: usize,
        /// How many axes it covers.
        axes: usize,
    },
    /// The output names an axis twice.
    #[error("the output has `{label}` twice")]
    OutputRepeated {
        /// The label as written.
        label: String,
    },
    /// The output names an axis that no operand has.
    #[error("the output has `{label}`, which is in no operand")]
    OutputUnknown {
        /// The label as written.
        label: String,
    },
    /// The element types of the operands do not mix.
    #[error("{} and {} do not mix", first.1, second.1)]
    DType {
        /// An operand and its type.
        first: (usize, Dtype),
        /// An operand whose type does not mix with the first.
        second: (usize, Dtype),
    },
    /// The sum and the product have no meaning on the element type.
    #[error("{algebra} is not defined on {dtype}")]
    Algebra {
        /// The sum and the product.
        algebra: Algebra,
        /// The element type of the operands together.
        dtype: Dtype,
    },
    /// A name of a program is a word of the language.
    #[error("`{name}` is reserved")]
    Reserved {
        /// The word.
        name: String,
    },
    /// A program calls a function that there is not.
    #[error("there is no function `{name}`")]
    UnknownFunction {
        /// The name as written.
        name: String,
    },
    /// A name stands for two things: an axis, a tensor or the size of an axis.
    #[error("`{name}` is {first} and {second}")]
    NameClass {
        /// The name as written.
        name: String,
        /// What it is where it is used first.
        first: NameClass,
        /// What else it is.
        second: NameClass,
    },
    /// A tensor is an index by its bare name.
    #[error("`{name}` is a tensor, not an axis")]
    IndexIsTensor {
        /// The name as written.
        name: String,
    },
    /// A tensor of ids is computed by the program.
    #[error("`{name}` is computed, so its elements cannot be indices")]
    IndexComputed {
        /// The name as written.
        name: String,
    },
    /// A name is read where it has no value yet.
    #[error("`{name}` is not defined here")]
    UnknownName {
        /// The name as written.
        name: String,
    },
    /// A statement contributes to a name that is complete, or in another way than those before it.
    #[error("`{name}` is already defined")]
    Redefined {
        /// The name as written.
        name: String,
    },
    /// A tensor that the expression makes has more bytes than can be addressed.
    #[error("a tensor would have more bytes than can be addressed")]
    TooLarge {
        /// The extents of its axes.
        shape: Vec<usize>,
        /// Its element type.
        dtype: Dtype,
    },
}

impl ErrorKind {
    /// The codes of all kinds, in the order of the enumeration.
    pub const CODES: [&'static str; 18] = [
        "syntax",
        "unsupported",
        "operands",
        "rank",
        "size",
        "ellipsis-dropped",
        "output-repeated",
        "output-unknown",
        "dtype",
        "algebra",
        "reserved",
        "unknown-function",
        "name-class",
        "index-is-tensor",
        "index-computed",
        "unknown-name",
        "redefined",
        "too-large",
    ];

    /// The name of the kind: stable, in kebab case.
    pub fn code(&self) -> &'static str {
        let position = match self {
            ErrorKind::Syntax { .. } => 0,
            ErrorKind::Unsupported { .. } => 1,
            ErrorKind::Operands { .. } => 2,
            ErrorKind::Rank { .. } => 3,
            ErrorKind::Size { .. } => 4,
            ErrorKind::EllipsisDropped { .. } => 5,
            ErrorKind::OutputRepeated { .. } => 6,
            ErrorKind::OutputUnknown { .. } => 7,
            ErrorKind::DType { .. } => 8,
            ErrorKind::Algebra { .. } => 9,
            ErrorKind::Reserved { .. } => 10,
            ErrorKind::UnknownFunction { .. } => 11,
            ErrorKind::NameClass { .. } => 12,
            ErrorKind::IndexIsTensor { .. } => 13,
            ErrorKind::IndexComputed { .. } => 14,
            ErrorKind::UnknownName { .. } => 15,
            ErrorKind::Redefined { .. } => 16,
            ErrorKind::TooLarge { .. } => 17,
        };
        ErrorKind::CODES[position]
    }
}

/// The level of the language that a text is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Level {
    /// Level 1, `ij,jk->ik`.
    Letters,
    /// Level 2, `[i j], [j k] -> [i k]`.
    Named,
    /// Level 3, `Y[i,k] = A[i,j]*B[j,k]`.
    Program,
}

impl Display for Level {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Level::Letters => "subscript strings (level 1)",
            Level::Named => "named subscripts (level 2)",
            Level::Program => "programs (level 3)",
        })
    }
}

/// What a name of a program stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameClass {
    /// An axis: the name is an index by itself.
    Axis,
    /// A tensor: the name is read or written.
    Tensor,
    /// A size parameter: the name stands after `:`.
    Size,
}

impl Display for NameClass {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NameClass::Axis => "an axis",
            NameClass::Tensor => "a tensor",
            NameClass::Size => "a size",
        })
    }
}

/// An axis that carries a label, and its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Which operand, from 0.
    pub operand: usize,
    /// Which axis of it, from 0.
    pub axis: usize,
    /// Its size.
    pub size: usize,
}

/// Which sizes of one label agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SizeRule {
    /// Between operands: equal sizes, or one of them is 1 and stretches.
    Stretch,
    /// Within one operand: equal sizes only, for the label takes the diagonal.
    Diagonal,
    /// Between operands with the option `strict`: equal sizes only.
    Strict,
}

/// `1 axis`, `2 axes`.
fn count(n: usize, noun: &str) -> String {
    match (n, noun) {
        (1, _) => format!("1 {noun}"),
        (_, "axis") => format!("{n} axes"),
        _ => format!("{n} {noun}s"),
    }
}

fn labels(n: usize, ellipsis: bool) -> String {
    format!("{}{}", if ellipsis { "at least " } else { "" }, count(n, "label"))
}
