//! Every string that NumPy accepts keeps its meaning: it parses as letters, with the terms and the output of NumPy.

use einfold_syntax::{Ast, Subscripts, parse};

use crate::draw::{Bytes, check};

/// Labels, and the number of labels before `...`.
type Term = (String, Option<usize>);

/// The terms and the output according to NumPy 2.4 (`einsum` with `optimize=False`); `None` if NumPy rejects the
/// string.
fn numpy(text: &str) -> Option<(Vec<Term>, Option<Term>)> {
    let (left, right) = match text.find('-') {
        Some(at) if text[at..].starts_with("->") => (&text[..at], Some(&text[at + 2..])),
        Some(_) => return None,
        None => (text, None),
    };
    let terms: Vec<Term> = left.split(',').map(term).collect::<Option<_>>()?;
    let Some(right) = right else { return Some((terms, None)) };
    let output = term(right)?;
    let once = output.0.chars().all(|c| output.0.matches(c).count() == 1);
    let known = output.0.chars().all(|c| terms.iter().any(|(labels, _)| labels.contains(c)));
    (once && known).then_some((terms, Some(output)))
}

fn term(text: &str) -> Option<Term> {
    let (mut labels, mut dots, mut rest) = (String::new(), None, text);
    while let Some(c) = rest.chars().next() {
        let symbol = if rest.starts_with("...") && dots.is_none() { "..." } else { &rest[..1] };
        match symbol {
            "..." => dots = Some(labels.len()),
            " " => {}
            _ if c.is_ascii_alphabetic() => labels.push(c),
            _ => return None,
        }
        rest = &rest[symbol.len()..];
    }
    Some((labels, dots))
}

fn ours(s: &Subscripts) -> (Vec<Term>, Option<Term>) {
    let term = |t| {
        let labels = s.labels(t).iter().filter_map(|label| char::from_u32(label.id)).collect();
        (labels, t.ellipsis.map(|e| e.before))
    };
    (s.terms().iter().map(term).collect(), s.output().map(|output| term(&output.term)))
}

/// Symbols of NumPy's grammar, and some that it rejects.
const SYMBOLS: [&str; 19] =
    ["i", "j", "k", "i", "Z", ",", ",", "->", "...", " ", "i,j", "->", "-", ">", ".", "..", "ij->", "_", "1"];

fn check_text(bytes: &mut Bytes<'_>) -> Result<(), String> {
    let text: String = (0..bytes.below(10)).map(|_| bytes.pick(&SYMBOLS)).collect();
    match (numpy(&text), parse(&text)) {
        (Some(wanted), Ok(Ast::Letters(s))) if ours(&s) == wanted => Ok(()),
        (None, Err(_)) => Ok(()),
        (wanted, found) => Err(format!("{text:?}: {found:?}, want {wanted:?}")),
    }
}

#[test]
fn a_text_of_numpys_symbols_is_read_as_numpy_reads_it() {
    check(20_000, check_text);
}
