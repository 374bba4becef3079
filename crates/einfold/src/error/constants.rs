//! What is wrong with the operands that are given once.

use thiserror::Error;

/// Why operands cannot be constants. Positions are counted from 0 here, and from 1 in messages.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ConstantsProblem {
    /// There is no operand at a position.
    #[error("there is no operand {}, the plan is for {operands}", position + 1)]
    Position {
        /// The position.
        position: usize,
        /// How many operands there are.
        operands: usize,
    },
    /// A position is there twice.
    #[error("operand {} is given twice", position + 1)]
    Twice {
        /// The position.
        position: usize,
    },
    /// There are more or fewer positions than operands.
    #[error("{positions} positions are given, and {given} operands for them")]
    Count {
        /// How many positions.
        positions: usize,
        /// How many operands.
        given: usize,
    },
    /// The plan was made with constants, and does not have those operands any more.
    #[error("some operands of the plan are constants already")]
    Again,
}
