//! The strategy `deep` with all kinds of effort.

use std::num::NonZeroUsize;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use einfold_ir::Network;
use einfold_order::{
    Budget, Effort, FoundOrder, Objective, Order, Progress, RecordError, ReplayRecord, Task, Watch, cost, order,
    order_task,
};

use crate::data::{lattice, networks};

fn deep(network: &Network, budget: &Budget) -> FoundOrder {
    order(network, &"deep".parse().unwrap(), budget).unwrap()
}

#[test]
fn a_search_against_the_clock_can_be_repeated() {
    for (time, seed) in [(0, 1), (3, 2), (20, 3)] {
        let effort = Effort::Time(Duration::from_millis(time));
        for objective in [Objective::Flops, Objective::Size] {
            let (network, budget) = (lattice(9, 2), Budget { effort, seed, objective, ..Budget::default() });
            let found = deep(&network, &budget);
            let record: ReplayRecord = found.record.clone().unwrap().to_string().parse().unwrap();
            let other = Budget { effort: Effort::Auto, seed: 99, ..budget };
            assert_eq!(order(&network, &Order::Replay(record), &other).unwrap(), found);
        }
    }
}

#[test]
fn invalid_records_are_refused() {
    for text in ["", "1", "1:a:1:0", "2:a:1:0:3", "1:q5:1:0:3", "1:t:1:0:3", "1:a:x:0:3", "1:a:1:0:3.", "1:a:1:0:-3"] {
        assert_eq!(text.parse::<ReplayRecord>(), Err(RecordError), "{text}");
    }
}

#[test]
fn trials_give_the_same_with_any_number_of_threads() {
    let network = lattice(8, 3);
    let one = |threads| Budget {
        effort: Effort::Trials(5),
        seed: 7,
        threads: NonZeroUsize::new(threads),
        ..Budget::default()
    };
    let found = deep(&network, &one(1));
    assert_eq!(deep(&network, &one(2)), found);
    assert_eq!(deep(&network, &one(3)), found);
    let fewer = Budget { effort: Effort::Trials(2), ..one(1) };
    assert!(found.cost.flops <= deep(&network, &fewer).cost.flops);
}

#[test]
fn a_seed_tree_is_never_made_worse() {
    for (name, network) in networks() {
        let start = order(&network, &"greedy".parse().unwrap(), &Budget::default()).unwrap();
        let task = Task { start: Some(&start.tree), ..Task::new(&network) };
        let budget = Budget { effort: Effort::Time(Duration::ZERO), ..Budget::default() };
        let found = order_task(&task, &"deep".parse().unwrap(), &budget, &()).unwrap();
        assert!(found.cost.flops <= start.cost.flops, "{name} {} {}", found.cost.flops, start.cost.flops);
        assert_eq!(found.cost, cost::tree_cost(&network, &found.tree));
    }
}

/// Counts the progress reports, and ends the search at one of them.
#[derive(Default)]
struct Witness {
    reports: Mutex<Vec<Progress>>,
    asked: AtomicUsize,
    patience: usize,
}

impl Watch for Witness {
    fn is_cancelled(&self) -> bool {
        self.asked.fetch_add(1, Ordering::Relaxed) >= self.patience
    }

    fn progress(&self, progress: &Progress) {
        self.reports.lock().unwrap().push(*progress);
    }
}

#[test]
fn a_watch_sees_the_best_cost_decrease_and_can_end_the_search() {
    let network = lattice(10, 2);
    let witness = Witness { patience: 400, ..Witness::default() };
    let budget = Budget { effort: Effort::Time(Duration::from_secs(3600)), ..Budget::default() };
    let began = Instant::now();
    let found = order_task(&Task::new(&network), &"deep".parse().unwrap(), &budget, &witness).unwrap();
    assert!(began.elapsed() < Duration::from_secs(60));
    let reports = witness.reports.into_inner().unwrap();
    assert!(reports.is_sorted_by(|a, b| a.best_log2 >= b.best_log2 && a.elapsed <= b.elapsed));
    assert!((reports.last().unwrap().best_log2 - found.cost.flops.log2()).abs() < 1e-6);
}
