//! What can be wrong with the grammar of a text.

use crate::ast::Assign;
use crate::render::Visible;
use einfold_ir::Function;
use std::fmt::{self, Display, Formatter};
use thiserror::Error;

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
    /// More parentheses, brackets or signs inside each other than [`MAX_DEPTH`](crate::MAX_DEPTH).
    #[error("the text is nested more than {} deep", crate::MAX_DEPTH)]
    TooDeep,
    /// Integer labels without any operand.
    #[error("an expression has at least one operand")]
    NoOperand,
    /// A text of more bytes than [`MAX_TEXT`](crate::MAX_TEXT).
    #[error("the text has more than {} bytes", crate::MAX_TEXT)]
    TooLong,
    /// Something else than what can stand here.
    #[error("expected {expected}, found {found}")]
    Expected {
        /// What can stand here, for people.
        expected: &'static str,
        /// What stands here.
        found: FoundToken,
    },
    /// A bracket that is never closed.
    #[error("a bracket is not closed")]
    UnclosedBracket,
    /// A closing bracket without an opening one.
    #[error("a bracket was not opened")]
    UnopenedBracket,
    /// Digits that run into a letter or a second point.
    #[error("this is not a number")]
    NotANumber,
    /// An integer of an index or a size, or a product of two coefficients, that is too large.
    #[error("an integer is more than {}", i64::MAX)]
    LargeInteger,
    /// `0*i` in an index.
    #[error("a coefficient is not 0")]
    ZeroCoefficient,
    /// `...:3` on the left.
    #[error("`...` has no size of its own")]
    SizeOfEllipsis,
    /// An assignment sign with white space in it, as in `max =`.
    #[error("`{0}` may not contain a space")]
    SpacedAssign(
        /// The sign.
        Assign,
    ),
    /// A function with more or fewer arguments than it takes.
    #[error("`{}` takes {}, not {given}", function.name(), arguments(*function))]
    Arguments {
        /// The function.
        function: Function,
        /// The number of arguments.
        given: usize,
    },
}

fn arguments(function: Function) -> &'static str {
    match (function, function.arity()) {
        (Function::Max | Function::Min, _) => "two arguments or more",
        (_, 1) => "one argument",
        (_, 2) => "two arguments",
        _ => "three arguments",
    }
}

/// What stands where something else should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FoundToken {
    /// A character that no text of this level has here.
    Char(char),
    /// A sign of the language.
    Symbol(&'static str),
    /// A name.
    Name,
    /// A number.
    Number,
    /// The end of the line, which ends a statement.
    EndOfLine,
    /// The end of the text.
    EndOfText,
}

impl Display for FoundToken {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            FoundToken::Char(c) => write!(f, "`{}`", Visible(*c)),
            FoundToken::Symbol(symbol) => write!(f, "`{symbol}`"),
            FoundToken::Name => f.write_str("a name"),
            FoundToken::Number => f.write_str("a number"),
            FoundToken::EndOfLine => f.write_str("the end of the line"),
            FoundToken::EndOfText => f.write_str("the end of the text"),
        }
    }
}
