//! Names of strategies, paths and their errors.

use einfold_ir::{Network, PathError};
use einfold_order::{Budget, Order, OrderError, STRATEGIES, order, strategy};

use crate::data::{chain, lattice};

#[test]
fn every_name_finds_its_strategy_and_no_other() {
    let mut seen = std::collections::BTreeSet::new();
    for found in STRATEGIES {
        for name in [found.name].iter().chain(found.aliases) {
            assert_eq!(strategy(name).unwrap().name, found.name);
            assert!(seen.insert(*name), "{name} twice");
        }
        assert!(!found.about.is_empty());
    }
    for opt_einsum in
        ["optimal", "branch-all", "branch-2", "branch-1", "greedy", "eager", "opportunistic", "dp", "auto", "auto-hq"]
    {
        assert!(seen.contains(opt_einsum));
    }
    assert_eq!(order(&chain(3, 2), &Order::default(), &Budget::default()).unwrap().strategy, "auto");
}

#[test]
fn unknown_names_are_reported_with_the_known_ones() {
    let error = "fastest".parse::<Order>().unwrap_err();
    assert_eq!(
        error.to_string(),
        "unknown strategy `fastest`; the strategies are auto, deep, dp, greedy, left-to-right"
    );
}

#[test]
fn paths_are_checked() {
    let refused = |path: Order| order(&chain(3, 2), &path, &Budget::default()).unwrap_err();
    let unknown = PathError::Unknown { step: 0, id: 3, live: 3 };
    assert_eq!(refused(Order::Linear(vec![vec![0, 3]])), OrderError::Path(unknown.clone()));
    assert_eq!(refused(Order::Ssa(vec![vec![0, 3]])), OrderError::Path(unknown));
    assert_eq!(refused(Order::Linear(vec![vec![0, 1]])), OrderError::Path(PathError::Unfinished { left: 2 }));
    assert_eq!(
        refused(Order::Ssa(vec![vec![0, 1], vec![1, 2]])),
        OrderError::Path(PathError::Reused { step: 1, id: 1 })
    );
    assert_eq!(refused(Order::Linear(vec![vec![]])), OrderError::Path(PathError::Empty { step: 0 }));
    let taken = order(&chain(3, 2), &Order::Linear(vec![vec![0, 1, 2]]), &Budget::default()).unwrap();
    assert_eq!((taken.tree.steps(), taken.strategy), (&[vec![0, 1, 2]][..], "path"));
}

#[test]
fn a_network_without_tensors_has_no_order() {
    let nothing = Network::new(vec![], vec![], vec![]).unwrap();
    for strategy in STRATEGIES {
        assert_eq!(order(&nothing, &Order::Strategy(strategy), &Budget::default()), Err(OrderError::NoTensors));
    }
}

#[test]
fn the_exact_search_states_its_limits() {
    let exact: Order = "dp".parse().unwrap();
    let error = order(&chain(129, 2), &exact, &Budget::default()).unwrap_err();
    assert_eq!(error, OrderError::TooMany { operands: 129, limit: 128 });
    assert!(error.to_string().contains("use `greedy` or `auto`"), "{error}");
    let error = order(&lattice(8, 2), &exact, &Budget::default()).unwrap_err();
    assert!(matches!(error, OrderError::TooDense { operands: 64, .. }), "{error}");
}
