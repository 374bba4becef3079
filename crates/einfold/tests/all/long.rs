//! Programs with very many terms or statements: time and text of planning, explaining and running grow linearly.

use einfold::ndarray::{Array1, array};
use einfold::{AnyArray, Dtype, Error, Expression, TensorType, explain::Stage};

const MANY: usize = 6_000;

fn listed(between: &str, part: impl Fn(usize) -> String) -> String {
    (0..MANY).map(part).collect::<Vec<_>>().join(between)
}

fn ty(name: impl ToString, dtype: Dtype, shape: impl Into<Vec<usize>>) -> TensorType {
    TensorType { name: Some(name.to_string().into()), dtype, shape: shape.into().into(), conj: false }
}

/// The length of the explanation of a plan.
fn explained(text: &str, types: Vec<TensorType>) -> Result<usize, Error> {
    Ok(Expression::new(text)?.plan(types)?.explain()?.text(&Stage::ALL).len())
}

/// Regression: tables that padded every line to the longest took gigabytes, and panicked beyond 65535 characters.
#[test]
fn explanations_grow_with_the_program() -> Result<(), Error> {
    let x = || ty("x", Dtype::F64, [2]);
    let ids = || (0..MANY).map(|k| ty(format!("g{k}"), Dtype::I64, [2])).chain([x()]).collect();
    let axes = listed(",", |k| format!("i{k}"));
    for (text, types) in [
        (format!("Y[i] += {}", listed("*", |k| format!("x[g{k}[i]]"))), ids()),
        (format!("Y[i] += {}", listed("*", |_| "x[i]".into())), vec![x()]),
        (listed("\n", |k| format!("Y{k}[i] = x[i]*{k}")), vec![x()]),
        (format!("y[i] = x[i]\n{}", listed("\n", |k| format!("Y{k}[i] = y[i]*{k}"))), vec![x()]),
        (format!("Y[{axes}] = X[{axes}]"), vec![ty("X", Dtype::F64, vec![1; MANY])]),
    ] {
        let length = explained(&text, types)?;
        assert!(length < 10_000 * MANY, "{length} characters about {}…", &text[..30]);
    }
    Ok(())
}

/// Regression: every size query read all operands from the start, which took 7 s for 200 names.
#[test]
fn many_size_queries() -> Result<(), Error> {
    const NAMES: usize = 2000;
    let text: Vec<String> = (0..NAMES).map(|k| format!("Y{k}[g{k}[i]] += 1")).collect();
    let ids: Vec<Array1<i64>> = (0..NAMES).map(|k| array![0, k as i64 % 7]).collect();
    let results: Vec<AnyArray> = Expression::new(&text.join("\n"))?.run(&ids[..])?;
    for (k, result) in results.into_iter().enumerate() {
        assert_eq!(result.shape(), [k % 7 + 1]);
    }
    Ok(())
}

#[test]
fn many_outputs_are_selected() -> Result<(), Error> {
    let names: Vec<String> = (0..400_000).map(|k| format!("y{}", k / 2)).collect();
    let expression = Expression::new("y = 1")?.outputs(names.iter().map(String::as_str));
    assert!(expression.output_names().into_iter().eq(names.iter().step_by(2)));
    Ok(())
}
