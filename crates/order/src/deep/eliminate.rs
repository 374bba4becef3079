//! Orders by elimination of axes (I. L. Markov and Y. Shi, "Simulating quantum computation by contracting tensor
//! networks", SIAM J. Comput. 38, 963, 2008; H. L. Bodlaender and A. M. C. A. Koster, "Treewidth computations I: upper
//! bounds", Inf. Comput. 208, 259, 2010).
//!
//! If few axes have many tensors each, the search chooses the next axis instead of the next pair: all tensors of the
//! axis are multiplied, the smallest first, and the axis is summed. Two axes are neighbours if some tensor has both.
//! Axes with too many neighbours wait until the end and are left out of the counts before, like dense rows in orders
//! for sparse matrices.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::graph::{Graph, Pairs, contract, join_by_size};
use crate::watch::{StopCheck, tally};
use einfold_ir::Count;

/// The rule by which the next axis is chosen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum EliminationRule {
    /// The axis whose elimination leaves the smallest tensor.
    Size,
    /// The axis whose elimination makes the fewest pairs of axes new neighbours.
    Fill,
    /// The same as `Fill`, weighted by the logarithms of the extents.
    WeightedFill,
}

/// Returns the steps by a rule; `None` if an intermediate would have more than `max_legs` legs, or if the search is to
/// end.
pub(super) fn pairs(graph: &Graph, rule: EliminationRule, max_legs: usize, stop: &StopCheck<'_>) -> Option<Pairs> {
    let mut state = Elimination::new(graph, rule, max_legs);
    for axis in 0..graph.extents.len() as u32 {
        state.find_neighbours(axis);
        state.check_stop(stop)?;
    }
    for axis in 0..graph.extents.len() as u32 {
        state.queue_axis(axis, 0);
        state.check_stop(stop)?;
    }
    while let Some(axis) = state.next_axis() {
        state.check_stop(stop)?;
        if state.neighbours[axis as usize].is_some() {
            state.eliminate(axis, stop)?;
        } else {
            // All waiting axes had too many neighbours; the number may have decreased for this one.
            state.find_neighbours(axis);
            state.neighbours[axis as usize].as_ref()?;
            state.queue_axis(axis, 0);
        }
    }
    Some(state.join_rest())
}

struct Elimination<'g> {
    graph: &'g Graph,
    rule: EliminationRule,
    max_legs: usize,
    logs: Vec<f64>,
    uses: Vec<u32>,
    /// The tensors by SSA id; `None` once a step used them.
    tensors: Vec<Option<Tensor>>,
    /// The tensors that have each axis, including some that are used.
    holders: Vec<Vec<u32>>,
    /// The neighbours of each axis; `None` if these are too many.
    neighbours: Vec<Option<Vec<u32>>>,
    eliminated: Vec<bool>,
    /// Waiting axes, each with a version number that identifies its latest entry.
    heap: BinaryHeap<Reverse<(u64, u32, u32)>>,
    version: Vec<u32>,
    marks: Marks,
    pairs: Pairs,
    /// The work since the last poll of the watch.
    work: usize,
}

struct Tensor {
    legs: Vec<u32>,
    /// A multiple of the logarithm of its number of elements.
    size: u64,
}

/// Sets of axes that are cleared in constant time.
struct Marks {
    last: u32,
    of: Vec<u32>,
}

impl Marks {
    /// Returns two new empty sets.
    fn two(&mut self) -> [u32; 2] {
        if self.last > u32::MAX - 2 {
            self.last = 0;
            self.of.fill(0);
        }
        self.last += 2;
        [self.last - 1, self.last]
    }
}

/// Scores and sizes are rounded to multiples of the inverse of this.
const STEPS: f64 = 1024.0;

impl<'g> Elimination<'g> {
    fn new(graph: &'g Graph, rule: EliminationRule, max_legs: usize) -> Elimination<'g> {
        let axes = graph.extents.len();
        let holders = graph.legs.transposed(axes);
        let mut state = Elimination {
            graph,
            rule,
            max_legs,
            logs: graph.extents.iter().map(|&extent| (extent.max(1) as f64).log2()).collect(),
            uses: graph.uses().into_vec(),
            tensors: Vec::with_capacity(2 * graph.legs.len()),
            holders: holders.iter().map(<[u32]>::to_vec).collect(),
            neighbours: vec![None; axes],
            eliminated: vec![false; axes],
            heap: BinaryHeap::new(),
            version: vec![0; axes],
            marks: Marks { last: 0, of: vec![0; axes] },
            pairs: Pairs::new(),
            work: 0,
        };
        for legs in graph.legs.iter() {
            state.add_tensor(legs.to_vec());
        }
        state
    }

    fn count(&mut self, work: usize) {
        tally(work);
        self.work += work;
    }

    /// Returns `None` if the search is to end.
    fn check_stop(&mut self, stop: &StopCheck<'_>) -> Option<()> {
        (!stop.after(std::mem::take(&mut self.work))).then_some(())
    }

    fn add_tensor(&mut self, legs: Vec<u32>) {
        let log: f64 = legs.iter().map(|&axis| self.logs[axis as usize]).sum();
        self.tensors.push(Some(Tensor { legs, size: (log * STEPS) as u64 }));
    }

    /// Collects the neighbours of an axis.
    fn find_neighbours(&mut self, axis: u32) {
        let [seen, _] = self.marks.two();
        self.marks.of[axis as usize] = seen;
        let (mut neighbours, mut visited) = (Vec::new(), 1);
        let tensors = self.holders[axis as usize].iter().filter_map(|&id| self.tensors[id as usize].as_ref());
        for &other in tensors.flat_map(|tensor| &tensor.legs) {
            visited += 1;
            if std::mem::replace(&mut self.marks.of[other as usize], seen) != seen {
                neighbours.push(other);
                if neighbours.len() > self.max_legs {
                    break;
                }
            }
        }
        self.count(visited);
        self.neighbours[axis as usize] = Some(neighbours).filter(|neighbours| neighbours.len() <= self.max_legs);
    }

    /// Puts an axis on the heap with its current score; its last `connected_last` neighbours are neighbours of each
    /// other. Output axes are never eliminated.
    fn queue_axis(&mut self, axis: u32, connected_last: usize) {
        let a = axis as usize;
        if self.graph.kept[a] || self.eliminated[a] || self.holders[a].is_empty() {
            return;
        }
        self.version[a] += 1;
        if let (Some(neighbours), EliminationRule::Fill | EliminationRule::WeightedFill) =
            (&self.neighbours[a], self.rule)
        {
            let met = |&other: &u32| self.neighbours[other as usize].as_ref().map_or(1, Vec::len);
            self.count(
                neighbours.len() + neighbours[..neighbours.len() - connected_last].iter().map(met).sum::<usize>(),
            );
        }
        let logs = |axis: u32| self.logs[axis as usize];
        let score = match (&self.neighbours[a], self.rule) {
            (None, _) => f64::INFINITY,
            (Some(neighbours), EliminationRule::Size) => neighbours.iter().map(|&other| logs(other)).sum(),
            (Some(neighbours), EliminationRule::Fill) => {
                fill(neighbours, connected_last, &self.neighbours, &mut self.marks, |_| 1.0)
            }
            (Some(neighbours), EliminationRule::WeightedFill) => {
                fill(neighbours, connected_last, &self.neighbours, &mut self.marks, logs)
            }
        };
        self.heap.push(Reverse(((score * STEPS) as u64, axis, self.version[a])));
    }

    fn next_axis(&mut self) -> Option<u32> {
        loop {
            let Reverse((_, axis, version)) = self.heap.pop()?;
            if self.version[axis as usize] == version && !self.eliminated[axis as usize] {
                return Some(axis);
            }
        }
    }

    /// Multiplies all tensors of an axis; returns `None` if the search is to end.
    fn eliminate(&mut self, axis: u32, stop: &StopCheck<'_>) -> Option<()> {
        let entry = |id: u32| Some(Reverse((self.tensors[id as usize].as_ref()?.size, id)));
        let holders = std::mem::take(&mut self.holders[axis as usize]);
        let mut open: BinaryHeap<_> = holders.into_iter().filter_map(entry).collect();
        self.eliminated[axis as usize] = true;
        while let Some(Reverse((_, a))) = open.pop() {
            let Some(Reverse((_, b))) = open.pop() else { return self.connect_legs(a, stop) };
            let size = self.multiply(a, b);
            open.push(Reverse((size, self.tensors.len() as u32 - 1)));
            self.check_stop(stop)?;
        }
        Some(())
    }

    /// Multiplies two tensors; returns the size of the product.
    fn multiply(&mut self, a: u32, b: u32) -> u64 {
        let [left, right] =
            [a, b].map(|id| self.tensors[id as usize].take().map_or_else(Vec::new, |tensor| tensor.legs));
        self.count(left.len() + right.len());
        let eliminated = &mut self.eliminated;
        let legs = contract(&left, &right, &mut self.uses, |axis| eliminated[axis as usize] = true);
        let product = self.tensors.len() as u32;
        legs.iter().for_each(|&axis| self.holders[axis as usize].push(product));
        self.pairs.push([a, b]);
        self.add_tensor(legs);
        self.tensors.last().and_then(Option::as_ref).map_or(0, |tensor| tensor.size)
    }

    /// Makes the remaining axes of a product neighbours of each other and updates their scores. The scores of their
    /// neighbours may have decreased too; to update those as well takes four times as long and makes the result worse
    /// as often as better.
    fn connect_legs(&mut self, product: u32, stop: &StopCheck<'_>) -> Option<()> {
        let Some(tensor) = &self.tensors[product as usize] else { return Some(()) };
        let legs: Vec<u32> = tensor.legs.iter().copied().filter(|&axis| !self.eliminated[axis as usize]).collect();
        let [all, _] = self.marks.two();
        legs.iter().for_each(|&axis| self.marks.of[axis as usize] = all);
        for &axis in &legs {
            let slot = &mut self.neighbours[axis as usize];
            let Some(neighbours) = slot else { continue };
            neighbours.retain(|&other| !self.eliminated[other as usize] && self.marks.of[other as usize] != all);
            neighbours.extend(legs.iter().filter(|&&other| other != axis));
            let visited = neighbours.len();
            if neighbours.len() > self.max_legs {
                *slot = None;
            }
            self.count(visited);
            self.check_stop(stop)?;
        }
        for &axis in &legs {
            self.queue_axis(axis, legs.len() - 1);
            self.check_stop(stop)?;
        }
        Some(())
    }

    /// Multiplies the remaining tensors, which share output axes at most.
    fn join_rest(self) -> Pairs {
        let Elimination { graph, tensors, mut pairs, .. } = self;
        let size = |tensor: Tensor| Count::product(tensor.legs.iter().map(|&axis| graph.extents[axis as usize]));
        let rest = (0..).zip(tensors).filter_map(|(id, tensor)| Some((size(tensor?), id)));
        join_by_size(rest, graph.legs.len(), &mut pairs);
        pairs
    }
}

/// Returns the weight of the pairs in `neighbours` that are not neighbours of each other, a product of two weights for
/// each pair; the last `met` are neighbours of each other.
///
/// Axes with too many neighbours count as neighbours of all.
fn fill(
    neighbours: &[u32],
    met: usize,
    all: &[Option<Vec<u32>>],
    marks: &mut Marks,
    weight: impl Fn(u32) -> f64,
) -> f64 {
    let (others, clique) = neighbours.split_at(neighbours.len() - met);
    let sets = marks.two();
    let mut weights = [0.0; 2];
    for (k, axes) in [others, clique].into_iter().enumerate() {
        for &axis in axes.iter().filter(|&&axis| all[axis as usize].is_some()) {
            marks.of[axis as usize] = sets[k];
            weights[k] += weight(axis);
        }
    }
    let mut fill = 0.0;
    for &axis in others {
        let Some(met) = &all[axis as usize] else { continue };
        let mut missing = [weights[0] - weight(axis), weights[1]];
        for &other in met {
            let mark = marks.of[other as usize];
            if mark == sets[0] {
                missing[0] -= weight(other);
            } else if mark == sets[1] {
                missing[1] -= weight(other);
            }
        }
        // A pair within `others` occurs twice.
        fill += weight(axis) * (missing[0] / 2.0 + missing[1]);
    }
    fill.max(0.0)
}

#[cfg(test)]
mod tests {
    use einfold_ir::Network;

    use super::{EliminationRule, Marks, StopCheck, fill, pairs};
    use crate::graph::{self, Graph};
    use crate::random::Random;

    #[test]
    fn fill_is_the_weight_of_pairs_that_are_not_neighbours() {
        let mut random = Random::new(1, 0);
        let mut marks = Marks { last: u32::MAX - 100, of: vec![0; 12] };
        for _ in 0..300 {
            // Axis 0 is a neighbour of all others, and the last few of these are neighbours of each other.
            let met = random.next() as usize % 12;
            let mut meets = [[false; 12]; 12];
            for (a, b) in (0..12).flat_map(|b| (0..b).map(move |a| (a, b))) {
                let both = a == 0 || random.next().is_multiple_of(3) || a >= 12 - met;
                (meets[a][b], meets[b][a]) = (both, both);
            }
            let neighbours = |a: usize| (1..12).filter(|&b| meets[a][b as usize]).collect::<Vec<u32>>();
            let too_many: Vec<bool> = (0..12).map(|_| random.next().is_multiple_of(6)).collect();
            let all: Vec<Option<Vec<u32>>> = (0..12).map(|a| (!too_many[a]).then(|| neighbours(a))).collect();
            let counts = |a: u32| !too_many[a as usize];
            let apart = |a: u32, b: u32| counts(a) && counts(b) && !meets[a as usize][b as usize];
            let weight = |axis: u32| 0.5 + f64::from(axis);
            let apart = (1..12).flat_map(|b| (1..b).map(move |a| (a, b))).filter(|&(a, b)| apart(a, b));
            let expected: f64 = apart.map(|(a, b)| weight(a) * weight(b)).sum();
            assert!((fill(&neighbours(0), met, &all, &mut marks, weight) - expected).abs() < 1e-9);
        }
    }

    #[test]
    fn large_networks_take_no_quadratic_time() {
        let n = 200_000;
        let of = |inputs: Vec<Vec<u32>>, axes: u32| {
            Graph::of(&Network::new(inputs, vec![], vec![2; axes as usize]).unwrap())
        };
        let chain = of((0..n).map(|i| vec![i, i + 1]).collect(), n + 1);
        let shared = of((0..n).map(|i| vec![0, 1 + i / 2]).collect(), 1 + n / 2);
        let star = of(std::iter::once((0..n).collect()).chain((0..n).map(|i| vec![i])).collect(), n);
        for rule in [EliminationRule::Size, EliminationRule::Fill, EliminationRule::WeightedFill] {
            for graph in [&chain, &shared] {
                graph::tree(graph.legs.len(), &pairs(graph, rule, 200, &StopCheck::new(&())).unwrap()).unwrap();
            }
            assert_eq!(pairs(&star, rule, 200, &StopCheck::new(&())), None);
        }
    }
}
