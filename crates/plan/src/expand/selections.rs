//! Expands trees with selections: a gathered position is an axis before the step of its selection, and the gather or
//! scatter index afterwards.
//!
//! A product or gather that sums nothing is computed in the step that reads it, unless that step is a matrix product.

use std::sync::Arc;

use einfold_ir::{
    Access, Algebra, AxisSet, Contraction, Dtype, Expr, Function, Index, Indices, Label, Literal, Node, NodeId,
    PointOp, Tree, Violation,
};

use super::{Target, TreeWriter};
use crate::roles::AxisUses;
use crate::roles::Roles;
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

/// A step of a tree.
struct TreeStep {
    parts: Vec<PendingProduct>,
    /// The selection that the step uses.
    selection: Option<usize>,
    roles: Roles,
}

impl TreeWriter<'_, '_> {
    /// Writes the contraction, which is `form.c`, as the steps of `tree`, whose leaves are its factors and optionally
    /// the selections. `steps` gets the nodes of each step.
    pub(super) fn write_with_selections(
        &mut self,
        form: &SelectionForm,
        tree: &Tree,
        steps: &mut Vec<Vec<NodeId>>,
    ) -> Result<NodeId, Violation> {
        steps.resize(tree.steps().len(), Vec::new());
        let mut live = self.parts(form, tree.leaves())?;
        let mut mask = None;
        for (k, step) in tree.steps().iter().enumerate() {
            let selection = |&id: &u32| (id as usize).checked_sub(form.factors()).filter(|&s| s < form.positions.len());
            let selection = step.iter().find_map(selection);
            let parts: Vec<PendingProduct> = step.iter().map(|&id| std::mem::take(&mut live[id as usize])).collect();
            let roles = self.uses.product(&parts.iter().map(|p| &p.axes[..]).collect::<Vec<_>>());
            let mut join = TreeStep { parts, selection, roles };
            let (kept, reduced) = self.prepare(form, &mut join, steps)?;
            let first = self.out.len() as u32;
            if k + 1 == tree.steps().len() {
                let result = self.finish(form, join, (kept, reduced), mask)?;
                steps[k].extend(self.since(first));
                return Ok(result);
            }
            let part = PendingProduct { step: Some(k), ..self.join_part(form, join, kept, &reduced)? };
            self.uses.add(&part.axes);
            if selection.is_some_and(|s| form.selected.selections[s].of.is_none()) && form.selected.masked {
                mask = Some(self.mask(form)?);
            }
            steps[k].extend(self.since(first));
            live.push(part);
        }
        self.flat()
    }

    /// The nodes that were written from `first` on.
    fn since(&self, first: u32) -> impl Iterator<Item = NodeId> + use<> {
        (first..self.out.len() as u32).map(NodeId)
    }

    /// The factors, with the axes that no other tensor has summed, and the selections. Counts the uses of axes.
    fn parts(&mut self, form: &SelectionForm, leaves: usize) -> Result<Vec<PendingProduct>, Violation> {
        let network = &form.selected.network;
        self.uses = AxisUses::new(self.c.axes.len());
        let selections: Vec<Vec<u32>> = form.selection_axes().take(leaves - form.factors()).collect();
        network.inputs().iter().chain(&selections).for_each(|axes| self.uses.add(axes));
        self.uses.add(network.output());
        let mut parts = Vec::with_capacity(2 * leaves);
        for (factor, kept) in self.c.factors.iter().zip(network.inputs()) {
            let read = self.out.access(factor);
            let axes = form.axes_of(factor);
            parts.push(if kept.len() < axes.len() {
                let stays = AxisSet::of(kept);
                let summed = axes.iter().copied().filter(|&a| !stays.has(a));
                let space: Vec<u32> = kept.iter().copied().chain(summed).collect();
                self.write(form, &space, kept.clone(), vec![read])?
            } else {
                PendingProduct { reads: vec![read], axes, step: None }
            });
        }
        parts.extend(selections.into_iter().map(|axes| PendingProduct { reads: Vec::new(), axes, step: None }));
        Ok(parts)
    }

    /// Writes a step that is not the last.
    fn join_part(
        &mut self,
        form: &SelectionForm,
        join: TreeStep,
        kept: Vec<u32>,
        reduced: &[u32],
    ) -> Result<PendingProduct, Violation> {
        let reads: Vec<_> = join.parts.into_iter().flat_map(|p| p.reads).collect();
        let scatters = join.selection.filter(|&s| form.selected.selections[s].of.is_none());
        if let Some(s) = scatters {
            return self.scatter(form, s, &kept, reduced, reads);
        }
        if reduced.is_empty() && reads.len() <= MOST_FACTORS {
            return Ok(PendingProduct { reads, axes: kept, step: None });
        }
        let space = [&kept[..], reduced].concat();
        self.write(form, &space, kept, reads)
    }

    /// The kept and the reduced axes of a step. Reads through the indices of the step's selection; for a matrix
    /// product, gathers factors that are not tensors in memory first.
    fn prepare(
        &mut self,
        form: &SelectionForm,
        join: &mut TreeStep,
        steps: &mut [Vec<NodeId>],
    ) -> Result<(Vec<u32>, Vec<u32>), Violation> {
        let kept: Vec<u32> = join.roles.kept().collect();
        let mut reduced: Vec<u32> = join.roles.reduced().collect();
        match join.selection {
            Some(s) => {
                let positions = &form.positions[s];
                if form.selected.selections[s].of.is_some() {
                    let reads = join.parts.iter_mut().flat_map(|p| &mut p.reads);
                    reads.for_each(|read| self.resolve(positions, &mut read.indices));
                }
                reduced.retain(|a| positions.iter().all(|p| p.axis != *a));
            }
            None if self.is_matrix(&join.roles) => {
                for part in &mut join.parts {
                    if part.reads.len() > 1 || part.reads.iter().any(Access::has_indirect) {
                        let PendingProduct { reads, axes, step } = std::mem::take(part);
                        let first = self.out.len() as u32;
                        *part = self.write(form, &axes.clone(), axes, reads)?;
                        step.into_iter().for_each(|step| steps[step].extend(self.since(first)));
                    }
                }
            }
            None => {}
        }
        Ok((kept, reduced))
    }

    /// Whether a step of two tensors runs as a matrix product.
    fn is_matrix(&self, roles: &Roles) -> bool {
        let side = |group: &[u32]| group.iter().fold(1u64, |n, &a| n.saturating_mul(self.extent(a) as u64));
        let wide = |group| side(group) >= self.least_side;
        roles.is_matrix() && !roles.k.is_empty() && wide(&roles.m) && wide(&roles.n)
    }

    /// Substitutes the gather and scatter indices for the axes that stand for them.
    fn resolve(&self, positions: &[SelectedPosition], indices: &mut [Index<NodeId>]) {
        for index in indices {
            if let Some(position) = positions.iter().find(|p| index.as_axis() == Some(p.axis)) {
                *index = position.index.map(&mut |id| self.out.id(*id));
            }
        }
    }

    /// Writes a step that scatters into the result before the last step.
    fn scatter(
        &mut self,
        form: &SelectionForm,
        s: usize,
        kept: &[u32],
        reduced: &[u32],
        reads: Vec<Access<NodeId>>,
    ) -> Result<PendingProduct, Violation> {
        let positions = &form.positions[s];
        let (mut output, shape, label) = self.shape_of(form, kept);
        let read = output.clone();
        self.resolve(positions, &mut output);
        let own = |a: &u32| positions.iter().all(|p| p.axis != *a);
        let space: Vec<u32> = kept.iter().chain(reduced).copied().filter(own).collect();
        let id = self.emit(&space, reads, Target { label, output, shape, init: None, pinned: false })?;
        Ok(PendingProduct { reads: vec![Access::new(id, read)], axes: kept.to_vec(), step: None })
    }

    /// Writes a node over `space` that holds the axes `kept`.
    fn write(
        &mut self,
        form: &SelectionForm,
        space: &[u32],
        kept: Vec<u32>,
        reads: Vec<Access<NodeId>>,
    ) -> Result<PendingProduct, Violation> {
        let (output, shape, label) = self.shape_of(form, &kept);
        let read = output.clone();
        let id = self.emit(space, reads, Target { label, output, shape, init: None, pinned: false })?;
        Ok(PendingProduct { reads: vec![Access::new(id, read)], axes: kept, step: None })
    }

    /// The index functions, the shape and the name of an intermediate with these axes. If it is gathered from or
    /// scattered into, an error about an index must name the tensor and the axis that the user knows: the intermediate
    /// has that tensor's name, and the positions lie along that axis.
    fn shape_of(&self, form: &SelectionForm, kept: &[u32]) -> (Indices<NodeId>, Vec<usize>, Label) {
        let stays = AxisSet::of(kept);
        let held = |position: &&SelectedPosition| stays.has(position.axis);
        let selections = form.selected.selections.iter().zip(&form.positions);
        let open = selections.into_iter().find(|(_, positions)| positions.iter().any(|p| held(&p)));
        let mut label = self.node.label.clone();
        let mut dims: Vec<Option<u32>> = Vec::new();
        if let Some((selection, positions)) = open {
            if let Some(tensor) = selection.of {
                let id = self.out.id(self.c.factors[tensor as usize].tensor);
                label = self.out.node(id).label.clone();
            }
            let least = positions.iter().map(|p| p.dim + 1).max().unwrap_or(0);
            dims.resize(least, None);
            positions.iter().for_each(|p| dims[p.dim] = Some(p.axis));
        }
        // Gathered elements are contiguous only along the axes that the index tensors do not depend on.
        let by = AxisSet::of(form.selected.selections.iter().flat_map(|s| &s.by));
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
        let shape = dims.iter().map(|dim| dim.map_or(1, |a| self.extent(a))).collect();
        (output, shape, label)
    }

    /// Writes the last step.
    fn finish(
        &mut self,
        form: &SelectionForm,
        join: TreeStep,
        (kept, reduced): (Vec<u32>, Vec<u32>),
        mask: Option<Access<NodeId>>,
    ) -> Result<NodeId, Violation> {
        let positions = join.selection.map_or(&[][..], |s| &form.positions[s]);
        let reads: Vec<_> = join.parts.into_iter().flat_map(|p| p.reads).collect();
        let own = |a: &u32| positions.iter().all(|p| p.axis != *a);
        // Axes that only the result has, if their scatter index has no selection, come last.
        let unseen = |a: &u32| self.c.axes[*a as usize].extent != 1 && !form.sees(*a);
        let unseen = (0..self.c.axes.len() as u32).filter(unseen);
        let space: Vec<u32> = kept.iter().chain(&reduced).copied().chain(unseen).filter(own).collect();
        let mut target = self.target();
        self.resolve(positions, &mut target.output);
        let Some(mask) = mask else { return self.emit(&space, reads, target) };
        let PendingProduct { reads: value, .. } = self.write(form, &space, kept.clone(), reads)?;
        let expr = masked(self.node.dtype, identity(self.c, self.node.dtype).unwrap_or_default())?;
        self.emit_expr(&kept, [mask].into_iter().chain(value).collect(), Some(Arc::new(expr)), target)
    }

    /// Writes a `bool` node that marks the positions of the result that some scatter index names, read at the axes of
    /// the positions.
    fn mask(&mut self, form: &SelectionForm) -> Result<Access<NodeId>, Violation> {
        let scatter = form.selected.selections.iter().position(|s| s.of.is_none());
        let s = scatter.ok_or_else(|| Violation("a mask of a result without ids".into()))?;
        let (positions, by) = (&form.positions[s], &form.selected.selections[s].by);
        let mut output: Indices<NodeId> = positions.iter().map(|p| Index::axis(p.axis)).collect();
        let read = output.clone();
        self.resolve(positions, &mut output);
        self.renumber(by, output.iter_mut());
        let c = Contraction {
            axes: by.iter().map(|&a| self.c.axes[a as usize].clone()).collect(),
            factors: Vec::new(),
            output,
            expr: None,
            algebra: Algebra::SUM_PRODUCT,
            init: None,
            pinned: false,
        };
        let shape = positions.iter().map(|p| self.extent(p.axis)).collect();
        let Node { label, region, .. } = self.node;
        let node = Node { label: label.clone(), dtype: Dtype::Bool, shape, region: *region, def: c.into() };
        Ok(Access::new(self.out.push(node)?, read))
    }
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
