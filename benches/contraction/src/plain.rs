//! Products as plain loops over blocks, for element types and algebras that no library has kernels for.

use std::ops::Range;

pub trait Wrapping: Copy {
    /// `sum + a b`, modulo the number of values.
    fn wrapping_multiply_add(sum: Self, a: Self, b: Self) -> Self;
}

macro_rules! wrapping {
    ($($t:ident)*) => { $(
        impl Wrapping for $t {
            #[inline(always)]
            fn wrapping_multiply_add(sum: $t, a: $t, b: $t) -> $t {
                sum.wrapping_add(a.wrapping_mul(b))
            }
        }
    )* };
}

wrapping! { i32 i64 }

/// The product of an `m` by `k` and a `k` by `n` matrix in C order, and the matrix that it is written to.
pub struct Product<'m, T> {
    /// `m`, `n` and `k`.
    pub extents: [usize; 3],
    pub a: &'m [T],
    pub b: &'m [T],
    pub c: &'m mut [T],
    /// The sum of no terms.
    pub zero: T,
}

/// Computes a product, with vectors of the widest kind that the CPU has.
pub fn multiply<T: Copy, F: Fn(T, T, T) -> T + Copy>(product: Product<'_, T>, multiply_add: F) {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx512dq") && is_x86_feature_detected!("avx512f") {
        // SAFETY: the CPU has both features.
        return unsafe { avx512(product, multiply_add) };
    } else if is_x86_feature_detected!("avx2") {
        // SAFETY: the CPU has the feature.
        return unsafe { avx2(product, multiply_add) };
    }
    blocks(product, multiply_add);
}

/// The loops for CPUs with a feature.
macro_rules! with_feature {
    ($name:ident, $feature:literal) => {
        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = $feature)]
        fn $name<T: Copy, F: Fn(T, T, T) -> T + Copy>(product: Product<'_, T>, multiply_add: F) {
            blocks(product, multiply_add);
        }
    };
}

with_feature!(avx512, "avx512f,avx512dq");
with_feature!(avx2, "avx2");

#[inline(always)]
fn blocks<T: Copy, F: Fn(T, T, T) -> T + Copy>(product: Product<'_, T>, multiply_add: F) {
    /// A block of `b` stays in the first cache while all rows of `a` meet it.
    const DEPTH: usize = 16;
    const WIDTH: usize = 256;
    let Product { extents: [m, n, k], a, b, c, zero } = product;
    c.fill(zero);
    for depth in ranges(k, DEPTH) {
        for width in ranges(n, WIDTH) {
            for row in 0..m {
                let sums = &mut c[row * n..][width.clone()];
                for at in depth.clone() {
                    let factor = a[row * k + at];
                    for (sum, x) in sums.iter_mut().zip(&b[at * n..][width.clone()]) {
                        *sum = multiply_add(*sum, factor, *x);
                    }
                }
            }
        }
    }
}

fn ranges(extent: usize, step: usize) -> impl Iterator<Item = Range<usize>> {
    (0..extent).step_by(step).map(move |start| start..extent.min(start + step))
}
