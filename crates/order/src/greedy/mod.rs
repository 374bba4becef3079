//! Always the pair that shrinks the network most.
//!
//! Of all pairs of tensors that share a leg, contract the one with the least `size(ab) - size(a) - size(b)`, until no two
//! share one; then multiply what is left, the smallest first. This is the greedy order of opt_einsum (D. G. A. Smith and
//! J. Gray, "opt_einsum: a Python package for optimizing contraction order for einsum-like expressions", JOSS 3(26), 753,
//! 2018).
//!
//! A pair's score never changes while both live: an axis they share loses its other tensors only by merging, which leaves
//! at least one. So each tensor is scored once, when it is made, with those that are there: its *candidates*. Only the best
//! of them waits in a heap. If that one is gone when its turn comes, the best of the others takes its place. A network whose
//! axes join few tensors each takes n log n so.

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
pub(crate) use pair_scoring::{PairScoring, Score};

/// Sizes are cut off here, where nothing can be computed any more, so that their sums stay finite.
const MAX_ELEMENTS: f64 = 1e300;
/// A tensor of more legs has more than [`MAX_ELEMENTS`] elements. It is left for the end, so that a step never takes long.
const MAX_LEGS: usize = 1000;

/// The greedy order. Uses nothing of the budget.
pub(crate) fn search(search: &SearchRequest<'_>) -> Result<SearchResult, OrderError> {
    Ok(tree(&Graph::of(search.task.network), &StopCheck::new(search.watch))?.into())
}

/// The greedy tree of `graph`.
pub(crate) fn tree(graph: &Graph, stop: &StopCheck<'_>) -> Result<Tree, OrderError> {
    graph::tree(graph.legs.len(), &pairs(graph, stop))
}

/// The greedy steps of `graph`. After an early end, what is left is multiplied by size alone.
pub(crate) fn pairs(graph: &Graph, stop: &StopCheck<'_>) -> Pairs {
    let mut greedy = Greedy::new(graph);
    if greedy.run(PairScoring::default(), f64::INFINITY, stop).is_none() {
        greedy.join_rest();
    }
    greedy.pairs
}

/// Contracts what grows no tensor: each step's result is no larger than the larger of both. Returns the steps and the ids of
/// the tensors that are left, with their legs.
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

/// Greedy searches of one graph by any number of choices; memory is taken once.
pub(crate) struct Greedy<'g> {
    graph: &'g Graph,
    /// The axes at the start.
    initial_axes: Vec<AxisState>,
    axes: Vec<AxisState>,
    axis_tensors: AxisTensors,
    /// By SSA id.
    tensors: Vec<Tensor>,
    legs: Arena<u32>,
    /// By SSA id: pairs with older tensors.
    candidates: Arena<Candidate>,
    heap: BinaryHeap<Reverse<Candidate>>,
    /// Scratch: the older tensors that share an axis with the one that is entered.
    neighbours: Vec<u32>,
    pairs: Pairs,
    scoring: PairScoring,
    /// Pairs of a greater score are left alone.
    max_rank: u64,
    /// What the steps so far take.
    flops: f64,
    /// What was visited since this was asked last.
    work: usize,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Live,
    /// It has too many legs and is left for the end.
    SetAside,
    Used,
}

struct Tensor {
    size: f64,
    /// While a tensor that shares axes with it is entered, that one's id, and by what the product of their sizes is divided:
    /// axes that both have count once, those that nobody else has not at all.
    other: u32,
    divisor: f64,
    state: State,
}

/// From the most to the least significant bits: the rank of the score, the older and the younger tensor.
type Candidate = u128;

fn candidate(rank: u64, older: u32, younger: u32) -> Candidate {
    u128::from(rank) << 64 | u128::from(older) << 32 | u128::from(younger)
}

fn older(candidate: Candidate) -> u32 {
    (candidate >> 32) as u32
}

fn younger(candidate: Candidate) -> u32 {
    candidate as u32
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
            legs: Arena::new(),
            candidates: Arena::new(),
            heap: BinaryHeap::with_capacity(tensors),
            neighbours: Vec::new(),
            pairs: Pairs::with_capacity(tensors),
            scoring: PairScoring::default(),
            max_rank: u64::MAX,
            flops: 0.0,
            work: 0,
        }
    }

    /// The steps by a choice; none if those of tensors that share an axis cost more than `most` flops, or the search is to end.
    pub(crate) fn run(&mut self, scoring: PairScoring, max_flops: f64, stop: &StopCheck<'_>) -> Option<&Pairs> {
        self.start(scoring, stop);
        self.contract_connected(max_flops, stop);
        if self.flops > max_flops || stop.is_stopped() {
            return None;
        }
        self.join_rest();
        Some(&self.pairs)
    }

    /// Forgets the last search and enters the tensors of the graph; after an early end they have no candidates.
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

    /// The work since this was asked last.
    fn work(&mut self) -> usize {
        std::mem::take(&mut self.work)
    }

    fn count(&mut self, work: usize) {
        tally(work);
        self.work += work;
    }

    /// Contracts until no two tensors share an axis, those left for the end aside, or the flops exceed `most`, or the search is
    /// to end.
    ///
    /// The former holds when the heap is empty: of those that have an axis, the one made last was paired with another, and
    /// had that been contracted since, the result would have the axis and be later. While none was made, all are as given,
    /// and those next to each other are paired.
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

    /// The best candidate of a tensor that is still there.
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

    /// Enters the tensor whose legs were closed last and pairs it with those that share an axis with it; returns the best of
    /// its candidates.
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

    /// Leaves the tensor whose legs were closed last for the end.
    fn set_aside(&mut self) {
        let id = self.tensors.len() as u32;
        self.tensors.push(Tensor { size: MAX_ELEMENTS, other: id, divisor: 1.0, state: State::SetAside });
        self.candidates.close();
    }

    /// Counts the axes of tensor `id`, which is not there yet, that have more holders than it is paired with.
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

    /// Makes the candidates of a tensor; returns the best.
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

    /// The tensors that no step used yet.
    fn remaining(&self) -> impl Iterator<Item = u32> {
        let there = |(id, tensor): (u32, &Tensor)| (tensor.state != State::Used).then_some(id);
        (0..).zip(&self.tensors).filter_map(there)
    }

    /// Multiplies the tensors that are left.
    fn join_rest(&mut self) {
        let extents = &self.graph.extents;
        let size = |id: u32| Count::product(self.legs.list(id as usize).iter().map(|&axis| extents[axis as usize]));
        let parts: Vec<(Count, u32)> = self.remaining().map(|id| (size(id), id)).collect();
        join_by_size(parts.into_iter(), self.graph.legs.len(), &mut self.pairs);
    }
}

/// Appends the older tensors that have an axis of tensor `id` to `near`, each once, and counts the axis in their divisors.
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
