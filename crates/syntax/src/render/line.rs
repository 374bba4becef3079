//! Renders one line of the source with its carets.

use super::Note;
use super::cut::{CUT, cut};
use super::visible::visible;
use std::fmt::{self, Formatter};
use std::ops::{Range, RangeInclusive};
use unicode_width::UnicodeWidthStr;

/// Longer lines are shown in part.
const LONG: usize = 100;
/// The numbers of characters of a long line shown before the start of a note, and from there on.
const AROUND: (usize, usize) = (30, 60);
/// A line of the source, without its line break.
pub(super) struct Line<'a> {
    text: &'a str,
    /// The bytes of the line and its line break in the source.
    bytes: RangeInclusive<usize>,
    number: usize,
}

impl<'a> Line<'a> {
    /// All lines of `source`; at least one.
    pub(super) fn all(source: &'a str) -> impl Iterator<Item = Line<'a>> {
        let mut start = 0;
        source.split('\n').enumerate().map(move |(k, raw)| {
            let bytes = start..=start + raw.len();
            start = bytes.end() + 1;
            Line { text: raw.strip_suffix('\r').unwrap_or(raw), bytes, number: k + 1 }
        })
    }

    /// Whether byte `at` of the source is in this line or is its line break.
    pub(super) fn holds(&self, at: u32) -> bool {
        self.bytes.contains(&(at as usize))
    }

    /// Writes the line and a line of carets for each note.
    pub(super) fn draw(&self, f: &mut Formatter<'_>, notes: &[&Note], numbered: bool) -> fmt::Result {
        let number = if numbered { self.number.to_string() } else { String::new() };
        let long = self.text.chars().nth(LONG).is_some();
        for (k, note) in notes.iter().enumerate() {
            let place = self.place(note);
            let window = if long { self.window(place.start) } else { 0..self.text.len() };
            if k == 0 || long {
                write!(f, "\n{}", format!(" {number} | {}", self.shown(window.clone())).trim_end())?;
            }
            let (indent, carets) = self.columns(&window, place);
            write!(f, "\n {:1$} | ", "", number.len())?;
            write!(f, "{:indent$}{:^<carets$}", "", "")?;
            if !note.text.is_empty() {
                write!(f, " {}", cut(&note.text))?;
            }
        }
        Ok(())
    }

    /// The bytes of the line that the note covers; a note over several lines covers the rest of this one.
    fn place(&self, note: &Note) -> Range<usize> {
        let within = |at: u32| {
            let at = (at as usize).saturating_sub(*self.bytes.start()).min(self.text.len());
            (0..=at).rev().find(|&byte| self.text.is_char_boundary(byte)).unwrap_or(0)
        };
        within(note.span.start)..within(note.span.end)
    }

    /// The part of a long line around byte `at`.
    fn window(&self, at: usize) -> Range<usize> {
        let before = self.text[..at].char_indices().rev().nth(AROUND.0 - 1).map_or(0, |(byte, _)| byte);
        let after = self.text[at..].char_indices().nth(AROUND.1).map_or(self.text.len(), |(byte, _)| at + byte);
        before..after
    }

    /// The printed form of the window.
    fn shown(&self, window: Range<usize>) -> String {
        let mark = |cut: bool| if cut { CUT.to_string() } else { String::new() };
        let (lead, tail) = (mark(window.start > 0), mark(window.end < self.text.len()));
        format!("{lead}{}{tail}", visible(&self.text[window]))
    }

    /// The number of columns before the carets, and the number of carets.
    fn columns(&self, window: &Range<usize>, place: Range<usize>) -> (usize, usize) {
        let column = |at: usize| {
            let lead = usize::from(window.start > 0);
            lead + visible(&self.text[window.start..at.clamp(window.start, window.end)]).width()
        };
        let (start, end) = (column(place.start), column(place.end));
        match end - start {
            // A combining mark is printed over the character before it.
            0 if !place.is_empty() => (start.saturating_sub(1), 1),
            width => (start, width.max(1)),
        }
    }
}
