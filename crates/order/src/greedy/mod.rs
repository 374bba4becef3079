//! The greedy order: each step contracts the pair that shrinks the network most.
//!
//! Of all pairs of tensors that share a leg, the search contracts the one with the least `size(ab) - size(a) -
//! size(b)`, until no two tensors share a leg; then it multiplies the remaining ones, the smallest first. This is the
//! greedy order of opt_einsum (D. G. A. Smith and J. Gray, "opt_einsum: a Python package for optimizing contraction
//! order for einsum-like expressions", JOSS 3(26), 753, 2018).
//!
//! The score of a pair never changes while both tensors are live: an axis that they share loses its other tensors by
//! contractions only, which leave at least one. So each tensor is scored once, when it is added, with the live tensors:
//! its *candidates*. Only the best of them is on a heap. If its partner is used when it is popped, the next best
//! candidate takes its place. For a network whose axes connect few tensors each, this takes time n log n.

mod arena;
mod axes;
mod pair_scoring;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;

use einfold_ir::{Count, Tree};

use crate::graph::{Graph, ListPool, Pairs, join_by_size};
use crate::watch::{StopCheck, tally};
use crate::{OrderError, SearchRequest, SearchResult, graph};
use arena::Arena;
use axes::{AxisState, AxisTensors};
use pair_scoring::{Candidate, candidate, older, younger};
pub(crate) use pair_scoring::{PairScoring, Score};

/// The upper bound of sizes; it keeps sums of sizes finite, and a contraction of this size is infeasible anyway.
const MAX_ELEMENTS: f64 = 1e300;
/// A tensor with more legs has more than [`MAX_ELEMENTS`] elements. It is set aside until the end, so that every step
/// is short.
const MAX_LEGS: usize = 1000;

/// Returns the greedy order. Ignores the budget.
pub(crate) fn search(search: &SearchRequest<'_>) -> Result<SearchResult, OrderError> {
    Ok(tree(search.graph, &StopCheck::new(search.watch))?.into())
}

/// Returns the greedy tree of `graph`.
pub(crate) fn tree(graph: &Graph, stop: &StopCheck<'_>) -> Result<Tree, OrderError> {
    graph::tree(graph.legs.len(), &pairs(graph, stop))
}

/// Returns the greedy steps of `graph`. If the search is ended, the remaining tensors are multiplied by size alone.
pub(crate) fn pairs(graph: &Graph, stop: &StopCheck<'_>) -> Pairs {
    let mut greedy = Greedy::new(graph);
    if greedy.run(PairScoring::default(), f64::INFINITY, stop).is_none() {
        greedy.join_rest();
    }
    greedy.pairs
}

/// Contracts pairs as long as the result is no larger than the larger of both. Returns the steps and the ids of the
/// remaining tensors, with their legs.
pub(crate) fn absorb(graph: &Graph, stop: &StopCheck<'_>) -> (Pairs, Vec<u32>, ListPool) {
    let mut greedy = Greedy::new(graph);
    greedy.max_rank = pair_scoring::rank_of(1.0);
    greedy.start(PairScoring { score: Score::Growth, noise: None }, stop);
    greedy.contract_connected(f64::INFINITY, stop);
    let rest: Vec<u32> = greedy.remaining().collect();
    let mut legs = ListPool::with_capacity(rest.len(), graph.legs.items().len());
    rest.iter().for_each(|&id| legs.push_sorted(greedy.legs.list(id as usize)));
    (greedy.pairs, rest, legs)
}

/// A greedy search that can be repeated on one graph with different scoring; its memory is reused.
pub(crate) struct Greedy<'g> {
    graph: &'g Graph,
    /// The axes at the start.
    initial_axes: Vec<AxisState>,
    axes: Vec<AxisState>,
    axis_tensors: AxisTensors,
    /// The tensors by SSA id.
    tensors: Vec<Tensor>,
    legs: Arena<u32>,
    /// The pairs of each tensor with older tensors, by SSA id.
    candidates: Arena<Candidate>,
    heap: BinaryHeap<Reverse<Candidate>>,
    /// Scratch: the older tensors that share an axis with the one that is added.
    neighbours: Vec<u32>,
    pairs: Pairs,
    scoring: PairScoring,
    /// The largest rank of a pair that is contracted.
    max_rank: u64,
    /// The flops of the steps so far.
    flops: f64,
    /// The work since the last call of [`work`](Greedy::work).
    work: usize,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Live,
    /// The tensor has too many legs and is contracted last.
    SetAside,
    Used,
}

struct Tensor {
    size: f64,
    /// The id of the tensor that is being added and shares axes with this one, and the divisor of the product of their
    /// sizes: shared axes count once in the result, and axes that no other tensor has not at all.
    other: u32,
    divisor: f64,
    state: State,
}

impl<'g> Greedy<'g> {
    pub(crate) fn new(graph: &'g Graph) -> Greedy<'g> {
        let tensors = graph.legs.len();
        let (initial_axes, axis_tensors) = axes::axes(graph);
        Greedy {
            graph,
            axes: initial_axes.clone(),
            initial_axes,
            axis_tensors,
            tensors: Vec::with_capacity(2 * tensors),
            legs: Arena::with_capacity(2 * tensors, 2 * graph.legs.items().len()),
            candidates: Arena::with_capacity(2 * tensors, graph.legs.items().len()),
            heap: BinaryHeap::with_capacity(tensors),
            neighbours: Vec::new(),
            pairs: Pairs::with_capacity(tensors),
            scoring: PairScoring::default(),
            max_rank: u64::MAX,
            flops: 0.0,
            work: 0,
        }
    }

    /// Returns the steps by a scoring; `None` if those of tensors that share an axis cost more than `max_flops`, or if
    /// the search is to end.
    pub(crate) fn run(&mut self, scoring: PairScoring, max_flops: f64, stop: &StopCheck<'_>) -> Option<&Pairs> {
        self.start(scoring, stop);
        self.contract_connected(max_flops, stop);
        if self.flops > max_flops || stop.is_stopped() {
            return None;
        }
        self.join_rest();
        Some(&self.pairs)
    }

    /// Resets the search and adds the tensors of the graph; if the search is to end, they have no candidates.
    fn start(&mut self, scoring: PairScoring, stop: &StopCheck<'_>) {
        self.scoring = scoring;
        self.flops = 0.0;
        self.axes.copy_from_slice(&self.initial_axes);
        self.axis_tensors.clear();
        self.tensors.clear();
        self.legs.clear();
        self.candidates.clear();
        self.heap.clear();
        self.pairs.clear();
        for legs in self.graph.legs.iter() {
            self.legs.extend(legs);
            self.legs.close();
            if stop.after(self.work()) {
                self.set_aside();
            } else if let Some(best) = self.add_tensor() {
                self.heap.push(Reverse(best));
            }
        }
    }

    /// Returns the work since the last call.
    fn work(&mut self) -> usize {
        std::mem::take(&mut self.work)
    }

    fn count(&mut self, work: usize) {
        tally(work);
        self.work += work;
    }

    /// Contracts until no two tensors share an axis, without those set aside, or until the flops exceed `max_flops`, or
    /// the search is to end.
    ///
    /// An empty heap implies that no two tensors share an axis: of the tensors that have an axis, the latest result was
    /// paired with another; had that been contracted since, the result would have the axis and be later. If there is no
    /// result yet, all tensors are inputs, and neighbours in the list of the axis are paired.
    fn contract_connected(&mut self, max_flops: f64, stop: &StopCheck<'_>) {
        while self.flops <= max_flops
            && !stop.after(self.work())
            && let Some(&Reverse(best)) = self.heap.peek()
        {
            let (a, b) = (older(best), younger(best));
            let next = match [a, b].map(|id| self.tensors[id as usize].state) {
                [_, State::Used] => None,
                [State::Used, _] => self.next_candidate(b),
                _ => self.contract(a, b),
            };
            let Some(mut top) = self.heap.peek_mut() else { return };
            match next {
                Some(next) => *top = Reverse(next),
                None => _ = PeekMut::pop(top),
            }
        }
    }

    /// Returns the best candidate of a tensor whose partner is not used.
    fn next_candidate(&mut self, id: u32) -> Option<Candidate> {
        self.count(self.candidates.range(id as usize).len());
        let tensors = &self.tensors;
        let mut best = Candidate::MAX;
        self.candidates.retain(id as usize, |&candidate| {
            let is_there = tensors[older(candidate) as usize].state != State::Used;
            best = if is_there { best.min(candidate) } else { best };
            is_there
        });
        (best != Candidate::MAX).then_some(best)
    }

    /// Contracts two tensors; returns the best candidate of the result.
    fn contract(&mut self, a: u32, b: u32) -> Option<Candidate> {
        let result = self.tensors.len() as u32;
        self.count(self.legs.range(a as usize).len() + self.legs.range(b as usize).len());
        let mut summed = 1.0;
        for i in self.legs.range(a as usize) {
            let leg = self.legs[i];
            let axis = &mut self.axes[leg as usize];
            axis.mark = result;
            if axis.holders == 2 && axis.ids == a ^ b {
                (axis.holders, axis.ids) = (1, result);
                if !axis.kept {
                    summed *= axis.extent;
                    continue;
                }
            } else {
                axis.ids ^= a ^ result;
            }
            self.legs.push(leg);
        }
        for i in self.legs.range(b as usize) {
            let leg = self.legs[i];
            let axis = &mut self.axes[leg as usize];
            if axis.mark != result {
                axis.ids ^= b ^ result;
                self.legs.push(leg);
            } else if axis.holders > 1 {
                axis.ids ^= b;
                axis.holders -= 1;
            }
        }
        for id in [a, b] {
            self.tensors[id as usize].state = State::Used;
            self.legs.drop(id as usize);
            self.candidates.drop(id as usize);
        }
        self.legs.close();
        self.pairs.push([a, b]);
        let best = self.add_tensor();
        self.flops += self.tensors[result as usize].size * summed;
        best
    }

    /// Adds the tensor whose legs were closed last and pairs it with the tensors that share an axis with it; returns
    /// the best candidate.
    fn add_tensor(&mut self) -> Option<Candidate> {
        let id = self.tensors.len() as u32;
        let legs = self.legs.range(id as usize);
        if legs.len() > MAX_LEGS {
            self.set_aside();
            return None;
        }
        self.neighbours.clear();
        let (mut size, mut crowded) = (1.0, false);
        for i in legs {
            let axis = &mut self.axes[self.legs[i] as usize];
            axis.mark = id;
            size *= axis.extent;
            crowded |= axis.is_crowded();
            collect_neighbours(axis, id, &mut self.axis_tensors, &mut self.tensors, &mut self.neighbours);
        }
        self.count(1 + self.legs.range(id as usize).len() + self.neighbours.len());
        if crowded {
            self.divide_crowded(id);
        }
        let size = size.min(MAX_ELEMENTS);
        self.tensors.push(Tensor { size, other: id, divisor: 1.0, state: State::Live });
        self.score(id, size)
    }

    /// Sets the tensor whose legs were closed last aside until the end.
    fn set_aside(&mut self) {
        let id = self.tensors.len() as u32;
        self.tensors.push(Tensor { size: MAX_ELEMENTS, other: id, divisor: 1.0, state: State::SetAside });
        self.candidates.close();
    }

    /// Updates the divisors by the axes of tensor `id`, which is not added yet, that more tensors have than it is
    /// paired with.
    fn divide_crowded(&mut self, id: u32) {
        let (mut overcrowded, mut work) = (false, 0);
        for &leg in self.legs.list(id as usize) {
            let axis = &self.axes[leg as usize];
            overcrowded |= axis.is_overcrowded();
            if axis.is_crowded() && !axis.is_overcrowded() {
                work += self.axis_tensors.of(axis).len();
                for &other in self.axis_tensors.of(axis).iter().filter(|&&other| other < id) {
                    let tensor = &mut self.tensors[other as usize];
                    tensor.divisor *= if tensor.other == id { axis.extent } else { 1.0 };
                }
            }
        }
        if overcrowded {
            for &other in &self.neighbours {
                work += self.legs.range(other as usize).len();
                for &leg in self.legs.list(other as usize) {
                    let axis = &self.axes[leg as usize];
                    if axis.mark == id && axis.is_overcrowded() {
                        self.tensors[other as usize].divisor *= axis.extent;
                    }
                }
            }
        }
        self.count(work);
    }

    /// Scores the candidates of a tensor; returns the best.
    fn score(&mut self, id: u32, size: f64) -> Option<Candidate> {
        let mut best = Candidate::MAX;
        for &other in &self.neighbours {
            let Tensor { size: other_size, divisor, .. } = self.tensors[other as usize];
            let result = (other_size / divisor * size).min(MAX_ELEMENTS);
            let rank = self.scoring.rank(result, other_size, size);
            if rank <= self.max_rank {
                let candidate = candidate(rank, other, id);
                best = best.min(candidate);
                self.candidates.push(candidate);
            }
        }
        self.candidates.close();
        (best != Candidate::MAX).then_some(best)
    }

    /// Returns the tensors that no step has used.
    fn remaining(&self) -> impl Iterator<Item = u32> {
        let there = |(id, tensor): (u32, &Tensor)| (tensor.state != State::Used).then_some(id);
        (0..).zip(&self.tensors).filter_map(there)
    }

    /// Multiplies the remaining tensors.
    fn join_rest(&mut self) {
        let extents = &self.graph.extents;
        let size = |id: u32| Count::product(self.legs.list(id as usize).iter().map(|&axis| extents[axis as usize]));
        let parts: Vec<(Count, u32)> = self.remaining().map(|id| (size(id), id)).collect();
        join_by_size(parts.into_iter(), self.graph.legs.len(), &mut self.pairs);
    }
}

/// Appends the older tensors that have an axis of tensor `id` to `neighbours`, each once, and includes the axis in
/// their divisors.
#[inline]
fn collect_neighbours(
    axis: &AxisState,
    id: u32,
    axis_tensors: &mut AxisTensors,
    tensors: &mut [Tensor],
    neighbours: &mut Vec<u32>,
) {
    let mut visit = |tensors: &mut [Tensor], other: u32, divisor: f64| {
        let tensor = &mut tensors[other as usize];
        if tensor.other != id {
            (tensor.other, tensor.divisor) = (id, 1.0);
            neighbours.push(other);
        }
        tensor.divisor *= divisor;
    };
    match axis.holders {
        0 | 1 => {}
        2 => {
            let other = axis.ids ^ id;
            if other < id && tensors[other as usize].state == State::Live {
                let extent = axis.extent;
                visit(tensors, other, if axis.kept { extent } else { extent * extent });
            }
        }
        _ => {
            let divisor = if axis.is_crowded() { 1.0 } else { axis.extent };
            let (latest, found) = axis_tensors.insert(axis, id, |other| tensors[other as usize].state == State::Live);
            latest[..found].iter().for_each(|&other| visit(tensors, other, divisor));
        }
    }
}

#[cfg(test)]
mod tests;
