//! Violations of the grammar.

use crate::ast::Assign;
use crate::render::Visible;
use einfold_ir::Function;
use std::fmt::{self, Display, Formatter};
use thiserror::Error;

/// A violated rule of the grammar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SyntaxProblem {
    /// A character that is neither a label nor a symbol.
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
        /// The half that is present.
        char,
    ),
    /// Dots that are not exactly three, or have white space between them.
    #[error("an ellipsis is three dots: `...`")]
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
    /// A label or an ellipsis next to a group.
    #[error("a group is a term of its own")]
    GroupInTerm,
    /// A parenthesis that is not closed.
    #[error("a parenthesis is not closed")]
    Unclosed,
    /// A closing parenthesis without an opening one.
    #[error("a parenthesis was not opened")]
    Unopened,
    /// Parentheses, brackets or signs nested more than [`MAX_DEPTH`](crate::MAX_DEPTH) deep.
    #[error("the text is nested more than {} deep", crate::MAX_DEPTH)]
    TooDeep,
    /// Integer labels without operands.
    #[error("an expression has at least one operand")]
    NoOperand,
    /// A text with more than [`MAX_TEXT`](crate::MAX_TEXT) bytes.
    #[error("the text has more than {} bytes", crate::MAX_TEXT)]
    TooLong,
    /// Another token than the grammar allows.
    #[error("expected {expected}, found {found}")]
    Expected {
        /// What the grammar allows, in words.
        expected: &'static str,
        /// The token that was found.
        found: FoundToken,
    },
    /// A bracket that is not closed.
    #[error("a bracket is not closed")]
    UnclosedBracket,
    /// A closing bracket without an opening one.
    #[error("a bracket was not opened")]
    UnopenedBracket,
    /// A malformed number: digits directly followed by a letter or a second point.
    #[error("this is not a number")]
    NotANumber,
    /// An integer of an index or a size, or a product of two coefficients, exceeds `i64`.
    #[error("an integer is more than {}", i64::MAX)]
    LargeInteger,
    /// `0*i` in an index.
    #[error("a coefficient must not be 0")]
    ZeroCoefficient,
    /// A size of `...` on the left.
    #[error("`...` has no size of its own")]
    SizeOfEllipsis,
    /// An assignment with white space in it, as in `max =`.
    #[error("`{0}` may not contain a space")]
    SpacedAssign(
        /// The assignment.
        Assign,
    ),
    /// A function call with the wrong number of arguments.
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

/// The token found in a grammar error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FoundToken {
    /// A character that begins no token of the level.
    Char(char),
    /// A symbol of the language.
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
