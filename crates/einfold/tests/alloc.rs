//! A repeated call with scratch memory and an output allocates nothing of ours.

use einfold::ndarray::{Array2, Array3};
use einfold::{AnyArray, Error, Expression, Scratch, Stage};
use num_complex::Complex;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

/// Counts the allocations of each thread.
struct Counting;

fn count() {
    // The thread's counter may be gone while the thread ends.
    _ = COUNT.try_with(|count| count.set(count.get() + 1));
}

// SAFETY: every call is passed on to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promise.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: the caller's promise.
        unsafe { System.realloc(ptr, layout, size) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(ptr, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn counted(work: impl FnOnce()) -> usize {
    let before = COUNT.get();
    work();
    COUNT.get() - before
}

/// Allocations of a call that is warm, and the number of matrix products in its plan.
fn warm_call(text: &str, operands: &[&AnyArray]) -> Result<(usize, usize), Error> {
    let plan = Expression::new(text)?.plan_for(operands)?;
    let mut out = plan.run_any(operands)?;
    let want = out.clone();
    let mut scratch = Scratch::new();
    let mut call = || plan.call(operands).threads(1).scratch(&mut scratch).into(&mut out);
    call()?;
    let mut result = Ok(());
    let allocations = counted(|| result = call());
    result?;
    assert_eq!(out, want, "{text}");
    Ok((allocations, plan.explain()?.text(&[Stage::Plan]).matches("gemm  ").count()))
}

#[test]
fn a_warm_call_allocates_nothing_of_ours() -> Result<(), Error> {
    let number = |k: usize| (k % 5) as i8;
    let square = Array2::from_shape_fn((24, 24), |(i, j)| number(i * 24 + j));
    let cube = Array3::from_shape_fn((6, 24, 24), |(b, i, j)| number(b + i * 24 + j));
    let floats = (AnyArray::from(square.mapv(f64::from)), AnyArray::from(cube.mapv(f64::from)));
    let complex = AnyArray::from(square.mapv(|x| Complex::new(f32::from(x), 1.0)));
    let halves = AnyArray::from(square.mapv(half::f16::from));
    let small = AnyArray::from(square.clone());
    let (a, c) = (&floats.0, &floats.1);
    let cases: [(&str, &[&AnyArray]); 12] = [
        ("ij->ji", &[a]),
        ("ii->i", &[a]),
        ("ij->", &[a]),
        ("ij,ij->ij", &[a, a]),
        ("ij,ij,ij->i", &[a, a, &small]),
        ("bij->jib", &[c]),
        ("ij->ji", &[&halves]),
        ("ij,jk->ik", &[a, a]),
        ("ij,jk->ik", &[&complex, &complex]),
        ("ij,jk->ik", &[&small, &small]),
        ("ij,jk,kl->li", &[a, &small, a]),
        ("ij,jk->ik", &[&halves, &halves]),
    ];
    for (text, operands) in cases {
        let (allocations, products) = warm_call(text, operands)?;
        println!("{text:12} {:5} {products} matrix products, {allocations} allocations", operands[0].dtype());
        // matrixmultiply takes memory for packing once in every product.
        assert!(allocations <= products, "{text} on {}: {allocations} allocations", operands[0].dtype());
    }
    Ok(())
}
