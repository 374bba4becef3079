//! Runs the examples of the documents.
//!
//! A block of `einfold` has texts and, indented, the operands (`given`), the options (`with`) and the result (`gives`)
//! or error (`fails`) of each run; docs/semantics.md explains the format.

use std::fmt::Write;

use einfold::{Dtype, Error, Expression, OutOfRange, Results, algebra::ALGEBRAS, named};

use crate::layout::{Array, Layout, hold};
use crate::library::tensor;
use crate::num::Tensor;
use crate::written::Written;

const DOCUMENTS: [(&str, &str, usize); 3] = [
    ("docs/semantics.md", include_str!("../docs/semantics.md"), 40),
    ("docs/cookbook.md", include_str!("../docs/cookbook.md"), 20),
    ("docs/examples.md", include_str!("../docs/examples.md"), 11),
];

/// A text with operands, options and the expected outcome.
struct Example {
    text: String,
    given: Vec<(String, Written)>,
    options: String,
    outcome: Outcome,
}

enum Outcome {
    Gives(Vec<(String, Written)>),
    Fails(String),
}

/// Parses `Y = [1 2], Z = 3`; names are absent if a text has none.
fn tensors(list: &str) -> Vec<(String, Written)> {
    let one = |item: &str| match item.split_once('=') {
        Some((name, value)) => (name.trim().to_string(), Written::read(value)),
        None => (String::new(), Written::read(item)),
    };
    list.split(',').map(one).collect()
}

fn examples(block: &str) -> Vec<Example> {
    let (mut examples, mut given) = (Vec::new(), Vec::<(String, Written)>::new());
    let (mut text, mut options, mut done) = (String::new(), String::new(), false);
    for line in block.lines() {
        let Some((word, rest)) = line.strip_prefix("  ").and_then(|line| line.split_once(' ')) else {
            if std::mem::take(&mut done) {
                text.clear();
            }
            writeln!(text, "{line}").unwrap();
            continue;
        };
        done = true;
        let outcome = match word {
            "given" => {
                let new = tensors(rest);
                given.retain(|(name, _)| new.iter().all(|(other, _)| other != name));
                given.extend(new);
                continue;
            }
            "with" => {
                options = rest.to_string();
                continue;
            }
            "gives" => Outcome::Gives(tensors(rest)),
            "fails" => Outcome::Fails(rest.to_string()),
            other => panic!("{other}: {line}"),
        };
        let (text, given) = (text.trim().to_string(), given.clone());
        examples.push(Example { text, given, options: std::mem::take(&mut options), outcome });
    }
    examples
}

fn with(expression: Expression, option: &str) -> Expression {
    let (word, rest) = option.split_once(' ').unwrap_or((option, ""));
    match (word, rest.split_once('=')) {
        ("strict", _) => expression.strict(true),
        ("drop", _) => expression.out_of_range(OutOfRange::Drop),
        ("wrap", _) => expression.out_of_range(OutOfRange::Wrap),
        ("acc", _) => expression.acc(Dtype::from_name(rest).unwrap()),
        ("outputs", _) => expression.outputs(rest.split(' ')),
        ("fill", Some((name, value))) => expression.fill(name, value.parse::<i64>().unwrap()),
        _ => match (option.split_once('='), ALGEBRAS.iter().find(|algebra| algebra.name == option)) {
            (Some((name, size)), _) => expression.size(name, size.parse().unwrap()),
            (None, Some(algebra)) => expression.algebra(*algebra),
            (None, None) => panic!("{option} is no option"),
        },
    }
}

impl Example {
    fn run(&self) -> Result<Vec<(String, Tensor)>, Error> {
        let options = self.options.split(", ").filter(|option| !option.is_empty());
        let expression = options.fold(Expression::new(&self.text)?, with);
        let hold =
            |(_, written): &(String, Written)| hold(&written.tensor, &Layout::row_major(written.tensor.shape.len()));
        let arrays: Vec<Box<dyn Array>> = self.given.iter().map(hold).collect();
        let results: Results = if expression.defined_names().is_empty() {
            expression.run(arrays.iter().map(|array| array.view()).collect::<Vec<_>>())?
        } else {
            let operands = self.given.iter().zip(&arrays).map(|((name, _), array)| named(name, array.view()));
            expression.run(operands.collect::<Vec<_>>())?
        };
        Ok(results.into_arrays()?.into_iter().map(|(name, array)| (name, tensor(&array))).collect())
    }

    /// Describes the first difference from the documented outcome.
    fn problem(&self) -> Option<String> {
        match (self.run(), &self.outcome) {
            (Err(error), Outcome::Fails(code)) => (error.code() != code).then(|| error.to_string()),
            (Err(error), Outcome::Gives(_)) => Some(error.to_string()),
            (Ok(found), Outcome::Fails(_)) => Some(format!("gives {found:?}")),
            (Ok(found), Outcome::Gives(want)) => {
                let names = |found: &[(String, Tensor)]| found.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
                let wanted: Vec<String> = want.iter().map(|(name, _)| name.clone()).collect();
                if names(&found) != wanted {
                    return Some(format!("gives {:?}", names(&found)));
                }
                let difference = |((name, found), (_, want)): (&(String, Tensor), &(String, Written))| {
                    want.differs(found).map(|difference| format!("{name}: {difference}"))
                };
                found.iter().zip(want).find_map(difference)
            }
        }
    }
}

#[test]
fn the_examples_of_the_documents_hold() {
    let mut problems = String::new();
    for (name, document, least) in DOCUMENTS {
        let blocks = document.split("```einfold\n").skip(1).map(|rest| rest.split("```").next().unwrap());
        let examples: Vec<Example> = blocks.flat_map(examples).collect();
        assert!(examples.len() >= least, "{name} has {} examples", examples.len());
        for example in examples {
            if let Some(problem) = example.problem() {
                writeln!(problems, "{name}:\n{}\nwith {}: {problem}\n", example.text, example.options).unwrap();
            }
        }
    }
    assert!(problems.is_empty(), "{problems}");
}
