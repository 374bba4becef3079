//! Sliced contractions: their cost, and the limits that they meet.

use std::sync::atomic::{AtomicUsize, Ordering};

use einfold_ir::{Cost, Count, Network, Tree};
use einfold_order::{
    Budget, Effort, Objective, Order, OrderError, STRATEGIES, SlicedAxis, Task, Watch, cost, order, order_task,
    sliced_cost,
};

use crate::data::{lattice, network, networks};

/// Computes the cost by its definition: every iteration of the loops, step by step.
fn turn_by_turn(network: &Network, tree: &Tree, slices: &[SlicedAxis]) -> (Count, Count) {
    let extents: Vec<u64> = (0..network.extents().len() as u32)
        .map(|axis| {
            let parts = slices.iter().find(|slice| slice.axis == axis).map_or(1, |slice| slice.parts);
            network.extents()[axis as usize] / parts
        })
        .collect();
    let piece = Network::new(network.inputs().to_vec(), network.output().to_vec(), extents).unwrap();
    let steps = cost::step_costs(&piece, tree);
    let below = leaves_below(tree);
    let (mut flops, mut write) = (Count::ZERO, Count::ZERO);
    let mut turn = vec![0; slices.len()];
    let mut moved = 0;
    loop {
        for (step, leaves) in steps.iter().zip(&below) {
            let has = |slice: &SlicedAxis| leaves.iter().any(|&leaf| network.inputs()[leaf].contains(&slice.axis));
            // A step runs again if a loop advances that it depends on, or that is outside of such a loop.
            let last = slices.iter().rposition(has);
            if turn.iter().all(|&at| at == 0) || last.is_some_and(|last| last >= moved) {
                flops += step.flops;
                write += step.size;
            }
        }
        let Some(next) = (0..slices.len()).rev().find(|&k| turn[k] + 1 < slices[k].parts) else {
            return (flops, write);
        };
        turn[next] += 1;
        turn[next + 1..].fill(0);
        moved = next;
    }
}

/// Returns, by step, the tensors below it.
fn leaves_below(tree: &Tree) -> Vec<Vec<usize>> {
    let mut below: Vec<Vec<usize>> = (0..tree.leaves()).map(|leaf| vec![leaf]).collect();
    for children in tree.steps() {
        let all = children.iter().flat_map(|&child| below[child as usize].clone()).collect();
        below.push(all);
    }
    below.split_off(tree.leaves())
}

#[test]
fn slices_cost_the_sum_of_their_iterations() {
    let mut state = 5_u64;
    let mut below = |bound: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % bound
    };
    for round in 0..300 {
        let (tensors, axes) = (2 + below(6), 1 + below(6));
        let inputs = (0..tensors).map(|_| (0..1 + below(3)).map(|_| below(axes) as u32).collect()).collect();
        let output: Vec<u32> = (0..axes as u32).filter(|_| below(3) == 0).collect();
        let extents: Vec<u64> = (0..axes).map(|_| [1, 2, 3, 4, 6, 12][below(6) as usize]).collect();
        let network = Network::new(inputs, output, extents.clone()).unwrap();
        let tree = order(&network, &"greedy".parse().unwrap(), &Budget::default()).unwrap().tree;
        let mut slices = Vec::new();
        for axis in 0..axes as u32 {
            let extent = extents[axis as usize];
            let parts = [1, 2, 3, extent][below(4) as usize];
            let used = network.inputs().iter().any(|legs| legs.contains(&axis));
            if used && parts > 1 && extent.is_multiple_of(parts) && below(2) == 0 {
                slices.push(SlicedAxis { axis, parts });
            }
        }
        let found = sliced_cost(&network, &tree, &slices);
        assert_eq!(
            (found.flops, found.write),
            turn_by_turn(&network, &tree, &slices),
            "{round} {network:?} {slices:?}"
        );
    }
}

/// Checks a sliced order and its limits.
fn check(network: &Network, budget: &Budget, found: &einfold_order::FoundOrder, what: &str) {
    for slice in &found.slices {
        let extent = network.extents()[slice.axis as usize];
        assert!(slice.parts > 1 && extent.is_multiple_of(slice.parts), "{what}: {slice:?} of {extent}");
    }
    let mut axes: Vec<u32> = found.slices.iter().map(|slice| slice.axis).collect();
    axes.sort_unstable();
    axes.dedup();
    assert_eq!(axes.len(), found.slices.len(), "{what}");
    assert_eq!(found.cost, sliced_cost(network, &found.tree, &found.slices), "{what}");
    let within = |limit: Option<u64>, most: Count| limit.is_none_or(|limit| most <= Count::from(limit));
    assert!(within(budget.largest, found.cost.size), "{what}: {:?}", found.cost);
    assert!(within(budget.memory_bytes.map(|bytes| bytes / 8), found.cost.peak), "{what}: {:?}", found.cost);
}

#[test]
fn every_strategy_meets_limits() {
    let mut sliced = 0;
    for (name, network) in networks() {
        let whole = order(&network, &Order::default(), &Budget::default()).unwrap().cost;
        let output = Count::product(network.output().iter().map(|&axis| network.extents()[axis as usize]));
        let Some((peak, output)) = whole.peak.exact().zip(output.exact()) else { continue };
        if network.inputs().len() > 100 || peak > 1 << 40 {
            continue;
        }
        for strategy in STRATEGIES.iter().filter(|strategy| strategy.name != "dp" || network.inputs().len() <= 10) {
            let elements = (peak / 5).max(3 * output).max(16) as u64;
            for budget in [
                Budget { memory_bytes: Some(8 * elements), effort: Effort::Work(20_000), ..Budget::default() },
                Budget { largest: Some(elements), effort: Effort::Work(20_000), ..Budget::default() },
            ] {
                match order(&network, &Order::Strategy(strategy), &budget) {
                    Ok(found) => {
                        check(&network, &budget, &found, name);
                        sliced += usize::from(!found.slices.is_empty());
                    }
                    // An outer product without sums is not smaller than the output.
                    Err(OrderError::TooLarge { peak, size }) => {
                        assert!(peak.max(size) > Count::from(elements), "{name}");
                    }
                    Err(other) => panic!("{name}: {other}"),
                }
            }
        }
    }
    assert!(sliced > 100, "{sliced}");
}

#[test]
fn slices_of_a_lattice_cost_little_more_than_the_whole() {
    let network = lattice(12, 2);
    let whole = order(&network, &"deep".parse().unwrap(), &Budget::default()).unwrap();
    for largest in [1 << 12, 1 << 7, 1 << 5] {
        let budget = Budget { largest: Some(largest), effort: Effort::Work(1 << 19), ..Budget::default() };
        let found = order(&network, &"deep".parse().unwrap(), &budget).unwrap();
        check(&network, &budget, &found, "lattice");
        assert!(!found.slices.is_empty());
        assert!(
            found.cost.flops.log2()
                < whole.cost.flops.log2() + 2.0 * (whole.cost.size.log2() - (largest as f64).log2()) + 1.0
        );
    }
}

#[test]
fn unreachable_limits_are_refused_with_the_reachable_ones() {
    // The result alone has 10^4 elements.
    let network = Network::new(vec![vec![0, 1], vec![1, 2]], vec![0, 2], vec![100, 100, 100]).unwrap();
    for strategy in STRATEGIES {
        let budget = Budget { memory_bytes: Some(8 * 9_999), ..Budget::default() };
        let refused = order(&network, &Order::Strategy(strategy), &budget).unwrap_err();
        assert!(matches!(refused, OrderError::TooLarge { peak, .. } if peak == Count::from(10_000_u64)), "{refused}");
        let enough = Budget { memory_bytes: Some(8 * 10_000), ..budget };
        assert_eq!(order(&network, &Order::Strategy(strategy), &enough).unwrap().cost.peak, Count::from(10_000_u64));
    }
}

/// Counts the polls of a search.
#[derive(Default)]
struct Looks(AtomicUsize);

impl Watch for Looks {
    fn is_cancelled(&self) -> bool {
        self.0.fetch_add(1, Ordering::Relaxed);
        false
    }
}

#[test]
fn limits_below_the_lower_bound_are_refused_without_a_search() {
    let shared = |tensors: usize, axes: u32| {
        Network::new(vec![(0..axes).collect(); tensors], vec![], vec![2; axes as usize]).unwrap()
    };
    let lattice = lattice(12, 2);
    for (network, budget, least) in [
        (shared(3, 250), Budget { memory_bytes: Some(1), ..Budget::default() }, [2_u64, 1]),
        (shared(3, 250), Budget { memory_bytes: Some(15), ..Budget::default() }, [2, 1]),
        (shared(2, 250), Budget { memory_bytes: Some(1), ..Budget::default() }, [1, 1]),
        (lattice.clone(), Budget { memory_bytes: Some(1), ..Budget::default() }, [2, 1]),
        (lattice, Budget { largest: Some(0), ..Budget::default() }, [2, 1]),
    ] {
        for strategy in STRATEGIES {
            let looks = Looks::default();
            let budget = Budget { effort: Effort::Trials(4), ..budget };
            let refused = order_task(&Task::new(&network), &Order::Strategy(strategy), &budget, &looks).unwrap_err();
            let [peak, size] = least.map(Count::from);
            assert_eq!(refused, OrderError::TooLarge { peak, size }, "{}", strategy.name);
            assert_eq!(looks.0.into_inner(), 0, "{}", strategy.name);
        }
    }
    // A limit at the lower bound is searched, and met.
    let (network, budget) = (shared(3, 20), Budget { memory_bytes: Some(16), ..Budget::default() });
    check(&network, &budget, &order(&network, &Order::default(), &budget).unwrap(), "shared");
}

#[test]
fn smaller_elements_leave_room_for_more() {
    let network = network("lattice_8x8");
    let budget = |objective| Budget {
        memory_bytes: Some(1 << 12),
        effort: Effort::Work(1 << 16),
        objective,
        ..Budget::default()
    };
    for objective in [Objective::Flops, Objective::Write] {
        let runs = |element_bytes| {
            let task = Task { element_bytes, ..Task::new(&network) };
            let found = order_task(&task, &"deep".parse().unwrap(), &budget(objective), &()).unwrap();
            assert!(found.cost.peak <= Count::from((1 << 12) / element_bytes));
            Count::product(found.slices.iter().map(|slice| slice.parts))
        };
        assert!(runs(2) < runs(16));
    }
}

#[test]
fn without_slices_the_cost_is_that_of_the_tree() {
    for (name, network) in networks().take(50) {
        let found = order(&network, &"greedy".parse().unwrap(), &Budget::default()).unwrap();
        let cost: Cost = sliced_cost(&network, &found.tree, &[]);
        assert_eq!(cost, found.cost, "{name}");
    }
}

#[test]
fn a_result_of_given_size_overrides_the_output_extents() {
    // y[i+k] += x[i] w[k] v[k]: 239 elements, not 8000, with and without slices.
    let network = Network::new(vec![vec![0], vec![1], vec![1]], vec![0, 1], vec![200, 40]).unwrap();
    let network = network.with_result(Count::from(239_u64));
    let tree = Tree::from_ssa(3, &[vec![1, 2], vec![0, 3]]).unwrap();
    let cost = cost::tree_cost(&network, &tree);
    assert_eq!([cost.size, cost.write, cost.peak], [239_u64, 279, 279].map(Count::from));
    let steps: Vec<Count> = cost::step_costs(&network, &tree).iter().map(|step| step.size).collect();
    assert_eq!(steps, [40_u64, 239].map(Count::from));
    let sliced = sliced_cost(&network, &tree, &[SlicedAxis { axis: 0, parts: 200 }]);
    // An iteration adds to forty positions; the whole result is alive.
    assert_eq!([sliced.size, sliced.write, sliced.peak], [40_u64, 40 + 200 * 40, 40 + 239].map(Count::from));
    for strategy in STRATEGIES {
        let budget = Budget { memory_bytes: Some(8 * 279), ..Budget::default() };
        let found = order(&network, &Order::Strategy(strategy), &budget).unwrap();
        assert!(found.cost.peak <= Count::from(279_u64), "{}", strategy.name);
        let less = Budget { memory_bytes: Some(8 * 238), ..Budget::default() };
        let refused = order(&network, &Order::Strategy(strategy), &less);
        assert!(matches!(refused, Err(OrderError::TooLarge { .. })), "{}", strategy.name);
    }
}
