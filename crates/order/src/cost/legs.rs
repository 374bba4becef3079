//! The legs of intermediates, as a list or, if there are many, as a tree.

use std::borrow::Cow;

use einfold_ir::Count;
use smallvec::SmallVec;

use crate::graph::{Graph, contract};

/// The legs of a tensor.
#[derive(Clone)]
pub(super) enum Legs<'g> {
    /// The axes, ascending.
    Few(Cow<'g, [u32]>),
    /// The root of a tree in [`Many`].
    Many(u32),
}

impl Default for Legs<'_> {
    fn default() -> Self {
        Legs::Few(Cow::Borrowed(&[]))
    }
}

/// The maximal length of a list; to copy longer lists in each of many steps would take quadratic time.
const FEW: usize = 256;

/// Contracts tensors with any number of legs.
pub(super) struct LegContraction<'g> {
    extents: &'g [u64],
    /// The number of remaining tensors that have each axis.
    uses: SmallVec<[u32; 16]>,
    many: Many,
}

impl<'g> LegContraction<'g> {
    pub(super) fn new(graph: &'g Graph) -> LegContraction<'g> {
        let bits = usize::BITS - graph.extents.len().saturating_sub(1).leading_zeros();
        LegContraction {
            extents: &graph.extents,
            uses: graph.uses(),
            many: Many { nodes: Vec::new(), free: Vec::new(), bits },
        }
    }

    /// Returns the number of elements of a tensor.
    pub(super) fn size(&self, legs: &Legs<'_>) -> Count {
        match legs {
            Legs::Few(legs) => Count::product(legs.iter().map(|&axis| self.extents[axis as usize])),
            Legs::Many(root) => self.many.nodes[*root as usize].size,
        }
    }

    /// Returns the legs of the product of two tensors, and the product of the extents that it sums over.
    pub(super) fn contract(&mut self, a: Legs<'g>, b: Legs<'g>) -> (Legs<'g>, Count) {
        let mut summed = Count::ONE;
        let legs = match (a, b) {
            (Legs::Few(a), Legs::Few(b)) if a.len() + b.len() <= FEW => {
                let sum = |axis: u32| summed *= Count::from(self.extents[axis as usize]);
                Legs::Few(contract(&a, &b, &mut self.uses, sum).into())
            }
            (a, b) => {
                let [a, b] = [a, b].map(|legs| match legs {
                    Legs::Few(list) => self.many.plant(&list, self.many.bits, self.extents),
                    Legs::Many(root) => root,
                });
                Legs::Many(self.many.merge([a, b], self.many.bits, 0, &mut |axis| {
                    let uses = &mut self.uses[axis as usize];
                    *uses -= 1;
                    if *uses <= 1 {
                        summed *= Count::from(self.extents[axis as usize]);
                    }
                    *uses > 1
                }))
            }
        };
        (legs, summed)
    }
}

/// Sets of axes as binary trees over the bits of their numbers, the highest bit first; each node stores the size of its
/// subtree. A merge of two trees takes time for the nodes that both have, and frees one of each such pair: so all
/// merges together take no longer than the construction of the trees. The depth of the trees, and of the recursion, is
/// the number of bits of the largest axis.
struct Many {
    /// The nodes; node 0 is the empty tree. Empty until the first tree is built.
    nodes: Vec<Node>,
    free: Vec<u32>,
    bits: u32,
}

#[derive(Clone, Copy)]
struct Node {
    /// The subtrees of the axes whose next bit is 0 and 1.
    children: [u32; 2],
    size: Count,
}

const NONE: Node = Node { children: [0; 2], size: Count::ONE };

impl Many {
    fn add(&mut self, node: Node) -> u32 {
        match self.free.pop() {
            Some(place) => {
                self.nodes[place as usize] = node;
                place
            }
            None => {
                self.nodes.push(node);
                self.nodes.len() as u32 - 1
            }
        }
    }

    /// Returns the parent of two subtrees; the empty tree if both are empty.
    fn above(&mut self, children: [u32; 2]) -> u32 {
        if children == [0; 2] {
            return 0;
        }
        let [a, b] = children.map(|child| self.nodes[child as usize].size);
        self.add(Node { children, size: a * b })
    }

    /// Builds the tree of ascending `axes` that differ in the lowest `bits` bits only.
    fn plant(&mut self, axes: &[u32], bits: u32, extents: &[u64]) -> u32 {
        if self.nodes.is_empty() {
            self.nodes.push(NONE);
        }
        let Some(&first) = axes.first() else { return 0 };
        let Some(bit) = bits.checked_sub(1) else {
            return self.add(Node { children: [0; 2], size: extents[first as usize].into() });
        };
        let (zeros, ones) = axes.split_at(axes.partition_point(|axis| axis >> bit & 1 == 0));
        let children = [zeros, ones].map(|axes| self.plant(axes, bit, extents));
        self.above(children)
    }

    /// Merges two trees of axes that differ from `axis` in the lowest `bits` bits only, and consumes both. Axes that
    /// both trees have are removed unless `keep` returns true.
    fn merge(&mut self, roots: [u32; 2], bits: u32, axis: u32, keep: &mut impl FnMut(u32) -> bool) -> u32 {
        let [a, b] = roots;
        if a == 0 || b == 0 {
            return a | b;
        }
        self.free.push(b);
        let Some(bit) = bits.checked_sub(1) else {
            if keep(axis) {
                return a;
            }
            self.free.push(a);
            return 0;
        };
        let [x, y] = roots.map(|root| self.nodes[root as usize].children);
        self.free.push(a);
        let zeros = self.merge([x[0], y[0]], bit, axis, keep);
        let ones = self.merge([x[1], y[1]], bit, axis | 1 << bit, keep);
        self.above([zeros, ones])
    }
}

#[cfg(test)]
mod tests {
    use einfold_ir::Network;

    use super::{LegContraction, Legs};
    use crate::graph::Graph;
    use crate::random::Random;

    #[test]
    fn trees_contract_as_lists_do() {
        let mut random = Random::new(1, 0);
        for _ in 0..200 {
            let mut below = |bound: u64| random.next() % bound;
            let axes = 1 + below(40);
            let inputs = (0..2 + below(6)).map(|_| (0..below(20)).map(|_| below(axes) as u32).collect()).collect();
            let extents = (0..axes).map(|_| below(6)).collect();
            let graph = Graph::of(&Network::new(inputs, vec![0], extents).unwrap());
            let [mut few, mut many] = [(); 2].map(|()| LegContraction::new(&graph));
            let [mut list, mut tree] = [(); 2].map(|()| Legs::Few(graph.legs[0].into()));
            for tensor in 1..graph.legs.len() {
                let legs = || Legs::Few(graph.legs[tensor].into());
                let bits = many.many.bits;
                let planted = Legs::Many(many.many.plant(&graph.legs[tensor], bits, &graph.extents));
                let summed;
                (list, summed) = few.contract(list, legs());
                let (result, summed_in_tree) = many.contract(tree, planted);
                tree = result;
                assert_eq!((few.size(&list), summed), (many.size(&tree), summed_in_tree));
            }
        }
    }
}
