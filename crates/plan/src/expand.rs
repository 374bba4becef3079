//! Expands contractions along their trees: one node for each step.
//!
//! The nodes are naive: a diagonal, a sum over an axis that only one factor has, and a final permutation each get a
//! node of their own. Lowering stays total, and the passes fold these nodes into their neighbours if they only move
//! elements.

mod selections;
mod slices;

use std::ops::Range;
use std::sync::Arc;

use einfold_ir::{
    Access, AxisSet, Contraction, Def, Depths, Expr, Id, IdVec, Index, Indices, Ir, Label, Machine, Node, NodeId,
    RegionId, Rewriter, Shape, Tree, Violation,
};
use einfold_order::{FoundOrder, SlicedAxis};
use smallvec::SmallVec;

use self::selections::SelectionWriter;
use self::slices::SlicedContraction;
use crate::error::PlanError;
use crate::evaluation::{Evaluation, evaluation};
use crate::network::{are_distinct_axes, axes_of, restrict};
use crate::roles::{AxisList, AxisUses};
use crate::selections::SelectionForm;

/// The order along which a contraction is expanded: its tree, slices and partitions.
#[derive(Clone, Copy, Debug)]
pub struct ChosenOrder<'a> {
    /// The contraction tree.
    pub tree: &'a Tree,
    /// The slices, from the outermost loop to the innermost.
    pub slices: &'a [SlicedAxis],
    /// The number of partitions of the first slice's iterations, which may run in parallel: a divisor of their number.
    pub partitions: u64,
    /// The fewest rows and columns of a step with index tensors whose factors are gathered first for a matrix product.
    pub least_side: u64,
}

impl<'a> From<&'a Tree> for ChosenOrder<'a> {
    fn from(tree: &'a Tree) -> ChosenOrder<'a> {
        ChosenOrder { tree, slices: &[], partitions: 1, least_side: Machine::DEFAULT.least_side() }
    }
}

impl<'a> From<&'a FoundOrder> for ChosenOrder<'a> {
    fn from(ordered: &'a FoundOrder) -> ChosenOrder<'a> {
        ChosenOrder { slices: &ordered.slices, ..(&ordered.tree).into() }
    }
}

/// An expanded module.
#[derive(Clone, Debug, Default)]
pub struct Expanded {
    /// The module with one node for each step.
    pub ir: Ir,
    /// The nodes that replace each node of the original module.
    pub expansions: IdVec<NodeId, Expansion, 0>,
}

/// The evaluation strategy of one node and the nodes that replace it. No other tensor of that node's contraction is in
/// memory.
#[derive(Clone, Debug, Default)]
pub struct Expansion {
    /// The evaluation strategy of the node, if it is a contraction.
    pub evaluation: Option<Evaluation>,
    /// The nodes that replace it.
    pub nodes: Range<u32>,
    /// The nodes of each step of a tree with index tensors; none for a step that is computed in its reader. Empty if
    /// every step has a node.
    pub steps: Vec<Vec<NodeId>>,
}

/// Expands every factored contraction along its tree; `orders[k]` is the order of node `k`. A contraction without an
/// order, or that is not factored, stays one node. New nodes have the dtype of the contraction, so that every factor is
/// converted before any arithmetic; the last of them replaces the contraction and alone carries `pinned` and `init`. A
/// contraction over an empty axis becomes the identity of ⊕.
///
/// A sliced contraction becomes a region with a loop for each slice, whose iterations accumulate into one node outside.
/// Steps that depend on no slice precede the region; the others are ordered by the number of loops that they depend on.
/// Partitions that would write to the same positions accumulate into results of their own, which are summed in order
/// after the loops.
///
/// # Errors
/// [`PlanError::Leaves`] if a tree does not have one leaf for each factor, and optionally one for each selection;
/// [`PlanError::Selections`] if it uses a selection too early or too late; [`PlanError::Slices`] if the contraction
/// cannot be sliced in this way.
pub fn expand(ir: &Ir, orders: &[Option<ChosenOrder<'_>>]) -> Result<Expanded, PlanError> {
    let (mut out, mut expansions) = (Rewriter::new(ir), IdVec::with_capacity(ir.nodes().len()));
    for (id, node) in ir.nodes().entries() {
        let (first, mut steps) = (out.next_number(), Vec::new());
        let evaluation = node.contraction().map(|c| evaluation(node, c));
        let new = match node.contraction().zip(evaluation) {
            None => out.keep(id),
            Some(contraction) => {
                let chosen = orders.get(id.number()).copied().flatten();
                expand_contraction(ir, &mut out, &mut steps, id, contraction, chosen)?
            }
        };
        out.replace(id, new)?;
        expansions.push(Expansion { evaluation, nodes: first..out.next_number(), steps });
    }
    Ok(Expanded { ir: out.finish()?.unwrap_or_else(|| ir.clone()), expansions })
}

/// Expands one contraction and returns the node that replaces it. `steps` gets the nodes of the steps of a tree with
/// index tensors.
fn expand_contraction(
    ir: &Ir,
    out: &mut Rewriter<'_>,
    steps: &mut Vec<Vec<NodeId>>,
    id: NodeId,
    (c, evaluation): (&Contraction, Evaluation),
    chosen: Option<ChosenOrder<'_>>,
) -> Result<NodeId, PlanError> {
    let node = ir.node(id);
    let Some(chosen) = chosen else { return flat(out, id, (node, c), evaluation) };
    let whole = chosen.slices.is_empty();
    if !whole && (evaluation != Evaluation::Factored || node.region != RegionId::TOP) {
        return Err(PlanError::Slices { node: id });
    }
    let (leaves, factors) = (chosen.tree.leaves(), c.factors.len());
    match evaluation {
        Evaluation::Factored if leaves != factors => Err(PlanError::Leaves { node: id, leaves, factors }),
        Evaluation::Factored if whole => Ok(TreeWriter::new(out, node, c).write_tree(chosen.tree)?),
        Evaluation::Factored => {
            let sliced = SlicedContraction::of(node, c, chosen).ok_or(PlanError::Slices { node: id })?;
            Ok(sliced.write(out, (node, c), chosen.tree)?)
        }
        Evaluation::WithSelections => {
            let Some(form) = SelectionForm::of(ir, node, c) else { return flat(out, id, (node, c), evaluation) };
            let form = if form.selects(id, chosen.tree)? { form } else { form.without_selections(node, c) };
            let mut writer = TreeWriter::new(out, node, &form.c);
            writer.least_side = chosen.least_side;
            Ok(SelectionWriter { writer, form: &form, steps }.write_tree(chosen.tree)?)
        }
        Evaluation::Empty | Evaluation::Flat(_) => flat(out, id, (node, c), evaluation),
    }
}

/// Writes a contraction as one node.
fn flat(
    out: &mut Rewriter<'_>,
    id: NodeId,
    (node, c): (&Node, &Contraction),
    evaluation: Evaluation,
) -> Result<NodeId, PlanError> {
    match (evaluation, c.init) {
        (Evaluation::Empty, Some(init)) => Ok(out.id(init)),
        (Evaluation::Empty, None) => Ok(out.push(Node { def: Def::Identity(c.algebra), ..node.clone() })?),
        // The contraction of a conversion must stay one to one.
        _ if c.is_map() || c.algebra.accumulator(node.dtype) != node.dtype => Ok(out.keep(id)),
        _ if c.axes.iter().all(|axis| axis.extent != 1) => Ok(out.keep(id)),
        _ => Ok(TreeWriter::new(out, node, c).flat()?),
    }
}

/// Writes the nodes of one contraction. Axes are numbered as in the contraction, tensors as in the new module.
struct TreeWriter<'a, 'i> {
    out: &'a mut Rewriter<'i>,
    node: &'a Node,
    c: &'a Contraction,
    init: Option<NodeId>,
    /// The region of the node that is written.
    region: RegionId,
    /// The position of each axis in the iteration space of the node that is written, as [`restrict`] sets it.
    local: SmallVec<[Option<u32>; 8]>,
    uses: AxisUses,
    /// The limit of the [`ChosenOrder`].
    least_side: u64,
}

/// A tensor that is still to be used.
struct OpenTensor {
    read: Access<NodeId>,
    axes: AxisList,
}

/// The tensors of a step.
type Children = SmallVec<[OpenTensor; 2]>;

/// The output of a node, and the expression over its factors.
#[derive(Default)]
struct Target {
    label: Label,
    output: Indices<NodeId>,
    shape: Shape,
    expr: Option<Arc<Expr>>,
    init: Option<NodeId>,
    pinned: bool,
}

impl<'a, 'i> TreeWriter<'a, 'i> {
    fn new(out: &'a mut Rewriter<'i>, node: &'a Node, c: &'a Contraction) -> TreeWriter<'a, 'i> {
        let init = c.init.map(|init| out.id(init));
        let (region, local) = (node.region, SmallVec::from_elem(None, c.axes.len()));
        TreeWriter { out, node, c, init, region, local, uses: AxisUses::default(), least_side: 0 }
    }

    /// Writes the contraction as one node, without axes of extent 1.
    fn flat(&mut self) -> Result<NodeId, Violation> {
        let factors: Vec<_> = self.c.factors.iter().map(|factor| self.out.access(factor)).collect();
        let target = self.target();
        let space: AxisList = (0..self.c.axes.len() as u32).filter(|&a| self.extent(a) != 1).collect();
        self.emit(&space, factors, target)
    }

    /// Writes the contraction as the steps of `tree`, ordered by the number of loops that they depend on.
    fn write_tree(&mut self, tree: &Tree) -> Result<NodeId, Violation> {
        let (result_axes, others) = self.result_axes();
        // Steps of one tensor have no effect: the axes that only this tensor has are summed already.
        let last = tree.steps().iter().rposition(|s| s.len() > 1).map(|k| tree.leaves() + k);
        let depths = self.depths(tree, last);
        let mut order: SmallVec<[usize; 8]> = (0..depths.len()).collect();
        order.sort_by_key(|&id| depths[id]);
        let region = self.region;
        let mut live: SmallVec<[Option<OpenTensor>; 4]> = depths.iter().map(|_| None).collect();
        for id in order {
            self.region = if depths[id] > 0 { region } else { self.node.region };
            let Some(step) = id.checked_sub(tree.leaves()).map(|k| &tree.steps()[k]) else {
                live[id] = Some(self.leaf(id)?);
                continue;
            };
            let mut children: Children = step.iter().filter_map(|&id| live[id as usize].take()).collect();
            if Some(id) == last {
                return self.root(children, &result_axes, &others);
            }
            live[id] = if children.len() > 1 { Some(self.join(children)?) } else { children.pop() };
        }
        self.flat()
    }

    /// The number of loops that each tensor of the tree depends on. The result accumulates in every iteration.
    fn depths(&self, tree: &Tree, last: Option<usize>) -> Depths {
        let mut depths: Depths = self.c.factors.iter().map(Access::depth).collect();
        for step in tree.steps() {
            depths.push(step.iter().map(|&id| depths[id as usize]).max().unwrap_or(0));
        }
        let loops = self.out.loops(self.region).len();
        last.into_iter().for_each(|last| depths[last] = loops);
        depths
    }

    /// The axes of the result that some factor has, and all axes that no factor has. Counts the uses of axes.
    fn result_axes(&mut self) -> (AxisList, AxisList) {
        self.uses = AxisUses::new(self.c.axes.len());
        self.c.factors.iter().for_each(|factor| self.uses.add(&axes_of(&factor.indices, &self.c.axes)));
        let unseen = |&a: &u32| self.uses.of(a) == 0 && self.extent(a) != 1;
        let others = (0..self.c.axes.len() as u32).filter(unseen).collect();
        let mut result_axes = axes_of(&self.c.output, &self.c.axes);
        result_axes.retain(|a| self.uses.of(*a) > 0);
        self.uses.add(&result_axes);
        (result_axes, others)
    }

    /// Writes a factor, with the axes that no other tensor has summed and repeated axes taken as a diagonal.
    fn leaf(&mut self, factor: usize) -> Result<OpenTensor, Violation> {
        let factor = &self.c.factors[factor];
        let read = self.out.access(factor);
        let axes = axes_of(&factor.indices, &self.c.axes);
        let (kept, summed): (AxisList, AxisList) = axes.iter().copied().partition(|&a| self.uses.of(a) > 1);
        if summed.is_empty() && !self.repeats(&read) {
            return Ok(OpenTensor { read, axes });
        }
        let space: AxisList = kept.iter().chain(&summed).copied().collect();
        self.plain(&space, kept, vec![read])
    }

    /// Whether two of the indices are the same plain axis.
    fn repeats(&self, read: &Access<NodeId>) -> bool {
        let plain = |i: &Index<NodeId>| i.as_axis().filter(|&a| self.extent(a) != 1);
        let mut seen = AxisSet::default();
        read.indices.iter().filter_map(plain).any(|a| !seen.insert(a))
    }

    /// Writes the product of `children`, reduced over the axes that no other tensor has.
    fn join(&mut self, children: Children) -> Result<OpenTensor, Violation> {
        let (kept, space) = self.split(&children);
        self.uses.add(&kept);
        self.plain(&space, kept, reads(children))
    }

    /// Writes the last step. If its product is the result as requested, the step writes the result; otherwise a further
    /// node permutes, broadcasts along axes that no factor has (`others`), or sums over them.
    fn root(&mut self, children: Children, result_axes: &[u32], others: &[u32]) -> Result<NodeId, Violation> {
        let (kept, mut space) = self.split(&children);
        // If the last step writes the result directly, the axis order of the result needs no copy.
        let scatters = self.init.is_some() || !are_distinct_axes(&self.c.output);
        let target = self.target();
        if others.is_empty() && (scatters || kept[..] == *result_axes) {
            return self.emit(&space, reads(children), target);
        }
        let product = self.plain(&space, kept, reads(children))?;
        space.clear();
        space.extend_from_slice(&product.axes);
        space.extend_from_slice(others);
        self.emit(&space, vec![product.read], target)
    }

    /// The kept axes and all axes, in their natural order, of the product of `children`, which are no longer used.
    fn split(&mut self, children: &[OpenTensor]) -> (AxisList, AxisList) {
        let roles = self.uses.product(&children.iter().map(|c| &c.axes[..]).collect::<SmallVec<[_; 4]>>());
        let mut kept = roles.batch;
        [&roles.m, &roles.n].iter().for_each(|group| kept.extend_from_slice(group));
        let mut space = kept.clone();
        [&roles.k, &roles.lhs_only, &roles.rhs_only].iter().for_each(|group| space.extend_from_slice(group));
        (kept, space)
    }

    /// Writes a node over `space` that holds the axes `kept` in their order.
    fn plain(&mut self, space: &[u32], kept: AxisList, factors: Vec<Access<NodeId>>) -> Result<OpenTensor, Violation> {
        let output = kept.iter().map(|&a| Index::axis(a)).collect();
        let shape = kept.iter().map(|&a| self.extent(a)).collect();
        let label = self.node.label.clone();
        let id = self.emit(space, factors, Target { label, output, shape, ..Target::default() })?;
        Ok(OpenTensor { read: Access::plain(id, kept.iter().copied()), axes: kept })
    }

    /// The output of the contraction itself.
    fn target(&self) -> Target {
        let output = self.c.output.iter().map(|i| i.map(&mut |id: &NodeId| self.out.id(*id))).collect();
        let Node { label, shape, .. } = self.node.clone();
        Target { label, output, shape, expr: self.c.expr.clone(), init: self.init, pinned: self.c.pinned }
    }

    /// Writes a node over the axes `space`.
    fn emit(&mut self, space: &[u32], factors: Vec<Access<NodeId>>, target: Target) -> Result<NodeId, Violation> {
        let Target { label, output, shape, expr, init, pinned } = target;
        let (axes, algebra) = (Vec::new(), self.c.algebra);
        let mut c = Contraction { axes, factors, output, expr, algebra, init, pinned };
        restrict(&mut c, &self.c.axes, space, &mut self.local);
        let (dtype, region) = (self.node.dtype, self.region);
        self.out.push(Node { label, dtype, shape, region, def: c.into() })
    }

    fn extent(&self, axis: u32) -> usize {
        self.c.axes[axis as usize].extent
    }
}

fn reads(children: Children) -> Vec<Access<NodeId>> {
    children.into_iter().map(|child| child.read).collect()
}

#[cfg(test)]
mod tests;
