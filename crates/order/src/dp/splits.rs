//! The least cost over all splits of all sets of a few tensors, outer products included: 3^n / 2 splits.
//!
//! The result of a set of tensors does not depend on the order within the set, so the best tree of a set is its best
//! split with the best trees of both halves.

use crate::watch::tally;

/// The least cost `C` of every set of a few tensors, and the data `H` of a half from which the cost of a step is
/// computed. Reuses its memory.
#[derive(Debug)]
pub(crate) struct Splits<C, H> {
    /// Sets `2i` and `2i + 1` in one entry, since the splits of a set with tensor 0 come in pairs.
    pairs: Vec<Pair<C, H>>,
    /// The usable sets by their first tensor.
    usable: Vec<Vec<u32>>,
}

impl<C, H> Default for Splits<C, H> {
    fn default() -> Splits<C, H> {
        Splits { pairs: Vec::new(), usable: Vec::new() }
    }
}

#[derive(Clone, Copy, Debug)]
struct Pair<C, H> {
    costs: [C; 2],
    halves: [H; 2],
}

impl<C: Copy + PartialOrd, H: Copy> Splits<C, H> {
    /// Finds the least cost of each set; `halves` are the data of the sets `0..2^n`. The cost of a set is the least
    /// value of `step_cost(set)`, a function of the costs and the data of two halves. A set without such a function, or
    /// whose cost is not below `never` or not `usable`, cannot be used. The function must be symmetric in the halves, and its value
    /// must not be below `never` if the cost of a half is not. `none` is the cost of a single tensor. Returns the cost
    /// of the set of all tensors.
    #[inline]
    pub(crate) fn search<P: Fn([C; 2], [H; 2]) -> C>(
        &mut self,
        halves: impl ExactSizeIterator<Item = H>,
        [none, never]: [C; 2],
        step_cost: impl Fn(usize) -> Option<P>,
        is_usable: impl Fn(usize, C) -> bool,
    ) -> C {
        self.start(halves, [none, never]);
        let all = 2 * self.pairs.len() - 1;
        for set in 3..2 * self.pairs.len() {
            if !set.is_power_of_two()
                && let Some(step_cost) = step_cost(set)
            {
                tally(1 << (set.count_ones() - 1));
                let sets = &self.usable[set.trailing_zeros() as usize];
                let least = if sets.len() < 1 << set.count_ones() {
                    self.least_of(sets, set, never, step_cost)
                } else {
                    self.least(set, never, step_cost)
                };
                if set == all || (least < never && is_usable(set, least)) {
                    self.pairs[set / 2].costs[set % 2] = least;
                    self.usable[set.trailing_zeros() as usize].push(set as u32);
                }
            }
        }
        self.pairs.last().map_or(none, |pair| pair.costs[1])
    }

    fn start(&mut self, mut halves: impl ExactSizeIterator<Item = H>, [none, never]: [C; 2]) {
        self.pairs.clear();
        self.pairs.reserve(halves.len() / 2);
        while let (Some(even), Some(odd)) = (halves.next(), halves.next()) {
            self.pairs.push(Pair { costs: [never; 2], halves: [even, odd] });
        }
        let tensors = (2 * self.pairs.len()).ilog2() as usize;
        self.usable.resize(tensors, Vec::new());
        for (tensor, usable) in self.usable.iter_mut().enumerate() {
            let set = 1_usize << tensor;
            self.pairs[set / 2].costs[set % 2] = none;
            usable.clear();
            usable.push(set as u32);
        }
    }

    /// Returns the least cost of the splits of a set into usable halves, of which one is among `sets`, the usable sets
    /// with the first tensor of the set.
    #[inline]
    fn least_of(&self, sets: &[u32], set: usize, never: C, step_cost: impl Fn([C; 2], [H; 2]) -> C) -> C {
        let mut least = never;
        for first in sets.iter().map(|&first| first as usize).filter(|first| first & !set == 0) {
            let (a, b) = (self.get(first), self.get(set ^ first));
            let cost = step_cost([a.0, b.0], [a.1, b.1]);
            least = if cost < least { cost } else { least };
        }
        least
    }

    fn get(&self, set: usize) -> (C, H) {
        let Pair { costs, halves } = &self.pairs[set / 2];
        (costs[set % 2], halves[set % 2])
    }

    /// Returns the least cost of the splits of a set. The first half has the last tensor of the set, so that each split
    /// occurs once.
    #[inline]
    fn least(&self, set: usize, never: C, step_cost: impl Fn([C; 2], [H; 2]) -> C) -> C {
        let place = set / 2;
        let pairs = &self.pairs[..=place];
        let rest = place ^ 1 << place.ilog2();
        // Two independent parts of the loop.
        let (low, upper) = (rest & rest.wrapping_neg(), rest & (rest.wrapping_sub(1)));
        let lesser = |a: C, b: C| if a < b { a } else { b };
        let mut least = [[never; 2]; 2];
        let mut second = upper;
        loop {
            for (least, second) in least.iter_mut().zip([second, second | low]) {
                let (x, y) = (&pairs[second], &pairs[place ^ second]);
                if set % 2 == 1 {
                    // A split of the set has an even and an odd half: each pair is combined crosswise.
                    for (i, least) in least.iter_mut().enumerate() {
                        let cost = step_cost([x.costs[i], y.costs[1 - i]], [x.halves[i], y.halves[1 - i]]);
                        *least = lesser(cost, *least);
                    }
                } else {
                    least[0] = lesser(step_cost([x.costs[0], y.costs[0]], [x.halves[0], y.halves[0]]), least[0]);
                }
            }
            if second == 0 {
                break;
            }
            second = (second - 1) & upper;
        }
        lesser(lesser(least[0][0], least[0][1]), lesser(least[1][0], least[1][1]))
    }

    /// Returns the half with the first tensor of the best split of a set that can be used. It is computed for the sets
    /// of the best tree only: to store it for all sets would take longer.
    pub(crate) fn first_half(&self, set: usize, step_cost: impl Fn([C; 2], [H; 2]) -> C) -> usize {
        let least = self.get(set).0;
        let rest = set & (set - 1);
        let mut second = rest;
        while second != 0 {
            let (a, b) = (self.get(set ^ second), self.get(second));
            if step_cost([a.0, b.0], [a.1, b.1]) <= least {
                break;
            }
            second = (second - 1) & rest;
        }
        set ^ second
    }
}
