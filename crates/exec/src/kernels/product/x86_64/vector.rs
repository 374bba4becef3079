//! The vectors of each element type and instruction set.

use std::arch::x86_64::*;

/// A vector register of elements.
///
/// # Safety of the functions
/// The CPU has the instruction set of the type, and pointers lead to as many elements as a function says. The functions
/// are `inline(always)`: only code inlined into a function with the target features runs their instructions.
pub(super) trait Vector: Copy {
    type Element: Number;
    /// Which elements of a vector an access touches.
    type Mask: Copy;
    /// The number of elements.
    const LANES: usize;
    /// A sum of products of vectors and scalars.
    type Sum: Copy;
    /// A scalar, as a factor of vectors.
    type Factor: Copy;
    unsafe fn zero() -> Self;
    unsafe fn no_sum() -> Self::Sum;
    unsafe fn splat(x: Self::Element) -> Self::Factor;
    /// Whether masked accesses are as fast as whole ones.
    const MASKS: bool;
    /// Reads [`Self::LANES`] elements.
    unsafe fn load(from: *const Self::Element) -> Self;
    /// Writes [`Self::LANES`] elements.
    unsafe fn store(self, to: *mut Self::Element);
    /// Writes [`Self::LANES`] elements past the caches, to an address that is a multiple of their bytes.
    unsafe fn stream(self, to: *mut Self::Element);
    /// The elements from `first` to before `end`.
    fn mask(first: usize, end: usize) -> Self::Mask;
    /// Reads the elements of the mask; the others are 0.
    unsafe fn load_masked(from: *const Self::Element, mask: Self::Mask) -> Self;
    /// Writes the elements of the mask.
    unsafe fn store_masked(self, to: *mut Self::Element, mask: Self::Mask);
    /// `self · factor + sum`, rounded once in each part.
    unsafe fn mul_add(self, factor: Self::Factor, sum: Self::Sum) -> Self::Sum;
    /// The value of a sum.
    unsafe fn total(sum: Self::Sum) -> Self;
    unsafe fn mul(self, factor: Self::Factor) -> Self;
    unsafe fn add(self, other: Self) -> Self;
}

/// The arithmetic of single elements.
pub(super) trait Number: Copy + std::ops::Add<Output = Self> + std::ops::Mul<Output = Self> {
    const ZERO: Self;
    /// The side of the square that [`Number::transpose`] moves.
    const SQUARE: usize = 4;
    /// Reads a square whose rows begin at `rows`, and writes its columns, `step` elements apart.
    ///
    /// # Safety
    /// The CPU has AVX2; each row has [`Self::SQUARE`] elements, and there is memory for as many columns.
    #[inline(always)]
    unsafe fn transpose(rows: impl Fn(usize) -> *const Self, to: *mut Self, step: usize) {
        // SAFETY: the caller promises AVX2, the rows and the columns; a square has four of each unless a type says otherwise.
        unsafe {
            let columns = [to, to.add(step), to.add(2 * step), to.add(3 * step)];
            Self::quad([rows(0), rows(1), rows(2), rows(3)], columns);
        }
    }
    /// Reads four rows of four elements, and writes their columns.
    ///
    /// # Safety
    /// The CPU has AVX2; each row has four elements, and there is memory for as many in each column.
    unsafe fn quad(rows: [*const Self; 4], columns: [*mut Self; 4]);
}

impl Number for f64 {
    const ZERO: f64 = 0.0;
    #[inline(always)]
    unsafe fn quad(rows: [*const f64; 4], columns: [*mut f64; 4]) {
        // SAFETY: the caller promises AVX2, the rows and the columns.
        unsafe {
            let (a, b) = (_mm256_loadu_pd(rows[0]), _mm256_loadu_pd(rows[1]));
            let (c, d) = (_mm256_loadu_pd(rows[2]), _mm256_loadu_pd(rows[3]));
            let (ab0, ab1) = (_mm256_unpacklo_pd(a, b), _mm256_unpackhi_pd(a, b));
            let (cd0, cd1) = (_mm256_unpacklo_pd(c, d), _mm256_unpackhi_pd(c, d));
            _mm256_storeu_pd(columns[0], _mm256_permute2f128_pd::<0x20>(ab0, cd0));
            _mm256_storeu_pd(columns[1], _mm256_permute2f128_pd::<0x20>(ab1, cd1));
            _mm256_storeu_pd(columns[2], _mm256_permute2f128_pd::<0x31>(ab0, cd0));
            _mm256_storeu_pd(columns[3], _mm256_permute2f128_pd::<0x31>(ab1, cd1));
        }
    }
}

impl Number for f32 {
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
    #[inline(always)]
    unsafe fn quad(rows: [*const f32; 4], columns: [*mut f32; 4]) {
        // SAFETY: the caller promises AVX2, the rows and the columns.
        unsafe {
            let (a, b) = (_mm_loadu_ps(rows[0]), _mm_loadu_ps(rows[1]));
            let (c, d) = (_mm_loadu_ps(rows[2]), _mm_loadu_ps(rows[3]));
            let (ab0, ab1) = (_mm_unpacklo_ps(a, b), _mm_unpackhi_ps(a, b));
            let (cd0, cd1) = (_mm_unpacklo_ps(c, d), _mm_unpackhi_ps(c, d));
            _mm_storeu_ps(columns[0], _mm_movelh_ps(ab0, cd0));
            _mm_storeu_ps(columns[1], _mm_movehl_ps(cd0, ab0));
            _mm_storeu_ps(columns[2], _mm_movelh_ps(ab1, cd1));
            _mm_storeu_ps(columns[3], _mm_movehl_ps(cd1, ab1));
        }
    }
}

macro_rules! vector {
    (
        $t:ty, $vector:ty, $lanes:literal, $masks:literal $mask:ty, $masked:expr,
        $zero:ident $splat:ident $load:ident $store:ident $stream:ident $load_masked:expr, $store_masked:expr,
        $fma:ident $mul:ident $add:ident
    ) => {
        impl Vector for $vector {
            type Element = $t;
            type Mask = $mask;
            type Sum = $vector;
            type Factor = $vector;
            const LANES: usize = $lanes;
            const MASKS: bool = $masks;
            #[inline(always)]
            unsafe fn zero() -> Self {
                // SAFETY: the caller promises the instruction set.
                unsafe { $zero() }
            }
            #[inline(always)]
            unsafe fn no_sum() -> Self {
                // SAFETY: the caller promises the instruction set.
                unsafe { $zero() }
            }
            #[inline(always)]
            unsafe fn total(sum: Self) -> Self {
                sum
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
            unsafe fn stream(self, to: *mut $t) {
                // SAFETY: the caller promises the instruction set, the elements and the alignment.
                unsafe { $stream(to, self) }
            }
            #[inline(always)]
            fn mask(first: usize, end: usize) -> $mask {
                $masked(first, end)
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
    f64, __m512d, 8, true __mmask8, |first: usize, end: usize| ((1u32 << end) - (1 << first)) as __mmask8,
    _mm512_setzero_pd _mm512_set1_pd _mm512_loadu_pd _mm512_storeu_pd _mm512_stream_pd
    |from, mask| _mm512_maskz_loadu_pd(mask, from), |to, mask, x| _mm512_mask_storeu_pd(to, mask, x),
    _mm512_fmadd_pd _mm512_mul_pd _mm512_add_pd
}
vector! {
    f32, __m512, 16, true __mmask16, |first: usize, end: usize| ((1u32 << end) - (1 << first)) as __mmask16,
    _mm512_setzero_ps _mm512_set1_ps _mm512_loadu_ps _mm512_storeu_ps _mm512_stream_ps
    |from, mask| _mm512_maskz_loadu_ps(mask, from), |to, mask, x| _mm512_mask_storeu_ps(to, mask, x),
    _mm512_fmadd_ps _mm512_mul_ps _mm512_add_ps
}

/// `-1` for each number from `first` to before `end`, else 0.
fn between(first: usize, end: usize) -> [i32; 8] {
    let mut mask = [0; 8];
    for (x, element) in mask.iter_mut().enumerate() {
        *element = -i32::from(first <= x && x < end);
    }
    mask
}

vector! {
    f64, __m256d, 4, false [i32; 8], |first, end| between(2 * first, 2 * end),
    _mm256_setzero_pd _mm256_set1_pd _mm256_loadu_pd _mm256_storeu_pd _mm256_stream_pd
    |from, mask: [i32; 8]| _mm256_maskload_pd(from, _mm256_loadu_si256(mask.as_ptr().cast())),
    |to, mask: [i32; 8], x| _mm256_maskstore_pd(to, _mm256_loadu_si256(mask.as_ptr().cast()), x),
    _mm256_fmadd_pd _mm256_mul_pd _mm256_add_pd
}
vector! {
    f32, __m256, 8, false [i32; 8], between,
    _mm256_setzero_ps _mm256_set1_ps _mm256_loadu_ps _mm256_storeu_ps _mm256_stream_ps
    |from, mask: [i32; 8]| _mm256_maskload_ps(from, _mm256_loadu_si256(mask.as_ptr().cast())),
    |to, mask: [i32; 8], x| _mm256_maskstore_ps(to, _mm256_loadu_si256(mask.as_ptr().cast()), x),
    _mm256_fmadd_ps _mm256_mul_ps _mm256_add_ps
}
