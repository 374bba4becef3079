//! The memory of a run in addition to its operands stays within the limit for any number of threads, as counted by an
//! allocator.

use einfold::ndarray::{ArrayD, IxDyn};
use einfold::{AnyArray, Dtype, Error, Expression, Scratch};
use num_complex::Complex;
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// The bytes that are currently allocated, and their maximum so far.
static LIVE: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

/// An allocator that counts allocated bytes.
struct Counting;

fn add(bytes: usize) {
    let live = LIVE.fetch_add(bytes, Relaxed) + bytes;
    MOST.fetch_max(live, Relaxed);
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
        add(size);
        LIVE.fetch_sub(layout.size(), Relaxed);
        // SAFETY: the caller upholds the contract.
        unsafe { System.realloc(ptr, layout, size) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Relaxed);
        // SAFETY: the caller upholds the contract.
        unsafe { System.dealloc(ptr, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The peak of allocated bytes during `work`, relative to the bytes before it.
fn peak<R>(work: impl FnOnce() -> R) -> (usize, R) {
    let before = LIVE.load(Relaxed);
    MOST.store(before, Relaxed);
    let result = work();
    (MOST.load(Relaxed).saturating_sub(before), result)
}

/// More threads than most machines that run this test have.
const THREADS: usize = 7;
/// An allowance for lists of addresses and strides, small constants and thread stacks, independent of the extents.
const LISTS: usize = 12 << 10;

/// Integer values that every dtype represents exactly.
fn array(dtype: Dtype, shape: &[usize], groups: usize) -> AnyArray {
    let len = shape.iter().product::<usize>();
    let number = |k: usize| ((k * 7 + 3) % 11) as f32 - 5.0;
    macro_rules! filled {
        ($of:expr) => {
            AnyArray::from(ArrayD::from_shape_vec(IxDyn(shape), (0..len).map($of).collect()).expect("as many elements"))
        };
    }
    match dtype {
        Dtype::I64 => filled!(|k| ((7 * k + k / groups) % groups) as i64),
        Dtype::I32 => filled!(|k| number(k) as i32),
        Dtype::F32 => filled!(number),
        Dtype::F64 => filled!(|k| f64::from(number(k))),
        Dtype::C32 => filled!(|k| Complex::new(number(k), 1.0)),
        Dtype::C64 => filled!(|k| Complex::new(f64::from(number(k)), 1.0)),
        _ => filled!(|k| half::f16::from_f32(number(k))),
    }
}

/// A text, the dtypes and shapes of its operands, the number of groups of its index tensors, and the bytes that the
/// limits exceed the least limit by.
type Case = (&'static str, &'static [(Dtype, &'static [usize])], usize, &'static [usize]);

const MIB: usize = 1 << 20;
/// From the least limit to enough memory for several threads.
const MORE: &[usize] = &[0, MIB, 64 * MIB];

const CASES: &[Case] = &[
    ("ij,jk->ik", &[(Dtype::F64, &[280, 100]), (Dtype::F64, &[100, 560])], 1, MORE),
    ("ij,jk->ik", &[(Dtype::F32, &[280, 100]), (Dtype::F32, &[100, 560])], 1, MORE),
    ("ij,jk->ik", &[(Dtype::C32, &[280, 60]), (Dtype::C32, &[60, 560])], 1, MORE),
    ("ij,jk->ik", &[(Dtype::C64, &[280, 60]), (Dtype::C64, &[60, 560])], 1, MORE),
    ("ij,jk->ik", &[(Dtype::I32, &[280, 40]), (Dtype::I32, &[40, 560])], 1, MORE),
    ("ij,jk->ik", &[(Dtype::F16, &[150, 160]), (Dtype::F16, &[160, 170])], 1, MORE),
    ("ij,jk->ik", &[(Dtype::F32, &[280, 100]), (Dtype::F64, &[100, 560])], 1, MORE),
    ("ij,kj->ki", &[(Dtype::F64, &[560, 100]), (Dtype::F64, &[280, 100])], 1, MORE),
    ("bij,bjk->bik", &[(Dtype::F64, &[40, 64, 65]), (Dtype::F64, &[40, 65, 66])], 1, MORE),
    ("aibj,jbka->ik", &[(Dtype::F64, &[6, 70, 7, 30]), (Dtype::F64, &[30, 7, 80, 6])], 1, MORE),
    ("ij,jk,kl->il", &[(Dtype::F64, &[300, 200]), (Dtype::F64, &[200, 300]), (Dtype::F64, &[300, 100])], 1, MORE),
    ("n->", &[(Dtype::F64, &[600_000])], 1, &[0, 256, MIB]),
    ("ni->i", &[(Dtype::F32, &[200_000, 9])], 1, &[0, 256, MIB]),
    ("S[g[n]:50] += x[n]", &[(Dtype::I64, &[600_000]), (Dtype::F32, &[600_000])], 50, &[0, 100, MIB]),
    ("S[g[n]:9,f] += x[n,f]", &[(Dtype::I64, &[200_000]), (Dtype::F64, &[200_000, 3])], 9, &[0, 100, MIB]),
    (
        "M[g[n]:50] mean= x[n]*y[n]",
        &[(Dtype::I64, &[500_000]), (Dtype::F64, &[500_000]), (Dtype::F64, &[500_000])],
        50,
        MORE,
    ),
    ("y[i+k] += x[i]*w[k]", &[(Dtype::F64, &[20_000]), (Dtype::F64, &[50])], 1, &[0, 100, MIB]),
    (
        "H[d[e]:90,h] += X[s[e],f]*W[f,h]",
        &[(Dtype::I64, &[9000]), (Dtype::F64, &[90, 40]), (Dtype::I64, &[9000]), (Dtype::F64, &[40, 70])],
        90,
        MORE,
    ),
    (
        "abc,ade,bdf,cef->",
        &[
            (Dtype::F64, &[24, 24, 24]),
            (Dtype::F64, &[24, 24, 24]),
            (Dtype::F64, &[24, 24, 24]),
            (Dtype::F64, &[24, 24, 24]),
        ],
        1,
        MORE,
    ),
];

/// The least limit for which planning succeeds, found by bisection.
fn least(expression: &Expression, operands: &[&AnyArray]) -> Result<usize, Error> {
    let whole = expression.plan_for(operands)?.peak_bytes().exact().unwrap_or(u128::MAX);
    let (mut refused, mut planned) = (0u64, whole as u64);
    while planned - refused > 1 + planned / 64 {
        let middle = refused + (planned - refused) / 2;
        match expression.clone().memory(middle).plan_for(operands) {
            Ok(_) => planned = middle,
            Err(_) => refused = middle,
        }
    }
    Ok(planned as usize)
}

/// Runs a case with all its limits, on one thread and on several.
fn check((text, types, groups, more): Case) -> Result<(), Error> {
    let arrays: Vec<AnyArray> = types.iter().map(|(dtype, shape)| array(*dtype, shape, groups)).collect();
    let operands: Vec<&AnyArray> = arrays.iter().collect();
    let expression = Expression::new(text)?;
    let want: AnyArray = expression.run(&operands[..])?;
    let least = least(&expression, &operands)?;
    for limit in more.iter().map(|more| least + more) {
        let plan = expression.clone().memory(limit as u64).plan_for(&operands[..])?;
        assert!(plan.peak_bytes() <= (limit as u64).into(), "{text} under {limit}");
        for threads in [1, THREADS] {
            let (bytes, got) =
                peak(|| plan.call(&operands[..]).threads(threads).scratch(&mut Scratch::new()).run_any());
            assert_eq!(got?, want, "{text} under {limit}");
            assert!(bytes <= limit + LISTS, "{text} under {limit} on {threads} threads: {bytes} bytes");
        }
    }
    Ok(())
}

#[test]
fn a_limit_is_kept_by_all_that_is_allocated() -> Result<(), Error> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(THREADS).build().expect("threads");
    // A thread that starts while a run is measured would count with it.
    pool.broadcast(|_| ());
    pool.install(|| CASES.iter().try_for_each(|case| check(*case)))
}
