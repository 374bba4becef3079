//! Exact orders by dynamic programming over sets of tensors.
//!
//! The result of a set of tensors, and so the cost of all later steps, does not depend on the order within the set: the
//! best tree of a set is its best split with the best trees of both halves. For up to [`ALL_SPLITS`] tensors all splits
//! are tried ([`full`], [`sparse`]), outer products included. For more, each connected component is solved on its own, with splits
//! into connected halves only ([`connected`]), as by R. N. C. Pfeifer, J. Haegeman and F. Verstraete ("Faster
//! identification of optimal contraction sequences for tensor networks", Phys. Rev. E 90, 033315, 2014); the components
//! are joined by size.

mod connected;
mod cost_model;
mod full;
mod sparse;
mod splits;
#[cfg(test)]
mod tests;

use crate::graph::{Graph, Pairs, join_by_size};
use crate::watch::{StopCheck, tally};
use crate::{OrderError, SearchRequest, SearchResult, graph, greedy};
pub(crate) use cost_model::subset_products;
use cost_model::{CostModel, ExactCosts, FloatCosts, Leg};
pub(crate) use splits::Splits;

/// The maximal number of tensors for a search with outer products.
const ALL_SPLITS: usize = 12;
/// The maximal number of tensors of a connected component: the bits of a [`Set`].
const MAX_TENSORS: usize = Set::BITS as usize;
/// The maximal number of splits if the exact order is requested: a few seconds.
const MAX_SPLITS: u64 = 1 << 25;

/// A set of tensors, one bit for each.
type Set = u128;

/// Returns the exact order. Ignores the budget.
pub(crate) fn search(search: &SearchRequest<'_>) -> Result<SearchResult, OrderError> {
    let (graph, stop) = (search.graph, &StopCheck::new(search.watch));
    Ok(graph::tree(graph.legs.len(), &pairs(graph, None, MAX_SPLITS, stop)?)?.into())
}

/// Returns the exact steps of `graph`, if they take at most `splits` splits; `greedy` are its greedy steps, if they are
/// known.
pub(crate) fn pairs(
    graph: &Graph,
    greedy: Option<&Pairs>,
    splits: u64,
    stop: &StopCheck<'_>,
) -> Result<Pairs, OrderError> {
    let leaves = graph.legs.len();
    let mut work = SplitBudget { limit: splits, done: 0, stop };
    if tries_all(leaves, splits) {
        return component_pairs(graph, greedy, &mut work);
    }
    let components = graph.components();
    let operands = components.iter().map(<[u32]>::len).max().unwrap_or(0);
    if operands > MAX_TENSORS {
        return Err(OrderError::TooMany { operands, limit: MAX_TENSORS });
    }
    let mut pairs = Pairs::with_capacity(leaves);
    let mut parts = Vec::with_capacity(components.len());
    for members in components.iter() {
        let part = graph.component(members);
        let greedy = greedy.filter(|_| components.len() == 1);
        let local = component_pairs(&part, greedy, &mut work)?;
        parts.push((part.result_size(), splice(members, &local, leaves, &mut pairs)));
    }
    join_by_size(parts.into_iter(), leaves, &mut pairs);
    Ok(pairs)
}

/// Returns whether outer products are tried for this number of tensors.
fn tries_all(tensors: usize, splits: u64) -> bool {
    tensors <= ALL_SPLITS && full::work(tensors) <= splits
}

/// Returns the exact steps of one component.
fn component_pairs(part: &Graph, greedy: Option<&Pairs>, work: &mut SplitBudget<'_>) -> Result<Pairs, OrderError> {
    let legs = Leg::all(part);
    match FloatCosts::of(&legs, part.legs.len()) {
        Some(floats) => pairs_by_costs(part, &legs, &floats, greedy, sparse::pairs, work),
        None => pairs_by_costs(part, &legs, &ExactCosts(&legs), greedy, full::pairs, work),
    }
}

fn pairs_by_costs<P: CostModel>(
    part: &Graph,
    legs: &[Leg],
    costs: &P,
    greedy: Option<&Pairs>,
    all_splits: impl FnOnce(usize, &P, Pairs) -> Pairs,
    work: &mut SplitBudget<'_>,
) -> Result<Pairs, OrderError> {
    let tensors = part.legs.len();
    let known = |stop| greedy.cloned().unwrap_or_else(|| greedy::pairs(part, stop));
    if tries_all(tensors, work.remaining()) {
        work.spend(full::work(tensors), tensors)?;
        return Ok(all_splits(tensors, costs, known(work.stop)));
    }
    connected::pairs(tensors, legs, costs, known(work.stop), work)
}

/// Appends the steps of a component to those of the whole; returns the id of its result.
fn splice(members: &[u32], local: &Pairs, leaves: usize, pairs: &mut Pairs) -> u32 {
    let mut ids = members.to_vec();
    for pair in local {
        ids.push((leaves + pairs.len()) as u32);
        pairs.push(pair.map(|id| ids[id as usize]));
    }
    ids.last().copied().unwrap_or_default()
}

/// Returns the steps of the tree of tensors `0..tensors` in which each set of two or more is split into `half(set)` and
/// the rest.
pub(crate) fn steps(tensors: usize, half: impl Fn(Set) -> Set) -> Pairs {
    let mut open = vec![Set::MAX >> (MAX_TENSORS - tensors)];
    // Sets precede their halves, and the first half comes last: reversed, both halves precede the set, the first one
    // first.
    let mut preorder = Vec::with_capacity(2 * tensors);
    while let Some(set) = open.pop() {
        preorder.push(set);
        if !set.is_power_of_two() {
            let first = half(set);
            open.extend([first, set ^ first]);
        }
    }
    let mut pairs = Pairs::with_capacity(tensors);
    let mut made: Vec<u32> = Vec::with_capacity(tensors);
    for set in preorder.into_iter().rev() {
        let leaf = set.trailing_zeros();
        if set.is_power_of_two() {
            made.push(leaf);
        } else if let (Some(second), Some(first)) = (made.pop(), made.pop()) {
            made.push((tensors + pairs.len()) as u32);
            pairs.push([first, second]);
        }
    }
    pairs
}

/// Returns the tensors in `set`, ascending.
fn bits(set: Set) -> impl DoubleEndedIterator<Item = usize> {
    (set.trailing_zeros() as usize..MAX_TENSORS - set.leading_zeros() as usize).filter(move |bit| set >> bit & 1 == 1)
}

/// Returns the flops of known steps.
fn flops<P: CostModel>(tensors: usize, costs: &P, known: &Pairs) -> P::Flops {
    let known_set = |set: Set| (set, costs.info(set));
    let mut sets: Vec<(Set, P::SetInfo)> = Vec::with_capacity(2 * tensors);
    sets.extend((0..tensors).map(|tensor| known_set(1 << tensor)));
    let mut sum = P::Flops::default();
    for pair in known {
        let [a, b] = pair.map(|id| sets[id as usize]);
        let union = known_set(a.0 | b.0);
        sum = sum + costs.flops(union.1, [a, b].map(|(_, info)| P::half(info)));
        sets.push(union);
    }
    sum
}

/// The number of splits that were tried, and its limit.
struct SplitBudget<'w> {
    limit: u64,
    done: u64,
    stop: &'w StopCheck<'w>,
}

impl SplitBudget<'_> {
    /// Counts `splits` more splits of a component with `operands` tensors.
    fn spend(&mut self, splits: u64, operands: usize) -> Result<(), OrderError> {
        self.done += splits;
        if self.done > self.limit {
            return Err(self.too_dense(operands));
        }
        self.check(splits)
    }

    /// Returns an error if the search is to end, after `work` more splits.
    fn check(&self, work: u64) -> Result<(), OrderError> {
        tally(work as usize);
        if self.stop.after(work as usize) { Err(OrderError::Cancelled) } else { Ok(()) }
    }

    /// Returns the number of splits that may still be tried.
    fn remaining(&self) -> u64 {
        self.limit.saturating_sub(self.done)
    }

    fn too_dense(&self, operands: usize) -> OrderError {
        OrderError::TooDense { operands, limit: self.limit }
    }
}
