//! `ln Σ exp`, shifted by the largest term: one exponential per term, where pairwise addition would need a logarithm too.

use super::elementary::Elementary;
#[cfg(target_arch = "x86_64")]
use super::isa::with_features;
use super::op::{LogAddExp, ScalarOp};
use super::{Dst, Src};

/// The number of terms that are summed side by side.
const COLUMNS: usize = 64;
/// The number of consecutive additions before a sum is added to the total.
const DEEP: usize = 64;

/// The access to elements of a type. The arithmetic is in `f64`, and compiled once for all types.
#[derive(Clone, Copy)]
struct Access {
    /// The bytes of an element.
    size: isize,
    /// Reads elements at a stride in bytes.
    read: unsafe fn(n: usize, a: *const u8, stride: isize, to: &mut [f64; COLUMNS]),
    /// Adds `most + ln sum` to an element.
    finish: unsafe fn(c: *mut u8, most: f64, sum: f64),
}

impl Access {
    const fn of<T: Real>() -> Access
    where
        LogAddExp<T>: ScalarOp<T = T>,
    {
        Access { size: size_of::<T>() as isize, read: read::<T>, finish: finish::<T> }
    }
}

/// `c = ln(exp c + exp a)`; adds. All −∞ gives −∞, any +∞ gives +∞, and NaN is kept.
///
/// # Safety
/// The contract of [`Kernels`](super::Kernels), for elements of the type that `access` is for.
#[inline(always)]
unsafe fn sum(access: Access, n: [usize; 2], c: Dst, a: Src) {
    // The columns of a block, along the inner loop, have targets of their own; the outer loop is summed.
    let transposed = c.strides[1] == 0 && n[1] > 1;
    let (n, c, a) = if transposed { ([n[1], n[0]], c.transposed(), a.transposed()) } else { (n, c, a) };
    let (rows, each) = if c.strides[0] == 0 { (n[0], 1) } else { (1, n[0]) };
    // Both loops may have one target; and contiguous terms are best read in order.
    let alone = c.strides[1] == 0 || (a.strides[0] == access.size && rows >= COLUMNS);
    let width = if alone { 1 } else { COLUMNS };
    for o in 0..each {
        for i in (0..n[1]).step_by(width) {
            // SAFETY: positions below `n`, for which the caller promises the operands.
            unsafe {
                if alone {
                    line(access, rows, c.at(o, i), a.at(o, i));
                } else {
                    block(access, [rows, width.min(n[1] - i)], c.at(o, i), a.at(o, i));
                }
            }
        }
    }
}

/// Adds the sum of each column of a block.
#[inline(always)]
unsafe fn block(access: Access, n: [usize; 2], c: Dst, a: Src) {
    let (mut most, mut sums, mut terms) = ([f64::NEG_INFINITY; COLUMNS], [0f64; COLUMNS], [0f64; COLUMNS]);
    // SAFETY: positions below `n`, for which the caller promises the operands.
    unsafe {
        for o in 0..n[0] {
            (access.read)(n[1], a.at(o, 0).ptr, a.strides[1], &mut terms);
            larger(&mut most, &terms);
        }
        shift(&mut most);
        let mut total = [0f64; COLUMNS];
        for o in 0..n[0] {
            (access.read)(n[1], a.at(o, 0).ptr, a.strides[1], &mut terms);
            add_exponentials(&mut sums, &terms, &most);
            if o % DEEP == DEEP - 1 {
                collect(&mut total, &mut sums);
            }
        }
        collect(&mut sums, &mut total);
        for i in 0..n[1] {
            (access.finish)(c.at(0, i).ptr, most[i], sums[i]);
        }
    }
}

/// Adds the sum of the terms along the outer loop, with several sums side by side.
#[inline(always)]
unsafe fn line(access: Access, n: usize, c: Dst, a: Src) {
    let (mut most, mut sums, mut terms) = ([f64::NEG_INFINITY; COLUMNS], [0f64; COLUMNS], [0f64; COLUMNS]);
    // SAFETY: positions below `n`, for which the caller promises the operands.
    unsafe {
        for o in (0..n).step_by(COLUMNS) {
            terms.fill(f64::NEG_INFINITY);
            (access.read)(COLUMNS.min(n - o), a.at(o, 0).ptr, a.strides[0], &mut terms);
            larger(&mut most, &terms);
        }
        let mut most = [most.into_iter().fold(f64::NEG_INFINITY, f64::max); COLUMNS];
        shift(&mut most);
        let mut total = [0f64; COLUMNS];
        for (k, o) in (0..n).step_by(COLUMNS).enumerate() {
            terms.fill(f64::NEG_INFINITY);
            (access.read)(COLUMNS.min(n - o), a.at(o, 0).ptr, a.strides[0], &mut terms);
            add_exponentials(&mut sums, &terms, &most);
            if k % DEEP == DEEP - 1 {
                collect(&mut total, &mut sums);
            }
        }
        collect(&mut sums, &mut total);
        (access.finish)(c.ptr, most[0], sums.into_iter().sum());
    }
}

unsafe fn read<T: Real>(n: usize, a: *const u8, stride: isize, to: &mut [f64; COLUMNS]) {
    // SAFETY: the caller promises `n` terms, at most `COLUMNS`.
    unsafe {
        if stride == size_of::<T>() as isize {
            to[..n].iter_mut().enumerate().for_each(|(i, to)| *to = a.cast::<T>().add(i).read().into());
        } else {
            let term = |i: usize| a.wrapping_offset(i as isize * stride).cast::<T>().read();
            to[..n].iter_mut().enumerate().for_each(|(i, to)| *to = term(i).into());
        }
    }
}

/// The maxima of both; ignores NaN.
#[inline(always)]
fn larger(most: &mut [f64; COLUMNS], terms: &[f64; COLUMNS]) {
    most.iter_mut().zip(terms).for_each(|(most, &term)| *most = if term > *most { term } else { *most });
}

/// Replaces infinite shifts by 0. A NaN, which `larger` ignored, appears in the sum.
#[inline(always)]
fn shift(most: &mut [f64; COLUMNS]) {
    most.iter_mut().for_each(|most| *most = if most.is_finite() { *most } else { 0.0 });
}

#[inline(always)]
fn add_exponentials(sums: &mut [f64; COLUMNS], terms: &[f64; COLUMNS], most: &[f64; COLUMNS]) {
    sums.iter_mut().zip(terms).zip(most).for_each(|((sum, term), most)| *sum += Elementary::exp(term - most));
}

/// Moves the sums of a block to the totals.
#[inline(always)]
fn collect(total: &mut [f64; COLUMNS], sums: &mut [f64; COLUMNS]) {
    total.iter_mut().zip(sums).for_each(|(total, sum)| *total += std::mem::take(sum));
}

unsafe fn finish<T: Real>(c: *mut u8, most: f64, sum: f64)
where
    LogAddExp<T>: ScalarOp<T = T>,
{
    let target = c.cast::<T>();
    // SAFETY: the caller promises an element.
    unsafe { target.write(LogAddExp::<T>::apply(target.read(), T::narrow(most + sum.ln()))) }
}

macro_rules! compiled {
    ($name:ident $sum:ident $($feature:tt)*) => {
        $(#[target_feature(enable = $feature)])*
        unsafe fn $sum(access: Access, n: [usize; 2], c: Dst, a: Src) {
            // SAFETY: the caller upholds the contract of `sum`.
            unsafe { sum(access, n, c, a) }
        }

        pub(super) unsafe fn $name<T: Real>(n: [usize; 2], c: Dst, a: Src)
        where
            LogAddExp<T>: ScalarOp<T = T>,
        {
            // SAFETY: the caller upholds the contract of `Kernels`.
            unsafe { $sum(const { Access::of::<T>() }, n, c, a) }
        }
    };
}
compiled!(portable portable_sum);
#[cfg(target_arch = "x86_64")]
with_features!(avx2 => compiled!(avx2 avx2_sum));
#[cfg(not(target_arch = "x86_64"))]
pub(super) use portable as avx2;

/// A type that converts to `f64` and is rounded from it.
pub(super) trait Real: Copy + Into<f64> {
    fn narrow(x: f64) -> Self;
}

impl Real for f64 {
    fn narrow(x: f64) -> f64 {
        x
    }
}

impl Real for f32 {
    fn narrow(x: f64) -> f32 {
        x as f32
    }
}
