use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

use einfold_ir::Network;

use super::{GRACE_WORK, POLL_WORK, Watch, tallied};
use crate::random::Random;
use crate::{Budget, Effort, Order, OrderError, Task, order_task, sliced_cost};

/// Counts the work between polls, and answers true from one of them on.
struct Witness {
    yes_from: u64,
    asked: AtomicU64,
    /// The largest work between two polls.
    most: AtomicUsize,
    /// The work since the first true.
    after: AtomicUsize,
}

impl Witness {
    fn new(yes_from: u64) -> Witness {
        tallied::since();
        Witness { yes_from, asked: AtomicU64::new(0), most: AtomicUsize::new(0), after: AtomicUsize::new(0) }
    }
}

impl Watch for Witness {
    fn is_cancelled(&self) -> bool {
        let (work, asked) = (tallied::since(), self.asked.fetch_add(1, Relaxed) + 1);
        self.most.fetch_max(work, Relaxed);
        if asked > self.yes_from {
            self.after.fetch_add(work, Relaxed);
        }
        asked >= self.yes_from
    }
}

/// The largest work that cannot be interrupted: some passes over a network of these tests.
const PIECE: usize = 1 << 18;

fn lattice(rows: u32, columns: u32) -> Network {
    let across = |row: u32, column: u32| row * columns + column;
    let down = |row: u32, column: u32| rows * columns + row * columns + column;
    let site = |row: u32, column: u32| {
        let mut legs = Vec::new();
        legs.extend((column > 0).then(|| across(row, column - 1)));
        legs.extend((column + 1 < columns).then(|| across(row, column)));
        legs.extend((row > 0).then(|| down(row - 1, column)));
        legs.extend((row + 1 < rows).then(|| down(row, column)));
        legs
    };
    let inputs = (0..rows * columns).map(|k| site(k / columns, k % columns)).collect();
    Network::new(inputs, vec![], vec![2; 2 * (rows * columns) as usize]).unwrap()
}

/// Returns tensors with random axes: with few axes, each is an axis of many tensors.
fn random(tensors: usize, axes: u64, legs: usize, extent: u64) -> Network {
    let mut random = Random::new(7, 0);
    let mut legs = || (0..legs).map(|_| (random.next() % axes) as u32).collect();
    Network::new((0..tensors).map(|_| legs()).collect(), vec![0], vec![extent; axes as usize]).unwrap()
}

/// Returns tensors that share an axis pairwise.
fn complete(tensors: u32) -> Network {
    let edge = |a: u32, b: u32| a.min(b) * tensors + a.max(b);
    let legs = |a: u32| (0..tensors).filter(|&b| b != a).map(|b| edge(a, b)).collect();
    Network::new((0..tensors).map(legs).collect(), vec![], vec![2; (tensors * tensors) as usize]).unwrap()
}

struct Case {
    name: &'static str,
    network: Network,
    order: Order,
    budget: Budget,
}

fn cases() -> Vec<Case> {
    let by = |name: &str| name.parse::<Order>().unwrap();
    let trials = |n| Budget { effort: Effort::Trials(n), ..Budget::default() };
    let steps =
        |n: u32| Order::Ssa((0..n - 1).map(|k| if k == 0 { vec![0, 1] } else { vec![n + k - 1, k + 1] }).collect());
    let case = |name, network, order, budget| Case { name, network, order, budget };
    vec![
        case("greedy on a lattice", lattice(80, 80), by("greedy"), Budget::default()),
        case("greedy on dense tensors", complete(100), by("greedy"), Budget::default()),
        case("exact", lattice(5, 9), by("dp"), Budget::default()),
        case("exact, hopeless", random(40, 50, 4, 2), by("dp"), Budget::default()),
        case("auto", random(60, 70, 4, 3), by("auto"), Budget::default()),
        case("deep", lattice(20, 20), by("deep"), trials(2)),
        case("deep, eliminations", random(900, 240, 4, 2), by("deep"), trials(1)),
        case("deep, dense", complete(60), by("deep"), trials(1)),
        case("deep, sliced", lattice(12, 12), by("deep"), Budget { largest: Some(1 << 6), ..trials(1) }),
        case(
            "a path, sliced",
            lattice(16, 16),
            steps(256),
            Budget { memory_bytes: Some(1 << 12), ..Budget::default() },
        ),
        case("very many trials", lattice(8, 8), by("deep"), trials(u32::MAX)),
    ]
}

#[test]
fn every_search_polls_often() {
    for Case { name, network, order, budget } in cases() {
        // Enough polls to reach every loop, and an end for searches without one.
        let witness = Witness::new(120);
        _ = order_task(&Task::new(&network), &order, &budget, &witness);
        let (asked, rest) = (witness.asked.into_inner(), tallied::since());
        // The work after the end is the subject of the other test.
        let most = witness.most.into_inner().max(if asked < witness.yes_from { rest } else { 0 });
        assert!(most <= POLL_WORK + PIECE, "{name}: {most} between two of {asked} polls");
        assert!(asked > 1, "{name}");
    }
}

#[test]
fn a_cancelled_search_ends_soon_with_an_order_that_can_be_repeated() {
    for Case { name, network, order, budget } in cases() {
        for yes_from in [1, 2, 3, 30] {
            let witness = Witness::new(yes_from);
            let task = Task::new(&network);
            let found = order_task(&task, &order, &budget, &witness);
            let after = witness.after.into_inner() + tallied::since();
            assert!(after <= 2 * POLL_WORK + GRACE_WORK + 4 * PIECE, "{name}: {after} after poll {yes_from}");
            let found = match found {
                Ok(found) => found,
                // Only an exact order, or one within limits, may not exist yet.
                Err(OrderError::Cancelled | OrderError::TooDense { .. }) => {
                    let asked = matches!(&order, Order::Strategy(s) if s.name == "dp");
                    assert!(asked || budget != Budget { largest: None, memory_bytes: None, ..budget }, "{name}");
                    continue;
                }
                Err(error) => panic!("{name}: {error}"),
            };
            assert_eq!(found.cost, sliced_cost(&network, &found.tree, &found.slices), "{name}");
            let Some(record) = &found.record else { continue };
            let record = record.to_string().parse().unwrap();
            let again = order_task(&task, &Order::Replay(record), &budget, &()).unwrap();
            if matches!(&order, Order::Strategy(strategy) if strategy.name == "deep") {
                assert_eq!((again.tree, again.slices), (found.tree, found.slices), "{name}: poll {yes_from}");
            }
        }
    }
}
