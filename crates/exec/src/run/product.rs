//! Runs matrix products in packed blocks. Parts of C are tasks, each with packed memory on its stack; or a team of threads
//! shares the packing and the tiles of each block of a large product.

use std::mem::MaybeUninit;
use std::ops::Range;
use std::ptr::NonNull;

use einfold_ir::STACK_PACKED;

use super::compensated_sum::{BlockLoop, BlockSum};
use super::cursor::BlockCursor;
use super::threads::{Member, team};
use super::{Bases, Run};
use crate::bound_program::{BoundProduct, PackedMemory};
use crate::error::RunStopped;
use crate::kernels::{Block, BlockSide, CompensateStep, Side};

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
                let packed = Shared(packed);
                team(workers, &|member| product.parts(0..bound.grid.blocks, packed.get().0, member))
            }
            PackedMemory::Stack(rows) => self.blocks(&bound.grid, move |range| {
                let mut memory = StackMemory(MaybeUninit::uninit());
                let start: *mut u8 = memory.0.as_mut_ptr().cast();
                let packed = [start, start.wrapping_add(rows)];
                product.parts(range, packed, &mut Member::alone())
            }),
        }
    }
}

impl Product<'_> {
    /// Computes the parts of C with the numbers in a range, with memory for packed rows and lanes.
    fn parts(&self, range: Range<usize>, packed: [*mut u8; 2], member: &mut Member<'_>) -> Result<(), RunStopped> {
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
            self.part(part, operands, packed, &mut block_sum, member)?;
            cursor.advance(1);
        }
        Ok(())
    }

    /// Computes the part of C with these rows and lanes, block by block.
    fn part(
        &self,
        [rows, lanes]: [Range<usize>; 2],
        operands: [*mut u8; 3],
        packed: [*mut u8; 2],
        block_sum: &mut Option<BlockSum<'_>>,
        member: &mut Member<'_>,
    ) -> Result<(), RunStopped> {
        let BoundProduct { extents: [.., k], blocks, .. } = *self.bound;
        for start in (0..k).step_by(blocks[2]) {
            if let Some(sum) = block_sum {
                let step = sum.next_call();
                compensate(sum, step, member)?;
            }
            for first_row in rows.clone().step_by(blocks[0]) {
                let (mut first_lane, mut most) = (lanes.start, blocks[1] - self.ahead(operands[0], &lanes));
                while first_lane < lanes.end {
                    let side = |x: usize, start: usize, end: usize, most: usize| BlockSide {
                        side: self.sides[x],
                        operand: operands[1 + x],
                        load: self.run.program.operands[self.bound.loops.operands.start + 1 + x].load,
                        start,
                        len: most.min(end - start),
                        in_place: self.bound.in_place[x],
                        packed: packed[x],
                    };
                    let k_range = start..k.min(start + blocks[2]);
                    let block = Block {
                        sides: [side(0, first_row, rows.end, blocks[0]), side(1, first_lane, lanes.end, most)],
                        k: self.sides[2],
                        accumulate: self.bound.accumulate || start > 0,
                        k_range,
                        c: operands[0],
                        alpha: self.alpha,
                        stream: self.bound.stream,
                    };
                    self.block(&block, first_lane == lanes.start, member)?;
                    first_lane += most;
                    most = blocks[1];
                }
            }
        }
        match block_sum {
            Some(sum) => compensate(sum, sum.last(), member),
            None => Ok(()),
        }
    }

    /// The lanes before the first one from which on C, at this address, is at a multiple of the bytes of all vectors, if it is
    /// written past the caches: a first block that is shorter by these begins the others there, where there are many. Fewer
    /// than the lanes of a block.
    fn ahead(&self, c: *mut u8, range: &Range<usize>) -> usize {
        const ALIGN: usize = 64;
        const MANY: usize = 4;
        let BoundProduct { kernels, blocks, in_place, stream, .. } = self.bound;
        let size = kernels.size;
        let whole = in_place[1].is_some() && kernels.vectors.is_none_or(|vectors| !vectors.masks);
        // Lanes of several loops may be packed in squares, of which a block has a whole number.
        let lanes = [0, 1].map(|x| self.sides[1].single_stride(x));
        let contiguous = lanes[0].is_some() && lanes[1] == Some(size as isize);
        let many = range.len() / blocks[1] >= MANY;
        if !stream || whole || !contiguous || !many || blocks[1] * size % ALIGN != 0 {
            return 0;
        }
        c.addr().wrapping_add(range.start * size) % ALIGN / size
    }

    /// Packs and multiplies a block. Its rows are packed already if `pack_rows` is false.
    fn block(&self, block: &Block<'_>, pack_rows: bool, member: &mut Member<'_>) -> Result<(), RunStopped> {
        let kernels = &self.bound.kernels;
        let rows = if pack_rows { kernels.parts(block, 0) } else { 0 };
        let parts = rows + kernels.parts(block, 1);
        member.phase(parts, |range| {
            // SAFETY: `bind` has proven that all positions of the sides lead to elements of the operands, and has
            // reserved memory for the panels; each part is packed by one task.
            unsafe {
                kernels.pack(block, 0, range.start.min(rows)..range.end.min(rows));
                kernels.pack(block, 1, range.start.max(rows) - rows..range.end.max(rows) - rows);
            }
            Ok(())
        })?;
        let panels = kernels.row_panels(block);
        let points = block.sides[0].len * block.sides[1].len * block.k_range.len();
        member.phase(panels, |range| {
            let is_last = range.end == panels;
            // SAFETY: all panels are packed; tasks have different rows, so their positions in C are different.
            unsafe { (kernels.multiply)(block, range) }
            self.run.advance_or_cancel(if is_last { points as u64 } else { 0 })
        })
    }
}

/// Does a step of a compensated sum, if one is due.
fn compensate(sum: &BlockSum<'_>, step: Option<CompensateStep>, member: &mut Member<'_>) -> Result<(), RunStopped> {
    let Some(step) = step else { return Ok(()) };
    member.phase(1, |_| {
        // SAFETY: the phases so far have written all of C, and nothing else touches it.
        unsafe { sum.compensate(step) }
        Ok(())
    })
}

/// The addresses of packed rows and lanes, which threads share.
struct Shared([*mut u8; 2]);

// SAFETY: as for `Product`.
unsafe impl Sync for Shared {}

impl Shared {
    /// Itself: a closure that calls this captures the whole struct, which is `Sync`.
    fn get(&self) -> &Self {
        self
    }
}
