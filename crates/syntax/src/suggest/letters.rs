//! Level 1: candidates for refused subscript strings.

use super::statement::SubscriptTerms;
use crate::edit::Edit;
use crate::error::{Error, ErrorKind, SyntaxProblem};
use crate::labels::is_label;
use crate::parse;
use crate::span::Span;
use std::collections::BTreeMap;

/// Adds candidates to the error of a subscript string.
pub(super) fn add_candidates(error: Error, text: &str) -> Error {
    match error.kind() {
        ErrorKind::OutputRepeated { .. } | ErrorKind::OutputUnknown { .. } => match SubscriptTerms::of_letters(text) {
            Some(terms) => output(error, &[terms], &BTreeMap::new()),
            None => error,
        },
        ErrorKind::Syntax { problem } => match *problem {
            SyntaxProblem::SecondOutput => outputs(error, text),
            SyntaxProblem::SmallGroup | SyntaxProblem::GroupInTerm | SyntaxProblem::GroupInOutput => {
                merged(error, text)
            }
            SyntaxProblem::NotALabel('0'..='9') => digits(error, text),
            SyntaxProblem::NotALabel(sign @ ('*' | ';' | '×' | '·' | '⋅')) => {
                error.candidate("a product of operands", text.replace(sign, ","))
            }
            _ => error,
        },
        _ => error,
    }
}

/// Candidate for an output with a repeated axis, or with an axis that no operand has: a program.
pub(super) fn output(error: Error, terms: &[SubscriptTerms], sizes: &BTreeMap<String, String>) -> Error {
    let words = match error.kind() {
        ErrorKind::OutputRepeated { .. } => "a program writes diagonals",
        ErrorKind::OutputUnknown { .. } if sizes.is_empty() => {
            "a program repeats values along an axis of declared size"
        }
        _ => "a program declares sizes",
    };
    error.candidate(words, SubscriptTerms::program(terms, sizes))
}

/// Candidate for several outputs: a program with one statement for each.
pub(super) fn outputs(error: Error, text: &str) -> Error {
    let Some((inputs, outputs)) = text.split_once("->") else { return error };
    let mut depth = 0_usize;
    let outputs = outputs.split(|c| {
        depth = if matches!(c, '[' | '(') { depth + 1 } else { depth.saturating_sub(matches!(c, ']' | ')').into()) };
        c == ',' && depth == 0
    });
    let one = |output: &str| SubscriptTerms::of(&parse::read(&format!("{inputs}->{output}")).ok()?);
    match outputs.map(one).collect::<Option<Vec<_>>>() {
        Some(all) => error.candidate("a program has several results", SubscriptTerms::program(&all, &BTreeMap::new())),
        None => error,
    }
}

/// Candidate for letters in parentheses: named subscripts with merged axes.
fn merged(error: Error, text: &str) -> Error {
    let mut named = String::from("[");
    let mut depth = 0_usize;
    for c in text.replace("->", "→").chars().filter(|c| *c != ' ') {
        let spaced = !named.ends_with(['[', '(']);
        match c {
            ',' if depth > 0 => return error,
            ',' => named += "], [",
            '→' => named += "] -> [",
            '(' | '.' if spaced && !named.ends_with('.') => named.extend([' ', c]),
            '(' | '.' | ')' => named.push(c),
            c if is_label(c) && spaced => named.extend([' ', c]),
            c if is_label(c) => named.push(c),
            _ => return error,
        }
        depth = if c == '(' { depth + 1 } else { depth.saturating_sub((c == ')').into()) };
    }
    error.candidate("named subscripts merge axes", named + "]")
}

/// Candidate for digits: letters.
fn digits(error: Error, text: &str) -> Error {
    if text.contains(is_label) {
        return error;
    }
    let letter = |c: char| c.to_digit(10).map_or(c, |digit| char::from(b'a' + digit as u8));
    error.candidate("with letters for digits", text.chars().map(letter).collect::<String>())
}

/// Replaces each `...` by letters for its number of axes, so that an output without `...` sums over them. `None` if
/// there are not enough free letters.
pub(crate) fn summed(text: &str, dots: &[(Span, usize)]) -> Option<String> {
    let most = dots.iter().map(|(_, covered)| *covered).max()?;
    let letters: Vec<char> = ('a'..='z').chain('A'..='Z').filter(|c| !text.contains(*c)).take(most).collect();
    let covered = |count: usize| letters.get(letters.len().checked_sub(count)?..);
    let mut edit = Edit::new(text);
    for (span, count) in dots {
        edit = edit.replace(*span, covered(*count)?.iter().collect::<String>());
    }
    (letters.len() == most).then(|| edit.finish())
}
