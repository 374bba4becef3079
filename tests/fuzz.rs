//! Fuzz targets: what each does with any string of bytes. As ordinary tests they see the same few thousand strings each time;
//! `EINFOLD_FUZZ_SECONDS=600 cargo test --release -p einfold-tests fuzz -- --nocapture` feeds them new ones for ten minutes
//! and prints how many. A failure prints the bytes, for `replay`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use einfold_syntax::parse;

use crate::draw::{Bytes, Noise};

/// Reads the bytes as an input and checks what becomes of it: `Ok(true)` if it was valid.
type Target = fn(&mut Bytes<'_>) -> Result<bool, String>;

/// Symbols of the grammar, labels of all kinds, and what only looks like either.
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

/// A string that may be an expression.
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

/// Parsing never panics; what is read prints and reads back the same; what is refused can be drawn, with places that exist.
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

/// Feeds a target a fixed number of strings, or new ones for as long as the environment says.
fn fuzz(name: &str, target: Target, strings: u64) {
    let seconds = std::env::var("EINFOLD_FUZZ_SECONDS").ok().map(|s| s.parse().expect("a number of seconds"));
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_nanos() as u64);
    let mut noise = Noise(if seconds.is_some() { now } else { 1 });
    let end = seconds.map(|s| Instant::now() + Duration::from_secs(s));
    let (mut runs, mut valid) = (0, 0);
    while end.map_or(runs < strings, |end| Instant::now() < end) {
        let bytes: Vec<u8> = (0..noise.between(1, 200)).map(|_| noise.next() as u8).collect();
        valid += u64::from(replay(target, &bytes));
        runs += 1;
    }
    println!("fuzz {name}: {runs} strings, {valid} of them valid");
    assert!(valid * 100 > runs && valid < runs, "the strings are all of one kind");
}

/// Runs a target on one string; whether it was valid.
fn replay(target: Target, bytes: &[u8]) -> bool {
    match catch_unwind(AssertUnwindSafe(|| target(&mut Bytes::new(bytes)))) {
        Ok(Ok(valid)) => valid,
        Ok(Err(problem)) => panic!("{problem}\nreplay(…, &{bytes:?})"),
        Err(_) => panic!("panicked\nreplay(…, &{bytes:?})"),
    }
}

#[test]
fn fuzz_text() {
    fuzz("text", text_target, 50_000);
}
