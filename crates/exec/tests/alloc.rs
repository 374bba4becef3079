//! A repeated call on one thread allocates nothing.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

#[path = "all/support.rs"]
#[expect(dead_code, reason = "shared with the other test binary")]
mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::num::NonZeroUsize;

use einfold_exec::{AnyView, AnyViewMut, BindOptions, Control, Scratch, bind};
use einfold_ir::{
    Access, Algebra, Axis, Dtype, Expr, Form, Function, Index, Literal, NodeId, OutOfRange, Plan, PointOp, Step,
    WriteMode,
};
use support::{Build, free};

struct Counting;

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: all work is done by the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.with(|c| c.set(c.get() + 1));
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(ptr, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Contractions of every kind: nests, products that are packed, use temporaries, gather, run in chunks, in blocks and in slices.
fn plan() -> Plan {
    let mut build = Build::new();
    let a = build.input(Dtype::F64, &[6, 7, 8]);
    let b = build.input(Dtype::I32, &[8, 6]);
    let g = build.input(Dtype::I64, &[9]);
    let long = build.input(Dtype::F64, &[300_000]);
    let product = build.scratch(Dtype::F64, &[7, 6]);
    let cube = build.output(Dtype::F64, &[8, 7, 6]);
    let gathered = build.output(Dtype::F64, &[9, 6]);
    let total = build.output(Dtype::F64, &[]);
    let shifted = build.output(Dtype::F64, &[7, 8]);
    let groups = build.input(Dtype::U8, &[300_000]);
    let grouped = build.output(Dtype::F64, &[3]);
    let columns = build.output(Dtype::F64, &[2]);
    let square = build.output(Dtype::F64, &[2, 2]);
    build.einsum("ijk,ki->ji", &[a, b], product, Algebra::SUM_PRODUCT, false);
    build.einsum("ijk->kji", &[a], cube, Algebra::SUM_PRODUCT, false);
    build.einsum("n->", &[long], total, Algebra::SUM_PRODUCT, false);
    // Sums of blocks.
    build.push(Step {
        origin: NodeId(0),
        axes: vec![Axis::new("n", 300_000)],
        reads: vec![Access::plain(long, [0])],
        write: Access::new(grouped, vec![Index::gather(Access::plain(groups, [0]), OutOfRange::Error)]),
        mode: WriteMode::Overwrite,
        algebra: Algebra::SUM_PRODUCT,
        form: free(),
    });
    let tall = build.input(Dtype::F64, &[150_000, 2]);
    build.einsum("ab->b", &[tall], columns, Algebra::SUM_PRODUCT, false);
    build.einsum("ab,ac->bc", &[tall, tall], square, Algebra::SUM_PRODUCT, false);
    let rows = Access::new(product, vec![Index::gather(Access::plain(g, [0]), OutOfRange::Drop), Index::axis(1)]);
    build.push(Step {
        origin: NodeId(0),
        axes: vec![Axis::new("n", 9), Axis::new("i", 6)],
        reads: vec![rows],
        write: Access::plain(gathered, [0, 1]),
        mode: WriteMode::Overwrite,
        algebra: Algebra::SUM_PRODUCT,
        form: free(),
    });
    let mut step = build.step("ijk->jk", &[a], shifted, Algebra::MAX_PLUS, false);
    let literal = (PointOp::Literal(Literal::Float(0.5)), Dtype::F64);
    let ops = [(PointOp::Read(0), Dtype::F64), literal, (PointOp::Call(Function::Sub), Dtype::F64)];
    let expr = Expr::new(ops.to_vec()).unwrap();
    step.form = Form::Nest(Some(expr.into()));
    build.push(step);
    build.region(vec![Axis::new("s", 3)]);
    let mut step = build.step("ijk->kji", &[a], cube, Algebra::SUM_PRODUCT, false);
    step.mode = WriteMode::Accumulate;
    build.push(step);
    build.seal()
}

#[test]
fn a_warm_call_allocates_nothing() {
    let plan = plan();
    let (a, b, g, long) = ([1f64; 336], [2i32; 48], [1i64, 7, -1, 0, 2, 3, 4, 5, 6], vec![1f64; 300_000]);
    let (mut cube, mut gathered, mut total, mut shifted) = ([0f64; 336], [0f64; 54], [0f64; 1], [0f64; 56]);
    let (ids, mut sums, mut two, mut four) = (vec![2u8; 300_000], [0f64; 3], [0f64; 2], [0f64; 4]);
    let control = Control { threads: NonZeroUsize::new(1), ..Control::default() };
    let mut scratch = Scratch::new();
    let mut counts = [0; 3];
    for count in &mut counts {
        let before = COUNT.with(Cell::get);
        let ins = [
            AnyView::from_slice(&a, 0, &[6, 7, 8], &[56, 8, 1]).unwrap(),
            AnyView::from_slice(&b, 0, &[8, 6], &[6, 1]).unwrap(),
            AnyView::from_slice(&g, 0, &[9], &[1]).unwrap(),
            AnyView::from_slice(&long, 0, &[300_000], &[1]).unwrap(),
            AnyView::from_slice(&ids, 0, &[300_000], &[1]).unwrap(),
            AnyView::from_slice(&long, 0, &[150_000, 2], &[2, 1]).unwrap(),
        ];
        let mut outs = [
            AnyViewMut::from_slice(&mut cube, 0, &[8, 7, 6], &[42, 6, 1]).unwrap(),
            AnyViewMut::from_slice(&mut gathered, 0, &[9, 6], &[6, 1]).unwrap(),
            AnyViewMut::from_slice(&mut total, 0, &[], &[]).unwrap(),
            AnyViewMut::from_slice(&mut shifted, 0, &[7, 8], &[8, 1]).unwrap(),
            AnyViewMut::from_slice(&mut sums, 0, &[3], &[1]).unwrap(),
            AnyViewMut::from_slice(&mut two, 0, &[2], &[1]).unwrap(),
            AnyViewMut::from_slice(&mut four, 0, &[2, 2], &[2, 1]).unwrap(),
        ];
        bind(&plan, &ins, &mut outs, &BindOptions::default(), &mut scratch).unwrap().run(&control).unwrap();
        *count = COUNT.with(Cell::get) - before;
    }
    assert_eq!((total, shifted), ([300_000.0], [0.5; 56]));
    assert_eq!((sums, two, four), ([0.0, 0.0, 300_000.0], [150_000.0; 2], [150_000.0; 4]));
    assert!(counts[0] > 0);
    assert_eq!(counts[1..], [0, 0]);
}
