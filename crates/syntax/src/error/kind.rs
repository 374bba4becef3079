//! The kinds of errors.

use super::details::{Feature, LabeledAxis, SizeProblem, SizeRule, TypeProblem, count};
use super::problem::SyntaxProblem;
use crate::ast::NameClass;
use einfold_ir::{Algebra, Dtype};
use thiserror::Error;

/// The kind of an error. Operands and axes are counted from 0 here, and from 1 in messages.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The text is not in the language.
    #[error("{problem}")]
    Syntax {
        /// The violated rule of the grammar.
        problem: SyntaxProblem,
    },
    /// The requested options cannot be combined.
    #[error("{feature}")]
    Unsupported {
        /// The combination.
        feature: Feature,
    },
    /// The number of operands is not the number of input terms.
    #[error("the expression has {}, {given} given", count(*expected, "operand"))]
    Operands {
        /// The number of input terms.
        expected: usize,
        /// The number of operands.
        given: usize,
    },
    /// The number of axes of an operand does not match the labels of its term.
    #[error("operand {} has {}, its term {}", operand + 1, count(*given, "axis"), labels(*expected, *ellipsis))]
    Rank {
        /// The operand.
        operand: usize,
        /// The number of labels of its term.
        expected: usize,
        /// The number of its axes.
        given: usize,
        /// Whether the term has an ellipsis, so that additional axes are allowed.
        ellipsis: bool,
    },
    /// Axes of one label have different sizes.
    #[error("axis `{label}` has two sizes")]
    Size {
        /// The label as written; `...` for an axis of an ellipsis.
        label: String,
        /// The first axis with the label.
        first: LabeledAxis,
        /// The axis with another size.
        second: LabeledAxis,
        /// The violated rule.
        rule: SizeRule,
    },
    /// The number of indices of a tensor, in a program or in named subscripts, does not match the number of its axes.
    #[error("{tensor} has {}, here {}", count(*given, "axis"), indices(*expected, *ellipsis))]
    TensorRank {
        /// The tensor as named in errors: its name, or the number of the operand.
        tensor: String,
        /// The number of indices.
        expected: usize,
        /// The number of its axes.
        given: usize,
        /// Whether the indices contain an ellipsis, so that additional axes are allowed.
        ellipsis: bool,
    },
    /// Sizes of a program or of named subscripts contradict each other.
    #[error("{problem}")]
    Sizes {
        /// The contradiction.
        problem: SizeProblem,
    },
    /// The size of an axis is unknown.
    #[error("the size of {axis} is unknown")]
    Unresolved {
        /// The axis as named in errors: by its name, or by its position in the written tensor.
        axis: String,
    },
    /// A size parameter has no value, or a value is given for a name that is not a size parameter.
    #[error("{}", unknown_size(name, *given))]
    UnknownSize {
        /// The name.
        name: String,
        /// Whether a value is given for it.
        given: bool,
    },
    /// A size depends on the elements of an index tensor, so there is no plan before they are known.
    #[error("the size of axis {} of `{tensor}` depends on an index tensor", axis + 1)]
    DataDependentShape {
        /// The written tensor.
        tensor: String,
        /// Its axis, from 0.
        axis: usize,
    },
    /// An ellipsis covers axes, and the output has no ellipsis.
    #[error("`...` covers {} that the output omits", count(*axes, "axis"))]
    EllipsisDropped {
        /// The number of axes that it covers, in the first operand or at most.
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
    /// The dtypes of the operands have no common dtype.
    #[error("{} and {} do not mix", first.1, second.1)]
    DType {
        /// An operand and its dtype.
        first: (usize, Dtype),
        /// An operand whose dtype does not promote with the first.
        second: (usize, Dtype),
    },
    /// Dtypes of a program or of named subscripts contradict each other.
    #[error("{problem}")]
    Types {
        /// The contradiction.
        problem: TypeProblem,
    },
    /// The elements of an index tensor are not integers.
    #[error("{tensor} is {dtype}, so its elements cannot be indices")]
    IndexDType {
        /// The tensor as named in errors.
        tensor: String,
        /// Its dtype.
        dtype: Dtype,
    },
    /// Positions that the text determines are outside an axis.
    #[error("positions along axis {} of {tensor} run over {low}..={high}, outside 0..{size}", axis + 1)]
    IndexOutOfRange {
        /// The tensor as named in errors.
        tensor: String,
        /// Its axis, from 0.
        axis: usize,
        /// The least position.
        low: i128,
        /// The greatest position.
        high: i128,
        /// The size of the axis.
        size: usize,
    },
    /// `=` may write one position more than once.
    #[error("`{name}` may be written more than once at a position, which `=` does not allow")]
    ScatterNeedsReduction {
        /// The written tensor.
        name: String,
    },
    /// The sum over an axis is ambiguous.
    #[error("the sum is ambiguous over `{axis}`")]
    AmbiguousSum {
        /// The name of the axis.
        axis: String,
    },
    /// The algebra is not defined on the dtype.
    #[error("{algebra} is not defined on {dtype}")]
    Algebra {
        /// The algebra.
        algebra: Algebra,
        /// The common dtype of the operands.
        dtype: Dtype,
    },
    /// A name of a program is a reserved word.
    #[error("`{name}` is reserved")]
    Reserved {
        /// The word.
        name: String,
    },
    /// A program calls an unknown function.
    #[error("there is no function `{name}`")]
    UnknownFunction {
        /// The name as written.
        name: String,
    },
    /// A name has two classes: axis, tensor or size.
    #[error("`{name}` is {first} and {second}")]
    NameClass {
        /// The name as written.
        name: String,
        /// The class of its first use.
        first: NameClass,
        /// The other class.
        second: NameClass,
    },
    /// A tensor is used as an index without brackets.
    #[error("`{name}` is a tensor, not an axis")]
    IndexIsTensor {
        /// The name as written.
        name: String,
    },
    /// The program computes an index tensor.
    #[error("`{name}` is computed, so its elements cannot be indices")]
    IndexComputed {
        /// The name as written.
        name: String,
    },
    /// A name is read before it is defined.
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
    /// A statement contributes to a name after its first read, or by another assignment than the statements before it.
    #[error("`{name}` is already defined")]
    Redefined {
        /// The name as written.
        name: String,
    },
    /// A tensor has more bytes than can be addressed.
    #[error("a tensor would have more bytes than can be addressed")]
    TooLarge {
        /// The extents of its axes.
        shape: Vec<usize>,
        /// Its dtype.
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

    /// The code of the kind: stable, in kebab case. Kinds for the same error on different levels share a code.
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

fn unknown_size(name: &str, given: bool) -> String {
    if given { format!("no size is named `{name}`") } else { format!("size parameter `{name}` has no value") }
}

fn indices(n: usize, ellipsis: bool) -> String {
    format!("{}{}", if ellipsis { "at least " } else { "" }, count(n, "index"))
}

fn labels(n: usize, ellipsis: bool) -> String {
    format!("{}{}", if ellipsis { "at least " } else { "" }, count(n, "label"))
}
