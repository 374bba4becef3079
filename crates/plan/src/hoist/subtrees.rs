//! Makes subtrees of constant factors contractions of their own.

use std::collections::HashMap;
use std::sync::Arc;

use einfold_ir::{Access, Contraction, Def, Index, Ir, Node, NodeId, Rewriter, Tree, Violation};
use einfold_order::{FoundOrder, SlicedAxis, cost, sliced_cost};

use super::constant_nodes;
use crate::error::PlanError;
use crate::evaluation::{Evaluation, evaluation};
use crate::network::{axes_of, network_of};
use crate::roles::AxisUses;

/// Makes each subtree that has only constant factors a node of its own. Returns the module and the orders of its
/// contractions; `orders` are by increasing node.
pub(crate) fn hoist_subtrees(
    ir: &Ir,
    orders: &[(NodeId, FoundOrder)],
    operands: &[u32],
) -> Result<(Ir, Vec<(NodeId, FoundOrder)>), PlanError> {
    let constant = constant_nodes(ir, operands);
    let (mut out, mut hoisted) = (Rewriter::new(ir), Vec::new());
    let mut ordered = orders.iter().peekable();
    for (id, node) in ir.nodes().entries() {
        let order = ordered.next_if(|(at, _)| *at == id).map(|(_, order)| order);
        let factored = |c: &Contraction| evaluation(node, c) == Evaluation::Factored && !constant[id];
        match (&node.def, order) {
            (Def::Contraction(c), Some(order)) if factored(c) => {
                let kept: Vec<bool> = c.factors.iter().map(|f| constant[f.tensor]).collect();
                let here = Arc::unwrap_or_clone(out.contraction(c));
                let new = HoistedContraction::new(node, here, order, kept).write(&mut out, &mut hoisted)?;
                out.replace(id, new)?;
            }
            (_, order) => {
                let new = out.keep(id);
                hoisted.extend(order.map(|order| (new, order.clone())));
            }
        }
    }
    Ok((out.finish()?.unwrap_or_else(|| ir.clone()), hoisted))
}

/// A contraction with some constant factors, and its order.
struct HoistedContraction<'a> {
    node: &'a Node,
    c: Contraction,
    order: &'a FoundOrder,
    /// For each tensor of the tree with constant factors alone, the largest such tensor that it is a part of.
    roots: Vec<Option<u32>>,
    uses: AxisUses,
}

impl<'a> HoistedContraction<'a> {
    fn new(node: &'a Node, c: Contraction, order: &'a FoundOrder, constant: Vec<bool>) -> HoistedContraction<'a> {
        let (leaves, steps, mut all) = (c.factors.len(), order.tree.steps(), constant);
        for step in steps {
            all.push(step.iter().all(|&id| all[id as usize]));
        }
        let mut roots: Vec<Option<u32>> = (0..).zip(&all).map(|(id, all)| all.then_some(id)).collect();
        for (k, step) in steps.iter().enumerate().rev() {
            if let Some(root) = roots[leaves + k] {
                step.iter().for_each(|&id| roots[id as usize] = Some(root));
            }
        }
        let mut uses = AxisUses::new(c.axes.len());
        let tensors = c.factors.iter().map(|factor| &factor.indices).chain([&c.output]);
        tensors.for_each(|indices| uses.add(&axes_of(indices, &c.axes)));
        HoistedContraction { node, c, order, roots, uses }
    }

    /// Writes a node for each of these largest tensors, and the rest as a node that reads them.
    fn write(self, out: &mut Rewriter<'_>, orders: &mut Vec<(NodeId, FoundOrder)>) -> Result<NodeId, Violation> {
        let (leaves, steps) = (self.c.factors.len(), self.order.tree.steps());
        let mut parts: Vec<Vec<u32>> = vec![Vec::new(); self.roots.len()];
        (0..).zip(&self.roots).for_each(|(id, root)| root.iter().for_each(|&root| parts[root as usize].push(id)));
        let mut local = vec![None; self.c.axes.len()];
        let (mut factors, mut place) = (Vec::new(), vec![0; leaves + steps.len()]);
        for (id, part) in parts.iter().enumerate() {
            if id < leaves && self.roots[id].is_none() {
                place[id] = factors.len() as u32;
                factors.push(self.c.factors[id].clone());
            } else if !part.is_empty() {
                place[id] = factors.len() as u32;
                factors.push(self.hoist(part, &mut local, out, orders)?);
            }
        }
        let rest = (leaves..).zip(steps).filter(|(id, _)| self.roots[*id].is_none());
        let tree = subtree(factors.len(), rest, &mut place)?;
        self.write_rest(factors, tree, out, orders)
    }

    /// Writes the node of a constant subtree, and returns the access that reads it.
    fn hoist(
        &self,
        part: &[u32],
        local: &mut [Option<u32>],
        out: &mut Rewriter<'_>,
        orders: &mut Vec<(NodeId, FoundOrder)>,
    ) -> Result<Access<NodeId>, Violation> {
        let leaves = self.c.factors.len();
        let first: Vec<usize> = part.iter().map(|&id| id as usize).take_while(|&id| id < leaves).collect();
        let (space, kept) = self.axes(&first);
        if let ([leaf], true) = (&first[..], kept.len() == space.len()) {
            return Ok(self.c.factors[*leaf].clone());
        }
        (0..).zip(&space).for_each(|(at, &axis)| local[axis as usize] = Some(at));
        let mut factors: Vec<Access<NodeId>> = first.iter().map(|&leaf| self.c.factors[leaf].clone()).collect();
        let place = |axis: u32| local[axis as usize];
        factors.iter_mut().for_each(|factor| factor.renumber(&place));
        let output = kept.iter().filter_map(|&axis| place(axis)).map(Index::axis).collect();
        space.iter().for_each(|&axis| local[axis as usize] = None);
        let axes = space.iter().map(|&axis| self.c.axes[axis as usize].clone()).collect();
        let shape: Vec<usize> = kept.iter().map(|&axis| self.c.axes[axis as usize].extent).collect();
        let c = Contraction { axes, factors, output, init: None, pinned: false, ..self.c.clone() };
        let network = (first.len() > 1).then(|| network_of(&c, &shape));
        let new = out.push(Node { def: c.into(), shape, ..self.node.clone() })?;
        if let Some(network) = network {
            let mut place = vec![0; leaves + self.order.tree.steps().len()];
            (0..).zip(&first).for_each(|(at, &leaf)| place[leaf] = at);
            let steps = part[first.len()..].iter().map(|&id| id as usize);
            let tree = subtree(first.len(), steps.map(|id| (id, &self.order.tree.steps()[id - leaves])), &mut place)?;
            let cost = cost::tree_cost(&network, &tree);
            orders.push((new, FoundOrder { tree, cost, slices: Vec::new(), ..self.order.clone() }));
        }
        Ok(Access::plain(new, kept))
    }

    /// Writes the contraction over the remaining factors, without axes that none of them has.
    fn write_rest(
        self,
        factors: Vec<Access<NodeId>>,
        tree: Tree,
        out: &mut Rewriter<'_>,
        orders: &mut Vec<(NodeId, FoundOrder)>,
    ) -> Result<NodeId, Violation> {
        let mut c = Contraction { factors, ..self.c };
        let mut used = vec![false; c.axes.len()];
        let lists = c.factors.iter().map(|f| &f.indices).chain([&c.output]);
        lists.for_each(|indices| axes_of(indices, &c.axes).into_iter().for_each(|a| used[a as usize] = true));
        let stays = |axis: usize| used[axis] || self.uses.of(axis as u32) == 0;
        let space: Vec<usize> = (0..c.axes.len()).filter(|&axis| stays(axis)).collect();
        let mut local = vec![None; c.axes.len()];
        (0..).zip(&space).for_each(|(at, &axis)| local[axis] = Some(at));
        let place = |axis: u32| local[axis as usize];
        c.factors.iter_mut().for_each(|factor| factor.renumber(&place));
        c.output.iter_mut().for_each(|index| index.renumber(&place));
        c.axes = space.iter().map(|&axis| c.axes[axis].clone()).collect();
        let slice = |slice: &SlicedAxis| place(slice.axis).map(|axis| SlicedAxis { axis, ..*slice });
        let slices: Vec<SlicedAxis> = self.order.slices.iter().filter_map(slice).collect();
        let cost = sliced_cost(&network_of(&c, &self.node.shape), &tree, &slices);
        let new = out.push(Node { def: c.into(), ..self.node.clone() })?;
        orders.push((new, FoundOrder { tree, slices, cost, ..self.order.clone() }));
        Ok(new)
    }

    /// The axes of some factors, each once, and those of them that another factor or the result has.
    fn axes(&self, factors: &[usize]) -> (Vec<u32>, Vec<u32>) {
        let (mut counts, mut space) = (HashMap::new(), Vec::new());
        for &factor in factors {
            for axis in axes_of(&self.c.factors[factor].indices, &self.c.axes) {
                let count = counts.entry(axis).or_insert(0u32);
                *count += 1;
                if *count == 1 {
                    space.push(axis);
                }
            }
        }
        let kept = space.iter().copied().filter(|axis| counts[axis] < self.uses.of(*axis)).collect();
        (space, kept)
    }
}

/// The tree of a list of steps, each with its number in the whole tree. `place` has the new numbers of their children,
/// and gets those of the steps.
fn subtree<'s>(
    leaves: usize,
    steps: impl Iterator<Item = (usize, &'s Vec<u32>)>,
    place: &mut [u32],
) -> Result<Tree, Violation> {
    let mut path: Vec<Vec<u32>> = Vec::new();
    for (id, step) in steps {
        place[id] = (leaves + path.len()) as u32;
        path.push(step.iter().map(|&id| place[id as usize]).collect());
    }
    Tree::from_ssa(leaves, &path).map_err(|error| Violation(error.to_string()))
}
