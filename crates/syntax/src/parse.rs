//! Parsing: chooses the level of a text and reads it.

mod corrections;
mod errors;
mod expected;
mod expr;
mod hint;
mod index;
mod letters;
mod letters_errors;
mod lex;
mod named;
mod output;
mod parser;
mod program;
mod synonyms;

pub(crate) use letters::parse as read_letters;
pub use named::parse_spaced;
pub(crate) use named::read as read_named;
pub(crate) use output::check_output;

use crate::ast::Ast;
use crate::error::{Error, ErrorKind, Level, SyntaxProblem};
use crate::render::Note;
use crate::span::Span;
use crate::suggest;
use crate::{MAX_DEPTH, MAX_TEXT};
use parser::Parsed;

/// Parses a text of the language. Characters that NumPy never accepts choose the level: a text with `=` is a program,
/// else a text with `[` is named subscripts, else it is a subscript string. Programs and named subscripts have
/// comments, from `#` to the end of the line; the characters in them do not count.
///
/// Subscript strings follow the defaults of NumPy's `einsum`: white space is U+0020 only and may stand between symbols;
/// a term may be empty (a scalar) and may have one `...`. Named subscripts allow all Unicode white space. In programs a
/// line end separates statements, except in brackets and after an operator, a comma or an assignment.
///
/// # Errors
/// [`ErrorKind::Syntax`] at the first position outside the grammar; [`ErrorKind::OutputRepeated`] and
/// [`ErrorKind::OutputUnknown`] for an axis of the output; for programs also [`ErrorKind::Reserved`],
/// [`ErrorKind::UnknownFunction`] and violations of the invariants of [`Names`](crate::Names).
///
/// ```
/// use einfold_syntax::{Ast, parse};
///
/// assert_eq!(parse("[row col], [col] -> [row]")?.to_string(), "[row col], [col] -> [row]");
/// let Ast::Program(program) = parse("Y[seg[n], f] += X[n, f]  # segment sum")? else { panic!() };
/// assert_eq!(program.to_string(), "Y[seg[n],f] += X[n,f]");
/// # Ok::<(), einfold_syntax::Error>(())
/// ```
pub fn parse(text: &str) -> Result<Ast, Error> {
    check_length(text)?;
    read(text).map_err(|error| suggest::for_text(error, level(text)))
}

/// Parses a text within the length limit, without suggestions in the error.
pub(crate) fn read(text: &str) -> Result<Ast, Error> {
    self::text(text)
}

/// `text = letters | named | program`.
fn text(text: &str) -> Parsed<Ast> {
    match level(text) {
        Level::Letters => {
            let subscripts = letters::parse(text)?;
            check_output(&subscripts)?;
            Ok(Ast::Letters(subscripts))
        }
        Level::Named => named::parse(text),
        Level::Program => program::parse(text),
    }
}

/// Checks that the positions of a text fit a [`Span`].
pub(crate) fn check_length(text: &str) -> Result<(), Error> {
    if text.len() <= MAX_TEXT {
        return Ok(());
    }
    let kind = ErrorKind::Syntax { problem: SyntaxProblem::TooLong };
    Err(Error::new(kind, "").help("split the expression into several"))
}

/// The level of a text.
fn level(text: &str) -> Level {
    let (mut comment, mut bracket) = (false, false);
    for byte in text.bytes() {
        match byte {
            b'\n' => comment = false,
            _ if comment => {}
            b'#' => comment = true,
            b'=' => return Level::Program,
            b'[' => bracket = true,
            _ => {}
        }
    }
    if bracket { Level::Named } else { Level::Letters }
}

#[cfg(test)]
mod tests;
