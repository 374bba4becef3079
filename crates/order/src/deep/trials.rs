//! Independent trials on several threads.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::effort::EffortClock;
use super::progress::SharedBest;
use super::record::ReplayRecord;
use super::{Limits, Outcome, Problem, run};
use crate::objective::ObjectiveWithLimits;
use crate::random::Random;
use crate::{Effort, OrderError, SearchRequest, SearchResult, graph};

/// The result of one trial.
#[derive(Default)]
struct Trial {
    number: u64,
    outcome: Outcome,
    record: Option<ReplayRecord>,
}

impl Trial {
    fn comes_before(&self, other: &Trial) -> bool {
        (self.outcome.total, self.number) < (other.outcome.total, other.number)
    }
}

/// The data that all trials share.
struct Trials<'a> {
    problem: Problem<'a>,
    shared: SharedBest<'a>,
    effort: Effort,
    seed: u64,
}

/// Searches with the effort of the budget; [`Effort::Auto`] is one trial.
pub(crate) fn search(search: &SearchRequest<'_>) -> Result<SearchResult, OrderError> {
    let trials = Trials::new(search, search.budget.effort, search.budget.seed);
    let threads = search.budget.threads.map_or(1, |threads| threads.get() as u64);
    let number = match trials.effort {
        Effort::Auto | Effort::Work(_) => 1,
        Effort::Trials(trials) => u64::from(trials.max(1)),
        Effort::Time(_) => threads,
    };
    trials.found(trials.all(number, threads.min(number)))
}

/// Repeats a search from its record.
pub(crate) fn replay(search: &SearchRequest<'_>, record: &ReplayRecord) -> Result<SearchResult, OrderError> {
    let trials = Trials::new(search, record.effort, record.seed);
    let clock = EffortClock::replay(record, trials.problem.graph.legs.len(), &trials.shared);
    trials.found(trials.one(record.trial, clock))
}

impl<'a> Trials<'a> {
    fn new(search: &SearchRequest<'a>, effort: Effort, seed: u64) -> Trials<'a> {
        let SearchRequest { task, graph, budget, began, watch } = *search;
        let limits = Limits::of(task, budget);
        let graph = if limits.are_none() { graph.fused() } else { graph.clone() };
        let objective = ObjectiveWithLimits::unlimited(budget.objective);
        let problem = Problem { network: task.network, graph, objective, limits, start: task.start.map(graph::pairs) };
        Trials { problem, shared: SharedBest::new(began, watch), effort, seed }
    }

    /// Returns the best of `number` trials; the first of equal ones, so that the result does not depend on the threads.
    fn all(&self, number: u64, threads: u64) -> Trial {
        let next = AtomicU64::new(0);
        let best: Mutex<Option<Trial>> = Mutex::new(None);
        let work = || {
            loop {
                let trial = next.fetch_add(1, Ordering::Relaxed);
                // The first trial always runs, so that there is a result.
                if trial >= number || (trial > 0 && self.shared.watch.is_cancelled()) {
                    return;
                }
                let found = self.numbered(trial);
                let mut best = best.lock().unwrap_or_else(PoisonError::into_inner);
                if best.as_ref().is_none_or(|best| found.comes_before(best)) {
                    *best = Some(found);
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..threads {
                // If a thread cannot be created, the other threads do its work.
                if std::thread::Builder::new().spawn_scoped(scope, work).is_err() {
                    break;
                }
            }
            work();
        });
        best.into_inner().unwrap_or_else(PoisonError::into_inner).unwrap_or_default()
    }

    fn numbered(&self, number: u64) -> Trial {
        self.one(number, EffortClock::new(self.effort, self.problem.graph.legs.len(), &self.shared))
    }

    fn one(&self, number: u64, clock: EffortClock<'_>) -> Trial {
        let mut random = Random::new(self.seed, number);
        let outcome = run(&self.problem, &clock, &mut random);
        clock.offer(outcome.total);
        Trial { number, outcome, record: Some(clock.record(self.effort, self.seed, number)) }
    }

    fn found(&self, best: Trial) -> Result<SearchResult, OrderError> {
        let Trial { outcome, record, .. } = best;
        let tree = graph::tree(self.problem.graph.legs.len(), &outcome.pairs)?;
        Ok(SearchResult { slices: outcome.slices, record, ..tree.into() })
    }
}
