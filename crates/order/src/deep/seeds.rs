//! Seed trees: greedy trees by several scores, eliminations, and greedy trees with noise.
//!
//! Several cheap rules give better results than one good rule, since none is good for all networks (S. Orgler and M.
//! Blacher, "Optimizing tensor contraction paths: a greedy algorithm approach with improved cost functions",
//! arXiv:2405.09644, 2024).

use super::effort::EffortClock;
use super::eliminate::{self, EliminationRule};
use super::tree_editor::EditableTree;
use crate::graph::{Graph, Pairs};
use crate::greedy::{Greedy, PairScoring, Score};
use crate::objective::{Objective, ObjectiveWithLimits};
use crate::random::Random;

/// The fraction of a search after which no further rule is tried.
const RULES_UNTIL: f64 = 0.25;
/// The fraction after which no further noisy trees are tried: annealing improves more.
const NOISE_UNTIL: f64 = 0.05;
/// The maximal number of legs of a tensor of an elimination.
const MAX_LEGS: usize = 200;
/// The approximate work of a greedy tree for each tensor, and of an elimination for each tensor and axis.
const GREEDY_WORK: usize = 20;
const ELIMINATION_WORK: usize = 50;

/// The cheapest tree of each rule. The result of annealing depends more on the rule of a seed tree than on its cost.
struct Seeds<'g> {
    graph: &'g Graph,
    greedy: Greedy<'g>,
    objective: ObjectiveWithLimits,
    trees: Vec<SeedTree>,
}

struct SeedTree {
    rule: &'static str,
    total: f64,
    pairs: Pairs,
}

/// Searches for seed trees during the first part of a search; returns the best of each rule, the cheapest first. Empty
/// if the search ended before there was one.
pub(super) fn find(
    graph: &Graph,
    objective: ObjectiveWithLimits,
    clock: &EffortClock<'_>,
    random: &mut Random,
) -> Vec<Pairs> {
    let mut seeds = Seeds { graph, greedy: Greedy::new(graph), objective, trees: Vec::new() };
    let scores =
        [("growth", Score::Growth), ("shrink", Score::Shrink(1.0)), ("ratio", Score::Ratio), ("result", Score::Result)];
    // If few axes have many tensors each, eliminations are better.
    let few = 3 * graph.extents.len() < 2 * graph.legs.len();
    if few {
        seeds.eliminations(clock);
    }
    for (rule, score) in scores {
        if seeds.trees.is_empty() || clock.has_effort_until(RULES_UNTIL) {
            seeds.greedy(rule, PairScoring { score, noise: None }, clock);
        }
    }
    if !few {
        seeds.eliminations(clock);
    }
    while clock.has_effort_until(NOISE_UNTIL) {
        let temperature = (4.0 * random.unit() - 4.0).exp();
        let noise = Some((temperature, random.split()));
        let (rule, score) = match random.next() % 2 {
            0 => ("noisy growth", Score::Growth),
            _ => ("noisy shrink", Score::Shrink(1.0 + random.unit())),
        };
        seeds.greedy(rule, PairScoring { score, noise }, clock);
    }
    seeds.trees.sort_by(|a, b| a.total.total_cmp(&b.total));
    seeds.trees.into_iter().map(|seed| seed.pairs).collect()
}

impl Seeds<'_> {
    fn greedy(&mut self, rule: &'static str, scoring: PairScoring, clock: &EffortClock<'_>) {
        // A tree that is more expensive than the known one need not be completed.
        let flops = matches!(self.objective.objective, Objective::Flops);
        let known = self.trees.iter().find(|seed| flops && seed.rule == rule);
        let max_flops = known.map_or(f64::INFINITY, |seed| seed.total.exp2());
        let pairs = self.greedy.run(scoring, max_flops, clock.stop()).cloned();
        clock.spend(GREEDY_WORK * self.graph.legs.len());
        pairs.into_iter().for_each(|pairs| self.offer(rule, pairs));
    }

    fn eliminations(&mut self, clock: &EffortClock<'_>) {
        for (name, rule) in [
            ("size", EliminationRule::Size),
            ("fill", EliminationRule::Fill),
            ("weighted fill", EliminationRule::WeightedFill),
        ] {
            if clock.has_effort_until(RULES_UNTIL) {
                let pairs = eliminate::pairs(self.graph, rule, MAX_LEGS, clock.stop());
                clock.spend(ELIMINATION_WORK * (self.graph.legs.len() + self.graph.extents.len()));
                pairs.into_iter().for_each(|pairs| self.offer(name, pairs));
            }
        }
    }

    fn offer(&mut self, rule: &'static str, pairs: Pairs) {
        let Some(total) = EditableTree::new(self.graph, self.objective, &pairs).map(|tree| tree.total()) else {
            return;
        };
        let seed = SeedTree { rule, total, pairs };
        match self.trees.iter_mut().find(|known| known.rule == rule) {
            Some(known) if known.total <= total => {}
            Some(known) => *known = seed,
            None => self.trees.push(seed),
        }
    }
}
