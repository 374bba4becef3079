//! The best tree that a search finds with a given effort.
//!
//! The search is exact where that is affordable. Otherwise it has these phases: products that grow no tensor are taken
//! first; cheap rules give many seed trees; the best few of them are annealed for a short time, and the best result for
//! longer; finally, with all tensors, small subtrees are replaced by their optimum. Measurements show that annealing
//! must start from several good trees rather than from one, and that its temperature must not be so high that it loses
//! their structure.

mod anneal;
mod effort;
mod eliminate;
mod limits;
mod progress;
mod reconfigure;
mod record;
mod schedule;
mod seeds;
mod slicing;
mod subtree;
mod tree_editor;
mod trials;

#[cfg(test)]
mod tests;

use effort::EffortClock;
pub(crate) use limits::Limits;
use reconfigure::ExactSubtree;
use schedule::{EffortShare, Temperatures};
use slicing::SliceChoice;
use subtree::Subtree;
use tree_editor::EditableTree;

pub use record::{RecordError, ReplayRecord};
pub(crate) use trials::{replay, search};

use crate::graph::{Graph, Pairs};
use crate::objective::{Objective, ObjectiveWithLimits};
use crate::random::Random;
use crate::watch::StopCheck;
use crate::{SlicedAxis, dp, graph, greedy};
use einfold_ir::Network;

/// The fractions of a search at which the annealing of the seed trees ends, and that of the best of them.
const SEEDS_UNTIL: f64 = 0.6;
const ANNEAL_UNTIL: f64 = 0.9;
/// The fraction at which the annealing of the seed trees ends if the tree is to be sliced.
const LIMITED_SEEDS_UNTIL: f64 = 0.15;
/// The maximal number of annealed seed trees if each has at least this number of sweeps; the same seed tree may occur
/// again.
const SEED_COUNTS: [(f64, f64); 2] = [(4.0, SWEEPS), (12.0, 16.0 * SWEEPS)];
const SWEEPS: f64 = 1000.0;
/// Temperatures in units of a factor of two in cost.
const HOT: Temperatures = Temperatures { first: 1.5, last: 0.1 };
const WARM: Temperatures = Temperatures { first: 0.5, last: 0.05 };
/// The number of nodes of a subtree that is annealed.
const MAX_SUBTREE: usize = 1024;
/// The number of nodes of a subtree that is replaced by its optimum.
const EXACT_SUBTREE: usize = 8;
/// The number of splits that the exact search may try for a unit of work, and its maximum.
const SPLITS_PER_WORK: f64 = 0.1;
const MAX_SPLITS: f64 = 1e7;
/// The longest chain that is always solved exactly, in some milliseconds.
const MAX_CHAIN: u64 = 128;

/// The input of the search.
struct Problem<'a> {
    network: &'a Network,
    graph: Graph,
    objective: ObjectiveWithLimits,
    limits: Limits,
    start: Option<Pairs>,
}

/// The output of one search.
#[derive(Default)]
struct Outcome {
    /// The binary logarithm of the cost.
    total: f64,
    pairs: Pairs,
    slices: Vec<SlicedAxis>,
}

impl Outcome {
    /// Returns a tree that is too large to be improved.
    fn unknown(pairs: &Pairs) -> Outcome {
        Outcome { total: f64::INFINITY, pairs: pairs.clone(), slices: Vec::new() }
    }
}

/// Runs one search.
fn run(problem: &Problem<'_>, clock: &EffortClock<'_>, random: &mut Random) -> Outcome {
    let &Problem { ref graph, objective, ref limits, .. } = problem;
    if objective.objective == Objective::Flops
        && let Ok(pairs) = dp::pairs(graph, None, splits(graph, clock), clock.stop())
        && graph::tree(graph.legs.len(), &pairs).is_ok_and(|tree| limits.are_met_by(problem.network, &tree, &[]))
    {
        let total = EditableTree::new(graph, objective, &pairs).map_or(f64::INFINITY, |tree| tree.total());
        return Outcome { total, pairs, slices: Vec::new() };
    }
    let (mut pairs, rest, legs) = greedy::absorb(graph, clock.stop());
    let mut reduced = Graph { legs, extents: graph.extents.clone(), kept: graph.kept.clone(), result: graph.result };
    // Only axes of the network itself can be sliced, so limits exclude fused axes.
    if limits.are_none() {
        reduced = reduced.fused();
    }
    let annealed = anneal_seeds(&reduced, objective, limits, clock, random);
    let is_known = annealed.is_some();
    let (local, chosen) = annealed.unwrap_or_else(|| (greedy::pairs(&reduced, clock.stop()), None));
    let mut chosen = chosen.unwrap_or_else(|| SliceChoice::none(graph.extents.len()));
    splice(&rest, &local, graph.legs.len(), &mut pairs);
    let Some(mut tree) = is_known.then(|| EditableTree::new(graph, objective, &pairs)).flatten() else {
        return Outcome::unknown(problem.start.as_ref().unwrap_or(&pairs));
    };
    if let Some(start) = &problem.start {
        let Some(given) = EditableTree::new(graph, objective, start) else { return Outcome::unknown(start) };
        take_better_start(&mut tree, &mut chosen, given, limits, (clock.stop(), random));
    }
    tree.set_objective(objective.within(limits.size, slicing::OVER));
    if limits.are_none() {
        polish(&mut tree, clock);
        return Outcome { total: tree.total(), pairs: tree.pairs(), slices: Vec::new() };
    }
    chosen.apply_to(&mut tree);
    polish(&mut tree, clock);
    tree.set_objective(objective);
    limits.slice_to_fit(problem.network, &mut tree, &mut chosen, (clock.stop(), random))
}

/// Returns the number of splits that the exact search may try. A chain has few splits, whatever its length.
fn splits(graph: &Graph, clock: &EffortClock<'_>) -> u64 {
    let affordable = (SPLITS_PER_WORK * clock.total_work()).min(MAX_SPLITS) as u64;
    let tensors = graph.legs.len() as u64;
    let is_chain = tensors <= MAX_CHAIN && graph.uses().iter().all(|&uses| uses <= 2) && {
        let links = |legs: &[u32]| legs.iter().filter(|&&axis| !graph.kept[axis as usize]).count();
        graph.legs.iter().all(|legs| links(legs) <= 2)
    };
    if is_chain { affordable.max(tensors.pow(3)) } else { affordable }
}

/// Replaces the tree by the seed tree of the caller if that is better.
fn take_better_start<'g>(
    tree: &mut EditableTree<'g>,
    chosen: &mut SliceChoice,
    mut given: EditableTree<'g>,
    limits: &Limits,
    (stop, random): (&StopCheck<'_>, &mut Random),
) {
    let mut given_slices = SliceChoice::none(tree.graph.extents.len());
    slicing::fit_slices(&mut given, &mut given_slices, limits.size, random, &|work| stop.after_grace(work));
    chosen.apply_to(tree);
    if given.total() + given_slices.log2() < tree.total() + chosen.log2() {
        (*tree, *chosen) = (given, given_slices);
    }
}

/// Appends the steps of the reduced graph, whose tensors are `members`, to those that reduced it.
fn splice(members: &[u32], local: &Pairs, leaves: usize, pairs: &mut Pairs) {
    let mut ids: Vec<u32> = members.to_vec();
    for pair in local {
        ids.push((leaves + pairs.len()) as u32);
        pairs.push(pair.map(|id| ids[id as usize]));
    }
}

/// Anneals the best seed trees and returns the best result, with its slices if it needs any; `None` if all are too
/// large, or if the search ended before there was one.
fn anneal_seeds(
    graph: &Graph,
    objective: ObjectiveWithLimits,
    limits: &Limits,
    clock: &EffortClock<'_>,
    random: &mut Random,
) -> Option<(Pairs, Option<SliceChoice>)> {
    if graph.legs.len() < 2 {
        return Some((Pairs::new(), None));
    }
    let seeds = seeds::find(graph, objective, clock, random);
    if seeds.is_empty() {
        return None;
    }
    let number = seed_count(clock.total_work() / graph.legs.len() as f64);
    let begin = clock.spent_part();
    let until = if limits.are_none() { SEEDS_UNTIL } else { LIMITED_SEEDS_UNTIL };
    let mut best: Option<(f64, EditableTree<'_>)> = None;
    for (i, (start, temperatures)) in seed_schedule(seeds.len()).take(number).enumerate() {
        let Some(mut tree) = EditableTree::new(graph, objective, &seeds[start]) else { continue };
        let end = begin + (until - begin) * (i + 1) as f64 / number as f64;
        anneal(&mut tree, temperatures, clock, end, random);
        let total = tree.total();
        if best.as_ref().is_none_or(|best| total < best.0) {
            best = Some((total, tree));
        }
        if best.as_ref().is_some_and(|(_, tree)| clock.stop().after(tree.visits())) {
            break;
        }
    }
    let (_, mut tree) = best?;
    if tree.largest() > limits.size
        && let Some((tree, chosen)) =
            slicing::search((graph, objective), &seeds, limits.size, clock, ANNEAL_UNTIL, random)
    {
        return Some((tree.pairs(), Some(chosen)));
    }
    for end in [(SEEDS_UNTIL + ANNEAL_UNTIL) / 2.0, ANNEAL_UNTIL] {
        anneal(&mut tree, WARM, clock, end, random);
    }
    Some((tree.pairs(), None))
}

/// Returns the seed trees to anneal with their temperatures: the best ones, then these at low temperatures, then all.
fn seed_schedule(seeds: usize) -> impl Iterator<Item = (usize, Temperatures)> {
    let few = seeds.min(SEED_COUNTS[0].0 as usize);
    let best = |temperatures| (0..few).map(move |start| (start, temperatures));
    let all = (few..).map(move |start| (start % seeds.max(1), HOT));
    best(HOT).chain(best(WARM)).chain(all)
}

/// Returns the number of seed trees to anneal with this amount of work for each tensor.
fn seed_count(work: f64) -> usize {
    SEED_COUNTS.iter().map(|&(max_seeds, sweeps)| (work / sweeps).min(max_seeds)).fold(1.0, f64::max) as usize
}

/// Anneals the most expensive subtree.
fn anneal(
    tree: &mut EditableTree<'_>,
    temperatures: Temperatures,
    clock: &EffortClock<'_>,
    to: f64,
    random: &mut Random,
) {
    let heat = tree.heat();
    let mut max_leaves = MAX_SUBTREE;
    let mut subtree = Subtree::grow(tree, tree.root, max_leaves, |node| heat[node as usize]);
    while subtree.axes(tree) > schedule::MAX_AXES {
        max_leaves = subtree.below.len() * 3 / 4;
        subtree = Subtree::grow(tree, tree.root, max_leaves, |node| heat[node as usize]);
    }
    let share = EffortShare { clock, from: clock.spent_part(), to };
    if schedule::anneal(tree, &subtree, temperatures, &share, random) {
        clock.offer(tree.total());
    }
}

/// Replaces small subtrees by their optimum, the most expensive first, until none improves or the search ends.
fn polish(tree: &mut EditableTree<'_>, clock: &EffortClock<'_>) {
    let mut exact = ExactSubtree::default();
    let mut order: Vec<u32> = tree.postorder();
    let leaves = tree.leaves();
    loop {
        let mut better = false;
        order.sort_by(|&a, &b| tree.costs[b as usize - leaves].total_cmp(&tree.costs[a as usize - leaves]));
        for &node in &order {
            if !clock.has_effort_until(1.0) {
                return;
            }
            let cost = |node| tree.product(node).map_or(f64::NEG_INFINITY, |product| tree.costs[product]);
            let subtree = Subtree::grow(tree, node, EXACT_SUBTREE, cost);
            better |= exact.improve(tree, &subtree);
            clock.spend(1 << EXACT_SUBTREE);
        }
        if !better {
            return;
        }
    }
}
