//! Memory limits, and the size of intermediates that follows from them.

use einfold_ir::{Cost, Count, Network, Tree};

use super::Outcome;
use super::slicing::{self, SliceChoice};
use super::tree_editor::EditableTree;
use crate::graph::{self, Graph};
use crate::objective::ObjectiveWithLimits;
use crate::random::Random;
use crate::slices::{nest_loops, sliced_cost};
use crate::watch::StopCheck;
use crate::watch::count_search;
use crate::{Budget, OrderError, SearchResult, SlicedAxis, Task};

/// The limits that an order must meet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// The binary logarithm of the elements of an intermediate; a first estimate if only the peak memory is limited.
    pub(super) size: f64,
    largest: Option<Count>,
    /// The limit for the elements of all intermediates that are alive together.
    peak: Option<Count>,
}

/// The factor, as a binary logarithm, by which an intermediate is kept below the whole memory: two are alive at once,
/// and others beside them.
const LOG_MARGIN: f64 = 1.01;
/// The decrease of the size limit if it is insufficient, and the maximal number of decreases.
const LIMIT_STEP: f64 = 0.5;
const MAX_ROUNDS: usize = 400;

impl Limits {
    pub(crate) fn of(task: &Task<'_>, budget: &Budget) -> Limits {
        let elements = budget.memory_bytes.map(|bytes| bytes / task.element_bytes.max(1));
        let log2 = |elements: u64| (elements.max(1) as f64).log2();
        // A result of given size reduces the memory of all others.
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

    /// Returns whether a cost meets the limits.
    pub(crate) fn admit(&self, cost: &Cost) -> bool {
        self.largest.is_none_or(|largest| cost.size <= largest) && self.peak.is_none_or(|peak| cost.peak <= peak)
    }

    /// Checks whether any order with any slices can meet the limits.
    ///
    /// # Errors
    /// [`OrderError::TooLarge`] with a lower bound of the memory of the task.
    pub(crate) fn check(&self, task: &Task<'_>) -> Result<(), OrderError> {
        if self.are_none() {
            return Ok(());
        }
        let bound = lower_bound(task);
        if self.admit(&bound) { Ok(()) } else { Err(OrderError::TooLarge { peak: bound.peak, size: bound.size }) }
    }

    /// Slices the result of a strategy if it exceeds the limits.
    pub(crate) fn enforce(
        &self,
        task: &Task<'_>,
        graph: &Graph,
        budget: &Budget,
        found: SearchResult,
        stop: &StopCheck<'_>,
    ) -> SearchResult {
        let network = task.network;
        if self.are_met_by(network, &found.tree, &found.slices) {
            return found;
        }
        count_search();
        let objective = ObjectiveWithLimits::unlimited(budget.objective);
        let Some(mut tree) = EditableTree::new(graph, objective, &graph::pairs(&found.tree)) else { return found };
        let mut chosen = SliceChoice::none(graph.extents.len());
        let slices =
            self.slice_to_fit(network, &mut tree, &mut chosen, (stop, &mut Random::new(budget.seed, 0))).slices;
        SearchResult { slices, ..found }
    }

    pub(super) fn are_met_by(&self, network: &Network, tree: &Tree, slices: &[SlicedAxis]) -> bool {
        self.are_none() || self.admit(&sliced_cost(network, tree, slices))
    }

    /// Slices a tree further until it meets the limits, if that is possible.
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
            // Without a further slice the tree remains as large as it is.
            if !settled || holds || stop.after_grace(2 * tree.visits()) {
                break;
            }
            limit = limit.min(tree.largest()) - LIMIT_STEP;
        }
        // An order within the limits precedes one that exceeds them.
        let total = if holds { tree.total() + chosen.log2() } else { f64::INFINITY };
        Outcome { total, pairs, slices }
    }
}

/// Returns a lower bound of the cost of a contraction for any order and any slices: the whole result exists at the end,
/// and beside it at least one element of an intermediate, the operand of the last product, if there is one. Products of
/// constants only cost nothing, nor do those of a network with an empty axis, whose intermediates may be empty.
fn lower_bound(task: &Task<'_>) -> Cost {
    let network = task.network;
    let mut constants = task.constants.to_vec();
    constants.sort_unstable();
    constants.dedup();
    let tensors = network.inputs().len();
    let constants = constants.iter().filter(|&&constant| (constant as usize) < tensors).count();
    // All constants may be multiplied with each other before the others.
    let products = if constants == tensors { 0 } else { tensors - constants.saturating_sub(1) - 1 };
    if products == 0 || network.extents().contains(&0) {
        return Cost::default();
    }
    let result = network.result().unwrap_or_else(|| output_positions(network));
    let beside = if products > 1 { Count::ONE } else { Count::ZERO };
    Cost { size: Count::ONE, peak: result + beside, ..Cost::default() }
}

/// Returns the product of the extents of the output axes that some tensor has; a repeated output axis counts once.
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
    fn no_order_and_no_slices_take_less_than_the_lower_bound() {
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
            let cost = slices::sliced_cost_with_constants((&network, None), &tree, &slices, &constants);
            assert!(
                cost.peak >= bound.peak && cost.size >= bound.size,
                "{network:?} {path:?} {slices:?} {constants:?}"
            );
            reached += usize::from(cost.peak == bound.peak);
        }
        assert!(reached > 500, "{reached}");
    }
}
