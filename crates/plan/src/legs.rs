//! The legs of the tensors of a contraction tree.

use crate::roles::{AxisList, Roles, classify};

/// The number of remaining tensors that have each axis; the result counts as one of them.
#[derive(Default)]
pub(crate) struct Uses(AxisList);

impl Uses {
    /// No tensors, over `axes` axes.
    pub(crate) fn new(axes: usize) -> Uses {
        Uses(AxisList::from_elem(0, axes))
    }

    /// Adds a tensor with these axes.
    pub(crate) fn add(&mut self, axes: &[u32]) {
        axes.iter().for_each(|&a| self.0[a as usize] += 1);
    }

    /// The number of tensors that have the axis.
    pub(crate) fn of(&self, axis: u32) -> u32 {
        self.0[axis as usize]
    }

    /// The axes of a factor that another tensor has too; the others are summed at once.
    pub(crate) fn shared(&self, axes: &[u32]) -> AxisList {
        axes.iter().copied().filter(|&a| self.of(a) > 1).collect()
    }

    /// The roles of the axes in the product of the first child with the others together. The children are removed from
    /// the remaining tensors; an axis that no remaining tensor has is reduced.
    pub(crate) fn product(&mut self, children: &[&[u32]]) -> Roles {
        children.iter().copied().flatten().for_each(|&a| self.0[a as usize] -= 1);
        let (first, rest) = children.split_first().map_or((&[][..], &[][..]), |(first, rest)| (*first, rest));
        let rest: AxisList = rest.iter().copied().flatten().copied().collect();
        let mut kept: AxisList = first.iter().chain(&rest).copied().collect();
        kept.retain(|a| self.of(*a) > 0);
        classify(first, &rest, &kept)
    }
}
