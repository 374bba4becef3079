//! Exact search over all splits of connected sets into connected halves.
//!
//! The splits are enumerated completely, each once and each half before the whole, by the algorithm of G. Moerkotte and
//! T. Neumann for joins ("Analysis of two existing and one new dynamic programming algorithm for the generation of
//! optimal bushy join trees without cross products", VLDB 2006). Two sets are connected if they share an axis; the
//! tensors of a shared axis are all neighbours of each other.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use super::cost_model::{CostModel, Leg};
use super::{MAX_TENSORS, Set, SplitBudget, bits, flops, steps};
use crate::OrderError;
use crate::graph::Pairs;

/// The largest factor by which pruned sets decrease the number of splits. On reference networks it is up to 2.3.
const PRUNING_FACTOR: u64 = 4;

/// Returns the best steps without outer products for `tensors` connected tensors, or the `known` steps if these are as
/// good. Sets that cannot be used at a lower cost than that of `known` are pruned.
pub(super) fn pairs<P: CostModel>(
    tensors: usize,
    legs: &[Leg],
    costs: &P,
    known: Pairs,
    work: &mut SplitBudget<'_>,
) -> Result<Pairs, OrderError> {
    let adjacent = neighbours(tensors, legs);
    if !may_have_splits(&adjacent, PRUNING_FACTOR.saturating_mul(work.remaining()), work)? {
        return Err(work.too_dense(tensors));
    }
    let mut table = Table::new(tensors, costs, flops(tensors, costs, &known));
    let (mut firsts, mut seconds) = (ConnectedSets::new(&adjacent), ConnectedSets::new(&adjacent));
    // The first half has the least tensor of the set. The descending order ensures that all second halves are known.
    for least in (0..tensors).rev() {
        firsts.start(least, up_to(least));
        while let Some(first) = firsts.next() {
            work.spend(1, tensors)?;
            let Some(&half) = table.get(first) else { continue };
            let closed = up_to(least) | first;
            let border = around(&adjacent, first) & !closed;
            for start in bits(border).rev() {
                seconds.start(start, closed | border & up_to(start));
                while let Some(second) = seconds.next() {
                    work.spend(1, tensors)?;
                    table.offer(half, second);
                }
            }
        }
    }
    Ok(if table.get(table.all).is_some() {
        steps(tensors, |set| table.get(set).map_or(0, |best| best.first))
    } else {
        known
    })
}

/// Returns whether all sets together may have at most `max_splits` splits. The sets suffice to exclude a hopeless network,
/// and are far fewer: a set of k connected tensors has at least k - 1 connected splits, one for each edge of a spanning
/// tree.
fn may_have_splits(adjacent: &[Set], max_splits: u64, work: &SplitBudget<'_>) -> Result<bool, OrderError> {
    let mut sets = ConnectedSets::new(adjacent);
    let mut least = 0;
    for start in 0..adjacent.len() {
        sets.start(start, up_to(start));
        while let Some(set) = sets.next() {
            least += u64::from(set.count_ones());
            if least > max_splits {
                return Ok(false);
            }
            work.check(1)?;
        }
    }
    Ok(true)
}

/// Returns, by tensor, the tensors that share an axis with it.
fn neighbours(tensors: usize, legs: &[Leg]) -> Vec<Set> {
    let mut adjacent = vec![0; tensors];
    for leg in legs {
        bits(leg.members).for_each(|tensor| adjacent[tensor] |= leg.members);
    }
    adjacent
}

/// The best known split of a connected set.
struct Best<P: CostModel> {
    set: Set,
    info: P::SetInfo,
    flops: P::Flops,
    /// The half with the least tensor.
    first: Set,
}

impl<P: CostModel> Clone for Best<P> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<P: CostModel> Copy for Best<P> {}

/// The sets that can be contracted within `limit` flops.
struct Table<'a, P: CostModel> {
    costs: &'a P,
    limit: P::Flops,
    /// The set of all tensors, whose result no step uses.
    all: Set,
    place: HashMap<Set, u32, BuildHasherDefault<SetHasher>>,
    best: Vec<Best<P>>,
}

impl<P: CostModel> Table<'_, P> {
    fn new(tensors: usize, costs: &P, limit: P::Flops) -> Table<'_, P> {
        let all = Set::MAX >> (MAX_TENSORS - tensors);
        let mut table = Table { costs, limit, all, place: HashMap::default(), best: Vec::new() };
        for tensor in 0..tensors {
            let set = 1 << tensor;
            table.place.insert(set, tensor as u32);
            table.best.push(Best { set, info: costs.info(set), flops: P::Flops::default(), first: set });
        }
        table
    }

    fn get(&self, set: Set) -> Option<&Best<P>> {
        self.place.get(&set).map(|&place| &self.best[place as usize])
    }

    /// Enters the union of `half` and `second` if it is new, or if this split is cheaper.
    fn offer(&mut self, half: Best<P>, second: Set) {
        let Some(other) = self.get(second) else { return };
        let other_facts = other.info;
        let (halves, flops) = ([P::half(half.info), P::half(other_facts)], half.flops + other.flops);
        if flops > self.limit {
            return;
        }
        let (set, first) = (half.set | second, half.set);
        match self.place.get(&set) {
            Some(&place) => {
                let best = &mut self.best[place as usize];
                let flops = flops + self.costs.flops(best.info, halves);
                if flops < best.flops {
                    (best.flops, best.first) = (flops, first);
                }
            }
            None => {
                let info = if half.set.count_ones() < second.count_ones() {
                    self.costs.extend(other_facts, second, half.set)
                } else {
                    self.costs.extend(half.info, half.set, second)
                };
                let flops = flops + self.costs.flops(info, halves);
                let later = if set == self.all { P::Flops::default() } else { self.costs.min_use(info) };
                if flops + later <= self.limit {
                    self.place.insert(set, self.best.len() as u32);
                    self.best.push(Best { set, info, flops, first });
                }
            }
        }
    }
}

/// Mixes the two words of a set. Nothing depends on the order of the map, and no input is hostile.
#[derive(Default)]
struct SetHasher(u64);

impl Hasher for SetHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|&byte| self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    }

    fn write_u128(&mut self, set: u128) {
        let mixed = (set as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ ((set >> 64) as u64);
        let wide = u128::from(mixed) * 0xd6e8_feb8_6659_fd93;
        self.0 = wide as u64 ^ (wide >> 64) as u64;
    }
}

/// Returns the tensors `0..=tensor`.
fn up_to(tensor: usize) -> Set {
    Set::MAX >> (MAX_TENSORS - 1 - tensor)
}

/// Returns the neighbours of the tensors in `set`.
fn around(adjacent: &[Set], mut set: Set) -> Set {
    let mut found = 0;
    while set != 0 {
        found |= adjacent[set.trailing_zeros() as usize];
        set &= set - 1;
    }
    found
}

/// Enumerates connected sets that grow from one tensor, each after its connected subsets with that tensor.
struct ConnectedSets<'a> {
    adjacent: &'a [Set],
    first: Option<Set>,
    /// The sets from the start to the last returned set; each adds at least one tensor.
    open: Vec<Growth>,
}

/// A set that is being extended by some of its neighbours.
struct Growth {
    set: Set,
    /// Tensors that never join.
    closed: Set,
    /// Neighbours that may join now and never later.
    border: Set,
    /// The last subset of `border` that joined; subsets are enumerated in ascending numerical order.
    joined: Set,
}

impl ConnectedSets<'_> {
    fn new(adjacent: &[Set]) -> ConnectedSets<'_> {
        ConnectedSets { adjacent, first: None, open: Vec::new() }
    }

    /// Starts again from `tensor`, without the tensors in `closed`, which include `tensor`.
    fn start(&mut self, tensor: usize, closed: Set) {
        self.open.clear();
        self.first = Some(1 << tensor);
        self.open.push(Growth { set: 1 << tensor, closed, border: self.adjacent[tensor] & !closed, joined: 0 });
    }

    fn next(&mut self) -> Option<Set> {
        if let Some(first) = self.first.take() {
            return Some(first);
        }
        loop {
            let growth = self.open.last_mut()?;
            growth.joined = growth.joined.wrapping_sub(growth.border) & growth.border;
            if growth.joined == 0 {
                self.open.pop();
                continue;
            }
            let (set, closed) = (growth.set | growth.joined, growth.closed | growth.border);
            let border = around(self.adjacent, growth.joined) & !closed;
            self.open.push(Growth { set, closed, border, joined: 0 });
            return Some(set);
        }
    }
}
