//! Tests the seed cases: their results and their errors, with the evaluator.

use crate::cases::file;
use crate::element::Element;
use crate::evaluate::{Tensor, evaluate};
use einfold_ir::{Dtype, Ir, Literal, OutOfRange, TensorType};
use einfold_syntax::{Ast, Error, Options, SizeQuery, parse, resolve_with_queries};
use serde_json::Value;

/// Why a case has no result: the code of an error.
pub(crate) type Code = String;

fn tensor(value: &Value) -> Tensor {
    let dtype = Dtype::from_name(value["dtype"].as_str().unwrap()).unwrap();
    let shape: Vec<usize> = value["shape"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap() as usize).collect();
    let element = |value: &Value| match value {
        Value::Bool(b) => Element::int(i128::from(*b)),
        Value::String(s) => Element::float(s.parse().unwrap()),
        Value::Number(n) => n.as_i64().map_or_else(|| Element::float(n.as_f64().unwrap()), |i| Element::int(i.into())),
        other => panic!("{other}"),
    };
    let data = value["data"].as_array().unwrap().iter().map(|value| element(value).fit(dtype)).collect();
    Tensor { dtype, shape, data }
}

/// The level of a syntax tree.
fn level(ast: &Ast) -> u64 {
    match ast {
        Ast::Letters(_) => 1,
        Ast::Named(_) => 2,
        Ast::Program(_) => 3,
    }
}

fn options(case: &Value, name: &str) -> Options {
    let mut options = Options::default();
    let given = &case["options"];
    options.strict = given["strict"].as_bool().unwrap_or(false);
    if given["oor"] == "drop" {
        options.out_of_range = OutOfRange::Drop;
    }
    if let Some(fill) = given["fill"].as_i64() {
        options.fill.insert(name.to_string(), Literal::Int(fill.into()));
    }
    options
}

/// Resolves the case, and answers its size queries.
pub(crate) fn resolve_fully(
    ast: &Ast,
    types: &[TensorType],
    inputs: &[Tensor],
    options: Options,
) -> Result<Result<Ir, Error>, Code> {
    let mut failed = false;
    let mut answer = |query: &SizeQuery| {
        let read: Vec<Tensor> = query.operands().iter().map(|&k| inputs[k as usize].clone()).collect();
        let answer = evaluate(query.ir(), &read).ok();
        failed |= answer.is_none();
        Some(answer?[0].data[0].0.float() as i64)
    };
    let ir = resolve_with_queries(ast, types, &options, &mut answer, &mut Vec::new());
    if failed { Err("index-out-of-range".to_string()) } else { Ok(ir) }
}

/// The results by name; the result of subscripts is `out`.
fn run(case: &Value) -> Result<Vec<(String, Tensor)>, Code> {
    let code = |error: Error| error.code().to_string();
    let ast = parse(case["expr"].as_str().unwrap()).map_err(code)?;
    assert_eq!(level(&ast), case["level"].as_u64().unwrap());
    let listed = case["inputs"].as_array().unwrap();
    let inputs: Vec<Tensor> = listed.iter().map(tensor).collect();
    let names = listed.iter().map(|input| input["name"].as_str().unwrap());
    let typed = |(name, input): (&str, &Tensor)| TensorType {
        name: Some(name.into()),
        dtype: input.dtype,
        shape: input.shape.as_slice().into(),
        conj: false,
    };
    let types: Vec<TensorType> = names.zip(&inputs).map(typed).collect();
    let wanted = match &ast {
        Ast::Program(program) => program.names().outputs().iter().map(|&id| program.name(id).to_string()).collect(),
        _ => vec!["out".to_string()],
    };
    let mut options = options(case, &wanted[0]);
    // A case may ask for names that other statements read.
    let mut names = wanted;
    if let Ast::Program(program) = &ast {
        names = program.names().definitions().iter().map(|d| program.name(d.name).to_string()).collect();
        options.outputs = Some(names.clone());
    }
    let ir = resolve_fully(&ast, &types, &inputs, options)?.map_err(code)?;
    let results = evaluate(&ir, &inputs).map_err(|_| "index-out-of-range".to_string())?;
    Ok(names.into_iter().zip(results).collect())
}

fn close(a: Element, b: Element, rtol: f64) -> bool {
    let close =
        |a: f64, b: f64| (a.is_nan() && b.is_nan()) || a == b || (a - b).abs() <= rtol.max(1e-9) * b.abs() + 1e-12;
    close(a.0.float(), b.0.float()) && close(a.1.float(), b.1.float())
}

/// The differences from the case.
fn difference(case: &Value) -> Option<String> {
    let result = run(case);
    if let Some(kind) = case["expected_error"].as_str() {
        return match result {
            Err(code) if code.replace('-', "") == kind.to_lowercase() => None,
            Err(code) => Some(format!("{code} instead of {kind}")),
            Ok(_) => Some(format!("no {kind}")),
        };
    }
    let results = match result {
        Ok(results) => results,
        Err(code) => return Some(code),
    };
    for (name, expected) in case["expected"].as_object().unwrap() {
        let name = case["output"].as_str().filter(|_| name == "out").unwrap_or(name);
        let (_, got) = results.iter().find(|(other, _)| other == name).unwrap();
        let expected = tensor(expected);
        if (got.dtype, &got.shape) != (expected.dtype, &expected.shape) {
            return Some(format!("{name}: {}{:?} for {}{:?}", got.dtype, got.shape, expected.dtype, expected.shape));
        }
        let rtol = case["rtol"].as_f64().unwrap();
        if let Some(k) = (0..got.data.len()).find(|&k| !close(got.data[k], expected.data[k], rtol)) {
            return Some(format!("{name}[{k}]: {:?} for {:?}", got.data[k], expected.data[k]));
        }
    }
    None
}

#[test]
fn every_seed_has_its_result() {
    let file = file("tests/data/seeds.jsonl");
    let mut count = 0;
    let mut wrong = Vec::new();
    for line in file.lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        count += 1;
        if let Some(difference) = difference(&case) {
            wrong.push(format!("{}: {difference}: {}", case["id"], case["expr"]));
        }
    }
    assert_eq!(count, 168);
    assert!(wrong.is_empty(), "{} differ\n{}", wrong.len(), wrong.join("\n"));
}
