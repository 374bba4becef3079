//! How much work is done between two looks at the cancel flag, counted in points, on every path.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use einfold_exec::{
    AnyView, AnyViewMut, BindOptions, Control, Element, RunStopped, Scratch, Semiring, UserSemiring, algebra, bind,
};
use einfold_ir::{
    Access, Algebra, Axis, AxisRef, BinaryOp, Dtype, Expr, Form, Function, Index, Laws, NodeId, OutOfRange, Plan,
    PointOp, Step, WriteMode,
};

use super::support::{Build, free};

/// Points between two looks: of nests, and multiplications of matrix products, which take less time each.
const NEST: u64 = 1 << 19;
const PRODUCT: u64 = 1 << 26;
/// Points along a long axis.
const LONG: usize = 1 << 17;

fn one(threads: usize) -> Control<'static> {
    Control { threads: NonZeroUsize::new(threads), ..Control::default() }
}

/// Runs a plan over operands that are `value` everywhere, or `ids` in an index tensor. Returns the largest number of
/// points between two progress reports, each of which also checks the flag, and checks that the reports reach the end and
/// that neither they nor a flag change the result.
fn most_points<T: Element + PartialEq>(plan: &Plan, value: T, ids: i64, options: &BindOptions<'_>) -> u64 {
    let (values, ids) = ([value], [ids]);
    let ins: Vec<AnyView<'_>> = plan
        .inputs
        .iter()
        .map(|&input| {
            let buffer = plan.buffer(input);
            let strides = vec![0; buffer.extents.len()];
            match buffer.dtype == Dtype::I64 && T::dtype() != Dtype::I64 {
                true => AnyView::from_slice(&ids, 0, &buffer.extents, &strides).unwrap(),
                false => AnyView::from_slice(&values, 0, &buffer.extents, &strides).unwrap(),
            }
        })
        .collect();
    let shape = &plan.buffer(plan.outputs[0]).extents;
    let run = |control: &Control<'_>| {
        let mut out = vec![value; shape.iter().product()];
        let mut outs = [AnyViewMut::from_slice(&mut out, 0, shape, &crate::support::row_major(shape)).unwrap()];
        bind(plan, &ins, &mut outs, options, &mut Scratch::new()).unwrap().run(control).unwrap();
        out
    };
    let plain = run(&one(1));
    let (most, last, total) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    let progress = |done: u64, all: u64| {
        most.fetch_max(done - last.swap(done, Ordering::Relaxed), Ordering::Relaxed);
        total.store(all, Ordering::Relaxed);
    };
    let cancel = AtomicBool::new(false);
    assert!(plain == run(&Control { progress: Some(&progress), cancel: Some(&cancel), ..one(1) }));
    assert_eq!(last.into_inner(), total.into_inner());
    most.into_inner()
}

fn einsum(text: &str, shapes: &[&[usize]], dtype: Dtype, algebra: Algebra, gemm: bool) -> Plan {
    let (left, _) = text.split_once("->").unwrap();
    let (output, inputs) = shapes.split_last().unwrap();
    let mut build = Build::new();
    let reads: Vec<_> = left.split(',').zip(inputs).map(|(_, shape)| build.input(dtype, shape)).collect();
    let out = build.output(dtype, output);
    build.einsum(text, &reads, out, algebra, gemm);
    build.seal()
}

#[test]
fn reductions_look_at_the_flag_often() {
    let lse = Algebra::Builtin { add: BinaryOp::LogAddExp, mul: BinaryOp::Add };
    for algebra in [Algebra::SUM_PRODUCT, Algebra::MAX_PLUS, lse] {
        let columns = einsum("ab->b", &[&[LONG, 100], &[100]], Dtype::F64, algebra, false);
        let rows = einsum("ab->a", &[&[100, LONG], &[100]], Dtype::F64, algebra, false);
        for plan in [columns, rows] {
            let most = most_points(&plan, 1.5f64, 0, &BindOptions::default());
            assert!(most <= NEST, "{algebra}: {most}");
        }
    }
    let products = einsum("ab,ab->a", &[&[100, LONG], &[100, LONG], &[100]], Dtype::F32, Algebra::SUM_PRODUCT, false);
    let integers = einsum("ab->b", &[&[LONG, 100], &[100]], Dtype::I32, Algebra::SUM_PRODUCT, false);
    assert!(most_points(&products, 1.5f32, 0, &BindOptions::default()) <= NEST);
    assert!(most_points(&integers, 3i32, 0, &BindOptions::default()) <= NEST);
}

#[test]
fn flat_sums_look_at_the_flag_often() {
    let plan = einsum("a->", &[&[LONG << 8], &[]], Dtype::F32, Algebra::SUM_PRODUCT, false);
    assert!(most_points(&plan, 1.5f32, 0, &BindOptions::default()) <= NEST);
}

#[test]
fn copies_look_at_the_flag_often() {
    for (text, shapes) in [("ab->ba", [[3000, 500], [500, 3000]]), ("ab->ab", [[1, 1 << 21], [1, 1 << 21]])] {
        let plan = einsum(text, &[&shapes[0], &shapes[1]], Dtype::F64, Algebra::SUM_PRODUCT, false);
        assert!(most_points(&plan, 1.5f64, 0, &BindOptions::default()) <= NEST, "{text}");
    }
}

#[test]
fn matrix_products_look_at_the_flag_often() {
    let shapes: [&[usize]; 3] = [&[120_000, 24], &[120_000, 24], &[24, 24]];
    let floats = einsum("ka,kb->ab", &shapes, Dtype::F64, Algebra::SUM_PRODUCT, true);
    let most = most_points(&floats, 1.5f64, 0, &BindOptions::default());
    assert!(most <= PRODUCT, "{most}");
    let integers = einsum("ka,kb->ab", &shapes, Dtype::I64, Algebra::SUM_PRODUCT, true);
    let most = most_points(&integers, 3i64, 0, &BindOptions::default());
    assert!(most <= PRODUCT / 8, "{most}");
}

/// `Y[g[n],f] += X[n,f]`, `Y[n,f] = X[g[n],f]` and sums of the latter, each with rows of this length.
#[test]
fn gathers_and_scatters_look_at_the_flag_often() {
    for f in [1, 40, 1 << 12] {
        let n = (1 << 21) / f;
        for kind in 0..3 {
            let mut build = Build::new();
            let x = build.input(Dtype::F64, &[n, f]);
            let g = build.input(Dtype::I64, &[n]);
            let y = build.output(Dtype::F64, &[if kind == 1 { n } else { 2 }, f]);
            let id = || Index::gather(Access::plain(g, [0]), OutOfRange::Error);
            let (row, to) = match kind {
                0 => (Index::axis(0), id()),
                1 => (id(), Index::axis(0)),
                _ => (id(), Index::constant(1)),
            };
            build.push(Step {
                origin: NodeId(0),
                axes: vec![Axis::new("n", n), Axis::new("f", f)],
                reads: vec![Access::new(x, vec![row, Index::axis(1)])],
                write: Access::new(y, vec![to, Index::axis(1)]),
                mode: WriteMode::Overwrite,
                algebra: Algebra::SUM_PRODUCT,
                form: free(),
            });
            let most = most_points(&build.seal(), 1.5f64, 1, &BindOptions::default());
            assert!(most <= NEST, "rows of {f}, kind {kind}: {most}");
        }
    }
}

#[test]
fn functions_and_windows_look_at_the_flag_often() {
    let shapes: [[&[usize]; 2]; 2] = [[&[100, LONG], &[100]], [&[2, LONG << 3], &[2, LONG << 3]]];
    for (text, shapes) in ["ab->a", "ab->ab"].into_iter().zip(shapes) {
        let mut build = Build::new();
        let x = build.input(Dtype::F32, shapes[0]);
        let y = build.output(Dtype::F32, shapes[1]);
        let mut step = build.step(text, &[x], y, Algebra::SUM_PRODUCT, false);
        let ops = vec![(PointOp::Read(0), Dtype::F32), (PointOp::Call(Function::Exp), Dtype::F32)];
        step.form = Form::Nest(Some(Expr::new(ops).unwrap().into()));
        build.push(step);
        let most = most_points(&build.seal(), 0.5f32, 0, &BindOptions::default());
        assert!(most <= NEST, "{text}: {most}");
    }
    // Sums that meet in the target are one block.
    let mut build = Build::new();
    let x = build.input(Dtype::F32, &[LONG, 20]);
    let y = build.output(Dtype::F32, &[LONG + 19]);
    let to = Index::affine(0, [(1, AxisRef::Own(0)), (1, AxisRef::Own(1))]);
    build.push(Step {
        origin: NodeId(0),
        axes: vec![Axis::new("n", LONG), Axis::new("f", 20)],
        reads: vec![Access::plain(x, [0, 1])],
        write: Access::new(y, vec![to]),
        mode: WriteMode::Overwrite,
        algebra: Algebra::SUM_PRODUCT,
        form: free(),
    });
    assert!(most_points(&build.seal(), 0.5f32, 0, &BindOptions::default()) <= NEST);
}

#[test]
fn turns_of_a_region_look_at_the_flag_often() {
    let mut build = Build::new();
    let x = build.input(Dtype::F64, &[4, LONG, 20]);
    let y = build.output(Dtype::F64, &[20]);
    let mut step = build.step("nab->b", &[x], y, Algebra::SUM_PRODUCT, false);
    step.axes[0].extent = 1;
    step.reads = vec![Access::new(x, vec![Index::affine(0, [(1, AxisRef::Loop(0))]), Index::axis(1), Index::axis(2)])];
    step.mode = WriteMode::Accumulate;
    let write = Access::new(y, vec![Index::constant(0)]);
    build.push(Step {
        axes: vec![],
        reads: vec![],
        write,
        form: Form::Fill,
        mode: WriteMode::Overwrite,
        ..step.clone()
    });
    build.region(vec![Axis::new("s", 4)]);
    build.push(step);
    assert!(most_points(&build.seal(), 1.5f64, 0, &BindOptions::default()) <= NEST);
}

/// Counts its multiplications, and cancels the run at one of them.
#[derive(Clone, Copy)]
struct Counting;

static CANCEL: AtomicBool = AtomicBool::new(false);
static DONE: AtomicU64 = AtomicU64::new(0);
const AT: u64 = 1000;

impl Semiring for Counting {
    type Elem = u32;
    type Acc = u32;
    const LAWS: Laws = Laws { distributive: true, absorbing: true };
    fn lift(x: u32) -> u32 {
        x
    }
    fn zero() -> u32 {
        0
    }
    fn one() -> u32 {
        1
    }
    fn add(a: u32, b: u32) -> u32 {
        a.wrapping_add(b)
    }
    fn mul(a: u32, b: u32) -> u32 {
        if DONE.fetch_add(1, Ordering::Relaxed) + 1 == AT {
            CANCEL.store(true, Ordering::Relaxed);
        }
        a.wrapping_mul(b)
    }
    fn finish(x: u32) -> u32 {
        x
    }
}

#[test]
fn a_users_operations_end_soon_after_the_flag_is_set() {
    let counting = Algebra::User(algebra::<Counting>());
    let long: &[usize] = &[1 << 17, 10];
    let cases: [(&str, [&[usize]; 3], bool, u64); 3] = [
        ("ab,ab->b", [long, long, &[10]], false, NEST),
        ("ba,ba->b", [&[100, LONG], &[100, LONG], &[100]], false, NEST),
        ("ka,kb->ab", [&[40_000, 20], &[40_000, 20], &[20, 20]], true, PRODUCT / 8),
    ];
    for (text, shapes, gemm, limit) in cases {
        for threads in [1, 2] {
            let plan = einsum(text, &shapes, Dtype::U32, counting, gemm);
            let value = [3u32];
            let views = |k: usize| AnyView::from_slice(&value, 0, shapes[k], &vec![0; shapes[k].len()]).unwrap();
            let ins = [views(0), views(1)];
            let mut out = vec![0u32; shapes[2].iter().product()];
            let strides = crate::support::row_major(shapes[2]);
            let mut outs = [AnyViewMut::from_slice(&mut out, 0, shapes[2], &strides).unwrap()];
            let options = BindOptions { semirings: &[UserSemiring::of::<Counting>()], ..BindOptions::default() };
            let mut scratch = Scratch::new();
            CANCEL.store(false, Ordering::Relaxed);
            DONE.store(0, Ordering::Relaxed);
            let bound = bind(&plan, &ins, &mut outs, &options, &mut scratch).unwrap();
            let control = Control { cancel: Some(&CANCEL), ..one(threads) };
            assert_eq!(bound.run(&control), Err(RunStopped::Cancelled));
            let after = DONE.load(Ordering::Relaxed) - AT;
            assert!(after <= limit * threads as u64, "{text}, {threads} threads: {after}");
        }
    }
}
