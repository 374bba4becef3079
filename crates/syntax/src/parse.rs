//! From text to [`Ast`]: chooses the level and reads it.

mod diagnose;
mod letters;
mod output;

pub(crate) use output::check_output;

use crate::ast::Ast;
use crate::error::{Error, ErrorKind, Level, SyntaxProblem};
use crate::render::Note;
use crate::span::Span;
use crate::{MAX_DEPTH, MAX_TEXT};

/// Reads a text of the language.
///
/// A text with `=` is a program, else with `[` named subscripts, else a subscript string, read as NumPy's `einsum` reads it by
/// default: white space is U+0020 only and may stand between symbols, a term may be empty (a scalar) and may have one `...`.
///
/// # Errors
/// [`ErrorKind::Syntax`] with the place where the grammar is left; [`ErrorKind::OutputRepeated`] and
/// [`ErrorKind::OutputUnknown`] for a label of the output; [`ErrorKind::Unsupported`] for the levels to come.
pub fn parse(text: &str) -> Result<Ast, Error> {
    check_length(text)?;
    match level(text) {
        (Level::Letters, _) => {
            let subscripts = letters::parse(text)?;
            check_output(&subscripts)?;
            Ok(Ast::Letters(subscripts))
        }
        (level, sign) => Err(unsupported(text, level, sign)),
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

/// The level of a text, by characters that NumPy never accepts, and the character that decided it. Comments do not count.
fn level(text: &str) -> (Level, Span) {
    let find = |wanted: u8| {
        let mut comment = false;
        text.bytes().position(|byte| {
            comment = byte != b'\n' && (comment || byte == b'#');
            byte == wanted && !comment
        })
    };
    let sign = |at: usize| Span::new(at as u32, at as u32 + 1);
    match (find(b'='), find(b'[')) {
        (Some(at), _) => (Level::Program, sign(at)),
        (None, Some(at)) => (Level::Named, sign(at)),
        (None, None) => (Level::Letters, Span::default()),
    }
}

fn unsupported(text: &str, level: Level, sign: Span) -> Error {
    let symbol = &text[sign.range()];
    let error =
        Error::new(ErrorKind::Unsupported { level }, text).note(Note::new(sign, format!("because of this `{symbol}`")));
    match text.as_bytes().get(sign.end as usize) {
        Some(b'>') => error.help("the arrow is written `->`"),
        _ => error.help("write one letter an axis, as in `ij,jk->ik`"),
    }
}
