//! The amount of search depends on the machine of the budget, not on the machine that the search runs on.

use einfold_ir::{Machine, Network, Time};
use einfold_order::{Budget, Order, order};

/// A network of `tensors` tensors with six axes each, all of extent 2.
fn graph(tensors: u32) -> Network {
    let mut inputs = vec![Vec::new(); tensors as usize];
    let edges = (0..tensors).flat_map(|a| [1, 7, 19].map(|step| [a, (a + step) % tensors]));
    for (axis, edge) in (0..).zip(edges) {
        edge.into_iter().for_each(|tensor| inputs[tensor as usize].push(axis));
    }
    Network::new(inputs, Vec::new(), vec![2; 3 * tensors as usize]).unwrap()
}

#[test]
fn auto_searches_no_longer_than_the_machine_contracts() {
    let network = graph(40);
    let greedy = order(&network, &"greedy".parse().unwrap(), &Budget::default()).unwrap().cost.flops;
    let flops = greedy.exact().unwrap() as f64;
    // The greedy order takes as long as `units` units of work of `deep`; `auto` starts `deep` from 2^20 on.
    let machine = |units: f64| Machine {
        search_work: Time::from_ns(flops / units / 1e6).unwrap(),
        contraction: Time::from_ns(1e-6).unwrap(),
        ..Machine::DEFAULT
    };
    let searched = |machine| {
        let budget = Budget { machine, ..Budget::default() };
        order(&network, &Order::default(), &budget).unwrap()
    };
    let quick = searched(machine(f64::from(1 << 19)));
    assert!(quick.record.is_none() && quick.cost.flops.exact().unwrap() as f64 <= flops);
    let deep = searched(machine(1.01 * f64::from(1 << 20)));
    assert!(deep.record.is_some() && (deep.cost.flops.exact().unwrap() as f64) < 0.9 * flops);
}
