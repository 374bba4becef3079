//! Trees to start from: greedy ones by several scores, eliminations, and noisy greedy ones.
//!
//! Several cheap rules beat one good one, since none is good everywhere (S. Orgler and M. Blacher, "Optimizing tensor
//! contraction paths: a greedy algorithm approach with improved cost functions", arXiv:2405.09644, 2024).

use super::eliminate::{self, Rule};
use super::meter::Meter;
use super::nodes::Nodes;
use crate::graph::{Graph, Pairs};
use crate::greedy::{self, Choice, Score};
use crate::objective::Goal;
use crate::random::Random;

/// How many trees are kept.
const KEPT: usize = 16;
/// The share of a search after which eliminations and noisy trees stop.
const UNTIL: f64 = 0.1;
/// A tensor of an elimination may have so many legs.
const MOST_LEGS: usize = 200;
/// About how much work a greedy tree is, by tensor, and the fill of an elimination, by axis.
const GREEDY_WORK: usize = 30;
const FILL_WORK: usize = 300;

/// The cheapest trees found, each with the binary logarithm of its cost, the best first.
pub(super) struct Starts<'g> {
    graph: &'g Graph,
    goal: Goal,
    trees: Vec<(f64, Pairs)>,
}

/// Looks for starts during the first part of a search.
pub(super) fn starts(graph: &Graph, goal: Goal, meter: &Meter, random: &mut Random) -> Vec<(f64, Pairs)> {
    let mut starts = Starts { graph, goal, trees: Vec::new() };
    for score in [Score::Growth, Score::Shrink(1.0), Score::Ratio, Score::Result] {
        starts.greedy(Choice { score, noise: None }, meter);
        if meter.passed() >= 2.0 * UNTIL {
            break;
        }
    }
    starts.eliminations(meter);
    while meter.passed() < UNTIL {
        let temperature = (4.0 * random.unit() - 4.0).exp();
        let score = if random.next() % 2 == 0 { Score::Growth } else { Score::Shrink(1.0 + random.unit()) };
        starts.greedy(Choice { score, noise: Some((temperature, random.split())) }, meter);
    }
    starts.trees
}

impl Starts<'_> {
    fn greedy(&mut self, choice: Choice, meter: &Meter) {
        // A tree that is much dearer than those kept is not worth finishing.
        let most = if self.trees.len() < KEPT { f64::INFINITY } else { (self.trees[KEPT - 1].0 + 1.0).exp2() };
        let pairs = greedy::pairs_by(self.graph, choice, most);
        meter.spend(GREEDY_WORK * self.graph.legs.len());
        pairs.into_iter().for_each(|pairs| self.offer(pairs));
    }

    /// The fill rules take long where axes are many, and are good where they are few.
    fn eliminations(&mut self, meter: &Meter) {
        let axes = self.graph.extents.len();
        let few = 3 * axes < 2 * self.graph.legs.len();
        for rule in [Rule::Size, Rule::Fill, Rule::WeightedFill] {
            let fills = rule != Rule::Size;
            if meter.passed() < UNTIL && (few || !fills) {
                let pairs = eliminate::pairs(self.graph, rule, MOST_LEGS);
                meter.spend(GREEDY_WORK * self.graph.legs.len() + if fills { FILL_WORK * axes } else { 0 });
                pairs.into_iter().for_each(|pairs| self.offer(pairs));
            }
        }
    }

    fn offer(&mut self, pairs: Pairs) {
        let total = Nodes::new(self.graph, self.goal, &pairs).total();
        let place = self.trees.partition_point(|(known, _)| *known < total);
        if self.trees.get(place).is_none_or(|(known, _)| *known != total) {
            self.trees.insert(place, (total, pairs));
            self.trees.truncate(KEPT);
        }
    }
}
