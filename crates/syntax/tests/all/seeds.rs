//! The texts that the language began with.

use crate::cases::file;
use einfold_syntax::parse;
use serde_json::Value;

#[test]
fn what_is_printed_reads_as_the_same() {
    for line in file("tests/data/seeds.jsonl").lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        if let Ok(ast) = parse(case["expr"].as_str().unwrap()) {
            let printed = ast.to_string();
            assert_eq!(parse(&printed).unwrap().to_string(), printed, "{line}");
        }
    }
}
