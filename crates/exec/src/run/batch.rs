//! Many positions of a loop that ids depend on at once: ids are read and checked in lists, and rows gathered into slots and
//! scattered from them. Where an id is outside its axis, the positions of that batch are taken one by one instead.

use std::ops::Range;

use einfold_ir::Dtype;
use smallvec::SmallVec;

use super::ids::Ids;
use super::nest::{Blocks, Tile};
use super::stage;
use super::walk::Walk;
use crate::error::Stopped;
use crate::program::{Batch, Id, Indexed, Lookup, Position};

/// Positions of one batch.
pub(super) const BATCH: usize = 512;
/// The most lists: one for each operand, two for each lookup.
pub(crate) const LISTS: usize = 12;

/// What ids add to the address of each operand, then the ids of each lookup, then what ids add to the address of each lookup.
pub(super) struct Lists {
    lists: [[isize; BATCH]; LISTS],
    operands: usize,
    lookups: usize,
    /// Whether ids add to the address of a lookup.
    nested: bool,
}

impl Lists {
    pub(super) fn new(operands: usize, lookups: usize, nested: bool) -> Lists {
        Lists { lists: [[0; BATCH]; LISTS], operands, lookups, nested }
    }

    /// What ids add to the address of an operand at each position of the batch.
    pub(super) fn offsets(&self, operand: usize) -> &[isize; BATCH] {
        &self.lists[operand]
    }
}

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

impl Blocks<'_> {
    /// As [`Blocks::run`], many positions of the last outer loop at once.
    pub(super) fn run_batches(&self, batch: &Batch, range: Range<usize>) -> Result<(), Stopped> {
        let (loops, grid) = (self.nest.loops, self.nest.grid);
        let outer = loops.kept + loops.reduced;
        let sizes = &self.run.program.sizes[loops.sizes.range()][outer..];
        let mut ids = Ids::new(self.run, self.nest.ids, self.turn, loops.operands.len);
        let mut lists = Lists::new(loops.operands.len, batch.lookups, ids.nested());
        let mut walk = Walk::new(self.run.program, &loops, &self.bases);
        let mut block = range.start;
        let (mut row, mut piece) = grid.split(block);
        walk.seek(loops.kept, row);
        while block < range.end {
            let (start, n) = grid.piece_at(piece, [sizes[0], sizes[1]]);
            // Where the last loop is kept, each of its positions is a block.
            let most = if loops.reduced == 0 { range.end - block } else { BATCH };
            let mut piece_of = Piece { along: outer - 1, count: 0, start, n, first: true };
            loop {
                piece_of.count = walk.rest(outer - 1).min(BATCH).min(most);
                self.positions(batch, piece_of, &mut walk, &mut ids, &mut lists)?;
                piece_of.first = false;
                if self.run.control.is_cancelled() {
                    return Err(Stopped::Cancelled);
                }
                if !walk.next(loops.kept..outer) {
                    break;
                }
            }
            let before = row;
            block += if loops.reduced == 0 { piece_of.count } else { 1 };
            (row, piece) = grid.split(block);
            if row != before {
                walk.next(0..loops.kept);
            }
        }
        Ok(())
    }

    /// Runs the positions of a piece; `walk` goes on to the last of them.
    fn positions(
        &self,
        batch: &Batch,
        piece: Piece,
        walk: &mut Walk<'_>,
        ids: &mut Ids<'_>,
        lists: &mut Lists,
    ) -> Result<(), Stopped> {
        let Piece { along, count, start, n, first } = piece;
        if ids.evaluate_batch(&walk.at, along, count, lists) {
            // SAFETY: `bind` has proven that all positions of the loops lead to elements of the operands (docs/unsafe.md), ids
            // were checked just now; blocks that run at the same time differ in a kept loop or in a piece of one, so their
            // targets are disjoint.
            unsafe { self.act_batch(batch, piece, walk, lists) }
            walk.skip(along, count);
            return Ok(());
        }
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
    /// All points of the piece are elements of the operands, displaced by what `lists` has for them, and nothing else touches its
    /// targets.
    unsafe fn act_batch(&self, batch: &Batch, piece: Piece, walk: &Walk<'_>, lists: &Lists) {
        let Piece { along, count, start, n, first } = piece;
        let inner = &self.inner_strides()[walk.ptrs.len()..];
        let at = |(&ptr, s): (&*mut u8, &isize)| ptr.wrapping_offset(s.wrapping_mul(start[1] as isize));
        let ptrs: SmallVec<[*mut u8; LISTS]> = walk.ptrs.iter().zip(inner).map(at).collect();
        let strides: SmallVec<[isize; 2 * LISTS]> = walk.strides(along).iter().chain(inner).copied().collect();
        let tile = Tile { n: [count, n[1]], ptrs: &ptrs, strides: &strides };
        // SAFETY: the caller's promise.
        unsafe {
            if let Some(clear) = batch.clear.filter(|_| first || self.nest.loops.reduced == 0) {
                tile.clear(clear);
            }
            stage::run(self.run.program, &batch.stage, &tile, Some(lists));
        }
    }
}

impl Ids<'_> {
    /// Reads all ids at `count` positions of loop `along` from `at` on; whether all are inside their axes as they are.
    pub(super) fn evaluate_batch(&self, at: &[usize], along: usize, count: usize, lists: &mut Lists) -> bool {
        let inner = lists.operands + lists.lookups;
        lists.lists[..lists.operands].iter_mut().for_each(|list| list[..count].fill(0));
        if lists.nested {
            lists.lists[inner..inner + lists.lookups].iter_mut().for_each(|list| list[..count].fill(0));
        }
        self.instructions().all(|instruction| match instruction {
            Id::Read(lookup) => {
                self.read_batch(lookup, at, along, count, lists);
                true
            }
            Id::At(position) => self.check_batch(position, at, along, count, lists),
        })
    }

    fn read_batch(&self, lookup: &Lookup, at: &[usize], along: usize, count: usize, lists: &mut Lists) {
        let (ptr, stride) = (self.lookup_at(lookup, at), self.lookup_stride(lookup, along));
        let nested = lists.nested;
        let (before, after) = lists.lists.split_at_mut(lists.operands + lists.lookups);
        let (ids, inner) = (&mut before[lists.operands + lookup.number][..count], &after[lookup.number][..count]);
        macro_rules! read {
            ($t:ty) => {{
                if !nested && stride == size_of::<$t>() as isize {
                    for (k, id) in ids.iter_mut().enumerate() {
                        // SAFETY: as below, for neighbours.
                        *id = unsafe { ptr.cast::<$t>().add(k).read() } as isize;
                    }
                    return;
                }
                for (k, (id, &inner)) in ids.iter_mut().zip(inner).enumerate() {
                    let from = ptr.wrapping_offset(stride.wrapping_mul(k as isize).wrapping_add(inner));
                    // SAFETY: `bind` has proven the affine positions (docs/unsafe.md), positions from other ids were checked
                    // before, so this is an element of the id tensor, of its dtype. An id beyond `isize` turns negative, and
                    // is refused like one.
                    *id = unsafe { from.cast::<$t>().read() } as isize;
                }
            }};
        }
        match lookup.dtype {
            Dtype::I8 => read!(i8),
            Dtype::I16 => read!(i16),
            Dtype::I32 => read!(i32),
            Dtype::I64 => read!(i64),
            Dtype::U8 => read!(u8),
            Dtype::U16 => read!(u16),
            Dtype::U32 => read!(u32),
            Dtype::U64 => read!(u64),
            _ => ids.fill(-1),
        }
    }

    fn check_batch(&self, p: &Position, at: &[usize], along: usize, count: usize, lists: &mut Lists) -> bool {
        let target = match p.of {
            Indexed::Operand(x) => x,
            Indexed::Lookup(number) => lists.operands + lists.lookups + number,
        };
        let (start, step) = self.affine(p, at, along);
        let mut ids = self.id_terms(p).map(|(number, coef)| (lists.operands + number, coef));
        let (first, second) = (ids.next(), ids.next());
        if let (Some((list, 1)), None, 0, 0) = (first, second, start, step) {
            return plain(lists, [target, list], p, count);
        }
        let mut inside = true;
        for k in 0..count {
            let value =
                self.id_terms(p).fold(start.saturating_add(step.saturating_mul(k as i128)), |sum, (number, coef)| {
                    sum.saturating_add(i128::from(coef) * lists.lists[lists.operands + number][k] as i128)
                });
            inside &= (0..p.extent as i128).contains(&value);
            // What is outside is never used.
            let to = &mut lists.lists[target][k];
            *to = to.wrapping_add(p.stride.wrapping_mul(value as isize));
        }
        inside
    }
}

/// The most frequent case: the position is the id.
fn plain(lists: &mut Lists, [target, ids]: [usize; 2], p: &Position, count: usize) -> bool {
    let Ok([to, ids]) = lists.lists.get_disjoint_mut([target, ids]) else { return false };
    let mut outside = 0;
    for (to, &id) in to[..count].iter_mut().zip(&ids[..count]) {
        outside |= usize::from(id as usize >= p.extent);
        *to = to.wrapping_add(id.wrapping_mul(p.stride));
    }
    outside == 0
}
