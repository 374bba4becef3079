//! Errors of binding constant operands.

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
    /// The plan already has constants.
    #[error("some operands of the plan are constants already")]
    Again,
}
