//! Which tensors have which axes, while tensors are contracted.

use crate::graph::Graph;

/// Through one axis, a tensor is paired with at most so many others: an axis of a thousand tensors must not make half a
/// million pairs.
pub(super) const PARTNERS: usize = 8;

/// The holders of an axis are looked through if they are no more than so many.
const SEARCHED: usize = 64;

/// An axis.
#[derive(Clone, Copy, Debug)]
pub(super) struct AxisState {
    /// The extent as a factor of a size. Empty axes count as 1: a network with one costs nothing, and 0/0 is no score.
    pub(super) extent: f64,
    /// The tensor that was looked at last and has it.
    pub(super) mark: u32,
    /// How many tensors have it.
    pub(super) holders: u32,
    /// The ids of these by exclusive or: of two, one tells the other.
    pub(super) ids: u32,
    /// Its number among the axes that three or more tensors have at the start.
    list: u32,
    /// Whether the output has it.
    pub(super) kept: bool,
}

impl AxisState {
    /// Whether it has more holders than a tensor is paired with.
    #[inline]
    pub(super) fn is_crowded(&self) -> bool {
        self.holders as usize > 1 + PARTNERS
    }

    /// Whether it has more holders than are looked through.
    #[inline]
    pub(super) fn is_overcrowded(&self) -> bool {
        self.holders as usize > SEARCHED
    }
}

/// The holders of the axes that three or more tensors have at the start, oldest first, among them some that are gone.
#[derive(Debug)]
pub(super) struct AxisTensors {
    /// Where each list begins. It has room for twice the holders at the start, and gets no longer than twice those that live.
    starts: Vec<usize>,
    lengths: Vec<u32>,
    ids: Vec<u32>,
}

/// The axes of a graph and room for their holders, none of which is entered yet.
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

    /// The holders of an axis that had three or more, among them some that are gone.
    pub(super) fn of(&self, axis: &AxisState) -> &[u32] {
        let (start, length) = (self.starts[axis.list as usize], self.lengths[axis.list as usize]);
        &self.ids[start..start + length as usize]
    }

    /// Enters `id` as a holder of an axis that had three or more; gives the latest few living ones before it, and how many
    /// these are. Takes those off the list that it meets and that are not alive: each is met once.
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
