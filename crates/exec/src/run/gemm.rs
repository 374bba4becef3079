//! Runs the blocks of a matrix product `C[m,n] = α ⊗ A[m,k] ⊗ B[k,n]`, or of the same product ⊕-added to C. A block is
//! a part of C.

use std::ops::Range;
use std::ptr::NonNull;

use super::compensated_sum::{BlockLoop, BlockSum};
use super::cursor::{BlockCursor, LoopCursor};
use super::{Bases, Run};
use crate::bound_program::BoundGemm;
use crate::error::RunStopped;
use crate::kernels::{self, Batch, Dst, Src};

/// What the blocks of a matrix product share in one iteration of the region.
struct Blocks<'r> {
    run: &'r Run<'r>,
    gemm: &'r BoundGemm,
    /// The addresses of C, A and B in this iteration.
    bases: Bases,
    /// The positions of the loops of the region.
    iteration: &'r [usize],
    /// The address of α; `None` for the identity of ⊗.
    alpha: Option<NonNull<u8>>,
}

// SAFETY: the addresses are those of operands of the program, which threads may share (see `Ptr`).
unsafe impl Sync for Blocks<'_> {}

impl Run<'_> {
    /// Runs a matrix product in one iteration of its region.
    pub(super) fn gemm(&self, gemm: &BoundGemm, iteration: &[usize]) -> Result<(), RunStopped> {
        let alpha = gemm.alpha.and_then(|operand| NonNull::new(self.base(operand, iteration)));
        if !gemm.single {
            return self.gemm_blocks(gemm, iteration, alpha);
        }
        let BoundGemm { extents, loops, accumulate, grid, .. } = gemm;
        let base = |operand| self.base(loops.operands.start + operand, iteration);
        let call = Call { start: [0; 2], n: [extents[0], extents[1]], k_range: 0..extents[2], batch: Batch::ONE };
        // SAFETY: as for the calls in `Blocks::parts`; this thread alone runs the operation.
        unsafe { call.multiply(gemm, [base(0), base(1), base(2)], alpha, *accumulate) }
        self.advance_or_cancel(grid.points)
    }

    /// Runs the blocks of a matrix product in parallel.
    #[inline(never)]
    fn gemm_blocks(&self, gemm: &BoundGemm, iteration: &[usize], alpha: Option<NonNull<u8>>) -> Result<(), RunStopped> {
        let blocks = Blocks { run: self, gemm, bases: self.bases(gemm.loops.operands, iteration), iteration, alpha };
        // The closure captures the whole struct, which is `Sync`, and not its fields.
        let blocks = &blocks;
        self.blocks(&gemm.grid, move |range| blocks.run(range))
    }
}

impl Blocks<'_> {
    /// Computes the blocks with the numbers in `range`.
    fn run(&self, range: Range<usize>) -> Result<(), RunStopped> {
        let BoundGemm { grid, extents, k_strip, .. } = self.gemm;
        if grid.block_counts == [1, 1] && *k_strip >= extents[2] { self.products(range) } else { self.parts(range) }
    }

    /// Computes whole products: those along the innermost loop with one kernel call.
    fn products(&self, range: Range<usize>) -> Result<(), RunStopped> {
        let BoundGemm { loops, grid, extents, accumulate, .. } = self.gemm;
        let mut cursor = LoopCursor::new(self.run.program, loops, &self.bases);
        cursor.seek(loops.kept, range.start);
        let mut left = range.len();
        while left > 0 {
            let mut batch = Batch::ONE;
            if let Some(inner) = loops.kept.checked_sub(1) {
                let strides = cursor.strides(inner);
                batch = Batch { count: cursor.rest(inner).min(left), strides: [strides[0], strides[1], strides[2]] };
            }
            let n = [extents[0], extents[1]];
            let call = Call { start: [0; 2], n, k_range: 0..extents[2], batch };
            // SAFETY: as for the calls in `parts`.
            unsafe { call.multiply(self.gemm, operands(&cursor), self.alpha, *accumulate) }
            self.run.advance_or_cancel(batch.count as u64 * (grid.points / grid.blocks as u64))?;
            left -= batch.count;
            if let Some(inner) = loops.kept.checked_sub(1) {
                cursor.skip(inner, batch.count);
                cursor.next(0..loops.kept);
            }
        }
        Ok(())
    }

    /// Computes blocks of products.
    fn parts(&self, range: Range<usize>) -> Result<(), RunStopped> {
        // `extents` are those of m, n and k; `strides` are those of C, A and B.
        let BoundGemm { loops, grid, extents, strides, k_strip, compensated, .. } = self.gemm;
        let mut block_sum = BlockSum::new(self.run, compensated.as_ref(), self.iteration);
        let mut block_cursor = BlockCursor::new(self.run.program, loops, *grid, &self.bases, range);
        while block_cursor.left() > 0 {
            // The first position of the block along m and n, and its extents.
            let (start, n) = grid.block_at(block_cursor.block_in_row, [extents[0], extents[1]]);
            let cursor = &block_cursor.loops;
            if let Some(block_sum) = &mut block_sum {
                let block_loop = |axis: usize| BlockLoop {
                    start: start[axis],
                    n: n[axis],
                    extent: extents[axis],
                    stride: strides[0][axis],
                };
                block_sum.begin(block_cursor.row, cursor.ptrs[0], [block_loop(0), block_loop(1)]);
            }
            for k in (0..extents[2]).step_by(*k_strip) {
                let k_range = k..extents[2].min(k + k_strip);
                let points = n[0] as u64 * n[1] as u64 * k_range.len() as u64;
                // SAFETY: `bind` has proven that all positions of the loops and of the matrices lead to elements of the
                // operands (docs/unsafe.md). Blocks that run at the same time differ in the position of a kept loop or
                // in their part of C, so their targets are disjoint. Each call writes all of its part of C.
                unsafe {
                    block_sum.iter_mut().for_each(|sum| sum.before_call());
                    let call = Call { start, n, k_range, batch: Batch::ONE };
                    call.multiply(self.gemm, operands(cursor), self.alpha, self.gemm.accumulate || k > 0);
                }
                self.run.advance_or_cancel(points)?;
            }
            // SAFETY: as for the calls above; at least one of them has written the block.
            unsafe { block_sum.iter_mut().for_each(|sum| sum.end()) }
            block_cursor.advance(1);
        }
        Ok(())
    }
}

/// The addresses of C, A and B.
fn operands(cursor: &LoopCursor<'_>) -> [*mut u8; 3] {
    [cursor.ptrs[0], cursor.ptrs[1], cursor.ptrs[2]]
}

/// A kernel call: a block of `n[0]` rows and `n[1]` columns of C from `start` on, at the positions `k_range` of k.
struct Call {
    start: [usize; 2],
    n: [usize; 2],
    k_range: Range<usize>,
    batch: Batch,
}

impl Call {
    /// Multiplies the rows of A and the columns of B that the block needs. The product is added to the block if `accumulate`,
    /// otherwise written. `operands` are the addresses of C, A and B.
    ///
    /// # Safety
    /// The block of C and the rows of A and columns of B that it needs are elements of the operands; nothing else
    /// touches the block during the call.
    #[inline]
    unsafe fn multiply(self, gemm: &BoundGemm, operands: [*mut u8; 3], alpha: Option<NonNull<u8>>, accumulate: bool) {
        let BoundGemm { gemm: kernel, strides: [c, a, b], .. } = *gemm;
        let [i, j, k] = [self.start[0], self.start[1], self.k_range.start].map(|at| at as isize);
        let at = |operand: usize, offset: isize| operands[operand].wrapping_offset(offset);
        let args = kernels::GemmArgs {
            extents: [self.n[0], self.n[1], self.k_range.len()],
            c: Dst { ptr: at(0, (i * c[0]).wrapping_add(j * c[1])), strides: c },
            a: Src { ptr: at(1, (i * a[0]).wrapping_add(k.wrapping_mul(a[1]))), strides: a },
            b: Src { ptr: at(2, (j * b[1]).wrapping_add(k.wrapping_mul(b[0]))), strides: b },
            alpha,
            accumulate,
            batch: self.batch,
        };
        // SAFETY: the caller promises elements and an exclusive block of C; `bind` chose the kernel for their dtype.
        unsafe { kernel(&args) }
    }
}
