//! Orders by eliminating axes (I. L. Markov and Y. Shi, "Simulating quantum computation by contracting tensor networks", SIAM
//! J. Comput. 38, 963, 2008; H. L. Bodlaender and A. M. C. A. Koster, "Treewidth computations I: upper bounds", Inf. Comput.
//! 208, 259, 2010).
//!
//! Where few axes have many tensors each, the question is not which pair is next but which axis: all tensors that have it are
//! multiplied, the smallest first, and it is summed.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};

use crate::graph::{Graph, Pairs, contract, join_by_size};
use einfold_ir::Count;

/// Which axis comes next.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Rule {
    /// The one that leaves the smallest tensor.
    Size,
    /// The one that makes the fewest axes meet that have not met.
    Fill,
    /// The same, weighted by the logarithms of their extents.
    WeightedFill,
}

/// The steps by a rule; none if an intermediate would have more than `most` legs.
pub(super) fn pairs(graph: &Graph, rule: Rule, most: usize) -> Option<Pairs> {
    let mut state = Elimination::new(graph, rule);
    while let Some(axis) = state.next_axis() {
        if state.near[axis as usize].len() > most {
            return None;
        }
        state.eliminate(axis);
    }
    Some(state.join_rest())
}

struct Elimination<'g> {
    graph: &'g Graph,
    rule: Rule,
    logs: Vec<f64>,
    uses: Vec<u32>,
    /// By SSA id; none once used.
    tensors: Vec<Option<Vec<u32>>>,
    /// The living tensors that have each axis.
    holders: Vec<Vec<u32>>,
    /// The axes that each axis meets in some tensor.
    near: Vec<BTreeSet<u32>>,
    gone: Vec<bool>,
    /// Waiting axes with a number that says which entry is the newest.
    heap: BinaryHeap<Reverse<(u64, u32, u32)>>,
    version: Vec<u32>,
    pairs: Pairs,
}

impl<'g> Elimination<'g> {
    fn new(graph: &'g Graph, rule: Rule) -> Elimination<'g> {
        let axes = graph.extents.len();
        let mut state = Elimination {
            graph,
            rule,
            logs: graph.extents.iter().map(|&extent| (extent.max(1) as f64).log2()).collect(),
            uses: graph.uses(),
            tensors: graph.legs.iter().map(|legs| Some(legs.to_vec())).collect(),
            holders: vec![Vec::new(); axes],
            near: vec![BTreeSet::new(); axes],
            gone: vec![false; axes],
            heap: BinaryHeap::new(),
            version: vec![0; axes],
            pairs: Pairs::new(),
        };
        for (id, legs) in (0..).zip(graph.legs.iter()) {
            for &axis in legs {
                state.holders[axis as usize].push(id);
                state.near[axis as usize].extend(legs.iter().filter(|&&other| other != axis));
            }
        }
        (0..axes as u32).for_each(|axis| state.enter(axis));
        state
    }

    /// Puts an axis on the heap, with what it scores now. Those of the output stay.
    fn enter(&mut self, axis: u32) {
        let a = axis as usize;
        if self.graph.kept[a] || self.gone[a] || self.holders[a].is_empty() {
            return;
        }
        self.version[a] += 1;
        let score = match self.rule {
            Rule::Size => self.near[a].iter().map(|&other| self.logs[other as usize]).sum(),
            Rule::Fill => self.fill(axis, |_, _| 1.0),
            Rule::WeightedFill => self.fill(axis, |x, y| self.logs[x as usize] * self.logs[y as usize]),
        };
        self.heap.push(Reverse(((score * 1024.0) as u64, axis, self.version[a])));
    }

    /// The weight of the pairs that come to meet when an axis is eliminated.
    fn fill(&self, axis: u32, weight: impl Fn(u32, u32) -> f64) -> f64 {
        let near: Vec<u32> = self.near[axis as usize].iter().copied().collect();
        let mut fill = 0.0;
        for (i, &x) in near.iter().enumerate() {
            for &y in &near[i + 1..] {
                if !self.near[x as usize].contains(&y) {
                    fill += weight(x, y);
                }
            }
        }
        fill
    }

    fn next_axis(&mut self) -> Option<u32> {
        loop {
            let Reverse((_, axis, version)) = self.heap.pop()?;
            if self.version[axis as usize] == version && !self.gone[axis as usize] {
                return Some(axis);
            }
        }
    }

    /// Multiplies all tensors of an axis.
    fn eliminate(&mut self, axis: u32) {
        let holders = std::mem::take(&mut self.holders[axis as usize]);
        let size = |state: &Self, id: u32| -> u64 {
            let legs = state.tensors[id as usize].iter().flatten();
            (legs.map(|&axis| state.logs[axis as usize]).sum::<f64>() * 1024.0) as u64
        };
        let mut open: BinaryHeap<_> = holders.iter().map(|&id| Reverse((size(self, id), id))).collect();
        while let (Some(Reverse((_, a))), Some(Reverse((_, b)))) = (open.pop(), open.pop()) {
            let product = self.multiply(a, b);
            if open.is_empty() {
                break;
            }
            open.push(Reverse((size(self, product), product)));
        }
        if !std::mem::replace(&mut self.gone[axis as usize], true) {
            self.forget(axis);
        }
    }

    fn multiply(&mut self, a: u32, b: u32) -> u32 {
        let product = self.tensors.len() as u32;
        let [left, right] = [a, b].map(|id| self.tensors[id as usize].take().unwrap_or_default());
        let mut summed = Vec::new();
        let legs = contract(&left, &right, &mut self.uses, |axis| summed.push(axis));
        for &axis in left.iter().chain(&right) {
            self.holders[axis as usize].retain(|&id| id != a && id != b);
        }
        legs.iter().for_each(|&axis| self.holders[axis as usize].push(product));
        self.tensors.push(Some(legs));
        self.pairs.push([a, b]);
        for axis in summed {
            self.gone[axis as usize] = true;
            self.forget(axis);
        }
        product
    }

    /// Makes the neighbours of an axis that is gone meet, and scores them anew.
    fn forget(&mut self, axis: u32) {
        let near: Vec<u32> = std::mem::take(&mut self.near[axis as usize]).into_iter().collect();
        for &x in &near {
            self.near[x as usize].remove(&axis);
            for &y in &near {
                if x != y && !self.gone[x as usize] && !self.gone[y as usize] {
                    self.near[x as usize].insert(y);
                }
            }
        }
        near.into_iter().for_each(|x| self.enter(x));
    }

    /// Multiplies what is left, which shares axes of the output at most.
    fn join_rest(self) -> Pairs {
        let Elimination { graph, tensors, mut pairs, .. } = self;
        let size = |legs: Vec<u32>| Count::product(legs.iter().map(|&axis| graph.extents[axis as usize]));
        let rest = (0..).zip(tensors).filter_map(|(id, tensor)| Some((size(tensor?), id)));
        join_by_size(rest, graph.legs.len(), &mut pairs);
        pairs
    }
}
