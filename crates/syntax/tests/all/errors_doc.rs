//! Tests the examples and the table of `docs/errors.md`.

use crate::cases::{file, types};
use crate::words::options;
use einfold_syntax::{Error, ErrorKind, parse, resolve};

/// An example of the page: its section, the line that describes the run, and the output on the page.
struct Example<'a> {
    section: &'a str,
    run: &'a str,
    prints: String,
}

/// The part of the page on expressions; tests of `einfold` cover the rest.
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

/// `` `text` on `types` with `option`: ``, see [`types`] and [`options`]
fn run(line: &str) -> Error {
    let (line, with) = line.split_once(" with ").unwrap_or((line, ""));
    let quoted = |line| str::split(line, '`').skip(1).step_by(2).collect::<Vec<&str>>();
    let pieces = quoted(line);
    let types = pieces.get(1).map_or(Vec::new(), |text| types(text));
    let result = parse(pieces[0]).and_then(|ast| resolve(&ast, &types, &options(quoted(with))));
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
