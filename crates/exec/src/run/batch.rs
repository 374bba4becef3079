//! Many positions of a loop that ids depend on at once: ids are read and checked in lists, and rows gathered into slots and
//! scattered from them. Around an id that is outside its axis, positions are taken one by one instead.

use std::ops::Range;

use smallvec::SmallVec;

use super::ids::Ids;
use super::lists::{BATCH, LISTS, Lists, Stretch};
use super::nest::Blocks;
use super::stage;
use super::sums::Carrying;
use super::tile::Tile;
use super::walk::Walk;
use crate::error::Stopped;
use crate::program::Batch;

/// Positions that are taken one by one where one of them has an id outside its axis.
const FEW: usize = 16;

/// What is run at once: `count` positions of loop `along`, and in each the points of the inner loop from `start` on.
#[derive(Clone, Copy)]
struct Piece {
    along: usize,
    count: usize,
    start: [usize; 2],
    n: [usize; 2],
    /// Whether they are the first of the reduced loops.
    first: bool,
}

/// What is kept from one piece to the next.
struct Room<'a, 'r> {
    lists: &'a mut Lists,
    carrying: &'a mut Option<Carrying<'r>>,
}

impl Blocks<'_> {
    /// As [`Blocks::run`], many positions of the last outer loop at once.
    pub(super) fn run_batches(&self, batch: &Batch, range: Range<usize>) -> Result<(), Stopped> {
        let (loops, grid) = (self.nest.loops, self.nest.grid);
        let outer = loops.kept + loops.reduced;
        let sizes = &self.run.program.sizes[loops.sizes.range()][outer..];
        let mut ids = Ids::new(self.run, self.nest.ids, self.turn, loops.operands.len);
        let mut lists = Lists::new(loops.operands.len, batch.lookups);
        let mut walk = Walk::new(self.run.program, &loops, &self.bases);
        let mut carrying = Carrying::new(self.run, self.nest.sums.as_ref(), self.turn);
        let mut block = range.start;
        let (mut row, mut piece) = grid.split(block);
        walk.seek(loops.kept, row);
        while block < range.end {
            let (start, n) = grid.piece_at(piece, [sizes[0], sizes[1]]);
            // Where the last loop is kept, each of its positions is a block.
            let most = if loops.reduced == 0 { range.end - block } else { BATCH };
            if let Some(carrying) = &mut carrying {
                carrying.begin(row, walk.ptrs[0], self.cut(start, n));
            }
            let mut piece_of = Piece { along: outer - 1, count: 0, start, n, first: true };
            loop {
                piece_of.count = walk.rest(outer - 1).min(BATCH).min(most);
                self.positions(
                    batch,
                    piece_of,
                    &mut walk,
                    &mut ids,
                    &mut Room { lists: &mut lists, carrying: &mut carrying },
                )?;
                piece_of.first = false;
                self.run.look(piece_of.count as u64 * n[1] as u64)?;
                if !walk.next(loops.kept..outer) {
                    break;
                }
            }
            // SAFETY: as in `act_batch`.
            unsafe { carrying.iter_mut().for_each(|c| c.end()) }
            let before = row;
            block += if loops.reduced == 0 { piece_of.count } else { 1 };
            (row, piece) = grid.split(block);
            if row != before {
                walk.next(0..loops.kept);
            }
        }
        Ok(())
    }

    /// Runs the positions of a piece; `walk` goes on to the last of them. Around an id that is outside its axis parts become shorter.
    fn positions(
        &self,
        batch: &Batch,
        piece: Piece,
        walk: &mut Walk<'_>,
        ids: &mut Ids<'_>,
        room: &mut Room<'_, '_>,
    ) -> Result<(), Stopped> {
        let along = piece.along;
        let (mut left, mut size) = (piece.count, piece.count);
        let mut part = piece;
        loop {
            part.count = size.min(left);
            if ids.evaluate_batch(Stretch { at: &walk.at, along, count: part.count }, room.lists) {
                // SAFETY: `bind` has proven that all positions of the loops lead to elements of the operands (docs/unsafe.md),
                // ids were checked just now; blocks that run at the same time differ in a kept loop or in a piece of one, so
                // their targets are disjoint.
                unsafe { self.act_batch(batch, part, walk, room) }
                walk.skip(along, part.count);
            } else if part.count > FEW {
                size = part.count / 2;
                continue;
            } else {
                // SAFETY: as in `act_batch`.
                unsafe { room.carrying.iter_mut().for_each(|c| c.before_call()) }
                self.one_by_one(part, walk, ids)?;
            }
            left -= part.count;
            if left == 0 {
                return Ok(());
            }
            walk.skip(along, 2);
            size *= 2;
            part.first &= self.nest.loops.reduced == 0;
        }
    }

    fn one_by_one(&self, piece: Piece, walk: &mut Walk<'_>, ids: &mut Ids<'_>) -> Result<(), Stopped> {
        let Piece { along, count, start, n, first } = piece;
        for k in 0..count {
            if k > 0 {
                walk.skip(along, 2);
            }
            let first = first && (k == 0 || self.nest.loops.reduced == 0);
            self.tile(walk, ids, self.inner_strides(), start, n, first)?;
        }
        Ok(())
    }

    /// # Safety
    /// All points of the piece are elements of the operands, displaced by what `room.lists` has for them, and nothing else touches its
    /// targets.
    unsafe fn act_batch(&self, batch: &Batch, piece: Piece, walk: &Walk<'_>, room: &mut Room<'_, '_>) {
        let Piece { along, count, start, n, first } = piece;
        let inner = &self.inner_strides()[walk.ptrs.len()..];
        let at = |(&ptr, s): (&*mut u8, &isize)| ptr.wrapping_offset(s.wrapping_mul(start[1] as isize));
        let moved: SmallVec<[*mut u8; LISTS]>;
        let ptrs = if start[1] == 0 {
            &walk.ptrs[..]
        } else {
            moved = walk.ptrs.iter().zip(inner).map(at).collect();
            &moved
        };
        let tile = Tile { n: [count, n[1]], ptrs, strides: [walk.strides(along), inner] };
        // SAFETY: the caller's promise.
        unsafe {
            if let Some(clear) = batch.clear.filter(|_| first || self.nest.loops.reduced == 0) {
                tile.clear(clear);
            }
            for row in (0..count).step_by(batch.rows) {
                room.carrying.iter_mut().for_each(|c| c.before_call());
                let rows = row..count.min(row + batch.rows);
                stage::run(self.run.program, &batch.stage, &tile, Some(room.lists), rows);
            }
        }
    }
}
