//! Small real-world tasks, `cases/field_cases.jsonl`: each has its correct value, or is listed in `docs/wishes.md` with
//! an alternative that works.

use std::path::Path;

use einfold::{AnyView, Error, Expression, Results, named};
use einfold_ir::Dtype;
use einfold_syntax::{Ast, parse};
use serde_json::Value;

use crate::layout::{Array, Layout, hold};
use crate::library::tensor;
use crate::num::{Num, Tensor};

fn file(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

/// A tensor from its NumPy dtype, shape and elements.
fn written(value: &Value) -> Tensor {
    let dtype = Dtype::from_name(value["dtype"].as_str().unwrap()).unwrap();
    let number = |v: &Value| match v {
        Value::Bool(b) => Num::Int((*b).into(), 0),
        other => other.as_i64().map_or_else(|| Num::Float(other.as_f64().unwrap(), 0.0), |i| Num::Int(i.into(), 0)),
    };
    let data = value["values"].as_array().unwrap().iter().map(|v| number(v).to(dtype)).collect();
    let shape = value["shape"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap() as usize).collect();
    Tensor { dtype, shape, data }
}

/// The expression of a case with the options of its command line.
fn expression(case: &Value) -> Result<Expression, Error> {
    let mut expression = Expression::new(case["text"].as_str().unwrap())?;
    let words: Vec<&str> = case["args"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    for option in words.chunks(2) {
        expression = match (option[0], option[1].split_once('=')) {
            ("--size", Some((name, size))) => expression.size(name, size.parse().unwrap()),
            ("--memory", None) => {
                expression.memory(1000 * option[1].strip_suffix("kB").unwrap().parse::<u64>().unwrap())
            }
            _ => panic!("{option:?}"),
        };
    }
    Ok(match case["output"].as_str() {
        Some(name) => expression.outputs([name]),
        None => expression,
    })
}

fn run(case: &Value) -> Result<Vec<Tensor>, Error> {
    let expression = expression(case)?;
    let inputs = case["inputs"].as_object().unwrap();
    let arrays: Vec<Box<dyn Array>> =
        inputs.values().map(written).map(|tensor| hold(&tensor, &Layout::row_major(tensor.shape.len()))).collect();
    let views = arrays.iter().map(|array| array.view());
    let results: Results = if matches!(parse(expression.text()), Ok(Ast::Program(_))) {
        let operands: Vec<_> =
            inputs.keys().map(String::as_str).zip(views).map(|(name, view)| named(name, view)).collect();
        expression.run(&operands)?
    } else {
        expression.run(views.collect::<Vec<AnyView<'_>>>())?
    };
    Ok(results.into_arrays().unwrap().iter().map(|(_, array)| tensor(array)).collect())
}

/// A row of the table: case, text, kind of the error, alternative, plans.
fn wishes() -> Vec<[String; 5]> {
    let page = file("../docs/wishes.md");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix('|')).skip(1);
    let cells = |row: &str| row.split('|').map(|cell| cell.trim().trim_matches('`').to_string()).collect::<Vec<_>>();
    rows.map(|row| cells(row).try_into().expect(row)).collect()
}

#[test]
fn every_case_has_its_value_or_shows_what_works_today() {
    let mut wishes = wishes();
    for line in file("cases/field_cases.jsonl").lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let (id, expect) = (&case["id"], &case["expect"]);
        let found = run(&case);
        let Some(at) = wishes.iter().position(|wish| *id == wish[0]) else {
            let found = found.unwrap_or_else(|error| panic!("{id}: {error}"));
            assert!(found.len() == 1 && found[0].differs(&written(expect), 1e-12).is_none(), "{id}: {found:?}");
            continue;
        };
        let [_, text, kind, today, planned] = wishes.remove(at);
        assert_eq!(case["text"], text, "{id}");
        let error = found.expect_err("a wish is refused until its feature comes; then its line goes");
        assert_eq!(error.code(), kind, "{id}: {error}");
        assert!(error.help_lines().iter().any(|help| help.contains(&format!("`{today}`"))), "{id}: {error}");
        // A case with a value must have a plan; a notation of another tool need not.
        assert!(expect.get("error").is_some() || !planned.is_empty(), "{id}: {error}");
        let named = expect["error"].as_str().is_none_or(|start| error.code().starts_with(start));
        assert!(named, "{id}: {error}");
    }
    assert!(wishes.is_empty(), "no cases: {wishes:?}");
}
