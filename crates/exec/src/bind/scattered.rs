//! Many points that ids scatter to few elements: in chunks, each into a copy of the target that it has for itself, and the copies
//! are then added in order. Threads share the chunks, which follow from shapes alone, so the result does not depend on threads.

use einfold_ir::{AxisRef, Dtype};
use smallvec::SmallVec;

use super::Binder;
use super::grid::TASK;
use super::nest::Actions;
use super::place::Freedom;
use super::step::{Start, Work};
use crate::error::BindError;
use crate::kernels;
use crate::program::{Action, Home, Span};
use crate::run::BATCH;

/// The most chunks.
const CHUNKS: usize = 16;
/// Points that a chunk has at least for each element of its copy, which must be cleared and added.
const WORTH: usize = 4;
/// The same for a copy beyond that cache, if it serves precision alone.
const FAR: usize = 16;
/// From so many chunks' worth of other loops on, those are shared among threads.
const LOOPS: usize = 8;
/// Bytes of a row that can be cut for threads instead.
const WIDE: usize = 256;
/// Bytes of a copy that stays in a cache, so that it costs less than cutting rows.
const NEAR: usize = 1 << 20;

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

/// Copies of a target that a step scatters to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Copies {
    /// The axis that is run in chunks and the positions of a chunk, if there are several. The last chunk may be shorter.
    cut: Option<(usize, usize)>,
    /// Bytes of a copy.
    slot: usize,
    /// The dtype of its elements, where that is not the one that the step computes in.
    wide: Option<Dtype>,
}

impl Binder<'_> {
    /// The copies that a step scatters to, if it does.
    pub(super) fn scatter_copies(
        &self,
        work: Work<'_>,
        freedom: Freedom,
        start: Start,
    ) -> Result<Option<Copies>, BindError> {
        let sums = matches!(start, Start::Touch | Start::Add) && work.dtype == work.compute;
        if !sums || !work.step.write.has_ids() {
            return Ok(None);
        }
        let elements = product(self.plan.buffer(work.step.write.tensor).extents.iter().copied());
        let points = product(work.step.axes.iter().map(|a| a.extent));
        let wide = self.wide(work, start, [elements, points])?;
        let found = wide.and_then(|wide| self.copies(work, freedom, [elements, points], Some(wide)));
        Ok(found.or_else(|| self.copies(work, freedom, [elements, points], None)))
    }

    /// The dtype of twice the precision, if sums of a step in it are worth a copy of the target.
    fn wide(&self, work: Work<'_>, start: Start, [elements, points]: [usize; 2]) -> Result<Option<Dtype>, BindError> {
        let Some((wide, _)) = kernels::wide(work.compute, self.isa) else { return Ok(None) };
        let near = elements.saturating_mul(wide.size()) <= NEAR;
        let worth = elements.saturating_mul(if near { WORTH } else { FAR });
        Ok(self.carry(work, start)?.filter(|_| points > BATCH && points >= worth).map(|_| wide))
    }

    /// Copies of a target of so many elements for so many points, if they have a use and there is memory for them.
    fn copies(
        &self,
        work: Work<'_>,
        freedom: Freedom,
        [elements, points]: [usize; 2],
        wide: Option<Dtype>,
    ) -> Option<Copies> {
        let size = wide.unwrap_or(work.compute).size();
        let slot = elements.checked_mul(size).filter(|&bytes| bytes > 0)?;
        let cut = self.scatter_chunks(work, freedom, [elements, points], size);
        let cut = cut.filter(|&(_, _, count)| self.affords(slot.saturating_mul(count)));
        // Turns of a region may have parts of the target that other turns work on.
        let one = wide.is_some() && work.loops.is_empty() && self.affords(slot);
        (cut.is_some() || one).then_some(Copies { cut: cut.map(|(axis, len, _)| (axis, len)), slot, wide })
    }

    /// How a step that scatters is cut, if it is: the axis, the positions of a chunk, and how many chunks there are at most.
    fn scatter_chunks(
        &self,
        work: Work<'_>,
        freedom: Freedom,
        [elements, points]: [usize; 2],
        size: usize,
    ) -> Option<(usize, usize, usize)> {
        let step = work.step;
        let moves = |a: usize| self.stride(&step.write, AxisRef::Own(a as u32)) != 0;
        let accesses = || [&step.write].into_iter().chain(&step.reads);
        let depends = |a: usize| accesses().any(|x| super::ids::depend(x, AxisRef::Own(a as u32)));
        let extent = |a: usize| step.axes[a].extent;
        let axes = 0..step.axes.len();
        let row = product(axes.clone().filter(|&a| moves(a) && !depends(a)).map(extent));
        let others = product(axes.clone().filter(|&a| moves(a) && depends(a)).map(extent));
        let wide = row.saturating_mul(size) >= WIDE && elements.saturating_mul(size) > NEAR;
        if !freedom.split || others >= LOOPS || wide {
            return None;
        }
        let count = CHUNKS.min(points / elements.saturating_mul(WORTH)).min(points / TASK);
        let scattered = |a: usize| super::ids::depend(&step.write, AxisRef::Own(a as u32)) && !moves(a);
        let axis = axes.filter(|&a| scattered(a)).max_by_key(|&a| extent(a))?;
        (count > 1 && extent(axis) >= count).then(|| (axis, extent(axis).div_ceil(count), count))
    }

    /// A step into copies: they are cleared, the step or its chunks run, and the copies are added to the target.
    pub(super) fn push_scattered(
        &mut self,
        work: Work<'_>,
        operands: Span,
        freedom: Freedom,
        copies: Copies,
    ) -> Result<(), BindError> {
        let Copies { cut, slot, wide } = copies;
        let work = Work { wide, ..work };
        let (axis, len) = cut.unwrap_or_default();
        let (whole, rest) = match cut {
            Some(_) => (work.step.axes[axis].extent / len, work.step.axes[axis].extent % len),
            None => (1, 0),
        };
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
        let part = |start: usize, count, len| cut.map(|_| Chunks { axis, start, count, len, slot });
        self.push_chunks(work, operands, freedom, home, part(0, whole, len))?;
        if rest > 0 {
            self.push_chunks(work, operands, freedom, home + whole * slot, part(whole * len, 1, rest))?;
        }
        self.work.strides[dims].copy_from_slice(&given);
        if wide.is_none() {
            return self.add_copies(work, home, count, slot, &dense);
        }
        self.join_copies(work, home, count, slot)?;
        self.add_copies(work, home, 1, slot, &dense)
    }

    /// Gives the buffer that is written row-major strides.
    fn lay_densely(&mut self, work: Work<'_>, dims: std::ops::Range<usize>) {
        let mut next = work.held().size() as isize;
        let extents = &self.plan.buffer(work.step.write.tensor).extents;
        for (stride, &extent) in self.work.strides[dims].iter_mut().zip(extents).rev() {
            *stride = next;
            next = next.wrapping_mul(extent as isize);
        }
    }

    fn clear_copies(&mut self, work: Work<'_>, home: usize, bytes: usize) -> Result<(), BindError> {
        let size = work.held().size();
        let first = self.program.operands.len();
        self.push_home(Home::Packed(home), work.loops);
        let operands = Span::since(first, &self.program.operands);
        self.work.loops.reset(1);
        self.work.loops.push(bytes / size.max(1), [size as isize]);
        let fill = Action::Fill(self.kernels(work.step.algebra, work.held())?.fill_zero);
        self.push_plain(work, operands, Actions { first: fill, rest: fill })
    }

    /// Adds all copies to the first one.
    fn join_copies(&mut self, work: Work<'_>, home: usize, count: usize, slot: usize) -> Result<(), BindError> {
        if count < 2 {
            return Ok(());
        }
        let size = work.held().size();
        let first = self.program.operands.len();
        self.push_home(Home::Packed(home), work.loops);
        self.push_home(Home::Packed(home + slot), work.loops);
        let operands = Span::since(first, &self.program.operands);
        self.work.loops.reset(2);
        self.work.loops.push(count - 1, [0, slot as isize]);
        self.work.loops.push(slot / size.max(1), [size as isize; 2]);
        let add = Action::Unary(self.kernels(work.step.algebra, work.held())?.add);
        self.push_plain(work, operands, Actions { first: add, rest: add })
    }

    /// The step or some chunks of it, into copies of the target from `home` on.
    fn push_chunks(
        &mut self,
        work: Work<'_>,
        operands: Span,
        freedom: Freedom,
        home: usize,
        chunks: Option<Chunks>,
    ) -> Result<(), BindError> {
        let first = self.program.operands.len();
        let target = self.push_access(&work.step.write, work.loops, None);
        self.program.operands[target].home = Home::Packed(home);
        for (k, operand) in operands.range().skip(1).enumerate() {
            let again = self.push_again(operand);
            if let (Some(chunks), Some(read)) = (chunks, work.step.reads.get(k)) {
                let along = self.stride(read, AxisRef::Own(chunks.axis as u32));
                let offset = &mut self.program.operands[again].offset;
                *offset = offset.wrapping_add(along.wrapping_mul(chunks.start as isize));
            }
        }
        let operands = Span::since(first, &self.program.operands);
        let actions = self.actions(work, Start::Add, operands)?;
        self.work.chunks = chunks;
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
        let add = match work.wide {
            None => Action::Unary(self.step_kernels(work)?.add),
            Some(wide) => Action::Staged(self.narrowing(work, wide)?),
        };
        self.push_plain(work, operands, Actions { first: add, rest: add })
    }
}

fn product(extents: impl Iterator<Item = usize>) -> usize {
    extents.fold(1, usize::saturating_mul)
}
