//! Exact search over all splits of all sets that a better tree can contain, if these are few.
//!
//! In most networks few of the 2^n sets can be part of a tree that costs less than the known one. Connected sets grow
//! tensor by tensor and give the bounds; then usable sets are united, in the order of their numbers of tensors. A bound
//! never excludes a set of such a tree, and equal splits are ranked as in [`full`], so the steps are those of [`full`].

use super::cost_model::FloatCosts;
use super::full;
use super::{flops, steps};
use crate::graph::Pairs;
use crate::watch::tally;

/// The number of sets that are always few.
const FEW: usize = 24;
/// The product of all extents up to which the products here and in the table of all sets are exact, and so equal.
const EXACT: f64 = (1_u64 << f64::MANTISSA_DIGITS) as f64;

/// Returns the steps of [`full::pairs`].
pub(super) fn pairs(tensors: usize, costs: &FloatCosts<'_>, known: Pairs) -> Pairs {
    if tensors < 2 {
        return known;
    }
    let limit = flops(tensors, costs, &known);
    if costs.legs.iter().map(|leg| leg.extent as f64).product::<f64>() <= EXACT
        && let Some(mut search) = Search::new(tensors, costs, limit)
        && let Some(least) = search.run()
    {
        let first = |set| search.get(set as u32).map_or(set, |found| found.first.into());
        return if least < limit { steps(tensors, first) } else { known };
    }
    full::pairs(tensors, costs, known)
}

/// A set of tensors.
#[derive(Clone, Copy)]
struct TensorSet {
    set: u32,
    /// The tensors that share an axis with one of the set.
    near: u32,
    /// The product of the extents of all axes, and of those summed within the set.
    points: f64,
    summed: f64,
    per_summed: f64,
    /// The least flops of a tree of the set.
    flops: f64,
    /// The half of the best split that has the first tensor.
    first: u32,
    /// Whether a tree that is better than the known one may contain the set.
    admitted: bool,
}

const EMPTY: TensorSet = TensorSet {
    set: 0,
    near: 0,
    points: 1.0,
    summed: 1.0,
    per_summed: 1.0,
    flops: f64::INFINITY,
    first: 0,
    admitted: false,
};

impl TensorSet {
    /// The elements of the result.
    fn size(&self) -> f64 {
        self.points * self.per_summed
    }
}

struct Search<'a> {
    costs: &'a FloatCosts<'a>,
    /// The flops of the known tree.
    limit: f64,
    tensors: usize,
    all: u32,
    /// The most sets that are few.
    max_sets: usize,
    /// Lower bounds of the elements of the result of any set but `all`, and of the flops of its step.
    least: [f64; 2],
    known: Vec<TensorSet>,
    /// By set one more than its place in `known`.
    places: Vec<u16>,
}

impl<'a> Search<'a> {
    /// Finds all connected sets; `None` if they are many.
    fn new(tensors: usize, costs: &'a FloatCosts<'a>, limit: f64) -> Option<Search<'a>> {
        let max_sets = FEW.max((1 << tensors) / 4);
        let (known, places) = (Vec::with_capacity(max_sets.min(16 * tensors)), vec![0; 1 << tensors]);
        let all = (1 << tensors) - 1;
        let mut search = Search { costs, limit, tensors, all, max_sets, least: [0.0; 2], known, places };
        for tensor in 0..tensors {
            search.add(TensorSet { flops: 0.0, ..search.grown(&EMPTY, tensor) });
        }
        let mut at = 0;
        while let Some(&set) = search.known.get(at) {
            for tensor in bits(set.near & !set.set) {
                if search.places[(set.set | 1 << tensor) as usize] == 0 {
                    if search.known.len() == max_sets {
                        return None;
                    }
                    search.add(search.grown(&set, tensor));
                }
            }
            at += 1;
        }
        let sizes = search.known.iter().filter(|set| set.set != all).map(TensorSet::size);
        // The result of a set that is not connected is the product of results of connected sets.
        let size = sizes.fold(f64::INFINITY, f64::min);
        search.least = [size, costs.least_step(size)];
        for at in 0..search.known.len() {
            search.known[at].admitted = search.admits(&search.known[at]);
        }
        Some(search)
    }

    fn add(&mut self, set: TensorSet) {
        self.known.push(set);
        self.places[set.set as usize] = self.known.len() as u16;
    }

    fn get(&self, set: u32) -> Option<&TensorSet> {
        self.known.get(usize::from(self.places[set as usize]).checked_sub(1)?)
    }

    /// Returns the union of a set and one more tensor.
    fn grown(&self, set: &TensorSet, tensor: usize) -> TensorSet {
        let TensorSet { set: before, mut near, mut points, mut summed, .. } = *set;
        let union = before | 1 << tensor;
        for &number in &self.costs.of_tensor[tensor] {
            let leg = &self.costs.legs[number as usize];
            let members = leg.members as u32;
            near |= members;
            if members & before == 0 {
                points *= leg.extent as f64;
            }
            if !leg.kept && members & !union == 0 {
                summed *= leg.extent as f64;
            }
        }
        TensorSet { set: union, near, points, summed, per_summed: 1.0 / summed, ..EMPTY }
    }

    /// Returns the least flops of the steps of a better tree besides those that compute and use a set, if it has this
    /// number of other tensors. The result is used, and the last step visits its elements or those of another set; each
    /// of the other steps adds one of the other tensors.
    fn remaining(&self, others: usize) -> f64 {
        others.checked_sub(2).map_or(0.0, |steps| steps as f64 * self.least[1] + self.least[0])
    }

    /// Returns whether a better tree may contain the set: the steps that compute and use it visit its elements.
    fn admits(&self, set: &TensorSet) -> bool {
        set.set == self.all || 2.0 * set.size() + self.remaining(self.tensors - 2) < self.limit
    }

    /// Returns the least flops of a tree, or infinity if it is not below the limit; `None` if many sets are usable.
    fn run(&mut self) -> Option<f64> {
        let (mut usable, mut ends, mut offers) = (Vec::with_capacity(self.max_sets), vec![0, self.tensors], 0);
        usable.extend_from_slice(&self.known[..self.tensors]);
        let mut reached = Vec::new();
        for size in 2..=self.tensors {
            reached.clear();
            for less in 1..=size / 2 {
                let firsts = &usable[ends[less - 1]..ends[less]];
                let seconds = &usable[ends[size - less - 1]..ends[size - less]];
                for (k, first) in firsts.iter().enumerate() {
                    let others = if less == size - less { &seconds[k + 1..] } else { seconds };
                    for second in others.iter().filter(|second| first.set & second.set == 0) {
                        offers += 1;
                        self.offer(first, second, &mut reached);
                    }
                }
            }
            for &place in &reached {
                let set = &self.known[place];
                if set.flops + set.size() + self.remaining(self.tensors - size) < self.limit {
                    usable.push(*set);
                }
            }
            if usable.len() > self.max_sets {
                return None;
            }
            ends.push(usable.len());
        }
        tally(offers);
        Some(self.get(self.all).map_or(f64::INFINITY, |all| all.flops))
    }

    /// Enters a split of the union of two sets, the first of which is not larger. Of equal splits the one is kept whose
    /// half without the first tensor has the largest number.
    fn offer(&mut self, first: &TensorSet, second: &TensorSet, reached: &mut Vec<usize>) {
        let union = first.set | second.set;
        if self.places[union as usize] == 0 {
            let set = bits(first.set).fold(*second, |set, tensor| self.grown(&set, tensor));
            self.add(TensorSet { admitted: self.admits(&set), ..set });
        }
        let place = usize::from(self.places[union as usize]) - 1;
        let set = &mut self.known[place];
        if !set.admitted {
            return;
        }
        let flops = first.flops + second.flops + set.points * (first.per_summed * second.per_summed);
        let half = if first.set & union & union.wrapping_neg() == 0 { second.set } else { first.set };
        if set.flops == f64::INFINITY {
            reached.push(place);
        }
        if flops < set.flops || flops == set.flops && union ^ half > union ^ set.first {
            (set.flops, set.first) = (flops, half);
        }
    }
}

/// Returns the tensors in `set`, ascending.
fn bits(mut set: u32) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let tensor = (set != 0).then(|| set.trailing_zeros() as usize);
        set &= set.wrapping_sub(1);
        tensor
    })
}
