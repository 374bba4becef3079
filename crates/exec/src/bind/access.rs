//! Turns accesses into operands of operations: base addresses, offsets and strides.

use einfold_ir::{Access, Axis, AxisRef, AxisSet, BufferId, Index, Step, Storage, StridedAxis, nesting};

use super::{BindLists, Binder};
use crate::bound_program::{BaseAddress, BoundOperand, Ptr};
use crate::kernels::UnaryFn;

/// How a step covers the buffer that it writes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Coverage {
    /// Points that differ in an axis of the written positions write different elements.
    pub(super) injective: bool,
    /// Every element of the buffer is written.
    pub(super) whole: bool,
    /// The written positions do not depend on some axis, so several points write one element.
    pub(super) reduces: bool,
}

impl Binder<'_> {
    /// Stores the strides of all buffers in bytes: those that are `given` for a storage, else those of the planned
    /// layout.
    pub(super) fn store_strides<'v>(&mut self, given: impl Fn(Storage) -> Option<&'v [isize]>) {
        let BindLists { starts, strides, .. } = self.lists;
        starts.clear();
        strides.clear();
        for buffer in self.plan.buffers.iter() {
            let start = strides.len();
            starts.push(start);
            match given(buffer.storage) {
                Some(given) => strides.extend_from_slice(given),
                None => {
                    strides.resize(start + buffer.extents.len(), 0);
                    buffer.layout.write_strides(&buffer.extents, &mut strides[start..]);
                    let element_bytes = buffer.dtype.size() as isize;
                    strides[start..].iter_mut().for_each(|s| *s = s.wrapping_mul(element_bytes));
                }
            }
        }
    }

    /// The stride of a buffer along one of its axes, in bytes.
    pub(super) fn buffer_stride(&self, buffer: BufferId, dim: usize) -> isize {
        self.lists.strides[self.lists.starts[buffer.0 as usize] + dim]
    }

    /// The base address of a buffer.
    pub(super) fn base(&self, buffer: BufferId) -> BaseAddress {
        match self.plan.buffer(buffer).storage {
            Storage::Input(k) => BaseAddress::Input(k as usize),
            Storage::Output(k) => BaseAddress::Output(k as usize),
            Storage::Scratch(at) => BaseAddress::Planned { at, partition_stride: self.plan.partition_stride(buffer) },
        }
    }

    /// The stride of an access along an axis in bytes, without index functions that have indirect terms. Products wrap:
    /// the true stride of an axis with two or more positions leads from one element to another, so it fits; the stride
    /// of a shorter axis is never used.
    pub(super) fn stride(&self, access: &Access<BufferId>, axis: AxisRef) -> isize {
        let mut stride = 0isize;
        for (dim, index) in access.indices.iter().enumerate().filter(|(_, i)| !i.has_indirect()) {
            let along = self.buffer_stride(access.tensor, dim);
            for term in index.terms().iter().filter(|t| t.axis == axis) {
                stride = stride.wrapping_add(along.wrapping_mul(term.coef as isize));
            }
        }
        stride
    }

    /// Appends an access as an operand of an operation in the `loops` of the region; `load` converts its elements to
    /// the dtype that the operation computes in. Returns the number of the operand.
    pub(super) fn push_access(&mut self, access: &Access<BufferId>, loops: &[Axis], load: Option<UnaryFn>) -> usize {
        let mut offset = 0isize;
        for (dim, index) in access.indices.iter().enumerate() {
            let at = index.offset();
            if at != 0 && !index.has_indirect() {
                offset = offset.wrapping_add(self.buffer_stride(access.tensor, dim).wrapping_mul(at as isize));
            }
        }
        let region_strides = self.program.strides.len();
        for axis in 0..loops.len() {
            let stride = self.stride(access, AxisRef::Loop(axis as u32));
            self.program.strides.push(stride);
        }
        self.push_operand(BoundOperand {
            base: self.base(access.tensor),
            offset,
            ptr: UNRESOLVED,
            region_strides,
            partition_stride: 0,
            load,
        })
    }

    /// Appends the operand at a base address that is the same in all iterations of the `loops` of the region. Returns
    /// its number.
    pub(super) fn push_base(&mut self, base: BaseAddress, loops: &[Axis]) -> usize {
        let region_strides = self.program.strides.len();
        self.program.strides.extend(loops.iter().map(|_| 0));
        self.push_operand(BoundOperand {
            base,
            offset: 0,
            ptr: UNRESOLVED,
            region_strides,
            partition_stride: 0,
            load: None,
        })
    }

    /// Appends a copy of the operand with this number, for another operation. Returns the number of the copy.
    pub(super) fn push_copy(&mut self, operand: usize) -> usize {
        self.push_operand(self.program.operands[operand])
    }

    fn push_operand(&mut self, operand: BoundOperand) -> usize {
        self.program.operands.push(operand);
        self.program.operands.len() - 1
    }

    /// Determines how `step` covers its buffer, from the strides of the row-major number of the written element: if
    /// each is past all sums that the smaller ones reach, different positions write different elements; if each is the
    /// least such stride, the written elements have no gaps.
    pub(super) fn coverage(&mut self, step: &Step) -> Coverage {
        let buffer = self.plan.buffer(step.write.tensor);
        if let Some(written) = whole_axes(step, &buffer.extents) {
            let reduces = (0..).zip(&step.axes).any(|(axis, a)| a.extent > 1 && !written.has(axis));
            return Coverage { injective: true, whole: true, reduces };
        }
        let mut axes = std::mem::take(&mut self.lists.strided);
        axes.clear();
        let mut reduces = false;
        for (axis, a) in step.axes.iter().enumerate().filter(|(_, a)| a.extent > 1) {
            let stride = element_stride(&step.write, &buffer.extents, axis as u32).unsigned_abs();
            reduces |= stride == 0;
            if stride != 0 {
                axes.push(StridedAxis { stride: stride as u64, extent: a.extent, axis: () });
            }
        }
        let (mut injective, mut dense) = (true, true);
        for ((), order) in nesting(&mut axes) {
            injective &= order.is_ge();
            dense &= order.is_eq();
        }
        let written = axes.iter().try_fold(1usize, |n, axis| n.checked_mul(axis.extent));
        self.lists.strided = axes;
        let elements = buffer.extents.iter().try_fold(1usize, |n, &e| n.checked_mul(e));
        let whole = dense && elements.is_some() && written == elements && !step.write.has_indirect();
        Coverage { injective, whole, reduces }
    }
}

/// The axes along which a step writes, if each axis of its buffer is a plain axis of its own and of the same extent.
fn whole_axes(step: &Step, extents: &[usize]) -> Option<AxisSet> {
    let mut written = AxisSet::default();
    let mut is_whole = |(index, &extent): (&Index<BufferId>, &usize)| {
        index.as_axis().is_some_and(|axis| step.axes[axis as usize].extent == extent && written.insert(axis))
    };
    step.write.indices.iter().zip(extents).all(&mut is_whole).then_some(written)
}

/// The address of an operand before the scratch memory is allocated.
const UNRESOLVED: Ptr = Ptr(std::ptr::null_mut());

/// The stride along an axis of the row-major number of the written element, without index functions that have indirect
/// terms.
fn element_stride(write: &Access<BufferId>, extents: &[usize], axis: u32) -> isize {
    // `dim_stride` is the row-major stride of the axis of the buffer, in elements.
    let (mut stride, mut dim_stride) = (0isize, 1isize);
    for (index, &extent) in write.indices.iter().zip(extents).rev() {
        let terms = index.terms().iter().filter(|t| !index.has_indirect() && t.axis == AxisRef::Own(axis));
        stride = terms.fold(stride, |s, t| s.wrapping_add(dim_stride.wrapping_mul(t.coef as isize)));
        dim_stride = dim_stride.wrapping_mul(extent as isize);
    }
    stride
}
