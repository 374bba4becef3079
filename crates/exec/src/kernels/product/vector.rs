//! The vectors of each element type and instruction set.

use std::arch::x86_64::*;

/// A vector register of elements.
///
/// # Safety of the functions
/// The CPU has the instruction set of the type, and pointers lead to as many elements as a function says. The functions
/// are `inline(always)`: only code inlined into a function with the target features runs their instructions.
pub(super) trait Vector: Copy {
    type Element: Float;
    /// Which elements of a vector an access touches.
    type Mask: Copy;
    /// The number of elements.
    const LANES: usize;
    unsafe fn zero() -> Self;
    unsafe fn splat(x: Self::Element) -> Self;
    /// Whether masked accesses are as fast as whole ones.
    const MASKS: bool;
    /// Reads [`Self::LANES`] elements.
    unsafe fn load(from: *const Self::Element) -> Self;
    /// Writes [`Self::LANES`] elements.
    unsafe fn store(self, to: *mut Self::Element);
    /// The first `lanes` elements.
    unsafe fn mask(lanes: usize) -> Self::Mask;
    /// Reads the elements of the mask; the others are 0.
    unsafe fn load_masked(from: *const Self::Element, mask: Self::Mask) -> Self;
    /// Writes the elements of the mask.
    unsafe fn store_masked(self, to: *mut Self::Element, mask: Self::Mask);
    /// `self · factor + sum`, rounded once.
    unsafe fn mul_add(self, factor: Self, sum: Self) -> Self;
    unsafe fn mul(self, factor: Self) -> Self;
    unsafe fn add(self, other: Self) -> Self;
}

/// The arithmetic of single elements.
pub(super) trait Float: Copy + std::ops::Add<Output = Self> + std::ops::Mul<Output = Self> {
    const ZERO: Self;
    /// The side of the square that [`Float::transpose`] moves.
    const SQUARE: usize;
    /// Reads a square whose rows begin at `rows`, and writes its columns, `step` elements apart.
    ///
    /// # Safety
    /// The CPU has AVX2; each row has [`Self::SQUARE`] elements, and there is memory for as many columns.
    unsafe fn transpose(rows: impl Fn(usize) -> *const Self, to: *mut Self, step: usize);
}

impl Float for f64 {
    const ZERO: f64 = 0.0;
    const SQUARE: usize = 4;
    #[inline(always)]
    unsafe fn transpose(rows: impl Fn(usize) -> *const f64, to: *mut f64, step: usize) {
        // SAFETY: the caller promises AVX2, the rows and the columns.
        unsafe {
            let [a, b, c, d] = [0, 1, 2, 3].map(|r| _mm256_loadu_pd(rows(r)));
            let (ab0, ab1) = (_mm256_unpacklo_pd(a, b), _mm256_unpackhi_pd(a, b));
            let (cd0, cd1) = (_mm256_unpacklo_pd(c, d), _mm256_unpackhi_pd(c, d));
            _mm256_storeu_pd(to, _mm256_permute2f128_pd::<0x20>(ab0, cd0));
            _mm256_storeu_pd(to.add(step), _mm256_permute2f128_pd::<0x20>(ab1, cd1));
            _mm256_storeu_pd(to.add(2 * step), _mm256_permute2f128_pd::<0x31>(ab0, cd0));
            _mm256_storeu_pd(to.add(3 * step), _mm256_permute2f128_pd::<0x31>(ab1, cd1));
        }
    }
}

impl Float for f32 {
    const ZERO: f32 = 0.0;
    const SQUARE: usize = 8;
    #[inline(always)]
    unsafe fn transpose(rows: impl Fn(usize) -> *const f32, to: *mut f32, step: usize) {
        // SAFETY: the caller promises AVX2, the rows and the columns.
        unsafe {
            // Squares of four in each half: rows 0..4 and 4..8.
            let mut halves = [[_mm256_setzero_ps(); 4]; 2];
            let mut h = 0;
            while h < 2 {
                let [a, b, c, d] = [0, 1, 2, 3].map(|r| _mm256_loadu_ps(rows(4 * h + r)));
                let pairs = |x, y| (_mm256_unpacklo_ps(x, y), _mm256_unpackhi_ps(x, y));
                let ((ab0, ab1), (cd0, cd1)) = (pairs(a, b), pairs(c, d));
                halves[h] = [
                    _mm256_shuffle_ps::<0x44>(ab0, cd0),
                    _mm256_shuffle_ps::<0xee>(ab0, cd0),
                    _mm256_shuffle_ps::<0x44>(ab1, cd1),
                    _mm256_shuffle_ps::<0xee>(ab1, cd1),
                ];
                h += 1;
            }
            let mut q = 0;
            while q < 4 {
                let (low, high) = (halves[0][q], halves[1][q]);
                _mm256_storeu_ps(to.add(q * step), _mm256_permute2f128_ps::<0x20>(low, high));
                _mm256_storeu_ps(to.add((q + 4) * step), _mm256_permute2f128_ps::<0x31>(low, high));
                q += 1;
            }
        }
    }
}

macro_rules! vector {
    (
        $t:ty, $vector:ty, $lanes:literal, $masks:literal $mask:ty, $masked:expr,
        $zero:ident $splat:ident $load:ident $store:ident $load_masked:expr, $store_masked:expr,
        $fma:ident $mul:ident $add:ident
    ) => {
        impl Vector for $vector {
            type Element = $t;
            type Mask = $mask;
            const LANES: usize = $lanes;
            const MASKS: bool = $masks;
            #[inline(always)]
            unsafe fn zero() -> Self {
                // SAFETY: the caller promises the instruction set.
                unsafe { $zero() }
            }
            #[inline(always)]
            unsafe fn splat(x: $t) -> Self {
                // SAFETY: the caller promises the instruction set.
                unsafe { $splat(x) }
            }
            #[inline(always)]
            unsafe fn load(from: *const $t) -> Self {
                // SAFETY: the caller promises the instruction set and the elements.
                unsafe { $load(from) }
            }
            #[inline(always)]
            unsafe fn store(self, to: *mut $t) {
                // SAFETY: the caller promises the instruction set and the elements.
                unsafe { $store(to, self) }
            }
            #[inline(always)]
            unsafe fn mask(lanes: usize) -> $mask {
                $masked(lanes)
            }
            #[inline(always)]
            unsafe fn load_masked(from: *const $t, mask: $mask) -> Self {
                // SAFETY: the caller promises the instruction set and the elements of the mask.
                unsafe { $load_masked(from, mask) }
            }
            #[inline(always)]
            unsafe fn store_masked(self, to: *mut $t, mask: $mask) {
                // SAFETY: the caller promises the instruction set and the elements of the mask.
                unsafe { $store_masked(to, mask, self) }
            }
            #[inline(always)]
            unsafe fn mul_add(self, factor: Self, sum: Self) -> Self {
                // SAFETY: the caller promises the instruction set.
                unsafe { $fma(self, factor, sum) }
            }
            #[inline(always)]
            unsafe fn mul(self, factor: Self) -> Self {
                // SAFETY: the caller promises the instruction set.
                unsafe { $mul(self, factor) }
            }
            #[inline(always)]
            unsafe fn add(self, other: Self) -> Self {
                // SAFETY: the caller promises the instruction set.
                unsafe { $add(self, other) }
            }
        }
    };
}

vector! {
    f64, __m512d, 8, true __mmask8, |lanes: usize| ((1u32 << lanes) - 1) as __mmask8,
    _mm512_setzero_pd _mm512_set1_pd _mm512_loadu_pd _mm512_storeu_pd
    |from, mask| _mm512_maskz_loadu_pd(mask, from), |to, mask, x| _mm512_mask_storeu_pd(to, mask, x),
    _mm512_fmadd_pd _mm512_mul_pd _mm512_add_pd
}
vector! {
    f32, __m512, 16, true __mmask16, |lanes: usize| ((1u32 << lanes) - 1) as __mmask16,
    _mm512_setzero_ps _mm512_set1_ps _mm512_loadu_ps _mm512_storeu_ps
    |from, mask| _mm512_maskz_loadu_ps(mask, from), |to, mask, x| _mm512_mask_storeu_ps(to, mask, x),
    _mm512_fmadd_ps _mm512_mul_ps _mm512_add_ps
}

/// A vector of the integers below `N`, each `-1` where it is below `lanes`, else 0.
const fn below<const N: usize>(lanes: usize) -> [i32; N] {
    let mut mask = [0; N];
    let mut l = 0;
    while l < N && l < lanes {
        mask[l] = -1;
        l += 1;
    }
    mask
}

vector! {
    f64, __m256d, 4, false [i32; 8], |lanes: usize| below::<8>(2 * lanes),
    _mm256_setzero_pd _mm256_set1_pd _mm256_loadu_pd _mm256_storeu_pd
    |from, mask: [i32; 8]| _mm256_maskload_pd(from, _mm256_loadu_si256(mask.as_ptr().cast())),
    |to, mask: [i32; 8], x| _mm256_maskstore_pd(to, _mm256_loadu_si256(mask.as_ptr().cast()), x),
    _mm256_fmadd_pd _mm256_mul_pd _mm256_add_pd
}
vector! {
    f32, __m256, 8, false [i32; 8], |lanes: usize| below::<8>(lanes),
    _mm256_setzero_ps _mm256_set1_ps _mm256_loadu_ps _mm256_storeu_ps
    |from, mask: [i32; 8]| _mm256_maskload_ps(from, _mm256_loadu_si256(mask.as_ptr().cast())),
    |to, mask: [i32; 8], x| _mm256_maskstore_ps(to, _mm256_loadu_si256(mask.as_ptr().cast()), x),
    _mm256_fmadd_ps _mm256_mul_ps _mm256_add_ps
}
