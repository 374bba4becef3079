//! Runs the blocks of a nest.

use std::ops::Range;

use smallvec::SmallVec;

use super::compensated_sum::{BlockLoop, BlockSum};
use super::cursor::{BlockCursor, LoopCursor};
use super::indirect::{IndirectOffsets, SkipReason};
use super::tile::Tile;
use super::{Bases, Run, tile_plan};
use crate::bound_program::{BoundNest, Grid, TileAction};
use crate::error::RunStopped;
use crate::kernels;

/// Points of small calls between two checks of the cancellation flag.
const CANCEL_POINTS: u64 = 1 << 16;

/// The state that the blocks of a nest share in one iteration of the region.
pub(super) struct Blocks<'r> {
    pub(super) run: &'r Run<'r>,
    pub(super) nest: &'r BoundNest,
    pub(super) iteration: &'r [usize],
    pub(super) bases: Bases,
}

// SAFETY: the addresses are those of operands of the program, which threads may share (see `Ptr`).
unsafe impl Sync for Blocks<'_> {}

impl Run<'_> {
    #[inline(never)]
    pub(super) fn nest(&self, nest: &BoundNest, iteration: &[usize]) -> Result<(), RunStopped> {
        let blocks = Blocks { run: self, nest, iteration, bases: self.bases(nest.loops.operands, iteration) };
        // The closure captures the whole struct, which is `Sync`, and not its fields.
        let blocks = &blocks;
        self.blocks(&nest.grid, move |range| match &nest.index_batch {
            None => blocks.run(range),
            Some(batch) => blocks.run_batches(batch, range),
        })
    }
}

impl Blocks<'_> {
    fn run(&self, range: Range<usize>) -> Result<(), RunStopped> {
        let BoundNest { loops, grid, strip, .. } = self.nest;
        let program = self.run.program;
        let outer = loops.kept + loops.reduced;
        let inner = self.inner_strides();
        let extents = &program.extents[loops.extents.range()][outer..];
        let mut indices = IndirectOffsets::new(self.run, self.nest.index_ops, self.iteration, loops.operands.len);
        let mut blocks = BlockCursor::new(program, loops, *grid, &self.bases, range);
        let mut block_sum = BlockSum::new(self.run, self.nest.compensated.as_ref(), self.iteration);
        let mut since = 0;
        while blocks.left() > 0 {
            let (start, n) = grid.block_at(blocks.block_in_row, [extents[0], extents[1]]);
            let cursor = &mut blocks.loops;
            if let Some(block_sum) = &mut block_sum {
                block_sum.begin(blocks.row, cursor.ptrs[0], self.block_loops(start, n));
            }
            let mut first = true;
            loop {
                for o in (0..n[0]).step_by(strip[0]) {
                    for i in (0..n[1]).step_by(strip[1]) {
                        let part = [strip[0].min(n[0] - o), strip[1].min(n[1] - i)];
                        // SAFETY: the positions of the block are elements, as the call in `tile` proves, and a call that
                        // is not the first follows one that has written the block.
                        unsafe { block_sum.iter_mut().for_each(|c| c.before_call()) }
                        self.tile(cursor, &mut indices, inner, [start[0] + o, start[1] + i], part, first)?;
                        first = false;
                        since += part[0] as u64 * part[1] as u64;
                        if since >= CANCEL_POINTS {
                            self.run.advance_or_cancel(std::mem::take(&mut since))?;
                        }
                    }
                }
                if !cursor.next(loops.kept..outer) {
                    break;
                }
            }
            // SAFETY: as for `before_call` above; at least one call has written the block.
            unsafe { block_sum.iter_mut().for_each(|c| c.end()) }
            blocks.advance(1);
        }
        self.run.advance(since);
        Ok(())
    }

    /// The parts of the two loops of the kernel in a block.
    pub(super) fn block_loops(&self, start: [usize; 2], n: [usize; 2]) -> [BlockLoop; 2] {
        let loops = &self.nest.loops;
        let extents = &self.run.program.extents[loops.extents.range()][loops.kept + loops.reduced..];
        let strides = self.inner_strides();
        [0, 1].map(|l| BlockLoop {
            start: start[l],
            n: n[l],
            extent: extents[l],
            stride: strides[l * loops.operands.len],
        })
    }

    /// The strides of all operands in the two inner loops.
    pub(super) fn inner_strides(&self) -> &[isize] {
        let loops = &self.nest.loops;
        let outer = loops.kept + loops.reduced;
        &self.run.program.strides[loops.strides + outer * loops.operands.len..][..2 * loops.operands.len]
    }

    /// Calls the kernel at the position of the cursor, for `n` points from `start` on.
    pub(super) fn tile(
        &self,
        cursor: &LoopCursor<'_>,
        indices: &mut IndirectOffsets<'_>,
        strides: &[isize],
        start: [usize; 2],
        n: [usize; 2],
        first: bool,
    ) -> Result<(), RunStopped> {
        let operands = self.nest.loops.operands;
        match indices.evaluate(&cursor.at) {
            Ok(()) => {}
            Err(SkipReason::Dropped) => return Ok(()),
            Err(SkipReason::OutOfRange(bad)) => return Err(indices.error(&bad, &cursor.at)),
        }
        let address = |(x, &ptr): (usize, &*mut u8)| {
            let along = |l: usize| strides[l * operands.len + x].wrapping_mul(start[l] as isize);
            ptr.wrapping_offset(along(0).wrapping_add(along(1)).wrapping_add(indices.offset(x)))
        };
        let ptrs: SmallVec<[*mut u8; 16]> = cursor.ptrs.iter().enumerate().map(address).collect();
        let tile = Tile { n, ptrs: &ptrs, strides: strides.split_at(operands.len).into() };
        // SAFETY: `bind` has proven that all positions of the loops lead to elements of the operands (docs/unsafe.md),
        // and gather and scatter indices were checked just now. Blocks that run at the same time differ in the position
        // of a kept loop or in their part of one, so their targets are disjoint.
        unsafe { self.act(&tile, first) }
        Ok(())
    }

    /// # Safety
    /// All points of the tile are elements of the operands, and nothing else touches its targets during the call.
    unsafe fn act(&self, tile: &Tile<'_>, first: bool) {
        // SAFETY: the caller promises that the points are elements and the targets exclusive; `bind` chose the kernels
        // for the dtypes of the operands.
        unsafe {
            if let (true, Some(clear)) = (first, self.nest.clear) {
                tile.clear(clear);
            }
            match if first { self.nest.first } else { self.nest.rest } {
                TileAction::Fill(fill) => fill(tile.n, tile.dst()),
                TileAction::Copy(size) => kernels::copy(size, tile.n, tile.dst(), tile.src(1)),
                TileAction::Unary(kernel) => kernel(tile.n, tile.dst(), tile.src(1)),
                TileAction::Binary(kernel) => kernel(tile.n, tile.dst(), tile.src(1), tile.src(2)),
                TileAction::WithTemporaries(tile_plan) => {
                    tile_plan::run(self.run.program, &tile_plan, tile, None, 0..tile.n[0])
                }
            }
        }
    }
}

impl Grid {
    /// The position of the kept loops that a block belongs to, and its number there. The blocks of one position are
    /// neighbours.
    pub(super) fn split(&self, block: usize) -> (usize, usize) {
        let per_row = self.block_counts[0] * self.block_counts[1];
        (block / per_row, block % per_row)
    }

    /// The first position and the extents of a block along the two divided axes, whose extents are `n`.
    pub(super) fn block_at(&self, block_in_row: usize, n: [usize; 2]) -> ([usize; 2], [usize; 2]) {
        let at = [block_in_row / self.block_counts[1], block_in_row % self.block_counts[1]];
        let start = [at[0] * self.block_extents[0], at[1] * self.block_extents[1]];
        (start, [self.block_extents[0].min(n[0] - start[0]), self.block_extents[1].min(n[1] - start[1])])
    }
}
