//! A binary tree over the tensors of a graph that is changed in place.

use crate::graph::{Graph, Pairs, contract_into};
use crate::objective::ObjectiveWithLimits;
use crate::watch::tally;

/// The binary logarithm of the elements of a result that are given: so few that they make no difference.
pub(super) const GIVEN_LOG2: f64 = -1024.0;
/// The most legs of all products together: 128 MiB.
const MAX_LEGS: usize = 1 << 25;

/// A tree under improvement. EditableTree `0..leaves` are the tensors, the others products; a node keeps its place while the tree
/// below it changes.
#[derive(Clone)]
pub(crate) struct EditableTree<'g> {
    pub(crate) graph: &'g Graph,
    pub(crate) objective: ObjectiveWithLimits,
    /// The extents of the axes, or of their pieces where they are sliced, and the binary logarithms.
    pub(crate) extents: Vec<f64>,
    pub(crate) logs: Vec<f64>,
    pub(crate) root: u32,
    /// What each product multiplies; product `k` is node `leaves + k`.
    pub(crate) children: Vec<[u32; 2]>,
    /// By node, ascending.
    pub(crate) legs: Vec<Vec<u32>>,
    /// The binary logarithm of what each product costs.
    pub(crate) costs: Vec<f64>,
    /// Scratch: the uses of each axis while legs are computed.
    uses: Vec<u32>,
}

impl<'g> EditableTree<'g> {
    /// The tree of SSA steps; none if the products have too many legs to be kept.
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
            uses: graph.uses(),
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

    /// The number of the product that node is; none for a tensor.
    pub(crate) fn product(&self, node: u32) -> Option<usize> {
        (node as usize).checked_sub(self.leaves())
    }

    /// Brings legs and cost of a product up to date with its children; `uses` must be those before it.
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

    /// Other extents for the axes; legs stay, also of axes that are 1 long now.
    pub(crate) fn set_extents(&mut self, extents: impl Iterator<Item = u64>) {
        self.extents.clear();
        self.extents.extend(extents.map(positive));
        self.logs.clear();
        self.logs.extend(self.extents.iter().map(|extent| extent.log2()));
        self.update_costs();
    }

    /// Another goal.
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

    /// About how many legs are visited to price all products.
    pub(crate) fn visits(&self) -> usize {
        3 * self.legs.iter().map(Vec::len).sum::<usize>() + self.legs.len()
    }

    /// Calls `each` with the axes of what a product multiplies, ascending.
    pub(crate) fn union(&self, product: usize, mut each: impl FnMut(u32)) {
        let [a, b] = self.children[product].map(|node| self.legs[node as usize].iter().copied().peekable());
        let (mut a, mut b) = (a, b);
        while let Some(axis) = a.peek().into_iter().chain(b.peek()).min().copied() {
            a.next_if_eq(&axis);
            b.next_if_eq(&axis);
            each(axis);
        }
    }

    /// The binary logarithm of the elements of the largest product.
    pub(crate) fn largest(&self) -> f64 {
        let products = (self.leaves()..).zip(&self.legs[self.leaves()..]);
        products.map(|(node, legs)| self.size_at(node, legs)).fold(f64::NEG_INFINITY, f64::max)
    }

    /// Whether a node is a result whose elements do not follow from its legs: they are the same in every tree, and no cut of an
    /// axis makes them fewer, so that they count nothing here.
    pub(crate) fn is_given(&self, node: u32) -> bool {
        node == self.root && self.graph.result.is_some()
    }

    /// As [`size_of`](EditableTree::size_of) the legs of a product; next to nothing of a result that is given.
    pub(super) fn size_at(&self, node: usize, legs: &[u32]) -> f64 {
        if self.is_given(node as u32) { GIVEN_LOG2 } else { self.size_of(legs) }
    }

    pub(crate) fn size_of(&self, legs: &[u32]) -> f64 {
        legs.iter().map(|&axis| self.logs[axis as usize]).sum()
    }

    /// Puts these products, each after those it multiplies, in the place of those that led from `below` to the same root.
    pub(crate) fn replace(&mut self, below: &[u32], products: &[(u32, [u32; 2])]) {
        let Some(&(root, _)) = products.last() else { return };
        // Within the part, an axis is used by the nodes below and, if it leaves the part, by one more.
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

    /// The products below and with `root`, each after those it multiplies.
    pub(crate) fn postorder(&self) -> Vec<u32> {
        self.postorder_of(&self.children)
    }

    /// As [`postorder`](EditableTree::postorder), with the children in this order.
    fn postorder_of(&self, children: &[[u32; 2]]) -> Vec<u32> {
        let mut open = vec![self.root];
        let mut order = Vec::with_capacity(children.len());
        while let Some(node) = open.pop() {
            if let Some(product) = self.product(node) {
                order.push(node);
                // Reversed in the end: what is pushed last comes last then.
                open.extend(children[product]);
            }
        }
        order.reverse();
        order
    }

    /// By node, the cost of the dearest product in it.
    pub(crate) fn heat(&self) -> Vec<f64> {
        let mut heat = vec![f64::NEG_INFINITY; self.legs.len()];
        for node in self.postorder() {
            let product = node as usize - self.leaves();
            let [a, b] = self.children[product].map(|child| heat[child as usize]);
            heat[node as usize] = self.costs[product].max(a).max(b);
        }
        heat
    }

    /// The steps in SSA form, in the order that keeps least in memory at once: of two children that first which needs more
    /// beyond its result (J. W. H. Liu, "On the storage requirement in the out-of-core multifrontal method for sparse
    /// factorization", ACM Trans. Math. Softw. 12, 249, 1986).
    pub(crate) fn pairs(&self) -> Pairs {
        let leaves = self.leaves();
        let mut children = self.children.clone();
        let largest = self.largest();
        // By node: the most elements at once, and those of the result, in units of the largest.
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

    /// The binary logarithm of the whole cost.
    pub(crate) fn total(&self) -> f64 {
        self.objective.total(&self.costs)
    }
}

/// An extent as a factor. Steps over an empty axis cost nothing: so little is as good, and can be divided by.
fn positive(extent: u64) -> f64 {
    if extent == 0 { (-64.0_f64).exp2() } else { extent as f64 }
}
