//! The iteration space of a node, and how tensors are read and written in it.

use super::super::Options;
use super::form::{Affine, Contribution, Read, Slot, Tensor, Value, set};
use einfold_ir::{Access, Axis, AxisRef, Ids, Index, Indices, NodeId, OutOfRange, Term};

/// What the indices of a statement are made from once its sizes are known.
#[derive(Clone, Copy)]
pub(super) struct Ground<'a> {
    pub(super) c: &'a Contribution,
    /// The size of each axis of the statement.
    pub(super) extents: &'a [usize],
    pub(super) tensors: &'a [Tensor],
    pub(super) options: &'a Options,
}

/// Axes of a statement as those of a node, in this order.
pub(super) struct Space {
    pub(super) axes: Vec<usize>,
    /// Pairs of an axis of the statement and its number in the node, ascending.
    local: Vec<(usize, u32)>,
}

impl Space {
    /// These axes, each once.
    pub(super) fn new(axes: Vec<usize>) -> Space {
        let mut local: Vec<(usize, u32)> = axes.iter().copied().zip(0..).collect();
        local.sort_unstable();
        Space { axes, local }
    }

    fn local(&self, axis: usize) -> AxisRef {
        let at = self.local.binary_search_by_key(&axis, |(axis, _)| *axis);
        AxisRef::Own(at.map_or(u32::MAX, |at| self.local[at].1))
    }
}

impl Ground<'_> {
    /// The axes of a node with this space.
    pub(super) fn axes(&self, space: &Space) -> Vec<Axis> {
        let axis = |&axis: &usize| Axis::new(self.c.axes[axis].label.clone(), self.extents[axis]);
        space.axes.iter().map(axis).collect()
    }

    /// How many points a list of axes has, as far as `usize` reaches.
    pub(super) fn points(&self, axes: &[usize]) -> usize {
        axes.iter().fold(1, |points, &axis| usize::saturating_mul(points, self.extents[axis]))
    }

    /// The axes along which a value differs: those of its elements, but for those that size 1 is stretched along.
    pub(super) fn axes_of(&self, value: &Value) -> Vec<usize> {
        let mut axes = Vec::new();
        value.for_each_read(&mut |read| {
            let read = &self.c.reads[read];
            for ((slot, _), &size) in read.dims.iter().zip(&self.tensors[read.tensor].shape) {
                match slot {
                    Slot::Axis(axis) if size == 1 && self.extents[*axis] != 1 => {}
                    slot => slot.for_each_axis(&mut |axis| axes.push(axis)),
                }
            }
        });
        set(axes)
    }

    /// Whether there is no point at all.
    pub(super) fn empty(&self) -> bool {
        self.extents.contains(&0)
    }

    /// What happens to ids of this tensor that are outside the axis they index.
    pub(super) fn policy(&self, tensor: usize) -> OutOfRange {
        let Options { policy, out_of_range, .. } = self.options;
        policy.get(&*self.tensors[tensor].name).copied().unwrap_or(*out_of_range)
    }

    /// Whether a point may be dropped for an id in this index.
    pub(super) fn drops(&self, slot: &Slot) -> bool {
        let mut drops = false;
        slot.for_each_ids(&mut |ids| drops |= self.policy(ids.tensor) == OutOfRange::Drop);
        drops
    }

    /// As [`Self::drops`], of all indices of an element.
    pub(super) fn read_drops(&self, read: &Read) -> bool {
        read.dims.iter().any(|(slot, _)| self.drops(slot))
    }

    /// An element that is read.
    pub(super) fn access(&self, space: &Space, read: &Read, conj: bool) -> Access<NodeId> {
        let tensor = &self.tensors[read.tensor];
        let indices = read.dims.iter().zip(&tensor.shape).map(|((slot, _), &size)| match slot {
            Slot::Axis(axis) if size == 1 && self.extents[*axis] != 1 => Index::constant(0),
            slot => self.index(space, slot),
        });
        Access { conj: conj && tensor.dtype.is_complex(), ..Access::new(tensor.node, indices) }
    }

    /// Reads a tensor whose axes are these.
    pub(super) fn plain(&self, space: &Space, tensor: NodeId, axes: &[usize]) -> Access<NodeId> {
        Access::new(tensor, axes.iter().map(|&axis| Index::affine(0, [(1, space.local(axis))])))
    }

    /// Where each point goes.
    pub(super) fn output(&self, space: &Space) -> Indices<NodeId> {
        self.c.left.iter().map(|position| self.index(space, &position.slot)).collect()
    }

    fn index(&self, space: &Space, slot: &Slot) -> Index<NodeId> {
        match slot {
            Slot::Axis(axis) => Index::affine(0, [(1, space.local(*axis))]),
            Slot::Group(axes) => {
                let mut stride = 1_i64;
                let mut terms: Vec<(i64, AxisRef)> = Vec::with_capacity(axes.len());
                for &axis in axes.iter().rev() {
                    terms.push((stride, space.local(axis)));
                    stride = stride.saturating_mul(i64::try_from(self.extents[axis]).unwrap_or(i64::MAX));
                }
                Index::affine(0, terms.into_iter().rev())
            }
            Slot::Affine(affine) => self.affine(space, affine),
        }
    }

    fn affine(&self, space: &Space, affine: &Affine) -> Index<NodeId> {
        let terms = affine.terms.iter().map(|&(coef, axis)| Term { coef, axis: space.local(axis) });
        let ids = |(coef, read): &(i64, Read)| {
            let (access, policy) = (self.access(space, read, false), self.policy(read.tensor));
            Ids { coef: *coef, access, policy }
        };
        Index::new(affine.offset, terms, affine.ids.iter().map(ids).collect())
    }

    /// The axes of the left, in the order in which they are written.
    pub(super) fn left_axes(&self) -> Vec<usize> {
        let mut axes = Vec::new();
        for position in &self.c.left {
            position.slot.for_each_axis(&mut |axis| axes.push(axis));
        }
        let mut seen = vec![false; self.c.axes.len()];
        axes.retain(|&axis| !std::mem::replace(&mut seen[axis], true));
        axes
    }

    /// The left axes, then those of `more` that are not among them.
    pub(super) fn space(&self, more: Vec<usize>) -> Space {
        let mut axes = self.left_axes();
        let left = set(axes.clone());
        axes.extend(set(more).into_iter().filter(|axis| left.binary_search(axis).is_err()));
        Space::new(axes)
    }
}
