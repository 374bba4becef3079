//! Runs matrix products in packed blocks. Parts of C are tasks, each with packed memory on its stack; or threads share
//! the packing and the tiles of each block of a large product.

use std::mem::MaybeUninit;
use std::ops::Range;
use std::ptr::NonNull;

use einfold_ir::STACK_PACKED;

use super::compensated_sum::{BlockLoop, BlockSum};
use super::cursor::BlockCursor;
use super::threads::share_out;
use super::{Bases, Run};
use crate::bound_program::{BoundProduct, PackedMemory};
use crate::error::RunStopped;
use crate::kernels::{Block, BlockSide, Side};

/// Panels of rows or lanes in one task.
const PANELS: usize = 4;

/// Packed rows and lanes on the stack.
#[repr(align(64))]
struct StackMemory(MaybeUninit<[u8; STACK_PACKED]>);

/// What the parts of a product share in one iteration of the region.
struct Product<'r> {
    run: &'r Run<'r>,
    bound: &'r BoundProduct,
    /// Rows, lanes and k.
    sides: [Side<'r>; 3],
    /// The addresses of C, of the operand of the rows and of the operand of the lanes.
    bases: Bases,
    /// The positions of the loops of the region.
    iteration: &'r [usize],
    alpha: Option<NonNull<u8>>,
}

// SAFETY: the addresses are those of operands of the program, which threads may share (see `Ptr`).
unsafe impl Sync for Product<'_> {}

impl Run<'_> {
    /// Runs a product in one iteration of its region.
    #[inline(never)]
    pub(super) fn product(&self, bound: &BoundProduct, iteration: &[usize]) -> Result<(), RunStopped> {
        let product = Product {
            run: self,
            bound,
            sides: bound.sides.map(|range| Side::new(&self.program.sides[range.range()])),
            bases: self.bases(bound.loops.operands, iteration),
            iteration,
            alpha: bound.alpha.and_then(|operand| NonNull::new(self.base(operand, iteration))),
        };
        // The closure captures the whole struct, which is `Sync`, and not its fields.
        let product = &product;
        match bound.packed {
            PackedMemory::Scratch(packed) => {
                let points = bound.grid.points / bound.grid.blocks.max(1) as u64;
                let workers = self.workers(points, usize::MAX).unwrap_or(1);
                let packed = packed.map(|operand| self.base(operand, iteration));
                product.parts(0..bound.grid.blocks, &Packed { packed, workers })
            }
            PackedMemory::Stack(rows) => self.blocks(&bound.grid, move |range| {
                let mut memory = StackMemory(MaybeUninit::uninit());
                let start: *mut u8 = memory.0.as_mut_ptr().cast();
                product.parts(range, &Packed { packed: [start, start.wrapping_add(rows)], workers: 1 })
            }),
        }
    }
}

/// The memory for packed rows and lanes, and the number of threads that share it.
struct Packed {
    packed: [*mut u8; 2],
    workers: usize,
}

impl Product<'_> {
    /// Computes the parts of C with the numbers in a range.
    fn parts(&self, range: Range<usize>, packed: &Packed) -> Result<(), RunStopped> {
        let BoundProduct { loops, grid, extents: [rows, lanes, _], sides, compensated, .. } = self.bound;
        let mut block_sum = BlockSum::new(self.run, compensated.as_ref(), self.iteration);
        let mut cursor = BlockCursor::new(self.run.program, loops, *grid, &self.bases, range);
        while cursor.left() > 0 {
            let (start, n) = grid.block_at(cursor.block_in_row, [*rows, *lanes]);
            let part = [start[0]..start[0] + n[0], start[1]..start[1] + n[1]];
            let operands = std::array::from_fn(|x| cursor.loops.ptrs[x]);
            if let Some(block_sum) = &mut block_sum {
                let of_c = sides[..2].iter().flat_map(|side| &self.run.program.sides[side.range()]);
                let whole = of_c.map(|l| BlockLoop { start: 0, n: l.extent, extent: l.extent, stride: l.strides[1] });
                block_sum.begin(cursor.row, operands[0], whole);
            }
            self.part(part, operands, packed, &mut block_sum)?;
            cursor.advance(1);
        }
        Ok(())
    }

    /// Computes the part of C with these rows and lanes, block by block.
    fn part(
        &self,
        [rows, lanes]: [Range<usize>; 2],
        operands: [*mut u8; 3],
        packed: &Packed,
        block_sum: &mut Option<BlockSum<'_>>,
    ) -> Result<(), RunStopped> {
        let BoundProduct { extents: [.., k], blocks, .. } = *self.bound;
        for start in (0..k).step_by(blocks[2]) {
            // SAFETY: the blocks so far have written all of C, and nothing else touches it.
            unsafe { block_sum.iter_mut().for_each(|sum| sum.before_call()) }
            for first_row in rows.clone().step_by(blocks[0]) {
                for first_lane in lanes.clone().step_by(blocks[1]) {
                    let side = |x: usize, start: usize, end: usize| BlockSide {
                        side: self.sides[x],
                        operand: operands[1 + x],
                        load: self.run.program.operands[self.bound.loops.operands.start + 1 + x].load,
                        start,
                        len: blocks[x].min(end - start),
                        in_place: self.bound.in_place[x],
                        packed: packed.packed[x],
                    };
                    let k_range = start..k.min(start + blocks[2]);
                    let block = Block {
                        sides: [side(0, first_row, rows.end), side(1, first_lane, lanes.end)],
                        k: self.sides[2],
                        accumulate: self.bound.accumulate || start > 0,
                        k_range,
                        c: operands[0],
                        alpha: self.alpha,
                        stream: self.bound.stream,
                    };
                    self.block(block, first_lane == lanes.start, packed.workers)?;
                }
            }
        }
        // SAFETY: as above; there is at least one block.
        unsafe { block_sum.iter_mut().for_each(|sum| sum.end()) }
        Ok(())
    }

    /// Packs and multiplies a block. Its rows are packed already if `pack_rows` is false.
    fn block(&self, block: Block<'_>, pack_rows: bool, workers: usize) -> Result<(), RunStopped> {
        let kernels = &self.bound.kernels;
        let rows = if pack_rows { kernels.parts(&block, 0) } else { 0 };
        let parts = rows + kernels.parts(&block, 1);
        let points = (block.sides[0].len * block.sides[1].len * block.k_range.len()) as u64;
        let panels = kernels.row_panels(&block);
        let block = Shared(block);
        share(workers, parts, |range| {
            let block = &block.get().0;
            // SAFETY: `bind` has proven that all positions of the sides lead to elements of the operands, and has
            // reserved memory for the panels; each part is packed by one task.
            unsafe {
                kernels.pack(block, 0, range.start.min(rows)..range.end.min(rows));
                kernels.pack(block, 1, range.start.max(rows) - rows..range.end.max(rows) - rows);
            }
        })?;
        share(workers, panels, |range| {
            // SAFETY: all panels are packed; tasks have different rows, so their positions in C are different.
            unsafe { (kernels.multiply)(&block.get().0, range) }
        })?;
        self.run.advance_or_cancel(points)
    }
}

/// Runs `work` on parts of `count` panels.
fn share(workers: usize, count: usize, work: impl Fn(Range<usize>) + Sync) -> Result<(), RunStopped> {
    if workers < 2 {
        work(0..count);
        return Ok(());
    }
    let tasks = count.div_ceil(PANELS);
    share_out(workers.min(tasks), tasks, &|task| {
        work(task * PANELS..count.min((task + 1) * PANELS));
        Ok(())
    })
}

/// The arguments of kernels, which threads share.
struct Shared<T>(T);

// SAFETY: as for `Product`.
unsafe impl<T> Sync for Shared<T> {}

impl<T> Shared<T> {
    /// Itself: a closure that calls this captures the whole struct, which is `Sync`.
    fn get(&self) -> &Self {
        self
    }
}
