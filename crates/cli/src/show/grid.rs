//! The brackets, columns and lines of an array.

use einfold::ndarray::{CowArray, IxDyn};
use std::io::{self, Write};

/// The number of elements shown at each end of an abridged axis.
pub(super) const EDGE: usize = 3;
/// The maximal length of a line, unless a single word is longer.
const WIDTH: usize = 75;
const ELLIPSIS: &str = "...";

/// Writes the elements of an array with at least one axis. `seen` is the whole array or its corners; an axis that is
/// shorter there than in `shape` is abridged.
pub(super) fn write<T: Copy>(
    seen: &CowArray<'_, T, IxDyn>,
    shape: &[usize],
    word: impl Fn(T) -> String,
    to: &mut impl Write,
) -> io::Result<()> {
    if seen.is_empty() {
        return writeln!(to, "[]");
    }
    let rank = shape.len();
    let abridged = |axis: usize| shape[axis] > seen.shape()[axis];
    let (row_axis, row_len) = (rank - 1, seen.shape()[rank - 1]);
    let mut position = vec![0; row_axis];
    let mut elements = seen.iter().copied();
    write!(to, "{}", "[".repeat(row_axis))?;
    loop {
        write_row(elements.by_ref().take(row_len).map(&word), abridged(row_axis), rank, to)?;
        let Some(axis) = advance(&mut position, seen.shape()) else { break };
        let closed = row_axis - 1 - axis;
        let breaks = "\n".repeat(rank - 1 - axis);
        let indent = " ".repeat(axis + 1);
        write!(to, "{}{breaks}{indent}", "]".repeat(closed))?;
        if abridged(axis) && position[axis] == EDGE {
            write!(to, "{ELLIPSIS}{breaks}{indent}")?;
        }
        write!(to, "{}", "[".repeat(closed))?;
    }
    writeln!(to, "{}", "]".repeat(row_axis))
}

/// Moves to the next row and returns the axis that advanced, with the axes after it reset; `None` after the last row.
fn advance(position: &mut [usize], shape: &[usize]) -> Option<usize> {
    for axis in (0..position.len()).rev() {
        position[axis] += 1;
        if position[axis] < shape[axis] {
            return Some(axis);
        }
        position[axis] = 0;
    }
    None
}

/// Writes the words of one row in brackets, with line breaks; later lines align with the first word.
fn write_row(words: impl Iterator<Item = String>, abridged: bool, rank: usize, to: &mut impl Write) -> io::Result<()> {
    let limit = WIDTH.saturating_sub(rank);
    let mut line = Line { text: " ".repeat(rank), indent: rank, limit };
    write!(to, "[")?;
    let mut first_line = true;
    for (i, word) in words.enumerate() {
        let ellipsis = (abridged && i == EDGE).then(|| ELLIPSIS.to_owned());
        for word in ellipsis.into_iter().chain([word]) {
            if let Some(full) = line.push(&word) {
                writeln!(to, "{}", full[if first_line { rank } else { 0 }..].trim_end())?;
                first_line = false;
            }
        }
    }
    // The separator after the last word is removed.
    line.text.pop();
    write!(to, "{}]", &line.text[if first_line { rank } else { 0 }..])
}

/// The current line, with its indent.
struct Line {
    text: String,
    indent: usize,
    limit: usize,
}

impl Line {
    /// Adds a word and a space, and returns the previous line if the word needs a new one. A word that is too long for
    /// any line stays alone on its line.
    fn push(&mut self, word: &str) -> Option<String> {
        let wrap = self.text.len() + word.len() > self.limit && self.text.len() > self.indent;
        let full = wrap.then(|| std::mem::replace(&mut self.text, " ".repeat(self.indent)));
        self.text.push_str(word);
        self.text.push(' ');
        full
    }
}
