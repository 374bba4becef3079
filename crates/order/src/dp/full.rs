//! All splits of all sets, for a few tensors: 3^n / 2 splits.

use super::pricing::Pricing;
use super::{Set, flops, steps};
use crate::graph::Pairs;

/// How many splits [`pairs`] tries.
pub(super) fn splits(tensors: usize) -> u64 {
    3_u64.saturating_pow(tensors as u32) / 2
}

/// The best steps for so many tensors, outer products included, or `known` steps if those are as good. Sets that cannot be
/// used for less than `known` takes are not split.
pub(super) fn pairs<P: Pricing>(tensors: usize, price: &P, known: Pairs) -> Pairs {
    let limit = flops(tensors, price, &known);
    let of_single = |facts| (P::Flops::default(), facts);
    let mut table: Vec<(P::Flops, P::Facts)> = price.table(tensors).into_iter().map(of_single).collect();
    let mut halves = vec![0; table.len()];
    let all = table.len() - 1;
    for set in 1..=all {
        if set.is_power_of_two() {
            continue;
        }
        if set < all && price.least_use(table[set].1) > limit {
            table[set].0 = P::NEVER;
        } else {
            (table[set].0, halves[set]) = best_split(&table[..=set], price);
        }
    }
    if table[all].0 < limit { steps(tensors, |set| halves[set as usize]) } else { known }
}

/// The least flops of the last set in `table`, and the half of its best split that has its first tensor.
fn best_split<P: Pricing>(table: &[(P::Flops, P::Facts)], price: &P) -> (P::Flops, Set) {
    let set = table.len() - 1;
    let whole = table[set].1;
    // Second halves lack the first tensor, so that each split comes once.
    let rest = set & (set - 1);
    let (mut best, mut best_second, mut second) = (P::NEVER, rest, rest);
    while second != 0 {
        let (a, b) = (table[set ^ second], table[second]);
        let flops = a.0 + b.0;
        if flops < best {
            let flops = flops + price.flops(whole, [a.1, b.1]);
            if flops < best {
                (best, best_second) = (flops, second);
            }
        }
        second = (second - 1) & rest;
    }
    (best, (set ^ best_second) as Set)
}
