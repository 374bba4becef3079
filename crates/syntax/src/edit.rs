//! Edits of a text, and how a suggestion shows them.

use crate::span::Span;
use einfold_ir::is_hidden;
use std::borrow::Cow;
use std::ops::Range;
use unicode_ident::{is_xid_continue, is_xid_start};

/// A list of replacements in a text, which do not overlap.
pub(crate) struct Edit<'t> {
    text: &'t str,
    changes: Vec<(Range<usize>, String)>,
}

impl<'t> Edit<'t> {
    pub(crate) fn new(text: &'t str) -> Edit<'t> {
        Edit { text, changes: Vec::new() }
    }

    /// Replaces the text at `span` by `by`.
    pub(crate) fn replace(mut self, span: Span, by: impl Into<String>) -> Edit<'t> {
        self.changes.push((span.range(), by.into()));
        self
    }

    /// Inserts `what` after `span`.
    pub(crate) fn after(self, span: Span, what: impl Into<String>) -> Edit<'t> {
        self.replace(Span::point(span.end), what)
    }

    /// The edited text; the unchanged text if a span is outside it.
    pub(crate) fn finish(mut self) -> String {
        self.changes.sort_by_key(|(range, _)| range.start);
        let mut text = String::with_capacity(self.text.len() + 16);
        let mut at = 0;
        for (range, by) in &self.changes {
            let Some(kept) = self.text.get(at..range.start) else { return self.text.into() };
            text += kept;
            text += by;
            at = range.end;
        }
        text + self.text.get(at..).unwrap_or_default()
    }
}

/// All names in a text.
pub(crate) fn names(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !is_xid_continue(c)).filter(|word| word.starts_with(|c: char| c == '_' || is_xid_start(c)))
}

/// A name that does not occur in `text`: `wanted`, or `wanted` with a number.
pub(crate) fn free(text: &str, wanted: &str) -> String {
    let taken = |name: &str| names(text).any(|word| word == name);
    let numbered = (0..).map(|k| format!("{wanted}{k}"));
    std::iter::once(wanted.to_string()).chain(numbered).find(|name| !taken(name)).unwrap_or_default()
}

/// Longest text in bytes that is read again or suggested: it has to fit on a line.
pub(crate) const LONGEST: usize = 200;

/// Whether a line of help can show the text unchanged.
pub(crate) fn fits_a_line(text: &str) -> bool {
    text.len() <= LONGEST && !text.contains(|c: char| is_hidden(c) && c != '\n')
}

/// The changed part of a suggested text: of several lines, the new ones.
pub(crate) fn changed<'t>(given: &str, suggested: &'t str) -> Cow<'t, str> {
    if !suggested.contains('\n') {
        return suggested.into();
    }
    let lines = suggested.lines().zip(given.lines().map(Some).chain(std::iter::repeat(None)));
    let new: Vec<&str> = lines.filter(|(new, old)| Some(*new) != *old).map(|(new, _)| new.trim()).collect();
    new.join("; ").into()
}

#[cfg(test)]
mod tests {
    use super::{Edit, Span, free};

    #[test]
    fn changes_are_made_in_the_order_of_the_text() {
        let edit = Edit::new("Y[i] = x[i]").replace(Span::new(5, 6), "+=").after(Span::new(2, 3), ":3");
        assert_eq!(edit.finish(), "Y[i:3] += x[i]");
        assert_eq!(Edit::new("é").replace(Span::new(1, 1), "x").finish(), "é");
    }

    #[test]
    fn a_free_name_does_not_occur_in_the_text() {
        assert_eq!(free("Y[i] = x[i]", "t"), "t");
        assert_eq!(free("t[i] = t0[i]", "t"), "t1");
    }
}
