//! The choice of sliced axes, together with changes of the tree (J. Gray and S. Kourtis, "Hyper-optimized tensor
//! network contraction", Quantum 5, 410, 2021; C. Huang et al., "Classical simulation of quantum supremacy circuits",
//! arXiv:2005.06787, 2020).
//!
//! Slicing divides the extent of an axis by a factor. The network of one slice is smaller and has a best tree of its
//! own, so the tree is annealed again after every few slices.

use super::effort::EffortClock;
use super::tree_editor::EditableTree;
use super::{HOT, SWEEPS, WARM, anneal};
use crate::SlicedAxis;
use crate::graph::{Graph, Pairs};
use crate::objective::ObjectiveWithLimits;
use crate::random::Random;

/// The largest prime factor that is searched for; a remainder without such a factor is divided in one step.
const MAX_FACTOR: u64 = 1 << 12;

/// The number of slices of each axis.
#[derive(Clone, Debug)]
pub(super) struct SliceChoice {
    parts: Vec<u64>,
}

/// A division of the extent of an axis by a prime factor.
#[derive(Clone, Copy, Debug)]
struct SliceCandidate {
    axis: usize,
    factor: u64,
}

impl SliceChoice {
    pub(super) fn none(axes: usize) -> SliceChoice {
        SliceChoice { parts: vec![1; axes] }
    }

    /// Returns the binary logarithm of the total number of slices.
    pub(super) fn log2(&self) -> f64 {
        self.parts.iter().map(|&parts| (parts as f64).log2()).sum()
    }

    pub(super) fn slices(&self) -> Vec<SlicedAxis> {
        let sliced = (0..).zip(&self.parts).filter(|(_, parts)| **parts > 1);
        sliced.map(|(axis, &parts)| SlicedAxis { axis, parts }).collect()
    }

    /// Sets the extents of the tree to those of one slice.
    pub(super) fn apply_to(&self, tree: &mut EditableTree<'_>) {
        let extents = tree.graph.extents.iter().zip(&self.parts);
        tree.set_extents(extents.map(|(extent, parts)| extent / parts));
    }

    /// Returns the next division of an axis, if it can be divided.
    fn next(&self, tree: &EditableTree<'_>, axis: usize) -> Option<SliceCandidate> {
        let left = tree.graph.extents[axis] / self.parts[axis];
        (left > 1).then(|| SliceCandidate { axis, factor: least_factor(left) })
    }

    /// Returns all divisions that were applied.
    fn applied(&self) -> Vec<SliceCandidate> {
        let mut chosen = Vec::new();
        for (axis, &parts) in self.parts.iter().enumerate() {
            let mut left = parts;
            while left > 1 {
                let factor = least_factor(left);
                chosen.push(SliceCandidate { axis, factor });
                left /= factor;
            }
        }
        chosen
    }
}

/// Returns the least prime factor; the number itself if its factors are large.
fn least_factor(number: u64) -> u64 {
    (2..=MAX_FACTOR)
        .take_while(|factor| factor * factor <= number)
        .find(|&factor| number.is_multiple_of(factor))
        .unwrap_or(number)
}

/// Returns whether a search is to end after this amount of work.
pub(super) type StopWhen<'a> = &'a dyn Fn(usize) -> bool;

/// Slices until no product has more than `limit` elements, a binary logarithm; returns whether this was achieved before
/// the search ended. `blur` above 0 makes the choice random.
fn slice_to_limit(
    tree: &mut EditableTree<'_>,
    chosen: &mut SliceChoice,
    limit: f64,
    blur: f64,
    random: &mut Random,
    stop: StopWhen<'_>,
) -> bool {
    while tree.largest() > limit + 1e-9 {
        if stop(2 * tree.visits()) {
            return false;
        }
        let Some(candidate) = best_candidate(tree, chosen, limit, blur, random) else { return false };
        chosen.parts[candidate.axis] *= candidate.factor;
        chosen.apply_to(tree);
    }
    true
}

/// Returns the slice with the smallest increase of the cost for the decrease of the products that are too large.
fn best_candidate(
    tree: &EditableTree<'_>,
    chosen: &SliceChoice,
    limit: f64,
    blur: f64,
    random: &mut Random,
) -> Option<SliceCandidate> {
    let max_log2 = tree.costs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let axes = tree.graph.extents.len();
    let (mut all, mut held, mut excess) = (0.0, vec![0.0; axes], vec![0.0; axes]);
    for (product, &cost) in tree.costs.iter().enumerate() {
        let weight = (cost - max_log2).exp2();
        all += weight;
        tree.union(product, |axis| held[axis as usize] += weight);
        let node = tree.leaves() + product;
        let legs = &tree.legs[node];
        let over = tree.size_at(node, legs) - limit;
        if over > 0.0 {
            legs.iter().for_each(|&axis| excess[axis as usize] += over);
        }
    }
    let mut best: Option<(f64, SliceCandidate)> = None;
    for axis in (0..axes).filter(|&axis| excess[axis] > 0.0) {
        let Some(candidate) = chosen.next(tree, axis) else { continue };
        let factor = candidate.factor as f64;
        // Products without the axis are repeated in each slice.
        let growth = ((held[axis] + factor * (all - held[axis])) / all).log2() + 1e-3;
        let noise = if blur > 0.0 { (blur * (random.unit() - 0.5)).exp() } else { 1.0 };
        let score = noise * growth / (excess[axis] * factor.log2());
        if best.is_none_or(|best| score < best.0) {
            best = Some((score, candidate));
        }
    }
    best.map(|best| best.1)
}

/// Removes slices that are not needed, those that save most first.
fn drop_unneeded(tree: &mut EditableTree<'_>, chosen: &mut SliceChoice, limit: f64, stop: StopWhen<'_>) {
    let mut tries: Vec<(f64, SliceCandidate)> = Vec::new();
    for candidate in chosen.applied() {
        if stop(2 * tree.visits()) {
            return;
        }
        let total = cost_without(tree, chosen, candidate);
        tries.push((total, candidate));
    }
    tries.sort_by(|a, b| a.0.total_cmp(&b.0));
    for (_, candidate) in tries {
        if stop(2 * tree.visits()) {
            return;
        }
        chosen.parts[candidate.axis] /= candidate.factor;
        chosen.apply_to(tree);
        if tree.largest() > limit + 1e-9 {
            chosen.parts[candidate.axis] *= candidate.factor;
            chosen.apply_to(tree);
        }
    }
}

/// Returns the total cost without a slice.
fn cost_without(tree: &mut EditableTree<'_>, chosen: &mut SliceChoice, candidate: SliceCandidate) -> f64 {
    chosen.parts[candidate.axis] /= candidate.factor;
    chosen.apply_to(tree);
    let total = tree.total() + chosen.log2();
    chosen.parts[candidate.axis] *= candidate.factor;
    chosen.apply_to(tree);
    total
}

/// Removes a random selection of about the fraction `part` of the slices.
fn drop_some(tree: &mut EditableTree<'_>, chosen: &mut SliceChoice, part: f64, random: &mut Random) {
    for candidate in chosen.applied() {
        if random.unit() < part {
            chosen.parts[candidate.axis] /= candidate.factor;
        }
    }
    chosen.apply_to(tree);
}

/// The maximal number of rounds in which a tree is sliced to the limit, and the number of times that some slices are
/// then chosen again.
const ROUNDS: usize = 24;
const RESLICINGS: usize = 16;
/// The fraction of the slices that are chosen again, and the randomness of the new choice.
const RESLICED_PART: f64 = 0.3;
const BLUR: f64 = 1.0;
/// The largest excess of slicing below the limit, as a binary logarithm: slices that annealing makes unnecessary are
/// removed.
const EXTRA_LOG2: f64 = 4.0;
/// The penalty of a product above the limit, as [`ObjectiveWithLimits::over`], while the tree is sliced.
pub(super) const OVER: f64 = 4.0;
/// The penalties for the seed trees: how much the tree and how much the slices should reduce the size differs from
/// network to network, so several are tried.
const SEED_PENALTIES: [f64; 6] = [0.5, 0.0, 1.0, 0.25, 2.0, 0.5];
/// The maximal number of trees that are sliced.
const MAX_SLICED_SEEDS: usize = 6;
/// The fraction of a search after which only the best of them is improved.
const SLICED_SEEDS_UNTIL: f64 = 0.55;

/// A tree with its slices.
#[derive(Clone)]
struct SlicedGraph<'g> {
    total: f64,
    tree: EditableTree<'g>,
    chosen: SliceChoice,
}

/// Slices trees until they meet the limit, and improves the best tree with its slices until the fraction `until` of the
/// search.
pub(super) fn search<'g>(
    (graph, objective): (&'g Graph, ObjectiveWithLimits),
    seeds: &[Pairs],
    limit: f64,
    clock: &EffortClock<'_>,
    until: f64,
    random: &mut Random,
) -> Option<(EditableTree<'g>, SliceChoice)> {
    let affordable = clock.total_work() / (SWEEPS * graph.legs.len() as f64);
    let number = MAX_SLICED_SEEDS.min(affordable as usize).max(1);
    let from = clock.spent_part();
    let share = |k: usize| from + (SLICED_SEEDS_UNTIL - from) * k as f64 / number as f64;
    let mut best: Option<SlicedGraph<'g>> = None;
    for k in 0..number {
        let (begin, end) = (share(k), share(k + 1));
        let (tree_objective, start) =
            (objective.within(limit, SEED_PENALTIES[k % SEED_PENALTIES.len()]), &seeds[k % seeds.len()]);
        let Some(tree) = EditableTree::new(graph, tree_objective, start) else { continue };
        let found = slice_in_rounds(tree, objective, limit, clock, [begin, end], random);
        if best.as_ref().is_none_or(|best| found.total < best.total) {
            clock.offer(found.total);
            best = Some(found);
        }
        // A tree whose slicing was interrupted does not meet the limit.
        if best.as_ref().is_some_and(|best| clock.stop().after(best.tree.visits())) {
            break;
        }
    }
    let mut best = best?;
    let from = clock.spent_part();
    for turn in 1..=RESLICINGS {
        let until = from + (until - from) * turn as f64 / RESLICINGS as f64;
        if clock.stop().after(2 * best.tree.visits()) {
            break;
        }
        let other = reslice(best.clone(), limit, clock, until, random);
        if other.total < best.total && !clock.stop().is_stopped() {
            clock.offer(other.total);
            best = other;
        }
    }
    Some((best.tree, best.chosen))
}

/// Anneals a tree and slices it to the limit, in small steps with annealing in between.
fn slice_in_rounds<'g>(
    mut tree: EditableTree<'g>,
    objective: ObjectiveWithLimits,
    limit: f64,
    clock: &EffortClock<'_>,
    [begin, end]: [f64; 2],
    random: &mut Random,
) -> SlicedGraph<'g> {
    let middle = (begin + end) / 2.0;
    anneal(&mut tree, HOT, clock, middle, random);
    tree.set_objective(objective);
    let mut chosen = SliceChoice::none(tree.graph.extents.len());
    let excess = (tree.largest() - limit).max(0.0);
    let rounds = (excess.ceil() as usize).clamp(1, ROUNDS);
    for round in 1..=rounds {
        let done = round as f64 / rounds as f64;
        let target = limit + excess * (1.0 - done);
        slice_to_limit(&mut tree, &mut chosen, target, 0.0, random, &|work| clock.stop().after(work));
        anneal_within(&mut tree, target, clock, middle + (end - middle) * done, random);
    }
    SlicedGraph::fitted(tree, chosen, limit, random, clock)
}

/// Chooses some of the slices again.
fn reslice<'g>(
    from: SlicedGraph<'g>,
    limit: f64,
    clock: &EffortClock<'_>,
    until: f64,
    random: &mut Random,
) -> SlicedGraph<'g> {
    let SlicedGraph { mut tree, mut chosen, .. } = from;
    drop_some(&mut tree, &mut chosen, RESLICED_PART, random);
    let target = limit - EXTRA_LOG2 * random.unit();
    slice_to_limit(&mut tree, &mut chosen, target, BLUR, random, &|work| clock.stop().after(work));
    anneal_within(&mut tree, limit, clock, until, random);
    SlicedGraph::fitted(tree, chosen, limit, random, clock)
}

impl<'g> SlicedGraph<'g> {
    fn fitted(
        mut tree: EditableTree<'g>,
        mut chosen: SliceChoice,
        limit: f64,
        random: &mut Random,
        clock: &EffortClock<'_>,
    ) -> SlicedGraph<'g> {
        fit_slices(&mut tree, &mut chosen, limit, random, &|work| clock.stop().after(work));
        SlicedGraph { total: tree.total() + chosen.log2(), tree, chosen }
    }
}

/// Anneals with a limit for the size of intermediates.
fn anneal_within(tree: &mut EditableTree<'_>, limit: f64, clock: &EffortClock<'_>, until: f64, random: &mut Random) {
    let objective = tree.objective;
    tree.set_objective(objective.within(limit, OVER));
    anneal(tree, WARM, clock, until, random);
    tree.set_objective(objective);
    clock.stop().after(2 * tree.visits());
}

/// Adds the slices that are still needed and removes all others; returns whether no product exceeds `limit`.
pub(super) fn fit_slices(
    tree: &mut EditableTree<'_>,
    chosen: &mut SliceChoice,
    limit: f64,
    random: &mut Random,
    stop: StopWhen<'_>,
) -> bool {
    let fits = slice_to_limit(tree, chosen, limit, 0.0, random, stop);
    if fits {
        drop_unneeded(tree, chosen, limit, stop);
    }
    fits
}
