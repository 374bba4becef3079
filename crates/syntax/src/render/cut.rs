//! Limits the length of message lines.

use std::borrow::Cow;

/// Quotations with more characters are cut; the numbers of characters kept at the start and at the end.
const QUOTED: (usize, usize, usize) = (200, 120, 40);
/// A line with more characters is cut at its end.
const LINE: usize = 1000;
/// Marks omitted characters.
pub(super) const CUT: char = '…';

/// A line of a message, with long quotations (between two `` ` ` `) and everything beyond a thousand characters
/// omitted.
///
/// ```
/// let line = einfold_syntax::cut(&format!("`{}` is not defined here", "a".repeat(1_000_000))).into_owned();
/// assert_eq!(line, format!("`{}…{}` is not defined here", "a".repeat(120), "a".repeat(40)));
/// assert_eq!(einfold_syntax::cut("`a` is not defined here"), "`a` is not defined here");
/// ```
pub fn cut(line: &str) -> Cow<'_, str> {
    if line.len() <= QUOTED.0 {
        return Cow::Borrowed(line);
    }
    let mut cut = String::new();
    for (k, part) in line.split('`').enumerate() {
        if k > 0 {
            cut.push('`');
        }
        if k % 2 == 1 {
            cut.push_str(&cut_quotation(part));
        } else {
            cut.push_str(part);
        }
    }
    let head = first(&cut, LINE).len();
    if head < cut.len() {
        cut.truncate(head);
        cut.push(CUT);
    }
    Cow::Owned(cut)
}

/// A quotation of at most two hundred characters: of a longer text, the middle is omitted.
pub fn cut_quotation(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(QUOTED.0) {
        Some(_) => Cow::Owned(format!("{}{CUT}{}", first(text, QUOTED.1), last(text, QUOTED.2))),
        None => Cow::Borrowed(text),
    }
}

fn first(text: &str, chars: usize) -> &str {
    text.char_indices().nth(chars).map_or(text, |(end, _)| &text[..end])
}

fn last(text: &str, chars: usize) -> &str {
    text.char_indices().rev().nth(chars - 1).map_or(text, |(start, _)| &text[start..])
}
