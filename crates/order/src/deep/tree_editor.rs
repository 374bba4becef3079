//! A binary tree over the tensors of a graph that is changed in place.

use crate::graph::{Graph, Pairs, contract_into};
use crate::objective::ObjectiveWithLimits;
use crate::watch::tally;

/// The binary logarithm of the elements that stands for a result of given size: small enough to be negligible.
pub(super) const GIVEN_LOG2: f64 = -1024.0;
/// The maximal number of legs of all products together: 128 MiB.
const MAX_LEGS: usize = 1 << 25;

/// A tree under improvement. Nodes `0..leaves` are the tensors, the others are products; a node keeps its number while
/// the tree below it changes.
#[derive(Clone)]
pub(crate) struct EditableTree<'g> {
    pub(crate) graph: &'g Graph,
    pub(crate) objective: ObjectiveWithLimits,
    /// The extents of the axes in one slice, and their binary logarithms.
    pub(crate) extents: Vec<f64>,
    pub(crate) logs: Vec<f64>,
    pub(crate) root: u32,
    /// The operands of each product; product `k` is node `leaves + k`.
    pub(crate) children: Vec<[u32; 2]>,
    /// The legs of each node, ascending.
    pub(crate) legs: Vec<Vec<u32>>,
    /// The binary logarithm of the cost of each product.
    pub(crate) costs: Vec<f64>,
    /// Scratch: the uses of each axis while legs are computed.
    uses: Vec<u32>,
}

impl<'g> EditableTree<'g> {
    /// Builds the tree of SSA steps; returns `None` if the products have too many legs to be stored.
    pub(crate) fn new(graph: &'g Graph, objective: ObjectiveWithLimits, pairs: &Pairs) -> Option<EditableTree<'g>> {
        let extents: Vec<f64> = graph.extents.iter().map(|&extent| positive(extent)).collect();
        let nodes = graph.legs.len() + pairs.len();
        let mut legs: Vec<Vec<u32>> = graph.legs.iter().map(<[u32]>::to_vec).collect();
        legs.resize(nodes, Vec::new());
        let mut tree = EditableTree {
            graph,
            objective,
            logs: extents.iter().map(|extent| extent.log2()).collect(),
            extents,
            root: nodes.saturating_sub(1) as u32,
            children: pairs.clone(),
            legs,
            costs: vec![0.0; pairs.len()],
            uses: graph.uses().into_vec(),
        };
        let mut kept = 0;
        for product in 0..pairs.len() {
            tree.multiply(product);
            kept += tree.legs[tree.leaves() + product].len();
            if kept > MAX_LEGS {
                return None;
            }
        }
        Some(tree)
    }

    pub(crate) fn leaves(&self) -> usize {
        self.graph.legs.len()
    }

    /// Returns the number of the product of a node; `None` for a tensor.
    pub(crate) fn product(&self, node: u32) -> Option<usize> {
        (node as usize).checked_sub(self.leaves())
    }

    /// Recomputes legs and cost of a product from its operands; `uses` must be those before it.
    fn multiply(&mut self, product: usize) {
        let [a, b] = self.children[product].map(|node| node as usize);
        let (logs, mut summed) = (&self.logs, 0.0);
        let node = self.leaves() + product;
        let mut legs = std::mem::take(&mut self.legs[node]);
        let children = [a, b].map(|child| &self.legs[child][..]);
        tally(children[0].len() + children[1].len());
        contract_into(&mut legs, children, &mut self.uses, |axis| summed += logs[axis as usize]);
        let size = self.size_at(node, &legs);
        self.costs[product] = self.objective.step(size + summed, size);
        self.legs[node] = legs;
    }

    /// Changes the extents of the axes; legs stay, also of axes that now have extent 1.
    pub(crate) fn set_extents(&mut self, extents: impl Iterator<Item = u64>) {
        self.extents.clear();
        self.extents.extend(extents.map(positive));
        self.logs.clear();
        self.logs.extend(self.extents.iter().map(|extent| extent.log2()));
        self.update_costs();
    }

    /// Changes the objective.
    pub(crate) fn set_objective(&mut self, objective: ObjectiveWithLimits) {
        self.objective = objective;
        self.update_costs();
    }

    fn update_costs(&mut self) {
        tally(self.visits());
        for product in 0..self.costs.len() {
            let mut flops = 0.0;
            self.union(product, |axis| flops += self.logs[axis as usize]);
            let node = self.leaves() + product;
            let size = self.size_at(node, &self.legs[node]);
            self.costs[product] = self.objective.step(flops, size);
        }
    }

    /// Returns the approximate number of legs that an update of all costs visits.
    pub(crate) fn visits(&self) -> usize {
        3 * self.legs.iter().map(Vec::len).sum::<usize>() + self.legs.len()
    }

    /// Calls `each` with the axes of the operands of a product, ascending.
    pub(crate) fn union(&self, product: usize, mut each: impl FnMut(u32)) {
        let [a, b] = self.children[product].map(|node| self.legs[node as usize].iter().copied().peekable());
        let (mut a, mut b) = (a, b);
        while let Some(axis) = a.peek().into_iter().chain(b.peek()).min().copied() {
            a.next_if_eq(&axis);
            b.next_if_eq(&axis);
            each(axis);
        }
    }

    /// Returns the binary logarithm of the elements of the largest product.
    pub(crate) fn largest(&self) -> f64 {
        let products = (self.leaves()..).zip(&self.legs[self.leaves()..]);
        products.map(|(node, legs)| self.size_at(node, legs)).fold(f64::NEG_INFINITY, f64::max)
    }

    /// Returns whether a node is a result of given size: it is the same for every tree and every slice, so it is left
    /// out of the cost.
    pub(crate) fn is_given(&self, node: u32) -> bool {
        node == self.root && self.graph.result.is_some()
    }

    /// Returns the size of a product as [`size_of`](EditableTree::size_of) does, with a negligible size for a result of
    /// given size.
    pub(super) fn size_at(&self, node: usize, legs: &[u32]) -> f64 {
        if self.is_given(node as u32) { GIVEN_LOG2 } else { self.size_of(legs) }
    }

    pub(crate) fn size_of(&self, legs: &[u32]) -> f64 {
        legs.iter().map(|&axis| self.logs[axis as usize]).sum()
    }

    /// Replaces the products between `below` and their common root by `products`, each after its operands.
    pub(crate) fn replace(&mut self, below: &[u32], products: &[(u32, [u32; 2])]) {
        let Some(&(root, _)) = products.last() else { return };
        // Within the subtree, an axis is used by its leaves, and once more if a tensor outside has it.
        for &node in below {
            self.legs[node as usize].iter().for_each(|&axis| self.uses[axis as usize] = 0);
        }
        for &node in below {
            self.legs[node as usize].iter().for_each(|&axis| self.uses[axis as usize] += 1);
        }
        self.legs[root as usize].iter().for_each(|&axis| self.uses[axis as usize] += 1);
        for &(node, children) in products {
            let product = node as usize - self.leaves();
            self.children[product] = children;
            self.multiply(product);
        }
    }

    /// Returns the products below `root`, and the root, each after its operands.
    pub(crate) fn postorder(&self) -> Vec<u32> {
        self.postorder_of(&self.children)
    }

    /// Returns the order of [`postorder`](EditableTree::postorder) for these operands.
    fn postorder_of(&self, children: &[[u32; 2]]) -> Vec<u32> {
        let mut open = vec![self.root];
        let mut order = Vec::with_capacity(children.len());
        while let Some(node) = open.pop() {
            if let Some(product) = self.product(node) {
                order.push(node);
                // The order is reversed at the end, so that the last push comes last.
                open.extend(children[product]);
            }
        }
        order.reverse();
        order
    }

    /// Returns, by node, the cost of the most expensive product at or below it.
    pub(crate) fn heat(&self) -> Vec<f64> {
        let mut heat = vec![f64::NEG_INFINITY; self.legs.len()];
        for node in self.postorder() {
            let product = node as usize - self.leaves();
            let [a, b] = self.children[product].map(|child| heat[child as usize]);
            heat[node as usize] = self.costs[product].max(a).max(b);
        }
        heat
    }

    /// Returns the steps in SSA form, in the order with the least peak memory: of two operands, the one that needs more
    /// memory beyond its result comes first (J. W. H. Liu, "On the storage requirement in the out-of-core multifrontal
    /// method for sparse factorization", ACM Trans. Math. Softw. 12, 249, 1986).
    pub(crate) fn pairs(&self) -> Pairs {
        let leaves = self.leaves();
        let mut children = self.children.clone();
        let largest = self.largest();
        // By node: the peak number of elements, and the elements of the result, in units of the largest.
        let mut needs = vec![[0.0_f64; 2]; self.legs.len()];
        for node in self.postorder() {
            let pair = &mut children[node as usize - leaves];
            let [a, b] = pair.map(|child| needs[child as usize]);
            if b[0] - b[1] > a[0] - a[1] {
                pair.swap(0, 1);
            }
            let [first, second] = pair.map(|child| needs[child as usize]);
            let size = (self.size_at(node as usize, &self.legs[node as usize]) - largest).exp2();
            needs[node as usize] = [first[0].max(first[1] + second[0]).max(first[1] + second[1] + size), size];
        }
        let mut ids: Vec<u32> = (0..self.legs.len() as u32).collect();
        let mut pairs = Pairs::with_capacity(children.len());
        for node in self.postorder_of(&children) {
            let pair = children[node as usize - leaves].map(|child| ids[child as usize]);
            ids[node as usize] = (leaves + pairs.len()) as u32;
            pairs.push(pair);
        }
        pairs
    }

    /// Returns the binary logarithm of the total cost.
    pub(crate) fn total(&self) -> f64 {
        self.objective.total(&self.costs)
    }
}

/// Returns an extent as a factor. Steps over an empty axis cost nothing: a tiny factor has the same effect and allows
/// divisions.
fn positive(extent: u64) -> f64 {
    if extent == 0 { (-64.0_f64).exp2() } else { extent as f64 }
}
