//! Copies and conversions.

use einfold_ir::{Dtype, DtypeKind};
use half::{bf16, f16};
use num_complex::Complex;

use super::{Plane, Rng, Sample, positions};
use crate::element::Element;
use crate::kernels::{Dst, Src, convert, copy};

/// Converts one value of `A` to `B`.
fn one<A: Element, B: Element + Default>(x: A, conj: bool) -> B {
    let kernel = convert(A::dtype(), B::dtype(), conj).unwrap();
    let mut y = B::default();
    let (c, a) = ((&raw mut y).cast(), (&raw const x).cast());
    // SAFETY: both are values of the kernel's types.
    unsafe { kernel([1, 1], Dst { ptr: c, strides: [0, 0] }, Src { ptr: a, strides: [0, 0] }) };
    y
}

#[test]
fn the_table_has_what_promotion_needs_and_no_more() {
    for from in Dtype::BUILTIN {
        for to in Dtype::BUILTIN {
            let kind = |d: Dtype| d.kind();
            let numbers = !matches!(kind(from), DtypeKind::Bool | DtypeKind::ComplexInt);
            let wide = matches!(to, Dtype::F32 | Dtype::F64 | Dtype::C32 | Dtype::C64);
            let halves = matches!(to, Dtype::F16 | Dtype::BF16) && matches!(from, Dtype::F32 | Dtype::F64);
            let real_part = kind(from) == DtypeKind::Complex && kind(to) != DtypeKind::Complex;
            let want = Dtype::promote(&[from, to]) == Some(to) || (numbers && wide && !real_part) || halves;
            for conj in [false, true] {
                assert_eq!(convert(from, to, conj).is_some(), want, "{from} to {to}, {conj}");
            }
        }
    }
    let pair = Dtype::custom::<(u8, u8)>();
    assert!(convert(pair, pair, false).is_none() && convert(pair, Dtype::F64, false).is_none());
}

#[test]
fn values_are_numpys() {
    assert_eq!(one::<bool, i8>(true, false), 1);
    assert_eq!(one::<bool, f16>(true, false), f16::ONE);
    assert_eq!(one::<bool, Complex<i64>>(true, false), Complex::new(1, 0));
    assert!(one::<bool, bool>(true, false));
    assert_eq!(one::<i8, bf16>(-128, false).to_f64(), -128.0);
    assert_eq!(one::<u8, f16>(255, false).to_f64(), 255.0);
    assert_eq!(one::<i64, f64>(i64::MAX, false), 9_223_372_036_854_775_808.0);
    assert_eq!(one::<u64, f64>(u64::MAX, false), 18_446_744_073_709_551_616.0);
    assert_eq!(one::<u64, f32>((1 << 24) + 1, false), 16_777_216.0);
    assert_eq!(one::<i32, Complex<f64>>(i32::MIN, false), Complex::new(-2_147_483_648.0, 0.0));
    assert_eq!(one::<f64, f32>(1e300, false), f32::INFINITY);
    assert_eq!(one::<f64, f16>(2049.0, false).to_f64(), 2048.0);
    assert_eq!(one::<f64, f16>(2051.0, false).to_f64(), 2052.0);
    assert_eq!(one::<f32, bf16>(257.0, false).to_f64(), 256.0);
    assert!(one::<f32, f16>(f32::NAN, false).is_nan());
    assert_eq!(one::<f64, Complex<f32>>(-0.0, false).re.to_bits(), (-0.0_f32).to_bits());
    assert_eq!(one::<Complex<f64>, Complex<f32>>(Complex::new(0.1, -0.2), false), Complex::new(0.1, -0.2));
}

#[test]
fn conjugates_change_the_sign_of_the_imaginary_part_alone() {
    assert_eq!(one::<Complex<f32>, Complex<f64>>(Complex::new(1.5, 2.5), true), Complex::new(1.5, -2.5));
    assert_eq!(one::<Complex<f64>, Complex<f64>>(Complex::new(1.0, 0.0), true).im.to_bits(), (-0.0_f64).to_bits());
    assert_eq!(one::<Complex<i32>, Complex<i64>>(Complex::new(1, i32::MIN), true), Complex::new(1, 1 << 31));
    assert_eq!(one::<Complex<i64>, Complex<i64>>(Complex::new(1, i64::MIN), true), Complex::new(1, i64::MIN));
    assert_eq!(one::<f32, f64>(-1.5, true), -1.5);
}

#[test]
fn rows_are_converted_with_any_strides() {
    let rng = &mut Rng::new(11);
    for _ in 0..60 {
        let n = [rng.extent(), rng.extent()];
        let a = Plane::<i32>::random(rng, n, true);
        let mut c = Plane::<Complex<f64>>::random(rng, n, false);
        let mut want = c.clone();
        // SAFETY: the planes hold `n` positions of the kernel's types, and no other thread sees them.
        unsafe { convert(Dtype::I32, Dtype::C64, false).unwrap()(n, c.dst(), a.src()) };
        positions(n).for_each(|(i, j)| want.set(i, j, Complex::new(a.get(i, j).into(), 0.0)));
        assert_eq!(c.data, want.data, "{n:?}");
    }
}

impl<const N: usize> Sample for [u8; N] {
    fn sample(rng: &mut Rng) -> [u8; N] {
        std::array::from_fn(|_| rng.below(256) as u8)
    }
}

#[test]
fn copies_move_every_byte_of_elements_of_any_size() {
    fn check<T: Sample>() {
        let rng = &mut Rng::new(size_of::<T>() as u64);
        let sizes = (0..40).map(|_| [rng.extent(), rng.extent()]).chain([[130, 67], [67, 130], [200, 200]]);
        for n in sizes.collect::<Vec<_>>() {
            let a = Plane::<T>::random(rng, n, true);
            let mut c = Plane::<T>::random(rng, n, false);
            let mut want = c.clone();
            // SAFETY: the planes hold `n` positions of this size, and no other thread sees them.
            unsafe { copy(size_of::<T>(), n, c.dst(), a.src()) };
            positions(n).for_each(|(i, j)| want.set(i, j, a.get(i, j)));
            assert!(c.data == want.data, "{n:?}, {} bytes", size_of::<T>());
        }
    }
    check::<[u8; 0]>();
    check::<u8>();
    check::<[u8; 2]>();
    check::<[u8; 3]>();
    check::<u32>();
    check::<f64>();
    check::<[u8; 8]>();
    check::<Complex<f64>>();
    check::<[u8; 40]>();
}
