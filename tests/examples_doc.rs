//! docs/examples.md matches the cases that define the language.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::corpus::written;
use crate::written::Written;

const PAGE: &str = include_str!("../docs/examples.md");

/// A row of the page.
struct Row {
    id: String,
    /// The text, or a link to a page that contains it.
    text: String,
    values: Vec<String>,
}

fn cases() -> BTreeMap<String, Value> {
    let lines = include_str!("data/seeds.jsonl").lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let of_documents = lines.filter(|case| case["id"].as_str().unwrap().starts_with('s'));
    of_documents.map(|case| (case["id"].as_str().unwrap().to_string(), case)).collect()
}

/// The rows whose last cell is the name of a case.
fn rows() -> Vec<Row> {
    let cells = |line: &str| line.replace("\\|", "\u{0}").split('|').map(|c| c.trim().replace('\u{0}', "|")).collect();
    let lines = PAGE.lines().filter(|line| line.starts_with('|')).map(cells);
    let rows = lines.filter_map(|cells: Vec<String>| {
        let [.., text, value, id, _] = &cells[..] else { return None };
        let id = code(id)?;
        let value = value.split(" · ").next().unwrap_or_default();
        let values = value.split("`, `").map(|piece| piece.trim_matches('`').to_string());
        let values = values.filter(|_| value.starts_with('`') && value.ends_with('`')).collect();
        Some(Row { id: id.to_string(), text: text.clone(), values })
    });
    rows.collect()
}

/// The text between backquotes.
fn code(cell: &str) -> Option<&str> {
    cell.strip_prefix('`')?.strip_suffix('`')
}

/// A text without comments and white space, its statements separated by semicolons.
fn plain(text: &str) -> String {
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default());
    let statements = lines.flat_map(|line| line.split(';')).map(|s| s.split_whitespace().collect::<String>());
    statements.filter(|statement| !statement.is_empty()).collect::<Vec<_>>().join(";")
}

/// Whether a text of the page, or one that it links to, equals that of the case.
fn shows(row: &Row, expected: &str) -> bool {
    match code(&row.text) {
        Some(text) => plain(text) == plain(expected),
        None => PAGE.split("```text\n").skip(1).any(|rest| plain(rest.split("```").next().unwrap()) == plain(expected)),
    }
}

/// `IndexOutOfRange` as `index-out-of-range`.
fn kebab(kind: &str) -> String {
    let mut code = String::new();
    for c in kind.replace("DType", "Dtype").chars() {
        if c.is_uppercase() && !code.is_empty() {
            code.push('-');
        }
        code.extend(c.to_lowercase());
    }
    code
}

fn check_value(value: &str, case: &Value) {
    if let Some(kind) = case["expected_error"].as_str() {
        return assert_eq!(value, kebab(kind), "{}", case["id"]);
    }
    let (name, value) = value.split_once(" = ").unwrap_or(("out", value));
    let expected = &case["expected"][name];
    assert!(expected.is_object(), "{} has no `{name}`", case["id"]);
    assert_eq!(Written::read(value).differs(&written(expected)), None, "{}: {value}", case["id"]);
}

#[test]
fn the_page_shows_every_case_of_the_documents() {
    let mut cases = cases();
    let mut values = 0;
    for row in rows() {
        let case = cases.remove(&row.id).unwrap_or_else(|| panic!("{} is there twice, or nowhere", row.id));
        assert!(shows(&row, case["expr"].as_str().unwrap()), "{} has another text", row.id);
        row.values.iter().for_each(|value| check_value(value, &case));
        values += row.values.len();
    }
    assert!(cases.is_empty(), "not on the page: {:?}", cases.keys());
    assert!(values > 80, "{values}");
}
