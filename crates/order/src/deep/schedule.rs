//! The temperature schedule of the annealing of a subtree.

use super::anneal::{Bits, MathTables, Rotations};
use super::effort::EffortClock;
use super::subtree::{Axes, Subtree};
use super::tree_editor::{EditableTree, GIVEN_LOG2};
use crate::random::Random;

/// The maximal number of axes of a subtree.
pub(super) const MAX_AXES: usize = 64 * 58;

/// The first and the last temperature: a step that makes two products 2^t times as expensive is accepted at temperature
/// t with probability 1/e.
#[derive(Clone, Copy, Debug)]
pub(super) struct Temperatures {
    pub(super) first: f64,
    pub(super) last: f64,
}

/// The number of temperatures.
const STEPS: u32 = 32;
/// The minimal number of sweeps and of proposals between two reads of the clock and of the total cost.
const SWEEPS: usize = 4;
const PROPOSALS: usize = 1024;

/// A part of the effort of a search, from one fraction to another.
#[derive(Clone, Copy)]
pub(super) struct EffortShare<'m> {
    pub(super) clock: &'m EffortClock<'m>,
    pub(super) from: f64,
    pub(super) to: f64,
}

impl EffortShare<'_> {
    /// Returns whether temperature number `step` continues.
    fn continues_at(&self, step: u32) -> bool {
        self.clock.has_effort_until(self.from + (self.to - self.from) * f64::from(step + 1) / f64::from(STEPS))
    }
}

/// Anneals a subtree for a part of the effort; returns whether it improved. It is left unchanged otherwise.
pub(super) fn anneal(
    tree: &mut EditableTree<'_>,
    subtree: &Subtree,
    temperatures: Temperatures,
    share: &EffortShare<'_>,
    random: &mut Random,
) -> bool {
    let axes = Axes::of(tree, &subtree.below);
    let anneal = match axes.words() {
        0 | 1 => anneal_bits::<1>,
        2 => anneal_bits::<2>,
        3 => anneal_bits::<3>,
        4 => anneal_bits::<4>,
        5..=6 => anneal_bits::<6>,
        7..=8 => anneal_bits::<8>,
        9..=12 => anneal_bits::<12>,
        13..=16 => anneal_bits::<16>,
        17..=24 => anneal_bits::<24>,
        25..=32 => anneal_bits::<32>,
        33..=48 => anneal_bits::<48>,
        49..=64 => anneal_bits::<64>,
        _ => return false,
    };
    anneal(tree, subtree, &axes, temperatures, share, random)
}

fn anneal_bits<const W: usize>(
    tree: &mut EditableTree<'_>,
    subtree: &Subtree,
    axes: &Axes,
    temperatures: Temperatures,
    share: &EffortShare<'_>,
    random: &mut Random,
) -> bool {
    let below = &subtree.below;
    let tensors: Vec<Bits<W>> = below.iter().map(|&node| axes.bits(&tree.legs[node as usize])).collect();
    let whole = axes.bits(&tree.legs[subtree.root() as usize]);
    let size = tree.is_given(subtree.root()).then_some(GIVEN_LOG2);
    let mut state =
        Rotations::new(tree.objective, &axes.weights, &tensors, (whole, size), &local_children(tree, subtree));
    let mut best = Best { total: state.total(), children: None };
    let bundle = SWEEPS + PROPOSALS / below.len();
    MathTables::with(|tables| {
        let cooling = (temperatures.last / temperatures.first).ln();
        for step in 0..STEPS {
            let temperature = temperatures.first * (cooling * f64::from(step) / f64::from(STEPS - 1)).exp();
            while share.continues_at(step) {
                state.sweep(bundle, temperature, random, tables);
                best.offer(&state);
                share.clock.spend(bundle * below.len() * (8 + W) / 8);
            }
        }
        best.offer(&state);
    });
    match best.children {
        Some(children) => {
            let products = outer_products(subtree, &children);
            tree.replace(below, &products);
            true
        }
        None => false,
    }
}

/// The best state so far, if it is better than the first.
struct Best {
    total: f64,
    children: Option<Vec<[u32; 2]>>,
}

impl Best {
    fn offer<const W: usize>(&mut self, state: &Rotations<'_, W>) {
        let total = state.total();
        if total < self.total - 1e-9 {
            self.total = total;
            let children = self.children.get_or_insert_default();
            children.clear();
            children.extend_from_slice(state.children());
        }
    }
}

/// Returns the operands of the products of a subtree by local numbers: first the leaves of the subtree, then the
/// products, the root last.
fn local_children(tree: &EditableTree<'_>, subtree: &Subtree) -> Vec<[u32; 2]> {
    let mut place = vec![0; tree.legs.len()];
    let order = subtree.below.iter().chain(subtree.products.iter().rev());
    order.zip(0..).for_each(|(&node, local)| place[node as usize] = local);
    let leaves = tree.leaves();
    let children = |&node: &u32| tree.children[node as usize - leaves].map(|child| place[child as usize]);
    subtree.products.iter().rev().map(children).collect()
}

/// Returns the products of a subtree by the node numbers of the tree, each after its operands.
fn outer_products(subtree: &Subtree, children: &[[u32; 2]]) -> Vec<(u32, [u32; 2])> {
    let leaves = subtree.below.len();
    let nodes: Vec<u32> = subtree.below.iter().chain(subtree.products.iter().rev()).copied().collect();
    let mut open = vec![(nodes.len() - 1) as u32];
    let mut products = Vec::with_capacity(children.len());
    while let Some(local) = open.pop() {
        if let Some(product) = (local as usize).checked_sub(leaves) {
            let pair = children[product];
            products.push((nodes[local as usize], pair.map(|child| nodes[child as usize])));
            open.extend(pair);
        }
    }
    products.reverse();
    products
}
