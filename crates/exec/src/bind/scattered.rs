//! Many points that ids scatter to few elements: in chunks, each into a copy of the target that it has for itself, and the copies
//! are then added in order. Threads share the chunks, which follow from shapes alone, so the result does not depend on threads.

use einfold_ir::AxisRef;
use smallvec::SmallVec;

use super::Binder;
use super::grid::TASK;
use super::nest::Actions;
use super::place::Freedom;
use super::step::{Start, Work};
use crate::error::BindError;
use crate::program::{Action, Home, Span};

/// The most chunks.
const CHUNKS: usize = 16;
/// Points that a chunk has at least for each element of its copy, which must be cleared and added.
const WORTH: usize = 4;
/// From so many chunks' worth of other loops on, those are shared among threads.
const LOOPS: usize = 8;
/// Bytes of a row that can be cut for threads instead.
const WIDE: usize = 256;

/// A part of an axis that is run in chunks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chunks {
    pub(super) axis: usize,
    /// The first position of the part.
    pub(super) start: usize,
    pub(super) count: usize,
    /// Positions of a chunk.
    pub(super) len: usize,
    /// Bytes of the copy that a chunk has.
    pub(super) slot: usize,
}

impl Binder<'_> {
    /// How a step that scatters is cut, if it is: the axis, the positions of a chunk and the bytes of its copy. The last chunk may be
    /// shorter.
    pub(super) fn scatter_chunks(
        &self,
        work: Work<'_>,
        freedom: Freedom,
        start: Start,
    ) -> Option<(usize, usize, usize)> {
        let Work { step, compute, .. } = work;
        let sums = matches!(start, Start::Touch | Start::Add) && work.dtype == compute;
        if !sums || !freedom.split || !step.write.has_ids() {
            return None;
        }
        let product = |l: &mut dyn Iterator<Item = usize>| l.fold(1usize, usize::saturating_mul);
        let moves = |a: usize| self.stride(&step.write, AxisRef::Own(a as u32)) != 0;
        let accesses = || [&step.write].into_iter().chain(&step.reads);
        let depends = |a: usize| accesses().any(|x| super::ids::depend(x, AxisRef::Own(a as u32)));
        let extent = |a: usize| step.axes[a].extent;
        let axes = 0..step.axes.len();
        let elements = product(&mut self.plan.buffer(step.write.tensor).extents.iter().copied());
        let slot = elements.checked_mul(compute.size()).filter(|&bytes| bytes > 0)?;
        let row = product(&mut axes.clone().filter(|&a| moves(a) && !depends(a)).map(extent));
        let others = product(&mut axes.clone().filter(|&a| moves(a) && depends(a)).map(extent));
        // A copy that stays in the cache of a core costs less than cutting rows.
        let far = slot as u64 > self.plan.machine.near_bytes();
        if others >= LOOPS || (row.saturating_mul(compute.size()) >= WIDE && far) {
            return None;
        }
        let points = product(&mut axes.clone().map(extent));
        let count = CHUNKS.min(points / elements.saturating_mul(WORTH)).min(points / TASK);
        let scattered = |a: usize| super::ids::depend(&step.write, AxisRef::Own(a as u32)) && !moves(a);
        let axis = axes.filter(|&a| scattered(a)).max_by_key(|&a| extent(a))?;
        let fits = self.affords(slot.saturating_mul(count));
        (count > 1 && extent(axis) >= count && fits).then(|| (axis, extent(axis).div_ceil(count), slot))
    }

    /// A step in chunks: copies are cleared, chunks run, and copies added to the target.
    pub(super) fn push_scattered(
        &mut self,
        work: Work<'_>,
        operands: Span,
        freedom: Freedom,
        (axis, len, slot): (usize, usize, usize),
    ) -> Result<(), BindError> {
        let extent = work.step.axes[axis].extent;
        let (whole, rest) = (extent / len, extent % len);
        let count = whole + usize::from(rest > 0);
        let home = self.pack(slot.checked_mul(count))?;
        self.clear_copies(work, home, slot * count)?;
        let buffer = work.step.write.tensor;
        // While chunks are bound the target is laid out as its copies are.
        let dims = self.work.starts[buffer.0 as usize]..;
        let dims = dims.start..dims.start + self.plan.buffer(buffer).extents.len();
        let given: SmallVec<[isize; 8]> = self.work.strides[dims.clone()].into();
        self.lay_densely(work, dims.clone());
        let dense: SmallVec<[isize; 8]> = self.work.strides[dims.clone()].into();
        let part = |start: usize, count, len| Chunks { axis, start, count, len, slot };
        self.push_chunks(work, operands, freedom, home, part(0, whole, len))?;
        if rest > 0 {
            self.push_chunks(work, operands, freedom, home + whole * slot, part(whole * len, 1, rest))?;
        }
        self.work.strides[dims].copy_from_slice(&given);
        self.add_copies(work, home, count, slot, &dense)
    }

    /// Gives the buffer that is written row-major strides.
    fn lay_densely(&mut self, work: Work<'_>, dims: std::ops::Range<usize>) {
        let mut next = work.compute.size() as isize;
        let extents = &self.plan.buffer(work.step.write.tensor).extents;
        for (stride, &extent) in self.work.strides[dims].iter_mut().zip(extents).rev() {
            *stride = next;
            next = next.wrapping_mul(extent as isize);
        }
    }

    fn clear_copies(&mut self, work: Work<'_>, home: usize, bytes: usize) -> Result<(), BindError> {
        let size = work.compute.size();
        let first = self.program.operands.len();
        self.push_home(Home::Packed(home), work.loops);
        let operands = Span::since(first, &self.program.operands);
        self.work.loops.reset(1);
        self.work.loops.push(bytes / size.max(1), [size as isize]);
        let fill = Action::Fill(self.step_kernels(work)?.fill_zero);
        self.push_plain(work, operands, Actions { first: fill, rest: fill })
    }

    /// Some chunks of the step, into copies of the target from `home` on.
    fn push_chunks(
        &mut self,
        work: Work<'_>,
        operands: Span,
        freedom: Freedom,
        home: usize,
        chunks: Chunks,
    ) -> Result<(), BindError> {
        let first = self.program.operands.len();
        let target = self.push_access(&work.step.write, work.loops, None);
        self.program.operands[target].home = Home::Packed(home);
        for (k, operand) in operands.range().skip(1).enumerate() {
            let again = self.push_again(operand);
            let along = work.step.reads.get(k).map_or(0, |read| self.stride(read, AxisRef::Own(chunks.axis as u32)));
            let offset = &mut self.program.operands[again].offset;
            *offset = offset.wrapping_add(along.wrapping_mul(chunks.start as isize));
        }
        let operands = Span::since(first, &self.program.operands);
        let actions = self.actions(work, Start::Add, operands)?;
        self.work.chunks = Some(chunks);
        self.gather_loops(work, operands);
        self.arrange(freedom);
        let pushed = self.push_nest(work, operands, freedom, actions, Some(Start::Add));
        self.work.chunks = None;
        pushed
    }

    /// Adds the copies to the target, in order.
    fn add_copies(
        &mut self,
        work: Work<'_>,
        home: usize,
        count: usize,
        slot: usize,
        dense: &[isize],
    ) -> Result<(), BindError> {
        let buffer = work.step.write.tensor;
        let first = self.program.operands.len();
        self.push_home(self.home(buffer), work.loops);
        self.push_home(Home::Packed(home), work.loops);
        let operands = Span::since(first, &self.program.operands);
        self.work.loops.reset(2);
        self.work.loops.push(count, [0, slot as isize]);
        for (dim, &extent) in self.plan.buffer(buffer).extents.iter().enumerate() {
            let stride = self.buffer_stride(buffer, dim);
            self.work.loops.push(extent, [stride, dense[dim]]);
        }
        let add = Action::Unary(self.step_kernels(work)?.add);
        self.push_plain(work, operands, Actions { first: add, rest: add })
    }
}
