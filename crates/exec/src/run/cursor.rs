//! The pointers of all operands at a position of the loops.

use std::ops::Range;

use smallvec::SmallVec;

use super::Bases;
use crate::bound_program::{BoundProgram, Grid, LoopNest};

/// A position in the outer loops of an operation, and the address of every operand there.
pub(super) struct LoopCursor<'p> {
    extents: &'p [usize],
    strides: &'p [isize],
    pub(super) at: SmallVec<[usize; 16]>,
    pub(super) ptrs: Bases,
}

impl<'p> LoopCursor<'p> {
    /// A cursor at position 0 of all loops, with the addresses `bases`.
    pub(super) fn new(program: &'p BoundProgram, loops: &LoopNest, bases: &Bases) -> LoopCursor<'p> {
        let outer = loops.kept + loops.reduced;
        let extents = &program.extents[loops.extents.range()][..outer];
        let strides = &program.strides[loops.strides..][..outer * loops.operands.len];
        LoopCursor { extents, strides, at: SmallVec::from_elem(0, outer), ptrs: bases.clone() }
    }

    /// Moves from position 0 of all loops to position `number` of the first `loops`, the last of which runs fastest.
    pub(super) fn seek(&mut self, loops: usize, mut number: usize) {
        for l in (0..loops).rev() {
            let at = number % self.extents[l];
            number /= self.extents[l];
            self.at[l] = at;
            self.shift(l, at as isize);
        }
    }

    /// Moves to the next position of the loops in `range`, or from the last to the first. Returns whether there was a
    /// next one.
    pub(super) fn next(&mut self, range: Range<usize>) -> bool {
        for l in range.rev() {
            self.at[l] += 1;
            if self.at[l] < self.extents[l] {
                self.shift(l, 1);
                return true;
            }
            self.shift(l, 1 - self.extents[l] as isize);
            self.at[l] = 0;
        }
        false
    }

    /// Moves to the last of the next `by` positions of loop `l`, which begin with the current one.
    pub(super) fn skip(&mut self, l: usize, by: usize) {
        self.at[l] += by - 1;
        self.shift(l, by as isize - 1);
    }

    /// The number of positions of loop `l` from the current one on.
    pub(super) fn rest(&self, l: usize) -> usize {
        self.extents[l] - self.at[l]
    }

    /// The strides of all operands in loop `l`.
    pub(super) fn strides(&self, l: usize) -> &'p [isize] {
        &self.strides[l * self.ptrs.len()..][..self.ptrs.len()]
    }

    fn shift(&mut self, l: usize, by: isize) {
        let operands = self.ptrs.len();
        for (ptr, stride) in self.ptrs.iter_mut().zip(&self.strides[l * operands..]) {
            *ptr = ptr.wrapping_offset(stride.wrapping_mul(by));
        }
    }
}

/// The blocks of a range in order, with a cursor at the kept loops of the current block.
pub(super) struct BlockCursor<'p> {
    pub(super) loops: LoopCursor<'p>,
    grid: Grid,
    /// The number of kept loops.
    kept: usize,
    blocks: Range<usize>,
    /// The number of the position of the kept loops.
    pub(super) row: usize,
    /// The number of the block among those of the position.
    pub(super) block_in_row: usize,
}

impl<'p> BlockCursor<'p> {
    /// A cursor at the first of `blocks`; the operands have the addresses `bases` at position 0 of all loops.
    pub(super) fn new(
        program: &'p BoundProgram,
        nest: &LoopNest,
        grid: Grid,
        bases: &Bases,
        blocks: Range<usize>,
    ) -> BlockCursor<'p> {
        let (mut loops, (row, block_in_row)) = (LoopCursor::new(program, nest, bases), grid.split(blocks.start));
        loops.seek(nest.kept, row);
        BlockCursor { loops, grid, kept: nest.kept, blocks, row, block_in_row }
    }

    /// The number of blocks from the current one on.
    pub(super) fn left(&self) -> usize {
        self.blocks.len()
    }

    /// Moves `count` blocks on. The caller has run all reduced loops and left the cursor at the row of the last of the
    /// blocks that it ran.
    pub(super) fn advance(&mut self, count: usize) {
        let before = self.row;
        self.blocks.start += count;
        (self.row, self.block_in_row) = self.grid.split(self.blocks.start);
        if self.row != before {
            self.loops.next(0..self.kept);
        }
    }
}
