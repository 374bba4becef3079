use einfold_ir::Network;

use std::time::Instant;

use super::effort::EffortClock;
use super::progress::SharedBest;
use super::reconfigure::ExactSubtree;
use super::subtree::Subtree;
use super::tree_editor::EditableTree;
use super::{HOT, anneal, eliminate};
use crate::graph::{Graph, Pairs};
use crate::objective::{Objective, ObjectiveWithLimits};
use crate::random::Random;
use crate::watch::StopCheck;
use crate::{Effort, greedy};

const ALL: [Objective; 5] =
    [Objective::Flops, Objective::Size, Objective::Write, Objective::Combo(64), Objective::Limit(64)];

fn unlimited(objective: Objective) -> ObjectiveWithLimits {
    ObjectiveWithLimits::unlimited(objective)
}

/// Returns a random network with hyperedges, repeated and single axes, extents of 1, scalars and several components.
fn network(random: &mut Random, tensors: usize, axes: usize) -> Graph {
    let mut below = |bound: usize| (random.next() % bound as u64) as usize;
    let inputs = (0..tensors).map(|_| (0..below(5)).map(|_| below(axes) as u32).collect()).collect();
    let output: Vec<u32> = (0..axes as u32).filter(|_| below(5) == 0).collect();
    let output = if tensors == 0 { Vec::new() } else { output };
    let extents = (0..axes).map(|_| [1, 2, 2, 3, 5, 8][below(6)]).collect();
    Graph::of(&Network::new(inputs, output, extents).unwrap())
}

/// Computes the least cost of all trees by the definition: an axis is needed while a tensor outside or the output has
/// it.
fn all_trees(graph: &Graph, objective: ObjectiveWithLimits, sets: &[u32], least: &mut f64, so_far: &mut Vec<f64>) {
    if sets.len() == 1 {
        *least = least.min(objective.total(so_far));
        return;
    }
    for i in 0..sets.len() {
        for j in 0..i {
            let rest: Vec<u32> = (0..sets.len()).filter(|&k| k != i && k != j).map(|k| sets[k]).collect();
            so_far.push(step(graph, objective, sets[i], sets[j]));
            all_trees(graph, objective, &[&rest[..], &[sets[i] | sets[j]]].concat(), least, so_far);
            so_far.pop();
        }
    }
}

fn step(graph: &Graph, objective: ObjectiveWithLimits, a: u32, b: u32) -> f64 {
    let has = |set: u32, axis: u32| (0..graph.legs.len()).any(|t| set >> t & 1 == 1 && graph.legs[t].contains(&axis));
    let everything = (1 << graph.legs.len()) - 1;
    let leg = |set: u32, axis: u32| has(set, axis) && (graph.kept[axis as usize] || has(everything & !set, axis));
    let log = |axis: u32| (graph.extents[axis as usize] as f64).log2();
    let axes = || 0..graph.extents.len() as u32;
    let flops = axes().filter(|&axis| leg(a, axis) || leg(b, axis)).map(log).sum();
    let size = axes().filter(|&axis| leg(a | b, axis)).map(log).sum();
    objective.step(flops, size)
}

fn whole(tree: &EditableTree<'_>) -> Subtree {
    Subtree::grow(tree, tree.root, usize::MAX, |_| 0.0)
}

#[test]
fn the_optimum_of_a_subtree_is_the_best_of_all_trees() {
    let mut random = Random::new(1, 0);
    for round in 0..120 {
        let graph = network(&mut random, 3 + round % 4, 1 + round % 9);
        let start = greedy::pairs(&graph, &StopCheck::new(&()));
        let mut exact = ExactSubtree::default();
        for (objective, limit) in ALL.into_iter().flat_map(|objective| [(objective, f64::INFINITY), (objective, 3.0)]) {
            let objective = ObjectiveWithLimits::unlimited(objective).within(limit, 4.0);
            let mut tree = EditableTree::new(&graph, objective, &start).unwrap();
            let subtree = whole(&tree);
            exact.improve(&mut tree, &subtree);
            let sets: Vec<u32> = (0..graph.legs.len()).map(|t| 1 << t).collect();
            let mut least = f64::INFINITY;
            all_trees(&graph, objective, &sets, &mut least, &mut Vec::new());
            assert!((tree.total() - least).abs() < 1e-9, "{objective:?} {} {least} {:?}", tree.total(), graph.legs);
        }
    }
}

#[test]
fn the_optimum_of_a_sliced_subtree_is_that_of_one_slice() {
    let mut random = Random::new(6, 0);
    for round in 0..60 {
        let pieces = network(&mut random, 3 + round % 3, 1 + round % 9);
        let extents = pieces.extents.iter().map(|&extent| 6 * extent).collect();
        let graph = Graph { legs: pieces.legs.clone(), extents, kept: pieces.kept.clone(), result: pieces.result };
        let mut tree =
            EditableTree::new(&graph, unlimited(Objective::Flops), &greedy::pairs(&graph, &StopCheck::new(&())))
                .unwrap();
        tree.set_extents(pieces.extents.iter().copied());
        let subtree = whole(&tree);
        ExactSubtree::default().improve(&mut tree, &subtree);
        let sets: Vec<u32> = (0..graph.legs.len()).map(|t| 1 << t).collect();
        let mut least = f64::INFINITY;
        all_trees(&pieces, unlimited(Objective::Flops), &sets, &mut least, &mut Vec::new());
        assert!((tree.total() - least).abs() < 1e-9, "{} {least} {:?}", tree.total(), graph.legs);
    }
}

/// Builds the same tree from its steps, so that all values are recomputed.
fn rebuilt<'g>(tree: &EditableTree<'g>) -> EditableTree<'g> {
    EditableTree::new(tree.graph, tree.objective, &tree.pairs()).unwrap()
}

#[test]
fn annealing_keeps_costs_consistent() {
    let mut random = Random::new(2, 0);
    for round in 0..40 {
        let graph = network(&mut random, 4 + 7 * (round % 9), 4 + 19 * (round % 11));
        let start = greedy::pairs(&graph, &StopCheck::new(&()));
        for objective in ALL {
            let mut tree = EditableTree::new(&graph, unlimited(objective), &start).unwrap();
            let before = tree.total();
            let shared = SharedBest::new(Instant::now(), &());
            let clock = EffortClock::new(Effort::Auto, graph.legs.len(), &shared);
            anneal(&mut tree, HOT, &clock, 1.0, &mut random);
            let after = tree.total();
            assert!(after <= before + 1e-9);
            assert!((rebuilt(&tree).total() - after).abs() < 1e-6, "{objective:?}");
        }
    }
}

#[test]
fn a_subtree_is_improved_and_the_rest_unchanged() {
    let mut random = Random::new(3, 0);
    for _ in 0..40 {
        let graph = network(&mut random, 30, 40);
        let mut tree =
            EditableTree::new(&graph, unlimited(Objective::Flops), &greedy::pairs(&graph, &StopCheck::new(&())))
                .unwrap();
        let mut exact = ExactSubtree::default();
        for node in tree.postorder() {
            let before = tree.total();
            let subtree = Subtree::grow(&tree, node, 6, |_| 0.0);
            let better = exact.improve(&mut tree, &subtree);
            assert!(if better { tree.total() < before } else { tree.total() == before });
        }
        assert!((rebuilt(&tree).total() - tree.total()).abs() < 1e-9);
    }
}

#[test]
fn eliminations_use_every_tensor_once() {
    let mut random = Random::new(4, 0);
    for round in 0..200 {
        let graph = network(&mut random, 1 + round % 40, 1 + round % 23);
        for rule in [
            eliminate::EliminationRule::Size,
            eliminate::EliminationRule::Fill,
            eliminate::EliminationRule::WeightedFill,
        ] {
            let pairs: Pairs = eliminate::pairs(&graph, rule, usize::MAX, &StopCheck::new(&())).unwrap();
            assert_eq!(pairs.len() + 1, graph.legs.len());
            crate::graph::tree(graph.legs.len(), &pairs).unwrap();
        }
    }
}
