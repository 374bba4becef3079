//! Contractions in slices: what a region computes in each turn, and where it adds that up.

use einfold_ir::{Access, Axis, AxisRef, Contraction, Ids, Index, NodeId, Term};
use einfold_order::Slice;

/// The piece of a sliced contraction that one turn of a region computes.
pub(super) struct Sliced {
    /// The contraction with each sliced axis as long as a piece of it, reading and writing at the piece of the turn.
    pub(super) c: Contraction,
    /// The loops of the region, outermost first.
    pub(super) loops: Vec<Axis>,
}

impl Sliced {
    /// `None` if an axis is not one of the contraction, is sliced twice, or does not fall into so many pieces of equal length.
    pub(super) fn of(c: &Contraction, slices: &[Slice]) -> Option<Sliced> {
        let mut cuts = vec![None; c.axes.len()];
        let (mut c, mut loops) = (c.clone(), Vec::with_capacity(slices.len()));
        for slice in slices {
            let (cut, axis) = (cuts.get_mut(slice.axis as usize)?, &mut c.axes[slice.axis as usize]);
            let parts = usize::try_from(slice.parts).ok().filter(|&parts| parts > 1 && axis.extent % parts == 0)?;
            let fresh = cut.is_none() && axis.extent > 0;
            axis.extent /= parts;
            *cut = Some(Cut { turn: loops.len() as u32, len: axis.extent as i64 }).filter(|_| fresh);
            cut.as_ref()?;
            loops.push(Axis::new(axis.label.clone(), parts));
        }
        c.factors.iter_mut().for_each(|factor| cut_access(factor, &cuts));
        c.output.iter_mut().for_each(|index| cut_index(index, &cuts));
        Some(Sliced { c, loops })
    }
}

/// How an axis is cut.
#[derive(Clone, Copy)]
struct Cut {
    /// The loop over the pieces.
    turn: u32,
    /// How long a piece is.
    len: i64,
}

fn cut_access(access: &mut Access<NodeId>, cuts: &[Option<Cut>]) {
    access.indices.iter_mut().for_each(|index| cut_index(index, cuts));
}

/// Moves an index on to the piece of the turn.
fn cut_index(index: &mut Index<NodeId>, cuts: &[Option<Cut>]) {
    for at in 0..index.terms.len() {
        let Term { coef, axis: AxisRef::Own(axis) } = index.terms[at] else { continue };
        if let Some(Cut { turn, len }) = cuts[axis as usize] {
            // No overflow: the positions of the whole axis are inside of a tensor.
            index.terms.push(Term { coef: coef * len, axis: AxisRef::Loop(turn) });
        }
    }
    index.ids.iter_mut().for_each(|Ids { access, .. }| cut_access(access, cuts));
}

/// How many of the loops around it an access needs, outermost first: those up to the last that it moves with.
pub(super) fn depth(access: &Access<NodeId>) -> u32 {
    let mut depth = 0;
    access.for_each_axis(&mut |axis| {
        if let AxisRef::Loop(turn) = axis {
            depth = depth.max(turn + 1);
        }
    });
    depth
}
