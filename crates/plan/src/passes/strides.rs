//! The strides of steps under the layouts that are expected.

use einfold_ir::{Access, AxisRef, BufferId, Draft, Loops, Step};

/// The stride, in elements, with which each axis of a step moves through the tensor of `access`, positions from ids left
/// out.
pub(super) fn of_access(draft: &Draft, access: &Access<BufferId>, axes: usize) -> Vec<isize> {
    let buffer = draft.buffer(access.tensor);
    let mut strides = vec![0isize; axes];
    for (index, stride) in access.indices.iter().zip(buffer.layout.strides(&buffer.extents)) {
        for term in index.terms() {
            if let AxisRef::Own(axis) = term.axis {
                let moved = stride.saturating_mul(term.coef as isize);
                strides[axis as usize] = strides[axis as usize].saturating_add(moved);
            }
        }
    }
    strides
}

/// The loops of a step, the written tensor first.
pub(super) fn of_step(draft: &Draft, step: &Step) -> Loops {
    let operands: Vec<Vec<isize>> =
        [&step.write].into_iter().chain(&step.reads).map(|a| of_access(draft, a, step.axes.len())).collect();
    let mut loops = Loops::new(operands.len());
    for (k, axis) in step.axes.iter().enumerate() {
        loops.push(axis.extent, operands.iter().map(|strides| strides[k]));
    }
    loops
}

/// The own axes that an access moves along.
pub(crate) fn own_axes(access: &Access<BufferId>) -> Vec<u32> {
    let mut axes = Vec::with_capacity(access.indices.len());
    access.for_each_axis(&mut |axis| {
        if let AxisRef::Own(a) = axis {
            axes.push(a);
        }
    });
    axes
}
