//! The strides of steps under the layout hints.

use einfold_ir::{Access, AxisRef, BufferId, Draft};
use smallvec::SmallVec;

use crate::roles::AxisList;

/// A stride for each axis.
pub(crate) type Strides = SmallVec<[isize; 8]>;

/// The stride, in elements, of each axis of a step in the tensor of `access`; gather and scatter indices are not
/// counted.
pub(crate) fn access_strides(draft: &Draft, access: &Access<BufferId>, axes: usize) -> Strides {
    let mut strides = Strides::from_elem(0, axes);
    let buffer = draft.buffer(access.tensor);
    let indices = &access.indices[..];
    buffer.layout.for_each_stride(&buffer.extents, |dim, stride| {
        for term in indices[dim].terms() {
            if let AxisRef::Own(axis) = term.axis {
                let sum = &mut strides[axis as usize];
                *sum = sum.saturating_add(stride.saturating_mul(term.coef as isize));
            }
        }
    });
    strides
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
