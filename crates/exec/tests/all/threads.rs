//! The same bits for any number of threads; cancellation; panics.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use einfold_exec::{
    AnyView, AnyViewMut, BindOptions, Control, Element, RunStopped, Scratch, Semiring, UserSemiring, algebra, bind,
};
use einfold_ir::{Algebra, Dtype, Laws, Plan};

use super::support::{Build, Random};

fn control<'a>(threads: usize) -> Control<'a> {
    Control { threads: NonZeroUsize::new(threads), ..Control::default() }
}

fn plan(text: &str, extent: impl Fn(char) -> usize, dtype: Dtype, algebra: Algebra, gemm: bool) -> Plan {
    let (left, right) = text.split_once("->").unwrap();
    let shape = |t: &str| t.chars().map(&extent).collect::<Vec<_>>();
    let mut build = Build::new();
    let reads: Vec<_> = left.split(',').map(|t| build.input(dtype, &shape(t))).collect();
    let out = build.output(dtype, &shape(right));
    build.einsum(text, &reads, out, algebra, gemm);
    build.seal()
}

fn dense<'a, T: Element>(data: &'a [T], shape: &[usize]) -> AnyView<'a> {
    AnyView::from_slice(data, 0, shape, &crate::support::row_major(shape)).unwrap()
}

fn dense_mut<'a, T: Element>(data: &'a mut [T], shape: &[usize]) -> AnyViewMut<'a> {
    AnyViewMut::from_slice(data, 0, shape, &crate::support::row_major(shape)).unwrap()
}

/// The bits of the result with this number of threads.
fn bits(plan: &Plan, inputs: &[Vec<f64>], control: &Control<'_>) -> Vec<u64> {
    let shape = |k: usize| &plan.buffers.as_slice()[k].extents[..];
    let ins: Vec<AnyView<'_>> = inputs.iter().enumerate().map(|(k, data)| dense(data, shape(k))).collect();
    let mut out = vec![0f64; shape(inputs.len()).iter().product()];
    let mut outs = [dense_mut(&mut out, shape(inputs.len()))];
    bind(plan, &ins, &mut outs, &BindOptions::default(), &mut Scratch::new()).unwrap().run(control).unwrap();
    out.iter().map(|x| x.to_bits()).collect()
}

#[test]
fn one_and_two_threads_agree_bit_by_bit() {
    let cases: &[(&str, bool, &[usize])] = &[
        ("ab,bc->ac", true, &[517, 300, 401]),
        ("ab,bc->ca", true, &[517, 300, 401]),
        ("dab,dbc->dac", true, &[70, 40, 50, 20]),
        ("acb,bdc->ad", true, &[300, 30, 20, 280]),
        ("ab->ba", false, &[700, 611]),
        ("ab->a", false, &[3, 200_001]),
        ("ab->b", false, &[200_001, 3]),
        ("a->", false, &[1_000_003]),
        ("ab,ab->", false, &[1003, 601]),
        ("ab->a", false, &[601, 1003]),
        ("abc->b", false, &[99, 101, 97]),
        ("a,b,c->ac", false, &[90, 80, 100]),
    ];
    for &(text, gemm, extents) in cases {
        let plan = plan(text, |x| extents[x as usize - 'a' as usize], Dtype::F64, Algebra::SUM_PRODUCT, gemm);
        let mut random = Random(11);
        let draw = |shape: &[usize], random: &mut Random| -> Vec<f64> {
            (0..shape.iter().product()).map(|_| random.below(1 << 30) as f64 / 1e9 - 0.5).collect()
        };
        let count = plan.inputs.len();
        let inputs: Vec<_> = plan.buffers.iter().take(count).map(|b| draw(&b.extents, &mut random)).collect();
        let one = bits(&plan, &inputs, &control(1));
        assert!(one == bits(&plan, &inputs, &control(2)), "{text}");
        assert!(one == bits(&plan, &inputs, &control(7)), "{text}");
    }
}

#[test]
fn long_sums_into_few_elements_are_right() {
    // All values are small integers, so the order of the sum does not matter.
    for (text, shape, n) in [("ab->a", [3, 300_007], 3), ("ab->b", [300_007, 3], 3), ("ab->", [1013, 1019], 1)] {
        let plan = plan(text, |x| shape[x as usize - 'a' as usize], Dtype::F64, Algebra::SUM_PRODUCT, false);
        let data: Vec<f64> = (0..shape[0] * shape[1]).map(|i| ((i * 7919) % 31) as f64 - 9.0).collect();
        let got: Vec<f64> =
            bits(&plan, std::slice::from_ref(&data), &control(2)).into_iter().map(f64::from_bits).collect();
        let mut want = vec![0.0; n];
        for (i, x) in data.iter().enumerate() {
            match text {
                "ab->a" => want[i / shape[1]] += x,
                "ab->b" => want[i % shape[1]] += x,
                _ => want[0] += x,
            }
        }
        assert_eq!(got, want, "{text}");
    }
}

#[test]
fn a_run_stops_when_it_is_cancelled() {
    let plan = plan("ab,bc->ac", |_| 600, Dtype::F64, Algebra::SUM_PRODUCT, true);
    let data = vec![1f64; 360_000];
    let ins = [dense(&data, &[600, 600]), dense(&data, &[600, 600])];
    for threads in [1, 2] {
        let mut out = vec![0f64; 360_000];
        let mut outs = [dense_mut(&mut out, &[600, 600])];
        let cancel = AtomicBool::new(true);
        let before = Control { cancel: Some(&cancel), ..control(threads) };
        let mut scratch = Scratch::new();
        let bound = bind(&plan, &ins, &mut outs, &BindOptions::default(), &mut scratch).unwrap();
        assert_eq!(bound.run(&before), Err(RunStopped::Cancelled));
        // After the first progress report.
        let cancel = AtomicBool::new(false);
        let progress = |_: u64, _: u64| cancel.store(true, Ordering::Relaxed);
        let amid = Control { cancel: Some(&cancel), progress: Some(&progress), ..control(threads) };
        let bound = bind(&plan, &ins, &mut outs, &BindOptions::default(), &mut scratch).unwrap();
        assert_eq!(bound.run(&amid), Err(RunStopped::Cancelled));
    }
}

#[test]
fn progress_reaches_its_end() {
    let plan = plan("ab,bc->ac", |_| 600, Dtype::F64, Algebra::SUM_PRODUCT, true);
    let data = vec![1f64; 360_000];
    let inputs = [data.clone(), data];
    for threads in [1, 2] {
        let most = AtomicU64::new(0);
        let progress = |done: u64, total: u64| {
            assert!(done <= total && total == 600 * 600 * 600);
            most.fetch_max(done, Ordering::Relaxed);
        };
        bits(&plan, &inputs, &Control { progress: Some(&progress), ..control(threads) });
        // Blocks at the edges are smaller than the average that each counts as.
        assert!(most.into_inner() > 600 * 600 * 590);
    }
}

/// Fails at the number 13.
#[derive(Clone, Copy)]
struct Superstitious;

impl Semiring for Superstitious {
    type Elem = u64;
    type Acc = u64;
    const LAWS: Laws = Laws::SEMIRING;
    fn lift(x: u64) -> u64 {
        x
    }
    fn zero() -> u64 {
        0
    }
    fn one() -> u64 {
        1
    }
    fn add(a: u64, b: u64) -> u64 {
        assert!(b != 13, "not this number");
        a.wrapping_add(b)
    }
    fn mul(a: u64, b: u64) -> u64 {
        a.wrapping_mul(b)
    }
    fn finish(x: u64) -> u64 {
        x
    }
}

#[test]
fn a_panic_in_a_users_operation_reaches_the_caller() {
    let plan = plan("ab->b", |_| 600, Dtype::U64, Algebra::User(algebra::<Superstitious>()), false);
    let mut data = vec![1u64; 360_000];
    data[359_000] = 13;
    for threads in [1, 2] {
        let caught = std::panic::catch_unwind(|| {
            let mut out = vec![0u64; 600];
            let ins = [dense(&data, &[600, 600])];
            let mut outs = [dense_mut(&mut out, &[600])];
            let options = BindOptions { semirings: &[UserSemiring::of::<Superstitious>()], ..BindOptions::default() };
            let mut scratch = Scratch::new();
            bind(&plan, &ins, &mut outs, &options, &mut scratch).unwrap().run(&control(threads))
        });
        let message = *caught.unwrap_err().downcast::<&str>().unwrap();
        assert_eq!(message, "not this number");
    }
}
