//! Sums over axes: texts, windows, expressions, logarithms of sums.

use einfold_ir::{
    Access, Algebra, Axis, AxisRef, BinaryOp, BufferId, Dtype, Expr, Form, Function, Index, Literal, NodeId,
    OutOfRange, PointOp, Step, WriteMode,
};

use super::{EPSILONS, Exact, Float, N, PRODUCT_EPSILONS, dense, numbers, run};
use crate::support::{Build, Random, each, free};

/// A text over operands of one dtype, with an extent for each letter from `a` on.
fn check_text<T: Float>(text: &str, extents: &[usize], gemm: bool, kind: usize) {
    let (left, right) = text.split_once("->").unwrap();
    let at = |x: char| x as usize - 'a' as usize;
    let shape = |t: &str| t.chars().map(|x| extents[at(x)]).collect::<Vec<_>>();
    let mut build = Build::new();
    let terms: Vec<&str> = left.split(',').collect();
    let reads: Vec<_> = terms.iter().map(|t| build.input(T::dtype(), &shape(t))).collect();
    let out = build.output(T::dtype(), &shape(right));
    build.einsum(text, &reads, out, Algebra::SUM_PRODUCT, gemm);
    let plan = build.seal();
    let mut random = Random(3);
    // The second factor is a small integer.
    let integers: Vec<Vec<i64>> = terms
        .iter()
        .enumerate()
        .map(|(k, t)| {
            let n = shape(t).iter().product();
            if k == 0 {
                numbers::<T>(kind, n, &mut random)
            } else {
                (0..n).map(|_| if kind == 0 { 1 } else { 1 + random.below(4) as i64 }).collect()
            }
        })
        .collect();
    let axes: Vec<Axis> = extents.iter().map(|&e| Axis::new("x", e)).collect();
    let mut exact = Exact::new(shape(right).iter().product());
    let index = |t: &str, p: &[i64]| t.chars().fold(0, |i, x| i * extents[at(x)] + p[at(x)] as usize);
    each(&axes, |p| {
        let term = terms.iter().zip(&integers).map(|(t, k)| i128::from(k[index(t, p)])).product();
        exact.add(index(right, p), term);
    });
    let data: Vec<Vec<T>> = integers
        .into_iter()
        .enumerate()
        .map(|(x, k)| k.into_iter().map(|k| T::of(if x == 0 { k } else { k << T::SCALE })).collect())
        .collect();
    let ins: Vec<_> = terms.iter().zip(&data).map(|(t, data)| dense(data, &shape(t))).collect();
    let most = if gemm { PRODUCT_EPSILONS } else { EPSILONS };
    exact.check_within(most, &run(&plan, &ins, T::of(0)), &format!("{text} {extents:?} kind {kind} gemm {gemm}"));
}

#[test]
fn sums_over_any_axes_are_within_the_bound() {
    let cases: &[(&str, bool, &[usize])] = &[
        ("a->", false, &[N]),
        ("ab->b", false, &[N / 2, 2]),
        ("ab->b", false, &[N / 30, 30]),
        ("ab->b", false, &[N / 700, 700]),
        ("ab->a", false, &[3, N / 3]),
        ("ab->a", false, &[200, 5000]),
        ("abc->b", false, &[1000, 50, 20]),
        ("abc->ac", false, &[3, N / 30, 10]),
        ("abc->c", false, &[300, 300, 11]),
        ("abc->ca", false, &[5, 20_000, 10]),
        ("aab->b", false, &[900, 10]),
        ("a,a->", false, &[N]),
        ("ab,ab->b", false, &[N / 20, 20]),
        ("ab,a->b", false, &[N / 20, 20]),
        ("ab,b->b", false, &[N / 100, 100]),
        ("abc,ab->c", false, &[200, 500, 10]),
        ("a,a,a->", false, &[N]),
        ("ab,a,a->b", false, &[N / 20, 20]),
        ("ab,ac->bc", true, &[N / 4, 2, 2]),
        ("ab,ac->bc", true, &[N / 150, 10, 15]),
        ("ab,ac->cb", true, &[N / 150, 10, 15]),
        ("ba,ca->bc", true, &[N / 150, 10, 15]),
        ("dab,dac->bc", true, &[200, 3, 3, 200]),
        ("abd,acd->bc", true, &[200, 3, 3, 200]),
    ];
    for &(text, gemm, extents) in cases {
        for kind in 0..3 {
            check_text::<f32>(text, extents, gemm, kind);
            check_text::<f64>(text, extents, gemm, kind);
        }
    }
}

/// `Y[i] += x[i+k]` and `Y[i+k] += x[i,k]`.
#[test]
fn sums_through_windows_are_within_the_bound() {
    let (i, k) = (20, 50_000);
    for scatters in [false, true] {
        let mut build = Build::new();
        let window = Index::affine(0, [(1, AxisRef::Own(0)), (1, AxisRef::Own(1))]);
        let shape: &[usize] = if scatters { &[k, i] } else { &[i + k - 1] };
        let x = build.input(Dtype::F32, shape);
        let y = build.output(Dtype::F32, if scatters { &[40] } else { &[20] });
        let (read, write) = if scatters {
            // Of 50 000 rows each goes to one of two places.
            let g = build.input(Dtype::I64, &[k]);
            let gather = Index::gather(Access::plain(g, [0]), OutOfRange::Error);
            let place = Index::new(0, Index::<BufferId>::axis(1).terms().to_vec(), gather.indirect().to_vec());
            (Access::plain(x, [0, 1]), Access::new(y, vec![place]))
        } else {
            (Access::new(x, vec![window]), Access::plain(y, [0]))
        };
        let axes = if scatters { [("k", k), ("i", i)] } else { [("i", i), ("k", k)] };
        build.push(Step {
            origin: NodeId(0),
            axes: axes.map(|(label, n)| Axis::new(label, n)).to_vec(),
            reads: vec![read],
            write,
            mode: WriteMode::Overwrite,
            algebra: Algebra::SUM_PRODUCT,
            form: free(),
        });
        let data = vec![f32::of(f32::TENTH); shape.iter().product()];
        let g: Vec<i64> = (0..k).map(|k| 20 * (k * 7919 % 2) as i64).collect();
        let mut ins = vec![dense(&data, shape)];
        let mut exact = Exact::new(if scatters { 40 } else { 20 });
        if scatters {
            ins.push(dense(&g, &[k]));
            (0..k * i).for_each(|p| exact.add(g[p / i] as usize + p % i, f32::TENTH.into()));
        } else {
            (0..k * i).for_each(|p| exact.add(p % i, f32::TENTH.into()));
        }
        exact.check(&run(&build.seal(), &ins, 0f32), if scatters { "scattered windows" } else { "windows" });
    }
}

/// Through slots: converted factors and expressions, gathered ones too.
#[test]
fn sums_of_converted_and_computed_terms_are_within_the_bound() {
    for (columns, gathers) in [(1, false), (20, false), (700, false), (1, true), (20, true), (400, true)] {
        let n = N / columns;
        let mut build = Build::new();
        let x = build.input(Dtype::I16, &[n, columns]);
        let g = build.input(Dtype::I64, &[n]);
        let y = build.output(Dtype::F32, &[columns]);
        let row = if gathers { Index::gather(Access::plain(g, [0]), OutOfRange::Error) } else { Index::axis(0) };
        let ops = vec![
            (PointOp::Read(0), Dtype::F32),
            (PointOp::Literal(Literal::Float(0.1)), Dtype::F32),
            (PointOp::Call(Function::Mul), Dtype::F32),
        ];
        build.push(Step {
            origin: NodeId(0),
            axes: vec![Axis::new("n", n), Axis::new("f", columns)],
            reads: vec![Access::new(x, vec![row, Index::axis(1)])],
            write: Access::plain(y, [1]),
            mode: WriteMode::Overwrite,
            algebra: Algebra::SUM_PRODUCT,
            form: Form::Nest(Some(Expr::new(ops).unwrap().into())),
        });
        let (data, g) = (vec![1i16; N], (0..n as i64).rev().collect::<Vec<_>>());
        let mut exact = Exact::new(columns);
        (0..n * columns).for_each(|p| exact.add(p % columns, f32::TENTH.into()));
        let got = run(&build.seal(), &[dense(&data[..n * columns], &[n, columns]), dense(&g, &[n])], 0f32);
        exact.check(&got, &format!("{columns} columns, gathers {gathers}"));
    }
}

/// `ln Σ exp` of equal terms is `x + ln n`.
#[test]
fn log_sums_are_within_the_bound() {
    let algebra = Algebra::Builtin { add: BinaryOp::LogAddExp, mul: BinaryOp::Add };
    for (text, shape) in [("ab->", [1, N]), ("ab->b", [N / 3, 3]), ("ab->b", [N / 100, 100]), ("ab->a", [3, N / 3])] {
        let mut build = Build::new();
        let a = build.input(Dtype::F64, &shape);
        let out = build.output(
            Dtype::F64,
            &[shape[0], shape[1]][if text == "ab->a" { 0..1 } else { 1..2 }]
                .iter()
                .copied()
                .filter(|_| text != "ab->")
                .collect::<Vec<_>>(),
        );
        build.einsum(text, &[a], out, algebra, false);
        let terms = if text == "ab->a" {
            shape[1]
        } else if text == "ab->" {
            N
        } else {
            shape[0]
        };
        let data = vec![1.0; shape[0] * shape[1]];
        let want = 1.0 + (terms as f64).ln();
        for got in run(&build.seal(), &[dense(&data, &shape)], 0f64) {
            assert!((got - want).abs() <= EPSILONS * f64::EPSILON * want, "{text}: {got} {want}");
        }
    }
}
