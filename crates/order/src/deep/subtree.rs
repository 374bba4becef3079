//! Subtrees that are improved on their own.

use super::tree_editor::EditableTree;

/// A connected part of a tree: one product and some of the products below it, down to nodes that remain unchanged.
///
/// A change of a subtree changes nothing outside of it, since the legs of its root stay the same; so it is a smaller
/// problem of the same kind.
pub(super) struct Subtree {
    /// The leaves of the subtree, which remain unchanged.
    pub(super) below: Vec<u32>,
    /// The products of the subtree, each before its operands: the root comes first.
    pub(super) products: Vec<u32>,
}

impl Subtree {
    /// Grows a subtree from `root` by repeatedly opening the node with the highest `rank`, up to `max_leaves` leaves.
    pub(super) fn grow(tree: &EditableTree<'_>, root: u32, max_leaves: usize, rank: impl Fn(u32) -> f64) -> Subtree {
        let mut open = std::collections::BinaryHeap::new();
        let mut subtree = Subtree { below: Vec::new(), products: Vec::new() };
        let entry = |node: u32| (ordered(rank(node)), std::cmp::Reverse(node));
        open.push(entry(root));
        while let Some((_, std::cmp::Reverse(node))) = open.pop() {
            match tree.product(node) {
                Some(product) if open.len() + subtree.below.len() + 2 <= max_leaves => {
                    subtree.products.push(node);
                    tree.children[product].into_iter().for_each(|child| open.push(entry(child)));
                }
                _ => subtree.below.push(node),
            }
        }
        subtree.below.sort_unstable();
        subtree
    }

    /// Returns the number of axes that the leaves have.
    pub(super) fn axes(&self, tree: &EditableTree<'_>) -> usize {
        let mut seen = vec![false; tree.logs.len()];
        let legs = self.below.iter().flat_map(|&node| &tree.legs[node as usize]);
        legs.filter(|&&axis| !std::mem::replace(&mut seen[axis as usize], true)).count()
    }

    pub(super) fn root(&self) -> u32 {
        self.products.first().copied().unwrap_or_default()
    }
}

/// Maps a floating-point number to an integer with the same order.
fn ordered(value: f64) -> i64 {
    let bits = value.to_bits() as i64;
    bits ^ ((bits >> 63) as u64 >> 1) as i64
}

/// The axes of the leaves of a subtree as bits of sets.
pub(super) struct Axes {
    /// Each axis with its bit, ascending.
    bits: Vec<(u32, u32)>,
    pub(super) weights: Weights,
}

/// The binary logarithms of the extents.
pub(super) enum Weights {
    /// All axes have the same extent.
    All(f64),
    /// All axes of a word have the same extent.
    Words(Vec<f64>),
    /// The logarithm of each bit.
    Bits(Vec<f64>),
}

/// The maximal number of additional words that are used so that all axes of a word have the same extent: the size of a
/// tensor is then computed by counting bits.
const MORE_WORDS: usize = 6;

impl Axes {
    pub(super) fn of(tree: &EditableTree<'_>, below: &[u32]) -> Axes {
        let mut axes: Vec<u32> = below.iter().flat_map(|&node| &tree.legs[node as usize]).copied().collect();
        axes.sort_unstable();
        axes.dedup();
        let log = |axis: u32| tree.logs[axis as usize];
        let needed = axes.len().div_ceil(64);
        axes.sort_by(|&a, &b| log(a).total_cmp(&log(b)));
        let classes = || axes.chunk_by(|&a, &b| log(a) == log(b));
        let mut bits = Vec::with_capacity(axes.len());
        let words: usize = classes().map(|class| class.len().div_ceil(64)).sum();
        let weights = if let [class] = &classes().collect::<Vec<_>>()[..] {
            bits.extend(axes.iter().copied().zip(0..));
            Weights::All(log(class[0]))
        } else if words <= needed + MORE_WORDS {
            let mut logs = Vec::with_capacity(words);
            for class in classes() {
                bits.extend(class.iter().copied().zip(64 * logs.len() as u32..));
                logs.extend(std::iter::repeat_n(log(class[0]), class.len().div_ceil(64)));
            }
            Weights::Words(logs)
        } else {
            bits.extend(axes.iter().copied().zip(0..));
            Weights::Bits(axes.iter().map(|&axis| log(axis)).collect())
        };
        bits.sort_unstable();
        Axes { bits, weights }
    }

    /// Returns the number of words of a set.
    pub(super) fn words(&self) -> usize {
        match &self.weights {
            Weights::Words(logs) => logs.len(),
            Weights::All(_) | Weights::Bits(_) => self.bits.len().div_ceil(64),
        }
    }

    /// Returns a set of axes; those that the subtree does not have are left out.
    pub(super) fn bits<const W: usize>(&self, legs: &[u32]) -> [u64; W] {
        let mut bits = [0; W];
        for axis in legs {
            if let Ok(place) = self.bits.binary_search_by_key(axis, |bit| bit.0) {
                let bit = self.bits[place].1 as usize;
                bits[bit / 64] |= 1 << (bit % 64);
            }
        }
        bits
    }
}
