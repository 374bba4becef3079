//! Scatters in chunks, for every dtype and operation and every kind of index tensor, against plain loops.

use std::num::NonZeroUsize;

use einfold_exec::{AnyView, AnyViewMut, BindOptions, Control, Element, RunStopped, Scratch, bind};
use einfold_ir::{
    Access, AffineTerm, Algebra, Axis, AxisRef, BinaryOp, BufferId, Dtype, Expr, Form, Index, IndirectTerm, Literal,
    NodeId, OutOfRange, Plan, PointOp, Step, WriteMode,
};

use super::support::{Build, Operation, Random, free};

/// As many points as make several chunks and a shorter one.
const N: usize = 300_001;
const GROUPS: usize = 300;

fn algebra(add: BinaryOp) -> Algebra {
    Algebra::Builtin { add, mul: if add == BinaryOp::Max { BinaryOp::Add } else { BinaryOp::Mul } }
}

/// `Y[g[n]] ⊕= x[n]`.
fn groups<I: Element, T: Element>(n: usize, add: BinaryOp, policy: OutOfRange) -> Plan {
    let mut build = Build::new();
    let g = build.input(I::dtype(), &[n]);
    let x = build.input(T::dtype(), &[n]);
    let y = build.output(T::dtype(), &[GROUPS]);
    build.push(Step {
        origin: NodeId(0),
        axes: vec![Axis::new("n", n)],
        reads: vec![Access::plain(x, [0])],
        write: Access::new(y, vec![Index::gather(Access::plain(g, [0]), policy)]),
        mode: WriteMode::Overwrite,
        algebra: algebra(add),
        form: free(),
    });
    build.seal()
}

/// A list with gaps, perhaps backwards.
struct Line<T> {
    store: Vec<T>,
    step: isize,
}

impl<T: Copy> Line<T> {
    fn new(values: &[T], step: isize) -> Line<T> {
        let gap = step.unsigned_abs();
        let mut store: Vec<T> = values.iter().flat_map(|&v| std::iter::repeat_n(v, gap)).collect();
        if step < 0 {
            store.reverse();
        }
        Line { store, step }
    }

    fn start(&self) -> usize {
        if self.step < 0 { self.store.len() - 1 } else { 0 }
    }
}

fn run<I: Element, T: Element>(
    plan: &Plan,
    g: &Line<I>,
    x: &Line<T>,
    zero: T,
    threads: usize,
) -> Result<Vec<T>, RunStopped> {
    let n = plan.buffer(BufferId(0)).extents[0];
    let mut y = vec![zero; 3 * GROUPS];
    let ins = [
        AnyView::from_slice(&g.store, g.start(), &[n], &[g.step]).unwrap(),
        AnyView::from_slice(&x.store, x.start(), &[n], &[x.step]).unwrap(),
    ];
    {
        let mut outs = [AnyViewMut::from_slice(&mut y, 3 * GROUPS - 1, &[GROUPS], &[-3]).unwrap()];
        let control = Control { threads: NonZeroUsize::new(threads), ..Control::default() };
        bind(plan, &ins, &mut outs, &BindOptions::default(), &mut Scratch::new()).unwrap().run(&control)?;
    }
    Ok(y.into_iter().rev().step_by(3).collect())
}

/// `n` indices below `GROUPS` or 100, converted by `to`: sorted, in runs, or at random.
fn ids<I>(n: usize, kind: usize, most: usize, random: &mut Random, to: impl Fn(usize) -> I) -> Vec<I> {
    let most = GROUPS.min(most);
    let id = |k: usize, random: &mut Random| match kind {
        0 => k * most / n,
        1 => k / 45 * 7 % most,
        _ => random.below(most),
    };
    (0..n).map(|k| to(id(k, random))).collect()
}

/// One dtype of values and one of indices: the given operations, each with its identity, on indices of every order.
fn check<I: Element, T: Element + PartialEq + std::fmt::Debug>(
    value: impl Fn(usize) -> T,
    id: impl Fn(usize) -> I,
    most: usize,
    operations: &[(BinaryOp, T, Operation<T>)],
) {
    let mut random = Random(7);
    let x: Vec<T> = (0..N).map(|_| value(random.below(1 << 20))).collect();
    for (round, &(add, identity, apply)) in operations.iter().enumerate() {
        let kind = round % 3;
        let numbers = ids(N, kind, most, &mut random, |id| id);
        let mut want = vec![identity; GROUPS];
        numbers.iter().zip(&x).for_each(|(&k, &x)| want[k] = apply(want[k], x));
        let g: Vec<I> = numbers.into_iter().map(&id).collect();
        let plan = groups::<I, T>(N, add, OutOfRange::Error);
        let steps = [[1, 1], [-2, 1], [1, -1], [2, 3]][round % 4];
        let (g, x) = (Line::new(&g, steps[0]), Line::new(&x, steps[1]));
        for threads in [1, 2] {
            let got = run(&plan, &g, &x, value(3), threads).unwrap();
            assert!(got == want, "{add} of {} by {}, ids {kind}, {threads} threads", T::dtype(), I::dtype());
        }
    }
}

/// One operation, for indices of every order.
fn thrice<T: Copy>(add: BinaryOp, identity: T, apply: Operation<T>) -> [(BinaryOp, T, Operation<T>); 3] {
    [(add, identity, apply); 3]
}

#[test]
fn every_dtype_and_operation_reduces_by_ids_of_every_type() {
    macro_rules! integers {
        ($($t:ty: $i:ty;)*) => { $(
            check::<$i, $t>(|k| k as $t, |id| id as $i, <$i>::MAX as usize, &[
                (BinaryOp::Add, 0, <$t>::wrapping_add),
                (BinaryOp::Mul, 1, <$t>::wrapping_mul),
                (BinaryOp::Max, <$t>::MIN, std::cmp::max),
                (BinaryOp::Min, <$t>::MAX, std::cmp::min),
                (BinaryOp::Or, 0, |a, b| a | b),
                (BinaryOp::And, !0, |a, b| a & b),
            ]);
        )* };
    }
    integers! { i8: u64; i16: u32; i32: u16; i64: u8; u8: i64; u16: i32; u32: i16; u64: i8; }
    // Sums of small integers, and products of ±1, are exact in any order.
    macro_rules! floats {
        ($($t:ty: $i:ty;)*) => { $(
            check::<$i, $t>(|k| k as $t % 64.0 - 32.0, |id| id as $i, <$i>::MAX as usize, &[
                (BinaryOp::Add, 0.0, |a, b| a + b),
                (BinaryOp::Max, <$t>::NEG_INFINITY, <$t>::max),
                (BinaryOp::Min, <$t>::INFINITY, <$t>::min),
            ]);
            check::<$i, $t>(|k| 1.0 - 2.0 * (k % 2) as $t, |id| id as $i, 100, &thrice(BinaryOp::Mul, 1.0, |a, b| a * b));
        )* };
    }
    floats! { f32: i32; f64: i64; }
    check::<i64, bool>(
        |k| k % 999 == 0,
        |id| id as i64,
        GROUPS,
        &[
            (BinaryOp::Add, false, |a, b| a | b),
            (BinaryOp::Or, false, |a, b| a | b),
            (BinaryOp::Max, false, |a, b| a | b),
        ],
    );
    check::<i64, bool>(|k| k % 999 != 0, |id| id as i64, GROUPS, &thrice(BinaryOp::And, true, |a, b| a & b));
    use num_complex::Complex;
    check::<i32, Complex<f32>>(
        |k| Complex::new((k % 8) as f32, (k % 5) as f32),
        |id| id as i32,
        GROUPS,
        &thrice(BinaryOp::Add, Complex::ZERO, |a, b| a + b),
    );
    check::<i32, Complex<f64>>(
        |k| Complex::new((k % 8) as f64, (k % 5) as f64),
        |id| id as i32,
        GROUPS,
        &thrice(BinaryOp::Add, Complex::ZERO, |a, b| a + b),
    );
    check::<i32, Complex<i64>>(
        |k| Complex::new((k % 8) as i64, (k % 5) as i64),
        |id| id as i32,
        GROUPS,
        &thrice(BinaryOp::Add, Complex::new(0, 0), |a, b| a + b),
    );
}

#[test]
fn the_bits_do_not_depend_on_threads() {
    let mut random = Random(5);
    let x: Vec<f64> = (0..N).map(|_| random.below(1 << 30) as f64 / 1e9 - 0.5).collect();
    for kind in 0..3 {
        let g = ids(N, kind, GROUPS, &mut random, |id| id as i64);
        for add in [BinaryOp::Add, BinaryOp::Mul] {
            let plan = groups::<i64, f64>(N, add, OutOfRange::Error);
            let bits = |threads| -> Vec<u64> {
                let y = run(&plan, &Line::new(&g, 1), &Line::new(&x, 1), 0.0, threads).unwrap();
                y.into_iter().map(f64::to_bits).collect()
            };
            let one = bits(1);
            assert!(one == bits(2) && one == bits(5), "{add}, ids {kind}");
        }
    }
}

/// Where chunks begin and end, for this many points.
fn edges() -> Vec<usize> {
    let len = N.div_ceil(4);
    vec![0, 511, 512, len - 1, len, 2 * len, 3 * len + 1, N - 1]
}

/// One index out of range, at the edges of chunks: refused with its value and position, or dropped.
fn hostile<I: Element + Into<i128>>(bad: &[I], id: impl Fn(usize) -> I) {
    let x = Line::new(&vec![1.0; N], 1);
    for (round, &bad) in bad.iter().enumerate() {
        for &at in edges().iter().skip(round % 2).step_by(2) {
            let mut g: Vec<I> = (0..N).map(|k| id(k % 100)).collect();
            g[at] = bad;
            let g = Line::new(&g, if round % 2 == 0 { 1 } else { -1 });
            for policy in [OutOfRange::Error, OutOfRange::Wrap] {
                let plan = groups::<I, f64>(N, BinaryOp::Add, policy);
                let Err(RunStopped::IndexOutOfRange(error)) = run(&plan, &g, &x, 0.0, 1 + round % 2) else {
                    panic!("{} is outside", bad.into());
                };
                assert_eq!((&error.position[..], error.value), (&[at as i128][..], bad.into()));
            }
            let plan = groups::<I, f64>(N, BinaryOp::Add, OutOfRange::Drop);
            let got = run(&plan, &g, &x, 0.0, 2).unwrap();
            let want = |k: usize| if k < 100 { (k..N).step_by(100).filter(|&n| n != at).count() as f64 } else { 0.0 };
            assert!(got.iter().enumerate().all(|(k, &y)| y == want(k)), "{} at {at} is dropped", bad.into());
        }
    }
}

#[test]
fn hostile_ids_in_chunks_are_named_or_dropped() {
    let groups = GROUPS as i64;
    hostile(&[groups, -groups - 1, i64::MIN, i64::MAX, i64::MIN + groups, 1 << 32], |k| k as i64);
    hostile(&[i32::MIN, i32::MAX, -(GROUPS as i32) - 1], |k| k as i32);
    hostile(&[i16::MIN, i16::MAX], |k| k as i16);
    hostile(&[u64::MAX, 1 << 63, u64::MAX - 5, GROUPS as u64], |k| k as u64);
    hostile(&[u32::MAX, u32::MAX - 1], |k| k as u32);
    hostile(&[u16::MAX], |k| k as u16);
    // All one-byte indices are below the number of groups, except the negative ones, which wrap here: see below.
    let x = Line::new(&vec![1.0; N], 1);
    let g: Vec<i8> = (0..N).map(|k| -1 - (k % 100) as i8).collect();
    let plan = groups_of_bytes(OutOfRange::Wrap);
    let got = run(&plan, &Line::new(&g, 1), &x, 0.0, 2).unwrap();
    let want = |k: usize| (GROUPS - 1 - k..N).step_by(100).count() as f64;
    assert!((GROUPS - 100..GROUPS).all(|k| got[k] == want(k)) && got[..GROUPS - 100].iter().all(|&y| y == 0.0));
    let Err(RunStopped::IndexOutOfRange(error)) =
        run(&groups_of_bytes(OutOfRange::Error), &Line::new(&g, 1), &x, 0.0, 2)
    else {
        panic!("-1 is outside");
    };
    assert_eq!((&error.position[..], error.value), (&[0i128][..], -1));
}

#[test]
fn many_ids_may_be_dropped() {
    let mut random = Random(13);
    for share in [1000, 40, 3] {
        let id = |random: &mut Random| if random.below(share) == 0 { random.below(1000) as i64 - 600 } else { 5 };
        let g: Vec<i64> = (0..N).map(|_| id(&mut random)).collect();
        let x: Vec<f64> = (0..N).map(|k| (k % 17) as f64).collect();
        let mut want = vec![0.0; GROUPS];
        g.iter().zip(&x).filter(|(g, _)| (0..GROUPS as i64).contains(g)).for_each(|(&g, &x)| want[g as usize] += x);
        let plan = groups::<i64, f64>(N, BinaryOp::Add, OutOfRange::Drop);
        for threads in [1, 2] {
            let got = run(&plan, &Line::new(&g, 1), &Line::new(&x, 1), 0.0, threads).unwrap();
            assert!(got == want, "one in {share}, {threads} threads");
        }
    }
}

fn groups_of_bytes(policy: OutOfRange) -> Plan {
    groups::<i8, f64>(N, BinaryOp::Add, policy)
}

#[test]
fn an_unsigned_id_is_not_taken_for_a_negative_one_in_a_sum() {
    // Y[n] = X[g[n] + 1]: 2^64 - 1 is not -1.
    let n = 600;
    let mut build = Build::new();
    let g = build.input(Dtype::U64, &[n]);
    let x = build.input(Dtype::F64, &[4]);
    let y = build.output(Dtype::F64, &[n]);
    let ids = IndirectTerm { coef: 1, access: Access::plain(g, [0]), policy: OutOfRange::Error };
    let index = Index::new(1, [], vec![ids]);
    build.push(Step {
        origin: NodeId(0),
        axes: vec![Axis::new("n", n)],
        reads: vec![Access::new(x, vec![index])],
        write: Access::plain(y, [0]),
        mode: WriteMode::Overwrite,
        algebra: Algebra::SUM_PRODUCT,
        form: free(),
    });
    let plan = build.seal();
    let x = [1.0, 2.0, 3.0, 4.0];
    let go = |ids: &[u64]| {
        let mut y = vec![0.0; n];
        let ins = [AnyView::from_slice(ids, 0, &[n], &[1]).unwrap(), AnyView::from_slice(&x, 0, &[4], &[1]).unwrap()];
        let mut outs = [AnyViewMut::from_slice(&mut y, 0, &[n], &[1]).unwrap()];
        let ran = bind(&plan, &ins, &mut outs, &BindOptions::default(), &mut Scratch::new())
            .unwrap()
            .run(&Control::default());
        ran.map(|()| y)
    };
    let mut ids: Vec<u64> = (0..n as u64).map(|k| k % 3).collect();
    assert_eq!(go(&ids), Ok((0..n).map(|k| x[k % 3 + 1]).collect()));
    ids[77] = u64::MAX;
    let Err(RunStopped::IndexOutOfRange(error)) = go(&ids) else { panic!("2^64 is outside") };
    assert_eq!((&error.position[..], error.value, error.at), (&[77i128][..], u64::MAX.into(), 1 << 64));
}

#[test]
fn a_constant_is_written_wherever_a_point_is_not_dropped() {
    // Y[n] = 7, where X[g[n]] is there: the factor is read for its policy alone.
    let n = 3000;
    let mut build = Build::new();
    let g = build.input(Dtype::I32, &[n]);
    let x = build.input(Dtype::F64, &[5]);
    let y = build.output(Dtype::F64, &[n]);
    let seven = Expr::new(vec![(PointOp::Literal(Literal::Int(7)), Dtype::F64)]).unwrap();
    build.push(Step {
        origin: NodeId(0),
        axes: vec![Axis::new("n", n)],
        reads: vec![Access::new(x, vec![Index::gather(Access::plain(g, [0]), OutOfRange::Drop)])],
        write: Access::plain(y, [0]),
        mode: WriteMode::Overwrite,
        algebra: Algebra::SUM_PRODUCT,
        form: Form::Nest(Some(seven.into())),
    });
    let plan = build.seal();
    let g: Vec<i32> = (0..n as i32).map(|k| if k > 2000 && k % 7 == 0 { -1 } else { k % 5 }).collect();
    let (x, mut y) = ([0f64; 5], vec![f64::NAN; n]);
    let ins = [AnyView::from_slice(&g, 0, &[n], &[1]).unwrap(), AnyView::from_slice(&x, 0, &[5], &[1]).unwrap()];
    super::support::run(&plan, &ins, &mut [AnyViewMut::from_slice(&mut y, 0, &[n], &[1]).unwrap()]);
    assert!(y.iter().zip(&g).all(|(&y, &g)| y == if g < 0 { 0.0 } else { 7.0 }));
}

/// `Y[r[n] + 2 m, c[m], f] += w[n] · X[c[n], m, f]` with a long `n`: two index tensors on the left, one of them with an
/// affine term, and a gather.
#[test]
fn chunks_keep_the_positions_of_the_axis_that_is_cut() {
    let [n, m, f, rows, columns] = [70_001, 3, 2, 9, 4];
    let mut random = Random(3);
    let mut build = Build::new();
    let r = build.input(Dtype::I32, &[n]);
    let c = build.input(Dtype::U8, &[n]);
    let w = build.input(Dtype::I64, &[n]);
    let x = build.input(Dtype::I64, &[columns, m, f]);
    let y = build.output(Dtype::I64, &[rows + 2 * m, columns, f]);
    let shifted = |tensor, terms| {
        let ids = IndirectTerm { coef: 1, access: Access::plain(tensor, [0]), policy: OutOfRange::Error };
        Index::new(0, terms, vec![ids])
    };
    let two_m = vec![AffineTerm { coef: 2, axis: AxisRef::Own(1) }];
    build.push(Step {
        origin: NodeId(0),
        axes: vec![Axis::new("n", n), Axis::new("m", m), Axis::new("f", f)],
        reads: vec![Access::plain(w, [0]), Access::new(x, vec![shifted(c, vec![]), Index::axis(1), Index::axis(2)])],
        write: Access::new(y, vec![shifted(r, two_m), shifted(c, vec![]), Index::axis(2)]),
        mode: WriteMode::Overwrite,
        algebra: Algebra::SUM_PRODUCT,
        form: free(),
    });
    let plan = build.seal();
    let mut r: Vec<i32> = (0..n).map(|_| random.below(rows) as i32).collect();
    let c: Vec<u8> = (0..n).map(|_| random.below(columns) as u8).collect();
    let w: Vec<i64> = (0..n).map(|_| random.below(9) as i64 - 4).collect();
    let x: Vec<i64> = (0..columns * m * f).map(|k| k as i64).collect();
    let go = |r: &[i32], threads: usize| {
        let mut y = vec![-1i64; (rows + 2 * m) * columns * f];
        {
            let ins = [
                AnyView::from_slice(r, 0, &[n], &[1]).unwrap(),
                AnyView::from_slice(&c, 0, &[n], &[1]).unwrap(),
                AnyView::from_slice(&w, 0, &[n], &[1]).unwrap(),
                AnyView::from_slice(&x, 0, &[columns, m, f], &[(m * f) as isize, f as isize, 1]).unwrap(),
            ];
            let strides = [(columns * f) as isize, f as isize, 1];
            let mut outs = [AnyViewMut::from_slice(&mut y, 0, &[rows + 2 * m, columns, f], &strides).unwrap()];
            let control = Control { threads: NonZeroUsize::new(threads), ..Control::default() };
            bind(&plan, &ins, &mut outs, &BindOptions::default(), &mut Scratch::new()).unwrap().run(&control)?;
        }
        Ok(y)
    };
    let mut want = vec![0i64; (rows + 2 * m) * columns * f];
    for (k, j, i) in (0..n).flat_map(|k| (0..m).flat_map(move |j| (0..f).map(move |i| (k, j, i)))) {
        let (row, column) = (r[k] as usize + 2 * j, c[k] as usize);
        want[(row * columns + column) * f + i] += w[k] * x[(column * m + j) * f + i];
    }
    assert_eq!(go(&r, 1), Ok(want.clone()));
    assert_eq!(go(&r, 2), Ok(want));
    // One beyond the last row, at the last point of all.
    r[n - 1] = (rows + 2) as i32;
    let Err(RunStopped::IndexOutOfRange(error)) = go(&r, 2) else { panic!("outside for the last m") };
    assert_eq!((&error.position[..], error.value, error.size), (&[n as i128 - 1][..], rows as i128 + 2, rows + 2 * m));
    assert_eq!(error.at, (rows + 2 + 2 * (m - 1)) as i128);
}
