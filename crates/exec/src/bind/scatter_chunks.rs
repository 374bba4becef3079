//! Divides a scatter of many points to few elements into chunks. Each chunk adds to its own copy of the target, and the
//! copies are then added in order. Threads share the chunks, which follow from shapes alone, so the result does not
//! depend on the number of threads.

use einfold_ir::AxisRef;
use smallvec::SmallVec;

use super::Binder;
use super::grid::TASK_POINTS;
use super::nest::Actions;
use super::step::{StepContext, TargetInit};
use crate::bound_program::{BaseAddress, ListRange, TileAction};
use crate::error::BindError;

/// The largest number of chunks.
const MAX_CHUNKS: usize = 16;
/// The fewest points of a chunk for each element of its copy, which must be cleared and added.
const POINTS_PER_ELEMENT: usize = 4;
/// From this number of positions of other kept loops on, threads share those loops.
const MAX_OTHER_POINTS: usize = 8;
/// From this number of bytes on, a row can be divided among threads instead.
const MIN_ROW_BYTES: usize = 256;

/// A part of an axis that runs in chunks.
#[derive(Clone, Copy, Debug)]
pub(super) struct ScatterChunks {
    pub(super) axis: usize,
    /// The first position of the part.
    pub(super) start: usize,
    pub(super) count: usize,
    /// Positions in a chunk.
    pub(super) len: usize,
    /// Bytes of the copy of the target that a chunk adds to.
    pub(super) copy_bytes: usize,
}

impl Binder<'_> {
    /// The chunks of a scatter, if it is divided: the axis, the positions in a chunk and the bytes of a copy. The last
    /// chunk may be shorter.
    pub(super) fn scatter_chunks(&self, context: StepContext<'_>, init: TargetInit) -> Option<(usize, usize, usize)> {
        let StepContext { step, compute, .. } = context;
        let sums = matches!(init, TargetInit::WriteFirst | TargetInit::Accumulate) && context.dtype == compute;
        if !sums || !context.coverage.injective || !step.write.has_indirect() {
            return None;
        }
        let product = |l: &mut dyn Iterator<Item = usize>| l.fold(1usize, usize::saturating_mul);
        let moves = |a: usize| self.stride(&step.write, AxisRef::Own(a as u32)) != 0;
        let accesses = || [&step.write].into_iter().chain(&step.reads);
        let depends = |a: usize| accesses().any(|x| super::indirect::depends(x, AxisRef::Own(a as u32)));
        let extent = |a: usize| step.axes[a].extent;
        let axes = 0..step.axes.len();
        let elements = product(&mut self.plan.buffer(step.write.tensor).extents.iter().copied());
        let copy_bytes = elements.checked_mul(compute.size()).filter(|&bytes| bytes > 0)?;
        let row = product(&mut axes.clone().filter(|&a| moves(a) && !depends(a)).map(extent));
        let others = product(&mut axes.clone().filter(|&a| moves(a) && depends(a)).map(extent));
        if others >= MAX_OTHER_POINTS
            || (row.saturating_mul(compute.size()) >= MIN_ROW_BYTES
                && copy_bytes as u64 > self.plan.machine.near_bytes())
        {
            return None;
        }
        let points = product(&mut axes.clone().map(extent));
        let count = MAX_CHUNKS.min(points / elements.saturating_mul(POINTS_PER_ELEMENT)).min(points / TASK_POINTS);
        let scattered = |a: usize| super::indirect::depends(&step.write, AxisRef::Own(a as u32)) && !moves(a);
        let axis = axes.filter(|&a| scattered(a)).max_by_key(|&a| extent(a))?;
        let fits = self.can_pack(copy_bytes.saturating_mul(count));
        (count > 1 && extent(axis) >= count && fits).then(|| (axis, extent(axis).div_ceil(count), copy_bytes))
    }

    /// Appends a step in chunks: the copies are cleared, the chunks run, and the copies are added to the target.
    pub(super) fn push_scattered(
        &mut self,
        context: StepContext<'_>,
        operands: ListRange,
        (axis, len, copy_bytes): (usize, usize, usize),
    ) -> Result<(), BindError> {
        let extent = context.step.axes[axis].extent;
        let (whole, rest) = (extent / len, extent % len);
        let count = whole + usize::from(rest > 0);
        let base = self.pack(copy_bytes.checked_mul(count))?;
        self.clear_copies(context, base, copy_bytes * count)?;
        let buffer = context.step.write.tensor;
        // While chunks are bound, the target has the layout of a copy.
        let dims = self.lists.starts[buffer.0 as usize]..;
        let dims = dims.start..dims.start + self.plan.buffer(buffer).extents.len();
        let given: SmallVec<[isize; 8]> = self.lists.strides[dims.clone()].into();
        self.lay_densely(context, dims.clone());
        let dense: SmallVec<[isize; 8]> = self.lists.strides[dims.clone()].into();
        let part = |first: usize, count, len| ScatterChunks { axis, start: first, count, len, copy_bytes };
        self.push_chunks(context, operands, base, part(0, whole, len))?;
        if rest > 0 {
            self.push_chunks(context, operands, base + whole * copy_bytes, part(whole * len, 1, rest))?;
        }
        self.lists.strides[dims].copy_from_slice(&given);
        self.add_copies(context, base, count, copy_bytes, &dense)
    }

    /// Sets row-major strides for the buffer that is written.
    fn lay_densely(&mut self, context: StepContext<'_>, dims: std::ops::Range<usize>) {
        let mut next = context.compute.size() as isize;
        let extents = &self.plan.buffer(context.step.write.tensor).extents;
        for (stride, &extent) in self.lists.strides[dims].iter_mut().zip(extents).rev() {
            *stride = next;
            next = next.wrapping_mul(extent as isize);
        }
    }

    fn clear_copies(&mut self, context: StepContext<'_>, base: usize, bytes: usize) -> Result<(), BindError> {
        let size = context.compute.size();
        let first = self.program.operands.len();
        self.push_base(BaseAddress::Packed(base), context.loops);
        let operands = ListRange::since(first, &self.program.operands);
        self.lists.loops.reset(1);
        self.lists.loops.push(bytes / size.max(1), [size as isize]);
        let fill = TileAction::Fill(self.step_kernels(context)?.fill_zero);
        self.push_plain(context, operands, Actions { first: fill, rest: fill })
    }

    /// Appends some chunks of the step, which add to copies of the target from `base` on.
    fn push_chunks(
        &mut self,
        context: StepContext<'_>,
        operands: ListRange,
        base: usize,
        chunks: ScatterChunks,
    ) -> Result<(), BindError> {
        let first = self.program.operands.len();
        let target = self.push_access(&context.step.write, context.loops, None);
        self.program.operands[target].base = BaseAddress::Packed(base);
        for (k, operand) in operands.range().skip(1).enumerate() {
            let copy = self.push_copy(operand);
            let along = context.step.reads.get(k).map_or(0, |read| self.stride(read, AxisRef::Own(chunks.axis as u32)));
            let offset = &mut self.program.operands[copy].offset;
            *offset = offset.wrapping_add(along.wrapping_mul(chunks.start as isize));
        }
        let operands = ListRange::since(first, &self.program.operands);
        let actions = self.actions(context, TargetInit::Accumulate, operands)?;
        self.lists.chunks = Some(chunks);
        self.collect_loops(context, operands);
        self.arrange();
        let pushed = self.push_nest(context, operands, actions, Some(TargetInit::Accumulate));
        self.lists.chunks = None;
        pushed
    }

    /// Appends the addition of the copies to the target, in order.
    fn add_copies(
        &mut self,
        context: StepContext<'_>,
        base: usize,
        count: usize,
        copy_bytes: usize,
        dense: &[isize],
    ) -> Result<(), BindError> {
        let buffer = context.step.write.tensor;
        let first = self.program.operands.len();
        self.push_base(self.base(buffer), context.loops);
        self.push_base(BaseAddress::Packed(base), context.loops);
        let operands = ListRange::since(first, &self.program.operands);
        self.lists.loops.reset(2);
        self.lists.loops.push(count, [0, copy_bytes as isize]);
        for (dim, &extent) in self.plan.buffer(buffer).extents.iter().enumerate() {
            let stride = self.buffer_stride(buffer, dim);
            self.lists.loops.push(extent, [stride, dense[dim]]);
        }
        let add = TileAction::Unary(self.step_kernels(context)?.add);
        self.push_plain(context, operands, Actions { first: add, rest: add })
    }
}
