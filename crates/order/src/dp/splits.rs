//! All splits of all sets of a few tensors: 3^n / 2 of them, outer products among them.
//!
//! What a set of tensors contracts to does not depend on how it was contracted, so the best tree of a set is the best split
//! of it with the best trees of both halves.

use crate::watch::tally;

/// The least costs `C` of all sets of a few tensors, and what the price of a step needs to know of each half, an `H`.
/// Keeps its memory.
#[derive(Debug)]
pub(crate) struct Splits<C, H> {
    /// Sets `2i` and `2i + 1` side by side, since the splits of a set with tensor 0 come in pairs.
    pairs: Vec<Pair<C, H>>,
}

impl<C, H> Default for Splits<C, H> {
    fn default() -> Splits<C, H> {
        Splits { pairs: Vec::new() }
    }
}

#[derive(Clone, Copy, Debug)]
struct Pair<C, H> {
    costs: [C; 2],
    halves: [H; 2],
}

impl<C: Copy + PartialOrd, H: Copy> Splits<C, H> {
    /// Finds the least cost of each set; the facts of the sets `0..2^n` are `halves`. The cost of a set is the least that
    /// `price(set)` makes of the costs and the facts of two halves; where there is no price, and where it is not less than
    /// `never`, the set cannot be used. A price must give the same for halves in either order, and not be below `never` if
    /// the cost of one half is not. `none` is the cost of a tensor. Returns the cost of all tensors.
    pub(crate) fn search<P: Fn([C; 2], [H; 2]) -> C>(
        &mut self,
        halves: impl ExactSizeIterator<Item = H>,
        [none, never]: [C; 2],
        step_cost: impl Fn(usize) -> Option<P>,
    ) -> C {
        self.start(halves, [none, never]);
        for set in 3..2 * self.pairs.len() {
            if !set.is_power_of_two()
                && let Some(step_cost) = step_cost(set)
            {
                tally(1 << (set.count_ones() - 1));
                self.pairs[set / 2].costs[set % 2] = self.least(set, never, step_cost);
            }
        }
        self.pairs.last().map_or(none, |pair| pair.costs[1])
    }

    fn start(&mut self, mut halves: impl ExactSizeIterator<Item = H>, [none, never]: [C; 2]) {
        self.pairs.clear();
        while let (Some(even), Some(odd)) = (halves.next(), halves.next()) {
            self.pairs.push(Pair { costs: [never; 2], halves: [even, odd] });
        }
        for tensor in 0..(2 * self.pairs.len()).ilog2() {
            let set = 1_usize << tensor;
            self.pairs[set / 2].costs[set % 2] = none;
        }
    }

    /// The least price of the splits of a set. The first half has the last tensor of the set, so that each split comes once.
    #[inline]
    fn least(&self, set: usize, never: C, step_cost: impl Fn([C; 2], [H; 2]) -> C) -> C {
        let place = set / 2;
        let pairs = &self.pairs[..=place];
        let rest = place ^ 1 << place.ilog2();
        // Two parts of the loop that do not wait for each other.
        let (low, upper) = (rest & rest.wrapping_neg(), rest & (rest.wrapping_sub(1)));
        let lesser = |a: C, b: C| if a < b { a } else { b };
        let mut least = [[never; 2]; 2];
        let mut second = upper;
        loop {
            for (least, second) in least.iter_mut().zip([second, second | low]) {
                let (x, y) = (&pairs[second], &pairs[place ^ second]);
                if set % 2 == 1 {
                    // The set splits into an even and an odd one: into both pairs crosswise.
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

    /// The half with the first tensor of the best split of a set that can be used. Only the sets of the best tree are asked
    /// for: to remember it for all would take longer.
    pub(crate) fn first_half(&self, set: usize, step_cost: impl Fn([C; 2], [H; 2]) -> C) -> usize {
        let get = |set: usize| (self.pairs[set / 2].costs[set % 2], self.pairs[set / 2].halves[set % 2]);
        let least = get(set).0;
        let rest = set & (set - 1);
        let mut second = rest;
        while second != 0 {
            let (a, b) = (get(set ^ second), get(second));
            if step_cost([a.0, b.0], [a.1, b.1]) <= least {
                break;
            }
            second = (second - 1) & rest;
        }
        set ^ second
    }
}
