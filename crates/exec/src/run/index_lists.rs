//! Reads and checks the gather and scatter indices of a batch in lists, without a branch per index.

use super::indirect::IndirectOffsets;
use crate::bound_program::{CheckedPosition, DisplacedAccess, IndexOp, IndexRead};
use crate::kernels::IndexedAxis;

/// The largest number of positions of a batch.
pub(crate) const MAX_BATCH: usize = 512;
/// The largest number of lists: one for each operand, two for each index read.
pub(crate) const MAX_LISTS: usize = 12;

/// The lists of a batch: the offsets of each operand, the indices of each read, and the offsets of each read. Lists start
/// at a cache line, because wide stores across two lines take twice as long.
#[repr(align(64))]
pub(super) struct IndexLists {
    lists: [[isize; MAX_BATCH]; MAX_LISTS],
    /// Which lists hold values of this batch.
    written: [bool; MAX_LISTS],
    operands: usize,
    reads: usize,
}

impl IndexLists {
    pub(super) fn new(operands: usize, reads: usize) -> IndexLists {
        IndexLists { lists: [[0; MAX_BATCH]; MAX_LISTS], written: [false; MAX_LISTS], operands, reads }
    }

    /// The offset of an operand at each position of the batch.
    pub(super) fn offsets(&self, operand: usize) -> &[isize; MAX_BATCH] {
        &self.lists[operand]
    }

    /// The number of the list of indices of a read.
    fn indices(&self, number: usize) -> usize {
        self.operands + number
    }

    /// The number of the list of offsets of a read.
    fn inner(&self, number: usize) -> usize {
        self.operands + self.reads + number
    }

    /// The number of the list of offsets of an access.
    fn target(&self, access: DisplacedAccess) -> usize {
        match access {
            DisplacedAccess::Operand(x) => x,
            DisplacedAccess::Read(number) => self.inner(number),
        }
    }

    /// A list of sums; all 0 at its first use in a batch.
    fn sum(&mut self, list: usize) -> &mut [isize; MAX_BATCH] {
        if !std::mem::replace(&mut self.written[list], true) {
            self.lists[list].fill(0);
        }
        &mut self.lists[list]
    }
}

/// Positions of the loop `along`, from the position `at` of all loops on.
#[derive(Clone, Copy)]
pub(super) struct LoopRange<'a> {
    pub(super) at: &'a [usize],
    pub(super) along: usize,
    /// At most [`MAX_BATCH`].
    pub(super) count: usize,
}

impl IndirectOffsets<'_> {
    /// Reads all indices of a range. Returns whether all positions are inside their axes.
    pub(super) fn evaluate_batch(&self, range: LoopRange<'_>, lists: &mut IndexLists) -> bool {
        lists.written = [false; MAX_LISTS];
        let mut instructions = self.instructions().peekable();
        while let Some(instruction) = instructions.next() {
            let inside = match (instruction, instructions.peek()) {
                (IndexOp::Read(read), Some(IndexOp::Check(position))) if self.is_plain_index(position, read) => {
                    instructions.next();
                    self.read_offsets(read, position, range, lists)
                }
                (IndexOp::Read(read), _) => self.read_values(read, range, lists),
                (IndexOp::Check(position), _) => self.add_positions(position, range, lists),
            };
            if !inside {
                return false;
            }
        }
        true
    }

    /// The address of the first index of a read, and the stride between indices.
    fn address_and_stride(&self, read: &IndexRead, LoopRange { at, along, .. }: LoopRange<'_>) -> (*const u8, isize) {
        (self.read_address(read, at), self.read_stride(read, along))
    }

    /// The most frequent case: the position is the index.
    fn read_offsets(
        &self,
        read: &IndexRead,
        p: &CheckedPosition,
        range: LoopRange<'_>,
        lists: &mut IndexLists,
    ) -> bool {
        if lists.written[lists.inner(read.number)] {
            return self.read_values(read, range, lists) && self.add_positions(p, range, lists);
        }
        let (target, count) = (lists.target(p.access), range.count);
        let more = lists.written[target];
        let to = if more { lists.indices(read.number) } else { target };
        let (ptr, stride) = self.address_and_stride(read, range);
        let axis = IndexedAxis { extent: p.extent, stride: p.stride, wrap: p.wrap };
        let room = &mut lists.lists[to][..count];
        // SAFETY: `bind` has proven the affine positions (docs/unsafe.md), so these are elements of the index tensor, of
        // its dtype; no list is an operand.
        let inside = unsafe { (read.read.offsets)(count, room.as_mut_ptr(), ptr, stride, axis) };
        if let (true, Ok([target, from])) = (more, lists.lists.get_disjoint_mut([target, to])) {
            target.iter_mut().zip(from).for_each(|(sum, x)| *sum = sum.wrapping_add(*x));
        }
        lists.written[target] = true;
        inside
    }

    /// Reads the indices themselves.
    fn read_values(&self, read: &IndexRead, range: LoopRange<'_>, lists: &mut IndexLists) -> bool {
        let (ptr, stride) = self.address_and_stride(read, range);
        let (to, inner, count) = (lists.indices(read.number), lists.inner(read.number), range.count);
        let displaced = lists.written[inner];
        let Ok([to, inner]) = lists.lists.get_disjoint_mut([to, inner]) else { return false };
        let mut read_values = |k: usize, n: usize, from| {
            // SAFETY: `bind` has proven the affine positions (docs/unsafe.md), and the indirect positions of this read were checked
            // before, so these are elements of the index tensor, of its dtype; no list is an operand.
            unsafe { (read.read.values)(n, to[k..k + n].as_mut_ptr(), from, stride) }
        };
        if !displaced {
            return read_values(0, count, ptr);
        }
        (0..count)
            .all(|k| read_values(k, 1, ptr.wrapping_offset(stride.wrapping_mul(k as isize).wrapping_add(inner[k]))))
    }

    /// Adds the offsets of positions that are not a single index.
    fn add_positions(
        &self,
        p: &CheckedPosition,
        LoopRange { at, along, count }: LoopRange<'_>,
        lists: &mut IndexLists,
    ) -> bool {
        let target = lists.target(p.access);
        let (start, step) = self.affine(p, at, along);
        lists.sum(target);
        let mut inside = true;
        for k in 0..count {
            let value = self.index_terms(p).fold(
                start.saturating_add(step.saturating_mul(k as i128)),
                |sum, (number, coef)| {
                    sum.saturating_add(i128::from(coef) * lists.lists[lists.indices(number)][k] as i128)
                },
            );
            inside &= (0..p.extent as i128).contains(&value);
            // The offset of a position outside the axis is never used.
            let to = &mut lists.lists[target][k];
            *to = to.wrapping_add(p.stride.wrapping_mul(value as isize));
        }
        inside
    }
}
