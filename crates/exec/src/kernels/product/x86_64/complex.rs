//! Vectors of complex numbers: parts side by side, as they lie in memory.
//!
//! The sum of products with scalars has two vectors, of the products with their real and with their imaginary parts. They are
//! combined once, when the sum is complete.

use std::arch::x86_64::*;

use num_complex::Complex;

use super::vector::{Number, Vector};

/// A vector of reals whose neighbours can be parts of complex numbers.
///
/// # Safety of the functions
/// As [`Vector`].
pub(super) trait Parts: Vector<Sum = Self, Factor = Self> {
    /// Exchanges the parts of each number.
    unsafe fn swap(self) -> Self;
    /// `self - other` in real, `self + other` in imaginary parts.
    unsafe fn sub_add(self, other: Self) -> Self;
}

macro_rules! parts {
    ($vector:ty, $swap:expr, $sub_add:expr) => {
        impl Parts for $vector {
            #[inline(always)]
            unsafe fn swap(self) -> Self {
                // SAFETY: the caller promises the instruction set.
                unsafe { $swap(self) }
            }
            #[inline(always)]
            unsafe fn sub_add(self, other: Self) -> Self {
                // SAFETY: the caller promises the instruction set.
                unsafe { $sub_add(self, other) }
            }
        }
    };
}
parts!(__m512d, |x| _mm512_permute_pd::<0x55>(x), |x, y| _mm512_fmaddsub_pd(x, _mm512_set1_pd(1.0), y));
parts!(__m512, |x| _mm512_permute_ps::<0xb1>(x), |x, y| _mm512_fmaddsub_ps(x, _mm512_set1_ps(1.0), y));
parts!(__m256d, |x| _mm256_permute_pd::<5>(x), |x, y| _mm256_addsub_pd(x, y));
parts!(__m256, |x| _mm256_permute_ps::<0xb1>(x), |x, y| _mm256_addsub_ps(x, y));

/// A vector of complex numbers.
#[derive(Clone, Copy)]
pub(super) struct Interleaved<X>(X);

impl<X: Parts> Vector for Interleaved<X>
where
    Complex<X::Element>: Number,
{
    type Element = Complex<X::Element>;
    type Mask = X::Mask;
    type Sum = [X; 2];
    type Factor = [X; 2];
    const LANES: usize = X::LANES / 2;
    const MASKS: bool = X::MASKS;
    #[inline(always)]
    unsafe fn zero() -> Self {
        // SAFETY: the caller promises the instruction set.
        Interleaved(unsafe { X::zero() })
    }
    #[inline(always)]
    unsafe fn no_sum() -> [X; 2] {
        // SAFETY: the caller promises the instruction set.
        unsafe { [X::zero(), X::zero()] }
    }
    #[inline(always)]
    unsafe fn splat(x: Self::Element) -> [X; 2] {
        // SAFETY: the caller promises the instruction set.
        unsafe { [X::splat(x.re), X::splat(x.im)] }
    }
    #[inline(always)]
    unsafe fn load(from: *const Self::Element) -> Self {
        // SAFETY: the caller promises the elements, which are pairs of reals.
        Interleaved(unsafe { X::load(from.cast()) })
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut Self::Element) {
        // SAFETY: as for `load`.
        unsafe { self.0.store(to.cast()) }
    }
    #[inline(always)]
    unsafe fn stream(self, to: *mut Self::Element) {
        // SAFETY: as for `load`; the caller promises the alignment.
        unsafe { self.0.stream(to.cast()) }
    }
    #[inline(always)]
    fn mask(first: usize, end: usize) -> X::Mask {
        X::mask(2 * first, 2 * end)
    }
    #[inline(always)]
    unsafe fn load_masked(from: *const Self::Element, mask: X::Mask) -> Self {
        // SAFETY: as for `load`.
        Interleaved(unsafe { X::load_masked(from.cast(), mask) })
    }
    #[inline(always)]
    unsafe fn store_masked(self, to: *mut Self::Element, mask: X::Mask) {
        // SAFETY: as for `load`.
        unsafe { self.0.store_masked(to.cast(), mask) }
    }
    #[inline(always)]
    unsafe fn mul_add(self, [re, im]: [X; 2], [by_re, by_im]: [X; 2]) -> [X; 2] {
        // SAFETY: the caller promises the instruction set.
        unsafe { [self.0.mul_add(re, by_re), self.0.mul_add(im, by_im)] }
    }
    #[inline(always)]
    unsafe fn total([by_re, by_im]: [X; 2]) -> Self {
        // SAFETY: the caller promises the instruction set.
        Interleaved(unsafe { by_re.sub_add(by_im.swap()) })
    }
    #[inline(always)]
    unsafe fn mul(self, [re, im]: [X; 2]) -> Self {
        // SAFETY: the caller promises the instruction set.
        unsafe { Self::total([self.0.mul(re), self.0.mul(im)]) }
    }
    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        // SAFETY: the caller promises the instruction set.
        Interleaved(unsafe { self.0.add(other.0) })
    }
}

/// Numbers of 8 bytes move as `f64` does.
impl Number for Complex<f32> {
    const ZERO: Self = Complex { re: 0.0, im: 0.0 };
    #[inline(always)]
    unsafe fn quad(rows: [*const Self; 4], columns: [*mut Self; 4]) {
        // SAFETY: the caller's promise; the instructions move bytes, and need no alignment.
        unsafe { f64::quad(rows.map(<*const Self>::cast), columns.map(<*mut Self>::cast)) }
    }
}

impl Number for Complex<f64> {
    const ZERO: Self = Complex { re: 0.0, im: 0.0 };
    #[inline(always)]
    unsafe fn quad(rows: [*const Self; 4], columns: [*mut Self; 4]) {
        let mut c = 0;
        while c < 4 {
            let mut r = 0;
            while r < 4 {
                // SAFETY: the caller promises the rows and the columns.
                unsafe { columns[c].add(r).write(rows[r].add(c).read()) };
                r += 1;
            }
            c += 1;
        }
    }
}
