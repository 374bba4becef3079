//! From text to [`Ast`]: chooses the level and reads it.

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

/// Reads a text of the language. Characters that NumPy never accepts choose the level: a text with `=` is a program, else with
/// `[` named subscripts, else a subscript string. Comments, `#` to the end of the line, are no part of a program or of named
/// subscripts, and do not count here.
///
/// A subscript string is read as NumPy's `einsum` reads it by default: white space is U+0020 only and may stand between
/// symbols, a term may be empty (a scalar) and may have one `...`. In named subscripts, white space is all of Unicode's. In a
/// program, a line end separates statements, but not in brackets and not after an operator, a comma or an assignment sign.
///
/// # Errors
/// [`ErrorKind::Syntax`] with the place where the grammar is left; [`ErrorKind::OutputRepeated`] and
/// [`ErrorKind::OutputUnknown`] for an axis of the output; for programs also [`ErrorKind::Reserved`],
/// [`ErrorKind::UnknownFunction`], and what [`Names`](crate::Names) says of the names.
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

/// As [`parse`], for a text that is short enough, and without advice in the error.
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

/// Refuses a text so long that its places would not fit a [`Span`].
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
