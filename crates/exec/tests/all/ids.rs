//! Gathers and scatters, and indices out of range.

use einfold_exec::{AnyView, AnyViewMut, BindOptions, Control, Element, RunStopped, Scratch, bind};
use einfold_ir::{Access, Algebra, Axis, Dtype, Form, Index, IndirectTerm, NodeId, OutOfRange, Plan, Step, WriteMode};

use super::support::{Build, free};

/// `Y[n,f] = X[g[n],f]`, with four indices of type `I`.
fn gather<I: Element>(policy: OutOfRange) -> Plan {
    let mut build = Build::new();
    let g = build.input(I::dtype(), &[4]);
    let x = build.input(Dtype::F32, &[3, 2]);
    let y = build.output(Dtype::F32, &[4, 2]);
    build.push(Step {
        origin: NodeId(0),
        axes: vec![Axis::new("n", 4), Axis::new("f", 2)],
        reads: vec![Access::new(x, vec![Index::gather(Access::plain(g, [0]), policy), Index::axis(1)])],
        write: Access::plain(y, [0, 1]),
        mode: WriteMode::Overwrite,
        algebra: Algebra::MAX_PLUS,
        form: free(),
    });
    build.seal()
}

const X: [f32; 6] = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];

fn run_gather<I: Element>(policy: OutOfRange, ids: [I; 4]) -> Result<[f32; 8], RunStopped> {
    let plan = gather::<I>(policy);
    let mut y = [f32::NAN; 8];
    let ins =
        [AnyView::from_slice(&ids, 0, &[4], &[1]).unwrap(), AnyView::from_slice(&X, 0, &[3, 2], &[2, 1]).unwrap()];
    let mut outs = [AnyViewMut::from_slice(&mut y, 0, &[4, 2], &[2, 1]).unwrap()];
    bind(&plan, &ins, &mut outs, &BindOptions::default(), &mut Scratch::new()).unwrap().run(&Control::default())?;
    Ok(y)
}

#[test]
fn a_gather_takes_ids_of_any_integer_type() {
    let want = Ok([5.0, 6.0, 1.0, 2.0, 3.0, 4.0, 1.0, 2.0]);
    assert_eq!(run_gather(OutOfRange::Error, [2i64, 0, 1, 0]), want);
    assert_eq!(run_gather(OutOfRange::Error, [2u64, 0, 1, 0]), want);
    assert_eq!(run_gather(OutOfRange::Error, [2i32, 0, 1, 0]), want);
    assert_eq!(run_gather(OutOfRange::Error, [2u32, 0, 1, 0]), want);
    assert_eq!(run_gather(OutOfRange::Error, [2i16, 0, 1, 0]), want);
    assert_eq!(run_gather(OutOfRange::Error, [2u16, 0, 1, 0]), want);
    assert_eq!(run_gather(OutOfRange::Error, [2i8, 0, 1, 0]), want);
    assert_eq!(run_gather(OutOfRange::Error, [2u8, 0, 1, 0]), want);
    assert_eq!(run_gather(OutOfRange::Wrap, [-1i8, -3, -2, 0]), want);
}

#[test]
fn a_dropped_id_leaves_the_identity() {
    let low = f32::NEG_INFINITY;
    let want = Ok([low, low, 1.0, 2.0, low, low, 5.0, 6.0]);
    assert_eq!(run_gather(OutOfRange::Drop, [3i64, 0, -1, 2]), want);
    assert_eq!(run_gather(OutOfRange::Drop, [i64::MIN, 0, i64::MAX, 2]), want);
    assert_eq!(run_gather(OutOfRange::Drop, [u64::MAX, 0, 1 << 63, 2]), want);
}

#[test]
fn a_bad_id_is_named() {
    let error = |result| match result {
        Err(RunStopped::IndexOutOfRange(error)) => *error,
        other => panic!("{other:?}"),
    };
    for (result, value) in [
        (run_gather(OutOfRange::Error, [0i64, 1, 3, 0]), 3),
        (run_gather(OutOfRange::Error, [0i64, 1, -1, 0]), -1),
        (run_gather(OutOfRange::Error, [0, 1, i64::MIN, 0]), i128::from(i64::MIN)),
        (run_gather(OutOfRange::Error, [0, 1, u64::MAX, 0]), i128::from(u64::MAX)),
        (run_gather(OutOfRange::Wrap, [0i64, 1, -4, 0]), -4),
        (run_gather(OutOfRange::Wrap, [0, 1, i64::MIN, 0]), i128::from(i64::MIN)),
    ] {
        let bad = error(result);
        assert_eq!((&*bad.tensor, bad.axis, &*bad.index_tensor, &bad.position[..]), ("t1", 0, "t0", &[2i128][..]));
        assert_eq!((bad.value, bad.at, bad.size), (value, value, 3));
    }
    let bad = error(run_gather(OutOfRange::Error, [0i64, 1, 3, 0]));
    assert_eq!(bad.to_string(), "t0[2] is 3, which indexes 3 along axis 1 of t1, of size 3");
}

#[test]
fn ids_scaled_to_the_limit_do_not_overflow() {
    let mut build = Build::new();
    let g = build.input(Dtype::U64, &[2]);
    let x = build.input(Dtype::F32, &[3]);
    let y = build.output(Dtype::F32, &[]);
    let ids = IndirectTerm { coef: i64::MIN, access: Access::plain(g, [0]), policy: OutOfRange::Drop };
    let index = Index::new(i64::MIN, [], vec![ids.clone(), ids]);
    build.push(Step {
        origin: NodeId(0),
        axes: vec![Axis::new("n", 2)],
        reads: vec![Access::new(x, vec![index])],
        write: Access::new(y, vec![]),
        mode: WriteMode::Overwrite,
        algebra: Algebra::SUM_PRODUCT,
        form: free(),
    });
    let plan = build.seal();
    let (g, x, mut y) = ([u64::MAX, 1], [1f32; 3], [7f32]);
    let ins = [AnyView::from_slice(&g, 0, &[2], &[1]).unwrap(), AnyView::from_slice(&x, 0, &[3], &[1]).unwrap()];
    super::support::run(&plan, &ins, &mut [AnyViewMut::from_slice(&mut y, 0, &[], &[]).unwrap()]);
    assert_eq!(y, [0.0]);
}

#[test]
fn a_scatter_combines_in_the_algebra() {
    let mut build = Build::new();
    let seg = build.input(Dtype::I64, &[6]);
    let x = build.input(Dtype::F64, &[6]);
    let y = build.output(Dtype::F64, &[3]);
    build.push(Step {
        origin: NodeId(0),
        axes: vec![Axis::new("n", 6)],
        reads: vec![Access::plain(x, [0])],
        write: Access::new(y, vec![Index::gather(Access::plain(seg, [0]), OutOfRange::Drop)]),
        mode: WriteMode::Overwrite,
        algebra: Algebra::MAX_PLUS,
        form: Form::Nest(None),
    });
    let plan = build.seal();
    let (seg, x, mut y) = ([0i64, 2, 0, -1, 2, 3], [-5.0, -1.0, -3.0, 9.0, -2.0, 9.0], [0f64; 3]);
    let ins = [AnyView::from_slice(&seg, 0, &[6], &[1]).unwrap(), AnyView::from_slice(&x, 0, &[6], &[1]).unwrap()];
    super::support::run(&plan, &ins, &mut [AnyViewMut::from_slice(&mut y, 0, &[3], &[1]).unwrap()]);
    assert_eq!(y, [-3.0, f64::NEG_INFINITY, -1.0]);
}

#[test]
fn a_nested_gather_names_the_id_that_is_bad() {
    // Y[n] = X[p[q[n]]]
    let mut build = Build::new();
    let q = build.input(Dtype::U8, &[3]);
    let p = build.input(Dtype::I16, &[2]);
    let x = build.input(Dtype::F64, &[4]);
    let y = build.output(Dtype::F64, &[3]);
    let inner = Access::new(p, vec![Index::gather(Access::plain(q, [0]), OutOfRange::Error)]);
    build.push(Step {
        origin: NodeId(0),
        axes: vec![Axis::new("n", 3)],
        reads: vec![Access::new(x, vec![Index::gather(inner, OutOfRange::Error)])],
        write: Access::plain(y, [0]),
        mode: WriteMode::Overwrite,
        algebra: Algebra::SUM_PRODUCT,
        form: free(),
    });
    let plan = build.seal();
    let x = [1.0, 2.0, 3.0, 4.0];
    let go = |q: [u8; 3], p: [i16; 2]| {
        let mut y = [0f64; 3];
        let ins = [
            AnyView::from_slice(&q, 0, &[3], &[1]).unwrap(),
            AnyView::from_slice(&p, 0, &[2], &[1]).unwrap(),
            AnyView::from_slice(&x, 0, &[4], &[1]).unwrap(),
        ];
        let mut outs = [AnyViewMut::from_slice(&mut y, 0, &[3], &[1]).unwrap()];
        let bound = bind(&plan, &ins, &mut outs, &BindOptions::default(), &mut Scratch::new())
            .unwrap()
            .run(&Control::default());
        bound.map(|()| y)
    };
    assert_eq!(go([1, 0, 1], [3, 0]), Ok([1.0, 4.0, 1.0]));
    let Err(RunStopped::IndexOutOfRange(bad)) = go([1, 0, 1], [4, 0]) else { panic!("4 is outside") };
    assert_eq!((&*bad.tensor, &*bad.index_tensor, &bad.position[..], bad.value), ("t2", "t1", &[0i128][..], 4));
    let Err(RunStopped::IndexOutOfRange(bad)) = go([1, 0, 2], [3, 0]) else { panic!("2 is outside") };
    assert_eq!((&*bad.tensor, &*bad.index_tensor, &bad.position[..], bad.value), ("t1", "t0", &[2i128][..], 2));
}
