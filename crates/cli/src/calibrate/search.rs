//! The times of the order search.

use super::steps::least;
use crate::error::Failure;
use einfold::Order;
use einfold::order::Budget;
use einfold_order::{Effort, Network, Task, Watch, order_task, strategy};
use std::sync::atomic::{AtomicBool, Ordering};

/// The work of the search `deep`.
const WORK: u64 = 1 << 17;
/// The number of tensors of the exact search, which tries all splits of all their subsets.
const TENSORS: u32 = 10;
/// The number of timed runs of a search.
const RUNS: usize = 3;

/// Ends a search when a signal requests it.
struct Until<'s>(&'s AtomicBool);

impl Watch for Until<'_> {
    fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// The nanoseconds of a unit of work of `deep`, on a graph of 60 tensors with six axes each.
pub(super) fn work(stop: &AtomicBool) -> Result<f64, Failure> {
    let tensors = 60;
    let neighbours = (0..tensors).flat_map(|a| [1, 7, 19].map(|step| [a, (a + step) % tensors]));
    let budget = Budget { effort: Effort::Work(WORK), ..Budget::default() };
    Ok(search("deep", &graph(tensors, neighbours), &budget, stop)? / WORK as f64)
}

/// The nanoseconds of a split of the exact search, on tensors that pairwise share an axis.
pub(super) fn split(stop: &AtomicBool) -> Result<f64, Failure> {
    let pairs = (0..TENSORS).flat_map(|a| (a + 1..TENSORS).map(move |b| [a, b]));
    let splits = (3u64.pow(TENSORS) - 2u64.pow(TENSORS + 1)).div_ceil(2);
    Ok(search("dp", &graph(TENSORS, pairs), &Budget::default(), stop)? / splits as f64)
}

/// A network with an axis of extent 2 for each edge.
fn graph(tensors: u32, edges: impl Iterator<Item = [u32; 2]>) -> Network {
    let mut inputs = vec![Vec::new(); tensors as usize];
    let mut axes = 0;
    for edge in edges {
        edge.into_iter().for_each(|tensor| inputs[tensor as usize].push(axes));
        axes += 1;
    }
    Network::new(inputs, Vec::new(), vec![2; axes as usize]).expect("every axis has an extent")
}

/// The nanoseconds of a search.
fn search(name: &str, network: &Network, budget: &Budget, stop: &AtomicBool) -> Result<f64, Failure> {
    let how = Order::Strategy(strategy(name)?);
    let run = || order_task(&Task::new(network), &how, budget, &Until(stop));
    least(RUNS, || Ok(run().map(drop)?))
}
