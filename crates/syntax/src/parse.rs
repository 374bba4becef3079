//! Parsing: chooses the level of a text and reads it. Errors have no suggestions yet.

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
pub(crate) use named::{read as read_named, spaced as read_spaced};
pub(crate) use output::check_output;

use crate::ast::Ast;
use crate::error::{Error, ErrorKind, Level, SyntaxProblem};
use crate::render::Note;
use crate::span::Span;
use crate::{MAX_DEPTH, MAX_TEXT};
use parser::Parsed;

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
pub(crate) fn level(text: &str) -> Level {
    if !text.bytes().any(|byte| matches!(byte, b'=' | b'[')) {
        return Level::Letters;
    }
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
