//! Facts that errors carry.

use super::kind::{SizeRule, count};
use einfold_ir::{Dtype, Function};
use std::fmt::{self, Display, Formatter};
use thiserror::Error;

/// The level of the language that a text is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    /// Level 1, `ij,jk->ik`.
    Letters,
    /// Level 2, `[i j], [j k] -> [i k]`.
    Named,
    /// Level 3, `Y[i,k] = A[i,j]*B[j,k]`.
    Program,
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

/// What of a size of a program or of named subscripts does not fit.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SizeProblem {
    /// One axis has two sizes.
    #[error("axis `{axis}` has two sizes")]
    Two {
        /// The name of the axis.
        axis: String,
        /// The size that was found first.
        first: usize,
        /// The size that disagrees with it.
        second: usize,
        /// The rule that forbids it.
        rule: SizeRule,
    },
    /// Statements give an axis of their result two sizes.
    #[error("axis {} of `{tensor}` has two sizes", axis + 1)]
    Result {
        /// The tensor that is written.
        tensor: String,
        /// Which of its axes, from 0.
        axis: usize,
        /// The size that was found first.
        first: usize,
        /// The size that disagrees with it.
        second: usize,
        /// The rule that forbids it.
        rule: SizeRule,
    },
    /// The product of the sizes of a group is not the size of its axis.
    #[error("the sizes of a group make {product}, its axis has size {size}")]
    Group {
        /// The product.
        product: usize,
        /// The size of the axis.
        size: usize,
    },
    /// The one unknown size of a group is no integer.
    #[error("an axis of size {size} is no multiple of {product}")]
    Factor {
        /// The product of the known sizes.
        product: usize,
        /// The size of the axis.
        size: usize,
    },
    /// A window begins behind the end of its axis.
    #[error("axis `{axis}` would have size {size}")]
    Negative {
        /// The name of the axis.
        axis: String,
        /// The size that would follow.
        size: i128,
    },
    /// The size of an axis that there is not.
    #[error("{tensor} has {}, so there is no axis {}", count(*rank, "axis"), axis.saturating_add(1))]
    NoAxis {
        /// The tensor, as errors call it.
        tensor: String,
        /// The number of its axes.
        rank: usize,
        /// Which axis was asked for, from 0 as in the text.
        axis: i64,
    },
}

/// What of the element types of a program or of named subscripts does not fit.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TypeProblem {
    /// Two types do not mix.
    #[error("{first} and {second} do not mix")]
    Mix {
        /// The type that comes first.
        first: Dtype,
        /// The type that does not mix with it.
        second: Dtype,
    },
    /// A function or an operator has no meaning on a type.
    #[error("`{}` is not defined on {dtype}", function.name())]
    Function {
        /// The function.
        function: Function,
        /// The type of its arguments together.
        dtype: Dtype,
    },
    /// A reduction has no meaning on a type.
    #[error("`{assign}` is not defined on {dtype}")]
    Assign {
        /// The assignment.
        assign: crate::ast::Assign,
        /// The type of what it reduces.
        dtype: Dtype,
    },
    /// A number does not fit into the type of the expression around it.
    #[error("{dtype} cannot hold {number}")]
    Number {
        /// The number.
        number: String,
        /// The type.
        dtype: Dtype,
    },
    /// An integer has more digits than anything here can hold.
    #[error("this number is too large")]
    LargeNumber,
    /// The type that sums are to be kept in does not hold the operands.
    #[error("{dtype} does not convert to {acc}, in which everything is to be computed")]
    Accumulator {
        /// The type of the operands together.
        dtype: Dtype,
        /// The type that was asked for.
        acc: Dtype,
    },
    /// The condition of `where` is no `bool`.
    #[error("a condition is bool, not {dtype}")]
    Condition {
        /// Its type.
        dtype: Dtype,
    },
    /// A type of the caller's own in a program.
    #[error("programs compute with built-in types, not with {dtype}")]
    Custom {
        /// The type.
        dtype: Dtype,
    },
}

/// What has no meaning together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Feature {
    /// A value for empty groups of a name that `=` defines.
    FillOfEqual,
    /// An algebra for a program, which spells its own.
    AlgebraOfProgram,
}

impl Display for Feature {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Feature::FillOfEqual => "`fill` is for groups; `=` has none",
            Feature::AlgebraOfProgram => "a program spells its sums and products; an algebra is for subscripts",
        })
    }
}
