//! The exact best form of small parts of a tree (J. Gray and S. Kourtis, "Hyper-optimized tensor network contraction",
//! Quantum 5, 410, 2021: subtree reconfiguration).

use super::nodes::Nodes;
use super::window::Window;
use crate::objective::{Goal, Objective};

/// Products of extents up to this binary logarithm are computed in floating point.
const MAX_LOG2: f64 = 1000.0;

/// Finds the best way to multiply a few tensors; keeps its memory.
#[derive(Default)]
pub(super) struct Exact {
    /// By set of tensors: the product of the extents of the axes within, and of those of them that are summed.
    within: Vec<f64>,
    summed: Vec<f64>,
    /// By set: the least cost, and the inverse of `summed`.
    best: Vec<[f64; 2]>,
    /// By set: the half with the first tensor.
    halves: Vec<u16>,
    /// By axis: the tensors that have it.
    members: Vec<(u32, u16)>,
}

impl Exact {
    /// Replaces the part of a tree by its best form; whether that is better than it was.
    pub(super) fn improve(&mut self, tree: &mut Nodes<'_>, window: &Window) -> bool {
        let Window { below, products } = window;
        if below.len() < 3 || !self.prepare(tree, window) {
            return false;
        }
        let (places, leaves) = (below.len(), tree.leaves() as u32);
        let most = products.iter().map(|&node| tree.costs[(node - leaves) as usize]);
        let old: f64 = match tree.goal.objective {
            Objective::Size => most.fold(0.0, |most, cost| most.max(cost.exp2())),
            _ => most.map(f64::exp2).sum(),
        };
        self.search(tree.goal, places);
        let all = (1 << places) - 1;
        let better = self.best[all][0] < old * (1.0 - 1e-9);
        if better {
            tree.replace(below, &self.products(window));
        }
        better
    }

    /// Sets up the products of all sets; not if they overflow.
    fn prepare(&mut self, tree: &Nodes<'_>, window: &Window) -> bool {
        let below = &window.below;
        self.members.clear();
        for (place, &node) in below.iter().enumerate() {
            self.members.extend(tree.legs[node as usize].iter().map(|&axis| (axis, 1 << place)));
        }
        self.members.sort_unstable();
        let sets = 1 << below.len();
        self.within.clear();
        self.within.resize(sets, 1.0);
        self.summed.clear();
        self.summed.resize(sets, 1.0);
        let whole = &tree.legs[window.root() as usize];
        let mut log2 = 0.0;
        for axis in self.members.chunk_by(|x, y| x.0 == y.0) {
            let set: u16 = axis.iter().fold(0, |set, member| set | member.1);
            let log = tree.logs[axis[0].0 as usize];
            let extent = log.exp2();
            log2 += log;
            self.within[usize::from(set)] *= extent;
            if whole.binary_search(&axis[0].0).is_err() {
                self.summed[usize::from(set)] *= extent;
            }
        }
        log2 < MAX_LOG2
    }

    /// The best split of every set.
    fn search(&mut self, goal: Goal, tensors: usize) {
        subset_products(&mut self.within);
        subset_products(&mut self.summed);
        let sets = 1 << tensors;
        let everything = self.within[sets - 1];
        self.best.clear();
        self.best.extend(self.summed.iter().map(|summed| [0.0, 1.0 / summed]));
        self.halves.clear();
        self.halves.resize(sets, 0);
        for set in 3..sets {
            if set.is_power_of_two() {
                continue;
            }
            let touched = everything / self.within[sets - 1 - set];
            let size = touched * self.best[set][1];
            let factor = if goal.limit.is_finite() { goal.penalty(size.log2()).exp2() } else { 1.0 };
            let (touched, size, best) = (touched * factor, size * factor, &self.best[..=set]);
            let (cost, half) = match goal.objective {
                Objective::Flops => best_split(best, |flops| touched * flops),
                Objective::Combo(weight) => best_split(best, |flops| touched * flops + f64::from(weight) * size),
                Objective::Limit(weight) => best_split(best, |flops| (touched * flops).max(f64::from(weight) * size)),
                Objective::Write => best_split(best, |_| size),
                Objective::Size => least_peak(best, size),
            };
            self.best[set][0] = cost;
            self.halves[set] = half as u16;
        }
    }

    /// The products of the best form, in the places of the old ones.
    fn products(&self, window: &Window) -> Vec<(u32, [u32; 2])> {
        let mut open = vec![(1_usize << window.below.len()) - 1];
        let mut preorder = Vec::with_capacity(2 * window.below.len());
        while let Some(set) = open.pop() {
            preorder.push(set);
            if !set.is_power_of_two() {
                let half = usize::from(self.halves[set]);
                open.extend([half, set ^ half]);
            }
        }
        let mut free = window.products.iter().rev();
        let mut made = Vec::with_capacity(window.below.len());
        let mut products = Vec::with_capacity(window.products.len());
        for set in preorder.into_iter().rev() {
            if set.is_power_of_two() {
                made.push(window.below[set.trailing_zeros() as usize]);
            } else if let (Some(second), Some(first), Some(&node)) = (made.pop(), made.pop(), free.next()) {
                products.push((node, [first, second]));
                made.push(node);
            }
        }
        products
    }
}

/// The split of the last set whose halves cost least together with its own step, whose flops are `price` of a number.
#[inline]
fn best_split(best: &[[f64; 2]], price: impl Fn(f64) -> f64) -> (f64, usize) {
    let set = best.len() - 1;
    // Second halves lack the first tensor, so that each split comes once.
    let rest = set & (set - 1);
    let (mut least, mut best_second, mut second) = (f64::INFINITY, rest, rest);
    while second != 0 {
        let ([cost_a, per_a], [cost_b, per_b]) = (best[set ^ second], best[second]);
        let cost = cost_a + cost_b + price(per_a * per_b);
        if cost < least {
            (least, best_second) = (cost, second);
        }
        second = (second - 1) & rest;
    }
    (least, set ^ best_second)
}

/// As [`best_split`], for the largest intermediate, which this set has `size` elements of.
fn least_peak(best: &[[f64; 2]], size: f64) -> (f64, usize) {
    let set = best.len() - 1;
    let rest = set & (set - 1);
    let (mut least, mut best_second, mut second) = (f64::INFINITY, rest, rest);
    while second != 0 {
        let peak = best[set ^ second][0].max(best[second][0]);
        if peak < least {
            (least, best_second) = (peak, second);
        }
        second = (second - 1) & rest;
    }
    (least.max(size), set ^ best_second)
}

/// Replaces each entry by the product of the entries of all subsets of its number.
fn subset_products(entries: &mut [f64]) {
    let mut half = 1;
    while half < entries.len() {
        for block in entries.chunks_exact_mut(2 * half) {
            let (without, with) = block.split_at_mut(half);
            with.iter_mut().zip(without).for_each(|(with, without)| *with *= *without);
        }
        half *= 2;
    }
}
