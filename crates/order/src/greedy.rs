//! Always the pair that shrinks the network most.
//!
//! Of all pairs of tensors that share a leg, contract the one with the least `size(ab) - size(a) - size(b)`, until no two
//! share one; then multiply what is left, the smallest first. This is the greedy order of opt_einsum (D. G. A. Smith and
//! J. Gray, "opt_einsum: a Python package for optimizing contraction order for einsum-like expressions", JOSS 3(26), 753,
//! 2018). Pairs wait in a heap and are dropped late, when they come up and one of them is gone, so that a network whose axes
//! join few tensors each takes n log n.
//!
//! A pair's score never changes while both live: an axis they share loses its other tensors only by merging, which leaves
//! at least one.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use einfold_ir::{Count, Tree};

use crate::graph::{Graph, Pairs, contract, join_by_size};
use crate::random::Random;
use crate::{Found, OrderError, Search, graph};

/// Through one axis, a tensor is paired with at most so many others: an axis of a thousand tensors must not make half a
/// million pairs.
const PARTNERS: usize = 8;

/// Sizes are cut off here, where nothing can be computed any more, so that their sums stay finite.
const HUGE: f64 = 1e300;

/// The greedy order. Uses nothing of the budget.
pub(crate) fn search(search: &Search<'_>) -> Result<Found, OrderError> {
    Ok(tree(&Graph::of(search.task.network))?.into())
}

/// The greedy tree of `graph`.
pub(crate) fn tree(graph: &Graph) -> Result<Tree, OrderError> {
    graph::tree(graph.legs.len(), &pairs(graph))
}

/// The greedy steps of `graph`.
pub(crate) fn pairs(graph: &Graph) -> Pairs {
    let mut search = Greedy::new(graph, Choice::default());
    search.pair_all();
    search.contract_all(f64::INFINITY);
    search.join_rest()
}

/// As [`pairs`], by another choice; none if they cost more than `most` flops.
pub(crate) fn pairs_by(graph: &Graph, choice: Choice, most: f64) -> Option<Pairs> {
    let mut search = Greedy::new(graph, choice);
    search.pair_all();
    search.contract_all(most);
    (search.flops <= most).then(|| search.join_rest())
}

/// Contracts what grows no tensor: each step's result is no larger than the larger of both. Returns the steps and the ids of
/// the tensors that are left, with their legs.
pub(crate) fn absorb(graph: &Graph) -> (Pairs, Vec<(u32, Vec<u32>)>) {
    let mut search = Greedy::new(graph, Choice { score: Score::Growth, noise: None });
    search.most_score = 1.0;
    search.pair_all();
    search.contract_all(f64::INFINITY);
    let rest = (0..).zip(search.tensors).filter_map(|(id, tensor)| Some((id, tensor?.legs))).collect();
    (search.pairs, rest)
}

/// Which pair comes next: the one of the least score.
#[derive(Clone, Debug)]
pub(crate) struct Choice {
    pub(crate) score: Score,
    /// Random numbers that the scores are blurred with, and how much; 0 is not at all.
    pub(crate) noise: Option<(f64, Random)>,
}

impl Default for Choice {
    fn default() -> Choice {
        Choice { score: Score::Shrink(1.0), noise: None }
    }
}

/// A score of a pair by the sizes of the result and of both.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Score {
    /// How much larger all tensors together become; with a weight above 1, what is given up counts more than what is made.
    Shrink(f64),
    /// How many times larger the result is than the larger of both.
    Growth,
    /// The size of the result over that of both.
    Ratio,
    /// The size of the result.
    Result,
}

impl Score {
    fn of(self, result: f64, a: f64, b: f64) -> f64 {
        match self {
            Score::Shrink(weight) => result / weight - weight * (a + b),
            Score::Growth => result / a.max(b),
            Score::Ratio => result / a / b,
            Score::Result => result,
        }
    }
}

impl Choice {
    /// The score of a pair. Noise is that of Boltzmann sampling, on a logarithmic scale of either sign.
    fn score(&mut self, result: f64, a: f64, b: f64) -> f64 {
        let score = self.score.of(result, a, b);
        match &mut self.noise {
            None => score,
            Some((temperature, random)) => score * (-score.signum() * *temperature * random.gumbel()).exp(),
        }
    }
}

/// A state of the search. Tensors have SSA ids; a tensor that has been used has no entry in `tensors`.
struct Greedy<'a> {
    graph: &'a Graph,
    uses: Vec<u32>,
    tensors: Vec<Option<Tensor>>,
    /// The tensors that have each axis, in order of their ids, among them some that are gone.
    holders: Vec<Vec<u32>>,
    heap: BinaryHeap<Reverse<Candidate>>,
    pairs: Pairs,
    /// By axis: the last tensor that was found to have it, while scores are computed.
    mark: Vec<u32>,
    choice: Choice,
    /// Pairs of a greater score are left alone.
    most_score: f64,
    /// What the steps so far take.
    flops: f64,
}

struct Tensor {
    legs: Vec<u32>,
    size: f64,
}

/// The lesser is taken first; ids break ties.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Candidate {
    score: Ordered,
    a: u32,
    b: u32,
}

/// A floating-point number by its total order.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Ordered(i64);

impl From<f64> for Ordered {
    fn from(value: f64) -> Ordered {
        let bits = value.to_bits() as i64;
        Ordered(bits ^ ((bits >> 63) as u64 >> 1) as i64)
    }
}

impl Greedy<'_> {
    fn new(graph: &Graph, choice: Choice) -> Greedy<'_> {
        let leaves = graph.legs.len();
        let mut holders = vec![Vec::new(); graph.extents.len()];
        for (id, legs) in (0..).zip(&graph.legs) {
            legs.iter().for_each(|&axis| holders[axis as usize].push(id));
        }
        let mut search = Greedy {
            graph,
            uses: graph.uses(),
            tensors: Vec::with_capacity(2 * leaves),
            holders,
            heap: BinaryHeap::new(),
            pairs: Vec::with_capacity(leaves),
            mark: vec![u32::MAX; graph.extents.len()],
            choice,
            most_score: f64::INFINITY,
            flops: 0.0,
        };
        for legs in &graph.legs {
            let tensor = search.tensor(legs.clone());
            search.tensors.push(Some(tensor));
        }
        search
    }

    /// Pairs each tensor with those next to it at each axis.
    fn pair_all(&mut self) {
        let mut found = Vec::new();
        for holders in &self.holders {
            for (i, &a) in holders.iter().enumerate() {
                found.extend(holders[i + 1..].iter().take(PARTNERS).map(|&b| (a, b)));
            }
        }
        found.sort_unstable();
        found.dedup();
        for near in found.chunk_by(|x, y| x.0 == y.0) {
            self.push(near[0].0, near.iter().map(|pair| pair.1));
        }
    }

    /// Contracts until no two tensors share an axis. That holds when the heap is empty: of those that have an axis, the one
    /// made last was paired with another, and had that been contracted since, the result would have the axis and be later.
    /// While none was made, all are as given, and those next to each other are paired.
    /// Gives up when that takes more than `most` flops.
    fn contract_all(&mut self, most: f64) {
        let mut near = Vec::new();
        while self.flops <= most
            && let Some(Reverse(Candidate { a, b, .. })) = self.heap.pop()
        {
            if let (Some(_), Some(_)) = (&self.tensors[a as usize], &self.tensors[b as usize]) {
                self.contract(a, b, &mut near);
            }
        }
    }

    /// Contracts two tensors and pairs the result with those that share an axis with it. `near` is scratch.
    fn contract(&mut self, a: u32, b: u32, near: &mut Vec<u32>) {
        let (Some(left), Some(right)) = (self.tensors[a as usize].take(), self.tensors[b as usize].take()) else {
            return;
        };
        let (graph, mut summed) = (self.graph, 1.0);
        let legs = contract(&left.legs, &right.legs, &mut self.uses, |axis| summed *= extent(graph, axis));
        let result = self.tensor(legs);
        self.flops += result.size * summed;
        near.clear();
        let id = self.tensors.len() as u32;
        for &axis in &result.legs {
            let holders = &mut self.holders[axis as usize];
            latest(holders, &self.tensors, near);
            holders.push(id);
        }
        near.sort_unstable();
        near.dedup();
        self.tensors.push(Some(result));
        self.pairs.push([a, b]);
        self.push(id, near.iter().copied());
    }

    /// Puts the pairs of `a` with each of `others` on the heap.
    fn push(&mut self, a: u32, others: impl Iterator<Item = u32>) {
        let Some(tensor) = &self.tensors[a as usize] else { return };
        tensor.legs.iter().for_each(|&axis| self.mark[axis as usize] = a);
        for b in others {
            let Some(other) = &self.tensors[b as usize] else { continue };
            let (mut new, mut summed) = (1.0, 1.0);
            for &axis in &other.legs {
                let extent = extent(self.graph, axis);
                if self.mark[axis as usize] != a {
                    new *= extent;
                } else if self.uses[axis as usize] == 2 {
                    summed *= extent;
                }
            }
            let size = (tensor.size / summed * new).min(HUGE);
            let score = self.choice.score(size, tensor.size, other.size);
            if score > self.most_score {
                continue;
            }
            let score = Ordered::from(score);
            self.heap.push(Reverse(Candidate { score, a: a.min(b), b: a.max(b) }));
        }
    }

    fn tensor(&self, legs: Vec<u32>) -> Tensor {
        let size = legs.iter().fold(1.0, |size, &axis| size * extent(self.graph, axis));
        Tensor { legs, size: size.min(HUGE) }
    }

    /// Multiplies the tensors that share no axis.
    fn join_rest(self) -> Pairs {
        let Greedy { graph, tensors, mut pairs, .. } = self;
        let size = |tensor: Tensor| Count::product(tensor.legs.iter().map(|&axis| graph.extents[axis as usize]));
        let rest = (0..).zip(tensors).filter_map(|(id, tensor)| Some((size(tensor?), id)));
        join_by_size(rest, graph.legs.len(), &mut pairs);
        pairs
    }
}

/// The extent as a factor of a score. Empty axes count as 1: a network with one costs nothing, and 0/0 is no score.
fn extent(graph: &Graph, axis: u32) -> f64 {
    graph.extents[axis as usize].max(1) as f64
}

/// Appends the latest few living tensors of a list to `near`, and takes dead ones that it meets off the list: each is met
/// once.
fn latest(holders: &mut Vec<u32>, tensors: &[Option<Tensor>], near: &mut Vec<u32>) {
    let start = near.len();
    while near.len() < start + PARTNERS {
        match holders.pop() {
            None => break,
            Some(id) if tensors[id as usize].is_some() => near.push(id),
            Some(_) => {}
        }
    }
    holders.extend(near[start..].iter().rev());
}

#[cfg(test)]
mod tests {
    use einfold_ir::Network;

    use super::{PARTNERS, pairs};
    use crate::graph::Graph;

    #[test]
    fn tensors_without_a_common_axis_are_multiplied_last() {
        let mut state = 1_u32;
        let mut below = |bound: u32| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) % bound
        };
        let mut crowded = false;
        for _ in 0..300 {
            // Few axes: most have more tensors than are paired.
            let (tensors, axes) = (1 + below(80), 1 + below(12));
            let inputs = (0..tensors).map(|_| (0..below(4)).map(|_| below(axes)).collect()).collect();
            let network = Network::new(inputs, vec![0], (0..axes).map(|_| 1 + u64::from(below(5))).collect()).unwrap();
            let graph = Graph::of(&network);
            crowded |= graph.uses().iter().any(|&uses| uses as usize > 4 * PARTNERS);
            let mut live: Vec<Option<Vec<u32>>> = graph.legs.iter().cloned().map(Some).collect();
            let mut apart = false;
            for [a, b] in pairs(&graph) {
                let (a, b) = (live[a as usize].take().unwrap(), live[b as usize].take().unwrap());
                let linked = a.iter().any(|axis| b.contains(axis));
                assert!(linked || !shares(live.iter().flatten().chain([&a, &b])), "{network:?}");
                assert!(!(linked && apart), "{network:?}");
                apart |= !linked;
                let others: Vec<u32> = live.iter().flatten().flatten().copied().collect();
                let mut legs = [a, b].concat();
                legs.retain(|&axis| graph.kept[axis as usize] || others.contains(&axis));
                legs.sort_unstable();
                legs.dedup();
                live.push(Some(legs));
            }
        }
        assert!(crowded);
    }

    /// Whether two of the tensors have an axis in common.
    fn shares<'a>(tensors: impl Iterator<Item = &'a Vec<u32>>) -> bool {
        let mut axes: Vec<u32> = tensors.flatten().copied().collect();
        axes.sort_unstable();
        axes.windows(2).any(|pair| pair[0] == pair[1])
    }
}
