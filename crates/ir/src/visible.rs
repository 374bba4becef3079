//! Escapes hidden characters in text from outside, so that a terminal shows it safely.

use std::borrow::Cow;

use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};

/// The invisible format characters below U+2000: soft hyphen, Arabic letter mark, Mongolian vowel separator.
const INVISIBLE_BELOW_2000: [char; 3] = ['\u{AD}', '\u{61C}', '\u{180E}'];

/// Whether `c` is a format character (Unicode category Cf) from U+2000 on. These are invisible, and some reorder the
/// surrounding text on a screen. Format characters below U+2000 may be labels of an expression.
pub fn is_format(c: char) -> bool {
    c >= '\u{2000}' && c.general_category() == GeneralCategory::Format
}

/// Whether `c` is invisible, looks like an ordinary space but is another character, or controls a terminal: C0 and C1
/// controls, line and paragraph separators, marks of text direction.
pub fn is_hidden(c: char) -> bool {
    c.is_control() || is_format(c) || INVISIBLE_BELOW_2000.contains(&c) || (c.is_whitespace() && c != ' ')
}

/// Escapes the [hidden](is_hidden) characters of a text, so that it is one line and has no effect on a terminal:
///
/// ```
/// assert_eq!(einfold_ir::visible("a\u{1b}[31m\nb\u{202e}"), r"a\u{1b}[31m\nb\u{202e}");
/// ```
///
/// Messages show text from outside, such as file names and file contents, with these characters escaped.
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_hidden(c) { shown.extend(c.escape_default()) } else { shown.push(c) }
    }
    Cow::Owned(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controls_and_marks_of_direction_are_escaped_and_nothing_else() {
        let bidi = "\u{61c}\u{200e}\u{200f}\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2066}\u{2067}\u{2068}\u{2069}";
        let others = "\0\u{7}\u{8}\t\n\r\u{1b}\u{7f}\u{80}\u{9b}\u{9f}\u{a0}\u{ad}\u{2028}\u{2029}\u{feff}";
        for c in bidi.chars().chain(others.chars()) {
            assert!(visible(&c.to_string()).chars().all(|shown| shown.is_ascii_graphic()), "{c:?}");
        }
        let plain = "größe 字 e\u{301} 😀 \\u{1b}";
        assert!(matches!(visible(plain), Cow::Borrowed(text) if text == plain));
    }
}
