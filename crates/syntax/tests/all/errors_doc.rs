//! The table of errors in `docs/errors.md`.

use crate::cases::{file, types};
use einfold_ir::Algebra;
use einfold_syntax::{Error, ErrorKind, Options, parse, resolve};

/// An example of the page: its section, the line that says what is run, and what that prints according to the page.
struct Example<'a> {
    section: &'a str,
    run: &'a str,
    prints: String,
}

/// The part of the page that is about expressions; the one about planning and running is compared where that is done.
fn part() -> String {
    let page = file("docs/errors.md");
    page.split("\n# Planning and running\n").next().unwrap_or_default().to_string()
}

fn examples(page: &str) -> Vec<Example<'_>> {
    let mut examples = Vec::new();
    let (mut section, mut lines) = ("", page.lines());
    while let Some(line) = lines.next() {
        if let Some(code) = line.strip_prefix("## ") {
            section = code.trim_matches('`');
        }
        if line.starts_with('`') && line.ends_with(':') {
            assert_eq!((lines.next(), lines.next()), (Some(""), Some("```text")), "{line}");
            let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            examples.push(Example { section, run: line, prints: block.join("\n") });
        }
    }
    examples
}

/// `` `text` on `shapes` with `strict`: ``, or with `max-plus`
fn run(line: &str) -> Error {
    let pieces: Vec<&str> = line.split('`').skip(1).step_by(2).collect();
    let types = pieces.get(1).map_or(Vec::new(), |shapes| types(shapes));
    let algebra = if line.contains("with `max-plus`") { Algebra::MAX_PLUS } else { Algebra::SUM_PRODUCT };
    let options = Options { strict: line.contains("with `strict`"), algebra, ..Options::default() };
    let result = parse(pieces[0]).and_then(|ast| resolve(&ast, &types, &options));
    result.expect_err(line)
}

#[test]
fn the_page_shows_what_is_printed() {
    let page = part();
    for example in examples(&page) {
        let error = run(example.run);
        assert_eq!(error.to_string(), example.prints, "{}", example.run);
        assert_eq!(error.code(), example.section);
        assert!(!error.help_lines().is_empty(), "{error}");
    }
}

#[test]
fn the_page_has_every_kind() {
    let page = part();
    let rows: Vec<&str> = page.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    assert_eq!(rows, ErrorKind::CODES);
    for code in ErrorKind::CODES {
        assert!(examples(&page).iter().any(|example| example.section == code), "no example of {code}");
    }
}
