//! Names, as small numbers.

use crate::span::Span;

/// One use of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Name {
    /// Equal names of one text have equal numbers; they count the names in order of first appearance, from 0.
    pub id: u32,
    /// Where it is written.
    pub span: Span,
}

/// The names of a text, in order of first appearance.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(crate) struct NameTable {
    /// Where each is written first.
    pub(crate) first: Vec<Span>,
}

impl NameTable {
    /// The name with this number; `text` is the one the table was made for.
    pub(crate) fn get<'t>(&self, text: &'t str, id: u32) -> &'t str {
        self.first.get(id as usize).and_then(|span| text.get(span.range())).unwrap_or_default()
    }

    pub(crate) fn len(&self) -> usize {
        self.first.len()
    }
}
