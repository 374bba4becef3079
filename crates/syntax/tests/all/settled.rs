//! Tests that modules compute the results in `tests/cases/settled.jsonl`.

use crate::cases::file;
use crate::element::{Element, Real};
use crate::evaluate::{Tensor, evaluate};
use crate::values::resolve_fully;
use crate::words::options;
use einfold_ir::{Dtype, TensorType};
use einfold_syntax::{Ast, parse};
use serde_json::Value;

/// Reads a tensor such as `x:f64=1 2 3`, `A:i8[2x2]=1 2 3 4`, `s:f64[]=1`, `z:c64=1+2i`; without a shape it has one
/// axis.
fn tensor(text: &str) -> (String, Tensor) {
    let (head, values) = text.split_once('=').unwrap();
    let (name, ty) = head.split_once(':').unwrap();
    let (dtype, shape) = ty.split_once('[').map_or((ty, None), |(dtype, shape)| (dtype, Some(shape)));
    let dtype = Dtype::from_name(dtype).unwrap();
    let data: Vec<Element> = values.split_whitespace().map(|value| element(value).fit(dtype)).collect();
    let extents = |shape: &str| shape.trim_end_matches(']').split('x').flat_map(str::parse).collect();
    let shape: Vec<usize> = shape.map_or_else(|| vec![data.len()], extents);
    assert_eq!(data.len(), shape.iter().product::<usize>(), "{text}");
    (name.to_string(), Tensor { dtype, shape, data })
}

fn element(text: &str) -> Element {
    let real = |text: &str| text.parse().map_or_else(|_| Real::Float(text.parse().unwrap()), Real::Int);
    match text.strip_suffix('i') {
        Some(complex) => {
            let at = complex.rfind(['+', '-']).unwrap();
            Element(real(&complex[..at]), real(complex[at..].trim_start_matches('+')))
        }
        None => Element(real(text), Real::Int(0)),
    }
}

fn shown(tensor: &Tensor) -> String {
    let one = |element: &Element| match element {
        Element(Real::Int(re), Real::Int(_)) if !tensor.dtype.is_complex() => re.to_string(),
        Element(re, _) if !tensor.dtype.is_complex() => re.float().to_string(),
        Element(re, im) => format!("{}{:+}i", re.float(), im.float()),
    };
    let data: Vec<String> = tensor.data.iter().map(one).collect();
    format!("{}{:?} {}", tensor.dtype, tensor.shape, data.join(" ")).trim_end().to_string()
}

/// The results, or the code of the error.
fn answer(text: &str, inputs: &[String], words: &[String]) -> String {
    let (names, inputs): (Vec<String>, Vec<Tensor>) = inputs.iter().map(|input| tensor(input)).unzip();
    let ast = match parse(text) {
        Ok(ast) => ast,
        Err(error) => return error.code().to_string(),
    };
    let named = matches!(ast, Ast::Program(_));
    let ty = |(name, tensor): (String, &Tensor)| {
        let name = Some(name).filter(|name| named && !name.is_empty()).map(Into::into);
        TensorType { name, dtype: tensor.dtype, shape: tensor.shape.as_slice().into(), conj: false }
    };
    let types: Vec<TensorType> = names.into_iter().zip(&inputs).map(ty).collect();
    match resolve_fully(&ast, &types, &inputs, options(words.iter().map(String::as_str))) {
        Err(code) => code,
        Ok(Err(error)) => error.code().to_string(),
        Ok(Ok(ir)) => match evaluate(&ir, &inputs) {
            Ok(results) => results.iter().map(shown).collect::<Vec<_>>().join("; "),
            Err(_) => "index-out-of-range".to_string(),
        },
    }
}

#[test]
fn modules_compute_the_settled_results() {
    let mut wrong = String::new();
    for line in file("tests/cases/settled.jsonl").lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let list = |field: &str| -> Vec<String> {
            case[field].as_array().into_iter().flatten().map(|v| v.as_str().unwrap().to_string()).collect()
        };
        let wanted = case["error"].as_str().map_or_else(|| list("results").join("; "), String::from);
        let found = answer(case["text"].as_str().unwrap(), &list("inputs"), &list("options"));
        if found != wanted {
            wrong += &format!("{line}\n    {found}\n");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}
