//! The effort of a search and its record.
//!
//! Every decision of a search that depends on the clock is an answer of [`EffortClock::has_effort_until`]. The answers
//! are recorded as the lengths of the runs of true, so that a search can be repeated exactly from its seed and this
//! list.

use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

use einfold_ir::Machine;

use super::progress::SharedBest;
use super::record::ReplayRecord;
use crate::Effort;
use crate::watch::StopCheck;

/// The effort that one search has and has spent.
pub(super) struct EffortClock<'b> {
    kind: Kind,
    /// The estimated work of the whole search.
    total_work: f64,
    shared: &'b SharedBest<'b>,
    stop: StopCheck<'b>,
    /// The number of times that [`EffortClock::has_effort_until`] has returned true since it last returned false.
    run: Cell<u32>,
    runs: RefCell<Vec<u32>>,
    /// The fraction that was spent when the clock was last read.
    spent: Cell<f64>,
}

enum Kind {
    Time {
        began: Instant,
        time: Duration,
    },
    /// Counts work in units of [`EffortClock::spend`].
    Work {
        done: Cell<u64>,
    },
    /// The recorded answers of the search to repeat, the last first.
    Replay(RefCell<Vec<u32>>),
}

impl<'b> EffortClock<'b> {
    /// Starts a search with this effort for a number of tensors.
    pub(super) fn new(effort: Effort, tensors: usize, shared: &'b SharedBest<'b>) -> EffortClock<'b> {
        let total_work = total_work(effort, tensors);
        let kind = match effort {
            Effort::Time(time) => Kind::Time { began: shared.began, time },
            Effort::Auto | Effort::Trials(_) | Effort::Work(_) => Kind::Work { done: Cell::new(0) },
        };
        let stop = StopCheck::new(shared.watch);
        EffortClock {
            kind,
            total_work,
            shared,
            stop,
            run: Cell::new(0),
            runs: RefCell::default(),
            spent: Cell::new(0.0),
        }
    }

    /// Starts a search that repeats the one of the record.
    pub(super) fn replay(record: &ReplayRecord, tensors: usize, shared: &'b SharedBest<'b>) -> EffortClock<'b> {
        let kind = Kind::Replay(RefCell::new(record.runs.iter().rev().copied().collect()));
        let stop = StopCheck::replaying(shared.watch, record.stopped);
        EffortClock { kind, stop, ..EffortClock::new(record.effort, tensors, shared) }
    }

    /// Returns the check for the end of the search.
    pub(super) fn stop(&self) -> &StopCheck<'b> {
        &self.stop
    }

    /// Returns the estimated work of the whole search in units of [`EffortClock::spend`]; the same for a repeated
    /// search.
    pub(super) fn total_work(&self) -> f64 {
        self.total_work
    }

    /// Reports a tree with this cost.
    pub(super) fn offer(&self, best_log2: f64) {
        self.shared.offer(best_log2, self.spent.get());
    }

    /// Returns the record of the search, which is trial `trial` with this effort and seed.
    pub(super) fn record(self, effort: Effort, seed: u64, trial: u64) -> ReplayRecord {
        let mut runs = self.runs.into_inner();
        runs.push(self.run.get());
        ReplayRecord { effort, seed, trial, runs, stopped: self.stop.stopped_at() }
    }

    /// Counts work. The unit is one proposal of the annealing for a tree of a few axes.
    pub(super) fn spend(&self, work: usize) {
        if let Kind::Work { done } = &self.kind {
            done.set(done.get().saturating_add(work as u64));
        }
    }

    /// Returns whether less than the fraction `part` of the effort is spent. A cancelled search has no effort left.
    pub(super) fn has_effort_until(&self, part: f64) -> bool {
        let more = match &self.kind {
            Kind::Replay(runs) => self.replayed(&mut runs.borrow_mut()) && !self.shared.is_cancelled(self.spent.get()),
            _ => self.spent_part() < part && !self.shared.is_cancelled(self.spent.get()),
        };
        if more {
            self.run.set(self.run.get() + 1);
        } else {
            self.runs.borrow_mut().push(self.run.replace(0));
        }
        more
    }

    /// Returns the next recorded answer; false after the last one.
    fn replayed(&self, runs: &mut Vec<u32>) -> bool {
        match runs.last() {
            Some(&run) if self.run.get() < run => true,
            _ => {
                runs.pop();
                false
            }
        }
    }

    /// Returns the fraction of the effort that is spent.
    pub(super) fn spent_part(&self) -> f64 {
        let part = match &self.kind {
            Kind::Time { began, time } => began.elapsed().as_secs_f64() / time.as_secs_f64(),
            Kind::Work { done } => done.get() as f64 / self.total_work,
            Kind::Replay(_) => 0.0,
        };
        // 0/0 counts as the end.
        let part = if part < 1.0 { part } else { 1.0 };
        self.spent.set(part);
        part
    }
}

/// The work of one trial for each tensor.
const TRIAL_WORK: f64 = 2000.0;

fn total_work(effort: Effort, tensors: usize) -> f64 {
    match effort {
        // By the built-in machine, whichever the budget has: a record can be replayed with any.
        Effort::Time(time) => time.as_secs_f64() / Machine::DEFAULT.search_work.seconds(),
        Effort::Auto | Effort::Trials(_) => TRIAL_WORK * tensors as f64,
        Effort::Work(work) => work as f64,
    }
}
