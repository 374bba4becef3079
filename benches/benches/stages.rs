//! Benchmarks of each stage alone (parse, resolve, compile, bind, run) and of calls that go through all stages.

#![allow(clippy::unwrap_used)]

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use einfold::ndarray::{Array1, Array2, ArrayD};
use einfold::{AnyView, Expression, Order, Scratch, TensorType, einsum, order::Budget, spec};
use einfold_benches::filled;
use einfold_exec::{AnyViewMut, BindOptions, bind};
use einfold_plan::{PlanOptions, compile};
use einfold_syntax::resolve;

/// A chain of `n` matrices of shape 8 × 8.
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

/// A program of three statements: group means from sums and counts.
const PROGRAM: &str = "S[g[n]:4] += X[n]; N[g[n]:4] += 1; M[k] = S[k] / N[k]";

fn sources() -> Vec<(String, String, Vec<TensorType>)> {
    let chains = [2, 5, 10].map(|n| {
        let (text, types) = chain(n);
        (n.to_string(), text, types)
    });
    let program = ("program".to_string(), PROGRAM.to_string(), vec![spec::<i64>([100]), spec::<f64>([100])]);
    chains.into_iter().chain([program]).collect()
}

fn resolve_and_compile(c: &mut Criterion) {
    for (name, text, types) in sources() {
        let ast = einfold_syntax::parse(&text).unwrap();
        let options = einfold_syntax::Options::default();
        c.bench_function(&format!("resolve/{name}"), |b| {
            b.iter(|| resolve(black_box(&ast), &types, &options).unwrap());
        });
        let ir = resolve(&ast, &types, &options).unwrap();
        c.bench_function(&format!("compile/{name}"), |b| {
            b.iter(|| compile(black_box(&ir), &Order::default(), &Budget::default(), &PlanOptions::default()).unwrap());
        });
    }
}

/// `bind` alone, on operands with equal strides in each call and on operands whose strides change.
fn bind_alone(c: &mut Criterion) {
    let (text, types) = chain(2);
    let ir = resolve(&einfold_syntax::parse(&text).unwrap(), &types, &einfold_syntax::Options::default()).unwrap();
    let plan = compile(&ir, &Order::default(), &Budget::default(), &PlanOptions::default()).unwrap().plan;
    let (a, mut out) = (filled((8, 8), 1), filled((8, 8), 2));
    let ins = [a.view(), a.t()].map(AnyView::from);
    let other = [a.t(), a.view()].map(AnyView::from);
    let mut outs = [AnyViewMut::from(out.view_mut())];
    let mut scratch = einfold_exec::Scratch::new();
    for (name, list) in [("same", [&ins, &ins]), ("other", [&ins, &other])] {
        let mut turns = list.into_iter().cycle();
        c.bench_function(&format!("bind/{name}"), |b| {
            b.iter(|| {
                let ins = turns.next().unwrap();
                black_box(bind(&plan, ins, &mut outs, &BindOptions::default(), &mut scratch).unwrap());
            });
        });
    }
}

fn one_shot(c: &mut Criterion) {
    let (a, b) = (filled((2, 2), 1), filled((2, 2), 2));
    c.bench_function("einsum/ij,jk->ik/2", |bench| {
        bench.iter(|| -> Array2<f64> { einsum("ij,jk->ik", (black_box(&a), &b)).unwrap() });
    });
    let (ids, x) = (Array1::from_shape_fn(100, |n| n as i64 % 4), filled(100, 1));
    c.bench_function("einsum/program", |bench| {
        bench.iter(|| -> Array1<f64> { einsum(PROGRAM, (black_box(&ids), &x)).unwrap() });
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

criterion_group!(stages, parse, resolve_and_compile, plan, bind_alone, one_shot, run);
criterion_main!(stages);
