//! Escapes characters for display.

use einfold_ir::is_hidden;
use std::borrow::Cow;
use std::fmt::{self, Display, Formatter, Write};
use unicode_width::UnicodeWidthChar;

/// A character for a message: a combining mark stands on a dotted circle.
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

/// Whether `c` is a combining mark, which has no width.
pub(crate) fn is_mark(c: char) -> bool {
    !is_hidden(c) && c.width() == Some(0)
}

/// A line of source as printed: a tab as four spaces, hidden characters as escapes.
pub(super) fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains('\t') {
        return einfold_ir::visible(text);
    }
    let parts: Vec<Cow<'_, str>> = text.split('\t').map(einfold_ir::visible).collect();
    Cow::Owned(parts.join("    "))
}
