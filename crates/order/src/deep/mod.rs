//! The best tree that is found with a given effort.
//!
//! ExactSubtree where that is affordable. Else, in order: tensors that grow nothing are absorbed; cheap rules give many trees; the
//! best few of them are annealed for a while, and the one that comes out best for longer; in the end, on all tensors again,
//! small parts are put into their exact best form. That annealing has to begin from several good trees rather than from one,
//! and that it must not be so hot that it forgets them, is what measurements say.

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

/// The share of a search in which the starts are annealed, and that in which the best of them is.
const STARTS_UNTIL: f64 = 0.6;
const ANNEAL_UNTIL: f64 = 0.9;
/// The share for the starts where the tree is to be sliced.
const LIMITED_STARTS_UNTIL: f64 = 0.15;
/// How many starts are annealed at most, if each has at least so many sweeps; the same start may come again.
const STARTS: [(f64, f64); 2] = [(4.0, SWEEPS), (12.0, 16.0 * SWEEPS)];
const SWEEPS: f64 = 1000.0;
/// Temperatures in steps of a factor of two in cost.
const HOT: Temperatures = Temperatures { first: 1.5, last: 0.1 };
const WARM: Temperatures = Temperatures { first: 0.5, last: 0.05 };
/// How many nodes a part has that is annealed.
const PART: usize = 1024;
/// How many nodes a part has that is put into its exact best form.
const EXACT_PART: usize = 8;
/// How many splits the exact search may try for a unit of work, and at most.
const SPLITS_PER_WORK: f64 = 0.1;
const MOST_SPLITS: f64 = 1e7;
/// The longest chain that is always solved exactly: some milliseconds.
const CHAIN: u64 = 128;

/// What is searched.
struct Problem<'a> {
    network: &'a Network,
    graph: Graph,
    goal: ObjectiveWithLimits,
    limits: Limits,
    start: Option<Pairs>,
}

/// What one search found.
#[derive(Default)]
struct Outcome {
    /// The binary logarithm of the cost.
    total: f64,
    pairs: Pairs,
    slices: Vec<SlicedAxis>,
}

impl Outcome {
    /// A tree that is too large to be worked on.
    fn unknown(pairs: &Pairs) -> Outcome {
        Outcome { total: f64::INFINITY, pairs: pairs.clone(), slices: Vec::new() }
    }
}

/// One search.
fn run(problem: &Problem<'_>, meter: &EffortClock<'_>, random: &mut Random) -> Outcome {
    let &Problem { ref graph, goal, ref limits, .. } = problem;
    if goal.objective == Objective::Flops
        && let Ok(pairs) = dp::pairs(graph, splits(graph, meter), meter.stop())
        && graph::tree(graph.legs.len(), &pairs).is_ok_and(|tree| limits.hold(problem.network, &tree, &[]))
    {
        let total = EditableTree::new(graph, goal, &pairs).map_or(f64::INFINITY, |tree| tree.total());
        return Outcome { total, pairs, slices: Vec::new() };
    }
    let (mut pairs, rest, legs) = greedy::absorb(graph, meter.stop());
    let mut reduced = Graph { legs, extents: graph.extents.clone(), kept: graph.kept.clone(), result: graph.result };
    // Only axes of the network itself can be sliced.
    if limits.are_none() {
        reduced = reduced.fused();
    }
    let annealed = anneal_starts(&reduced, goal, limits, meter, random);
    let is_known = annealed.is_some();
    let (local, cuts) = annealed.unwrap_or_else(|| (greedy::pairs(&reduced, meter.stop()), None));
    let mut cuts = cuts.unwrap_or_else(|| SliceChoice::none(graph.extents.len()));
    splice(&rest, &local, graph.legs.len(), &mut pairs);
    let Some(mut tree) = is_known.then(|| EditableTree::new(graph, goal, &pairs)).flatten() else {
        return Outcome::unknown(problem.start.as_ref().unwrap_or(&pairs));
    };
    if let Some(start) = &problem.start {
        let Some(given) = EditableTree::new(graph, goal, start) else { return Outcome::unknown(start) };
        better_start(&mut tree, &mut cuts, given, limits, (meter.stop(), random));
    }
    tree.set_goal(goal.within(limits.size, slicing::OVER));
    if limits.are_none() {
        polish(&mut tree, meter);
        return Outcome { total: tree.total(), pairs: tree.pairs(), slices: Vec::new() };
    }
    cuts.show(&mut tree);
    polish(&mut tree, meter);
    tree.set_goal(goal);
    limits.keep(problem.network, &mut tree, &mut cuts, (meter.stop(), random))
}

/// How many splits the exact search may try. A chain has few, whatever its length.
fn splits(graph: &Graph, meter: &EffortClock<'_>) -> u64 {
    let affordable = (SPLITS_PER_WORK * meter.total_work()).min(MOST_SPLITS) as u64;
    let tensors = graph.legs.len() as u64;
    let is_chain = tensors <= CHAIN && graph.uses().iter().all(|&uses| uses <= 2) && {
        let links = |legs: &[u32]| legs.iter().filter(|&&axis| !graph.kept[axis as usize]).count();
        graph.legs.iter().all(|legs| links(legs) <= 2)
    };
    if is_chain { affordable.max(tensors.pow(3)) } else { affordable }
}

/// Takes the tree of the caller if it is better than the one that was found.
fn better_start<'g>(
    tree: &mut EditableTree<'g>,
    cuts: &mut SliceChoice,
    mut given: EditableTree<'g>,
    limits: &Limits,
    (stop, random): (&StopCheck<'_>, &mut Random),
) {
    let mut given_cuts = SliceChoice::none(tree.graph.extents.len());
    slicing::settle(&mut given, &mut given_cuts, limits.size, random, &|work| stop.after_grace(work));
    cuts.show(tree);
    if given.total() + given_cuts.log2() < tree.total() + cuts.log2() {
        (*tree, *cuts) = (given, given_cuts);
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

/// The best tree that comes of annealing the best starts, and its slices if it needs some; none if all are too large to be
/// worked on, or the search was ended before there was one.
fn anneal_starts(
    graph: &Graph,
    goal: ObjectiveWithLimits,
    limits: &Limits,
    meter: &EffortClock<'_>,
    random: &mut Random,
) -> Option<(Pairs, Option<SliceChoice>)> {
    if graph.legs.len() < 2 {
        return Some((Pairs::new(), None));
    }
    let starts = seeds::starts(graph, goal, meter, random);
    if starts.is_empty() {
        return None;
    }
    let number = number_of_starts(meter.total_work() / graph.legs.len() as f64);
    let begin = meter.passed();
    let until = if limits.are_none() { STARTS_UNTIL } else { LIMITED_STARTS_UNTIL };
    let mut best: Option<(f64, EditableTree<'_>)> = None;
    for (i, (start, temperatures)) in beginnings(starts.len()).take(number).enumerate() {
        let Some(mut tree) = EditableTree::new(graph, goal, &starts[start]) else { continue };
        let end = begin + (until - begin) * (i + 1) as f64 / number as f64;
        anneal(&mut tree, temperatures, meter, end, random);
        let total = tree.total();
        if best.as_ref().is_none_or(|best| total < best.0) {
            best = Some((total, tree));
        }
        if best.as_ref().is_some_and(|(_, tree)| meter.stop().after(tree.visits())) {
            break;
        }
    }
    let (_, mut tree) = best?;
    if tree.largest() > limits.size
        && let Some((tree, cuts)) = slicing::search((graph, goal), &starts, limits.size, meter, ANNEAL_UNTIL, random)
    {
        return Some((tree.pairs(), Some(cuts)));
    }
    for end in [(STARTS_UNTIL + ANNEAL_UNTIL) / 2.0, ANNEAL_UNTIL] {
        anneal(&mut tree, WARM, meter, end, random);
    }
    Some((tree.pairs(), None))
}

/// Which starts are annealed, and how: the best ones, then these with their structure kept, then all.
fn beginnings(starts: usize) -> impl Iterator<Item = (usize, Temperatures)> {
    let few = starts.min(STARTS[0].0 as usize);
    let best = |temperatures| (0..few).map(move |start| (start, temperatures));
    let all = (few..).map(move |start| (start % starts.max(1), HOT));
    best(HOT).chain(best(WARM)).chain(all)
}

/// How many starts are annealed with so much work for each tensor.
fn number_of_starts(work: f64) -> usize {
    STARTS.iter().map(|&(most, sweeps)| (work / sweeps).min(most)).fold(1.0, f64::max) as usize
}

/// Anneals the part of a tree that costs most.
fn anneal(
    tree: &mut EditableTree<'_>,
    temperatures: Temperatures,
    meter: &EffortClock<'_>,
    to: f64,
    random: &mut Random,
) {
    let heat = tree.heat();
    let mut most = PART;
    let mut window = Subtree::grow(tree, tree.root, most, |node| heat[node as usize]);
    while window.axes(tree) > schedule::MOST_AXES {
        most = window.below.len() * 3 / 4;
        window = Subtree::grow(tree, tree.root, most, |node| heat[node as usize]);
    }
    let share = EffortShare { meter, from: meter.passed(), to };
    if schedule::anneal(tree, &window, temperatures, &share, random) {
        meter.offer(tree.total());
    }
}

/// Puts small parts into their exact best form, the dearest first, until none gets better or the search ends.
fn polish(tree: &mut EditableTree<'_>, meter: &EffortClock<'_>) {
    let mut exact = ExactSubtree::default();
    let mut order: Vec<u32> = tree.postorder();
    let leaves = tree.leaves();
    loop {
        let mut better = false;
        order.sort_by(|&a, &b| tree.costs[b as usize - leaves].total_cmp(&tree.costs[a as usize - leaves]));
        for &node in &order {
            if !meter.more(1.0) {
                return;
            }
            let cost = |node| tree.product(node).map_or(f64::NEG_INFINITY, |product| tree.costs[product]);
            let window = Subtree::grow(tree, node, EXACT_PART, cost);
            better |= exact.improve(tree, &window);
            meter.spend(1 << EXACT_PART);
        }
        if !better {
            return;
        }
    }
}
