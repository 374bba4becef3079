//! Makes subtrees of constant factors contractions of their own.

use std::collections::HashMap;
use std::sync::Arc;

use einfold_ir::{
    Access, AxisSet, Contraction, Def, IdVec, Index, Indices, Ir, Node, NodeId, Rewriter, Shape, Tree, Violation,
};
use einfold_order::{FoundOrder, SlicedAxis, sliced_cost};

use crate::cost::Orders;
use crate::error::PlanError;
use crate::evaluation::{Evaluation, evaluation};
use crate::network::{axes_of, network_of, restrict};
use crate::roles::AxisUses;

/// Makes each subtree that has only constant factors a node of its own. Returns the module and the orders of its
/// contractions.
pub(crate) fn hoist_subtrees(
    ir: &Arc<Ir>,
    orders: &Orders,
    constant: &IdVec<NodeId, bool>,
) -> Result<(Arc<Ir>, Orders), PlanError> {
    let (mut out, mut hoisted) = (Rewriter::new(ir), Orders::new());
    for (id, node) in ir.nodes().entries() {
        let factored = |c: &Contraction| evaluation(node, c) == Evaluation::Factored && !constant[id];
        match (&node.def, orders.get(&id)) {
            (Def::Contraction(c), Some(order)) if factored(c) => {
                let leaves = c.factors.iter().map(|factor| constant[factor.tensor]).collect();
                let c = Arc::unwrap_or_clone(out.contraction(c));
                let new = HoistedContraction::new(node, c, order, leaves, (&mut out, &mut hoisted)).write()?;
                out.replace(id, new)?;
            }
            (_, order) => {
                let new = out.keep(id);
                hoisted.extend(order.map(|order| (new, order.clone())));
            }
        }
    }
    Ok((out.finish()?.map_or_else(|| ir.clone(), Arc::new), hoisted))
}

/// A contraction with some constant factors, and its order.
struct HoistedContraction<'a, 'i> {
    node: &'a Node,
    c: Contraction,
    order: &'a FoundOrder,
    /// For each tensor of the tree with constant factors alone, the largest such tensor that it is a part of.
    roots: Vec<Option<u32>>,
    uses: AxisUses,
    /// The position of each axis in the iteration space of the node that is written, as [`restrict`] sets it.
    local: Vec<Option<u32>>,
    /// The new number of each tensor of the tree in the tree that is written.
    place: Vec<u32>,
    out: &'a mut Rewriter<'i>,
    orders: &'a mut Orders,
}

impl<'a, 'i> HoistedContraction<'a, 'i> {
    /// `all` marks the constant factors; the nodes and their orders are added to the last argument.
    fn new(
        node: &'a Node,
        c: Contraction,
        order: &'a FoundOrder,
        mut all: Vec<bool>,
        (out, orders): (&'a mut Rewriter<'i>, &'a mut Orders),
    ) -> HoistedContraction<'a, 'i> {
        let (leaves, steps) = (c.factors.len(), order.tree.steps());
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
        let (local, place) = (vec![None; c.axes.len()], vec![0; roots.len()]);
        HoistedContraction { node, c, order, roots, uses, local, place, out, orders }
    }

    /// Writes a node for each of these largest tensors, and the rest, without axes that none of its factors has, as a
    /// node that reads them.
    fn write(mut self) -> Result<NodeId, Violation> {
        let leaves = self.c.factors.len();
        let mut parts: Vec<Vec<u32>> = vec![Vec::new(); self.roots.len()];
        (0..).zip(&self.roots).for_each(|(id, root)| root.iter().for_each(|&root| parts[root as usize].push(id)));
        let mut factors = Vec::new();
        for (id, part) in parts.iter().enumerate() {
            let factor = match part {
                part if !part.is_empty() => self.hoist(part)?,
                _ if id < leaves && self.roots[id].is_none() => self.c.factors[id].clone(),
                _ => continue,
            };
            self.place[id] = factors.len() as u32;
            factors.push(factor);
        }
        let rest: Vec<usize> = (leaves..self.roots.len()).filter(|&id| self.roots[id].is_none()).collect();
        let tree = self.subtree(factors.len(), &rest)?;
        let output = self.c.output.clone();
        let lists = factors.iter().map(|factor| &factor.indices).chain([&output]);
        let used = AxisSet::of(&lists.flat_map(|indices| axes_of(indices, &self.c.axes)).collect::<Vec<_>>());
        let stays = |axis: &u32| used.has(*axis) || self.uses.of(*axis) == 0;
        let space: Vec<u32> = (0..self.c.axes.len() as u32).filter(stays).collect();
        let Contraction { algebra, init, pinned, .. } = self.c;
        let c = Contraction { axes: Vec::new(), factors, output, expr: None, algebra, init, pinned };
        self.push(c, &space, self.node.shape.clone(), Some((tree, &self.order.slices)))
    }

    /// Writes the node of a constant subtree, and returns the access that reads it.
    fn hoist(&mut self, part: &[u32]) -> Result<Access<NodeId>, Violation> {
        let leaves = part.partition_point(|&id| (id as usize) < self.c.factors.len());
        let mut factors: Vec<Access<NodeId>> =
            part[..leaves].iter().map(|&leaf| self.c.factors[leaf as usize].clone()).collect();
        let (space, kept) = self.axes(&factors);
        if leaves == 1 && kept.len() == space.len() {
            return Ok(factors.swap_remove(0));
        }
        (0..).zip(&part[..leaves]).for_each(|(at, &leaf)| self.place[leaf as usize] = at);
        let steps: Vec<usize> = part[leaves..].iter().map(|&id| id as usize).collect();
        let order = (leaves > 1).then(|| self.subtree(leaves, &steps)).transpose()?.map(|tree| (tree, &[][..]));
        let output: Indices<NodeId> = kept.iter().map(|&axis| Index::axis(axis)).collect();
        let shape: Shape = kept.iter().map(|&axis| self.c.axes[axis as usize].extent).collect();
        let (axes, algebra) = (Vec::new(), self.c.algebra);
        let c = Contraction { axes, factors, output, expr: None, algebra, init: None, pinned: false };
        Ok(Access::plain(self.push(c, &space, shape, order)?, kept))
    }

    /// Writes a contraction over the axes `space`, by which its indices are renumbered, and its order.
    fn push(
        &mut self,
        mut c: Contraction,
        space: &[u32],
        shape: Shape,
        order: Option<(Tree, &[SlicedAxis])>,
    ) -> Result<NodeId, Violation> {
        restrict(&mut c, &self.c.axes, space, &mut self.local);
        let order = order.map(|(tree, slices)| {
            let place = |axis: u32| (0..).zip(space).find(|(_, own)| **own == axis).map(|(at, _)| at);
            let slice = |slice: &SlicedAxis| Some(SlicedAxis { axis: place(slice.axis)?, ..*slice });
            let slices: Vec<SlicedAxis> = slices.iter().filter_map(slice).collect();
            let cost = sliced_cost(&network_of(&c, &shape), &tree, &slices);
            FoundOrder { tree, slices, cost, ..self.order.clone() }
        });
        let new = self.out.push(Node { def: c.into(), shape, ..self.node.clone() })?;
        self.orders.extend(order.map(|order| (new, order)));
        Ok(new)
    }

    /// The axes of some factors, each once, and those of them that another factor or the result has.
    fn axes(&self, factors: &[Access<NodeId>]) -> (Vec<u32>, Vec<u32>) {
        let (mut counts, mut space) = (HashMap::new(), Vec::new());
        for axis in factors.iter().flat_map(|factor| axes_of(&factor.indices, &self.c.axes)) {
            let count = counts.entry(axis).or_insert(0u32);
            *count += 1;
            if *count == 1 {
                space.push(axis);
            }
        }
        let kept = space.iter().copied().filter(|axis| counts[axis] < self.uses.of(*axis)).collect();
        (space, kept)
    }

    /// The tree of a list of steps of the whole tree. `place` has the new numbers of their children, and gets those of
    /// the steps.
    fn subtree(&mut self, leaves: usize, steps: &[usize]) -> Result<Tree, Violation> {
        let mut path: Vec<Vec<u32>> = Vec::new();
        for &id in steps {
            self.place[id] = (leaves + path.len()) as u32;
            let step = &self.order.tree.steps()[id - self.c.factors.len()];
            path.push(step.iter().map(|&id| self.place[id as usize]).collect());
        }
        Tree::from_ssa(leaves, &path).map_err(|error| Violation(error.to_string()))
    }
}
