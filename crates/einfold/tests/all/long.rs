//! Programs of very many parts: planned, explained and run in time and text that grow with their number.

use einfold::ndarray::{Array1, array};
use einfold::{AnyArray, Dtype, Error, Expression, TensorType, explain::Stage};

const MANY: usize = 6_000;

fn listed(between: &str, part: impl Fn(usize) -> String) -> String {
    (0..MANY).map(part).collect::<Vec<_>>().join(between)
}

fn ty(name: impl ToString, dtype: Dtype, shape: impl Into<Vec<usize>>) -> TensorType {
    TensorType { name: Some(name.to_string().into()), dtype, shape: shape.into(), conj: false }
}

/// The length of what explains a plan.
fn explained(text: &str, types: Vec<TensorType>) -> Result<usize, Error> {
    Ok(Expression::new(text)?.plan(types)?.explain()?.text(&Stage::ALL).len())
}

/// Tables whose every line was as long as their longest took gigabytes, and beyond 65535 characters a panic.
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

/// Every question about ids read all operands and began again: for 200 names it took 7 s, for these it would take days.
#[test]
fn many_names_whose_sizes_ids_tell() -> Result<(), Error> {
    const NAMES: usize = 2000;
    let text: Vec<String> = (0..NAMES).map(|k| format!("Y{k}[g{k}[i]] += 1")).collect();
    let ids: Vec<Array1<i64>> = (0..NAMES).map(|k| array![0, k as i64 % 7]).collect();
    let results: Vec<AnyArray> = Expression::new(&text.join("\n"))?.run(&ids[..])?;
    for (k, result) in results.into_iter().enumerate() {
        assert_eq!(result.shape(), [k % 7 + 1]);
    }
    Ok(())
}
