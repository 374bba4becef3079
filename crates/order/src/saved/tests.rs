use einfold_ir::{Count, Network};

use crate::error::OrderMismatch;
use crate::watch::search_count;
use crate::{Budget, Order, OrderError, SavedOrder, SavedSlicedAxis, SavedTree, Task, order, order_task};

fn network(inputs: &[&str], output: &str, extent: impl Fn(char) -> u64) -> (Network, Vec<String>) {
    let mut names: Vec<char> = inputs.concat().chars().collect();
    names.sort_unstable();
    names.dedup();
    let legs = |term: &str| term.chars().map(|a| names.iter().position(|b| a == *b).unwrap() as u32).collect();
    let extents = names.iter().map(|&axis| extent(axis)).collect();
    let network = Network::new(inputs.iter().map(|term| legs(term)).collect(), legs(output), extents).unwrap();
    (network, names.iter().map(char::to_string).collect())
}

/// Returns the order of a chain in slices, found with a limit.
fn saved() -> SavedOrder {
    let (chain, names) = network(&["ij", "jk", "kl"], "il", |_| 64);
    let budget = Budget { memory_bytes: Some(5 << 13), ..Budget::default() };
    let found = order(&chain, &Order::default(), &budget).unwrap();
    assert!(!found.slices.is_empty());
    let tree = SavedTree::new(&chain, &names, &found.tree, &found.slices);
    SavedOrder { contractions: vec![tree], memory_bytes: budget.memory_bytes, ..SavedOrder::default() }
}

fn follow(
    saved: &SavedOrder,
    inputs: &[&str],
    output: &str,
    extent: impl Fn(char) -> u64,
) -> Result<Count, OrderMismatch> {
    let (network, names) = network(inputs, output, extent);
    match saved.follow(&Task::new(&network), &names, &Budget::default()) {
        Ok(ordered) => Ok(ordered.cost.flops),
        Err(OrderError::Mismatch { contraction: None, what }) => Err(what),
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn a_saved_order_is_applied_with_its_slices_without_a_search() {
    let (chain, _) = network(&["ij", "jk", "kl"], "il", |_| 64);
    let budget = Budget { memory_bytes: Some(5 << 13), ..Budget::default() };
    let want = order(&chain, &Order::default(), &budget).unwrap();
    let saved = saved();
    let before = search_count();
    let found = order_task(&Task::new(&chain), &saved.clone().into(), &budget, &()).unwrap();
    assert_eq!((found.tree, found.slices, found.cost), (want.tree, want.slices, want.cost));
    // Other names, repeated axes and axes of extent 1 make no difference.
    let renamed = follow(&saved, &["abx", "bcc", "cd"], "xda", |axis| if axis == 'x' { 1 } else { 64 });
    assert_eq!(renamed, Ok(want.cost.flops));
    assert_eq!(search_count(), before);
    _ = order(&chain, &Order::default(), &budget);
    assert!(search_count() > before);
}

#[test]
fn mismatches_are_reported() {
    let names = |names: &str| names.chars().map(|c| c.to_string()).collect::<Vec<_>>();
    let axes = |operand, saved, given| OrderMismatch::Axes { operand, saved: names(saved), given: names(given) };
    let all = |_| 64;
    for (inputs, output, want) in [
        (&["ij", "jk"][..], "ik", OrderMismatch::Tensors { saved: 3, given: 2 }),
        (&["ij", "jk", "klm"], "il", axes(Some(2), "kl", "klm")),
        (&["ij", "jk", "il"], "kl", axes(Some(2), "kl", "il")),
        (&["ij", "jk", "kk"], "i", axes(Some(2), "kl", "k")),
        (&["ij", "jk", "kl"], "ijl", axes(None, "il", "ijl")),
        (&["ij", "jk", "kl"], "ik", axes(None, "il", "ik")),
    ] {
        assert_eq!(follow(&saved(), inputs, output, all), Err(want), "{inputs:?}");
    }
    let other = follow(&saved(), &["ij", "jk", "kl"], "il", |axis| if axis == 'k' { 32 } else { 64 });
    assert_eq!(other, Err(OrderMismatch::Extent { axis: "k".into(), saved: 64, given: 32 }));
    let with = |slices: &[(&str, u64)], known: bool| {
        let mut order = saved();
        let tree = &mut order.contractions[0];
        tree.slices = slices.iter().map(|&(axis, parts)| SavedSlicedAxis { axis: axis.into(), parts }).collect();
        tree.network = tree.network.take().filter(|_| known);
        follow(&order, &["ij", "jk", "kl"], "il", all).map(drop)
    };
    for known in [false, true] {
        let there = names("ijkl");
        assert_eq!(with(&[("l", 2), ("z", 2)], known), Err(OrderMismatch::NoAxis { axis: "z".into(), there }));
        for parts in [0, 1, 3, 128] {
            assert_eq!(with(&[("l", parts)], known), Err(OrderMismatch::Parts { axis: "l".into(), parts, extent: 64 }));
        }
        assert_eq!(with(&[("l", 2), ("l", 4)], known), Err(OrderMismatch::Twice { axis: "l".into() }));
        assert_eq!(with(&[("l", 2), ("i", 4)], known), Ok(()));
    }
}

#[test]
fn given_limits_are_met_or_refused() {
    let (chain, names) = network(&["ij", "jk", "kl"], "il", |_| 64);
    let of = |memory_bytes, largest| {
        let budget = Budget { memory_bytes, largest, ..Budget::default() };
        saved().follow(&Task::new(&chain), &names, &budget)
    };
    let cost = of(None, None).unwrap().cost;
    let bytes = cost.peak.exact().unwrap() as u64 * 8;
    assert!(of(Some(bytes), None).is_ok());
    let what = OrderMismatch::Memory { bytes: Count::from(bytes), limit: bytes - 1, found: Some(5 << 13) };
    assert_eq!(of(Some(bytes - 1), None).unwrap_err(), what.into());
    let what = OrderMismatch::Largest { elements: cost.size, limit: 7, found: None };
    assert_eq!(of(None, Some(7)).unwrap_err(), what.into());
    let two = SavedOrder { contractions: [saved().contractions, saved().contractions].concat(), ..saved() };
    let refused = order_task(&Task::new(&chain), &Order::Saved(two), &Budget::default(), &()).unwrap_err();
    assert_eq!(refused, OrderMismatch::Contractions { saved: 2, given: 1 }.into());
}
