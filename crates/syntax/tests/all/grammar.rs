//! Tests the parser against the files of the grammar.

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
        let source = match &ast {
            Ast::Letters(subscripts) => subscripts.text(),
            Ast::Named(named) => named.text(),
            Ast::Program(program) => program.text(),
            other => panic!("{other:?}"),
        };
        assert_eq!(source, text);
        count += 1;
    }
    assert!(count > 250);
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
        assert!(error.suggestions().iter().all(|text| parse(text).is_ok()), "{line}\n{error}");
        for note in error.spans() {
            assert!(text.get(note.span.range()).is_some(), "not a place in the text: {line}");
        }
        count += 1;
    }
    assert!(count > 250);
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

/// Removes the text between `open` and `close`.
fn without(text: &str, open: &str, close: &str) -> String {
    let mut kept = String::new();
    for (k, piece) in text.split(open).enumerate() {
        kept += if k == 0 { piece } else { piece.split_once(close).expect("closed").1 };
    }
    kept
}

/// The grammar with quoted words in place of quoted symbols, because comments and productions are recognised by such
/// characters.
fn bare(ebnf: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for (k, piece) in ebnf.split('"').enumerate() {
        let symbol = k % 2 == 1 && !piece.chars().all(char::is_alphabetic);
        kept.push(if symbol { "symbol" } else { piece });
    }
    kept.join("\"")
}

#[test]
fn productions_and_parser_functions_have_the_same_names() {
    let rules = productions(&bare(&file("grammar/einfold.ebnf")));
    let grammar: BTreeSet<String> = rules.iter().map(|(name, _)| name.to_lowercase()).collect();
    let files = ["../parse", "letters", "lex", "parser", "named", "program", "expr", "index"];
    let source: String = files.iter().map(|name| file(&format!("crates/syntax/src/parse/{name}.rs"))).collect();
    let parser: BTreeSet<String> = source
        .lines()
        .map(|line| line.trim_start().trim_start_matches("pub(super) "))
        .filter(|line| line.starts_with("fn ") && line.contains("-> Parsed"))
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
