//! The optimum of small subtrees (J. Gray and S. Kourtis, "Hyper-optimized tensor network contraction", Quantum 5, 410,
//! 2021: subtree reconfiguration).

use super::subtree::Subtree;
use super::tree_editor::EditableTree;
use crate::dp::{self, Splits};
use crate::objective::{Objective, ObjectiveWithLimits};

/// Products of extents up to this binary logarithm are computed in floating point.
const MAX_LOG2: f64 = 1000.0;
/// The maximal number of tensors of a subtree: the bits of a mark but one.
const MAX_TENSORS: usize = 15;
/// The bit of a mark for axes that tensors outside of the subtree have.
const OUTSIDE: u16 = 1 << MAX_TENSORS;

/// Finds the best way to multiply a few tensors; reuses its memory.
#[derive(Default)]
pub(super) struct ExactSubtree {
    /// By set of tensors: the product of the extents of the axes that no tensor outside of the set has, and of those of
    /// them that are summed.
    within: Vec<f64>,
    summed: Vec<f64>,
    splits: Splits<f64, f64>,
    /// Whether the size of the root is given, so that it does not count.
    given: bool,
    /// The leaves that have each axis, as a mark; 0 between two searches.
    marks: Vec<u16>,
    /// The axes with a mark.
    axes: Vec<u32>,
}

impl ExactSubtree {
    /// Replaces a subtree by its optimum; returns whether the tree improved.
    pub(super) fn improve(&mut self, tree: &mut EditableTree<'_>, subtree: &Subtree) -> bool {
        let Subtree { below, products } = subtree;
        if !(3..=MAX_TENSORS).contains(&below.len()) || !self.prepare(tree, subtree) {
            return false;
        }
        let leaves = tree.leaves() as u32;
        let costs = products.iter().map(|&node| tree.costs[(node - leaves) as usize].exp2());
        let old = match tree.objective.objective {
            Objective::Size => costs.fold(0.0, f64::max),
            _ => costs.sum(),
        };
        match self.better(tree.objective, below.len(), old * (1.0 - 1e-9)) {
            Some(steps) => {
                // The last step computes the root, which comes first in the subtree.
                let nodes: Vec<u32> = below.iter().chain(products.iter().rev()).copied().collect();
                let node = |id: u32| nodes[id as usize];
                let made = nodes[below.len()..].iter().zip(steps);
                let products: Vec<(u32, [u32; 2])> = made.map(|(&product, pair)| (product, pair.map(node))).collect();
                tree.replace(below, &products);
                true
            }
            None => false,
        }
    }

    /// Computes the products of all sets; returns false if they overflow.
    fn prepare(&mut self, tree: &EditableTree<'_>, subtree: &Subtree) -> bool {
        self.given = tree.is_given(subtree.root());
        self.marks.resize(tree.logs.len(), 0);
        for (place, &node) in subtree.below.iter().enumerate() {
            for &axis in &tree.legs[node as usize] {
                let mark = &mut self.marks[axis as usize];
                if *mark == 0 {
                    self.axes.push(axis);
                }
                *mark |= 1 << place;
            }
        }
        tree.legs[subtree.root() as usize].iter().for_each(|&axis| self.marks[axis as usize] |= OUTSIDE);
        for products in [&mut self.within, &mut self.summed] {
            products.clear();
            products.resize(1 << subtree.below.len(), 1.0);
        }
        let mut log2 = 0.0;
        for axis in self.axes.drain(..) {
            let mark = std::mem::take(&mut self.marks[axis as usize]);
            let extent = tree.extents[axis as usize];
            log2 += tree.logs[axis as usize];
            self.within[usize::from(mark & !OUTSIDE)] *= extent;
            if mark & OUTSIDE == 0 {
                self.summed[usize::from(mark)] *= extent;
            }
        }
        dp::subset_products(&mut self.within);
        dp::subset_products(&mut self.summed);
        log2 < MAX_LOG2
    }

    /// Returns the best steps if they cost less than `limit`.
    fn better(&mut self, objective: ObjectiveWithLimits, tensors: usize, limit: f64) -> Option<Vec<[u32; 2]>> {
        let more = |a: f64, b: f64| if a > b { a } else { b };
        match objective.objective {
            Objective::Flops => self.search(objective, tensors, limit, |[a, b], flops, _| a + b + flops),
            Objective::Write => self.search(objective, tensors, limit, |[a, b], _, size| a + b + size),
            Objective::Size => self.search(objective, tensors, limit, |[a, b], _, size| more(more(a, b), size)),
            Objective::Combo(weight) => {
                let weight = f64::from(weight);
                self.search(objective, tensors, limit, |[a, b], flops, size| a + b + (flops + weight * size))
            }
            Objective::Limit(weight) => {
                let weight = f64::from(weight);
                self.search(objective, tensors, limit, |[a, b], flops, size| a + b + more(flops, weight * size))
            }
        }
    }

    /// Finds the best steps as [`better`](ExactSubtree::better) does, with a cost function of the costs of both halves,
    /// the flops of the step and the size of its result.
    fn search(
        &mut self,
        objective: ObjectiveWithLimits,
        tensors: usize,
        limit: f64,
        cost: impl Fn([f64; 2], f64, f64) -> f64,
    ) -> Option<Vec<[u32; 2]>> {
        let ExactSubtree { within, summed, splits, given, .. } = self;
        let given = *given;
        let all = within.len() - 1;
        let largest = objective.limit.exp2();
        let price = |set: usize| {
            let touched = within[all] / within[all ^ set];
            let size = if given && set == all { 0.0 } else { touched / summed[set] };
            let factor = if size > largest { objective.penalty(size.log2()).exp2() } else { 1.0 };
            let (touched, weighed) = (touched * factor, size * factor);
            // The step that computes a set and the step that uses it both visit its elements.
            let least = cost([cost([0.0; 2], weighed, weighed), 0.0], size, 0.0);
            let cost = &cost;
            let price = move |costs: [f64; 2], [a, b]: [f64; 2]| cost(costs, touched * (a * b), weighed);
            (set == all || least < limit).then_some(price)
        };
        if splits.search(summed.iter().map(|summed| 1.0 / summed), [0.0, f64::INFINITY], price, |_, _| true) < limit {
            let half = |set| price(set).map_or(set, |price| splits.first_half(set, price));
            Some(dp::steps(tensors, |set| half(set as usize) as u128))
        } else {
            None
        }
    }
}
