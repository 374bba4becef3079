//! Fuzz targets, each a function of a byte string. As ordinary tests they run on the same few thousand strings each
//! time; `EINFOLD_FUZZ_SECONDS=600 cargo test --release -p einfold-tests fuzz -- --nocapture` runs them on new strings
//! for ten minutes and prints the number. A failure prints the bytes, for `replay`.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use einfold::{AnyArray, Expression};
use einfold_syntax::parse;

use crate::case::{self, Case};
use crate::draw::{Bytes, Noise};
use crate::layout::Layout;
use crate::library::{arrays, tensor};
use crate::mutated::check_mutated;
use crate::num::Tensor;
use crate::oracle;
use crate::programs::question_target;

/// Interprets the bytes as an input and checks the result; returns `Ok(true)` if the input was valid.
type Target = fn(&mut Bytes<'_>) -> Result<bool, String>;

/// Symbols of the grammar, labels of all kinds, and characters that resemble them.
const SYMBOLS: [&str; 36] = [
    "i",
    "j",
    "k",
    "Z",
    ",",
    "->",
    "...",
    "(",
    ")",
    " ",
    "ij",
    "i",
    "j",
    ",",
    "-",
    ">",
    ".",
    "..",
    "=",
    "[",
    "]",
    "α",
    "é",
    "e\u{301}",
    "中",
    "×",
    "\u{1F600}",
    "\u{200D}",
    "\u{202E}",
    "→",
    "…",
    "，",
    "\u{1680}",
    "\0",
    "\n",
    "\t",
];

/// A random string that may be an expression.
fn hostile_text(bytes: &mut Bytes<'_>) -> String {
    let mut text = String::new();
    for _ in 0..bytes.below(40) {
        match bytes.below(24) {
            0 => text.extend(char::from_u32(bytes.below(0x11_0000 >> 8) as u32 * 256 + bytes.below(256) as u32)),
            1 => text.push_str(&bytes.pick(&["(", ")", "i,", ".", "i"]).repeat(bytes.below(300))),
            _ => text.push_str(bytes.pick(&SYMBOLS)),
        }
    }
    text
}

/// Parsing does not panic; a valid text prints to a text that parses equally; an error has valid spans and can be
/// drawn.
fn text_target(bytes: &mut Bytes<'_>) -> Result<bool, String> {
    let text = hostile_text(bytes);
    match parse(&text) {
        Ok(ast) => {
            let printed = ast.to_string();
            let again = parse(&printed).map_err(|e| format!("{text:?} prints as {printed:?}\n{e}"))?;
            if again.to_string() != printed {
                return Err(format!("{text:?} prints as {printed:?} and then as {again}"));
            }
            Ok(true)
        }
        Err(error) => {
            let report = error.to_string();
            let inside = |s: einfold_syntax::Span| text.get(s.start as usize..s.end as usize).is_some();
            if report.chars().any(|c| c.is_control() && c != '\n') || !error.spans().iter().all(|n| inside(n.span)) {
                return Err(format!("{text:?} is reported as\n{report}"));
            }
            Ok(false)
        }
    }
}

/// A text close to the grammar, with operands close to its terms: the library accepts exactly what the oracle accepts,
/// with equal results. [`text_target`] tests texts that are not expressions.
fn einsum_target(bytes: &mut Bytes<'_>) -> Result<bool, String> {
    let mut case = Case::draw(bytes);
    if bytes.once_in(2) {
        mutate(bytes, &mut case);
    }
    let Ok(expression) = Expression::new(&case.text) else { return Ok(false) };
    let operands = case.tensors();
    if expression.operands() == operands.len() && points(&expression, &operands) > MOST_POINTS {
        return Ok(false);
    }
    let arrays = arrays(&case.operands);
    let views: Vec<_> = arrays.iter().map(|a| a.view()).collect();
    // Draws the report of every error.
    let found = expression.run::<AnyArray>(&views).map_err(|e| e.to_string());
    match (found, oracle::einsum(&case.text, &operands)) {
        (Ok(found), Some(want)) => {
            let difference = tensor(&found).differs(&want, 0.0);
            difference.map_or(Ok(true), |d| Err(format!("{case}\n{d}")))
        }
        (Err(_), None) => Ok(false),
        (Err(report), Some(_)) => Err(format!("{case}\n{report}")),
        (Ok(_), None) => Err(format!("{case}\nwas accepted")),
    }
}

/// The largest iteration space in points, so that the oracle is fast and memory is small.
const MOST_POINTS: usize = 20_000;

/// An upper bound of the number of points of an einsum: every label has the extent of its longest axis.
fn points(expression: &Expression, operands: &[Tensor]) -> usize {
    let mut longest = BTreeMap::<char, usize>::new();
    let text = expression.text().split("->").next().unwrap_or_default();
    for (term, operand) in text.split(',').zip(operands) {
        let size = operand.shape.iter().copied().max().unwrap_or(1);
        term.chars().filter(|c| !" ()".contains(*c)).for_each(|c| {
            let most = longest.entry(c).or_insert(1);
            *most = size.max(*most);
        });
    }
    longest.values().fold(1, |n, &e| n.saturating_mul(e))
}

/// Changes a character of the text, an extent, a dtype or the number of operands.
fn mutate(bytes: &mut Bytes<'_>, case: &mut Case) {
    for _ in 0..1 + bytes.below(2) {
        let mut chars: Vec<char> = case.text.chars().collect();
        let at = bytes.below(chars.len() + 1);
        let k = bytes.below(case.operands.len());
        match bytes.below(6) {
            0 => chars.insert(at, bytes.pick(&['i', 'j', 'k', 'a', 'B', ',', '.', ' '])),
            1 if at < chars.len() => drop(chars.remove(at)),
            2 if at < chars.len() => chars[at] = bytes.pick(&['i', 'j', 'k', 'a', 'B', ',']),
            3 => drop(case.operands.remove(k)),
            4 => case.operands.push(case.operands[k].clone()),
            _ => {
                let (tensor, layout) = &mut case.operands[k];
                let rank = bytes.below(4);
                let shape: Vec<usize> = (0..rank).map(|_| bytes.pick(&[1, 2, 3, 0])).collect();
                *tensor = case::tensor(&mut bytes.noise(), tensor.dtype, &shape, true);
                *layout = Layout::row_major(rank);
            }
        }
        case.text = chars.into_iter().collect();
        if case.operands.is_empty() {
            return;
        }
    }
}

/// Runs a target on a fixed number of strings, or on new strings for the time that the environment sets. A failing
/// string is shrunk before it is reported.
fn fuzz(name: &str, target: Target, strings: u64, longest: i128) {
    let seconds = std::env::var("EINFOLD_FUZZ_SECONDS").ok().map(|s| s.parse().expect("a number of seconds"));
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_nanos() as u64);
    let mut noise = Noise(if seconds.is_some() { now } else { 1 });
    let end = seconds.map(|s| Instant::now() + Duration::from_secs(s));
    let (mut runs, mut valid, mut failures) = (0, 0, Vec::new());
    while end.map_or(runs < strings, |end| Instant::now() < end) && failures.len() < 5 {
        let bytes: Vec<u8> = (0..noise.between(1, longest)).map(|_| noise.next() as u8).collect();
        runs += 1;
        match replay(target, &bytes) {
            Ok(is_valid) => valid += u64::from(is_valid),
            Err(_) => failures.push(shrunk(target, bytes)),
        }
    }
    println!("fuzz {name}: {runs} strings, {valid} of them valid");
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
    assert!(valid * 100 > runs && valid < runs, "the strings are all of one kind");
}

/// Runs a target on one string; returns whether it was valid.
fn replay(target: Target, bytes: &[u8]) -> Result<bool, String> {
    let panicked = |_| Err("panicked".into());
    catch_unwind(AssertUnwindSafe(|| target(&mut Bytes::new(bytes)))).unwrap_or_else(panicked)
}

/// The failure message of the shortest or simplest string found that also fails.
fn shrunk(target: Target, mut bytes: Vec<u8>) -> String {
    let mut problem = replay(target, &bytes).expect_err("it fails");
    let mut size = bytes.len();
    let end = Instant::now() + Duration::from_secs(10);
    while size > 0 && Instant::now() < end {
        for at in (0..bytes.len()).step_by(size).rev() {
            let (end, mut zeroed) = ((at + size).min(bytes.len()), bytes.clone());
            zeroed[at..end].fill(0);
            for simpler in [[&bytes[..at], &bytes[end..]].concat(), zeroed] {
                if simpler != bytes
                    && let Err(other) = replay(target, &simpler)
                {
                    (bytes, problem) = (simpler, other);
                    break;
                }
            }
        }
        size /= 2;
    }
    format!("{problem}\nreplay(…, &{bytes:?})")
}

#[test]
fn fuzz_text() {
    fuzz("text", text_target, 50_000, 200);
}

#[test]
fn fuzz_einsum() {
    fuzz("einsum", einsum_target, 8000, 200);
}

#[test]
fn fuzz_questions() {
    fuzz("questions", question_target, 1000, 600);
}

#[test]
fn mutated_drafts_are_refused_or_run_inside_their_memory() {
    fuzz("drafts", check_mutated, 15_000, 120);
}
