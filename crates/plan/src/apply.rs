//! Writes contraction trees back into the IR, one node a step.
//!
//! The nodes are naive: a diagonal, a sum over an axis that only one factor has, and a final permutation each get a node of
//! their own. That keeps lowering total; the passes fold them into their neighbours where they only move elements.

mod made;
mod slices;
mod through;

use std::sync::Arc;

use einfold_ir::{
    Access, Contraction, Def, Expr, IdVec, Index, Indices, Ir, Label, Machine, Node, NodeId, RegionId, Tree, Violation,
};
use einfold_order::{FoundOrder, SlicedAxis};

pub(crate) use self::made::Applied;
pub use self::made::Made;
use self::slices::Sliced;
use crate::error::PlanError;
use crate::legs::Uses;
use crate::lift::Lifted;
use crate::network::{Treatment, axes_of, treatment};
use crate::roles::AxisSet;

/// How a contraction is written out.
#[derive(Clone, Copy, Debug)]
pub struct Route<'a> {
    /// In which order.
    pub tree: &'a Tree,
    /// In which slices, from the outermost loop to the innermost.
    pub slices: &'a [SlicedAxis],
    /// Among how many lanes, which may run at the same time, the pieces of the first slice are shared out: a divisor of their
    /// number.
    pub lanes: u64,
    /// The fewest rows and columns of a step through ids whose factors are written out for a matrix product.
    pub least_side: u64,
}

impl<'a> From<&'a Tree> for Route<'a> {
    fn from(tree: &'a Tree) -> Route<'a> {
        Route { tree, slices: &[], lanes: 1, least_side: Machine::DEFAULT.least_side() }
    }
}

impl<'a> From<&'a FoundOrder> for Route<'a> {
    fn from(ordered: &'a FoundOrder) -> Route<'a> {
        Route { slices: &ordered.slices, ..(&ordered.tree).into() }
    }
}

/// The same expression with every factored contraction written as the steps of its tree: `routes[k]` is that of node `k`.
/// A contraction that has none, or that is not factored, stays one node. New nodes have the dtype of the contraction, so
/// that every factor is converted before any arithmetic; the node that takes its place is the last of them and alone
/// carries `pinned` and `onto`. A contraction over an empty axis becomes the identity of ⊕.
///
/// A contraction in slices becomes a region with a loop for each of them, whose turns add to one node outside. Steps that
/// depend on no slice come before it; the others are in the order of the number of loops that they depend on. Lanes that would
/// write to the same positions add to results of their own, which are summed in order after the loops.
///
/// # Errors
/// [`PlanError::Leaves`] if a tree has another number of leaves than the contraction has factors; [`PlanError::Slices`] if it
/// cannot be sliced so.
pub fn apply(ir: &Ir, routes: &IdVec<NodeId, Option<Route<'_>>>) -> Result<Ir, PlanError> {
    Ok(write_out(ir, routes)?.ir)
}

/// As [`apply`], and what became of each node.
pub(crate) fn write_out(ir: &Ir, routes: &IdVec<NodeId, Option<Route<'_>>>) -> Result<Applied, PlanError> {
    let (mut out, mut made) = (Ir::new(), IdVec::with_capacity(ir.nodes().len()));
    for region in 1..ir.regions() as u32 {
        let (region, loops) = (RegionId(region), ir.loops(RegionId(region)).to_vec());
        if ir.has_lanes(region) {
            out.region_in_lanes(loops)
        } else {
            out.region(loops)
        };
    }
    let mut ids: IdVec<NodeId, NodeId> = IdVec::with_capacity(ir.nodes().len());
    for id in ir.ids() {
        let node = ir.node(id);
        let (first, mut steps) = (out.nodes().len() as u32, Vec::new());
        let new = match &node.def {
            Def::Input { .. } => out.input(node.label.clone(), node.dtype, node.shape.clone()),
            Def::Identity(_) => out.push(node.clone())?,
            Def::Contract(c) => {
                let route = routes.get(id).copied().flatten();
                rewrite(ir, &mut out, (&ids, &mut steps), id, c, route)?
            }
            _ => return Err(Violation(format!("node %{} has an unknown definition", id.0)).into()),
        };
        ids.push(new);
        made.push(Made { nodes: first..out.nodes().len() as u32, steps });
    }
    for output in ir.outputs() {
        out.output(ids[*output])?;
    }
    Ok(Applied { ir: out, made })
}

/// Writes one contraction and returns the node that takes its place. `ids` are the new ids of the nodes before it; `steps` gets
/// the nodes of the steps of a tree through ids.
fn rewrite(
    ir: &Ir,
    out: &mut Ir,
    (ids, steps): (&IdVec<NodeId, NodeId>, &mut Vec<Vec<NodeId>>),
    id: NodeId,
    c: &Contraction,
    route: Option<Route<'_>>,
) -> Result<NodeId, PlanError> {
    let node = ir.node(id);
    let treatment = treatment(node, c);
    let Some(route) = route else { return flat(out, ids, node, c, treatment) };
    let whole = route.slices.is_empty();
    if !whole && (treatment != Treatment::Factored || node.region != RegionId::TOP) {
        return Err(PlanError::Slices { node: id });
    }
    let wrong = |factors| PlanError::Leaves { node: id, leaves: route.tree.leaves(), factors };
    match treatment {
        Treatment::Factored if route.tree.leaves() != c.factors.len() => Err(wrong(c.factors.len())),
        Treatment::Factored if whole => Ok(Writer::new(out, ids, node, c).along(route.tree)?),
        Treatment::Factored => {
            let sliced = Sliced::of(node, c, route.slices, route.lanes).ok_or(PlanError::Slices { node: id })?;
            Ok(sliced.write(out, ids, (node, c), route.tree)?)
        }
        Treatment::ThroughIds => {
            let Some(lifted) = Lifted::of(ir, node, c) else { return flat(out, ids, node, c, treatment) };
            let (tree, factors) = (route.tree, c.factors.len());
            let all = factors + lifted.selected.selections.len();
            if tree.leaves() != factors && tree.leaves() != all {
                return Err(wrong(all));
            }
            if tree.leaves() == all && !lifted.selected.accepts(tree) {
                return Err(PlanError::Ids { node: id });
            }
            let lifted = if tree.leaves() == factors { lifted.without_ids(node, c) } else { lifted };
            let mut writer = Writer::new(out, ids, node, &lifted.c);
            writer.least_side = route.least_side;
            Ok(writer.through(&lifted, tree, steps)?)
        }
        _ => flat(out, ids, node, c, treatment),
    }
}

/// Writes a contraction in one node.
fn flat(
    out: &mut Ir,
    ids: &IdVec<NodeId, NodeId>,
    node: &Node,
    c: &Contraction,
    treatment: Treatment,
) -> Result<NodeId, PlanError> {
    if treatment != Treatment::Empty {
        return Ok(Writer::new(out, ids, node, c).flat()?);
    }
    match c.onto {
        Some(onto) => Ok(ids[onto]),
        None => Ok(out.push(Node { def: Def::Identity(c.algebra), ..node.clone() })?),
    }
}

/// Writes the nodes of one contraction. Axes are numbered as in the contraction, tensors as in the new IR.
struct Writer<'a> {
    out: &'a mut Ir,
    ids: &'a IdVec<NodeId, NodeId>,
    node: &'a Node,
    c: &'a Contraction,
    onto: Option<NodeId>,
    /// The region of the node being written.
    region: RegionId,
    /// The place of each axis in the space of the node being written; an axis without one has extent 1.
    local: Vec<Option<u32>>,
    uses: Uses,
    /// That of the [`Route`].
    least_side: u64,
}

/// A tensor still to be used.
#[derive(Default)]
struct Operand {
    read: Option<Access<NodeId>>,
    axes: Vec<u32>,
}

/// What a node writes.
struct Target {
    label: Label,
    output: Indices<NodeId>,
    shape: Vec<usize>,
    onto: Option<NodeId>,
    pinned: bool,
}

impl<'a> Writer<'a> {
    fn new(out: &'a mut Ir, ids: &'a IdVec<NodeId, NodeId>, node: &'a Node, c: &'a Contraction) -> Writer<'a> {
        let onto = c.onto.map(|o| ids[o]);
        let (region, local) = (node.region, vec![None; c.axes.len()]);
        Writer { out, ids, node, c, onto, region, local, uses: Uses::default(), least_side: 0 }
    }
}

impl Writer<'_> {
    /// The contraction in one node. Axes of extent 1 go, but for a conversion, which has to stay one to one.
    fn flat(&mut self) -> Result<NodeId, Violation> {
        let factors: Vec<_> = self.c.factors.iter().map(|f| f.map(&mut |id| self.ids[*id])).collect();
        let target = self.target();
        if self.c.is_map() || self.c.algebra.accumulator(self.node.dtype) != self.node.dtype {
            let output = target.output;
            let c = Contraction { factors, output, onto: self.onto, ..self.c.clone() };
            return self.out.push(Node { def: Def::Contract(c), ..self.node.clone() });
        }
        let space: Vec<u32> = (0..self.c.axes.len() as u32).filter(|&a| self.extent(a) != 1).collect();
        self.emit(&space, factors, target)
    }

    /// The contraction as the steps of `tree`: those that depend on fewer loops first.
    fn along(&mut self, tree: &Tree) -> Result<NodeId, Violation> {
        let (asked, others) = self.asked();
        // Steps of one tensor have nothing to do: what they could sum was summed where it became lone.
        let last = tree.steps().iter().rposition(|s| s.len() > 1).map(|k| tree.leaves() + k);
        let depths = self.depths(tree, last);
        let mut order: Vec<usize> = (0..depths.len()).collect();
        order.sort_by_key(|&id| depths[id]);
        let region = self.region;
        let mut live: Vec<Operand> = depths.iter().map(|_| Operand::default()).collect();
        for id in order {
            self.region = if depths[id] > 0 { region } else { self.node.region };
            let Some(step) = id.checked_sub(tree.leaves()).map(|k| &tree.steps()[k]) else {
                live[id] = self.leaf(id)?;
                continue;
            };
            let mut children: Vec<Operand> = step.iter().map(|&id| std::mem::take(&mut live[id as usize])).collect();
            if Some(id) == last {
                return self.root(&mut children, &asked, &others);
            }
            live[id] = if children.len() == 1 { std::mem::take(&mut children[0]) } else { self.join(&mut children)? };
        }
        self.flat()
    }

    /// How many loops each tensor of the tree depends on. Its result is added up in every turn.
    fn depths(&self, tree: &Tree, last: Option<usize>) -> Vec<usize> {
        let mut depths: Vec<usize> = self.c.factors.iter().map(Access::depth).collect();
        for step in tree.steps() {
            depths.push(step.iter().map(|&id| depths[id as usize]).max().unwrap_or(0));
        }
        let loops = self.out.loops(self.region).len();
        last.into_iter().for_each(|last| depths[last] = loops);
        depths
    }

    /// The axes of the result that some factor has, and all axes that none has. Counts the uses of axes.
    fn asked(&mut self) -> (Vec<u32>, Vec<u32>) {
        self.uses = Uses::new(self.c.axes.len());
        self.c.factors.iter().for_each(|factor| self.uses.add(&axes_of(&factor.indices, &self.c.axes)));
        let unseen = |&a: &u32| self.uses.of(a) == 0 && self.extent(a) != 1;
        let others = (0..self.c.axes.len() as u32).filter(unseen).collect();
        let mut asked = axes_of(&self.c.output, &self.c.axes);
        asked.retain(|&a| self.uses.of(a) > 0);
        self.uses.add(&asked);
        (asked, others)
    }

    /// A factor: after a sum over the axes that nothing else has, and with repeated axes taken as a diagonal.
    fn leaf(&mut self, factor: usize) -> Result<Operand, Violation> {
        let factor = &self.c.factors[factor];
        let read = factor.map(&mut |id| self.ids[*id]);
        let axes = axes_of(&factor.indices, &self.c.axes);
        let kept = self.uses.shared(&axes);
        let lone = kept.len() < axes.len();
        if !lone && !self.repeats(&read) {
            return Ok(Operand { read: Some(read), axes });
        }
        let stays = AxisSet::of(&kept);
        let summed = axes.iter().copied().filter(|&a| !stays.has(a));
        let space: Vec<u32> = kept.iter().copied().chain(summed).collect();
        self.plain(&space, kept, vec![read])
    }

    /// Whether two of the indices are the same plain axis.
    fn repeats(&self, read: &Access<NodeId>) -> bool {
        let plain = |i: &Index<NodeId>| i.as_axis().filter(|&a| self.extent(a) != 1);
        let mut seen = AxisSet::default();
        read.indices.iter().filter_map(plain).any(|a| !seen.insert(a))
    }

    /// Multiplies `children` and reduces the axes that nothing else has.
    fn join(&mut self, children: &mut [Operand]) -> Result<Operand, Violation> {
        let (kept, space) = self.split(children);
        self.uses.add(&kept);
        self.plain(&space, kept, reads(children))
    }

    /// The last step: where it makes the result as it is asked, it writes it; else a node that permutes, repeats along axes
    /// that no factor has (`others`), or sums over such, comes after it.
    fn root(&mut self, children: &mut [Operand], asked: &[u32], others: &[u32]) -> Result<NodeId, Violation> {
        let (kept, mut space) = self.split(children);
        // Wherever the last step writes itself, the order of the result's axes is no concern of a copy.
        let scatters = self.onto.is_some() || !self.is_plain_output();
        let target = self.target();
        if others.is_empty() && (scatters || kept == asked) {
            return self.emit(&space, reads(children), target);
        }
        let product = self.plain(&space, kept, reads(children))?;
        space.clear();
        space.extend(&product.axes);
        space.extend(others);
        self.emit(&space, product.read.into_iter().collect(), target)
    }

    /// The axes that stay and all axes, in their natural order, of the product of `children`, which are no longer in use.
    fn split(&mut self, children: &[Operand]) -> (Vec<u32>, Vec<u32>) {
        let roles = self.uses.product(&children.iter().map(|c| &c.axes[..]).collect::<Vec<_>>());
        (roles.kept().collect(), roles.kept().chain(roles.reduced()).collect())
    }

    /// A node over `space` that holds the axes `kept` as they come.
    fn plain(&mut self, space: &[u32], kept: Vec<u32>, factors: Vec<Access<NodeId>>) -> Result<Operand, Violation> {
        let output = kept.iter().map(|&a| Index::axis(a)).collect();
        let shape = kept.iter().map(|&a| self.extent(a)).collect();
        let label = self.node.label.clone();
        let id = self.emit(space, factors, Target { label, output, shape, onto: None, pinned: false })?;
        Ok(Operand { read: Some(Access::plain(id, kept.iter().copied())), axes: kept })
    }

    /// The result of the contraction itself.
    fn target(&self) -> Target {
        let output = self.c.output.iter().map(|i| i.map(&mut |id: &NodeId| self.ids[*id])).collect();
        let label = self.node.label.clone();
        Target { label, output, shape: self.node.shape.clone(), onto: self.onto, pinned: self.c.pinned }
    }

    /// Adds a node over the axes `space`.
    fn emit(&mut self, space: &[u32], factors: Vec<Access<NodeId>>, target: Target) -> Result<NodeId, Violation> {
        self.emit_expr(space, factors, self.c.expr.clone(), target)
    }

    /// As [`Writer::emit`], of an expression over the factors.
    fn emit_expr(
        &mut self,
        space: &[u32],
        mut factors: Vec<Access<NodeId>>,
        expr: Option<Arc<Expr>>,
        target: Target,
    ) -> Result<NodeId, Violation> {
        let Target { label, mut output, shape, onto, pinned } = target;
        self.renumber(space, factors.iter_mut().flat_map(|f| &mut f.indices).chain(&mut output));
        let axes = space.iter().map(|&a| self.c.axes[a as usize].clone()).collect();
        let c = Contraction { axes, factors, output, expr, algebra: self.c.algebra, onto, pinned };
        let (dtype, region) = (self.node.dtype, self.region);
        self.out.push(Node { label, dtype, shape, region, def: Def::Contract(c) })
    }

    /// Numbers the axes of all indices by their places in `space`.
    fn renumber<'i>(&mut self, space: &[u32], indices: impl Iterator<Item = &'i mut Index<NodeId>>) {
        (0..).zip(space).for_each(|(at, &axis)| self.local[axis as usize] = Some(at));
        indices.for_each(|index| index.renumber(&|axis| self.local[axis as usize]));
        space.iter().for_each(|&axis| self.local[axis as usize] = None);
    }

    /// Whether the result has distinct axes, each as it is.
    fn is_plain_output(&self) -> bool {
        let output = &self.c.output;
        let fresh = |(k, i): (usize, &Index<NodeId>)| i.as_axis().is_some() && !output[..k].contains(i);
        output.iter().enumerate().all(fresh)
    }

    fn extent(&self, axis: u32) -> usize {
        self.c.axes[axis as usize].extent
    }
}

fn reads(children: &mut [Operand]) -> Vec<Access<NodeId>> {
    children.iter_mut().filter_map(|c| c.read.take()).collect()
}

#[cfg(test)]
mod tests;
