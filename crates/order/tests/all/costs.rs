//! Comparison of costs with those of an evaluator in Python.

use einfold_ir::{Count, Network, Tree};
use einfold_order::{Budget, Order, cost, order};

use crate::data::{cases, chain};

/// Returns whether `count` is the integer with these digits: exactly below 2^128, and to ten significant digits above.
fn is(count: Count, digits: &str) -> bool {
    match digits.parse::<u128>() {
        Ok(value) => count.exact() == Some(value),
        Err(_) => {
            let lead = (digits[..11].parse::<u64>().unwrap() + 5) / 10;
            let power = digits.len() - 1;
            count.exact().is_none()
                && format!("{count:.9e}") == format!("{}.{:09}e{power}", lead / 1_000_000_000, lead % 1_000_000_000)
        }
    }
}

#[test]
fn costs_are_those_of_the_reference_evaluator() {
    let mut rounded = 0;
    for case in cases() {
        let found = order(&case.network, &case.path, &Budget::default()).unwrap();
        let cost = found.cost;
        assert!(
            is(cost.flops, case.flops)
                && is(cost.size, case.size)
                && is(cost.write, case.write)
                && is(cost.peak, case.peak),
            "{}: {cost:?}, not {} {} {} {}",
            case.name,
            case.flops,
            case.size,
            case.write,
            case.peak,
        );
        let steps = cost::step_costs(&case.network, &found.tree);
        assert_eq!(steps.len(), found.tree.steps().len());
        assert_eq!(steps.iter().map(|step| step.flops).sum::<Count>(), cost.flops, "{}", case.name);
        rounded += usize::from(cost.flops.exact().is_none());
    }
    assert!(rounded > 0);
}

#[test]
fn steps_have_their_own_costs() {
    // ij,jk,k->i with k longest: the first step reduces one operand, the second multiplies the other two.
    let network = Network::new(vec![vec![0, 1], vec![1, 2], vec![2, 2]], vec![0], vec![2, 3, 5]).unwrap();
    let tree = Tree::from_ssa(3, &[vec![2], vec![0, 1, 3]]).unwrap();
    let steps: Vec<_> = cost::step_costs(&network, &tree).iter().map(|s| (s.flops.exact(), s.size.exact())).collect();
    assert_eq!(steps, [(Some(0), Some(5)), (Some(2 * 3 * 5 + 2 * 5), Some(2))]);
    let cost = cost::tree_cost(&network, &tree);
    assert_eq!([cost.size, cost.write, cost.peak].map(Count::exact), [Some(10), Some(12), Some(12)]);
}

#[test]
fn one_tensor_costs_nothing() {
    let network = Network::new(vec![vec![0, 0, 1]], vec![0], vec![4, 5]).unwrap();
    let found = order(&network, &Order::default(), &Budget::default()).unwrap();
    assert_eq!((found.tree.steps().len(), found.cost), (0, einfold_ir::Cost::default()));
}

#[test]
fn a_tree_of_another_network_does_not_panic() {
    let (small, large) = (Tree::from_ssa(2, &[vec![0, 1]]).unwrap(), chain(4, 2));
    cost::tree_cost(&large, &small);
    cost::step_costs(&chain(1, 2), &small);
}
