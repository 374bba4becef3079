//! Trees to start from: greedy ones by several scores, eliminations, and noisy greedy ones.
//!
//! Several cheap rules beat one good one, since none is good everywhere (S. Orgler and M. Blacher, "Optimizing tensor
//! contraction paths: a greedy algorithm approach with improved cost functions", arXiv:2405.09644, 2024).

use super::effort::EffortClock;
use super::eliminate::{self, EliminationRule};
use super::tree_editor::EditableTree;
use crate::graph::{Graph, Pairs};
use crate::greedy::{Greedy, PairScoring, Score};
use crate::objective::{Objective, ObjectiveWithLimits};
use crate::random::Random;

/// The share of a search after which no rule is tried any more.
const RULES_UNTIL: f64 = 0.25;
/// The share after which there are no more noisy trees: more comes of annealing.
const NOISE_UNTIL: f64 = 0.05;
/// A tensor of an elimination may have so many legs.
const MAX_LEGS: usize = 200;
/// About how much work a greedy tree is, by tensor, and an elimination, by tensor and axis.
const GREEDY_WORK: usize = 20;
const ELIMINATION_WORK: usize = 50;

/// The cheapest tree of each rule. What comes of annealing a tree depends more on how it was made than on what it cost.
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

/// Looks for trees during the first part of a search; gives the best of each rule, the cheapest first. None where the search
/// was ended before there was one.
pub(super) fn find(
    graph: &Graph,
    objective: ObjectiveWithLimits,
    clock: &EffortClock<'_>,
    random: &mut Random,
) -> Vec<Pairs> {
    let mut seeds = Seeds { graph, greedy: Greedy::new(graph), objective, trees: Vec::new() };
    let scores =
        [("growth", Score::Growth), ("shrink", Score::Shrink(1.0)), ("ratio", Score::Ratio), ("result", Score::Result)];
    // Where few axes have many tensors each, eliminations are better.
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
    seeds.trees.into_iter().map(|start| start.pairs).collect()
}

impl Seeds<'_> {
    fn greedy(&mut self, rule: &'static str, choice: PairScoring, clock: &EffortClock<'_>) {
        // A tree that is dearer than the one that is kept is not worth finishing.
        let flops = matches!(self.objective.objective, Objective::Flops);
        let known = self.trees.iter().find(|start| flops && start.rule == rule);
        let most = known.map_or(f64::INFINITY, |start| start.total.exp2());
        let pairs = self.greedy.run(choice, most, clock.stop()).cloned();
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
        let start = SeedTree { rule, total, pairs };
        match self.trees.iter_mut().find(|known| known.rule == rule) {
            Some(known) if known.total <= total => {}
            Some(known) => *known = start,
            None => self.trees.push(start),
        }
    }
}
