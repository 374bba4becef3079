//! Accesses as strides: what the index functions of a tensor come to in memory.

use einfold_ir::{Access, Axis, AxisRef, BufferId, Place, Step};

use super::{Binder, Work};
use crate::kernels::Unary;
use crate::program::{Home, Operand, Ptr};
use crate::view::{AnyView, AnyViewMut};

/// How a step covers the buffer it writes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Coverage {
    /// Points that differ in an axis of a written position go to different elements.
    pub(super) injective: bool,
    /// Every element is written.
    pub(super) whole: bool,
    /// Some axis is in no written position: several points go to one element.
    pub(super) reduces: bool,
}

impl Binder<'_> {
    /// Notes the strides of all buffers: those of the views, and those of the layouts in scratch.
    pub(super) fn lay_out(&mut self, ins: &[AnyView<'_>], outs: &[AnyViewMut<'_>]) {
        let Work { starts, strides, .. } = self.work;
        starts.clear();
        strides.clear();
        for buffer in &self.plan.buffers {
            let start = strides.len();
            starts.push(start);
            match buffer.place {
                Place::Input(k) => strides.extend_from_slice(ins[k as usize].strides()),
                Place::Output(k) => strides.extend_from_slice(outs[k as usize].strides()),
                Place::Scratch(_) => {
                    strides.resize(start + buffer.extents.len(), 0);
                    buffer.layout.write_strides(&buffer.extents, &mut strides[start..]);
                    let size = buffer.dtype.size() as isize;
                    strides[start..].iter_mut().for_each(|s| *s = s.wrapping_mul(size));
                }
            }
        }
    }

    /// The stride of a buffer along one of its axes, in bytes.
    pub(super) fn buffer_stride(&self, buffer: BufferId, dim: usize) -> isize {
        self.work.strides[self.work.starts[buffer.0 as usize] + dim]
    }

    /// The memory of a buffer.
    pub(super) fn home(&self, buffer: BufferId) -> Home {
        match self.plan.buffer(buffer).place {
            Place::Input(k) => Home::Input(k as usize),
            Place::Output(k) => Home::Output(k as usize),
            Place::Scratch(at) => Home::Planned { at, lane: self.plan.lane_stride(buffer) },
        }
    }

    /// The bytes by which an access moves with an axis, positions from ids left out. Products wrap: those of axes with two
    /// positions or more lead from element to element, and others are never used.
    pub(super) fn stride(&self, access: &Access<BufferId>, axis: AxisRef) -> isize {
        let mut stride = 0isize;
        for (dim, index) in access.indices.iter().enumerate().filter(|(_, i)| !i.has_ids()) {
            let along = self.buffer_stride(access.tensor, dim);
            for term in index.terms().iter().filter(|t| t.axis == axis) {
                stride = stride.wrapping_add(along.wrapping_mul(term.coef as isize));
            }
        }
        stride
    }

    /// Adds an operand that is read or written through `access`.
    pub(super) fn push_access(&mut self, access: &Access<BufferId>, loops: &[Axis], load: Option<Unary>) -> usize {
        let fixed = access.indices.iter().enumerate().filter(|(_, i)| !i.has_ids());
        let offset = fixed.fold(0isize, |sum, (dim, index)| {
            sum.wrapping_add(self.buffer_stride(access.tensor, dim).wrapping_mul(index.offset() as isize))
        });
        let turns = self.program.strides.len();
        for turn in 0..loops.len() {
            let stride = self.stride(access, AxisRef::Loop(turn as u32));
            self.program.strides.push(stride);
        }
        self.push_operand(Operand { home: self.home(access.tensor), offset, ptr: NOWHERE, turns, lane: 0, load })
    }

    /// Adds an operand at the start of `home`, the same in all turns of the region.
    pub(super) fn push_home(&mut self, home: Home, loops: &[Axis]) -> usize {
        let turns = self.program.strides.len();
        self.program.strides.extend(loops.iter().map(|_| 0));
        self.push_operand(Operand { home, offset: 0, ptr: NOWHERE, turns, lane: 0, load: None })
    }

    /// Adds an operand that was added before, for another operation.
    pub(super) fn push_again(&mut self, operand: usize) -> usize {
        self.push_operand(self.program.operands[operand])
    }

    fn push_operand(&mut self, operand: Operand) -> usize {
        self.program.operands.push(operand);
        self.program.operands.len() - 1
    }

    /// How `step` covers its buffer. Axes are told apart by the row-major number of the element: strides that nest prove
    /// that it is another one for each position, strides that leave no gap that all are reached.
    pub(super) fn coverage(&mut self, step: &Step) -> Coverage {
        let buffer = self.plan.buffer(step.write.tensor);
        let mut spans = std::mem::take(&mut self.work.spans);
        spans.clear();
        let mut reduces = false;
        for (axis, a) in step.axes.iter().enumerate().filter(|(_, a)| a.extent > 1) {
            let stride = element_stride(&step.write, &buffer.extents, axis as u32).unsigned_abs();
            reduces |= stride == 0;
            if stride != 0 {
                spans.push((stride, a.extent));
            }
        }
        spans.sort_unstable();
        let (mut next, mut injective, mut dense) = (1usize, true, true);
        for &(stride, extent) in &spans {
            injective &= stride >= next;
            dense &= stride == next;
            next = next.saturating_add(stride.saturating_mul(extent - 1));
        }
        self.work.spans = spans;
        let elements = buffer.extents.iter().try_fold(1usize, |n, &e| n.checked_mul(e));
        let whole = injective && dense && elements == Some(next) && !step.write.has_ids();
        Coverage { injective, whole, reduces }
    }
}

/// Until memory is there.
const NOWHERE: Ptr = Ptr(std::ptr::null_mut());

/// By how many elements, in row-major order, a written position moves with an axis; positions from ids left out.
fn element_stride(write: &Access<BufferId>, extents: &[usize], axis: u32) -> isize {
    let (mut stride, mut next) = (0isize, 1isize);
    for (index, &extent) in write.indices.iter().zip(extents).rev() {
        let terms = index.terms().iter().filter(|t| !index.has_ids() && t.axis == AxisRef::Own(axis));
        stride = terms.fold(stride, |s, t| s.wrapping_add(next.wrapping_mul(t.coef as isize)));
        next = next.wrapping_mul(extent as isize);
    }
    stride
}
