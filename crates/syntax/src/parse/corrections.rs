//! Level 3: candidates for texts that the grammar refuses.

use super::expected::Expected;
use super::lex::TokenKind;
use super::parser::Parser;
use super::synonyms::reduction;
use crate::ast::Assign;
use crate::edit::Edit;
use crate::error::{Error, Level};
use crate::span::Span;

/// Adds a candidate to a grammar error, if one is known.
pub(super) fn correct(p: &Parser<'_>, expected: Expected, error: Error) -> Error {
    match (p.token.kind, expected) {
        (TokenKind::Name, Expected::Assign) => named_assignment(p, error),
        (TokenKind::Colon, Expected::NameOrClose) if p.level == Level::Program => size_in_group(p, error),
        _ => error,
    }
}

/// `Y sum= x[i]`: an assignment with the name that another language gives it.
fn named_assignment(p: &Parser<'_>, error: Error) -> Error {
    let span = p.token.span;
    match reduction(p.word(span)) {
        Some(assign) if p.text[span.end as usize..].starts_with('=') => {
            let sign = Span::new(span.start, span.end + 1);
            error.candidate("write its operator", Edit::new(p.text).replace(sign, assign.symbol()).finish())
        }
        _ => error,
    }
}

/// `Y[(i a:2)] = x[i]`: a size inside a merged axis.
fn size_in_group(p: &Parser<'_>, error: Error) -> Error {
    let Some(open) = p.open.last().map(|open| open.span) else { return error };
    let Some(close) = closing(p.text, open.start as usize) else { return error };
    let (mut plain, mut sizes) = (Vec::new(), Vec::new());
    for item in p.text[open.end as usize..close].split_whitespace() {
        plain.push(item.split(':').next().unwrap_or_default());
        sizes.extend(item.contains(':').then_some(item));
    }
    let rest = &p.text[close..];
    let end = rest.find([';', '\n', '#']).unwrap_or(rest.len());
    let end = close + rest[..end].trim_end().len();
    let begins = if p.text[close..end].contains(" for ") { ", " } else { " for " };
    let text = Edit::new(p.text)
        .replace(Span::new(open.end, close as u32), plain.join(" "))
        .replace(Span::point(end as u32), format!("{begins}{}", sizes.join(", ")))
        .finish();
    error.candidate("declare sizes of merged axes after the statement", text)
}

/// `Y[i] = sum(x[i,j])`: a reduction called as a function; it becomes the assignment if the call is the whole right
/// side. `name` is the span of the function.
pub(super) fn called_reduction(text: &str, name: Span, assign: Assign, error: Error) -> Error {
    let rest = &text[name.range().end..];
    let open = text.len() - rest.trim_start().len();
    let Some(close) = closing(text, open) else { return error };
    let before = text[..name.range().start].trim_end();
    let left = before.strip_suffix('=').map(|left| left.strip_suffix('+').unwrap_or(left));
    let rest = text[close + 1..].trim_start_matches([' ', '\t']);
    match left {
        Some(left) if rest.is_empty() || rest.starts_with([';', '\n', '#']) => {
            let inside = text[open + 1..close].trim();
            error.candidate(
                "with the assignment",
                format!("{} {assign} {inside}{}", left.trim_end(), &text[close + 1..]),
            )
        }
        _ => error,
    }
}

/// The position of the parenthesis or bracket that closes the one at `open`.
pub(super) fn closing(text: &str, open: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, c) in text.get(open..)?.char_indices() {
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' if depth <= 1 => return Some(open + at),
            ')' | ']' => depth -= 1,
            _ => {}
        }
    }
    None
}
