//! Every stage by itself: parse, plan, run.

#![allow(clippy::unwrap_used)]

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use einfold::ndarray::{Array2, ArrayD};
use einfold::{AnyView, Expression, Scratch, TensorType, einsum, spec};
use einfold_benches::filled;

/// A chain of `n` matrices of 8 × 8.
fn chain(n: u8) -> (String, Vec<TensorType>) {
    let terms: Vec<String> = (0..n).map(|k| format!("{}{}", (b'a' + k) as char, (b'b' + k) as char)).collect();
    let text = format!("{}->a{}", terms.join(","), (b'a' + n) as char);
    (text, vec![spec::<f64>([8, 8]); usize::from(n)])
}

fn parse(c: &mut Criterion) {
    let mut group = c.benchmark_group("parse");
    for n in [2, 5, 10] {
        let (text, _) = chain(n);
        group.bench_with_input(BenchmarkId::from_parameter(n), &text, |b, text| {
            b.iter(|| Expression::new(black_box(text)).unwrap());
        });
    }
}

fn plan(c: &mut Criterion) {
    let mut group = c.benchmark_group("plan");
    for n in [2, 5, 10] {
        let (text, types) = chain(n);
        let expression = Expression::new(&text).unwrap();
        group.bench_with_input(BenchmarkId::from_parameter(n), &types, |b, types| {
            b.iter(|| expression.plan(black_box(&types[..])).unwrap());
        });
    }
}

fn one_shot(c: &mut Criterion) {
    let (a, b) = (filled((2, 2), 1), filled((2, 2), 2));
    c.bench_function("einsum/ij,jk->ik/2", |bench| {
        bench.iter(|| -> Array2<f64> { einsum("ij,jk->ik", (black_box(&a), &b)).unwrap() });
    });
}

fn run(c: &mut Criterion) {
    let mut group = c.benchmark_group("run");
    for (text, shapes) in [
        ("ij,jk->ik", &[&[2, 2][..], &[2, 2]][..]),
        ("ij,jk->ik", &[&[64, 64], &[64, 64]]),
        ("ij,jk->ik", &[&[512, 512], &[512, 512]]),
        ("bij,bjk->bik", &[&[512, 16, 16], &[512, 16, 16]]),
        ("ij,j->i", &[&[1000, 1000], &[1000]]),
        ("ij->ji", &[&[1000, 1000]]),
        ("iij->ij", &[&[300, 300, 30]]),
        ("ii->", &[&[2000, 2000]]),
        ("ijk->j", &[&[100, 100, 100]]),
        ("ij,ij->ij", &[&[1000, 1000], &[1000, 1000]]),
        ("dbea,ec->abcd", &[&[24, 24, 24, 24], &[24, 24]]),
        ("pi,qj,ijkl,rk,sl->pqrs", &[&[10, 10], &[10, 10], &[10, 10, 10, 10], &[10, 10], &[10, 10]]),
    ] {
        let arrays: Vec<ArrayD<f64>> = shapes.iter().zip(1..).map(|(s, seed)| filled(*s, seed)).collect();
        let views: Vec<AnyView<'_>> = arrays.iter().map(|a| AnyView::from(a.view())).collect();
        let plan = Expression::new(text).unwrap().plan_for(&views[..]).unwrap();
        let mut out = plan.call(&views[..]).run_any().unwrap();
        let mut scratch = Scratch::new();
        group.bench_function(BenchmarkId::new(text, shapes[0][0]), |b| {
            b.iter(|| plan.call(&views[..]).threads(1).scratch(&mut scratch).into(&mut out).unwrap());
        });
    }
}

criterion_group!(stages, parse, plan, one_shot, run);
criterion_main!(stages);
