//! Runs products of few points, one kernel call for each.

use std::ops::Range;

use super::cursor::LoopCursor;
use super::{Bases, Run};
use crate::bound_program::SmallProduct;
use crate::error::RunStopped;

/// The state that the products of a batch share in one iteration of the region.
struct Batch<'r> {
    run: &'r Run<'r>,
    product: &'r SmallProduct,
    offsets: &'r [isize],
    /// The addresses of the operands of the first product.
    bases: Bases,
}

// SAFETY: the addresses are those of operands of the program, which threads may share (see `Ptr`).
unsafe impl Sync for Batch<'_> {}

impl Run<'_> {
    pub(super) fn small(&self, product: &SmallProduct, iteration: &[usize]) -> Result<(), RunStopped> {
        let SmallProduct { loops, grid, kernel, adds, terms, offsets } = product;
        let offsets = &self.program.strides[offsets.range()];
        if loops.kept > 0 {
            return self.batch(product, offsets, iteration);
        }
        let base = |operand| self.base(loops.operands.start + operand, iteration);
        // SAFETY: `bind` has proven that all offsets lead to elements of the operands (docs/unsafe.md), and chose the
        // kernel for their dtype. This thread alone runs the operation.
        unsafe { kernel(offsets, *terms, [base(0), base(1), base(2)], *adds) }
        self.advance(grid.points);
        Ok(())
    }

    /// Runs one product for each position of the kept loops.
    #[inline(never)]
    fn batch(&self, product: &SmallProduct, offsets: &[isize], iteration: &[usize]) -> Result<(), RunStopped> {
        let batch = Batch { run: self, product, offsets, bases: self.bases(product.loops.operands, iteration) };
        // The closure captures the whole struct, which is `Sync`, and not its fields.
        let batch = &batch;
        self.blocks(&product.grid, move |range| batch.run(range))
    }
}

impl Batch<'_> {
    /// Computes the products with the numbers in `range`.
    fn run(&self, range: Range<usize>) -> Result<(), RunStopped> {
        let SmallProduct { loops, grid, kernel, adds, terms, .. } = *self.product;
        let points = range.len() as u64 * (grid.points / grid.blocks as u64);
        let mut cursor = LoopCursor::new(self.run.program, &loops, &self.bases);
        cursor.seek(loops.kept, range.start);
        for _ in range {
            let ptrs = [cursor.ptrs[0], cursor.ptrs[1], cursor.ptrs[2]];
            // SAFETY: as for a single product; products differ in the position of a kept loop, so their targets are
            // disjoint.
            unsafe { kernel(self.offsets, terms, ptrs, adds) }
            cursor.next(0..loops.kept);
        }
        self.run.advance_or_cancel(points)
    }
}
