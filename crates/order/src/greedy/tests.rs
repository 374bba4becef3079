use einfold_ir::Network;

use super::axes::PARTNERS;
use super::pair_scoring::rank_of;
use super::{Greedy, MAX_LEGS, PairScoring, Score, older, pairs, younger};
use crate::graph::{self, Graph, Pairs};
use crate::random::Random;
use crate::watch::StopCheck;

const SCORES: [Score; 4] = [Score::Shrink(1.0), Score::Growth, Score::Ratio, Score::Result];

/// Returns a network with hyperedges, repeated, single and output axes and scalars.
fn network(random: &mut Random, tensors: u64, axes: u64) -> Graph {
    let mut below = |bound: u64| random.next() % bound;
    let (tensors, axes) = (1 + below(tensors), 1 + below(axes));
    let inputs = (0..tensors).map(|_| (0..below(4)).map(|_| below(axes) as u32).collect()).collect();
    let extents = (0..axes).map(|_| 1 + below(5)).collect();
    Graph::of(&Network::new(inputs, vec![0], extents).unwrap())
}

/// Tensors by their legs, contracted by the definition.
struct Tensors<'g> {
    graph: &'g Graph,
    live: Vec<Option<Vec<u32>>>,
}

impl Tensors<'_> {
    fn new(graph: &Graph) -> Tensors<'_> {
        Tensors { graph, live: graph.legs.iter().map(|legs| Some(legs.to_vec())).collect() }
    }

    /// Returns the legs of both tensors and of the result.
    fn step(&self, a: usize, b: usize) -> Option<[Vec<u32>; 3]> {
        let [left, right] = [a, b].map(|id| self.live[id].clone());
        let (left, right) = (left?, right?);
        let others = self.live.iter().enumerate().filter(|(id, _)| *id != a && *id != b);
        let others: Vec<u32> = others.flat_map(|(_, legs)| legs.iter().flatten().copied()).collect();
        let mut legs = [&left[..], &right].concat();
        legs.retain(|&axis| self.graph.kept[axis as usize] || others.contains(&axis));
        legs.sort_unstable();
        legs.dedup();
        Some([left, right, legs])
    }

    fn contract(&mut self, [a, b]: [u32; 2]) {
        let legs = self.step(a as usize, b as usize).unwrap()[2].clone();
        self.live[a as usize] = None;
        self.live[b as usize] = None;
        self.live.push(Some(legs));
    }

    fn size(&self, legs: &[u32]) -> f64 {
        legs.iter().map(|&axis| self.graph.extents[axis as usize] as f64).product()
    }

    /// Returns the score of a pair that shares an axis.
    fn score(&self, score: Score, a: usize, b: usize) -> Option<f64> {
        let [left, right, legs] = self.step(a, b)?;
        let [result, a, b] = [&legs, &left, &right].map(|legs| self.size(legs));
        let value = match score {
            Score::Shrink(_) => result - a - b,
            Score::Growth => result / a.max(b),
            Score::Ratio => result / a / b,
            Score::Result => result,
        };
        left.iter().any(|axis| right.contains(axis)).then_some(value)
    }
}

#[test]
fn each_step_has_the_least_score() {
    let mut random = Random::new(1, 0);
    for round in 0..400 {
        // No axis has more tensors than are paired.
        let graph = network(&mut random, PARTNERS as u64, 10);
        let score = SCORES[round % 4];
        let mut greedy = Greedy::new(&graph);
        let mut tensors = Tensors::new(&graph);
        for &[a, b] in greedy.run(PairScoring { score, noise: None }, f64::INFINITY, &StopCheck::new(&())).unwrap() {
            let all = (0..tensors.live.len()).flat_map(|b| (0..b).map(move |a| (a, b)));
            let scored = all.filter_map(|(a, b)| Some((tensors.score(score, a, b)?, a as u32, b as u32)));
            if let Some((_, best_a, best_b)) = scored.min_by(|x, y| x.partial_cmp(y).unwrap()) {
                assert_eq!([a, b], [best_a, best_b], "{score:?} {:?}", graph.legs);
            }
            tensors.contract([a, b]);
        }
    }
}

#[test]
fn candidates_are_scored_by_the_definition_on_crowded_axes() {
    let mut random = Random::new(5, 0);
    let mut checked = 0;
    for round in 0..60 {
        // Some axes have more tensors than are paired, some too many to search.
        let graph = network(&mut random, 200, 12);
        let mut greedy = Greedy::new(&graph);
        greedy.start(PairScoring::default(), &StopCheck::new(&()));
        greedy.contract_connected(f64::from(1 << (round % 12)), &StopCheck::new(&()));
        let mut tensors = Tensors::new(&graph);
        greedy.pairs.iter().for_each(|&pair| tensors.contract(pair));
        for candidate in (0..tensors.live.len()).flat_map(|id| greedy.candidates.list(id)) {
            let (a, b) = (older(*candidate) as usize, younger(*candidate) as usize);
            if let Some(score) = tensors.score(Score::Shrink(1.0), a, b) {
                assert_eq!((candidate >> 64) as u64, rank_of(score), "{:?}", graph.legs);
                checked += 1;
            }
        }
    }
    assert!(checked > 1000, "{checked}");
}

#[test]
fn tensors_without_a_common_axis_are_multiplied_last() {
    let mut random = Random::new(2, 0);
    let mut crowded = false;
    for _ in 0..300 {
        // Most axes have more tensors than are paired.
        let graph = network(&mut random, 80, 12);
        crowded |= graph.uses().iter().any(|&uses| uses as usize > 4 * PARTNERS);
        let mut tensors = Tensors::new(&graph);
        let mut apart = false;
        for [a, b] in pairs(&graph, &StopCheck::new(&())) {
            let linked = tensors.score(Score::Result, a as usize, b as usize).is_some();
            assert!(linked || !shares(tensors.live.iter().flatten()), "{:?}", graph.legs);
            assert!(!(linked && apart), "{:?}", graph.legs);
            apart |= !linked;
            tensors.contract([a, b]);
        }
    }
    assert!(crowded);
}

/// Returns whether two of the tensors have an axis in common.
fn shares<'a>(tensors: impl Iterator<Item = &'a Vec<u32>>) -> bool {
    let mut axes: Vec<u32> = tensors.flatten().copied().collect();
    axes.sort_unstable();
    axes.windows(2).any(|pair| pair[0] == pair[1])
}

#[test]
fn searches_of_one_graph_do_not_influence_each_other() {
    let mut random = Random::new(3, 0);
    for round in 0..60 {
        let graph = network(&mut random, 60, 40);
        let mut greedy = Greedy::new(&graph);
        for score in SCORES {
            let noise = (round % 2 == 0).then(|| (0.5, random.split()));
            let scoring = PairScoring { score, noise };
            let steps = greedy.run(scoring.clone(), f64::INFINITY, &StopCheck::new(&())).unwrap().clone();
            assert_eq!(Greedy::new(&graph).run(scoring.clone(), f64::INFINITY, &StopCheck::new(&())), Some(&steps));
            graph::tree(graph.legs.len(), &steps).unwrap();
            let flops = greedy.flops;
            assert_eq!(greedy.run(scoring.clone(), flops, &StopCheck::new(&())), Some(&steps));
            assert!(flops == 0.0 || greedy.run(scoring, flops - 0.5, &StopCheck::new(&())).is_none());
        }
    }
}

#[test]
fn noise_draws_by_boltzmann_weights() {
    // Three separate products of vectors that shrink the network by 2, 4 and 8 elements. The first is the one with the
    // least number e^T / score, where e is drawn from an exponential distribution, so at T = 1 with a probability of 2,
    // 4, 8 in 14.
    let vectors: Vec<Vec<u32>> = [0, 0, 1, 1, 2, 2].map(|axis| vec![axis]).to_vec();
    let graph = Graph::of(&Network::new(vectors, vec![0, 1, 2], vec![2, 4, 8]).unwrap());
    let mut greedy = Greedy::new(&graph);
    let mut random = Random::new(4, 0);
    let mut first = [0.0_f64; 3];
    for _ in 0..20_000 {
        let scoring = PairScoring { score: Score::Shrink(1.0), noise: Some((1.0, random.split())) };
        let steps: &Pairs = greedy.run(scoring, f64::INFINITY, &StopCheck::new(&())).unwrap();
        first[steps[0][0] as usize / 2] += 14.0 / 20_000.0;
    }
    for (found, expected) in first.into_iter().zip([2.0, 4.0, 8.0]) {
        assert!((found - expected).abs() < 0.3, "{first:?}");
    }
}

#[test]
fn tensors_of_too_many_legs_come_last() {
    let legs = MAX_LEGS as u32 + 1;
    let mut inputs = vec![(0..legs).collect()];
    inputs.extend((0..legs).map(|axis| vec![axis]));
    inputs.extend([vec![0], vec![1]]);
    let graph = Graph::of(&Network::new(inputs, vec![], vec![2; legs as usize]).unwrap());
    let steps = pairs(&graph, &StopCheck::new(&()));
    assert_eq!(steps[..2], [[1, legs + 1], [2, legs + 2]]);
    assert_eq!(steps.iter().position(|pair| pair.contains(&0)), Some(steps.len() - 1));
    graph::tree(graph.legs.len(), &steps).unwrap();
}
