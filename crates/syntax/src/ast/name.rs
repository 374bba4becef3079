//! Names as numbers.

use crate::span::Span;

/// One use of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Name {
    /// The number of the name in its text, from 0 in order of first appearance; equal names have equal numbers.
    pub id: u32,
    /// The span of the name.
    pub span: Span,
}

/// The names of a text, in order of first appearance.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(crate) struct NameTable {
    /// The span of the first use of each name.
    pub(crate) first: Vec<Span>,
}

impl NameTable {
    /// The name with this number; `text` is the text of the table.
    pub(crate) fn get<'t>(&self, text: &'t str, id: u32) -> &'t str {
        self.first.get(id as usize).and_then(|span| text.get(span.range())).unwrap_or_default()
    }

    pub(crate) fn len(&self) -> usize {
        self.first.len()
    }
}
