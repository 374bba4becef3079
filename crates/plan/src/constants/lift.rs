//! Subtrees of constant factors as contractions of their own.

use einfold_ir::{Access, Contraction, Def, IdVec, Index, Ir, Node, NodeId, Tree, Violation};
use einfold_order::{FoundOrder, SlicedAxis, cost, sliced_cost};

use super::constant_nodes;
use crate::error::PlanError;
use crate::network::{Treatment, axes_of, network_of, treatment};
use crate::rewrite::module::mapped;

/// The expression in which what a contraction makes of constant factors alone, along its tree, is a node of its own; and the
/// orders of its contractions. `orders` are in the order of the nodes.
pub(crate) fn lift(
    ir: &Ir,
    orders: &[(NodeId, FoundOrder)],
    operands: &[u32],
) -> Result<(Ir, Vec<(NodeId, FoundOrder)>), PlanError> {
    let constant = constant_nodes(ir, operands);
    let (mut out, mut lifted) = (Ir::new(), Vec::new());
    let mut ids: IdVec<NodeId, NodeId> = IdVec::with_capacity(ir.nodes().len());
    let mut ordered = orders.iter().peekable();
    for id in ir.ids() {
        let node = ir.node(id);
        let order = ordered.next_if(|(at, _)| *at == id).map(|(_, order)| order);
        let new = match &node.def {
            Def::Input { .. } => out.input(node.label.clone(), node.dtype, node.shape.clone()),
            Def::Contract(c) => {
                let here = mapped(c, &mut |id: &NodeId| ids[*id]);
                let kept: Vec<bool> = c.factors.iter().map(|f| constant[f.tensor]).collect();
                match order.filter(|_| treatment(node, c) == Treatment::Factored && !constant[id]) {
                    Some(order) => Cut::new(node, here, order, kept).write(&mut out, &mut lifted)?,
                    None => {
                        let new = out.push(Node { def: Def::Contract(here), ..node.clone() })?;
                        lifted.extend(order.map(|order| (new, order.clone())));
                        new
                    }
                }
            }
            _ => out.push(node.clone())?,
        };
        ids.push(new);
    }
    ir.outputs().iter().try_for_each(|id| out.output(ids[*id]))?;
    Ok((out, lifted))
}

/// A contraction of which some factors are constant, and its order.
struct Cut<'a> {
    node: &'a Node,
    c: Contraction,
    order: &'a FoundOrder,
    /// For each tensor of the tree that is made of constant factors alone, the largest such that it is a part of.
    roots: Vec<Option<u32>>,
}

impl<'a> Cut<'a> {
    fn new(node: &'a Node, c: Contraction, order: &'a FoundOrder, constant: Vec<bool>) -> Cut<'a> {
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
        Cut { node, c, order, roots }
    }

    /// Writes a node for each of these largest tensors, and the rest as one that reads them.
    fn write(self, out: &mut Ir, orders: &mut Vec<(NodeId, FoundOrder)>) -> Result<NodeId, Violation> {
        let (leaves, steps) = (self.c.factors.len(), self.order.tree.steps());
        let mut parts: Vec<Vec<u32>> = vec![Vec::new(); self.roots.len()];
        (0..).zip(&self.roots).for_each(|(id, root)| root.iter().for_each(|&root| parts[root as usize].push(id)));
        let outside = Outside::of(&self.c);
        let mut local = vec![None; self.c.axes.len()];
        let (mut factors, mut place) = (Vec::new(), vec![0; leaves + steps.len()]);
        for (id, part) in parts.iter().enumerate() {
            if id < leaves && self.roots[id].is_none() {
                place[id] = factors.len() as u32;
                factors.push(self.c.factors[id].clone());
            } else if !part.is_empty() {
                place[id] = factors.len() as u32;
                factors.push(self.lift(part, &outside, &mut local, out, orders)?);
            }
        }
        let rest = (leaves..).zip(steps).filter(|(id, _)| self.roots[*id].is_none());
        let tree = subtree(factors.len(), rest, &mut place)?;
        self.write_rest(factors, tree, &outside, out, orders)
    }

    /// Writes what is made of a constant part of the tree, and gives how it is read.
    fn lift(
        &self,
        part: &[u32],
        outside: &Outside,
        local: &mut [Option<u32>],
        out: &mut Ir,
        orders: &mut Vec<(NodeId, FoundOrder)>,
    ) -> Result<Access<NodeId>, Violation> {
        let leaves = self.c.factors.len();
        let first: Vec<usize> = part.iter().map(|&id| id as usize).take_while(|&id| id < leaves).collect();
        let (space, kept) = outside.axes(&self.c, &first);
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
        let c = Contraction { axes, factors, output, onto: None, pinned: false, ..self.c.clone() };
        let network = (first.len() > 1).then(|| network_of(&c, &shape));
        let new = out.push(Node { def: Def::Contract(c), shape, ..self.node.clone() })?;
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

    /// Writes the contraction over other factors, without the axes that none of them has any more.
    fn write_rest(
        self,
        factors: Vec<Access<NodeId>>,
        tree: Tree,
        outside: &Outside,
        out: &mut Ir,
        orders: &mut Vec<(NodeId, FoundOrder)>,
    ) -> Result<NodeId, Violation> {
        let mut c = Contraction { factors, ..self.c };
        let mut used = vec![false; c.axes.len()];
        let lists = c.factors.iter().map(|f| &f.indices).chain([&c.output]);
        lists.for_each(|indices| axes_of(indices, &c.axes).into_iter().for_each(|a| used[a as usize] = true));
        let stays = |axis: usize| used[axis] || outside.uses[axis] == 0;
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
        let new = out.push(Node { def: Def::Contract(c), ..self.node.clone() })?;
        orders.push((new, FoundOrder { tree, slices, cost, ..self.order.clone() }));
        Ok(new)
    }
}

/// How many factors, and the result as one of them, have each axis.
struct Outside {
    uses: Vec<u32>,
    kept: Vec<bool>,
}

impl Outside {
    fn of(c: &Contraction) -> Outside {
        let (mut uses, mut kept) = (vec![0; c.axes.len()], vec![false; c.axes.len()]);
        let of = |access: &Access<NodeId>| axes_of(&access.indices, &c.axes);
        c.factors.iter().flat_map(of).for_each(|axis| uses[axis as usize] += 1);
        axes_of(&c.output, &c.axes).into_iter().for_each(|axis| kept[axis as usize] = true);
        Outside { uses, kept }
    }

    /// The axes of some factors, each once, and of these those that another factor or the result has.
    fn axes(&self, c: &Contraction, factors: &[usize]) -> (Vec<u32>, Vec<u32>) {
        let mut counts = std::collections::BTreeMap::new();
        let mut space = Vec::new();
        for &factor in factors {
            for axis in axes_of(&c.factors[factor].indices, &c.axes) {
                let count = counts.entry(axis).or_insert(0u32);
                *count += 1;
                if *count == 1 {
                    space.push(axis);
                }
            }
        }
        let shared = |axis: &u32| self.kept[*axis as usize] || counts[axis] < self.uses[*axis as usize];
        let kept = space.iter().copied().filter(shared).collect();
        (space, kept)
    }
}

/// The tree of some steps, each with its id in the whole. `place` has the new ids of what they use, and gets theirs.
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
