//! The details of error kinds.

use einfold_ir::{Dtype, Function};
use std::fmt::{self, Display, Formatter};
use thiserror::Error;

/// The level of the language of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    /// Level 1, `ij,jk->ik`.
    Letters,
    /// Level 2, `[i j], [j k] -> [i k]`.
    Named,
    /// Level 3, `Y[i,k] = A[i,j]*B[j,k]`.
    Program,
}

/// An axis with a label, and its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LabeledAxis {
    /// The operand, from 0.
    pub operand: usize,
    /// Its axis, from 0.
    pub axis: usize,
    /// Its size.
    pub size: usize,
}

/// The rule by which sizes of one label agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SizeRule {
    /// Between operands: sizes are equal, or one of them is 1 and broadcasts.
    Broadcast,
    /// Within one operand: sizes are equal, for the label takes the diagonal.
    Diagonal,
    /// Between operands with the option `strict`: sizes are equal.
    Strict,
    /// With a declared size: the sizes of operands are equal to it, or 1 and broadcast.
    Declared,
}

/// A contradiction between sizes of a program or of named subscripts.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SizeProblem {
    /// One axis has two sizes.
    #[error("axis `{axis}` has two sizes")]
    Two {
        /// The name of the axis.
        axis: String,
        /// The first size.
        first: usize,
        /// The size that contradicts it.
        second: usize,
        /// The violated rule.
        rule: SizeRule,
    },
    /// Statements give an axis of their result two sizes.
    #[error("axis {} of `{tensor}` has two sizes", axis + 1)]
    Result {
        /// The written tensor.
        tensor: String,
        /// Its axis, from 0.
        axis: usize,
        /// The first size.
        first: usize,
        /// The size that contradicts it.
        second: usize,
        /// The violated rule.
        rule: SizeRule,
    },
    /// The product of the sizes of merged axes is not the size of their axis.
    #[error("the sizes of merged axes multiply to {product}, but their axis has size {size}")]
    Merged {
        /// The product.
        product: usize,
        /// The size of the axis.
        size: usize,
    },
    /// The one unknown size of merged axes is not an integer.
    #[error("the size {size} of merged axes is not a multiple of {product}")]
    Factor {
        /// The product of the known sizes.
        product: usize,
        /// The size of the axis.
        size: usize,
    },
    /// A window starts beyond the end of its axis.
    #[error("axis `{axis}` would have size {size}")]
    Negative {
        /// The name of the axis.
        axis: String,
        /// The size that would result.
        size: i128,
    },
    /// `size` with an axis that the tensor lacks.
    #[error("{tensor} has {}, so there is no axis {}", count(*rank, "axis"), axis.saturating_add(1))]
    NoAxis {
        /// The tensor as named in errors.
        tensor: String,
        /// The number of its axes.
        rank: usize,
        /// The requested axis, from 0 as in the text.
        axis: i64,
    },
}

/// A contradiction between dtypes of a program or of named subscripts.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TypeProblem {
    /// Two dtypes have no common dtype.
    #[error("{first} and {second} do not mix")]
    Mix {
        /// The first dtype.
        first: Dtype,
        /// The dtype that does not promote with it.
        second: Dtype,
    },
    /// A function or an operator is not defined on a dtype.
    #[error("`{}` is not defined on {dtype}", function.name())]
    Function {
        /// The function.
        function: Function,
        /// The common dtype of its arguments.
        dtype: Dtype,
    },
    /// A reduction is not defined on a dtype.
    #[error("`{assign}` is not defined on {dtype}")]
    Assign {
        /// The assignment.
        assign: crate::ast::Assign,
        /// The dtype of the reduced values.
        dtype: Dtype,
    },
    /// A number does not fit into the dtype of the surrounding expression.
    #[error("{dtype} cannot hold {number}")]
    Number {
        /// The number.
        number: String,
        /// The dtype.
        dtype: Dtype,
    },
    /// An integer exceeds every integer dtype.
    #[error("this number is too large")]
    LargeNumber,
    /// The requested dtype does not hold the operands.
    #[error("{dtype} does not convert to {acc}, the requested type")]
    Accumulator {
        /// The common dtype of the operands.
        dtype: Dtype,
        /// The requested dtype.
        acc: Dtype,
    },
    /// The condition of `where` is not `bool`.
    #[error("a condition is bool, not {dtype}")]
    Condition {
        /// Its dtype.
        dtype: Dtype,
    },
    /// A user's dtype in a program.
    #[error("programs compute with built-in types, not with {dtype}")]
    Custom {
        /// The dtype.
        dtype: Dtype,
    },
}

/// Options that cannot be combined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Feature {
    /// A value for empty groups of a name that `=` defines.
    FillOfEqual,
    /// An algebra for a program.
    AlgebraOfProgram,
}

impl Display for Feature {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Feature::FillOfEqual => "`fill` sets the value of empty groups, and `=` has no groups",
            Feature::AlgebraOfProgram => "an algebra applies to subscripts only; a program writes its operations",
        })
    }
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
