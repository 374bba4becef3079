//! Sums of blocks, added with the errors of their roundings.
//!
//! A sum that rounds is cut into blocks. The sum of a block is moved out of the target into a pair of elements, *high* and *low*,
//! whose sum is that of all blocks so far. Adding to *high* gives a rounding error that is itself an element, which is added to *low*:
//! TwoSum of Knuth, The Art of Computer Programming 2, section 4.2.2, as in algorithm Sum2 of Ogita, Rump and Oishi, Accurate Sum
//! and Dot GemmArgs, SIAM J. Sci. Comput. 26, 2005.

use num_complex::Complex;

use super::{Dst, fuse};

/// Which part of a sum of blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CarryStep {
    /// The first block: `high = c`, `low = 0`, `c = 0`. The pair is not read.
    First,
    /// A further block: `high + low += c`, `c = 0`.
    Next,
    /// The last block, which stays in the target: `c = high + (low + c)`.
    Last,
}

/// Moves the sums of a block from `c` to the pair, or the sum of all blocks back.
pub type Carry = unsafe fn(step: CarryStep, n: [usize; 2], c: Dst, high: Dst, low: Dst);

/// A number whose additions round.
pub(super) trait Rounded: Copy {
    const ZERO: Self;
    fn plus(self, other: Self) -> Self;
    /// The rounding error of `self + other`, which is `sum`: 0 where it is not finite.
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
/// As [`Kernels`](super::Kernels) states, for elements of type `T`; no two of the three operands overlap, and no address of one repeats.
#[inline(always)]
unsafe fn run<T: Rounded>(step: CarryStep, n: [usize; 2], c: Dst, high: Dst, low: Dst) {
    let n = fuse(n, [c.strides, high.strides, low.strides]);
    let unit = [c, high, low].iter().all(|x| x.strides[1] == size_of::<T>() as isize);
    for o in 0..n[0] {
        let [c, high, low] = [c, high, low].map(|x| x.at(o, 0));
        // SAFETY: the caller's promise, and the strides just checked.
        unsafe {
            if unit {
                row::<T>(step, n[1], [c, high, low].map(|x| x.ptr.cast()));
            } else {
                (0..n[1]).for_each(|i| row::<T>(step, 1, [c, high, low].map(|x| x.at(0, i).ptr.cast())));
            }
        }
    }
}

/// Neighbouring elements.
#[inline(always)]
unsafe fn row<T: Rounded>(step: CarryStep, n: usize, [c, high, low]: [*mut T; 3]) {
    use std::slice::from_raw_parts_mut;
    // SAFETY: the caller promises `n` elements of each operand, apart from each other, that hold values but for a pair that is
    // not read: that is only written, by pointers.
    unsafe {
        if step == CarryStep::First {
            high.copy_from_nonoverlapping(c, n);
            for i in 0..n {
                low.add(i).write(T::ZERO);
                c.add(i).write(T::ZERO);
            }
            return;
        }
        let (c, high, low) = (from_raw_parts_mut(c, n), from_raw_parts_mut(high, n), from_raw_parts_mut(low, n));
        let all = c.iter_mut().zip(high).zip(low);
        if step == CarryStep::Last {
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
    ($name:ident $(, $features:literal)?) => {
        $(#[target_feature(enable = $features)])?
        pub(super) unsafe fn $name<T: Rounded>(step: CarryStep, n: [usize; 2], c: Dst, high: Dst, low: Dst) {
            // SAFETY: the caller's promise.
            unsafe { run::<T>(step, n, c, high, low) }
        }
    };
}
compiled!(portable);
#[cfg(target_arch = "x86_64")]
compiled!(avx2, "avx2,fma");
#[cfg(not(target_arch = "x86_64"))]
pub(super) use portable as avx2;
