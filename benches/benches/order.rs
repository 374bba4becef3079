//! Benchmarks of the order search alone, from a network to a tree and its cost.

#![allow(clippy::unwrap_used)]

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use einfold_ir::Network;
use einfold_order::{Budget, order};

/// A random generator with a fixed sequence.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }
}

/// A random network of `tensors` tensors. Each axis has an extent of 2 to 5 and belongs to `holders` random tensors;
/// the output has the first axis.
fn random(tensors: usize, axes: usize, holders: usize) -> Network {
    let mut numbers = Numbers(1);
    let mut inputs = vec![Vec::new(); tensors];
    for axis in 0..axes as u32 {
        (0..holders).for_each(|_| inputs[numbers.below(tensors)].push(axis));
    }
    Network::new(inputs, vec![0], (0..axes).map(|_| 2 + numbers.below(4) as u64).collect()).unwrap()
}

/// A square lattice whose axes have extent 2.
fn lattice(side: u32) -> Network {
    let sites = side * side;
    let mut inputs = vec![Vec::new(); sites as usize];
    for site in 0..sites {
        let right = (site % side + 1 < side).then_some((site, site + 1));
        let down = (site + side < sites).then_some((sites + site, site + side));
        for (axis, other) in right.into_iter().chain(down) {
            inputs[site as usize].push(axis);
            inputs[other as usize].push(axis);
        }
    }
    Network::new(inputs, vec![], vec![2; 2 * sites as usize]).unwrap()
}

fn run(c: &mut Criterion, group: &str, strategy: &str, networks: &[(&str, Network)]) {
    let how = strategy.parse().unwrap();
    let mut group = c.benchmark_group(group);
    for (name, network) in networks {
        group.throughput(Throughput::Elements(network.inputs().len() as u64));
        group.bench_with_input(BenchmarkId::from_parameter(name), network, |b, network| {
            b.iter(|| order(black_box(network), &how, &Budget::default()).unwrap());
        });
    }
}

/// Exact search over all splits of all subsets, outer products included.
fn exact(c: &mut Criterion) {
    let networks = [
        ("5", random(5, 7, 2)),
        ("10", random(10, 15, 2)),
        ("12", random(12, 18, 2)),
        ("12 with hyperedges", random(12, 12, 3)),
    ];
    run(c, "order/dp", "dp", &networks);
    run(c, "order/auto", "auto", &networks);
}

/// One greedy search, on networks of several sizes.
fn greedy(c: &mut Criterion) {
    let networks = [
        ("lattice 32x32", lattice(32)),
        ("random 1000", random(1000, 1500, 2)),
        ("random 1000 with hyperedges", random(1000, 800, 4)),
        ("lattice 450x450", lattice(450)),
    ];
    run(c, "order/greedy", "greedy", &networks);
}

criterion_group!(orders, exact, greedy);
criterion_main!(orders);
