//! Level 2: candidates for refused named subscripts.

use super::letters::{output, outputs};
use super::statement::SubscriptTerms;
use crate::edit::{free, names};
use crate::error::{Error, ErrorKind, SyntaxProblem};
use crate::parse;
use std::collections::BTreeMap;

/// Adds candidates. `text` has brackets, even if the text of the error has none.
pub(super) fn add_candidates(error: Error, text: &str) -> Error {
    match error.kind() {
        ErrorKind::OutputRepeated { .. } | ErrorKind::OutputUnknown { .. } => {
            match SubscriptTerms::of_named(text, None) {
                Some(terms) => output(error, &[terms], &BTreeMap::new()),
                None => error,
            }
        }
        ErrorKind::Syntax { problem: SyntaxProblem::SecondOutput } => outputs(error, text),
        ErrorKind::Syntax { .. } => {
            let tries = [integers, ones, sizes, dots, no_output];
            tries.into_iter().fold(
                error,
                |error, add_candidates| if error.has_candidates() { error } else { add_candidates(error, text) },
            )
        }
        _ => error,
    }
}

/// Candidate for lists of integers: `[0 1], [1 2] -> [0 2]`, `[[0,1],[1,2]] -> [0,2]`.
fn integers(error: Error, text: &str) -> Error {
    let numbers = |side: &str| {
        let lists = side.split('[').skip(1).filter_map(|list| {
            let list = list.split(']').next().unwrap_or_default();
            let words = list.split([' ', ',']).filter(|word| !word.is_empty());
            let letter = |word: &str| word.parse::<u8>().ok().filter(|n| *n < 26).map(|n| char::from(b'a' + n));
            // Brackets around the lists contain nothing else.
            (!list.is_empty()).then(|| words.map(letter).collect::<Option<String>>())
        });
        lists.collect::<Option<Vec<String>>>().filter(|lists| !lists.is_empty())
    };
    let digits = text.replace("->", "").chars().all(|c| matches!(c, '0'..='9' | '[' | ']' | ',' | ' '));
    let (inputs, output) = text.split_once("->").unwrap_or((text, ""));
    match (digits, numbers(inputs), numbers(output)) {
        (true, Some(inputs), output) => {
            let output = output.map_or(String::new(), |output| format!("->{}", output.concat()));
            error
                .candidate("letters for integers", inputs.join(",") + &output)
                .help("integers are labels in the library, `Expression::labels`")
        }
        _ => error,
    }
}

/// Candidate for unnamed axes of size 1, `1` or `()`.
fn ones(error: Error, text: &str) -> Error {
    let one = free(text, "one");
    let mut named = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['1', '(']) {
        let (before, here) = rest.split_at(at);
        named += before;
        let inside = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
        let alone = !inside(before.chars().next_back()) && !inside(here.chars().nth(1));
        let length = match here.strip_prefix('(') {
            Some(after) => after.trim_start().strip_prefix(')').map(|after| here.len() - after.len()),
            None => alone.then_some(1),
        };
        named += if length.is_some() { &one } else { &here[..1] };
        rest = &here[length.unwrap_or(1)..];
    }
    named += rest;
    match named.contains(&one).then(|| SubscriptTerms::of_named(&named, Some(&one))).flatten() {
        Some(terms) => {
            let program = SubscriptTerms::program(&[terms], &BTreeMap::new());
            error.candidate("read an axis of size 1 at position 0, and write it with its size", program)
        }
        None => error,
    }
}

/// Candidate for sizes in brackets, `[(h:2 w)]`.
fn sizes(error: Error, text: &str) -> Error {
    let mut pieces = text.split(':');
    let mut plain = pieces.next().unwrap_or_default().to_string();
    let mut sizes = BTreeMap::new();
    for piece in pieces {
        let piece = piece.trim_start();
        let digits = piece.find(|c: char| !c.is_ascii_digit()).unwrap_or(piece.len());
        let (size, rest) = piece.split_at(digits);
        match (names(&plain).last(), size) {
            (None, _) | (_, "") => return error,
            (Some(axis), size) => _ = sizes.insert(axis.to_string(), size.to_string()),
        }
        plain += rest;
    }
    let Some(terms) = SubscriptTerms::of_named(&plain, None).filter(|_| !sizes.is_empty()) else { return error };
    let said = sizes.iter().map(|(axis, size)| format!("{axis}={size}")).collect::<Vec<_>>().join("` and `--size ");
    if parse::read(&plain).is_ok() {
        return error.candidate(format!("with `--size {said}`, in the library `Expression::size`"), plain);
    }
    error.candidate("a program declares sizes", SubscriptTerms::program(&[terms], &sizes))
}

/// Candidate for `...` in parentheses.
fn dots(error: Error, text: &str) -> Error {
    let (i, j) = (free(text, "i"), free(text, "j"));
    let written = text.replace("...", &format!("{i} {j}"));
    let grouped =
        text.split('(').skip(1).any(|group| group.split(')').next().is_some_and(|group| group.contains("...")));
    match grouped && parse::read(&written).is_ok() {
        true => error.candidate("name the axes of `...`; for two axes", written),
        false => error,
    }
}

/// Candidate for a missing output.
fn no_output(error: Error, text: &str) -> Error {
    if text.contains("->") {
        return error;
    }
    let Ok(named) = parse::read_named(&format!("{text} -> []")) else { return error };
    let all: Vec<u32> = named.terms().iter().flat_map(|term| term.names()).map(|name| name.id).collect();
    let once = all.iter().filter(|&id| all.iter().filter(|other| *other == id).count() == 1);
    let mut output: Vec<&str> = once.map(|&id| named.name(id)).collect();
    if text.contains("...") {
        output.insert(0, "...");
    }
    error.candidate("output the axes used once", format!("{} -> [{}]", text.trim_end(), output.join(" ")))
}
