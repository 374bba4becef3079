//! Spans of the source text.

use std::ops::Range;

/// A range of bytes of the source text, on character boundaries. An empty span denotes the place before its byte.
///
/// Texts have at most [`MAX_TEXT`](crate::MAX_TEXT) bytes, so 32 bits suffice.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Span {
    /// The first byte.
    pub start: u32,
    /// The byte after the last.
    pub end: u32,
}

impl Span {
    /// The bytes `start..end`.
    pub fn new(start: u32, end: u32) -> Span {
        Span { start, end }
    }

    /// The empty span before byte `at`.
    pub fn point(at: u32) -> Span {
        Span { start: at, end: at }
    }

    /// From the start of `self` to the end of `last`.
    pub fn to(self, last: Span) -> Span {
        Span { start: self.start, end: last.end }
    }

    /// The span as a range of byte positions.
    pub fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}
