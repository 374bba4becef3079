//! Runs positions of a loop in batches: gather and scatter indices are read and checked in lists, rows are gathered into
//! temporaries and scattered from them. Around an index out of range, positions run one by one.

use std::ops::Range;

use smallvec::SmallVec;

use super::compensated_sum::BlockSum;
use super::cursor::{BlockCursor, LoopCursor};
use super::index_lists::{IndexLists, LoopRange, MAX_BATCH, MAX_LISTS};
use super::indirect::IndirectOffsets;
use super::nest::Blocks;
use super::tile::Tile;
use super::tile_plan;
use crate::bound_program::IndexBatch;
use crate::error::RunStopped;

/// Positions that run one by one if one of them has an index out of range.
const MIN_BATCH: usize = 16;

/// The points of a batch: `count` positions of loop `along`, and for each the points of the inner loop from `start` on.
#[derive(Clone, Copy)]
struct BatchPart {
    along: usize,
    count: usize,
    start: [usize; 2],
    n: [usize; 2],
    /// Whether these are the first positions of the reduced loops.
    first: bool,
}

/// The state that is kept from batch to batch.
struct BatchState<'a, 'r> {
    lists: &'a mut IndexLists,
    block_sum: &'a mut Option<BlockSum<'r>>,
}

impl Blocks<'_> {
    /// As [`Blocks::run`], with positions of the last outer loop in batches.
    pub(super) fn run_batches(&self, batch: &IndexBatch, range: Range<usize>) -> Result<(), RunStopped> {
        let (loops, grid) = (self.nest.loops, self.nest.grid);
        let outer = loops.kept + loops.reduced;
        let extents = &self.run.program.extents[loops.extents.range()][outer..];
        let mut indices = IndirectOffsets::new(self.run, self.nest.index_ops, self.iteration, loops.operands.len);
        let mut lists = IndexLists::new(loops.operands.len, batch.reads);
        let mut blocks = BlockCursor::new(self.run.program, &loops, grid, &self.bases, range);
        let mut block_sum = BlockSum::new(self.run, self.nest.compensated.as_ref(), self.iteration);
        while blocks.left() > 0 {
            let (start, n) = grid.block_at(blocks.block_in_row, [extents[0], extents[1]]);
            // If the last loop is kept, each of its positions is a block.
            let most = if loops.reduced == 0 { blocks.left() } else { MAX_BATCH };
            let cursor = &mut blocks.loops;
            if let Some(block_sum) = &mut block_sum {
                block_sum.begin(blocks.row, cursor.ptrs[0], self.block_loops(start, n));
            }
            let mut whole = BatchPart { along: outer - 1, count: 0, start, n, first: true };
            loop {
                whole.count = cursor.rest(outer - 1).min(MAX_BATCH).min(most);
                self.positions(
                    batch,
                    whole,
                    cursor,
                    &mut indices,
                    &mut BatchState { lists: &mut lists, block_sum: &mut block_sum },
                )?;
                whole.first = false;
                self.run.advance_or_cancel(whole.count as u64 * n[1] as u64)?;
                if !cursor.next(loops.kept..outer) {
                    break;
                }
            }
            // SAFETY: the positions of the block are elements, as `act_batch` needs them, and a call has written them.
            unsafe { block_sum.iter_mut().for_each(|c| c.end()) }
            blocks.advance(if loops.reduced == 0 { whole.count } else { 1 });
        }
        Ok(())
    }

    /// Runs the positions of a batch and moves the cursor to the last of them. Around an index out of range the batch is
    /// divided into shorter parts.
    fn positions(
        &self,
        batch: &IndexBatch,
        part: BatchPart,
        cursor: &mut LoopCursor<'_>,
        indices: &mut IndirectOffsets<'_>,
        state: &mut BatchState<'_, '_>,
    ) -> Result<(), RunStopped> {
        let along = part.along;
        let (mut left, mut size) = (part.count, part.count);
        let mut now = part;
        loop {
            now.count = size.min(left);
            if indices.evaluate_batch(LoopRange { at: &cursor.at, along, count: now.count }, state.lists) {
                // SAFETY: `bind` has proven that all positions of the loops lead to elements of the operands
                // (docs/unsafe.md), and gather and scatter indices were checked just now. Blocks that run at the same
                // time differ in the position of a kept loop or in their part of one, so their targets are disjoint.
                unsafe { self.act_batch(batch, now, cursor, state) }
                cursor.skip(along, now.count);
            } else if now.count > MIN_BATCH {
                size = now.count / 2;
                continue;
            } else {
                // SAFETY: the positions of the block are elements, as `act_batch` needs them, and a call has written them.
                unsafe { state.block_sum.iter_mut().for_each(|c| c.before_call()) }
                self.one_by_one(now, cursor, indices)?;
            }
            left -= now.count;
            if left == 0 {
                return Ok(());
            }
            cursor.skip(along, 2);
            size *= 2;
            now.first &= self.nest.loops.reduced == 0;
        }
    }

    fn one_by_one(
        &self,
        part: BatchPart,
        cursor: &mut LoopCursor<'_>,
        indices: &mut IndirectOffsets<'_>,
    ) -> Result<(), RunStopped> {
        let BatchPart { along, count, start, n, first } = part;
        for k in 0..count {
            if k > 0 {
                cursor.skip(along, 2);
            }
            let first = first && (k == 0 || self.nest.loops.reduced == 0);
            self.tile(cursor, indices, self.inner_strides(), start, n, first)?;
        }
        Ok(())
    }

    /// # Safety
    /// All points of the part are elements of the operands, displaced by the offsets in `state.lists`, and nothing else
    /// touches its targets during the call.
    unsafe fn act_batch(
        &self,
        batch: &IndexBatch,
        part: BatchPart,
        cursor: &LoopCursor<'_>,
        state: &mut BatchState<'_, '_>,
    ) {
        let BatchPart { along, count, start, n, first } = part;
        let inner = &self.inner_strides()[cursor.ptrs.len()..];
        let at = |(&ptr, s): (&*mut u8, &isize)| ptr.wrapping_offset(s.wrapping_mul(start[1] as isize));
        let moved: SmallVec<[*mut u8; MAX_LISTS]>;
        let ptrs = if start[1] == 0 {
            &cursor.ptrs[..]
        } else {
            moved = cursor.ptrs.iter().zip(inner).map(at).collect();
            &moved
        };
        let tile = Tile { n: [count, n[1]], ptrs, strides: [cursor.strides(along), inner] };
        // SAFETY: the caller promises the points of the part; each call below takes some of its rows.
        unsafe {
            if let Some(clear) = batch.clear.filter(|_| first || self.nest.loops.reduced == 0) {
                tile.clear(clear);
            }
            for row in (0..count).step_by(batch.rows) {
                state.block_sum.iter_mut().for_each(|c| c.before_call());
                let rows = row..count.min(row + batch.rows);
                tile_plan::run(self.run.program, &batch.tile_plan, &tile, Some(state.lists), rows);
            }
        }
    }
}
