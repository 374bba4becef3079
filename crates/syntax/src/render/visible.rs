//! Characters as they are shown: nothing unseen, nothing that acts on a terminal.

use einfold_ir::is_hidden;
use std::borrow::Cow;
use std::fmt::{self, Display, Formatter, Write};
use unicode_width::UnicodeWidthChar;

/// A single character for a message: a mark that would merge with its surroundings stands on a dotted circle.
pub(crate) struct Visible(pub(crate) char);

impl Display for Visible {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            c if is_hidden(c) => write!(f, "{}", c.escape_default()),
            c if is_mark(c) => write!(f, "\u{25CC}{c}"),
            c => f.write_char(c),
        }
    }
}

/// Whether `c` has no width of its own but joins the character before it.
pub(crate) fn is_mark(c: char) -> bool {
    !is_hidden(c) && c.width() == Some(0)
}

/// A line of source as it is printed: a tab as four spaces, hidden characters as escapes.
pub(super) fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains('\t') {
        return einfold_ir::visible(text);
    }
    let parts: Vec<Cow<'_, str>> = text.split('\t').map(einfold_ir::visible).collect();
    Cow::Owned(parts.join("    "))
}
