//! The characters that are labels: `LABEL` in the grammar.

use einfold_ir::is_format;

/// Characters that look like a symbol of the grammar, with that symbol.
const LOOK_ALIKES: [(char, &str); 3] = [('→', "->"), ('…', "..."), ('，', ",")];

/// Whether `c` is a label: an ASCII letter; an alphabetic character from U+0080 on; a character of U+00C0 ..= U+1FFF
/// except the white space U+1680; a character from U+2000 on except white space, controls, format characters and
/// `→ … ，`.
///
/// The set is larger than the letters because opt_einsum, and tools that share its symbols, number axes by code point.
pub fn is_label(c: char) -> bool {
    match c {
        'a'..='z' | 'A'..='Z' => true,
        '\0'..='\u{7F}' => false,
        '\u{80}'..='\u{BF}' => c.is_alphabetic(),
        '\u{C0}'..='\u{1FFF}' => c != '\u{1680}',
        _ => !c.is_whitespace() && !is_format(c) && meant_by(c).is_none(),
    }
}

/// The symbol of the grammar that `c` looks like, if any.
pub(crate) fn meant_by(c: char) -> Option<&'static str> {
    LOOK_ALIKES.iter().find(|(look, _)| *look == c).map(|(_, meant)| *meant)
}

#[cfg(test)]
mod tests {
    use super::is_label;

    /// The symbols of opt_einsum: the ASCII letters, then code points from U+00C0 on.
    fn opt_einsum_symbol(k: u32) -> char {
        let letters: Vec<char> = ('a'..='z').chain('A'..='Z').collect();
        letters.get(k as usize).copied().unwrap_or_else(|| char::from_u32(k + 140).unwrap())
    }

    #[test]
    fn the_first_8000_symbols_of_opt_einsum_are_labels() {
        assert_eq!((opt_einsum_symbol(52), opt_einsum_symbol(75)), ('À', '×'));
        let refused: Vec<char> = (0..8000).map(opt_einsum_symbol).filter(|&c| !is_label(c)).collect();
        assert_eq!(refused, ['\u{1680}'], "white space is the only exception");
    }

    #[test]
    fn each_rule_of_the_table() {
        for c in "azAZªµºÀ×÷ÿŁαЖא字ก\u{301}\u{61C}ῼ₀←−─😀\u{E000}\u{10FFFF}\u{2065}\u{13440}".chars()
        {
            assert!(is_label(c), "{c:?}");
        }
        let refused = "09_-.,>()[]=#@ \t\n\r\0\u{7F}\u{80}\u{9F}\u{A0}\u{AD}²»\u{1680}\u{2000}\u{200B}\u{200D}\u{2028}\
                       \u{202E}\u{202F}\u{2060}\u{2066}\u{3000}\u{FEFF}\u{FFF9}\u{1343F}\u{E0001}\u{E007F}→…，";
        for c in refused.chars() {
            assert!(!is_label(c), "{c:?}");
        }
    }
}
