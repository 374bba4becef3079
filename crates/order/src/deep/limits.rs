//! Memory limits: from what a contraction may take to how large an intermediate may be.

use einfold_ir::{Cost, Count, Network, Tree};

use super::Outcome;
use super::nodes::Nodes;
use super::slicing::{self, Cuts};
use crate::graph::{self, Graph};
use crate::objective::Goal;
use crate::random::Random;
use crate::registry::searching;
use crate::slice::{evaluate_sliced, nest};
use crate::watch::Stop;
use crate::{Budget, Found, Slice, Task};

/// What a tree has to keep to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// The binary logarithm of the elements of an intermediate; a first guess where only all together are limited.
    pub(super) size: f64,
    largest: Option<Count>,
    /// The elements of all intermediates alive together.
    peak: Option<Count>,
}

/// By how much an intermediate is to be smaller than all memory: two are alive at once, and something beside them.
const BELOW: f64 = 1.01;
/// In such steps it is made smaller if that does not do, and so many times.
const STEP: f64 = 0.5;
const STEPS: usize = 400;

impl Limits {
    pub(crate) fn of(task: &Task<'_>, budget: &Budget) -> Limits {
        let elements = budget.memory_bytes.map(|bytes| bytes / task.element_bytes.max(1));
        let log2 = |elements: u64| (elements.max(1) as f64).log2();
        let by_peak = elements.map_or(f64::INFINITY, |elements| log2(elements) - BELOW);
        let by_size = budget.largest.map_or(f64::INFINITY, log2);
        Limits { size: by_peak.min(by_size), largest: budget.largest.map(Count::from), peak: elements.map(Count::from) }
    }

    pub(crate) fn are_none(&self) -> bool {
        self.largest.is_none() && self.peak.is_none()
    }

    /// Whether a cost is within them.
    pub(crate) fn admit(&self, cost: &Cost) -> bool {
        self.largest.is_none_or(|largest| cost.size <= largest) && self.peak.is_none_or(|peak| cost.peak <= peak)
    }

    /// What a strategy found, in slices if it is too large.
    pub(crate) fn kept(&self, task: &Task<'_>, budget: &Budget, found: Found, stop: &Stop<'_>) -> Found {
        let network = task.network;
        if self.hold(network, &found.tree, &found.slices) {
            return found;
        }
        searching();
        let graph = Graph::of(network);
        let goal = Goal::unlimited(budget.objective);
        let Some(mut tree) = Nodes::new(&graph, goal, &graph::pairs(&found.tree)) else { return found };
        let mut cuts = Cuts::none(graph.extents.len());
        let slices = self.keep(network, &mut tree, &mut cuts, (stop, &mut Random::new(budget.seed, 0))).slices;
        Found { slices, ..found }
    }

    pub(super) fn hold(&self, network: &Network, tree: &Tree, slices: &[Slice]) -> bool {
        self.are_none() || self.admit(&evaluate_sliced(network, tree, slices))
    }

    /// Cuts a tree further until it keeps to them, if that can be.
    pub(super) fn keep(
        &self,
        network: &Network,
        tree: &mut Nodes<'_>,
        cuts: &mut Cuts,
        (stop, random): (&Stop<'_>, &mut Random),
    ) -> Outcome {
        let pairs = tree.pairs();
        let (mut limit, mut slices, mut holds) = (self.size, Vec::new(), false);
        let steps = graph::tree(network.inputs().len(), &pairs);
        for _ in 0..STEPS {
            slicing::settle(tree, cuts, limit, random, &|work| stop.after_grace(work));
            let Ok(steps) = &steps else { break };
            slices = nest(network, steps, cuts.slices());
            holds = self.hold(network, steps, &slices);
            if holds || stop.after_grace(2 * tree.visits()) {
                break;
            }
            limit = limit.min(tree.largest()) - STEP;
        }
        // What keeps to the limits goes before what does not.
        let total = if holds { tree.total() + cuts.log2() } else { f64::INFINITY };
        Outcome { total, pairs, slices }
    }
}
