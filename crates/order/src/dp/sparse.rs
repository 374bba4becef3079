//! Exact search over all splits of all sets that a better tree can contain, if these are few.
//!
//! In most networks few of the 2^n sets can be part of a tree that costs less than the known one. Connected sets grow
//! tensor by tensor and give the bounds; then usable sets are united, in the order of their numbers of tensors. A bound
//! never excludes a set of such a tree, and equal splits are ranked as in [`full`], so the steps are those of [`full`].

use smallvec::{SmallVec, smallvec};

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
    /// The half of the best split that has the first tensor.
    first: u32,
    /// The tensors that share an axis with one of the set.
    near: u32,
    /// Whether a tree that is better than the known one may contain the set.
    admitted: bool,
    /// The product of the extents of all axes, and of those summed within the set.
    points: f64,
    summed: f64,
    /// The least flops of a tree of the set.
    flops: f64,
}

const EMPTY: TensorSet =
    TensorSet { set: 0, first: 0, near: 0, admitted: false, points: 1.0, summed: 1.0, flops: f64::INFINITY };

/// A set that a split may have as a half.
#[derive(Clone, Copy)]
struct Half {
    set: u32,
    place: u32,
    /// The tensors that share an axis with one of the set.
    near: u32,
    flops: f64,
    per_summed: f64,
    /// The elements of the result.
    size: f64,
}

/// The bit of the output among the tensors that have an axis.
const OUTPUT: u32 = 1 << 31;

struct Search {
    /// The tensors that have each axis, and its extent, by tensor.
    axes: Vec<SmallVec<[(u32, f64); 4]>>,
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

impl Search {
    /// Finds all connected sets; `None` if they are many.
    fn new(tensors: usize, costs: &FloatCosts<'_>, limit: f64) -> Option<Search> {
        let max_sets = FEW.max((1 << tensors) / 4);
        let mut axes = vec![SmallVec::new(); tensors];
        for leg in costs.legs {
            let members = leg.members as u32;
            let holders = members | if leg.kept { OUTPUT } else { 0 };
            bits(members).for_each(|tensor| axes[tensor].push((holders, leg.extent as f64)));
        }
        let (known, places) = (Vec::with_capacity(2 * max_sets), vec![0; 1 << tensors]);
        let all = (1 << tensors) - 1;
        let mut search = Search { axes, limit, tensors, all, max_sets, least: [0.0; 2], known, places };
        for tensor in 0..tensors {
            search.add(TensorSet { flops: 0.0, ..search.grown(&EMPTY, tensor) });
        }
        let mut at = 0;
        while let Some(&set) = search.known.get(at) {
            for tensor in bits(set.near & !set.set & all) {
                if search.places[(set.set | 1 << tensor) as usize] == 0 {
                    if search.known.len() == max_sets {
                        return None;
                    }
                    search.add(search.grown(&set, tensor));
                }
            }
            at += 1;
        }
        let sizes = search.known.iter().filter(|set| set.set != all).map(|set| set.points / set.summed);
        // The result of a set that is not connected is the product of results of connected sets.
        let size = sizes.fold(f64::INFINITY, f64::min);
        search.least = [size, costs.least_step(size)];
        let below = search.below();
        search.known.iter_mut().for_each(|set| set.admitted = set.set == all || set.points < below * set.summed);
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
        for &(holders, extent) in &self.axes[tensor] {
            near |= holders;
            points *= if holders & before == 0 { extent } else { 1.0 };
            summed *= if holders & !union == 0 { extent } else { 1.0 };
        }
        TensorSet { set: union, near, points, summed, ..EMPTY }
    }

    /// Returns the least flops of the steps of a better tree besides those that compute and use a set, if it has this
    /// number of other tensors. The result is used, and the last step visits its elements or those of another set; each
    /// of the other steps adds one of the other tensors.
    fn remaining(&self, others: usize) -> f64 {
        others.checked_sub(2).map_or(0.0, |steps| steps as f64 * self.least[1] + self.least[0])
    }

    /// Returns a bound that the results of the sets of a better tree are below: the steps that compute and use a set
    /// visit the elements of its result.
    fn below(&self) -> f64 {
        (self.limit - self.remaining(self.tensors - 2)) / 2.0
    }

    /// Returns the least flops of a tree, or infinity if it is not below the limit; `None` if many sets are usable.
    fn run(&mut self) -> Option<f64> {
        let (mut usable, mut offers) = (Vec::with_capacity(16 * self.tensors), 0);
        // The number of usable sets of each size and all smaller ones.
        let mut ends: SmallVec<[usize; 16]> = smallvec![0, self.tensors];
        let (below, mut reached) = (self.below(), Vec::with_capacity(2 * self.tensors));
        let half = |place: usize, set: &TensorSet| Half {
            set: set.set,
            place: place as u32,
            near: set.near,
            flops: set.flops,
            per_summed: 1.0 / set.summed,
            size: set.points / set.summed,
        };
        usable.extend(self.known[..self.tensors].iter().enumerate().map(|(place, set)| half(place, set)));
        for size in 2..=self.tensors {
            for less in 1..=size / 2 {
                let firsts = &usable[ends[less - 1]..ends[less]];
                let seconds = &usable[ends[size - less - 1]..ends[size - less]];
                for (k, first) in firsts.iter().enumerate() {
                    let others = if less == size - less { &seconds[k + 1..] } else { seconds };
                    for second in others.iter().filter(|second| first.set & second.set == 0) {
                        // Most outer products are too large.
                        let outer = first.near & second.set == 0;
                        if outer && first.size * second.size >= below && size < self.tensors {
                            continue;
                        }
                        offers += 1;
                        self.offer(first, second, below, &mut reached);
                    }
                }
            }
            let later = self.limit - self.remaining(self.tensors - size);
            for place in reached.drain(..) {
                let set = half(place, &self.known[place]);
                if set.flops + set.size < later {
                    usable.push(set);
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
    fn offer(&mut self, first: &Half, second: &Half, below: f64, reached: &mut Vec<usize>) {
        let union = first.set | second.set;
        if self.places[union as usize] == 0 {
            let [a, b] = [first, second].map(|half| self.known[half.place as usize]);
            let set = if a.near & b.set == 0 {
                let (points, summed) = (a.points * b.points, a.summed * b.summed);
                TensorSet { set: union, near: a.near | b.near, points, summed, ..EMPTY }
            } else {
                bits(first.set).fold(b, |set, tensor| self.grown(&set, tensor))
            };
            self.add(TensorSet { admitted: union == self.all || set.points < below * set.summed, ..set });
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
