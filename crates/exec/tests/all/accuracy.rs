//! How far sums of floats are from the exact ones, for every way in which a sum is computed. Operands are integers times a power
//! of two, so that exact sums are sums of integers.

use std::num::NonZeroUsize;

use einfold_exec::{AnyView, AnyViewMut, BindOptions, Control, Element, Scratch, bind};
use einfold_ir::{
    Access, Algebra, Axis, AxisRef, BinaryOp, Dtype, Expr, Form, Function, Index, Layout, Literal, Mode, Nest, NodeId,
    OutOfRange, Plan, PointOp, Step,
};
use num_complex::Complex;

use super::support::{Build, Random, each, free};

/// The most that a sum may be wrong by, in epsilons of its dtype times the sum of its terms' magnitudes: 2·10⁻⁶ for `f32`.
const EPSILONS: f64 = 16.7;
/// The same for matrix products, whose kernels add four times as many products in a row.
const PRODUCT_EPSILONS: f64 = 2.0 * EPSILONS;
/// Points of most sums.
const N: usize = 400_000;

/// A float that is `k · 2⁻ˢ`.
trait Float: Element + PartialEq {
    const EPSILON: f64;
    const SCALE: i32;
    /// 0.1, and the bits of a mantissa.
    const TENTH: i64;
    const MANTISSA: u32;
    fn of(k: i64) -> Self;
    /// As an integer, `2ˢ` times itself.
    fn scaled(self) -> i128;
}

impl Float for f32 {
    const EPSILON: f64 = f32::EPSILON as f64;
    const SCALE: i32 = 27;
    const TENTH: i64 = 13_421_773;
    const MANTISSA: u32 = 24;
    fn of(k: i64) -> f32 {
        k as f32 * 2f32.powi(-Self::SCALE)
    }
    fn scaled(self) -> i128 {
        f64::from(self).scaled() >> (f64::SCALE - Self::SCALE)
    }
}

impl Float for f64 {
    const EPSILON: f64 = f64::EPSILON;
    const SCALE: i32 = 55;
    const TENTH: i64 = 3_602_879_701_896_397;
    const MANTISSA: u32 = 53;
    fn of(k: i64) -> f64 {
        k as f64 * 2f64.powi(-Self::SCALE)
    }
    fn scaled(self) -> i128 {
        (self * 2f64.powi(Self::SCALE)) as i128
    }
}

/// The sums that are due, and those of magnitudes.
#[derive(Clone, Default)]
struct Exact(Vec<(i128, i128)>);

impl Exact {
    fn new(elements: usize) -> Exact {
        Exact(vec![(0, 0); elements])
    }

    fn add(&mut self, at: usize, term: i128) {
        self.0[at].0 += term;
        self.0[at].1 += term.abs();
    }

    fn check<T: Float>(&self, got: &[T], what: &str) {
        self.check_within(EPSILONS, got, what);
    }

    fn check_within<T: Float>(&self, most: f64, got: &[T], what: &str) {
        assert_eq!(got.len(), self.0.len());
        for (at, (&got, &(want, all))) in got.iter().zip(&self.0).enumerate() {
            let error = (got.scaled() - want).abs() as f64;
            let epsilons = error / (all as f64).max(1.0) / T::EPSILON;
            assert!(epsilons <= most, "{what} of {}, element {at}: {epsilons} epsilons", T::dtype());
        }
    }
}

/// Integers for the operands: 0.1, numbers of any mantissa, the same of either sign.
fn numbers<T: Float>(kind: usize, n: usize, random: &mut Random) -> Vec<i64> {
    let draw = |random: &mut Random| {
        let k = (random.next() << 20 ^ random.next()) as i64 & ((1 << T::MANTISSA) - 1);
        if kind == 2 && random.below(2) == 0 { -k } else { k }
    };
    (0..n).map(|_| if kind == 0 { T::TENTH } else { draw(random) }).collect()
}

fn dense<'a, T: Element>(data: &'a [T], shape: &[usize]) -> AnyView<'a> {
    AnyView::from_slice(data, 0, shape, &Layout::RowMajor.strides(shape)).unwrap()
}

/// Runs a plan with one output, which must have the same bits for every number of threads.
fn run<T: Float>(plan: &Plan, ins: &[AnyView<'_>], zero: T) -> Vec<T> {
    let shape = &plan.buffer(plan.outputs[0]).extents;
    let with = |threads| {
        let mut out = vec![zero; shape.iter().product()];
        let mut outs = [AnyViewMut::from_slice(&mut out, 0, shape, &Layout::RowMajor.strides(shape)).unwrap()];
        let control = Control { threads: NonZeroUsize::new(threads), ..Control::default() };
        bind(plan, ins, &mut outs, &BindOptions::default(), &mut Scratch::new()).unwrap().run(&control).unwrap();
        out
    };
    let one = with(1);
    assert!(one == with(2));
    one
}

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
        mode: Mode::Overwrite,
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
    /// Two groups far apart, in turns.
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

/// Ids below `groups`; under `drop` and `wrap` some outside or negative.
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

/// Ids that favour few of many groups: a group may be met by nearly all points of a block, which docs/semantics.md counts.
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
        mode: Mode::Overwrite,
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
                let strides = Layout::RowMajor.strides(shape);
                let mut outs = [AnyViewMut::from_slice(&mut out, 0, shape, &strides).unwrap()];
                super::support::run(&plan, &ins, &mut outs);
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
            let place = Index::affine(0, [(1, AxisRef::Own(1))]);
            let mut place = place;
            place.ids = Index::gather(Access::plain(g, [0]), OutOfRange::Error).ids;
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
            mode: Mode::Overwrite,
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
            mode: Mode::Overwrite,
            algebra: Algebra::SUM_PRODUCT,
            form: Form::Nest(Nest { ordered: true, expr: Some(Expr::new(ops).unwrap().into()), ..Nest::default() }),
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
        super::support::run(plan, ins, &mut outs);
    }
    out
}
