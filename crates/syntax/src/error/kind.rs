//! The kinds of errors, with their facts.

use super::details::{Feature, NameClass, SizeProblem, TypeProblem};
use super::problem::SyntaxProblem;
use einfold_ir::{Algebra, Dtype};
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
    /// What is asked for has no meaning together.
    #[error("{feature}")]
    Unsupported {
        /// What it is.
        feature: Feature,
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
        first: LabeledAxis,
        /// The axis that disagrees with it.
        second: LabeledAxis,
        /// The rule that forbids it.
        rule: SizeRule,
    },
    /// A tensor of a program or of named subscripts has more or fewer axes than indices, or than it has elsewhere.
    #[error("{tensor} has {}, here {}", count(*given, "axis"), indices(*expected, *ellipsis))]
    TensorRank {
        /// The tensor, as errors call it: its name, or which operand it is.
        tensor: String,
        /// The number of indices.
        expected: usize,
        /// The number of its axes.
        given: usize,
        /// Whether there is an ellipsis among the indices, so that more axes are fine.
        ellipsis: bool,
    },
    /// A size of a program or of named subscripts does not fit.
    #[error("{problem}")]
    Sizes {
        /// What does not fit.
        problem: SizeProblem,
    },
    /// Nothing tells the size of an axis.
    #[error("nothing tells the size of {axis}")]
    Unresolved {
        /// The axis, as errors call it: by its name, or by its place in a tensor that is written.
        axis: String,
    },
    /// A size parameter has no value, or a value is given for none.
    #[error("`{name}` is no size that has a value")]
    UnknownSize {
        /// The name.
        name: String,
    },
    /// Only the ids tell a size, so that there is no plan before they are known.
    #[error("the size of axis {} of `{tensor}` depends on the ids", axis + 1)]
    DataDependentShape {
        /// The tensor that is written.
        tensor: String,
        /// Which of its axes, from 0.
        axis: usize,
    },
    /// An ellipsis covers axes, and the output has none.
    #[error("`...` covers {} that the output drops", count(*axes, "axis"))]
    EllipsisDropped {
        /// How many axes it covers, in the first operand or where it covers most.
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
    /// The element types of a program or of named subscripts do not fit.
    #[error("{problem}")]
    Types {
        /// What does not fit.
        problem: TypeProblem,
    },
    /// The elements of an index tensor are no integers.
    #[error("{tensor} is {dtype}, so its elements cannot be indices")]
    IndexDType {
        /// The tensor, as errors call it.
        tensor: String,
        /// Its element type.
        dtype: Dtype,
    },
    /// Positions that the text alone decides leave an axis.
    #[error("positions along axis {} of {tensor} run over {low}..={high}, outside 0..{size}", axis + 1)]
    IndexOutOfRange {
        /// The tensor, as errors call it.
        tensor: String,
        /// Which of its axes, from 0.
        axis: usize,
        /// The least position.
        low: i128,
        /// The greatest position.
        high: i128,
        /// The size of the axis.
        size: usize,
    },
    /// `=` writes positions that may meet.
    #[error("`{name}` is written at positions that may meet, so `=` does not say what it is")]
    ScatterNeedsReduction {
        /// The tensor that is written.
        name: String,
    },
    /// An axis is summed over in some reading only.
    #[error("it is not clear what is summed over `{axis}`")]
    AmbiguousSum {
        /// The name of the axis.
        axis: String,
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
    /// An operand is given for a name that the program defines.
    #[error("`{name}` is defined by the program, and given as an operand")]
    NameIsInput {
        /// The name.
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
    pub const CODES: [&'static str; 26] = [
        "syntax",
        "unsupported",
        "operands",
        "rank",
        "size",
        "unresolved",
        "unknown-size",
        "data-dependent-shape",
        "ellipsis-dropped",
        "output-repeated",
        "output-unknown",
        "dtype",
        "index-dtype",
        "index-out-of-range",
        "scatter-needs-reduction",
        "ambiguous-sum",
        "algebra",
        "reserved",
        "unknown-function",
        "name-class",
        "index-is-tensor",
        "index-computed",
        "unknown-name",
        "name-is-input",
        "redefined",
        "too-large",
    ];

    /// The name of the kind: stable, in kebab case. Kinds that say the same of different levels have the same.
    pub fn code(&self) -> &'static str {
        let position = match self {
            ErrorKind::Syntax { .. } => 0,
            ErrorKind::Unsupported { .. } => 1,
            ErrorKind::Operands { .. } => 2,
            ErrorKind::Rank { .. } | ErrorKind::TensorRank { .. } => 3,
            ErrorKind::Size { .. } | ErrorKind::Sizes { .. } => 4,
            ErrorKind::Unresolved { .. } => 5,
            ErrorKind::UnknownSize { .. } => 6,
            ErrorKind::DataDependentShape { .. } => 7,
            ErrorKind::EllipsisDropped { .. } => 8,
            ErrorKind::OutputRepeated { .. } => 9,
            ErrorKind::OutputUnknown { .. } => 10,
            ErrorKind::DType { .. } | ErrorKind::Types { .. } => 11,
            ErrorKind::IndexDType { .. } => 12,
            ErrorKind::IndexOutOfRange { .. } => 13,
            ErrorKind::ScatterNeedsReduction { .. } => 14,
            ErrorKind::AmbiguousSum { .. } => 15,
            ErrorKind::Algebra { .. } => 16,
            ErrorKind::Reserved { .. } => 17,
            ErrorKind::UnknownFunction { .. } => 18,
            ErrorKind::NameClass { .. } => 19,
            ErrorKind::IndexIsTensor { .. } => 20,
            ErrorKind::IndexComputed { .. } => 21,
            ErrorKind::UnknownName { .. } => 22,
            ErrorKind::NameIsInput { .. } => 23,
            ErrorKind::Redefined { .. } => 24,
            ErrorKind::TooLarge { .. } => 25,
        };
        ErrorKind::CODES[position]
    }
}

/// An axis that carries a label, and its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LabeledAxis {
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
    /// A declared size: that of operands is equal, or it is 1 and stretches.
    Declared,
}

/// `1 axis`, `2 axes`.
pub(super) fn count(n: usize, noun: &str) -> String {
    match (n, noun) {
        (1, _) => format!("1 {noun}"),
        (_, "axis") => format!("{n} axes"),
        (_, "index") => format!("{n} indices"),
        _ => format!("{n} {noun}s"),
    }
}

fn indices(n: usize, ellipsis: bool) -> String {
    format!("{}{}", if ellipsis { "at least " } else { "" }, count(n, "index"))
}

fn labels(n: usize, ellipsis: bool) -> String {
    format!("{}{}", if ellipsis { "at least " } else { "" }, count(n, "label"))
}
