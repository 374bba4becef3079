//! The matrix product over any pair of operations.
//!
//! A block of B that fits the caches is packed. Several rows of A at a time then run over it: their sums are rows on the
//! stack, and the innermost loop runs along the columns, so that it vectorises for every operation and element type. Each
//! iteration takes several rows of B, so that a sum is read and written once for all of them. No memory is allocated.

#![expect(clippy::needless_range_loop, reason = "counted loops over arrays vectorise most reliably")]

use std::mem::MaybeUninit;
use std::ptr;

use super::op::ScalarOp;
use super::{Dst, GemmArgs, Src, map};

/// Bytes of a row of the packed block, and of a row of sums.
const ROW: usize = 1024;
/// Rows of the packed block.
const DEPTH: usize = 64;
/// Rows of B per iteration of the innermost loop.
const STEP: usize = 4;

/// Memory for a row of elements of any type that fits.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct RowBlock {
    _bytes: [MaybeUninit<u8>; ROW],
}

impl RowBlock {
    const UNINIT: RowBlock = RowBlock { _bytes: [MaybeUninit::uninit(); ROW] };
}

/// `C = α ⊗ A ⊗ B`, or the same added to C, `R` rows at a time.
///
/// # Safety
/// The contract of [`Kernels`](super::Kernels).
#[inline(always)]
pub(super) unsafe fn product<A: ScalarOp, M: ScalarOp<T = A::T>, const R: usize>(p: &GemmArgs) {
    // SAFETY: the caller upholds the contract of `Kernels`.
    unsafe {
        if !p.accumulate {
            map::fill([p.extents[0], p.extents[1]], p.c, A::identity());
        }
        if const { size_of::<A::T>() <= ROW && align_of::<A::T>() <= align_of::<RowBlock>() } {
            blocked::<A, M, R>(&wide(p, size_of::<A::T>() as isize));
        } else {
            one_by_one::<A, M>(p);
        }
    }
}

/// Transposes the product if the columns of C then have its unit stride and are not few: ⊗ commutes, so `Cᵀ = Bᵀ Aᵀ`.
fn wide(p: &GemmArgs, size: isize) -> GemmArgs {
    const FEW: usize = 16;
    let [m, n, k] = p.extents;
    let transpose = if n < FEW || m < FEW { n < m } else { p.c.strides[0].abs() == size };
    if !transpose {
        return *p;
    }
    GemmArgs { extents: [n, m, k], c: p.c.transposed(), a: p.b.transposed(), b: p.a.transposed(), ..*p }
}

#[inline(always)]
unsafe fn blocked<A: ScalarOp, M: ScalarOp<T = A::T>, const R: usize>(p: &GemmArgs) {
    let [m, n, k] = p.extents;
    let columns = ROW / size_of::<A::T>().max(1);
    let mut packed = [RowBlock::UNINIT; DEPTH];
    for j in (0..n).step_by(columns) {
        for l in (0..k).step_by(DEPTH) {
            let (depth, width) = (DEPTH.min(k - l), columns.min(n - j));
            // SAFETY: the block and the rows stay below the extents, for which the caller promises all operands. A row of
            // the packed block has memory for `columns` elements.
            unsafe {
                let to = Dst { ptr: packed.as_mut_ptr().cast(), strides: [ROW as isize, size_of::<A::T>() as isize] };
                map::unary::<A::T, A::T>([depth, width], to, p.b.at(l, j), |x| x);
                let mut i = 0;
                while i < m {
                    let strip = Strip {
                        a: p.a.at(i, l),
                        c: p.c.at(i, j),
                        b: packed.as_ptr().cast(),
                        alpha: p.alpha.map(|alpha| alpha.cast().read()),
                        depth,
                        width,
                    };
                    if i + R <= m {
                        strip.run::<A, M, R>();
                        i += R;
                    } else {
                        strip.run::<A, M, 1>();
                        i += 1;
                    }
                }
            }
        }
    }
}

/// A few rows of A times a packed block, added to the same rows of C.
struct Strip<T> {
    /// The first row, from the first of `depth` columns on.
    a: Src,
    /// The first row, from the first of `width` columns on.
    c: Dst,
    /// The packed block, a [`RowBlock`] for each of `depth` rows of `width` elements.
    b: *const RowBlock,
    alpha: Option<T>,
    depth: usize,
    width: usize,
}

impl<T: Copy> Strip<T> {
    /// # Safety
    /// All positions of A and C are valid for `R` rows.
    #[inline(always)]
    unsafe fn run<A: ScalarOp<T = T>, M: ScalarOp<T = T>, const R: usize>(&self) {
        let mut sums = [RowBlock::UNINIT; R];
        let to = Dst { ptr: sums.as_mut_ptr().cast(), strides: [ROW as isize, size_of::<T>() as isize] };
        // SAFETY: `sums` has a row of `width` elements for each of `R` rows; the caller promises `R` rows of A and C.
        unsafe {
            map::fill([R, self.width], to, A::identity());
            let steps = self.depth / STEP;
            for s in 0..steps {
                self.step::<A, M, R, STEP>(&mut sums, s * STEP);
            }
            for l in steps * STEP..self.depth {
                self.step::<A, M, R, 1>(&mut sums, l);
            }
            self.store::<A, R>(&sums);
        }
    }

    /// Adds the terms of `L` rows of B, from row `l` on.
    #[inline(always)]
    unsafe fn step<A: ScalarOp<T = T>, M: ScalarOp<T = T>, const R: usize, const L: usize>(
        &self,
        sums: &mut [RowBlock; R],
        l: usize,
    ) {
        // SAFETY: the caller promises the rows of A; `l + L` is at most `depth`, and `x` below `width`.
        unsafe {
            // Loops, not `array::from_fn`: a closure that is not inlined does not inherit the target features.
            let mut factors = [[A::identity(); L]; R];
            let mut rows = [ptr::null::<T>(); L];
            for t in 0..L {
                rows[t] = self.b.add(l + t).cast();
                for r in 0..R {
                    let a = self.a.at(r, l + t).ptr.cast::<T>().read();
                    factors[r][t] = if let Some(alpha) = self.alpha { M::apply(alpha, a) } else { a };
                }
            }
            let sums = sums.as_mut_ptr();
            for x in 0..self.width {
                for r in 0..R {
                    let mut sum = M::apply(factors[r][0], rows[0].add(x).read());
                    for t in 1..L {
                        sum = A::apply(sum, M::apply(factors[r][t], rows[t].add(x).read()));
                    }
                    let to = sums.add(r).cast::<T>().add(x);
                    to.write(A::apply(to.read(), sum));
                }
            }
        }
    }

    /// Adds the sums to C.
    #[inline(always)]
    unsafe fn store<A: ScalarOp<T = T>, const R: usize>(&self, sums: &[RowBlock; R]) {
        for r in 0..R {
            let from = (&raw const sums[r]).cast::<T>();
            let to = self.c.at(r, 0).ptr;
            // SAFETY: the sums have been written; the caller promises `R` rows of C.
            unsafe {
                if self.c.strides[1] == size_of::<T>() as isize {
                    for x in 0..self.width {
                        let to = to.cast::<T>().add(x);
                        to.write(A::apply(to.read(), from.add(x).read()));
                    }
                } else {
                    for x in 0..self.width {
                        let to = to.offset(x as isize * self.c.strides[1]).cast::<T>();
                        to.write(A::apply(to.read(), from.add(x).read()));
                    }
                }
            }
        }
    }
}

/// The product of elements that are too large for the packed block.
unsafe fn one_by_one<A: ScalarOp, M: ScalarOp<T = A::T>>(p: &GemmArgs) {
    let [m, n, k] = p.extents;
    for (i, j, l) in (0..m).flat_map(|i| (0..n).flat_map(move |j| (0..k).map(move |l| (i, j, l)))) {
        // SAFETY: positions below the extents, for which the caller promises all operands.
        unsafe {
            let a = p.a.at(i, l).ptr.cast::<A::T>().read();
            let a = p.alpha.map_or(a, |alpha| M::apply(alpha.cast::<A::T>().read(), a));
            let b = p.b.at(l, j).ptr.cast::<A::T>().read();
            let c = p.c.at(i, j).ptr.cast::<A::T>();
            c.write(A::apply(c.read(), M::apply(a, b)));
        }
    }
}
