//! Exact search over all splits of all sets, for a few tensors.

use super::cost_model::CostModel;
use super::splits::Splits;
use super::{flops, steps};
use crate::graph::Pairs;

/// The number of splits here that take the time of one split of the connected search, which has to look up its sets.
const SPLITS_PER_CONNECTED: u64 = 16;

/// Returns the work of [`pairs`] in splits of the connected search.
pub(super) fn work(tensors: usize) -> u64 {
    3_u64.saturating_pow(tensors as u32) / 2 / SPLITS_PER_CONNECTED
}

/// Returns the best steps for `tensors` tensors, outer products included, or the `known` steps if these are as good.
/// Sets that no tree of a lower cost than that of `known` contains are not split.
pub(super) fn pairs<P: CostModel>(tensors: usize, costs: &P, known: Pairs) -> Pairs {
    if tensors < 2 {
        return known;
    }
    let limit = flops(tensors, costs, &known);
    let info = costs.table(tensors);
    let all = info.len() - 1;
    let [least_size, least_step] = costs.least(&info);
    // The least flops of a number of steps without the last.
    let mut of_steps = vec![P::Flops::default()];
    (3..tensors).for_each(|k| of_steps.push(of_steps[k - 3] + least_step));
    // Whether a tree with a set of this cost may cost less than the known one. The result is used, and the last step
    // visits its elements or those of another set; each of the other steps that remain adds one of the other tensors.
    let remaining = |others: usize| others.checked_sub(2).map_or(P::Flops::default(), |n| of_steps[n] + least_size);
    let is_usable = |set: usize, cost: P::Flops| {
        cost + costs.min_use(info[set]) + remaining(tensors - set.count_ones() as usize) < limit
    };
    // The steps of a tree besides the one that computes a set and the one that uses it.
    let besides = remaining(tensors - 2);
    let step_cost_of = |set: usize| {
        let (whole, least) = (info[set], costs.min_use(info[set]));
        let step = move |of_halves: [P::Flops; 2], halves| of_halves[0] + of_halves[1] + costs.flops(whole, halves);
        // The step that computes the set visits the elements of its result as well.
        (set == all || least + least + besides < limit).then_some(step)
    };
    let mut splits = Splits::default();
    let least = splits.search(
        info.iter().map(|&info| P::half(info)),
        [P::Flops::default(), P::INFINITE],
        step_cost_of,
        is_usable,
    );
    if least >= limit {
        return known;
    }
    let half = |set| step_cost_of(set).map_or(set, |costs| splits.first_half(set, costs));
    steps(tensors, |set| half(set as usize) as super::Set)
}
