//! The files of the grammar against the parser.

use crate::cases::{file, lines, quoted};
use einfold_syntax::{Ast, parse};
use std::collections::BTreeSet;

#[test]
fn accepted_texts_print_canonically() {
    let file = file("grammar/accept.txt");
    let mut count = 0;
    for line in lines(&file) {
        let (text, rest) = quoted(line);
        let (canonical, _) = quoted(rest);
        let ast = parse(&text).unwrap_or_else(|error| panic!("{line}\n{error}"));
        assert_eq!(ast.to_string(), canonical, "{line}");
        assert_eq!(parse(&canonical).unwrap().to_string(), canonical, "{line}");
        let Ast::Letters(subscripts) = ast else { panic!("level 1") };
        assert_eq!(subscripts.text(), text);
        count += 1;
    }
    assert!(count > 150);
}

#[test]
fn rejected_texts_name_kind_and_place() {
    let file = file("grammar/reject.txt");
    let mut count = 0;
    for line in lines(&file) {
        let (text, expected) = quoted(line);
        let error = parse(&text).expect_err(line);
        let first = error.spans()[0].span;
        assert_eq!(format!("{} {}..{}", error.code(), first.start, first.end), expected, "{line}\n{error}");
        assert!(!error.help_lines().is_empty(), "no help: {line}");
        for note in error.spans() {
            assert!(text.get(note.span.range()).is_some(), "not a place in the text: {line}");
        }
        count += 1;
    }
    assert!(count > 100);
}

/// The productions of the grammar, lower-cased.
fn productions(ebnf: &str) -> Vec<(String, String)> {
    let mut rules = Vec::new();
    for rule in without(ebnf, "(*", "*)").split(';').filter(|rule| !rule.trim().is_empty()) {
        let (name, body) = rule.split_once('=').expect("a production has a `=`");
        rules.push((name.trim().to_string(), body.to_string()));
    }
    rules
}

/// The text without what stands between `open` and `close`.
fn without(text: &str, open: &str, close: &str) -> String {
    let mut kept = String::new();
    for (k, piece) in text.split(open).enumerate() {
        kept += if k == 0 { piece } else { piece.split_once(close).expect("closed").1 };
    }
    kept
}

/// Quoted symbols are set aside first, because comments and productions are recognised by such characters.
fn bare(ebnf: &str) -> String {
    ["\"(\"", "\")\"", "\",\"", "\"=\"", "\"[\"", "\"#\""]
        .iter()
        .fold(ebnf.to_string(), |text, quoted| text.replace(quoted, ""))
}

#[test]
fn productions_and_parser_functions_have_the_same_names() {
    let rules = productions(&bare(&file("grammar/einfold.ebnf")));
    let grammar: BTreeSet<String> = rules.iter().map(|(name, _)| name.to_lowercase()).collect();
    let source = file("crates/syntax/src/parse/letters.rs");
    let parser: BTreeSet<String> = source
        .lines()
        .filter(|line| line.starts_with("fn ") && line.contains("-> Parsed<"))
        .map(|line| line[3..].split(['<', '(']).next().expect("a name").to_string())
        .collect();
    assert_eq!(grammar, parser);
}

#[test]
fn every_name_in_the_grammar_is_defined() {
    let rules = productions(&bare(&file("grammar/einfold.ebnf")));
    let names: BTreeSet<&str> = rules.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names.len(), rules.len(), "a production is defined twice");
    for (name, body) in &rules {
        let symbols: String = body.split('"').step_by(2).collect();
        let prose: String = symbols.split('?').step_by(2).collect();
        for used in prose.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty()) {
            assert!(names.contains(used), "{name} uses {used}");
        }
    }
}
