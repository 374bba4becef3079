//! The strides of steps under the layout hints.

use einfold_ir::{Access, AxisRef, BufferId, Draft, Gemm, Groups, Loops, Step};
use smallvec::SmallVec;

use crate::roles::AxisList;

/// A stride for each axis.
pub(crate) type Strides = SmallVec<[isize; 8]>;

/// The stride, in elements, of each axis of a step in the tensor of `access`; gather and scatter indices are not
/// counted.
pub(crate) fn access_strides(draft: &Draft, access: &Access<BufferId>, axes: usize) -> Strides {
    let mut strides = Strides::from_elem(0, axes);
    for_each_stride(draft, access, |axis, stride| {
        strides[axis as usize] = strides[axis as usize].saturating_add(stride);
    });
    strides
}

/// Calls `f` with each own axis of an access and its stride, in elements, along one axis of the tensor.
fn for_each_stride(draft: &Draft, access: &Access<BufferId>, mut f: impl FnMut(u32, isize)) {
    let buffer = draft.buffer(access.tensor);
    let indices = &access.indices[..];
    buffer.layout.for_each_stride(&buffer.extents, |dim, stride| {
        for term in indices[dim].terms() {
            if let AxisRef::Own(axis) = term.axis {
                f(axis, stride.saturating_mul(term.coef as isize));
            }
        }
    });
}

/// The loops of a step, the written tensor first.
pub(crate) fn step_loops(draft: &Draft, step: &Step) -> Loops {
    let mut loops = Loops::of_extents(1 + step.reads.len(), step.axes.iter().map(|axis| axis.extent));
    for (operand, access) in [&step.write].into_iter().chain(&step.reads).enumerate() {
        let mut add = loops.add_strides(operand);
        for_each_stride(draft, access, |axis, stride| add(axis as usize, stride));
    }
    loops
}

/// Adds the loop of an axis of a step with its strides in these operands.
fn push(loops: &mut Loops, step: &Step, axis: u32, operands: &[Strides]) {
    loops.push(step.axes[axis as usize].extent, operands.iter().map(|strides| strides[axis as usize]));
}

/// The own axes that an access depends on.
pub(crate) fn own_axes(access: &Access<BufferId>) -> AxisList {
    let mut axes = AxisList::new();
    access.for_each_axis(&mut |axis| {
        if let AxisRef::Own(a) = axis {
            axes.push(a);
        }
    });
    axes
}

/// The groups of a matrix product with their strides in bytes under the layout hints.
pub(crate) fn gemm_groups(draft: &Draft, step: &Step, gemm: &Gemm) -> Groups {
    let operand = |access: &Access<BufferId>| -> Strides {
        let size = draft.buffer(access.tensor).dtype.size() as isize;
        access_strides(draft, access, step.axes.len()).into_iter().map(|stride| stride.saturating_mul(size)).collect()
    };
    let operands: SmallVec<[Strides; 3]> = step.reads.iter().chain([&step.write]).map(operand).collect();
    let mut groups = Groups::default();
    let Groups { batch, m, n, k, .. } = &mut groups;
    for (loops, group) in [(batch, &gemm.batch), (m, &gemm.m), (n, &gemm.n), (k, &gemm.k)] {
        group.iter().for_each(|&axis| push(loops, step, axis, &operands));
    }
    groups
}
