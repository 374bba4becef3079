//! The quality of the orders, and extreme inputs.

use einfold_ir::{Count, Network};
use einfold_order::{Budget, FoundOrder, Order, STRATEGIES, order};

use crate::data::{cases, chain, lattice, network, networks};

fn by(name: &str, network: &Network) -> FoundOrder {
    order(network, &name.parse().unwrap(), &Budget::default()).unwrap()
}

#[test]
fn left_to_right_is_the_order_as_written() {
    assert_eq!(by("left-to-right", &chain(4, 2)).tree.steps(), [[0, 1], [4, 2], [5, 3]]);
}

#[test]
fn greedy_takes_the_pair_that_shrinks_most() {
    // abcd,ab,cd,de: `ab` removes more elements of the first tensor than `cd` does, `de` would add some.
    let network =
        Network::new(vec![vec![0, 1, 2, 3], vec![0, 1], vec![2, 3], vec![3, 4]], vec![4], vec![4, 4, 3, 3, 5]).unwrap();
    assert_eq!(by("greedy", &network).tree.steps(), [[0, 1], [2, 4], [3, 5]]);
}

#[test]
fn parts_that_share_nothing_are_multiplied_the_smallest_first() {
    let vectors = Network::new((0..4).map(|i| vec![i]).collect(), (0..4).collect(), vec![50, 3, 40, 2]).unwrap();
    assert_eq!(by("greedy", &vectors).cost.flops, Count::from(6 + 6 * 40 + 240 * 50_u64));
    // The exact search over all splits finds a better order.
    assert_eq!(by("dp", &vectors).cost.flops, Count::from(2 * 50 + 3 * 40 + 100 * 120_u64));
    // Fourteen scalars, too many for all splits: they are multiplied with each other before the vector.
    let scalars = Network::new([vec![vec![0]], vec![vec![]; 14]].concat(), vec![0], vec![1000]).unwrap();
    for name in ["greedy", "dp", "auto"] {
        assert_eq!(by(name, &scalars).cost.flops, Count::from(13 + 1000_u64), "{name}");
    }
}

/// Optima by other programs, to three decimals. Searches without outer products miss the first three.
#[test]
fn exact_orders_reach_the_known_optima() {
    let known = [
        ("perverse_8", 2.816),
        ("disc_outer_hadamard", 5.051),
        ("ml_mttkrp_4", 8.731),
        ("str_matrix_chain_multiplication_100", 8.166),
        ("str_nw_mera_open_26", 10.19),
    ];
    for (name, log10) in known {
        for strategy in ["dp", "auto"] {
            let found = by(strategy, &network(name)).cost.flops.log10();
            assert!((found - log10).abs() < 1e-3, "{name} by {strategy}: {found}");
        }
    }
}

#[test]
fn the_chain_optimum_is_that_of_the_textbook_recurrence() {
    let network = &network("str_matrix_chain_multiplication_100");
    let n = network.inputs().len();
    // The matrices may be in any order and transposed: follow the chain from one end.
    let holders = |axis: u32| (0..n).filter(move |&t| network.inputs()[t].contains(&axis)).collect::<Vec<_>>();
    let end = network.output().iter().copied().find(|&axis| holders(axis).len() == 1).unwrap_or(0);
    let (mut axis, mut matrix, mut extents) = (end, holders(end)[0], vec![network.extents()[end as usize]]);
    loop {
        axis = network.inputs()[matrix].iter().copied().find(|&other| other != axis).unwrap();
        extents.push(network.extents()[axis as usize]);
        match holders(axis).into_iter().find(|&other| other != matrix) {
            Some(next) => matrix = next,
            None => break,
        }
    }
    assert_eq!(extents.len(), n + 1);
    let mut least = vec![vec![0_u64; n + 1]; n + 1];
    for width in 2..=n {
        for from in 0..=n - width {
            let to = from + width;
            let split = |mid: usize| least[from][mid] + least[mid][to] + extents[from] * extents[mid] * extents[to];
            least[from][to] = (from + 1..to).map(split).min().unwrap();
        }
    }
    assert_eq!(by("dp", network).cost.flops, Count::from(least[0][n]));
}

#[test]
fn auto_is_never_worse_than_greedy_or_left_to_right() {
    for (name, network) in networks() {
        let auto = by("auto", &network).cost;
        for other in ["greedy", "left-to-right"] {
            let cost = by(other, &network).cost;
            assert!((auto.flops, auto.size) <= (cost.flops, cost.size), "{name} by {other}");
        }
    }
}

#[test]
fn no_path_beats_auto_on_few_operands() {
    for case in cases().filter(|case| case.network.inputs().len() <= 10) {
        let given = order(&case.network, &case.path, &Budget::default()).unwrap();
        assert!(by("auto", &case.network).cost.flops <= given.cost.flops, "{}", case.name);
    }
}

#[test]
fn the_same_network_gets_the_same_order_twice() {
    for (name, network) in networks() {
        for strategy in STRATEGIES.iter().filter(|strategy| strategy.name != "dp") {
            let how = Order::Strategy(strategy);
            let search = || order(&network, &how, &Budget::default());
            assert_eq!(search(), search(), "{name} by {}", strategy.name);
        }
    }
}

#[test]
fn large_networks_are_ordered_without_recursion() {
    let hub = Network::new((1..20_001).map(|i| vec![0, i]).collect(), vec![], vec![2; 20_001]).unwrap();
    let comb =
        Network::new((0..20_000).map(|i| vec![i, i + 1, 20_001]).collect(), vec![20_001], vec![2; 20_002]).unwrap();
    let scalars = Network::new(vec![vec![]; 20_000], vec![], vec![]).unwrap();
    for network in [chain(20_000, 2), lattice(140, 2), hub, comb, scalars] {
        for name in ["greedy", "auto"] {
            let found = by(name, &network);
            assert_eq!(found.tree.leaves(), network.inputs().len());
        }
    }
    let chained = by("greedy", &chain(20_000, 2)).cost;
    assert_eq!((chained.flops, chained.size), (Count::from(19_999 * 8_u64), Count::from(4_u64)));
}

#[test]
fn astronomic_and_empty_extents_are_ordered() {
    for extent in [0, 1, u64::MAX] {
        for name in ["greedy", "auto", "left-to-right"] {
            by(name, &lattice(6, extent));
            by(name, &chain(9, extent));
        }
    }
    let huge = by("dp", &chain(9, u64::MAX)).cost;
    assert_eq!(huge.flops.to_string(), (Count::product([u64::MAX; 3]) * Count::from(8_u64)).to_string());
    assert_eq!(by("dp", &chain(40, 0)).cost.flops, Count::ZERO);
}
