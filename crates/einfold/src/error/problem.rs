//! Invalid names, constants and recipes.

use thiserror::Error;

/// Why operands cannot be bound as constants. Positions start at 0 here and at 1 in messages.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ConstantsProblem {
    /// A position has no operand.
    #[error("there is no operand {}, the plan is for {operands}", position + 1)]
    Position {
        /// The position.
        position: usize,
        /// The number of operands.
        operands: usize,
    },
    /// A position occurs twice.
    #[error("operand {} is given twice", position + 1)]
    Twice {
        /// The position.
        position: usize,
    },
    /// The number of positions differs from the number of operands.
    #[error("{positions} positions are given, and {given} operands for them")]
    Count {
        /// The number of positions.
        positions: usize,
        /// The number of operands.
        given: usize,
    },
    /// An operand has the name of another operand than the one at its position.
    #[error("the operand named `{name}` is given for operand {}", position + 1)]
    Name {
        /// The name.
        name: String,
        /// The position.
        position: usize,
    },
    /// The plan already has constants.
    #[error("some operands of the plan are constants already")]
    Again,
}

/// A problem with the names of operands or results.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NamesProblem {
    /// Two operands have the same name.
    #[error("two operands are named `{name}`")]
    Twice {
        /// The name.
        name: String,
    },
    /// An operand without a name is passed together with named operands.
    #[error("operand {} has no name, others have", operand + 1)]
    Unnamed {
        /// The number of the operand.
        operand: usize,
    },
    /// An operand of subscripts has a name; only programs have named operands.
    #[error("an operand is named `{name}`, and the expression names no operands")]
    NotAProgram {
        /// The name.
        name: String,
    },
    /// An option names a tensor, and subscripts have no named tensors.
    #[error("an option is about `{name}`, and the expression names no tensors")]
    NoTensor {
        /// The name.
        name: String,
    },
    /// No result has this name, or the result has been taken already.
    #[error("there is no result `{name}`")]
    NoResult {
        /// The name.
        name: String,
        /// The names of the remaining results.
        there: Vec<String>,
    },
}

impl NamesProblem {
    /// How to fix the problem.
    pub(super) fn help(&self) -> Option<String> {
        Some(match self {
            NamesProblem::Twice { .. } => "give each operand once".into(),
            NamesProblem::Unnamed { .. } => {
                "name all operands, as the program does, or none: then they are in the order of its names".into()
            }
            NamesProblem::NotAProgram { .. } => "give the operands in the order of the terms, without names".into(),
            NamesProblem::NoTensor { .. } => "write a program: `Y[g[n]] += X[n]`".into(),
            NamesProblem::NoResult { there, .. } if there.is_empty() => return None,
            NamesProblem::NoResult { there, .. } => format!("there are {}", there.join(", ")),
        })
    }
}

/// Why a text is not a valid recipe.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RecipeProblem {
    /// The text is not JSON, or a field is missing or has the wrong type; the message of the parser.
    #[error("{0}")]
    Malformed(String),
    /// The recipe has an unsupported version of the format.
    #[error("its version is {found}, this program reads version {expected}")]
    Version {
        /// The version of the recipe.
        found: u64,
        /// The supported version.
        expected: u64,
    },
    /// The recipe has an unknown dtype, of this name.
    #[error("`{0}` is not an element type")]
    Dtype(String),
    /// The recipe has an unknown pass, of this name.
    #[error("`{0}` is not a pass")]
    Pass(String),
    /// The recipe needs a semiring that was not passed, the algebra of this name.
    #[error("it needs the algebra `{0}`")]
    Algebra(String),
    /// The cost of the new plan differs from the cost in the recipe.
    #[error("the saved plan takes {recorded} flops, this program plans {planned}")]
    Cost {
        /// The cost in the recipe.
        recorded: String,
        /// The cost of the new plan.
        planned: String,
    },
}
