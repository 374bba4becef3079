//! Subscript strings that look like einops patterns: `batch head i d, batch head j d -> …`.

use super::for_level;
use crate::edit::LONGEST;
use crate::error::{Error, Level};
use crate::parse;
use unicode_ident::{is_xid_continue, is_xid_start};

/// A subscript string whose terms are axis names separated by spaces. Only this module decides whether a text is one.
pub(crate) struct EinopsText {
    /// The same text with brackets.
    bracketed: String,
}

impl EinopsText {
    /// Recognises such a text among letters: a term contains spaces and an item that is not a single letter (a name, a
    /// number, or parentheses that do not hold whole terms), or a name contains a digit or `_`.
    pub(crate) fn of(text: &str) -> Option<EinopsText> {
        let terms = terms(text)?;
        terms.iter().any(EinopsTerm::is_words).then(|| EinopsText { bracketed: write(&terms) })
    }

    /// Recognises a text with spaces between names whose terms have the numbers of axes in `ranks`.
    pub(crate) fn with_ranks(text: &str, ranks: &[usize]) -> Option<EinopsText> {
        let terms = terms(text)?;
        let count = |term: &EinopsTerm<'_>| term.pieces.iter().filter(|piece| is_name(piece)).count();
        let long = terms.iter().any(|term| term.pieces.iter().any(|piece| is_long(piece)));
        let fit = terms.len() >= ranks.len() && terms.iter().zip(ranks).all(|(term, &rank)| count(term) == rank);
        (long && fit).then(|| EinopsText { bracketed: write(&terms) })
    }

    /// Adds the help on axis names and the text with brackets.
    pub(crate) fn add_candidates(&self, error: Error) -> Error {
        let read = if self.bracketed.len() <= LONGEST {
            parse::read(&self.bracketed).map(drop).map_err(Some)
        } else {
            Err(None)
        };
        let error = match read {
            Ok(()) => error.candidate("write names of axes in brackets", &*self.bracketed),
            Err(other) => {
                let error = error.help("write names of axes in brackets, as in `[batch i], [batch j] -> [i j]`");
                match other {
                    Some(other) => error.with_help_of(for_level(other, Level::Named)),
                    None => error,
                }
            }
        };
        error.help("or read the text as it is with `--spaced`, in the library `Expression::spaced`")
    }
}

/// Adds that help to the error of a subscript string about its operands, if the text looks like an einops pattern.
pub(crate) fn add_einops_candidates(error: Error) -> Error {
    match EinopsText::of(error.text()) {
        Some(words) => words.add_candidates(error),
        None => error,
    }
}

/// Puts a text without brackets in brackets.
pub(super) fn bracketed(text: &str) -> Option<String> {
    terms(text).map(|terms| write(&terms))
}

/// A term of such a text.
#[derive(Default)]
struct EinopsTerm<'t> {
    /// Names, numbers, `...` and parentheses.
    pieces: Vec<&'t str>,
    /// Whether the term contains a space between two items.
    spaced: bool,
    /// The comma or the arrow after the term.
    sign: &'static str,
}

impl EinopsTerm<'_> {
    fn is_words(&self) -> bool {
        let symbols = || self.pieces.iter().filter(|piece| !matches!(**piece, "(" | ")"));
        let several = self.spaced && symbols().count() > 1;
        let grouped = self.pieces.contains(&"(");
        symbols().any(|piece| is_compound_name(piece) || (several && (grouped || is_long(piece) || is_number(piece))))
    }
}

/// Splits a text of names, numbers, parentheses, `...`, commas and arrows into terms. `None` if it contains anything
/// else, or parentheses around whole terms.
fn terms(text: &str) -> Option<Vec<EinopsTerm<'_>>> {
    let (mut terms, mut term, mut depth) = (Vec::new(), EinopsTerm::default(), 0_u32);
    let mut rest = text.trim_start();
    while let Some(c) = rest.chars().next() {
        let length = match c {
            ',' if depth == 0 => 1,
            '→' => c.len_utf8(),
            '-' => rest.len() - rest[1..].trim_start().strip_prefix('>')?.len(),
            '(' | ')' => {
                depth = if c == '(' { depth + 1 } else { depth.checked_sub(1)? };
                1
            }
            '.' if rest.starts_with("...") => 3,
            _ if is_xid_continue(c) => rest.find(|c| !is_xid_continue(c)).unwrap_or(rest.len()),
            _ => return None,
        };
        let (piece, after) = rest.split_at(length);
        rest = after.trim_start();
        if matches!(c, ',' | '→' | '-') {
            term.sign = if c == ',' { ", " } else { " -> " };
            terms.push(std::mem::take(&mut term));
        } else {
            term.pieces.push(piece);
            term.spaced |= rest.len() < after.len() && !rest.starts_with([',', '-', '→']) && !rest.is_empty();
        }
    }
    terms.push(term);
    (depth == 0).then_some(terms)
}

/// The terms in brackets.
fn write(terms: &[EinopsTerm<'_>]) -> String {
    let mut text = String::new();
    for EinopsTerm { pieces, sign, .. } in terms {
        text += "[";
        for (k, piece) in pieces.iter().enumerate() {
            let touches = k == 0 || *piece == ")" || pieces[k - 1] == "(";
            text += if touches { "" } else { " " };
            text += piece;
        }
        text += "]";
        text += sign;
    }
    text
}

fn is_name(piece: &str) -> bool {
    piece.starts_with(|c: char| c == '_' || is_xid_start(c))
}

fn is_long(piece: &str) -> bool {
    is_name(piece) && piece.chars().nth(1).is_some()
}

fn is_number(piece: &str) -> bool {
    piece.starts_with(|c: char| c.is_ascii_digit())
}

/// Whether an item is a name with a digit or `_`, which no subscript string contains.
fn is_compound_name(piece: &str) -> bool {
    is_long(piece) && piece.contains(|c: char| c == '_' || c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::EinopsText;

    #[test]
    fn einops_patterns_are_distinguished_from_letters() {
        for (text, bracketed) in [
            (
                "batch head i d, batch head j d -> batch head i j",
                "[batch head i d], [batch head j d] -> [batch head i j]",
            ),
            ("(b h) w -> b h w", "[(b h) w] -> [b h w]"),
            ("b h w -> b (h w)", "[b h w] -> [b (h w)]"),
            ("b 1 c -> b c", "[b 1 c] -> [b c]"),
            ("b c -> b () c", "[b c] -> [b () c]"),
            ("h1 w1->w1 h1", "[h1 w1] -> [w1 h1]"),
            ("batch_size i -> i", "[batch_size i] -> [i]"),
            ("time ... - > ...", "[time ...] -> [...]"),
            ("batch i", "[batch i]"),
        ] {
            assert_eq!(EinopsText::of(text).expect(text).bracketed, bracketed);
        }
        let letters = "ij,jk->ik|i j, j k -> i k|ij, jk -> ik|ij,jk - > ik|(ij,jk),kl -> il|(ij , jk)->ik|b c h w -> b c|\
                       ... d -> ...|(ij),jk|foo,bar->foobar|ij->|i+j k|é,x->x||->|) ij kl|12,23->13";
        for text in letters.split('|') {
            assert!(EinopsText::of(text).is_none(), "{text}");
        }
    }

    #[test]
    fn single_words_are_known_by_the_ranks() {
        assert!(EinopsText::with_ranks("batch,batch->", &[1, 1]).is_some());
        assert!(EinopsText::with_ranks("ij,jk->ik", &[2, 1]).is_none());
        assert!(EinopsText::with_ranks("i,j->ij", &[1, 1]).is_some_and(|words| words.bracketed == "[i], [j] -> [ij]"));
    }
}
