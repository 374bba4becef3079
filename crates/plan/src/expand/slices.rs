//! Sliced contractions: what a region computes in each iteration, and where it accumulates.

use einfold_ir::{Access, AffineTerm, Axis, AxisRef, Contraction, Def, Index, Node, NodeId, Rewriter, Tree, Violation};

use super::{ChosenOrder, TreeWriter};
use crate::network::numbered_axes;

/// The slice of a contraction that one iteration of a region computes.
pub(super) struct SlicedContraction {
    /// The contraction with each sliced axis shortened to the extent of a slice, reading and writing at the slice of
    /// the iteration.
    pub(super) c: Contraction,
    /// The node into which iterations accumulate: that of the contraction, or one for each partition.
    pub(super) node: Node,
    /// The loops of the region, outermost first.
    pub(super) loops: Vec<Axis>,
    /// Whether the first loop is over partitions.
    pub(super) partitions: bool,
}

impl SlicedContraction {
    /// Slices the contraction of `node`, with the outermost slices divided among partitions of neighbouring slices.
    /// `None` if an axis is not one of the contraction, is sliced twice, or does not divide into this number of slices
    /// of equal extent; or if the slices do not divide among the partitions.
    pub(super) fn of(node: &Node, c: &Contraction, chosen: ChosenOrder<'_>) -> Option<SlicedContraction> {
        let ChosenOrder { slices, partitions, .. } = chosen;
        // Each axis, with the terms that the loops add to it.
        let own = |axis| vec![AffineTerm { coef: 1, axis: AxisRef::Own(axis) }];
        let mut whole: Vec<Vec<AffineTerm>> = (0..c.axes.len() as u32).map(own).collect();
        let (mut c, mut loops) = (c.clone(), Vec::with_capacity(slices.len() + 1));
        for (k, slice) in slices.iter().enumerate() {
            let (terms, axis) = (whole.get_mut(slice.axis as usize)?, &mut c.axes[slice.axis as usize]);
            let parts = usize::try_from(slice.parts).ok().filter(|&parts| parts > 1 && axis.extent % parts == 0)?;
            if terms.len() > 1 || axis.extent == 0 {
                return None;
            }
            axis.extent /= parts;
            let partitions = usize::try_from(partitions).ok().filter(|&n| k == 0 && n > 1).unwrap_or(parts);
            let (run, rest) = (parts / partitions, parts % partitions);
            if rest != 0 {
                return None;
            }
            for (count, each) in [(partitions, run), (run, 1)].into_iter().filter(|(count, _)| *count > 1) {
                terms.push(AffineTerm { coef: (axis.extent * each) as i64, axis: AxisRef::Loop(loops.len() as u32) });
                // Within a slice, the axis itself keeps its name.
                let marks = if each > 1 { "''" } else { "'" };
                loops.push(Axis::new(format!("{}{marks}", axis.label), count));
            }
        }
        // No overflow: the positions of the whole axis are inside a tensor.
        let whole: Vec<Index<NodeId>> = whole.into_iter().map(|terms| Index::new(0, terms, Vec::new())).collect();
        let of = |axis: u32| whole.get(axis as usize);
        c.factors.iter_mut().for_each(|factor| *factor = factor.compose(&of));
        c.output.iter_mut().for_each(|index| *index = index.compose(&of));
        let mut sliced = SlicedContraction { c, node: node.clone(), loops, partitions: partitions > 1 };
        sliced.separate_partitions();
        Some(sliced)
    }

    /// Writes the region, preceded by the node into which all iterations accumulate, and the remaining sum over
    /// partitions. `node` and its contraction are those before slicing.
    pub(super) fn write(
        &self,
        out: &mut Rewriter<'_>,
        (node, c): (&Node, &Contraction),
        tree: &Tree,
    ) -> Result<NodeId, Violation> {
        let total = out.push(Node { def: Def::Identity(c.algebra), ..self.node.clone() })?;
        let loops = self.loops.clone();
        let region = out.region(loops, self.partitions);
        let mut writer = TreeWriter::new(out, &self.node, &self.c);
        (writer.region, writer.init) = (region, Some(total));
        writer.write_tree(tree)?;
        let init = c.init.map(|init| out.id(init));
        if init.is_none() && self.node.shape == node.shape {
            return Ok(total);
        }
        let axes = numbered_axes(&self.node.shape);
        let (all, partitions) = (axes.len() as u32, (axes.len() - node.shape.len()) as u32);
        let (factors, output) = (vec![Access::plain(total, 0..all)], (partitions..all).map(Index::axis).collect());
        let sum = Contraction { axes, factors, output, expr: None, algebra: c.algebra, init, pinned: c.pinned };
        out.push(Node { def: sum.into(), ..node.clone() })
    }

    /// Gives every partition a result of its own, along a new first axis, unless partitions write to different
    /// positions anyway.
    fn separate_partitions(&mut self) {
        let extent = |axis: AxisRef| axis.of(&self.c.axes, &self.loops).map_or(1, |axis| axis.extent);
        let partition = AxisRef::Loop(0);
        let written = Access::new((), self.c.output.iter().map(|index| index.map(&mut |_| ())));
        if self.partitions && !written.is_injective_in(partition, extent) {
            self.node.shape.insert(0, self.loops[0].extent);
            self.c.output.insert(0, Index::affine(0, [(1, partition)]));
        }
    }
}
