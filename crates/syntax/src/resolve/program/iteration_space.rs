//! The iteration space of a node, and the accesses in it.

use super::super::Options;
use super::hir::{AffineForm, Contribution, HirExpr, IndexForm, Tensor, TensorRead, set};
use einfold_ir::{Access, AffineTerm, Axis, AxisRef, Index, Indices, IndirectTerm, NodeId, OutOfRange};

/// The context of a statement with known sizes.
#[derive(Clone, Copy)]
pub(super) struct StatementContext<'a> {
    pub(super) c: &'a Contribution,
    /// The size of each axis of the statement.
    pub(super) extents: &'a [usize],
    pub(super) tensors: &'a [Tensor],
    pub(super) options: &'a Options,
}

/// The axes of a statement that are the axes of a node, in this order.
pub(super) struct IterationSpace {
    pub(super) axes: Vec<usize>,
    /// Pairs of an axis of the statement and its number in the node, ascending.
    local: Vec<(usize, u32)>,
}

impl IterationSpace {
    /// These axes, each once.
    pub(super) fn new(axes: Vec<usize>) -> IterationSpace {
        let mut local: Vec<(usize, u32)> = axes.iter().copied().zip(0..).collect();
        local.sort_unstable();
        IterationSpace { axes, local }
    }

    fn local(&self, axis: usize) -> AxisRef {
        let at = self.local.binary_search_by_key(&axis, |(axis, _)| *axis);
        AxisRef::Own(at.map_or(u32::MAX, |at| self.local[at].1))
    }
}

impl StatementContext<'_> {
    /// The axes of a node with this space.
    pub(super) fn axes(&self, space: &IterationSpace) -> Vec<Axis> {
        let axis = |&axis: &usize| Axis::new(self.c.axes[axis].label.clone(), self.extents[axis]);
        space.axes.iter().map(axis).collect()
    }

    /// The number of points of a list of axes, saturating.
    pub(super) fn points(&self, axes: &[usize]) -> usize {
        axes.iter().fold(1, |points, &axis| usize::saturating_mul(points, self.extents[axis]))
    }

    /// The axes on which a value depends: those of its elements, without broadcast axes.
    pub(super) fn axes_of(&self, value: &HirExpr) -> Vec<usize> {
        let mut axes = Vec::new();
        value.for_each_read(&mut |read| {
            let read = &self.c.reads[read];
            for ((index, _), &size) in read.dims.iter().zip(&self.tensors[read.tensor].shape) {
                match index {
                    IndexForm::Axis(axis) if size == 1 && self.extents[*axis] != 1 => {}
                    index => index.for_each_axis(&mut |axis| axes.push(axis)),
                }
            }
        });
        set(axes)
    }

    /// Whether the statement has no points.
    pub(super) fn empty(&self) -> bool {
        self.extents.contains(&0)
    }

    /// The policy of an index tensor.
    pub(super) fn policy(&self, tensor: usize) -> OutOfRange {
        let Options { policy, out_of_range, .. } = self.options;
        policy.get(&*self.tensors[tensor].name).copied().unwrap_or(*out_of_range)
    }

    /// Whether a dropped index may drop a point.
    pub(super) fn drops(&self, index: &IndexForm) -> bool {
        let mut drops = false;
        index.for_each_gather(&mut |read| drops |= self.policy(read.tensor) == OutOfRange::Drop);
        drops
    }

    /// As [`Self::drops`], for all indices of a read.
    pub(super) fn read_drops(&self, read: &TensorRead) -> bool {
        read.dims.iter().any(|(index, _)| self.drops(index))
    }

    /// The access of a read.
    pub(super) fn access(&self, space: &IterationSpace, read: &TensorRead, conj: bool) -> Access<NodeId> {
        let tensor = &self.tensors[read.tensor];
        let indices = read.dims.iter().zip(&tensor.shape).map(|((index, _), &size)| match index {
            IndexForm::Axis(axis) if size == 1 && self.extents[*axis] != 1 => Index::constant(0),
            index => self.index(space, index),
        });
        Access { conj: conj && tensor.dtype.is_complex(), ..Access::new(tensor.node, indices) }
    }

    /// The access of a tensor along these axes.
    pub(super) fn plain(&self, space: &IterationSpace, tensor: NodeId, axes: &[usize]) -> Access<NodeId> {
        Access::new(tensor, axes.iter().map(|&axis| Index::affine(0, [(1, space.local(axis))])))
    }

    /// The index functions of the result.
    pub(super) fn output(&self, space: &IterationSpace) -> Indices<NodeId> {
        self.c.left.iter().map(|position| self.index(space, &position.index)).collect()
    }

    fn index(&self, space: &IterationSpace, index: &IndexForm) -> Index<NodeId> {
        match index {
            IndexForm::Axis(axis) => Index::affine(0, [(1, space.local(*axis))]),
            IndexForm::Merged(axes) => {
                let mut stride = 1_i64;
                let mut terms: Vec<(i64, AxisRef)> = Vec::with_capacity(axes.len());
                for &axis in axes.iter().rev() {
                    terms.push((stride, space.local(axis)));
                    stride = stride.saturating_mul(i64::try_from(self.extents[axis]).unwrap_or(i64::MAX));
                }
                Index::affine(0, terms.into_iter().rev())
            }
            IndexForm::Affine(affine) => self.affine(space, affine),
        }
    }

    fn affine(&self, space: &IterationSpace, affine: &AffineForm) -> Index<NodeId> {
        let terms = affine.terms.iter().map(|&(coef, axis)| AffineTerm { coef, axis: space.local(axis) });
        let ids = |(coef, read): &(i64, TensorRead)| {
            let (access, policy) = (self.access(space, read, false), self.policy(read.tensor));
            IndirectTerm { coef: *coef, access, policy }
        };
        Index::new(affine.offset, terms, affine.gathers.iter().map(ids).collect())
    }

    /// The axes of the left side, in the order of the text.
    pub(super) fn left_axes(&self) -> Vec<usize> {
        let mut axes = Vec::new();
        for position in &self.c.left {
            position.index.for_each_axis(&mut |axis| axes.push(axis));
        }
        let mut seen = vec![false; self.c.axes.len()];
        axes.retain(|&axis| !std::mem::replace(&mut seen[axis], true));
        axes
    }

    /// The axes of the left side, then those of `more` that are not among them.
    pub(super) fn space(&self, more: Vec<usize>) -> IterationSpace {
        let mut axes = self.left_axes();
        let left = set(axes.clone());
        axes.extend(set(more).into_iter().filter(|axis| left.binary_search(axis).is_err()));
        IterationSpace::new(axes)
    }
}
