//! Compensated sums of blocks.
//!
//! A sum that rounds is divided into blocks. The sum of a block moves from the target to a pair of elements, *high* and
//! *low*, whose exact sum is that of all blocks so far. Adding to *high* has a rounding error that is itself an element,
//! and is added to *low*: TwoSum of Knuth, The Art of Computer Programming 2, section 4.2.2, as in algorithm Sum2 of
//! Ogita, Rump and Oishi, Accurate Sum and Dot Product, SIAM J. Sci. Comput. 26, 2005.

use num_complex::Complex;

#[cfg(target_arch = "x86_64")]
use super::isa::with_features;
use super::{Dst, fuse};

/// The step of a sum of blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompensateStep {
    /// The first block: `high = c`, `low = 0`, `c = 0`. The pair is not read.
    First,
    /// A further block: `high + low += c`, `c = 0`.
    Next,
    /// The last block, which stays in the target: `c = high + (low + c)`.
    Last,
}

/// Moves the sums of a block from `c` to the pairs, or the sum of all blocks back.
pub type CompensateFn = unsafe fn(step: CompensateStep, n: [usize; 2], c: Dst, high: Dst, low: Dst);

/// A number whose addition rounds.
pub(super) trait Rounded: Copy {
    const ZERO: Self;
    fn plus(self, other: Self) -> Self;
    /// The rounding error of `self + other`, where `sum` is the rounded result; 0 if it is not finite.
    fn error(self, other: Self, sum: Self) -> Self;
}

macro_rules! rounded {
    ($($t:ty)*) => { $(
        impl Rounded for $t {
            const ZERO: $t = 0.0;
            #[inline(always)]
            fn plus(self, other: $t) -> $t {
                self + other
            }
            #[inline(always)]
            fn error(self, other: $t, sum: $t) -> $t {
                let rest = sum - self;
                let error = (self - (sum - rest)) + (other - rest);
                if error - error == 0.0 { error } else { 0.0 }
            }
        }
    )* };
}
rounded!(f32 f64);

impl<T: Rounded> Rounded for Complex<T> {
    const ZERO: Complex<T> = Complex { re: T::ZERO, im: T::ZERO };
    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        Complex { re: self.re.plus(other.re), im: self.im.plus(other.im) }
    }
    #[inline(always)]
    fn error(self, other: Self, sum: Self) -> Self {
        Complex { re: self.re.error(other.re, sum.re), im: self.im.error(other.im, sum.im) }
    }
}

/// # Safety
/// The contract of [`Kernels`](super::Kernels), for elements of type `T`; no two of the three operands overlap, and no
/// address of one repeats.
#[inline(always)]
unsafe fn run<T: Rounded>(step: CompensateStep, n: [usize; 2], c: Dst, high: Dst, low: Dst) {
    let n = fuse(n, [c.strides, high.strides, low.strides]);
    let unit = [c, high, low].iter().all(|x| x.strides[1] == size_of::<T>() as isize);
    for o in 0..n[0] {
        let [c, high, low] = [c, high, low].map(|x| x.at(o, 0));
        // SAFETY: the caller promises the positions below `n`; rows are contiguous where `unit` has checked it.
        unsafe {
            if unit {
                row::<T>(step, n[1], [c, high, low].map(|x| x.ptr.cast()));
            } else {
                (0..n[1]).for_each(|i| row::<T>(step, 1, [c, high, low].map(|x| x.at(0, i).ptr.cast())));
            }
        }
    }
}

/// A row of contiguous elements.
#[inline(always)]
unsafe fn row<T: Rounded>(step: CompensateStep, n: usize, [c, high, low]: [*mut T; 3]) {
    use std::slice::from_raw_parts_mut;
    // SAFETY: the caller promises `n` elements of each operand, which do not overlap and hold values. Only a pair at the
    // first step holds none: it is written through pointers and not read.
    unsafe {
        if step == CompensateStep::First {
            high.copy_from_nonoverlapping(c, n);
            for i in 0..n {
                low.add(i).write(T::ZERO);
                c.add(i).write(T::ZERO);
            }
            return;
        }
        let (c, high, low) = (from_raw_parts_mut(c, n), from_raw_parts_mut(high, n), from_raw_parts_mut(low, n));
        let all = c.iter_mut().zip(high).zip(low);
        if step == CompensateStep::Last {
            all.for_each(|((c, high), low)| *c = high.plus(low.plus(*c)));
        } else {
            for ((c, high), low) in all {
                let sum = high.plus(*c);
                *low = low.plus(high.error(*c, sum));
                *high = sum;
                *c = T::ZERO;
            }
        }
    }
}

macro_rules! compiled {
    ($name:ident $($feature:tt)*) => {
        $(#[target_feature(enable = $feature)])*
        pub(super) unsafe fn $name<T: Rounded>(step: CompensateStep, n: [usize; 2], c: Dst, high: Dst, low: Dst) {
            // SAFETY: the caller upholds the contract of `Kernels`.
            unsafe { run::<T>(step, n, c, high, low) }
        }
    };
}
compiled!(portable);
#[cfg(target_arch = "x86_64")]
with_features!(avx2 => compiled!(avx2));
#[cfg(not(target_arch = "x86_64"))]
pub(super) use portable as avx2;
