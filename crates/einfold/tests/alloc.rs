//! The number of allocations of planning and of calls, and the memory of plans. A call with scratch memory and an output
//! allocates nothing in this project's code.

use einfold::ndarray::{Array1, Array2, Array3, ArrayD, IxDyn};
use einfold::{AnyArray, Error, Expression, Operands, Scratch, cache, einsum, explain::Stage};
use einfold_exec::Isa;
use num_complex::Complex;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::{Mutex, PoisonError};

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
    static BYTES: Cell<usize> = const { Cell::new(0) };
}

/// Serialises tests that clear the cache, because the process has one.
static CACHE: Mutex<()> = Mutex::new(());

/// An allocator that counts the allocations and the allocated bytes of each thread.
struct Counting;

// The counters of the thread may be destroyed while the thread ends.
fn add(bytes: usize) {
    _ = COUNT.try_with(|count| count.set(count.get() + 1));
    _ = BYTES.try_with(|live| live.set(live.get().wrapping_add(bytes)));
}

fn subtract(bytes: usize) {
    _ = BYTES.try_with(|live| live.set(live.get().wrapping_sub(bytes)));
}

// SAFETY: every call is forwarded unchanged to the system allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        add(layout.size());
        // SAFETY: the caller upholds the contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        add(layout.size());
        // SAFETY: the caller upholds the contract.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        subtract(layout.size());
        add(size);
        // SAFETY: the caller upholds the contract.
        unsafe { System.realloc(ptr, layout, size) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        subtract(layout.size());
        // SAFETY: the caller upholds the contract.
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

/// The allocations of a repeated call, and the number of matrix products in its plan.
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
    let vector = AnyArray::from(Array1::from_shape_fn(40, |i| f64::from(number(i))));
    let wide = AnyArray::from(ArrayD::from_shape_fn(IxDyn(&[2; 8]), |at| f64::from(number(at[0] + 3 * at[7]))));
    let cases: [(&str, &[&AnyArray]); 15] = [
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
        ("abcdefgh,abcdefgh->hgfedcba", &[&wide, &wide]),
        ("ij,ij,ij,ij,ij,ij,ij,ij,ij,ij,ij,ij->ij", &[a; 12]),
        ("y[i] = a[i]+b[i]+c[i]+d[i]+e[i]+f[i]+g[i]+h[i]+k[i]+l[i]+m[i]+n[i]", &[&vector; 12]),
    ];
    for (text, operands) in cases {
        let (allocations, products) = warm_call(text, operands)?;
        println!("{text:12} {:5} {products} matrix products, {allocations} allocations", operands[0].dtype());
        // On other CPUs matrixmultiply allocates one packing buffer for each product.
        let own = Isa::chosen().is_ok_and(|isa| isa != Isa::PORTABLE);
        let allowed = if own { 0 } else { products };
        assert!(allocations <= allowed, "{text} on {}: {allocations} allocations", operands[0].dtype());
    }
    Ok(())
}

/// The allocations of each way to compute one expression.
#[derive(Debug, PartialEq, Eq)]
struct Counts {
    /// Planning a parsed expression.
    compile: usize,
    /// `einsum` without a cached plan.
    cold: usize,
    /// `einsum` with a cached plan.
    again: usize,
    /// A run of a plan into a new array.
    run: usize,
    /// A run of a plan into an output, with scratch memory.
    into: usize,
}

fn counts(text: &str, operands: impl Operands + Copy) -> Result<Counts, Error> {
    let mut failed = Ok(());
    let mut count = |work: &mut dyn FnMut() -> Result<(), Error>| {
        counted(|| {
            if let Err(error) = work() {
                failed = Err(error);
            }
        })
    };
    let mut one_shot = || einsum::<Array2<f64>>(text, operands).map(drop);
    // The thread already has scratch memory, as after other calls.
    let mut cold = 0;
    for _ in 0..10 {
        cache::clear();
        cold = count(&mut one_shot);
    }
    let again = count(&mut one_shot);
    let expression = Expression::new(text)?;
    let compile = count(&mut || expression.plan_for(operands).map(drop));
    let plan = expression.plan_for(operands)?;
    let mut run = || plan.run::<Array2<f64>>(operands).map(drop);
    run()?;
    let run = count(&mut run);
    let (mut scratch, mut out) = (Scratch::new(), plan.run::<Array2<f64>>(operands)?);
    let mut into = || plan.call(operands).threads(1).scratch(&mut scratch).into(&mut out);
    into()?;
    let into = count(&mut into);
    failed.map(|()| Counts { compile, cold, again, run, into })
}

/// Chains of 2, 5 and 10 matrices of 2 × 2. The bounds equal the current counts: a change that exceeds one is a
/// regression.
#[test]
fn calls_allocate_no_more_than_they_have_to() -> Result<(), Error> {
    let _turn = CACHE.lock().unwrap_or_else(PoisonError::into_inner);
    let x = &Array2::<f64>::eye(2);
    let counts = [
        counts("ab,bc->ac", (x, x))?,
        counts("ab,bc,cd,de,ef->af", (x, x, x, x, x))?,
        counts("ab,bc,cd,de,ef,fg,gh,hi,ij,jk->ak", (x, x, x, x, x, x, x, x, x, x))?,
    ];
    let bounds = [
        Counts { compile: 4, cold: 6, again: 1, run: 1, into: 0 },
        Counts { compile: 150, cold: 154, again: 1, run: 1, into: 0 },
        Counts { compile: 235, cold: 242, again: 1, run: 1, into: 0 },
    ];
    println!("{counts:#?}");
    let list = |x: &Counts| [x.compile, x.cold, x.again, x.run, x.into];
    let within = |(counts, bounds)| list(counts).iter().zip(list(bounds)).all(|(&count, bound)| count <= bound);
    assert!(counts.iter().zip(&bounds).all(within), "{counts:#?}\nwhere the bounds are {bounds:#?}");
    Ok(())
}

/// The limit of the cache bounds memory only if the estimate of each plan is near its memory.
#[test]
fn the_memory_of_cached_plans_is_estimated_within_a_factor_of_three() -> Result<(), Error> {
    let _turn = CACHE.lock().unwrap_or_else(PoisonError::into_inner);
    let statements = |count: usize, one: fn(usize) -> String| (0..count).map(one).collect::<Vec<_>>();
    let matrices = |count: usize| statements(count, |k| format!("[a{k} a{}]", k + 1)).join(", ");
    let texts = [
        "[i j] -> [j i]".to_string(),
        format!("{} -> [a0 a4]", matrices(4)),
        format!("{} -> [a0 a100]", matrices(100)),
        "Y[g[n]] += x[n]".to_string(),
        statements(100, |k| format!("Y{k}[g[n]] += x[n]*{k}")).join("; "),
        statements(100, |k| format!("Y{k}[g{k}[n]] += 1")).join("; "),
        format!("y[n] = {}", statements(200, |k| format!("x[n]*{k}")).join(" + ")),
    ];
    let square = AnyArray::from(Array2::<f64>::eye(2));
    let (ids, x) = (AnyArray::from(Array1::from_elem(9, 2_i64)), AnyArray::from(Array1::<f64>::ones(9)));
    for text in &texts {
        let expression = Expression::new(text)?;
        let operand = |name: &&str| if name.starts_with('g') { &ids } else { &x };
        let mut operands: Vec<&AnyArray> = expression.input_names().iter().map(operand).collect();
        operands.resize(expression.operands(), &square);
        let before = BYTES.get();
        let _plan = expression.plan_with(&operands[..])?;
        let bytes = BYTES.get().wrapping_sub(before);
        cache::clear();
        let _: Vec<AnyArray> = expression.run(&operands[..])?;
        let estimate = usize::try_from(cache::bytes()).unwrap_or(usize::MAX);
        println!("{bytes} bytes, estimated {estimate}: {text:.40}");
        assert!(bytes <= 3 * estimate && estimate <= 3 * bytes, "{bytes} bytes, estimated {estimate}: {text:.40}");
    }
    Ok(())
}
