//! The settled rules of the language, `cases/settled.jsonl`: the library and the oracle give the values computed by
//! hand.

use std::path::Path;

use einfold::Results;
use einfold_ir::Dtype;
use serde_json::Value;

use crate::asked;
use crate::layout::Layout;
use crate::num::{Num, Tensor};
use crate::oracle;
use crate::sketch::Question;
use crate::words::options;

struct Settled {
    line: String,
    question: Question,
    expected: Result<Vec<Tensor>, String>,
}

fn number(text: &str) -> Num {
    let real = |text: &str| text.parse().map_or_else(|_| Num::Float(text.parse().unwrap(), 0.0), |i| Num::Int(i, 0));
    // `-0` cannot be represented as an integer.
    let real = |text: &str| if text == "-0" { Num::Float(-0.0, 0.0) } else { real(text) };
    let Some(complex) = text.strip_suffix('i') else { return real(text) };
    let at = complex.rfind(['+', '-']).unwrap();
    match (real(&complex[..at]), real(complex[at..].trim_start_matches('+'))) {
        (Num::Int(re, _), Num::Int(im, _)) => Num::Int(re, im),
        (re, im) => Num::Float(re.parts().0, im.parts().0),
    }
}

/// Parses an operand `name:dtype[shape]=elements`: its name and its value, rows first.
pub(crate) fn input(text: &str) -> (String, Tensor, Layout) {
    let (head, values) = text.split_once('=').unwrap();
    let (name, ty) = head.split_once(':').unwrap();
    let tensor = tensor(ty, values);
    let layout = Layout::row_major(tensor.shape.len());
    (name.to_string(), tensor, layout)
}

/// Parses a result `dtype[shape] elements`.
pub(crate) fn result(text: &str) -> Tensor {
    let (ty, values) = text.rfind(']').map(|at| text.split_at(at + 1)).unwrap();
    tensor(ty, values)
}

/// Parses `f64[2, 3]`, `f64[2x3]` or, without a shape, `f64`, and values.
fn tensor(ty: &str, values: &str) -> Tensor {
    let (dtype, shape) = ty.split_once('[').map_or((ty, None), |(dtype, shape)| (dtype, Some(shape)));
    let dtype = Dtype::from_name(dtype).unwrap();
    let data: Vec<Num> = values.split_whitespace().map(|value| number(value).to(dtype)).collect();
    let extents = |shape: &str| shape.trim_end_matches(']').split(['x', ',']).flat_map(|n| n.trim().parse()).collect();
    let shape: Vec<usize> = shape.map_or_else(|| vec![data.len()], extents);
    assert_eq!(data.len(), shape.iter().product::<usize>(), "{ty} {values}");
    Tensor { dtype, shape, data }
}

fn read(line: &str) -> Settled {
    let case: Value = serde_json::from_str(line).unwrap();
    let text = |v: &Value| v.as_str().unwrap().to_string();
    let list = |v: &Value| v.as_array().cloned().unwrap_or_default();
    let input = |v: &Value| input(&text(v));
    let result = |v: &Value| result(&text(v));
    let expected = match case["error"].as_str() {
        Some(code) => Err(code.to_string()),
        None => Ok(list(&case["results"]).iter().map(result).collect()),
    };
    let operands = list(&case["inputs"]).iter().map(input).collect();
    let words = list(&case["options"]);
    let options = options(words.iter().filter_map(Value::as_str));
    let question = Question { text: text(&case["text"]), operands, options };
    Settled { line: line.into(), question, expected }
}

fn all() -> Vec<Settled> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases/settled.jsonl");
    std::fs::read_to_string(path).unwrap().lines().map(read).collect()
}

/// Describes the first difference from the expected outcome; signs of zeros are compared.
fn difference(
    found: &Result<Vec<Tensor>, String>,
    expected: &Result<Vec<Tensor>, String>,
    signs: bool,
) -> Option<String> {
    let (found, expected) = match (found, expected) {
        (Ok(found), Ok(expected)) => (found, expected),
        // A text with several errors may report any of them.
        (Err(found), Err(expected)) if found.split(' ').any(|code| code == expected) => return None,
        (found, expected) => return (found != expected).then(|| format!("{found:?}, want {expected:?}")),
    };
    if found.len() != expected.len() {
        return Some(format!("{} results", found.len()));
    }
    let sign = |t: &Tensor| t.data.iter().map(|x| x.parts().0.is_sign_negative()).collect::<Vec<_>>();
    let pair = |(found, expected): (&Tensor, &Tensor)| {
        let signs = || (signs && sign(found) != sign(expected)).then(|| format!("{found:?} in a sign"));
        found.differs(expected, 1e-12).or_else(signs)
    };
    found.iter().zip(expected).find_map(pair)
}

fn check(by: impl Fn(&Question) -> Result<Vec<Tensor>, String>) {
    let cases = all();
    let mut wrong = String::new();
    for case in &cases {
        if let Some(d) = difference(&by(&case.question), &case.expected, case.line.contains("\"S32\"")) {
            wrong += &format!("{}\n    {d}\n", case.line);
        }
    }
    for point in 1..=32 {
        assert!(cases.iter().any(|c| c.line.contains(&format!("\"S{point}\""))), "no case for point {point}");
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn the_library_holds_every_settled_point() {
    check(|question| {
        let results = asked::run::<Results>(question).map_err(|e| e.code().to_string())?;
        Ok(asked::tensors(results).into_iter().map(|(_, t)| t).collect())
    });
}

#[test]
fn the_oracle_holds_every_settled_point() {
    check(|question| match oracle::answer(&question.text, &question.tensors(), &question.options) {
        Ok(answer) => Ok(answer.results.into_iter().map(|(_, t)| t).collect()),
        Err(codes) => Err(codes.into_iter().collect::<Vec<_>>().join(" ")),
    });
}
