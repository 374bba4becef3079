//! Sums by scatter indices, also of complex numbers and of values that are not finite.

use einfold_exec::{AnyView, AnyViewMut, Element};
use einfold_ir::{Access, Algebra, Axis, Dtype, Index, NodeId, OutOfRange, Plan, Step, WriteMode};
use num_complex::Complex;

use super::{EPSILONS, Exact, Float, N, dense, numbers, run};
use crate::support::{Build, Random, free};

/// `Y[g[n],f] += w[n] * x[n,f]`, or without `w`, into `groups` rows.
fn grouped(dtype: Dtype, [n, f, groups]: [usize; 3], weights: bool, policy: OutOfRange) -> Plan {
    let mut build = Build::new();
    let g = build.input(Dtype::I64, &[n]);
    let x = build.input(dtype, &[n, f]);
    let mut reads = vec![Access::plain(x, [0, 1])];
    if weights {
        let w = build.input(dtype, &[n]);
        reads.push(Access::plain(w, [0]));
    }
    let y = build.output(dtype, &[groups, f]);
    build.push(Step {
        origin: NodeId(0),
        axes: vec![Axis::new("n", n), Axis::new("f", f)],
        reads,
        write: Access::new(y, vec![Index::gather(Access::plain(g, [0]), policy), Index::axis(1)]),
        mode: WriteMode::Overwrite,
        algebra: Algebra::SUM_PRODUCT,
        form: free(),
    });
    build.seal()
}

/// Which groups points go to.
#[derive(Clone, Copy, Debug)]
enum Spread {
    Random,
    Sorted,
    /// Two groups far apart, alternating.
    Two,
    /// Group *k* as often as 1/(*k*+1).
    Zipf,
}

impl Spread {
    fn group(self, k: usize, [n, groups]: [usize; 2], random: &mut Random) -> usize {
        match self {
            Spread::Random => random.below(groups),
            Spread::Sorted => k * groups / n,
            Spread::Two => k % 2 * (groups - 1),
            Spread::Zipf => {
                let most = (groups as f64 + 1.0).ln();
                let drawn = most * random.below(1 << 30) as f64 / f64::from(1 << 30);
                (drawn.exp() as usize - 1).min(groups - 1)
            }
        }
    }
}

/// Indices below `groups`; with `drop` and `wrap` some outside or negative.
fn ids(n: usize, groups: usize, spread: Spread, policy: OutOfRange, random: &mut Random) -> Vec<i64> {
    let odd = |k: usize, id: i64| match policy {
        OutOfRange::Drop if k % 999 == 5 => -7,
        OutOfRange::Wrap if k % 7 == 5 => id - groups as i64,
        _ => id,
    };
    (0..n).map(|k| odd(k, spread.group(k, [n, groups], random) as i64)).collect()
}

fn check_groups<T: Float>(extents: [usize; 3], kind: usize, spread: Spread, weights: bool, policy: OutOfRange) {
    check_groups_within::<T>(EPSILONS, extents, kind, spread, weights, policy);
}

fn check_groups_within<T: Float>(
    most: f64,
    extents: [usize; 3],
    kind: usize,
    spread: Spread,
    weights: bool,
    policy: OutOfRange,
) {
    let [n, f, groups] = extents;
    let mut random = Random(5);
    let plan = grouped(T::dtype(), extents, weights, policy);
    let g = ids(n, groups, spread, policy, &mut random);
    let k = numbers::<T>(kind, n * f, &mut random);
    let w: Vec<i64> = (0..n).map(|_| if weights { 1 + random.below(4) as i64 } else { 1 }).collect();
    let mut exact = Exact::new(groups * f);
    for (point, &k) in k.iter().enumerate() {
        let id = g[point / f] + if policy == OutOfRange::Wrap && g[point / f] < 0 { groups as i64 } else { 0 };
        if id >= 0 {
            exact.add(id as usize * f + point % f, i128::from(k) * i128::from(w[point / f]));
        }
    }
    let x: Vec<T> = k.into_iter().map(T::of).collect();
    let w: Vec<T> = w.into_iter().map(|w| T::of(w << T::SCALE)).collect();
    let mut ins = vec![dense(&g, &[n]), dense(&x, &[n, f])];
    if weights {
        ins.push(dense(&w, &[n]));
    }
    let got = run(&plan, &ins, T::of(0));
    exact.check_within(most, &got, &format!("{extents:?}, kind {kind}, {spread:?}, weights {weights}, {policy:?}"));
}

#[test]
fn ten_million_tenths_by_groups_are_within_the_bound() {
    for groups in [1, 2, 3, 1000] {
        check_groups::<f32>([10_000_000, 1, groups], 0, Spread::Random, false, OutOfRange::Error);
    }
}

#[test]
fn sums_by_ids_are_within_the_bound() {
    for groups in [1, 2, 3, 40, 1000] {
        for (kind, spread) in [(0, Spread::Random), (0, Spread::Sorted), (1, Spread::Random)] {
            check_groups::<f32>([N, 1, groups], kind, spread, false, OutOfRange::Error);
            check_groups::<f64>([N, 1, groups], kind, spread, false, OutOfRange::Error);
        }
    }
    for policy in [OutOfRange::Drop, OutOfRange::Wrap] {
        check_groups::<f32>([N, 1, 2], 0, Spread::Random, false, policy);
        check_groups::<f64>([N, 1, 30], 0, Spread::Random, true, policy);
    }
}

/// Indices that favour few of many groups: nearly all points of a block may add to one group, which docs/semantics.md
/// accounts for.
#[test]
fn sums_by_skewed_ids_are_within_their_bound() {
    for spread in [Spread::Two, Spread::Zipf] {
        for (f, groups) in [(1, 40), (1, 1000), (16, 300), (700, 30)] {
            let met = (N / f).min(16 * groups + 512);
            let most = 64.0 + met as f64 / 2.0;
            for (kind, weights, policy) in [(0, false, OutOfRange::Error), (2, true, OutOfRange::Drop)] {
                check_groups_within::<f32>(most, [N / f, f, groups], kind, spread, weights, policy);
                check_groups_within::<f64>(most, [N / f, f, groups], kind, spread, weights, policy);
            }
        }
    }
}

#[test]
fn rows_by_ids_are_within_the_bound() {
    for (f, groups) in [(3, 2), (16, 1), (16, 5), (16, 300), (700, 1), (700, 3)] {
        for weights in [false, true] {
            check_groups::<f32>([N / f, f, groups], 0, Spread::Random, weights, OutOfRange::Error);
            check_groups::<f64>([N / f, f, groups], 1, Spread::Random, weights, OutOfRange::Error);
            check_groups::<f32>([N / f, f, groups], 2, Spread::Sorted, weights, OutOfRange::Drop);
        }
    }
}

/// The sum of a row of 200 goes to the group of the row.
#[test]
fn sums_of_rows_by_ids_are_within_the_bound() {
    let (n, f) = (5000, 200);
    let mut build = Build::new();
    let g = build.input(Dtype::I64, &[n]);
    let x = build.input(Dtype::F32, &[n, f]);
    let y = build.output(Dtype::F32, &[2]);
    build.push(Step {
        origin: NodeId(0),
        axes: vec![Axis::new("n", n), Axis::new("f", f)],
        reads: vec![Access::plain(x, [0, 1])],
        write: Access::new(y, vec![Index::gather(Access::plain(g, [0]), OutOfRange::Error)]),
        mode: WriteMode::Overwrite,
        algebra: Algebra::SUM_PRODUCT,
        form: free(),
    });
    let g: Vec<i64> = (0..n).map(|k| (k % 2) as i64).collect();
    let x = vec![f32::of(f32::TENTH); n * f];
    let mut exact = Exact::new(2);
    (0..n * f).for_each(|point| exact.add(point / f % 2, f32::TENTH.into()));
    exact.check(&run(&build.seal(), &[dense(&g, &[n]), dense(&x, &[n, f])], 0f32), "rows");
}

#[test]
fn complex_sums_are_within_the_bound() {
    fn check<T: Float>(groups: usize)
    where
        Complex<T>: Element + PartialEq,
    {
        let mut random = Random(9);
        let g = ids(N, groups, Spread::Random, OutOfRange::Error, &mut random);
        let [re, im] = [0, 1].map(|kind| numbers::<T>(kind, N, &mut random));
        let x: Vec<Complex<T>> = re.iter().zip(&im).map(|(&re, &im)| Complex::new(T::of(re), T::of(im))).collect();
        let zero = Complex::new(T::of(0), T::of(0));
        let by_ids = grouped(<Complex<T>>::dtype(), [N, 1, groups], false, OutOfRange::Error);
        let mut build = Build::new();
        let a = build.input(<Complex<T>>::dtype(), &[N / groups, groups]);
        let out = build.output(<Complex<T>>::dtype(), &[groups]);
        build.einsum("ab->b", &[a], out, Algebra::SUM_PRODUCT, false);
        let columns = build.seal();
        let runs = [
            (by_ids, vec![dense(&g, &[N]), dense(&x, &[N, 1])], true),
            (columns, vec![dense(&x[..N / groups * groups], &[N / groups, groups])], false),
        ];
        for (plan, ins, by_ids) in runs {
            let mut out = vec![zero; groups];
            {
                let shape = &plan.buffer(plan.outputs[0]).extents;
                let strides = crate::support::row_major(shape);
                let mut outs = [AnyViewMut::from_slice(&mut out, 0, shape, &strides).unwrap()];
                crate::support::run(&plan, &ins, &mut outs);
            }
            for (part, k) in [&re, &im].into_iter().enumerate() {
                let mut exact = Exact::new(groups);
                let points = k.iter().enumerate().take(if by_ids { N } else { N / groups * groups });
                points.for_each(|(n, &k)| exact.add(if by_ids { g[n] as usize } else { n % groups }, k.into()));
                let got: Vec<T> = out.iter().map(|x| if part == 0 { x.re } else { x.im }).collect();
                exact.check(&got, if by_ids { "complex by ids" } else { "complex columns" });
            }
        }
    }
    for groups in [1, 2, 3, 200] {
        check::<f32>(groups);
        check::<f64>(groups);
    }
}

/// Infinities and NaN go through sums of blocks as through any sum.
#[test]
fn values_that_are_not_finite_pass() {
    let plan = grouped(Dtype::F64, [N, 1, 4], false, OutOfRange::Error);
    let g: Vec<i64> = (0..N).map(|n| (n % 4) as i64).collect();
    let mut x = vec![1f64; N];
    (x[500], x[501], x[502], x[300_002]) = (f64::INFINITY, f64::NAN, f64::INFINITY, f64::NEG_INFINITY);
    let got = run_bits(&plan, &[dense(&g, &[N]), dense(&x, &[N, 1])]);
    assert_eq!(got[0], f64::INFINITY);
    assert!(got[1].is_nan() && got[2].is_nan());
    assert_eq!(got[3], (N / 4) as f64);
}

fn run_bits(plan: &Plan, ins: &[AnyView<'_>]) -> Vec<f64> {
    let mut out = vec![0f64; 4];
    {
        let mut outs = [AnyViewMut::from_slice(&mut out, 0, &[4, 1], &[1, 1]).unwrap()];
        crate::support::run(plan, ins, &mut outs);
    }
    out
}
