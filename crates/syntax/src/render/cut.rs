//! Lines of messages of bounded length, whatever they quote.

use std::borrow::Cow;

/// Quotations of more characters are cut, to how many at their beginning and at their end.
const QUOTED: (usize, usize, usize) = (200, 120, 40);
/// A line of more characters is cut at its end.
const LINE: usize = 1000;
/// Stands for what is not shown.
pub(super) const CUT: char = '…';

/// A line of a message for people, with long quotations (between two `` ` ``) and what is beyond a thousand characters left
/// out.
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

/// What a message quotes, without the middle of what is longer than two hundred characters.
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
