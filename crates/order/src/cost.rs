//! The cost of a tree. All costs of the crate are computed here, by the convention of [`Cost`].

mod legs;

use einfold_ir::{Cost, Count, Network, Tree};
use smallvec::SmallVec;

use crate::graph::Graph;
use legs::{LegContraction, Legs};

/// The cost of one step of a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepCost {
    /// Scalar multiply-adds; 0 for a step with one tensor.
    pub flops: Count,
    /// Elements of the result.
    pub size: Count,
}

/// Returns the cost of `tree`, which must be a tree of `network`.
pub fn tree_cost(network: &Network, tree: &Tree) -> Cost {
    graph_cost(&Graph::of(network), tree)
}

/// Returns the cost of each step of `tree`, which must be a tree of `network`. The sum of the flops is that of
/// [`tree_cost`].
pub fn step_costs(network: &Network, tree: &Tree) -> Vec<StepCost> {
    let graph = Graph::of(network);
    let mut walk = TreeWalk::new(&graph, tree);
    let cost_of = |children: &Vec<u32>| {
        let mut flops = Count::ZERO;
        walk.step(children, |product| flops += product.flops);
        StepCost { flops, size: walk.result_size() }
    };
    tree.steps().iter().map(cost_of).collect()
}

/// Returns the cost of `tree`, as [`tree_cost`] does.
pub(crate) fn graph_cost(graph: &Graph, tree: &Tree) -> Cost {
    let mut tally = CostTally::new(graph, tree);
    tree.steps().iter().for_each(|children| tally.step(children));
    tally.cost
}

/// Returns the cost of `tree`, or `None` as soon as it exceeds `flops`: to add up a bad tree of a large network can
/// take longer than to find a good one.
pub(crate) fn cost_within(graph: &Graph, tree: &Tree, flops: Count) -> Option<Cost> {
    let mut tally = CostTally::new(graph, tree);
    for children in tree.steps() {
        tally.step(children);
        if tally.cost.flops > flops {
            return None;
        }
    }
    Some(tally.cost)
}

/// A product of two tensors.
pub(crate) struct PairStep {
    /// The number of products before this one.
    pub(crate) number: usize,
    pub(crate) flops: Count,
    pub(crate) size: Count,
    /// The products whose results are the operands of this one; `None` for an input of the network.
    pub(crate) used: [Option<usize>; 2],
}

/// A tensor that no step has consumed yet.
#[derive(Clone, Default)]
struct LiveTensor<'g> {
    legs: Legs<'g>,
    /// The product that computes it; `None` for an input of the network.
    produced_by: Option<usize>,
}

/// Iterates over the products of a tree.
pub(crate) struct TreeWalk<'g> {
    contraction: LegContraction<'g>,
    /// The tensors by SSA id.
    tensors: Vec<LiveTensor<'g>>,
    products: usize,
    /// The number of the last product and the elements of its result, if its legs do not determine them.
    result: Option<(usize, Count)>,
}

impl<'g> TreeWalk<'g> {
    pub(crate) fn new(graph: &'g Graph, tree: &Tree) -> TreeWalk<'g> {
        let mut tensors = Vec::with_capacity(tree.leaves() + tree.steps().len());
        tensors.extend(graph.legs.iter().map(|legs| LiveTensor { legs: Legs::Few(legs.into()), produced_by: None }));
        // A tree of another network is a mistake of the caller; the cost then has no meaning, but every id must exist.
        tensors.resize(tree.leaves(), LiveTensor::default());
        let products: usize = tree.steps().iter().map(|step| step.len().saturating_sub(1)).sum();
        let result = products.checked_sub(1).zip(graph.result);
        TreeWalk { contraction: LegContraction::new(graph), tensors, products: 0, result }
    }

    /// Multiplies `children` from left to right and calls `each` for every product.
    pub(crate) fn step(&mut self, children: &[u32], mut each: impl FnMut(PairStep)) {
        let mut tensors = children.iter().map(|&id| std::mem::take(&mut self.tensors[id as usize]));
        let mut result = tensors.next().unwrap_or_default();
        for tensor in tensors {
            let (legs, summed) = self.contraction.contract(result.legs, tensor.legs);
            let (number, points) = (self.products, self.contraction.size(&legs));
            let size = self.result.filter(|(last, _)| *last == number).map_or(points, |(_, elements)| elements);
            each(PairStep { number, flops: points * summed, size, used: [result.produced_by, tensor.produced_by] });
            result = LiveTensor { legs, produced_by: Some(number) };
            self.products += 1;
        }
        self.tensors.push(result);
    }

    /// Returns the elements of the result of the previous step.
    fn result_size(&self) -> Count {
        match self.result.filter(|(last, _)| *last + 1 == self.products) {
            Some((_, elements)) => elements,
            None => self.tensors.last().map_or(Count::ONE, |tensor| self.contraction.size(&tensor.legs)),
        }
    }
}

/// Accumulates the cost of the steps.
struct CostTally<'a> {
    walk: TreeWalk<'a>,
    live: MovingSum,
    cost: Cost,
}

impl<'a> CostTally<'a> {
    fn new(graph: &'a Graph, tree: &Tree) -> CostTally<'a> {
        CostTally { walk: TreeWalk::new(graph, tree), live: MovingSum::of_zeros(tree.leaves()), cost: Cost::default() }
    }

    fn step(&mut self, children: &[u32]) {
        let CostTally { walk, live, cost } = self;
        walk.step(children, |product| {
            cost.flops += product.flops;
            cost.write += product.size;
            cost.size = cost.size.max(product.size);
            live.set(product.number, product.size);
            cost.peak = cost.peak.max(live.total());
            product.used.into_iter().flatten().for_each(|used| live.set(used, Count::ZERO));
        });
    }
}

/// A sum whose terms change. It is exact up to 2^128; beyond, it is a binary tree of partial sums, because a
/// subtraction from a rounded [`Count`] would lose small terms after a large one is removed.
pub(crate) struct MovingSum {
    exact: Option<u128>,
    /// The partial sums; the second half holds the terms. Once the sum is not exact, node `i` is the sum of nodes `2i`
    /// and `2i + 1`.
    nodes: SmallVec<[Count; 4]>,
}

impl MovingSum {
    pub(crate) fn of_zeros(terms: usize) -> MovingSum {
        MovingSum { exact: Some(0), nodes: SmallVec::from_elem(Count::ZERO, 2 * terms.max(1)) }
    }

    pub(crate) fn set(&mut self, term: usize, value: Count) {
        let mut node = self.nodes.len() / 2 + term;
        let old = std::mem::replace(&mut self.nodes[node], value);
        if let Some(sum) = self.exact {
            let change = old.exact().zip(value.exact());
            self.exact = change.and_then(|(old, new)| (sum - old).checked_add(new));
            if self.exact.is_none() {
                (1..self.nodes.len() / 2).rev().for_each(|node| self.add_up(node));
            }
            return;
        }
        while node > 1 {
            node /= 2;
            self.add_up(node);
        }
    }

    fn add_up(&mut self, node: usize) {
        self.nodes[node] = self.nodes[2 * node] + self.nodes[2 * node + 1];
    }

    pub(crate) fn total(&self) -> Count {
        self.exact.map_or(self.nodes[1], Count::from)
    }
}

#[cfg(test)]
mod tests {
    use einfold_ir::Count;

    use super::MovingSum;
    use crate::random::Random;

    #[test]
    fn a_sum_follows_its_terms_across_the_border_of_exact_counts() {
        let mut random = Random::new(1, 0);
        for _ in 0..200 {
            let terms = 1 + random.next() as usize % 9;
            let mut sum = MovingSum::of_zeros(terms);
            let mut values = vec![Count::ZERO; terms];
            for round in 0..40 {
                // Small at first, later up to 2^190.
                let factors = random.next() % if round < 20 { 9 } else { 68 };
                let term = random.next() as usize % terms;
                values[term] = Count::product((0..factors).map(|_| 1 + random.next() % 7));
                sum.set(term, values[term]);
                let expected: Count = values.iter().copied().sum();
                assert_eq!((sum.total().exact(), sum.total().to_string()), (expected.exact(), expected.to_string()));
            }
        }
    }
}
