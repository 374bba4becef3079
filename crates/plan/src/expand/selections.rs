//! Expands trees with selections: a gathered position is an axis before the step of its selection, and the gather or
//! scatter index afterwards.
//!
//! A product or gather that sums nothing is computed in the step that reads it, unless that step is a matrix product.

use std::sync::Arc;

use einfold_ir::{
    Access, Algebra, AxisSet, Contraction, Dtype, Expr, Function, Index, Indices, Label, Literal, Node, NodeId,
    PointOp, Shape, Tree, Violation,
};

use super::{Target, TreeWriter};
use crate::network::restrict;
use crate::roles::{AxisUses, Roles};
use crate::selections::{SelectedPosition, SelectionForm, identity};

/// The most factors of a product that is computed in its reader.
const MOST_FACTORS: usize = 4;

/// A product that is still to be used: its factors, over which nothing is summed, and its axes. A selection has no
/// factors.
#[derive(Default)]
struct PendingProduct {
    reads: Vec<Access<NodeId>>,
    axes: Vec<u32>,
    /// The step of the tree whose result it is.
    step: Option<usize>,
}

/// Writes the nodes of a contraction along a tree whose leaves are its factors and optionally its selections.
pub(super) struct SelectionWriter<'w, 'a, 'i> {
    /// The writer of the nodes of `form.c`.
    pub(super) writer: TreeWriter<'a, 'i>,
    pub(super) form: &'w SelectionForm,
    /// The nodes of each step.
    pub(super) steps: &'w mut Vec<Vec<NodeId>>,
}

impl SelectionWriter<'_, '_, '_> {
    pub(super) fn write_tree(mut self, tree: &Tree) -> Result<NodeId, Violation> {
        let form = self.form;
        self.steps.resize(tree.steps().len(), Vec::new());
        let mut live = self.leaves(tree.leaves())?;
        let mut mask = None;
        for (k, step) in tree.steps().iter().enumerate() {
            let selection = |&id: &u32| (id as usize).checked_sub(form.factors()).filter(|&s| s < form.positions.len());
            let selection = step.iter().find_map(selection);
            let positions = selection.map_or(&[][..], |s| &form.positions[s]);
            let scatters = selection.is_some_and(|s| form.selected.selections[s].of.is_none());
            let mut parts: Vec<PendingProduct> =
                step.iter().map(|&id| std::mem::take(&mut live[id as usize])).collect();
            let roles = self.writer.uses.product(&parts.iter().map(|p| &p.axes[..]).collect::<Vec<_>>());
            if selection.is_none() && self.is_matrix(&roles) {
                parts.iter_mut().try_for_each(|part| self.gather(part))?;
            }
            let mut reads: Vec<_> = parts.into_iter().flat_map(|part| part.reads).collect();
            if !scatters {
                reads.iter_mut().for_each(|read| self.resolve(positions, &mut read.indices));
            }
            let (kept, reduced): (Vec<u32>, Vec<u32>) = (roles.kept().collect(), roles.reduced().collect());
            let first = self.writer.out.next_number();
            if k + 1 == tree.steps().len() {
                let result = self.finish(kept, reduced, positions, reads, mask)?;
                self.record(k, first);
                return Ok(result);
            }
            let sums = reduced.iter().any(|a| is_own(positions, *a));
            let part = if scatters || sums || reads.len() > MOST_FACTORS {
                self.write(kept, &reduced, positions, reads)?
            } else {
                PendingProduct { reads, axes: kept, step: None }
            };
            self.writer.uses.add(&part.axes);
            if scatters && form.selected.masked {
                mask = Some(self.mask(positions, &form.selected.selections[selection.unwrap_or_default()].by)?);
            }
            self.record(k, first);
            live.push(PendingProduct { step: Some(k), ..part });
        }
        self.writer.flat()
    }

    /// Adds the nodes that were written from `first` on to those of a step.
    fn record(&mut self, step: usize, first: u32) {
        self.steps[step].extend((first..self.writer.out.next_number()).map(NodeId));
    }

    /// The factors, with the axes that no other tensor has summed, and the selections. Counts the uses of axes.
    fn leaves(&mut self, leaves: usize) -> Result<Vec<PendingProduct>, Violation> {
        let (form, network) = (self.form, &self.form.selected.network);
        self.writer.uses = AxisUses::new(form.c.axes.len());
        let selections: Vec<Vec<u32>> = form.selection_axes().take(leaves - form.factors()).collect();
        network.inputs().iter().chain(&selections).for_each(|axes| self.writer.uses.add(axes));
        self.writer.uses.add(network.output());
        let mut parts = Vec::with_capacity(2 * leaves);
        for (factor, kept) in form.c.factors.iter().zip(network.inputs()) {
            let (reads, mut axes) = (vec![self.writer.out.access(factor)], form.axes_of(factor));
            parts.push(if kept.len() < axes.len() {
                let stays = AxisSet::of(kept);
                axes.retain(|a| !stays.has(*a));
                self.write(kept.clone(), &axes, &[], reads)?
            } else {
                PendingProduct { reads, axes, step: None }
            });
        }
        parts.extend(selections.into_iter().map(|axes| PendingProduct { axes, ..PendingProduct::default() }));
        Ok(parts)
    }

    /// Writes a factor of a matrix product that is not a tensor in memory.
    fn gather(&mut self, part: &mut PendingProduct) -> Result<(), Violation> {
        if part.reads.len() > 1 || part.reads.iter().any(Access::has_indirect) {
            let PendingProduct { reads, axes, step } = std::mem::take(part);
            let first = self.writer.out.next_number();
            *part = self.write(axes, &[], &[], reads)?;
            step.into_iter().for_each(|step| self.record(step, first));
        }
        Ok(())
    }

    /// Whether a step of two tensors runs as a matrix product.
    fn is_matrix(&self, roles: &Roles) -> bool {
        let side = |group: &[u32]| group.iter().fold(1u64, |n, &a| n.saturating_mul(self.writer.extent(a) as u64));
        let wide = |group| side(group) >= self.writer.least_side;
        roles.is_matrix() && !roles.k.is_empty() && wide(&roles.m) && wide(&roles.n)
    }

    /// Substitutes the gather and scatter indices for the axes that stand for them.
    fn resolve(&self, positions: &[SelectedPosition], indices: &mut [Index<NodeId>]) {
        for index in indices {
            if let Some(position) = positions.iter().find(|p| index.as_axis() == Some(p.axis)) {
                *index = position.index.map(&mut |id| self.writer.out.id(*id));
            }
        }
    }

    /// Writes a node that holds the axes `kept`, at the scatter indices of `positions`.
    fn write(
        &mut self,
        kept: Vec<u32>,
        reduced: &[u32],
        positions: &[SelectedPosition],
        reads: Vec<Access<NodeId>>,
    ) -> Result<PendingProduct, Violation> {
        let (mut output, shape, label) = self.shape_of(&kept);
        let read = output.clone();
        self.resolve(positions, &mut output);
        let space: Vec<u32> = kept.iter().chain(reduced).copied().filter(|&a| is_own(positions, a)).collect();
        let id = self.writer.emit(&space, reads, Target { label, output, shape, ..Target::default() })?;
        Ok(PendingProduct { reads: vec![Access::new(id, read)], axes: kept, step: None })
    }

    /// The index functions, the shape and the name of an intermediate with these axes. If it is gathered from or
    /// scattered into, an error about an index must name the tensor and the axis that the user knows: the intermediate
    /// has that tensor's name, and the positions lie along that axis.
    fn shape_of(&self, kept: &[u32]) -> (Indices<NodeId>, Shape, Label) {
        let stays = AxisSet::of(kept);
        let held = |position: &&SelectedPosition| stays.has(position.axis);
        let selections = self.form.selected.selections.iter().zip(&self.form.positions);
        let open = selections.into_iter().find(|(_, positions)| positions.iter().any(|p| held(&p)));
        let mut label = self.writer.node.label.clone();
        let mut dims: Vec<Option<u32>> = Vec::new();
        if let Some((selection, positions)) = open {
            if let Some(tensor) = selection.of {
                let id = self.writer.out.id(self.writer.c.factors[tensor as usize].tensor);
                label = self.writer.out.node(id).label.clone();
            }
            let least = positions.iter().map(|p| p.dim + 1).max().unwrap_or(0);
            dims.resize(least, None);
            positions.iter().for_each(|p| dims[p.dim] = Some(p.axis));
        }
        // Gathered elements are contiguous only along the axes that the index tensors do not depend on.
        let by = AxisSet::of(self.form.selected.selections.iter().flat_map(|s| &s.by));
        let placed = AxisSet::of(dims.iter().flatten());
        let (first, last): (Vec<u32>, Vec<u32>) = kept.iter().filter(|a| !placed.has(**a)).partition(|a| by.has(**a));
        let mut free = 0;
        for axis in first.into_iter().chain(last) {
            while dims.get(free).is_some_and(Option::is_some) {
                free += 1;
            }
            match dims.get_mut(free) {
                Some(dim) => *dim = Some(axis),
                None => dims.push(Some(axis)),
            }
        }
        let output = dims.iter().map(|dim| dim.map_or(Index::constant(0), Index::axis)).collect();
        let shape = dims.iter().map(|dim| dim.map_or(1, |a| self.writer.extent(a))).collect();
        (output, shape, label)
    }

    /// Writes the last step.
    fn finish(
        &mut self,
        kept: Vec<u32>,
        mut reduced: Vec<u32>,
        positions: &[SelectedPosition],
        reads: Vec<Access<NodeId>>,
        mask: Option<Access<NodeId>>,
    ) -> Result<NodeId, Violation> {
        // Axes that only the result has, if their scatter index has no selection, come last.
        let unseen = |a: &u32| self.writer.extent(*a) != 1 && !self.form.sees(*a);
        reduced.extend((0..self.form.c.axes.len() as u32).filter(unseen));
        let mut target = self.writer.target();
        self.resolve(positions, &mut target.output);
        let Some(mask) = mask else {
            let space: Vec<u32> = kept.into_iter().chain(reduced).filter(|&a| is_own(positions, a)).collect();
            return self.writer.emit(&space, reads, target);
        };
        let PendingProduct { reads: value, axes, .. } = self.write(kept, &reduced, positions, reads)?;
        let dtype = self.writer.node.dtype;
        target.expr = Some(Arc::new(masked(dtype, identity(&self.form.c, dtype).unwrap_or_default())?));
        self.writer.emit(&axes, [mask].into_iter().chain(value).collect(), target)
    }

    /// Writes a `bool` node that marks the positions of the result that some scatter index names, read at the axes of
    /// the positions. The index tensors have the axes `by`.
    fn mask(&mut self, positions: &[SelectedPosition], by: &[u32]) -> Result<Access<NodeId>, Violation> {
        let mut output: Indices<NodeId> = positions.iter().map(|p| Index::axis(p.axis)).collect();
        let read = output.clone();
        self.resolve(positions, &mut output);
        let (axes, factors, algebra) = (Vec::new(), Vec::new(), Algebra::SUM_PRODUCT);
        let mut c = Contraction { axes, factors, output, expr: None, algebra, init: None, pinned: false };
        restrict(&mut c, &self.form.c.axes, by, &mut self.writer.local);
        let shape = positions.iter().map(|p| self.writer.extent(p.axis)).collect();
        let Node { label, region, .. } = self.writer.node;
        let node = Node { label: label.clone(), dtype: Dtype::Bool, shape, region: *region, def: c.into() };
        Ok(Access::new(self.writer.out.push(node)?, read))
    }
}

/// Whether an axis does not stand for one of the positions.
fn is_own(positions: &[SelectedPosition], axis: u32) -> bool {
    positions.iter().all(|position| position.axis != axis)
}

/// The expression that selects the second factor where the first is true, else `identity`.
fn masked(dtype: Dtype, identity: f64) -> Result<Expr, Violation> {
    Expr::new(vec![
        (PointOp::Read(0), Dtype::Bool),
        (PointOp::Read(1), dtype),
        (PointOp::Literal(Literal::Float(identity)), dtype),
        (PointOp::Call(Function::Where), dtype),
    ])
}

#[cfg(test)]
mod tests;
