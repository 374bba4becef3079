//! Which axes to slice, while the tree changes with them (J. Gray and S. Kourtis, "Hyper-optimized tensor network
//! contraction", Quantum 5, 410, 2021; C. Huang et al., "Classical simulation of quantum supremacy circuits",
//! arXiv:2005.06787, 2020).
//!
//! A slice takes a factor out of the extent of an axis. What is left is a smaller network with a best tree of its own, so
//! after every few slices the tree is annealed again.

use super::effort::EffortClock;
use super::tree_editor::EditableTree;
use super::{HOT, SWEEPS, WARM, anneal};
use crate::SlicedAxis;
use crate::graph::{Graph, Pairs};
use crate::objective::ObjectiveWithLimits;
use crate::random::Random;

/// Factors above this are not looked for: what is left of an extent is cut in one.
const MOST_FACTOR: u64 = 1 << 12;

/// Into how many parts each axis is cut.
#[derive(Clone, Debug)]
pub(super) struct SliceChoice {
    parts: Vec<u64>,
}

/// One cut: by a prime factor of the extent.
#[derive(Clone, Copy, Debug)]
struct SliceCandidate {
    axis: usize,
    factor: u64,
}

impl SliceChoice {
    pub(super) fn none(axes: usize) -> SliceChoice {
        SliceChoice { parts: vec![1; axes] }
    }

    /// The binary logarithm of the number of slices.
    pub(super) fn log2(&self) -> f64 {
        self.parts.iter().map(|&parts| (parts as f64).log2()).sum()
    }

    pub(super) fn slices(&self) -> Vec<SlicedAxis> {
        let cut = (0..).zip(&self.parts).filter(|(_, parts)| **parts > 1);
        cut.map(|(axis, &parts)| SlicedAxis { axis, parts }).collect()
    }

    /// The binary logarithms of the extents of the pieces, brought into the tree.
    pub(super) fn show(&self, tree: &mut EditableTree<'_>) {
        let extents = tree.graph.extents.iter().zip(&self.parts);
        tree.set_extents(extents.map(|(extent, parts)| extent / parts));
    }

    /// The next cut of an axis, if it can be cut.
    fn next(&self, tree: &EditableTree<'_>, axis: usize) -> Option<SliceCandidate> {
        let left = tree.graph.extents[axis] / self.parts[axis];
        (left > 1).then(|| SliceCandidate { axis, factor: least_factor(left) })
    }

    /// All cuts that were made.
    fn made(&self) -> Vec<SliceCandidate> {
        let mut cuts = Vec::new();
        for (axis, &parts) in self.parts.iter().enumerate() {
            let mut left = parts;
            while left > 1 {
                let factor = least_factor(left);
                cuts.push(SliceCandidate { axis, factor });
                left /= factor;
            }
        }
        cuts
    }
}

/// The least prime factor; the number itself if that is not small.
fn least_factor(number: u64) -> u64 {
    (2..=MOST_FACTOR)
        .take_while(|factor| factor * factor <= number)
        .find(|&factor| number.is_multiple_of(factor))
        .unwrap_or(number)
}

/// Whether a search is to end after so much work.
pub(super) type StopWhen<'a> = &'a dyn Fn(usize) -> bool;

/// SliceChoice until no product has more than `limit`, a binary logarithm, if that can be and the search does not end before; whether
/// none has. `blur` above 0 makes the choice random.
fn cut_down(
    tree: &mut EditableTree<'_>,
    cuts: &mut SliceChoice,
    limit: f64,
    blur: f64,
    random: &mut Random,
    ends: StopWhen<'_>,
) -> bool {
    while tree.largest() > limit + 1e-9 {
        if ends(2 * tree.visits()) {
            return false;
        }
        let Some(cut) = best_cut(tree, cuts, limit, blur, random) else { return false };
        cuts.parts[cut.axis] *= cut.factor;
        cuts.show(tree);
    }
    true
}

/// The cut that adds least to the cost for what it takes from products that are too large.
fn best_cut(
    tree: &EditableTree<'_>,
    cuts: &SliceChoice,
    limit: f64,
    blur: f64,
    random: &mut Random,
) -> Option<SliceCandidate> {
    let most = tree.costs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let axes = tree.graph.extents.len();
    let (mut all, mut held, mut excess) = (0.0, vec![0.0; axes], vec![0.0; axes]);
    for (product, &cost) in tree.costs.iter().enumerate() {
        let weight = (cost - most).exp2();
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
        let Some(cut) = cuts.next(tree, axis) else { continue };
        let factor = cut.factor as f64;
        // What the other products cost is paid in each part.
        let growth = ((held[axis] + factor * (all - held[axis])) / all).log2() + 1e-3;
        let noise = if blur > 0.0 { (blur * (random.unit() - 0.5)).exp() } else { 1.0 };
        let score = noise * growth / (excess[axis] * factor.log2());
        if best.is_none_or(|best| score < best.0) {
            best = Some((score, cut));
        }
    }
    best.map(|best| best.1)
}

/// Takes cuts back that are not needed, those that save most first.
fn undo_needless(tree: &mut EditableTree<'_>, cuts: &mut SliceChoice, limit: f64, ends: StopWhen<'_>) {
    let mut tries: Vec<(f64, SliceCandidate)> = Vec::new();
    for cut in cuts.made() {
        if ends(2 * tree.visits()) {
            return;
        }
        let total = without(tree, cuts, cut);
        tries.push((total, cut));
    }
    tries.sort_by(|a, b| a.0.total_cmp(&b.0));
    for (_, cut) in tries {
        if ends(2 * tree.visits()) {
            return;
        }
        cuts.parts[cut.axis] /= cut.factor;
        cuts.show(tree);
        if tree.largest() > limit + 1e-9 {
            cuts.parts[cut.axis] *= cut.factor;
            cuts.show(tree);
        }
    }
}

/// What all costs without a cut.
fn without(tree: &mut EditableTree<'_>, cuts: &mut SliceChoice, cut: SliceCandidate) -> f64 {
    cuts.parts[cut.axis] /= cut.factor;
    cuts.show(tree);
    let total = tree.total() + cuts.log2();
    cuts.parts[cut.axis] *= cut.factor;
    cuts.show(tree);
    total
}

/// Takes about `part` of the cuts back, by lot.
fn undo_some(tree: &mut EditableTree<'_>, cuts: &mut SliceChoice, part: f64, random: &mut Random) {
    for cut in cuts.made() {
        if random.unit() < part {
            cuts.parts[cut.axis] /= cut.factor;
        }
    }
    cuts.show(tree);
}

/// In how many rounds at most the tree is cut down to the limit, and how often some cuts are then made anew.
const ROUNDS: usize = 24;
const TURNS: usize = 16;
/// The part of the cuts that are made anew, and how random the new ones are.
const ANEW: f64 = 0.3;
const BLUR: f64 = 1.0;
/// By up to how much below the limit they go, as a binary logarithm: what annealing then has no use for is taken back.
const MORE: f64 = 4.0;
/// What a product costs that is larger than the limit, as [`ObjectiveWithLimits::over`], while the tree has its slices.
pub(super) const OVER: f64 = 4.0;
/// The same in the trees to begin with: how much is to be done by the tree and how much by slices differs from network to
/// network, so all ways are tried.
const WAYS: [f64; 6] = [0.5, 0.0, 1.0, 0.25, 2.0, 0.5];
/// How many trees are cut down at most.
const BEGINNINGS: usize = 6;
/// The share of a search after which the best of them goes on alone.
const BEGINNINGS_UNTIL: f64 = 0.55;

/// A tree with its slices.
#[derive(Clone)]
struct SlicedGraph<'g> {
    total: f64,
    tree: EditableTree<'g>,
    cuts: SliceChoice,
}

/// Slices trees until they keep to the limit, and looks for the best tree with its cuts until a part of the search is over.
pub(super) fn search<'g>(
    (graph, goal): (&'g Graph, ObjectiveWithLimits),
    starts: &[Pairs],
    limit: f64,
    meter: &EffortClock<'_>,
    until: f64,
    random: &mut Random,
) -> Option<(EditableTree<'g>, SliceChoice)> {
    let affordable = meter.total_work() / (SWEEPS * graph.legs.len() as f64);
    let number = BEGINNINGS.min(affordable as usize).max(1);
    let from = meter.passed();
    let share = |k: usize| from + (BEGINNINGS_UNTIL - from) * k as f64 / number as f64;
    let mut best: Option<SlicedGraph<'g>> = None;
    for k in 0..number {
        let (begin, end) = (share(k), share(k + 1));
        let (goal_of_tree, start) = (goal.within(limit, WAYS[k % WAYS.len()]), &starts[k % starts.len()]);
        let Some(tree) = EditableTree::new(graph, goal_of_tree, start) else { continue };
        let found = cut_in_rounds(tree, goal, limit, meter, [begin, end], random);
        if best.as_ref().is_none_or(|best| found.total < best.total) {
            meter.offer(found.total);
            best = Some(found);
        }
        // What was ended half way keeps to no limit.
        if best.as_ref().is_some_and(|best| meter.stop().after(best.tree.visits())) {
            break;
        }
    }
    let mut best = best?;
    let from = meter.passed();
    for turn in 1..=TURNS {
        let until = from + (until - from) * turn as f64 / TURNS as f64;
        if meter.stop().after(2 * best.tree.visits()) {
            break;
        }
        let other = cut_anew(best.clone(), limit, meter, until, random);
        if other.total < best.total && !meter.stop().is_stopped() {
            meter.offer(other.total);
            best = other;
        }
    }
    Some((best.tree, best.cuts))
}

/// Anneals a tree and cuts it down to the limit, in small steps with annealing in between.
fn cut_in_rounds<'g>(
    mut tree: EditableTree<'g>,
    goal: ObjectiveWithLimits,
    limit: f64,
    meter: &EffortClock<'_>,
    [begin, end]: [f64; 2],
    random: &mut Random,
) -> SlicedGraph<'g> {
    let middle = (begin + end) / 2.0;
    anneal(&mut tree, HOT, meter, middle, random);
    tree.set_goal(goal);
    let mut cuts = SliceChoice::none(tree.graph.extents.len());
    let excess = (tree.largest() - limit).max(0.0);
    let rounds = (excess.ceil() as usize).clamp(1, ROUNDS);
    for round in 1..=rounds {
        let done = round as f64 / rounds as f64;
        let target = limit + excess * (1.0 - done);
        cut_down(&mut tree, &mut cuts, target, 0.0, random, &|work| meter.stop().after(work));
        anneal_within(&mut tree, target, meter, middle + (end - middle) * done, random);
    }
    SlicedGraph::settled(tree, cuts, limit, random, meter)
}

/// Makes some of the cuts anew.
fn cut_anew<'g>(
    from: SlicedGraph<'g>,
    limit: f64,
    meter: &EffortClock<'_>,
    until: f64,
    random: &mut Random,
) -> SlicedGraph<'g> {
    let SlicedGraph { mut tree, mut cuts, .. } = from;
    undo_some(&mut tree, &mut cuts, ANEW, random);
    let target = limit - MORE * random.unit();
    cut_down(&mut tree, &mut cuts, target, BLUR, random, &|work| meter.stop().after(work));
    anneal_within(&mut tree, limit, meter, until, random);
    SlicedGraph::settled(tree, cuts, limit, random, meter)
}

impl<'g> SlicedGraph<'g> {
    fn settled(
        mut tree: EditableTree<'g>,
        mut cuts: SliceChoice,
        limit: f64,
        random: &mut Random,
        meter: &EffortClock<'_>,
    ) -> SlicedGraph<'g> {
        settle(&mut tree, &mut cuts, limit, random, &|work| meter.stop().after(work));
        SlicedGraph { total: tree.total() + cuts.log2(), tree, cuts }
    }
}

/// Anneals with a limit for the size of intermediates.
fn anneal_within(tree: &mut EditableTree<'_>, limit: f64, meter: &EffortClock<'_>, until: f64, random: &mut Random) {
    let goal = tree.goal;
    tree.set_goal(goal.within(limit, OVER));
    anneal(tree, WARM, meter, until, random);
    tree.set_goal(goal);
    meter.stop().after(2 * tree.visits());
}

/// Makes the cuts that are needed still, and no others; whether no product is larger than `limit` then.
pub(super) fn settle(
    tree: &mut EditableTree<'_>,
    cuts: &mut SliceChoice,
    limit: f64,
    random: &mut Random,
    ends: StopWhen<'_>,
) -> bool {
    let fits = cut_down(tree, cuts, limit, 0.0, random, ends);
    if fits {
        undo_needless(tree, cuts, limit, ends);
    }
    fits
}
