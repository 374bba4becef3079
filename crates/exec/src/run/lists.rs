//! What many ids at once come to: lists of distances, read and checked without a look at the single id.

use super::ids::Ids;
use crate::kernels::Rows;
use crate::program::{Id, Indexed, Lookup, Position};

/// Positions of one batch.
pub(crate) const BATCH: usize = 512;
/// The most lists: one for each operand, two for each lookup.
pub(crate) const LISTS: usize = 12;

/// What ids add to the address of each operand, then the ids of each lookup, then what ids add to the address of each lookup.
/// Lists start at a cache line: wide stores that cross two lines take twice as long.
#[repr(align(64))]
pub(super) struct Lists {
    lists: [[isize; BATCH]; LISTS],
    /// Which lists hold something of this batch.
    begun: [bool; LISTS],
    operands: usize,
    lookups: usize,
}

impl Lists {
    pub(super) fn new(operands: usize, lookups: usize) -> Lists {
        Lists { lists: [[0; BATCH]; LISTS], begun: [false; LISTS], operands, lookups }
    }

    /// What ids add to the address of an operand at each position of the batch.
    pub(super) fn offsets(&self, operand: usize) -> &[isize; BATCH] {
        &self.lists[operand]
    }

    /// The list of the ids of a lookup.
    fn ids(&self, number: usize) -> usize {
        self.operands + number
    }

    /// The list of what ids add to the address of a lookup.
    fn inner(&self, number: usize) -> usize {
        self.operands + self.lookups + number
    }

    fn target(&self, of: Indexed) -> usize {
        match of {
            Indexed::Operand(x) => x,
            Indexed::Lookup(number) => self.inner(number),
        }
    }

    /// A list that is added to, from 0 on.
    fn sum(&mut self, list: usize) -> &mut [isize; BATCH] {
        if !std::mem::replace(&mut self.begun[list], true) {
            self.lists[list].fill(0);
        }
        &mut self.lists[list]
    }
}

/// Positions of the loop `along`, from the position `at` of all loops on.
#[derive(Clone, Copy)]
pub(super) struct Stretch<'a> {
    pub(super) at: &'a [usize],
    pub(super) along: usize,
    /// At most [`BATCH`].
    pub(super) count: usize,
}

impl Ids<'_> {
    /// Reads all ids of a stretch; whether all are inside their axes.
    pub(super) fn evaluate_batch(&self, stretch: Stretch<'_>, lists: &mut Lists) -> bool {
        lists.begun = [false; LISTS];
        let mut instructions = self.instructions().peekable();
        while let Some(instruction) = instructions.next() {
            let inside = match (instruction, instructions.peek()) {
                (Id::Read(lookup), Some(Id::At(position))) if self.is_id(position, lookup) => {
                    instructions.next();
                    self.read_offsets(lookup, position, stretch, lists)
                }
                (Id::Read(lookup), _) => self.read_values(lookup, stretch, lists),
                (Id::At(position), _) => self.add_positions(position, stretch, lists),
            };
            if !inside {
                return false;
            }
        }
        true
    }

    /// Where the ids of a lookup start, and how far they are apart.
    fn line(&self, lookup: &Lookup, Stretch { at, along, .. }: Stretch<'_>) -> (*const u8, isize) {
        (self.lookup_at(lookup, at), self.lookup_stride(lookup, along))
    }

    /// The most frequent case: the position is the id.
    fn read_offsets(&self, lookup: &Lookup, p: &Position, stretch: Stretch<'_>, lists: &mut Lists) -> bool {
        if lists.begun[lists.inner(lookup.number)] {
            return self.read_values(lookup, stretch, lists) && self.add_positions(p, stretch, lists);
        }
        let (target, count) = (lists.target(p.of), stretch.count);
        let more = lists.begun[target];
        let to = if more { lists.ids(lookup.number) } else { target };
        let (ptr, stride) = self.line(lookup, stretch);
        let rows = Rows { extent: p.extent, stride: p.stride, wrap: p.wrap };
        let room = &mut lists.lists[to][..count];
        // SAFETY: `bind` has proven the affine positions (docs/unsafe.md), so these are elements of the id tensor, of its dtype; no
        // list is an operand.
        let inside = unsafe { (lookup.read.offsets)(count, room.as_mut_ptr(), ptr, stride, rows) };
        if let (true, Ok([target, from])) = (more, lists.lists.get_disjoint_mut([target, to])) {
            target.iter_mut().zip(from).for_each(|(sum, x)| *sum = sum.wrapping_add(*x));
        }
        lists.begun[target] = true;
        inside
    }

    /// The ids themselves.
    fn read_values(&self, lookup: &Lookup, stretch: Stretch<'_>, lists: &mut Lists) -> bool {
        let (ptr, stride) = self.line(lookup, stretch);
        let (to, inner, count) = (lists.ids(lookup.number), lists.inner(lookup.number), stretch.count);
        let displaced = lists.begun[inner];
        let Ok([to, inner]) = lists.lists.get_disjoint_mut([to, inner]) else { return false };
        let mut read = |k: usize, n: usize, from| {
            // SAFETY: `bind` has proven the affine positions (docs/unsafe.md), positions from other ids were checked before, so
            // these are elements of the id tensor, of its dtype; no list is an operand.
            unsafe { (lookup.read.values)(n, to[k..k + n].as_mut_ptr(), from, stride) }
        };
        if !displaced {
            return read(0, count, ptr);
        }
        (0..count).all(|k| read(k, 1, ptr.wrapping_offset(stride.wrapping_mul(k as isize).wrapping_add(inner[k]))))
    }

    /// Adds positions that are more than an id.
    fn add_positions(&self, p: &Position, Stretch { at, along, count }: Stretch<'_>, lists: &mut Lists) -> bool {
        let target = lists.target(p.of);
        let (start, step) = self.affine(p, at, along);
        lists.sum(target);
        let mut inside = true;
        for k in 0..count {
            let value =
                self.id_terms(p).fold(start.saturating_add(step.saturating_mul(k as i128)), |sum, (number, coef)| {
                    sum.saturating_add(i128::from(coef) * lists.lists[lists.ids(number)][k] as i128)
                });
            inside &= (0..p.extent as i128).contains(&value);
            // What is outside is never used.
            let to = &mut lists.lists[target][k];
            *to = to.wrapping_add(p.stride.wrapping_mul(value as isize));
        }
        inside
    }
}
