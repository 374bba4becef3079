//! Runs a large matrix product block by block: threads share the packing and the tiles of each block.

use std::ops::Range;
use std::ptr::NonNull;

use super::Run;
use super::compensated_sum::{BlockLoop, BlockSum};
use super::cursor::LoopCursor;
use super::threads::share_out;
use crate::bound_program::{BoundProduct, ListRange};
use crate::error::RunStopped;
use crate::kernels::{BlockSide, MultiplyArgs, PackArgs, Side};

/// Panels of rows or lanes in one task.
const PANELS: usize = 4;

/// One product: a position of the outer loops.
struct Product<'r> {
    run: &'r Run<'r>,
    bound: &'r BoundProduct,
    /// Rows, lanes and k.
    sides: [Side<'r>; 3],
    /// The addresses of C, of the operand of the rows and of the operand of the lanes.
    operands: [*mut u8; 3],
    /// The memory for packed rows and lanes.
    packed: [*mut u8; 2],
    alpha: Option<NonNull<u8>>,
    workers: usize,
}

// SAFETY: the addresses are those of operands of the program, which threads may share (see `Ptr`).
unsafe impl Sync for Product<'_> {}

impl Run<'_> {
    /// Runs a product in one iteration of its region.
    pub(super) fn product(&self, bound: &BoundProduct, iteration: &[usize]) -> Result<(), RunStopped> {
        let BoundProduct { loops, extents, sides, packed, .. } = bound;
        let side = |range: ListRange| Side::new(&self.program.sides[range.range()]);
        let points = extents.iter().map(|&e| e as u64).fold(1, u64::saturating_mul);
        let mut cursor = LoopCursor::new(self.program, loops, &self.bases(loops.operands, iteration));
        let mut product = Product {
            run: self,
            bound,
            sides: sides.map(side),
            operands: [std::ptr::null_mut(); 3],
            packed: packed.map(|operand| self.base(operand, iteration)),
            alpha: bound.alpha.and_then(|operand| NonNull::new(self.base(operand, iteration))),
            workers: self.workers(points, usize::MAX, 0).unwrap_or(1),
        };
        let mut block_sum = BlockSum::new(self, bound.compensated.as_ref(), iteration);
        let mut number = 0;
        loop {
            product.operands = std::array::from_fn(|x| cursor.ptrs[x]);
            if let Some(block_sum) = &mut block_sum {
                let of_c = sides[..2].iter().flat_map(|side| &self.program.sides[side.range()]);
                let whole = of_c.map(|l| BlockLoop { start: 0, n: l.extent, extent: l.extent, stride: l.strides[1] });
                block_sum.begin(number, product.operands[0], whole);
            }
            product.run(&mut block_sum)?;
            number += 1;
            if !cursor.next(0..loops.kept) {
                return Ok(());
            }
        }
    }
}

impl Product<'_> {
    fn run(&self, block_sum: &mut Option<BlockSum<'_>>) -> Result<(), RunStopped> {
        let BoundProduct { extents: [rows, lanes, k], blocks, .. } = *self.bound;
        for start in (0..k).step_by(blocks[2]) {
            let k_range = start..k.min(start + blocks[2]);
            // SAFETY: the blocks so far have written all of C, and nothing else touches it.
            unsafe { block_sum.iter_mut().for_each(|sum| sum.before_call()) }
            for first_row in (0..rows).step_by(blocks[0]) {
                for first_lane in (0..lanes).step_by(blocks[1]) {
                    let part = |x: usize, start: usize, extent: usize| BlockSide {
                        side: self.sides[x],
                        start,
                        len: blocks[x].min(extent - start),
                        packed: self.packed[x],
                    };
                    let sides = [part(0, first_row, rows), part(1, first_lane, lanes)];
                    self.block(sides, k_range.clone(), first_lane == 0)?;
                }
            }
        }
        // SAFETY: as above; there is at least one block.
        unsafe { block_sum.iter_mut().for_each(|sum| sum.end()) }
        Ok(())
    }

    /// Packs and multiplies a block. Its rows are packed already if `pack_rows` is false.
    fn block(&self, sides: [BlockSide<'_>; 2], k_range: Range<usize>, pack_rows: bool) -> Result<(), RunStopped> {
        let kernels = self.bound.kernels;
        let panels = (kernels.panels)(sides.each_ref().map(|side| side.len));
        let pack = |x: usize| PackArgs {
            block: sides[x],
            operand: self.operands[1 + x],
            k: self.sides[2],
            k_range: k_range.clone(),
        };
        let args = Shared((pack(0), pack(1)));
        let all = if pack_rows { panels[0] } else { 0 };
        self.share(all + (kernels.lane_parts)(&args.get().0.1), |range| {
            let Shared((rows, lanes)) = args.get();
            let of_rows = range.start.min(all)..range.end.min(all);
            let of_lanes = range.start.max(all) - all..range.end.max(all) - all;
            // SAFETY: `bind` has proven that all positions of the sides lead to elements of the operands, and has
            // reserved memory for the panels; each panel is packed by one task.
            unsafe {
                (kernels.pack_rows)(rows, of_rows);
                (kernels.pack_lanes)(lanes, of_lanes);
            }
        })?;
        let args = Shared(MultiplyArgs {
            sides,
            k: k_range.len(),
            c: self.operands[0],
            alpha: self.alpha,
            accumulate: self.bound.accumulate || k_range.start > 0,
            stream: self.bound.stream,
        });
        self.share(panels[0], |range| {
            // SAFETY: all panels are packed; tasks have different rows, so their positions in C are different.
            unsafe { (kernels.multiply)(&args.get().0, range) }
        })?;
        self.run.advance_or_cancel((sides[0].len * sides[1].len * k_range.len()) as u64)
    }

    /// Runs `work` on parts of `panels` panels.
    fn share(&self, panels: usize, work: impl Fn(Range<usize>) + Sync) -> Result<(), RunStopped> {
        if self.workers < 2 {
            work(0..panels);
            return Ok(());
        }
        let tasks = panels.div_ceil(PANELS);
        share_out(self.workers.min(tasks), tasks, &|task| {
            work(task * PANELS..panels.min((task + 1) * PANELS));
            Ok(())
        })
    }
}

/// Arguments of kernels, which threads share.
struct Shared<T>(T);

// SAFETY: as for `Product`.
unsafe impl<T> Sync for Shared<T> {}

impl<T> Shared<T> {
    /// Itself: a closure that calls this captures the whole struct, which is `Sync`.
    fn get(&self) -> &Self {
        self
    }
}
