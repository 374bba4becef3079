//! Blocks of a nest.

use std::ops::Range;

use smallvec::SmallVec;

use super::ids::{Ids, Miss};
use super::sums::{Carrying, Cut};
use super::tile::Tile;
use super::walk::Walk;
use super::{Bases, Run, stage};
use crate::error::Stopped;
use crate::kernels;
use crate::program::{Action, Grid, Nest};

/// Points of small calls before a look at the cancel flag.
const FEW: u64 = 1 << 16;

/// What the blocks of a nest share in one turn.
pub(super) struct Blocks<'r> {
    pub(super) run: &'r Run<'r>,
    pub(super) nest: &'r Nest,
    pub(super) turn: &'r [usize],
    pub(super) bases: Bases,
}

// SAFETY: the addresses are those of the program's operands, which threads may share (see `Ptr`).
unsafe impl Sync for Blocks<'_> {}

impl Run<'_> {
    pub(super) fn nest(&self, nest: &Nest, turn: &[usize]) -> Result<(), Stopped> {
        let blocks = Blocks { run: self, nest, turn, bases: self.bases(nest.loops.operands, turn) };
        // The whole struct, not its fields, is what threads may share.
        let blocks = &blocks;
        self.blocks(&nest.grid, 0, move |range| match &nest.batch {
            None => blocks.run(range),
            Some(batch) => blocks.run_batches(batch, range),
        })
    }
}

impl Blocks<'_> {
    fn run(&self, range: Range<usize>) -> Result<(), Stopped> {
        let Nest { loops, grid, strip, .. } = self.nest;
        let program = self.run.program;
        let outer = loops.kept + loops.reduced;
        let inner = self.inner_strides();
        let sizes = &program.sizes[loops.sizes.range()][outer..];
        let mut ids = Ids::new(self.run, self.nest.ids, self.turn, loops.operands.len);
        let mut walk = Walk::new(program, loops, &self.bases);
        let (mut row, mut piece) = grid.split(range.start);
        walk.seek(loops.kept, row);
        let mut carrying = Carrying::new(self.run, self.nest.sums.as_ref(), self.turn);
        let mut since = 0;
        for block in range {
            let (start, n) = grid.piece_at(piece, [sizes[0], sizes[1]]);
            if let Some(carrying) = &mut carrying {
                carrying.begin(row, walk.ptrs[0], self.cut(start, n));
            }
            let mut first = true;
            loop {
                for o in (0..n[0]).step_by(strip[0]) {
                    for i in (0..n[1]).step_by(strip[1]) {
                        let part = [strip[0].min(n[0] - o), strip[1].min(n[1] - i)];
                        // SAFETY: as for the call itself, and what is not the first call follows one that has written the block.
                        unsafe { carrying.iter_mut().for_each(|c| c.before_call()) }
                        self.tile(&walk, &mut ids, inner, [start[0] + o, start[1] + i], part, first)?;
                        first = false;
                        since += part[0] as u64 * part[1] as u64;
                        if since >= FEW {
                            self.run.look(std::mem::take(&mut since))?;
                        }
                    }
                }
                if !walk.next(loops.kept..outer) {
                    break;
                }
            }
            // SAFETY: as above.
            unsafe { carrying.iter_mut().for_each(|c| c.end()) }
            let before = row;
            (row, piece) = grid.split(block + 1);
            if row != before {
                walk.next(0..loops.kept);
            }
        }
        self.run.advance(since);
        Ok(())
    }

    /// The parts that a block has of the loops of the kernel.
    pub(super) fn cut(&self, start: [usize; 2], n: [usize; 2]) -> [Cut; 2] {
        let loops = &self.nest.loops;
        let extents = &self.run.program.sizes[loops.sizes.range()][loops.kept + loops.reduced..];
        let strides = self.inner_strides();
        [0, 1].map(|l| Cut { start: start[l], n: n[l], extent: extents[l], stride: strides[l * loops.operands.len] })
    }

    /// The strides of all operands in the two inner loops.
    pub(super) fn inner_strides(&self) -> &[isize] {
        let loops = &self.nest.loops;
        let outer = loops.kept + loops.reduced;
        &self.run.program.strides[loops.strides + outer * loops.operands.len..][..2 * loops.operands.len]
    }

    /// One call of the kernel: at the position of `walk`, `n` points from `start` on.
    pub(super) fn tile(
        &self,
        walk: &Walk<'_>,
        ids: &mut Ids<'_>,
        strides: &[isize],
        start: [usize; 2],
        n: [usize; 2],
        first: bool,
    ) -> Result<(), Stopped> {
        let operands = self.nest.loops.operands;
        match ids.evaluate(&walk.at) {
            Ok(()) => {}
            Err(Miss::Dropped) => return Ok(()),
            Err(Miss::Bad(bad)) => return Err(ids.error(&bad, &walk.at)),
        }
        let address = |(x, &ptr): (usize, &*mut u8)| {
            let along = |l: usize| strides[l * operands.len + x].wrapping_mul(start[l] as isize);
            ptr.wrapping_offset(along(0).wrapping_add(along(1)).wrapping_add(ids.offset(x)))
        };
        let ptrs: SmallVec<[*mut u8; 8]> = walk.ptrs.iter().enumerate().map(address).collect();
        let tile = Tile { n, ptrs: &ptrs, strides: strides.split_at(operands.len).into() };
        // SAFETY: `bind` has proven that all positions of the loops lead to elements of the operands (docs/unsafe.md), ids were
        // checked just now; blocks that run at the same time differ in a kept loop or in a piece of one, so their targets
        // are disjoint.
        unsafe { self.act(&tile, first) }
        Ok(())
    }

    /// # Safety
    /// All points of the tile are elements of the operands, and nothing else touches its targets.
    unsafe fn act(&self, tile: &Tile<'_>, first: bool) {
        // SAFETY: the caller's promise; the kernels were chosen for the dtypes of the operands.
        unsafe {
            if let (true, Some(clear)) = (first, self.nest.clear) {
                tile.clear(clear);
            }
            match if first { self.nest.first } else { self.nest.rest } {
                Action::Fill(fill) => fill(tile.n, tile.dst()),
                Action::Copy(size) => kernels::copy(size, tile.n, tile.dst(), tile.src(1)),
                Action::Unary(kernel) => kernel(tile.n, tile.dst(), tile.src(1)),
                Action::Binary(kernel) => kernel(tile.n, tile.dst(), tile.src(1), tile.src(2)),
                Action::Staged(stage) => stage::run(self.run.program, &stage, tile, None, 0..tile.n[0]),
            }
        }
    }
}

impl Grid {
    /// The row and the piece of a block. Pieces of a row are neighbours.
    pub(super) fn split(&self, block: usize) -> (usize, usize) {
        let pieces = self.pieces[0] * self.pieces[1];
        (block / pieces, block % pieces)
    }

    /// Where a piece starts in the two cut axes, of extents `n`, and how long it is.
    pub(super) fn piece_at(&self, piece: usize, n: [usize; 2]) -> ([usize; 2], [usize; 2]) {
        let at = [piece / self.pieces[1], piece % self.pieces[1]];
        let start = [at[0] * self.piece[0], at[1] * self.piece[1]];
        (start, [self.piece[0].min(n[0] - start[0]), self.piece[1].min(n[1] - start[1])])
    }
}
