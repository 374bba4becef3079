//! The kinds of errors, with their facts.

use crate::render::Visible;
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
    /// The text is of a level that this version does not read.
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
    pub const CODES: [&'static str; 11] = [
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
            ErrorKind::TooLarge { .. } => 10,
        };
        ErrorKind::CODES[position]
    }
}

/// What of the grammar is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SyntaxProblem {
    /// A character that is no label and no symbol.
    #[error("`{}` is not a label", Visible(*.0))]
    NotALabel(
        /// The character.
        char,
    ),
    /// `-` and `>` with white space between them.
    #[error("`->` may not contain a space")]
    SpacedArrow,
    /// `-` without `>`, or `>` without `-`.
    #[error("`{0}` is only half of an arrow")]
    HalfArrow(
        /// The half that is there.
        char,
    ),
    /// Dots that are not exactly three, or have white space between them.
    #[error("dots are written in threes: `...`")]
    Dots,
    /// A second `...` in one term.
    #[error("a term has at most one `...`")]
    SecondEllipsis,
    /// A second `->`.
    #[error("an expression has at most one `->`")]
    SecondArrow,
    /// A comma after the arrow.
    #[error("an expression has one output")]
    SecondOutput,
    /// A parenthesis after the arrow.
    #[error("the output has no parentheses")]
    GroupInOutput,
    /// A group with fewer than two items.
    #[error("parentheses hold at least two terms")]
    SmallGroup,
    /// A label or an ellipsis directly beside a group.
    #[error("a group is a term of its own")]
    GroupInTerm,
    /// A parenthesis that is never closed.
    #[error("a parenthesis is not closed")]
    Unclosed,
    /// A closing parenthesis without an opening one.
    #[error("a parenthesis was not opened")]
    Unopened,
    /// More parentheses inside each other than [`MAX_DEPTH`](crate::MAX_DEPTH).
    #[error("parentheses are nested more than {} deep", crate::MAX_DEPTH)]
    TooDeep,
    /// Integer labels without any operand.
    #[error("an expression has at least one operand")]
    NoOperand,
    /// A text of more bytes than [`MAX_TEXT`](crate::MAX_TEXT).
    #[error("the text has more than {} bytes", crate::MAX_TEXT)]
    TooLong,
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
