//! Parts of a tree that are improved by themselves.

use super::nodes::Nodes;

/// A connected part of a tree: one product and some of those below it, down to nodes that are taken as they are.
///
/// What happens in a part changes nothing outside of it, since the legs of its root stay the same; so it is a smaller problem
/// of the same kind.
pub(super) struct Window {
    /// The nodes that are taken as they are.
    pub(super) below: Vec<u32>,
    /// The products between, each before those it multiplies: the root comes first.
    pub(super) products: Vec<u32>,
}

impl Window {
    /// The part that grows from `root` by always opening up the node that `rank` puts first, to at most `most` nodes below.
    pub(super) fn grow(tree: &Nodes<'_>, root: u32, most: usize, rank: impl Fn(u32) -> f64) -> Window {
        let mut open = std::collections::BinaryHeap::new();
        let mut window = Window { below: Vec::new(), products: Vec::new() };
        let entry = |node: u32| (ordered(rank(node)), std::cmp::Reverse(node));
        open.push(entry(root));
        while let Some((_, std::cmp::Reverse(node))) = open.pop() {
            match tree.product(node) {
                Some(product) if open.len() + window.below.len() + 2 <= most => {
                    window.products.push(node);
                    tree.children[product].into_iter().for_each(|child| open.push(entry(child)));
                }
                _ => window.below.push(node),
            }
        }
        window.below.sort_unstable();
        window
    }

    /// How many axes the nodes below have.
    pub(super) fn axes(&self, tree: &Nodes<'_>) -> usize {
        let mut seen = vec![false; tree.logs.len()];
        let legs = self.below.iter().flat_map(|&node| &tree.legs[node as usize]);
        legs.filter(|&&axis| !std::mem::replace(&mut seen[axis as usize], true)).count()
    }

    pub(super) fn root(&self) -> u32 {
        self.products.first().copied().unwrap_or_default()
    }
}

/// A floating-point number by its total order.
fn ordered(value: f64) -> i64 {
    let bits = value.to_bits() as i64;
    bits ^ ((bits >> 63) as u64 >> 1) as i64
}

/// The axes of the nodes below a window, numbered from 0.
pub(super) struct Axes {
    pub(super) axes: Vec<u32>,
    /// The binary logarithms of their extents.
    pub(super) logs: Vec<f64>,
}

impl Axes {
    pub(super) fn of(tree: &Nodes<'_>, below: &[u32]) -> Axes {
        let mut axes: Vec<u32> = below.iter().flat_map(|&node| &tree.legs[node as usize]).copied().collect();
        axes.sort_unstable();
        axes.dedup();
        let logs = axes.iter().map(|&axis| tree.logs[axis as usize]).collect();
        Axes { axes, logs }
    }

    /// These axes as a set; those that the window does not have are left out.
    pub(super) fn bits<const W: usize>(&self, legs: &[u32]) -> [u64; W] {
        let mut bits = [0; W];
        for axis in legs {
            if let Ok(place) = self.axes.binary_search(axis) {
                bits[place / 64] |= 1 << (place % 64);
            }
        }
        bits
    }
}
