//! The axes during a greedy search, and the tensors that have them.

use crate::graph::Graph;

/// The maximal number of tensors that a tensor is paired with through one axis: an axis of a thousand tensors must not
/// make half a million pairs.
pub(super) const PARTNERS: usize = 8;

/// The maximal number of tensors of an axis that are searched.
const SEARCHED: usize = 64;

/// The state of an axis.
#[derive(Clone, Copy, Debug)]
pub(super) struct AxisState {
    /// The extent as a factor of a size. Empty axes count as 1: a network with one costs nothing, and 0/0 is not a
    /// valid score.
    pub(super) extent: f64,
    /// The last visited tensor that has it.
    pub(super) mark: u32,
    /// The number of tensors that have it.
    pub(super) holders: u32,
    /// The exclusive or of the ids of these tensors: if there are two, it gives either one from the other.
    pub(super) ids: u32,
    /// The number of its list; only axes that three or more tensors have at the start have one.
    list: u32,
    /// Whether the output has it.
    pub(super) kept: bool,
}

impl AxisState {
    /// Returns whether more tensors have the axis than a tensor is paired with.
    #[inline]
    pub(super) fn is_crowded(&self) -> bool {
        self.holders as usize > 1 + PARTNERS
    }

    /// Returns whether too many tensors have the axis to search them.
    #[inline]
    pub(super) fn is_overcrowded(&self) -> bool {
        self.holders as usize > SEARCHED
    }
}

/// The tensors of the axes that three or more tensors have at the start, oldest first, including some that are used.
#[derive(Debug)]
pub(super) struct AxisTensors {
    /// The start of each list. Its capacity is twice the number of tensors at the start, and its length at most twice
    /// the number of live tensors.
    starts: Vec<usize>,
    lengths: Vec<u32>,
    ids: Vec<u32>,
}

/// Returns the axes of a graph and empty lists for their tensors.
pub(super) fn axes(graph: &Graph) -> (Vec<AxisState>, AxisTensors) {
    let axis = |(&extent, &kept): (&u64, &bool)| AxisState {
        extent: extent.max(1) as f64,
        mark: u32::MAX,
        holders: 0,
        ids: 0,
        list: u32::MAX,
        kept,
    };
    let mut axes: Vec<AxisState> = graph.extents.iter().zip(&graph.kept).map(axis).collect();
    for (id, legs) in (0..).zip(graph.legs.iter()) {
        for &leg in legs {
            let axis = &mut axes[leg as usize];
            axis.holders += 1;
            axis.ids ^= id;
        }
    }
    let mut starts = vec![0];
    for axis in axes.iter_mut().filter(|axis| axis.holders > 2) {
        axis.list = starts.len() as u32 - 1;
        starts.push(starts[starts.len() - 1] + 2 * axis.holders as usize);
    }
    let ids = vec![0; starts[starts.len() - 1]];
    starts.pop();
    (axes, AxisTensors { lengths: vec![0; starts.len()], starts, ids })
}

impl AxisTensors {
    pub(super) fn clear(&mut self) {
        self.lengths.fill(0);
    }

    /// Returns the tensors of an axis with a list, including some that are used.
    pub(super) fn of(&self, axis: &AxisState) -> &[u32] {
        let (start, length) = (self.starts[axis.list as usize], self.lengths[axis.list as usize]);
        &self.ids[start..start + length as usize]
    }

    /// Inserts `id` into the list of an axis; returns the latest live tensors before it and their number. Visited
    /// tensors that are not live are removed, so that each is visited once.
    pub(super) fn insert(
        &mut self,
        axis: &AxisState,
        id: u32,
        is_live: impl Fn(u32) -> bool,
    ) -> ([u32; PARTNERS], usize) {
        let list = axis.list as usize;
        let start = self.starts[list];
        let end = self.starts.get(list + 1).copied().unwrap_or(self.ids.len());
        let ids = &mut self.ids[start..end];
        let mut length = self.lengths[list] as usize;
        let (mut found, mut latest) = (0, [0; PARTNERS]);
        while found < PARTNERS && length > 0 {
            length -= 1;
            if is_live(ids[length]) {
                latest[found] = ids[length];
                found += 1;
            }
        }
        for &other in latest[..found].iter().rev() {
            ids[length] = other;
            length += 1;
        }
        if length >= 2 * axis.holders as usize {
            let end = std::mem::take(&mut length);
            for i in 0..end {
                ids[length] = ids[i];
                length += usize::from(is_live(ids[i]));
            }
        }
        ids[length] = id;
        self.lengths[list] = length as u32 + 1;
        (latest, found)
    }
}
