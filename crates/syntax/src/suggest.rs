//! What was probably meant by a text that is refused: complete texts that do it, to be pasted.
//!
//! Errors *offer* such texts; an offer that can be read becomes a suggestion when the error leaves this crate. What is wrong
//! with a text is found in [`parse`](crate::parse) and [`resolve`](crate::resolve); this module reads a refused text once more,
//! and only to add_candidates.

mod brackets;
mod edit;
mod einops;
mod letters;
mod statement;

pub(crate) use edit::{Edit, free, names};
pub(crate) use einops::{EinopsText, add_einops_candidates};
pub(crate) use letters::summed;
pub(crate) use statement::counting;

use crate::error::{Error, Level};
use crate::parse;
use einfold_ir::is_hidden;
use std::borrow::Cow;

/// The longest text that is read once more or suggested, in bytes: it has to fit a line.
pub(crate) const LONGEST: usize = 200;

/// Whether a text can be shown in a line of help, as it is.
pub(crate) fn fits_a_line(text: &str) -> bool {
    text.len() <= LONGEST && !text.contains(|c: char| is_hidden(c) && c != '\n')
}

/// The error of a text of this level, with what may have been meant.
#[cold]
pub(crate) fn for_text(error: Error, level: Level) -> Error {
    keep_valid(for_level(error, level))
}

/// The error of named subscripts without brackets, with what may have been meant.
#[cold]
pub(crate) fn for_spaced(error: Error) -> Error {
    keep_valid(match einops::bracketed(error.text()) {
        Some(text) if text.len() <= LONGEST => brackets::add_candidates(error, &text),
        _ => error,
    })
}

/// Turns what is offered into suggestions, as far as it can be read.
#[cold]
pub(crate) fn keep_valid(error: Error) -> Error {
    error.keep_valid(|text| parse::read(text).is_ok())
}

fn for_level(error: Error, level: Level) -> Error {
    let text = error.text().to_string();
    match level {
        Level::Letters => match EinopsText::of(&text) {
            // What is said about the letters is not about what was meant.
            Some(words) => words.add_candidates(error.without_help()),
            None if text.len() > LONGEST => error,
            None => letters::add_candidates(error, &text),
        },
        Level::Named if text.len() <= LONGEST => brackets::add_candidates(error, &text),
        Level::Named | Level::Program => error,
    }
}

/// What of a suggested text differs from the text that was given: of several lines, those that are new.
pub(crate) fn changed<'t>(given: &str, suggested: &'t str) -> Cow<'t, str> {
    if !suggested.contains('\n') {
        return suggested.into();
    }
    let lines = suggested.lines().zip(given.lines().map(Some).chain(std::iter::repeat(None)));
    let new: Vec<&str> = lines.filter(|(new, old)| Some(*new) != *old).map(|(new, _)| new.trim()).collect();
    new.join("; ").into()
}
