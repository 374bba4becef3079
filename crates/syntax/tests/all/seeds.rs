//! The texts that the language began with.

use crate::cases::{file, lines, quoted};
use einfold_syntax::{Ast, parse};

/// The level of a syntax tree.
fn level(ast: &Ast) -> &'static str {
    match ast {
        Ast::Letters(_) => "1",
        Ast::Named(_) => "2",
        Ast::Program(_) => "3",
        other => panic!("{other:?}"),
    }
}

#[test]
fn each_is_read_at_its_level() {
    let file = file("crates/syntax/tests/data/seeds.txt");
    let mut count = 0;
    for line in lines(&file) {
        let (expected, rest) = line.split_once(' ').unwrap();
        let (text, error) = quoted(rest);
        count += 1;
        match parse(&text) {
            Ok(ast) => {
                assert_eq!((level(&ast), error), (expected, ""), "{line}");
                let printed = ast.to_string();
                assert_eq!(parse(&printed).unwrap().to_string(), printed, "{line}");
            }
            Err(report) => assert_eq!(report.code().replace('-', ""), error.to_lowercase(), "{line}\n{report}"),
        }
    }
    assert_eq!(count, 168);
}
