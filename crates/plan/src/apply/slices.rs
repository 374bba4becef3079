//! Contractions in slices: what a region computes in each turn, and where it adds that up.

use einfold_ir::{Access, Axis, AxisRef, Contraction, Def, IdVec, Index, Ir, Node, NodeId, Term, Tree, Violation};
use einfold_order::SlicedAxis;

use super::Writer;

/// The piece of a sliced contraction that one turn of a region computes.
pub(super) struct Sliced {
    /// The contraction with each sliced axis as long as a piece of it, reading and writing at the piece of the turn.
    pub(super) c: Contraction,
    /// What its turns add to: the node of the contraction, of which each lane may have one.
    pub(super) node: Node,
    /// The loops of the region, outermost first.
    pub(super) loops: Vec<Axis>,
    /// Whether the first loop is over lanes.
    pub(super) lanes: bool,
}

impl Sliced {
    /// The contraction of `node` in slices, the outermost of which is shared out among so many lanes, one after the other.
    /// `None` if an axis is not one of the contraction, is sliced twice, or does not fall into so many pieces of equal length; or
    /// the pieces not among the lanes.
    pub(super) fn of(node: &Node, c: &Contraction, slices: &[SlicedAxis], lanes: u64) -> Option<Sliced> {
        // By axis, what the turns of the loops add to it.
        let mut cuts: Vec<Vec<Term>> = vec![Vec::new(); c.axes.len()];
        let (mut c, mut loops) = (c.clone(), Vec::with_capacity(slices.len() + 1));
        for (k, slice) in slices.iter().enumerate() {
            let (cut, axis) = (cuts.get_mut(slice.axis as usize)?, &mut c.axes[slice.axis as usize]);
            let parts = usize::try_from(slice.parts).ok().filter(|&parts| parts > 1 && axis.extent % parts == 0)?;
            if !cut.is_empty() || axis.extent == 0 {
                return None;
            }
            axis.extent /= parts;
            let lanes = usize::try_from(lanes).ok().filter(|&n| k == 0 && n > 1).unwrap_or(parts);
            let (run, rest) = (parts / lanes, parts % lanes);
            if rest != 0 {
                return None;
            }
            for (count, turns) in [(lanes, run), (run, 1)].into_iter().filter(|(count, _)| *count > 1) {
                cut.push(Term { coef: (axis.extent * turns) as i64, axis: AxisRef::Loop(loops.len() as u32) });
                // The axis itself keeps its name within a piece.
                let marks = if turns > 1 { "''" } else { "'" };
                loops.push(Axis::new(format!("{}{marks}", axis.label), count));
            }
        }
        // No overflow: the positions of the whole axis are inside of a tensor.
        let cut = |axis: u32| &cuts[axis as usize][..];
        c.factors.iter_mut().for_each(|factor| factor.shift(&cut));
        c.output.iter_mut().for_each(|index| index.shift(&cut));
        let mut sliced = Sliced { c, node: node.clone(), loops, lanes: lanes > 1 };
        sliced.part_lanes();
        Some(sliced)
    }

    /// Writes the region, with a node before it that all turns add to, and what is left to do with that one. The contraction and
    /// its node are as they were before they were sliced.
    pub(super) fn write(
        &self,
        out: &mut Ir,
        ids: &IdVec<NodeId, NodeId>,
        (node, c): (&Node, &Contraction),
        tree: &Tree,
    ) -> Result<NodeId, Violation> {
        let total = out.push(Node { def: Def::Identity(c.algebra), ..self.node.clone() })?;
        let loops = self.loops.clone();
        let region = if self.lanes { out.region_in_lanes(loops) } else { out.region(loops) };
        let mut writer = Writer::new(out, ids, &self.node, &self.c);
        (writer.region, writer.onto) = (region, Some(total));
        writer.along(tree)?;
        let onto = c.onto.map(|o| ids[o]);
        if onto.is_none() && self.node.shape == node.shape {
            return Ok(total);
        }
        let axis = |(k, &extent): (usize, &usize)| Axis::new(format!("d{k}"), extent);
        let axes: Vec<Axis> = self.node.shape.iter().enumerate().map(axis).collect();
        let (all, lanes) = (axes.len() as u32, (axes.len() - node.shape.len()) as u32);
        let (factors, output) = (vec![Access::plain(total, 0..all)], (lanes..all).map(Index::axis).collect());
        let sum = Contraction { axes, factors, output, expr: None, algebra: c.algebra, onto, pinned: c.pinned };
        out.push(Node { def: Def::Contract(sum), ..node.clone() })
    }

    /// Gives every lane a result of its own, along a new first axis, unless lanes write to different places anyway.
    fn part_lanes(&mut self) {
        let extent = |axis| match axis {
            AxisRef::Own(a) => self.c.axes[a as usize].extent,
            AxisRef::Loop(l) => self.loops[l as usize].extent,
        };
        let lane = AxisRef::Loop(0);
        let written = Access::new((), self.c.output.iter().map(|index| index.map(&mut |_| ())));
        if self.lanes && !written.tells(lane, extent) {
            self.node.shape.insert(0, self.loops[0].extent);
            self.c.output.insert(0, Index::affine(0, [(1, lane)]));
        }
    }
}
