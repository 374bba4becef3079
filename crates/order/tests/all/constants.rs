//! Orders of networks with constant tensors.

use einfold_ir::{Count, Network};
use einfold_order::{Budget, Order, STRATEGIES, Task, order, order_task};

use crate::data::{chain, network};

/// Returns all paths of the tensors `live`; the next result has number `next`.
fn paths(live: &[u32], next: u32) -> Vec<Vec<Vec<u32>>> {
    if live.len() < 2 {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for i in 0..live.len() {
        for j in 0..i {
            let mut rest: Vec<u32> = live.iter().copied().filter(|&id| id != live[i] && id != live[j]).collect();
            rest.push(next);
            for path in paths(&rest, next + 1) {
                all.push([vec![vec![live[j], live[i]]], path].concat());
            }
        }
    }
    all
}

#[test]
fn runs_with_constants_have_the_least_cost_of_all_trees() {
    let mut state = 11_u64;
    let mut below = |bound: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % bound
    };
    let mut differ = 0;
    for _ in 0..60 {
        let (tensors, axes) = (3 + below(3) as u32, 2 + below(5));
        let inputs = (0..tensors).map(|_| (0..1 + below(3)).map(|_| below(axes) as u32).collect()).collect();
        let output: Vec<u32> = (0..axes as u32).filter(|_| below(4) == 0).collect();
        let network = Network::new(inputs, output, (0..axes).map(|_| 2 + below(4)).collect()).unwrap();
        let constants: Vec<u32> = (0..tensors).filter(|_| below(2) == 0).collect();
        let task = Task { constants: &constants, ..Task::new(&network) };
        let run = |how: &Order| order_task(&task, how, &Budget::default(), &()).unwrap();
        let live: Vec<u32> = (0..tensors).collect();
        let least = paths(&live, tensors).into_iter().map(|path| run(&Order::Ssa(path)).cost.flops).min();
        for name in ["auto", "dp", "deep"] {
            assert_eq!(Some(run(&name.parse().unwrap()).cost.flops), least, "{name} {network:?} {constants:?}");
        }
        let whole = order(&network, &Order::default(), &Budget::default()).unwrap().tree;
        let path = Order::Ssa(whole.steps().to_vec());
        differ += usize::from(Some(run(&path).cost.flops) != least);
    }
    assert!(differ > 5, "{differ}");
}

#[test]
fn steps_on_constants_alone_cost_nothing() {
    let network = chain(4, 10);
    let task = Task { constants: &[1, 2, 3], ..Task::new(&network) };
    for strategy in STRATEGIES.iter().filter(|strategy| strategy.name != "left-to-right" && strategy.name != "greedy") {
        let cost = order_task(&task, &Order::Strategy(strategy), &Budget::default(), &()).unwrap().cost;
        assert_eq!((cost.flops, cost.write), (Count::from(1000_u64), Count::from(100_u64)), "{}", strategy.name);
    }
    let all = Task { constants: &[0, 1, 2, 3], ..task };
    assert_eq!(order_task(&all, &Order::default(), &Budget::default(), &()).unwrap().cost.flops, Count::ZERO);
    // A constant that is not a tensor of the network is ignored.
    let none = Task { constants: &[7], ..task };
    let whole = order(&network, &Order::default(), &Budget::default()).unwrap().cost;
    assert_eq!(order_task(&none, &Order::default(), &Budget::default(), &()).unwrap().cost, whole);
}

#[test]
fn constants_and_limits_go_together() {
    let network = network("lattice_8x8");
    let budget = Budget { memory_bytes: Some(1 << 10), ..Budget::default() };
    let task = Task { constants: &[0, 1, 8, 9], ..Task::new(&network) };
    let found = order_task(&task, &Order::default(), &budget, &()).unwrap();
    assert!(found.cost.peak <= Count::from(1_u64 << 7));
    assert!(found.cost.flops <= order(&network, &Order::default(), &budget).unwrap().cost.flops);
}
