//! All splits of all sets, for a few tensors: 3^n / 2 splits.

use super::pricing::Pricing;
use super::{Set, steps};
use crate::graph::Pairs;

/// How many splits [`pairs`] tries.
pub(super) fn splits(tensors: usize) -> u64 {
    3_u64.saturating_pow(tensors as u32) / 2
}

/// The best steps for so many tensors, outer products included.
pub(super) fn pairs<P: Pricing>(tensors: usize, price: &P) -> Pairs {
    let mut table: Vec<(P::Flops, P::Facts)> =
        price.table(tensors).into_iter().map(|facts| (P::Flops::default(), facts)).collect();
    let mut halves = vec![0; table.len()];
    for set in 1..table.len() {
        if !set.is_power_of_two() {
            (table[set].0, halves[set]) = best_split(&table[..=set], price);
        }
    }
    steps(tensors, |set| halves[set as usize])
}

/// The least flops of the last set in `table`, and the half of its best split that has its first tensor.
fn best_split<P: Pricing>(table: &[(P::Flops, P::Facts)], price: &P) -> (P::Flops, Set) {
    let set = table.len() - 1;
    let whole = table[set].1;
    let flops_of = |second: usize| {
        let (a, b) = (table[set ^ second], table[second]);
        a.0 + b.0 + price.flops(whole, [a.1, b.1])
    };
    // Halves without the first tensor, so that each split comes once.
    let rest = set & (set - 1);
    let (mut best, mut best_second) = (flops_of(rest), rest);
    let mut second = (rest - 1) & rest;
    while second != 0 {
        let flops = flops_of(second);
        if flops < best {
            (best, best_second) = (flops, second);
        }
        second = (second - 1) & rest;
    }
    (best, (set ^ best_second) as Set)
}
