//! What a tree costs: the one place that counts. The convention is that of [`Cost`].

mod legs;

use einfold_ir::{Cost, Count, Network, Tree};

use crate::graph::Graph;
use legs::{LegContraction, Legs};

/// The cost of one step of a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepCost {
    /// Scalar multiply-adds; 0 for a step of one tensor.
    pub flops: Count,
    /// Elements of the result.
    pub size: Count,
}

/// The cost of `tree`, which must be a tree of `network`.
pub fn tree_cost(network: &Network, tree: &Tree) -> Cost {
    graph_cost(&Graph::of(network), tree)
}

/// The cost of each step of `tree`, which must be a tree of `network`; the flops add up to those of [`tree_cost`].
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

/// As [`tree_cost`].
pub(crate) fn graph_cost(graph: &Graph, tree: &Tree) -> Cost {
    let mut tally = CostTally::new(graph, tree);
    tree.steps().iter().for_each(|children| tally.step(children));
    tally.cost
}

/// As [`tree_cost`], given up when the cost exceeds `flops`: a bad tree of a large network can take longer to add up than a
/// good one to find.
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

/// One multiplication of two tensors.
pub(crate) struct PairStep {
    /// How many products came before.
    pub(crate) number: usize,
    pub(crate) flops: Count,
    pub(crate) size: Count,
    /// The products whose results it uses; none for an operand.
    pub(crate) used: [Option<usize>; 2],
}

/// A tensor that a step can use.
#[derive(Clone, Default)]
struct LiveTensor<'g> {
    legs: Legs<'g>,
    /// The product that made it; none for an operand.
    produced_by: Option<usize>,
}

/// Runs through the steps of a tree.
pub(crate) struct TreeWalk<'g> {
    contraction: LegContraction<'g>,
    /// By SSA id.
    tensors: Vec<LiveTensor<'g>>,
    products: usize,
    /// The number of the last product and the elements of its result, where those do not follow from its legs.
    result: Option<(usize, Count)>,
}

impl<'g> TreeWalk<'g> {
    pub(crate) fn new(graph: &'g Graph, tree: &Tree) -> TreeWalk<'g> {
        let mut terms = Vec::with_capacity(tree.leaves() + tree.steps().len());
        terms.extend(graph.legs.iter().map(|legs| LiveTensor { legs: Legs::Few(legs.into()), produced_by: None }));
        // A tree of another network is the caller's mistake; its numbers mean nothing, but its ids must be known.
        terms.resize(tree.leaves(), LiveTensor::default());
        let products: usize = tree.steps().iter().map(|step| step.len().saturating_sub(1)).sum();
        let result = products.checked_sub(1).zip(graph.result);
        TreeWalk { contraction: LegContraction::new(graph), tensors: terms, products: 0, result }
    }

    /// Multiplies `children` from left to right and calls `each` with every product.
    pub(crate) fn step(&mut self, children: &[u32], mut each: impl FnMut(PairStep)) {
        let mut terms = children.iter().map(|&id| std::mem::take(&mut self.tensors[id as usize]));
        let mut result = terms.next().unwrap_or_default();
        for term in terms {
            let (legs, summed) = self.contraction.contract(result.legs, term.legs);
            let (number, points) = (self.products, self.contraction.size(&legs));
            let size = self.result.filter(|(last, _)| *last == number).map_or(points, |(_, elements)| elements);
            each(PairStep { number, flops: points * summed, size, used: [result.produced_by, term.produced_by] });
            result = LiveTensor { legs, produced_by: Some(number) };
            self.products += 1;
        }
        self.tensors.push(result);
    }

    /// The elements of the result of the step before.
    fn result_size(&self) -> Count {
        match self.result.filter(|(last, _)| *last + 1 == self.products) {
            Some((_, elements)) => elements,
            None => self.tensors.last().map_or(Count::ONE, |term| self.contraction.size(&term.legs)),
        }
    }
}

/// Adds up the cost of the steps.
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

/// A sum whose terms change. Up to 2^128 it is exact; beyond, it is kept as a binary tree of partial sums: to subtract from
/// a rounded [`Count`] would lose what is small beside a result that has died.
pub(crate) struct MovingSum {
    exact: Option<u128>,
    /// The terms are the last half. Once the sum is no longer exact, node `i` is the sum of nodes `2i` and `2i + 1`.
    nodes: Vec<Count>,
}

impl MovingSum {
    pub(crate) fn of_zeros(terms: usize) -> MovingSum {
        MovingSum { exact: Some(0), nodes: vec![Count::ZERO; 2 * terms.max(1)] }
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
                // Small at first; later up to 2^190.
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
