//! Memory limits: from what a contraction may take to how large an intermediate may be.

use einfold_ir::{Cost, Count, Network, Tree};

use super::Outcome;
use super::slicing::{self, SliceChoice};
use super::tree_editor::EditableTree;
use crate::graph::{self, Graph};
use crate::objective::ObjectiveWithLimits;
use crate::random::Random;
use crate::registry::count_search;
use crate::slices::{nest_loops, sliced_cost};
use crate::watch::StopCheck;
use crate::{Budget, OrderError, SearchResult, SlicedAxis, Task};

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
const LOG_MARGIN: f64 = 1.01;
/// In such steps it is made smaller if that does not do, and so many times.
const LIMIT_STEP: f64 = 0.5;
const MAX_ROUNDS: usize = 400;

impl Limits {
    pub(crate) fn of(task: &Task<'_>, budget: &Budget) -> Limits {
        let elements = budget.memory_bytes.map(|bytes| bytes / task.element_bytes.max(1));
        let log2 = |elements: u64| (elements.max(1) as f64).log2();
        // A result that is given takes its elements from all others.
        let given = task
            .network
            .result()
            .map_or(0, |given| given.exact().map_or(u64::MAX, |n| n.try_into().unwrap_or(u64::MAX)));
        let by_peak = elements.map_or(f64::INFINITY, |elements| log2(elements.saturating_sub(given)) - LOG_MARGIN);
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

    /// Refuses a task that is beyond them in any order and any slices.
    ///
    /// # Errors
    /// [`OrderError::TooLarge`] with what it takes at least.
    pub(crate) fn check(&self, task: &Task<'_>) -> Result<(), OrderError> {
        let bound = lower_bound(task);
        if self.admit(&bound) { Ok(()) } else { Err(OrderError::TooLarge { peak: bound.peak, size: bound.size }) }
    }

    /// What a strategy found, in slices if it is too large.
    pub(crate) fn enforce(
        &self,
        task: &Task<'_>,
        budget: &Budget,
        found: SearchResult,
        stop: &StopCheck<'_>,
    ) -> SearchResult {
        let network = task.network;
        if self.are_met_by(network, &found.tree, &found.slices) {
            return found;
        }
        count_search();
        let graph = Graph::of(network);
        let objective = ObjectiveWithLimits::unlimited(budget.objective);
        let Some(mut tree) = EditableTree::new(&graph, objective, &graph::pairs(&found.tree)) else { return found };
        let mut chosen = SliceChoice::none(graph.extents.len());
        let slices =
            self.slice_to_fit(network, &mut tree, &mut chosen, (stop, &mut Random::new(budget.seed, 0))).slices;
        SearchResult { slices, ..found }
    }

    pub(super) fn are_met_by(&self, network: &Network, tree: &Tree, slices: &[SlicedAxis]) -> bool {
        self.are_none() || self.admit(&sliced_cost(network, tree, slices))
    }

    /// SliceChoice a tree further until it keeps to them, if that can be.
    pub(super) fn slice_to_fit(
        &self,
        network: &Network,
        tree: &mut EditableTree<'_>,
        chosen: &mut SliceChoice,
        (stop, random): (&StopCheck<'_>, &mut Random),
    ) -> Outcome {
        let pairs = tree.pairs();
        let (mut limit, mut slices, mut holds) = (self.size, Vec::new(), false);
        let steps = graph::tree(network.inputs().len(), &pairs);
        for _ in 0..MAX_ROUNDS {
            let settled = slicing::fit_slices(tree, chosen, limit, random, &|work| stop.after_grace(work));
            let Ok(steps) = &steps else { break };
            slices = nest_loops(network, steps, chosen.slices());
            holds = self.are_met_by(network, steps, &slices);
            // Without another cut it stays as large as it is.
            if !settled || holds || stop.after_grace(2 * tree.visits()) {
                break;
            }
            limit = limit.min(tree.largest()) - LIMIT_STEP;
        }
        // What keeps to the limits goes before what does not.
        let total = if holds { tree.total() + chosen.log2() } else { f64::INFINITY };
        Outcome { total, pairs, slices }
    }
}

/// What a contraction takes at least, in any order and any slices: its result is there as a whole when it is done, and beside it
/// an element of an intermediate that the last product uses, where there is one. Products of constants alone count nothing, nor do
/// those of a network with an empty axis, of which some have no element.
fn lower_bound(task: &Task<'_>) -> Cost {
    let network = task.network;
    let mut constants = task.constants.to_vec();
    constants.sort_unstable();
    constants.dedup();
    let tensors = network.inputs().len();
    let constants = constants.iter().filter(|&&constant| (constant as usize) < tensors).count();
    // All constants may come together before the others.
    let products = if constants == tensors { 0 } else { tensors - constants.saturating_sub(1) - 1 };
    if products == 0 || network.extents().contains(&0) {
        return Cost::default();
    }
    let result = network.result().unwrap_or_else(|| output_positions(network));
    let beside = if products > 1 { Count::ONE } else { Count::ZERO };
    Cost { size: Count::ONE, peak: result + beside, ..Cost::default() }
}

/// The positions of the kept axes that some tensor has; an axis that the output repeats counts once.
fn output_positions(network: &Network) -> Count {
    let mut used = vec![false; network.extents().len()];
    network.inputs().iter().flatten().for_each(|&axis| used[axis as usize] = true);
    let kept = network.output().iter().map(|&axis| axis as usize);
    let kept: Vec<usize> = kept.filter(|&axis| std::mem::take(&mut used[axis])).collect();
    Count::product(kept.iter().map(|&axis| network.extents()[axis]))
}

#[cfg(test)]
mod tests {
    use super::lower_bound;
    use crate::random::Random;
    use crate::{Count, Network, SlicedAxis, Task, Tree, slices};

    #[test]
    fn no_order_and_no_slices_take_less_than_the_least() {
        let mut random = Random::new(3, 0);
        let mut below = |bound: usize| (random.next() % bound as u64) as usize;
        let mut reached = 0;
        for _ in 0..3000 {
            let (tensors, axes) = (1 + below(5), 1 + below(4));
            let inputs = (0..tensors).map(|_| (0..below(4)).map(|_| below(axes) as u32).collect()).collect();
            let output = (0..axes as u32).filter(|_| below(2) == 0).collect();
            let extents: Vec<u64> = (0..axes).map(|_| [2, 3, 1, 4, 0][below(5)]).collect();
            let mut network = Network::new(inputs, output, extents.clone()).unwrap();
            if below(3) == 0 {
                network = network.with_result(Count::from(1 + below(9) as u64));
            }
            let constants: Vec<u32> = (0..below(3)).map(|_| below(tensors) as u32).collect();
            let path: Vec<Vec<u32>> = (1..tensors).rev().map(|left| vec![0, 1 + below(left) as u32]).collect();
            let tree = Tree::from_linear(tensors, &path).unwrap();
            let whole = (0..).zip(&extents).filter(|&(_, &extent)| extent > 1);
            let slices: Vec<SlicedAxis> =
                whole.filter(|_| below(2) == 0).map(|(axis, &parts)| SlicedAxis { axis, parts }).collect();
            let bound = lower_bound(&Task { constants: &constants, ..Task::new(&network) });
            let cost = slices::sliced_cost_with_constants(&network, &tree, &slices, &constants);
            assert!(
                cost.peak >= bound.peak && cost.size >= bound.size,
                "{network:?} {path:?} {slices:?} {constants:?}"
            );
            reached += usize::from(cost.peak == bound.peak);
        }
        assert!(reached > 500, "{reached}");
    }
}
