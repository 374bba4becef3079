//! Simulated annealing of a tree by rotations (G. Kalachev, P. Panteleev and M.-H. Yung, "Multi-tensor contraction for
//! XEB verification of quantum circuits", arXiv:2108.05665, 2021).
//!
//! A rotation turns ((a, b), c) into ((a, c), b). An axis is summed in (a, c) exactly if neither b nor any tensor
//! outside of the three has it, so the legs of the new node are `(a | c) & (b | whole)`: four sets, for any tree, with
//! hyperedges and outputs.

use std::cell::OnceCell;

use super::subtree::Weights;
use crate::objective::ObjectiveWithLimits;
use crate::random::Random;
use crate::watch::tally;

/// A set of axes, one bit for each.
pub(super) type Bits<const W: usize> = [u64; W];

/// A tree of tensors with few axes. Nodes `0..leaves` are tensors, the last node is the root.
pub(super) struct Rotations<'a, const W: usize> {
    leaves: usize,
    objective: ObjectiveWithLimits,
    weights: &'a Weights,
    /// The operands of each product.
    children: Vec<[u32; 2]>,
    nodes: Vec<Node<W>>,
    costs: Vec<f64>,
}

#[derive(Clone, Copy)]
struct Node<const W: usize> {
    legs: Bits<W>,
    /// The binary logarithm of the number of elements.
    size: f64,
}

impl<'a, const W: usize> Rotations<'a, W> {
    /// Builds the tree in which product `k` multiplies `children[k]` and is node `leaves + k`; every product comes
    /// after its operands. `whole` is the set of legs of the root, with the binary logarithm of its elements if the
    /// legs do not determine it.
    pub(super) fn new(
        objective: ObjectiveWithLimits,
        weights: &'a Weights,
        tensors: &[Bits<W>],
        (whole, size): (Bits<W>, Option<f64>),
        children: &[[u32; 2]],
    ) -> Rotations<'a, W> {
        let empty = Node { legs: [0; W], size: 0.0 };
        let mut tree = Rotations {
            leaves: tensors.len(),
            objective,
            weights,
            children: children.to_vec(),
            nodes: vec![empty; tensors.len() + children.len()],
            costs: vec![0.0; children.len()],
        };
        for (node, &legs) in tensors.iter().enumerate() {
            tree.nodes[node] = Node { legs, size: tree.size(&legs) };
        }
        tree.keep_outer_legs(tensors, whole);
        if let (Some(size), Some(root)) = (size, tree.nodes.last_mut()) {
            root.size = size;
        }
        for (product, pair) in children.iter().enumerate() {
            let [a, b] = pair.map(|node| tree.nodes[node as usize]);
            let shared = and(&a.legs, &b.legs);
            let size = tree.nodes[tree.leaves + product].size;
            tree.costs[product] = tree.objective.step(a.size + b.size - tree.size(&shared), size);
        }
        tree
    }

    /// Sets the legs of all products: the axes below are collected upwards, the axes outside downwards.
    fn keep_outer_legs(&mut self, tensors: &[Bits<W>], whole: Bits<W>) {
        let mut below: Vec<Bits<W>> = tensors.to_vec();
        below.extend(self.children.iter().map(|_| [0; W]));
        for (product, &[a, b]) in self.children.iter().enumerate() {
            below[self.leaves + product] = or(&below[a as usize], &below[b as usize]);
        }
        let mut outside = vec![[0; W]; below.len()];
        if let Some(root) = outside.last_mut() {
            *root = whole;
        }
        for (product, &[a, b]) in self.children.iter().enumerate().rev() {
            let node = self.leaves + product;
            let legs = and(&below[node], &outside[node]);
            self.nodes[node] = Node { legs, size: self.size(&legs) };
            outside[a as usize] = or(&outside[node], &below[b as usize]);
            outside[b as usize] = or(&outside[node], &below[a as usize]);
        }
    }

    /// Returns the binary logarithm of the elements of a tensor with these legs.
    #[inline(always)]
    fn size(&self, legs: &Bits<W>) -> f64 {
        match self.weights {
            Weights::All(log) => f64::from(legs.iter().map(|word| word.count_ones()).sum::<u32>()) * log,
            Weights::Words(logs) => legs.iter().zip(logs).map(|(word, log)| f64::from(word.count_ones()) * log).sum(),
            Weights::Bits(logs) => sum_of_bits(legs, logs),
        }
    }

    pub(super) fn children(&self) -> &[[u32; 2]] {
        &self.children
    }

    /// Returns the binary logarithm of the cost of all steps.
    pub(super) fn total(&self) -> f64 {
        self.objective.total(&self.costs)
    }

    /// Proposes one rotation at each product, `times` times, compiled for the best instruction set of the machine.
    pub(super) fn sweep(&mut self, times: usize, temperature: f64, random: &mut Random, tables: &MathTables) {
        tally(times * self.children.len() * (8 + W) / 8);
        pulp::Arch::new().dispatch(Sweeps { tree: self, times, temperature, random, tables });
    }

    #[inline(always)]
    fn propose(&mut self, product: usize, temperature: f64, bits: u64, tables: &MathTables) {
        let pair = self.children[product];
        let first = (bits & 1) as usize;
        let leaf = |node: u32| (node as usize) < self.leaves;
        let side = if leaf(pair[first]) { 1 - first } else { first };
        let (lower, c) = (pair[side] as usize, pair[1 - side] as usize);
        if lower < self.leaves {
            return;
        }
        let grandchildren = self.children[lower - self.leaves];
        let swapped = (bits >> 1 & 1) as usize;
        let (a, b) = (grandchildren[swapped] as usize, grandchildren[1 - swapped] as usize);
        let [a_legs, b_legs, c_legs] = [a, b, c].map(|node| &self.nodes[node].legs);
        let whole = &self.nodes[self.leaves + product];
        let old = tables.add(self.costs[lower - self.leaves], self.costs[product]);
        let max_cost = old + temperature * tables.exponential(bits >> 2);
        let shared = and(a_legs, c_legs);
        let union = self.nodes[a].size + self.nodes[c].size - self.size(&shared);
        if self.objective.least(union) > max_cost {
            return;
        }
        let (mut legs, mut summed, mut shared_above) = ([0; W], [0; W], [0; W]);
        for w in 0..W {
            let needed = b_legs[w] | whole.legs[w];
            summed[w] = shared[w] & !needed;
            legs[w] = (a_legs[w] | c_legs[w]) & needed;
            shared_above[w] = legs[w] & b_legs[w];
        }
        let size = union - self.size(&summed);
        let cost = self.objective.step(union, size);
        let cost_above = self.objective.step(size + self.nodes[b].size - self.size(&shared_above), whole.size);
        if tables.add(cost, cost_above) <= max_cost {
            self.nodes[lower] = Node { legs, size };
            self.children[lower - self.leaves] = [a as u32, c as u32];
            self.children[product] = [lower as u32, b as u32];
            self.costs[lower - self.leaves] = cost;
            self.costs[product] = cost_above;
        }
    }
}

/// The inner loop as a type: a closure would not be compiled as a whole for the instruction set of its caller.
struct Sweeps<'s, 'a, const W: usize> {
    tree: &'s mut Rotations<'a, W>,
    times: usize,
    temperature: f64,
    random: &'s mut Random,
    tables: &'s MathTables,
}

impl<const W: usize> pulp::NullaryFnOnce for Sweeps<'_, '_, W> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        for _ in 0..self.times {
            for product in 0..self.tree.children.len() {
                self.tree.propose(product, self.temperature, self.random.next(), self.tables);
            }
        }
    }
}

#[inline(always)]
fn sum_of_bits<const W: usize>(legs: &Bits<W>, logs: &[f64]) -> f64 {
    let mut sum = 0.0;
    for (word, logs) in legs.iter().zip(logs.chunks(64)) {
        let mut rest = *word;
        while rest != 0 {
            sum += logs[rest.trailing_zeros() as usize];
            rest &= rest - 1;
        }
    }
    sum
}

#[inline(always)]
fn and<const W: usize>(a: &Bits<W>, b: &Bits<W>) -> Bits<W> {
    std::array::from_fn(|w| a[w] & b[w])
}

#[inline(always)]
fn or<const W: usize>(a: &Bits<W>, b: &Bits<W>) -> Bits<W> {
    std::array::from_fn(|w| a[w] | b[w])
}

/// Tables of the functions of the inner loop; their error is far below the differences that matter.
pub(super) struct MathTables {
    /// `log2(1 + 2^-d)` at multiples of [`STEP`].
    carry: Vec<f32>,
    /// Quantiles of the exponential distribution.
    exponential: Vec<f32>,
}

const STEP: f64 = 1.0 / 64.0;
const SPAN: usize = 24 * 64;
const QUANTILES: usize = 4096;

impl MathTables {
    /// Calls `go` with the tables of this thread.
    pub(super) fn with<R>(go: impl FnOnce(&MathTables) -> R) -> R {
        thread_local! {
            static TABLES: OnceCell<MathTables> = const { OnceCell::new() };
        }
        TABLES.with(|tables| go(tables.get_or_init(MathTables::new)))
    }

    fn new() -> MathTables {
        let carry = (0..=SPAN).map(|i| (-(i as f64) * STEP).exp2().ln_1p() / std::f64::consts::LN_2);
        let exponential = (0..QUANTILES).map(|i| -((i as f64 + 0.5) / QUANTILES as f64).ln());
        MathTables { carry: carry.map(|x| x as f32).collect(), exponential: exponential.map(|x| x as f32).collect() }
    }

    /// Returns the binary logarithm of the sum of two numbers given by their logarithms.
    #[inline(always)]
    fn add(&self, a: f64, b: f64) -> f64 {
        let place = ((a - b).abs() / STEP + 0.5) as usize;
        a.max(b) + f64::from(self.carry[place.min(SPAN)])
    }

    #[inline(always)]
    fn exponential(&self, bits: u64) -> f64 {
        f64::from(self.exponential[bits as usize % QUANTILES])
    }
}
