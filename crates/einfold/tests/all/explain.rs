//! The schedules that `explain` shows: what the executor chooses for arrays in C order.

use einfold::{Dtype, Error, Expression, TensorType, explain::Stage};

/// The schedule of each step of a plan.
fn schedule(text: &str, types: &[(Dtype, &[usize])]) -> Result<Vec<String>, Error> {
    let types = types.iter().map(|&(dtype, shape)| TensorType { name: None, dtype, shape: shape.into(), conj: false });
    let explained = Expression::new(text)?.plan(types.collect::<Vec<_>>())?.explain()?;
    let json = explained.json();
    let line = |step: &serde_json::Value| step["schedule"].as_str().unwrap_or("null").to_string();
    let lines: Vec<String> = json["plan"].as_array().into_iter().flatten().map(line).collect();
    let plan = explained.text(&[Stage::Plan]);
    assert!(lines.iter().all(|line| line == "null" || plan.contains(line)), "{plan}");
    Ok(lines)
}

#[test]
fn each_step_shows_the_loops_and_sides_that_run() -> Result<(), Error> {
    use Dtype::{F32, F64, I64};
    let cases: &[(&str, &[(Dtype, &[usize])], &[&str])] = &[
        // Loops are ordered and merged by the strides.
        ("ijk,ijk->ijk", &[(F64, &[20, 30, 40]), (F64, &[20, 30, 40])], &["nest 24000"]),
        ("ij->ji", &[(F64, &[20, 30])], &["copy 30x20"]),
        ("ij->j", &[(F64, &[20, 30])], &["nest [20]x30"]),
        ("ikj->j", &[(F64, &[20, 30, 40])], &["nest [600]x40"]),
        ("ij,j->i", &[(F64, &[100, 200]), (F64, &[200])], &["nest 100x[200]"]),
        // A long sum runs in chunks.
        ("i->", &[(F64, &[10_000_000])], &["nest 64x[156250], nest [64]"]),
        ("bij,bjk->bik", &[(F64, &[100, 4, 5]), (F64, &[100, 5, 6])], &["small {100} (24) [5]"]),
        ("ij,jk->ik", &[(F64, &[3, 4]), (F64, &[4, 5])], &["small (15) [4]"]),
        ("bij,bjk->bik", &[(F64, &[4, 20, 30]), (F64, &[4, 30, 40])], &["gemm {4} (20) (40) [30]"]),
        // A side whose loops have no single stride is packed, and so are elements of another type.
        ("aibj,icj->abc", &[(F64, &[8, 9, 10, 11]), (F64, &[9, 200, 11])], &["packed (8x10) (200) [9x11]"]),
        ("ij,jk->ik", &[(F32, &[20, 30]), (F64, &[30, 40])], &["packed (20) (40) [30]"]),
        ("S[g[n]:9] += x[n]", &[(I64, &[1000]), (F64, &[1000])], &["fill 9, nest [1000]"]),
        // The number of points exceeds every address: the step has its form alone.
        ("s += exp(x[i] + y[j])", &[(F64, &[1 << 40]), (F64, &[1 << 40])], &["null"]),
    ];
    for (text, types, want) in cases {
        assert_eq!(schedule(text, types)?, *want, "{text}");
    }
    Ok(())
}
