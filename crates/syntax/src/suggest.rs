//! Suggestions: complete valid texts for a refused text.
//!
//! An error collects *candidates*. A candidate that parses becomes a suggestion when the error leaves this crate.
//! `parse` and `resolve` find the error; this module reads the refused text again,
//! only to find candidates.

mod brackets;
mod einops;
mod letters;
mod statement;

pub(crate) use einops::{EinopsText, add_einops_candidates};
pub(crate) use letters::summed;
pub(crate) use statement::counting;

use crate::edit::LONGEST;
use crate::error::{Error, Level};
use crate::parse;

/// Adds candidates to the error of a text of this level.
#[cold]
pub(crate) fn for_text(error: Error, level: Level) -> Error {
    keep_valid(for_level(error, level))
}

/// Adds candidates to the error of named subscripts without brackets.
#[cold]
pub(crate) fn for_spaced(error: Error) -> Error {
    keep_valid(match einops::bracketed(error.text()) {
        Some(text) if text.len() <= LONGEST => brackets::add_candidates(error, &text),
        _ => error,
    })
}

/// Turns the candidates that parse into suggestions.
#[cold]
pub(crate) fn keep_valid(error: Error) -> Error {
    error.keep_valid(|text| parse::read(text).is_ok())
}

fn for_level(error: Error, level: Level) -> Error {
    let text = error.text().to_string();
    match level {
        Level::Letters => match EinopsText::of(&text) {
            // The help for letters does not apply to words.
            Some(words) => words.add_candidates(error.without_help()),
            None if text.len() > LONGEST => error,
            None => letters::add_candidates(error, &text),
        },
        Level::Named if text.len() <= LONGEST => brackets::add_candidates(error, &text),
        Level::Named | Level::Program => error,
    }
}
