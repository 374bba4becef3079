//! NaN, signed zeros, rounding, and which instruction sets there are.

use einfold_ir::{Algebra, BinaryOp, Dtype};
use num_complex::Complex;

use super::products::multiply;
use super::{Plane, Sample, positions};
use crate::kernels::{Batch, GemmArgs, Isa, Kernels, Src, builtin};

const VALUES: [f64; 9] = [0.0, -0.0, 1.0, -1.0, 2.5, f64::INFINITY, f64::NEG_INFINITY, f64::NAN, 5e-324];

/// What max is to give: NaN wins, −0 is below +0.
fn larger(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() { f64::NAN } else { std::cmp::max_by(a, b, f64::total_cmp) }
}

/// The same value, the sign of zero included; all NaN are one.
fn same(a: f64, b: f64) -> bool {
    (a.is_nan() && b.is_nan()) || a.to_bits() == b.to_bits()
}

fn row<T: Sample>(values: impl IntoIterator<Item = T>) -> Plane<T> {
    let values: Vec<T> = values.into_iter().collect();
    let mut plane = Plane::with([0, 1], [1, values.len()], || values[0]);
    values.iter().enumerate().for_each(|(i, &x)| plane.set(0, i, x));
    plane
}

/// `start` ⊕ the sum of the row.
fn reduced<T: Sample>(kernels: &Kernels, start: T, values: &[T]) -> T {
    let (mut c, a) = (Plane::with([0, 0], [1, 1], || start), row(values.iter().copied()));
    // SAFETY: the planes hold the positions, and no other thread sees them.
    unsafe { (kernels.add)([1, values.len()], c.dst(), a.src()) };
    c.get(0, 0)
}

#[test]
fn max_and_min_let_nan_win_and_order_zeros() {
    for isa in Isa::available() {
        for (algebra, sign) in [(Algebra::MAX_PLUS, 1.0), (Algebra::MIN_PLUS, -1.0)] {
            let [wide, narrow] = [Dtype::F64, Dtype::F32].map(|d| builtin(algebra, d, isa).unwrap());
            for (x, y) in VALUES.iter().flat_map(|&x| VALUES.map(|y| (x, y))) {
                let want = sign * larger(sign * x, sign * y);
                // Rows for the scalar loops and for the vectors, with `y` anywhere in them.
                for (len, at) in [(2, 0), (2, 1), (40, 39), (300, 0), (300, 150)] {
                    let values: Vec<f64> = (0..len).map(|i| if i == at { y } else { x }).collect();
                    let got = reduced(&wide, -sign * f64::INFINITY, &values);
                    assert!(same(got, want), "{algebra} of {x} and {y} at {at} of {len}: {got}, {isa:?}");
                    let values: Vec<f32> = values.iter().map(|&x| x as f32).collect();
                    let got = reduced(&narrow, -sign as f32 * f32::INFINITY, &values).into();
                    assert!(same(got, f64::from(want as f32)), "{algebra} of {x} and {y} in f32: {got}, {isa:?}");
                }
                let (mut c, a) = (row([x; 40]), row([y; 40]));
                // SAFETY: the planes hold the positions, and no other thread sees them.
                unsafe { (wide.add)([1, 40], c.dst(), a.src()) };
                assert!((0..40).all(|i| same(c.get(0, i), want)), "{algebra} of {x} onto {y}, {isa:?}");
            }
        }
    }
}

/// As NumPy's `logaddexp` over a list.
fn log_sum_exp(values: &[f64]) -> f64 {
    let most = values.iter().copied().fold(f64::NEG_INFINITY, |a, b| if a.is_nan() || a > b { a } else { b });
    if !most.is_finite() { most } else { most + values.iter().map(|x| (x - most).exp()).sum::<f64>().ln() }
}

#[test]
fn logarithms_of_sums_are_shifted() {
    let low = f64::NEG_INFINITY;
    let algebra = Algebra::Builtin { add: BinaryOp::LogAddExp, mul: BinaryOp::Add };
    for isa in Isa::available() {
        let [wide, narrow] = [Dtype::F64, Dtype::F32].map(|d| builtin(algebra, d, isa).unwrap());
        let lists: [&[f64]; 9] = [
            &[low, low],
            &[low, f64::INFINITY, 3.0],
            &[1.0, f64::NAN, low],
            &[f64::INFINITY, f64::NAN],
            &[1000.0, 1000.0],
            &[-1000.0, -1001.0, low],
            &[0.0, -0.5, 0.25],
            &[88.0, -3.0, 2.0, 1.5, 70.0],
            &[f64::INFINITY, f64::INFINITY],
        ];
        for list in lists {
            let want = log_sum_exp(list);
            let close = |got: f64, epsilon: f64| same(got, want) || (got - want).abs() <= epsilon * want.abs().max(1.0);
            for start in [low, list[0]] {
                let rest = if start == low { list } else { &list[1..] };
                let got = reduced(&wide, start, rest);
                assert!(close(got, 4.0 * f64::EPSILON), "{list:?}: {got}, not {want}");
                let rest: Vec<f32> = rest.iter().map(|&x| x as f32).collect();
                let got = reduced(&narrow, start as f32, &rest).into();
                assert!(close(got, 4.0 * f64::from(f32::EPSILON)), "{list:?} in f32: {got}, not {want}");
            }
            // Columns: 70 sums side by side, to elements of their own.
            let n = [list.len(), 70];
            let (mut c, mut a) = (row([low; 70]), Plane::with([70, 1], n, || 0.0));
            positions(n).for_each(|(i, j)| a.set(i, j, list[i]));
            // SAFETY: the planes hold the positions, and no other thread sees them.
            unsafe { (wide.add)(n, c.dst(), a.src()) };
            assert!((0..70).all(|j| close(c.get(0, j), 4.0 * f64::EPSILON)), "{list:?} in columns");
        }
    }
}

#[test]
fn products_of_floats_reduce() {
    let algebra = Algebra::Builtin { add: BinaryOp::Mul, mul: BinaryOp::Mul };
    let values: Vec<f64> = (0..1000).map(|k| [2.0, -0.5, 1.0, -1.0, 0.5, 2.0, -0.5][k % 7]).collect();
    let want: f64 = values.iter().product();
    for isa in Isa::available() {
        let got = reduced(&builtin(algebra, Dtype::F64, isa).unwrap(), 1.0, &values);
        assert_eq!(got, want);
        let pairs: Vec<Complex<f64>> = values.iter().map(|&x| Complex::new(0.0, x)).collect();
        let want: Complex<f64> = pairs.iter().product();
        assert_eq!(reduced(&builtin(algebra, Dtype::C64, isa).unwrap(), Complex::ONE, &pairs), want);
    }
}

#[test]
fn long_sums_round_like_pairwise_ones() {
    for isa in Isa::available() {
        let kernels = builtin(Algebra::SUM_PRODUCT, Dtype::F32, isa).unwrap();
        let n = 1 << 20;
        let a = row(vec![0.1_f32; n]);
        // One row, many rows, and rows that are long and few: none may add a million terms one after another.
        for (n, strides) in [([1, n], [0, 4]), ([1 << 10, 1 << 10], [4, 4 << 10]), ([3, n / 4], [n as isize, 4])] {
            let mut c = Plane::with([0, 0], [1, 1], || 0.0_f32);
            let a = Src { strides, ..a.src() };
            // SAFETY: the planes hold the positions, and no other thread sees them.
            unsafe { (kernels.add)(n, c.dst(), a) };
            let exact = (n[0] * n[1]) as f64 * f64::from(0.1_f32);
            let error = (f64::from(c.get(0, 0)) - exact).abs() / exact;
            assert!(error < 16.0 * f64::from(f32::EPSILON), "{n:?}: {error:e}, {isa:?}");
        }
    }
}

#[test]
fn a_target_that_is_not_added_to_is_not_read() {
    for isa in Isa::available() {
        for (algebra, dtype) in [(Algebra::SUM_PRODUCT, Dtype::F64), (Algebra::MIN_PLUS, Dtype::F64)] {
            let kernels = builtin(algebra, dtype, isa).unwrap();
            let in_place = kernels.fused.unwrap().gemm.is_some();
            for extents in [[5, 9, 3], [1, 1, 70], [2, 3, 0]] {
                let [m, n, k] = extents;
                if k == 0 && !in_place {
                    continue;
                }
                let (a, b) = (row(vec![1.0; m * k + 1]), row(vec![1.0; n * k + 1]));
                let mut c = Plane::with([n as isize, 1], [m, n], || f64::NAN);
                let a = Src { strides: [8 * k as isize, 8], ..a.src() };
                let b = Src { strides: [8 * n as isize, 8], ..b.src() };
                let (alpha, accumulate) = (None, false);
                // SAFETY: the planes hold the extents, and no other thread sees them.
                unsafe {
                    multiply(
                        &kernels.fused.unwrap(),
                        &GemmArgs { extents, c: c.dst(), a, b, alpha, accumulate, batch: Batch::ONE },
                        in_place,
                    )
                };
                assert!(positions([m, n]).all(|(i, j)| !c.get(i, j).is_nan()), "{algebra} {extents:?} {isa:?}");
            }
        }
    }
}

#[test]
#[cfg(target_arch = "x86_64")]
fn no_instruction_set_of_this_cpu_is_missing() {
    let names: Vec<_> = Isa::available().into_iter().map(Isa::name).collect();
    let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
    let avx512 = avx2
        && is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512vl");
    let want = [("portable", true), ("avx2", avx2), ("avx512", avx512)];
    assert_eq!(names, want.iter().filter(|w| w.1).map(|w| w.0).collect::<Vec<_>>());
}
