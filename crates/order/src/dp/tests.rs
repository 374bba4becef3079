//! Comparison of the exact searches with all trees.

use einfold_ir::{Count, Network};

use super::cost_model::{CostModel, ExactCosts, FloatCosts, Leg};
use super::{SplitBudget, connected, full, sparse};
use crate::graph::{Graph, Pairs};
use crate::watch::StopCheck;
use crate::{cost, graph, left_to_right};

/// A small random number generator (splitmix64).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }

    /// Returns up to `tensors` tensors with hyperedges, repeated, single and output axes, scalars, and extents from
    /// `extents`.
    fn network(&mut self, tensors: u64, extents: &[u64]) -> Network {
        let axes = 1 + self.below(8);
        let tensors = 1 + self.below(tensors);
        let inputs = (0..tensors).map(|_| (0..self.below(5)).map(|_| self.below(axes) as u32).collect()).collect();
        let output = (0..axes as u32).filter(|_| self.below(4) == 0).collect();
        let extents = (0..axes).map(|_| extents[self.below(extents.len() as u64) as usize]).collect();
        Network::new(inputs, output, extents).unwrap()
    }
}

/// Returns the least flops of all orders by enumeration: a tensor is the set of its axes, one bit for each. With
/// `linked`, only steps of tensors that share an axis are tried.
fn least_flops(network: &Network, linked: bool) -> Option<Count> {
    let set = |axes: &Vec<u32>| axes.iter().fold(0_u32, |set, axis| set | 1 << axis);
    let output = set(&network.output().to_vec());
    let needed = |tensor: u32, others: &[u32]| tensor & others.iter().fold(output, |all, other| all | other);
    let points = |axes: u32| Count::product((0..32).filter(|i| axes >> i & 1 == 1).map(|i| network.extents()[i]));
    let tensors: Vec<u32> = network.inputs().iter().map(set).collect();
    let others = |i: usize| [&tensors[..i], &tensors[i + 1..]].concat();
    let reduced = (0..tensors.len()).map(|i| needed(tensors[i], &others(i))).collect();
    let mut open: Vec<(Vec<u32>, Count)> = vec![(reduced, Count::ZERO)];
    let mut least: Option<Count> = None;
    while let Some((tensors, flops)) = open.pop() {
        if tensors.len() == 1 {
            least = Some(least.map_or(flops, |least| least.min(flops)));
        }
        for j in 1..tensors.len() {
            for i in 0..j {
                let (a, b) = (tensors[i], tensors[j]);
                let mut rest = tensors.clone();
                rest.swap_remove(j);
                rest.swap_remove(i);
                let result = needed(a | b, &rest);
                rest.push(result);
                let flops = flops + points(a | b);
                if (a & b != 0 || !linked) && least.is_none_or(|least| flops < least) {
                    open.push((rest, flops));
                }
            }
        }
    }
    least
}

fn flops(graph: &Graph, pairs: &Pairs) -> Count {
    cost::graph_cost(graph, &graph::tree(graph.legs.len(), pairs).unwrap()).flops
}

/// Returns the steps from left to right.
fn as_written(tensors: usize) -> Pairs {
    left_to_right::tree(tensors).unwrap().steps().iter().map(|step| [step[0], step[1]]).collect()
}

#[test]
fn all_splits_reach_the_least_flops_of_all_trees() {
    let mut random = Random(1);
    for round in 0..3000 {
        let network = random.network(if round % 20 == 0 { 6 } else { 5 }, &[1, 2, 3, 5, 7, 16]);
        let least = least_flops(&network, false).unwrap();
        let graph = Graph::of(&network);
        let steps = super::pairs(&graph, None, u64::MAX, &StopCheck::new(&())).unwrap();
        assert_eq!(flops(&graph, &steps), least, "{network:?}");
        let legs = Leg::all(&graph);
        assert_eq!(
            flops(&graph, &full::pairs(graph.legs.len(), &ExactCosts(&legs), as_written(graph.legs.len()))),
            least,
            "{network:?}"
        );
    }
}

#[test]
fn empty_and_astronomic_axes_are_counted_exactly() {
    let mut random = Random(2);
    for round in 0..600 {
        let extents: &[u64] = if round % 2 == 0 { &[0, 1, 2, 3, 9] } else { &[1, 3, u64::MAX, u64::MAX - 9] };
        let network = random.network(5, extents);
        let graph = Graph::of(&network);
        let legs = Leg::all(&graph);
        let found = flops(&graph, &full::pairs(graph.legs.len(), &ExactCosts(&legs), as_written(graph.legs.len())));
        let least = least_flops(&network, false).unwrap();
        // Beyond 2^128, ten digits are compared: the last of 64 bits depends on the order of the factors.
        assert_eq!((found.exact(), found.to_string()), (least.exact(), least.to_string()), "{network:?}");
    }
}

#[test]
fn connected_splits_reach_the_least_flops_of_linked_trees() {
    let mut random = Random(3);
    let mut checked = 0;
    while checked < 1000 {
        let network = random.network(6, &[2, 3, 5, 7, 16]);
        let graph = Graph::of(&network);
        if graph.components().len() > 1 {
            continue;
        }
        checked += 1;
        let tensors = graph.legs.len();
        let legs = Leg::all(&graph);
        // A poor known order: it is returned if it has outer products and is better than all orders without.
        let known = as_written(tensors);
        let least = least_flops(&network, true).unwrap().min(flops(&graph, &known));
        let mut work = SplitBudget { limit: u64::MAX, done: 0, stop: &StopCheck::new(&()) };
        let floats =
            connected::pairs(tensors, &legs, &FloatCosts::of(&legs, tensors).unwrap(), known.clone(), &mut work)
                .unwrap();
        let counts = connected::pairs(tensors, &legs, &ExactCosts(&legs), known, &mut work).unwrap();
        assert_eq!([flops(&graph, &floats), flops(&graph, &counts)], [least; 2], "{network:?}");
    }
}

#[test]
fn splits_are_enumerated_once_each() {
    // A chain of n tensors has n(n+1)/2 connected sets and (n^3 - n)/6 connected splits; a clique 2^n - 1 and (3^n -
    // 2^(n+1) + 1)/2 (Moerkotte and Neumann 2006, Fig. 3). The chain lists every other matrix first, so that the known
    // order is bad and no set is pruned.
    let matrices = [0, 2, 4, 6, 8, 10, 1, 3, 5, 7, 9, 11].map(|i| vec![i, i + 1]);
    let chain = Network::new(matrices.to_vec(), vec![], vec![2; 13]).unwrap();
    let clique = Network::new(vec![vec![0]; 9], vec![0], vec![2]).unwrap();
    for (network, expected) in [(chain, 78 + 286), (clique, 511 + (19_683_u64 - 1024).div_ceil(2))] {
        let graph = Graph::of(&network);
        let (tensors, legs) = (graph.legs.len(), Leg::all(&graph));
        let mut work = SplitBudget { limit: u64::MAX, done: 0, stop: &StopCheck::new(&()) };
        connected::pairs(tensors, &legs, &ExactCosts(&legs), as_written(tensors), &mut work).unwrap();
        assert_eq!(work.done, expected);
    }
}

#[test]
fn the_table_of_all_sets_has_the_info_of_each() {
    let mut random = Random(4);
    for _ in 0..200 {
        let graph = Graph::of(&random.network(7, &[2, 3, 5]));
        let legs = Leg::all(&graph);
        let costs = FloatCosts::of(&legs, graph.legs.len()).unwrap();
        for (set, all) in costs.table(graph.legs.len()).into_iter().enumerate() {
            assert_eq!(all, costs.info(set as u128));
        }
    }
}

#[test]
fn a_search_of_few_sets_returns_the_steps_of_the_search_of_all_sets() {
    let mut random = Random(5);
    for round in 0..1500 {
        // Few extents lead to many equal splits.
        let extents: &[u64] = [&[2][..], &[2, 4], &[2, 3, 5, 7], &[1, 2, 30]][round % 4];
        let (tensors, mut inputs, mut axes) = (2 + random.below(9), Vec::new(), 0);
        inputs.resize(tensors as usize, Vec::new());
        // A chain or a tree, sometimes in several components, with some more axes.
        for k in 1..tensors + random.below(3) {
            let near = if round % 3 == 0 { k - 1 } else { random.below(k.min(tensors)) };
            if random.below(16) > 0 {
                inputs[(k % tensors) as usize].push(axes);
                inputs[(near % tensors) as usize].push(axes);
                axes += 1;
            }
        }
        (0..random.below(4)).for_each(|k| inputs[random.below(tensors) as usize].push(axes + k as u32));
        let extents = (0..axes + 3).map(|_| extents[random.below(extents.len() as u64) as usize]).collect();
        let output = (0..axes + 3)
            .filter(|axis| *axis >= axes || random.below(8) == 0)
            .filter(|axis| inputs.iter().any(|input| input.contains(axis)));
        let output = output.collect();
        let network = Network::new(inputs, output, extents).unwrap();
        let (graph, tensors) = (Graph::of(&network), network.inputs().len());
        let legs = Leg::all(&graph);
        let costs = FloatCosts::of(&legs, tensors).unwrap();
        for known in [as_written(tensors), crate::greedy::pairs(&graph, &StopCheck::new(&()))] {
            let all = full::pairs(tensors, &costs, known.clone());
            assert_eq!(sparse::pairs(tensors, &costs, known), all, "{network:?}");
        }
    }
}
