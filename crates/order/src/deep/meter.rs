//! How long a search may go on.
//!
//! Every decision of a search that the clock has a part in is an answer of [`Meter::more`]. The answers are kept, as the
//! lengths of the runs of yes, so that a search can be repeated move by move from its seed and this list.

use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

use einfold_ir::Machine;

use super::board::Board;
use super::record::Record;
use crate::Effort;
use crate::watch::Stop;

/// What one search has used of what it may.
pub(super) struct Meter<'b> {
    kind: Kind,
    /// About how much work the whole search is.
    total_work: f64,
    board: &'b Board<'b>,
    stop: Stop<'b>,
    /// How often [`Meter::more`] has said yes since it last said no.
    run: Cell<u32>,
    runs: RefCell<Vec<u32>>,
    /// The part that was spent when the clock was last read.
    spent: Cell<f64>,
}

enum Kind {
    Time {
        began: Instant,
        time: Duration,
    },
    /// In units of [`Meter::spend`].
    Work {
        done: Cell<u64>,
    },
    /// The answers that another search got, the last first.
    Replay(RefCell<Vec<u32>>),
}

impl<'b> Meter<'b> {
    /// A search with this effort on so many tensors.
    pub(super) fn new(effort: Effort, tensors: usize, board: &'b Board<'b>) -> Meter<'b> {
        let total_work = total_work(effort, tensors);
        let kind = match effort {
            Effort::Time(time) => Kind::Time { began: board.began, time },
            Effort::Auto | Effort::Trials(_) | Effort::Work(_) => Kind::Work { done: Cell::new(0) },
        };
        let stop = Stop::new(board.watch);
        Meter { kind, total_work, board, stop, run: Cell::new(0), runs: RefCell::default(), spent: Cell::new(0.0) }
    }

    /// A search that goes as the one of the record went.
    pub(super) fn replay(record: &Record, tensors: usize, board: &'b Board<'b>) -> Meter<'b> {
        let kind = Kind::Replay(RefCell::new(record.runs.iter().rev().copied().collect()));
        let stop = Stop::repeating(board.watch, record.stopped);
        Meter { kind, stop, ..Meter::new(record.effort, tensors, board) }
    }

    /// Whether the search is to end now.
    pub(super) fn stop(&self) -> &Stop<'b> {
        &self.stop
    }

    /// About how much work the whole search is, in units of [`Meter::spend`]; the same when the search is repeated.
    pub(super) fn total_work(&self) -> f64 {
        self.total_work
    }

    /// Tells of a tree with this cost.
    pub(super) fn offer(&self, best_log2: f64) {
        self.board.offer(best_log2, self.spent.get());
    }

    /// The record of the search, which is number `trial` with this effort and seed.
    pub(super) fn record(self, effort: Effort, seed: u64, trial: u64) -> Record {
        let mut runs = self.runs.into_inner();
        runs.push(self.run.get());
        Record { effort, seed, trial, runs, stopped: self.stop.stopped_at() }
    }

    /// Counts work that was done. The unit is a proposal of the annealing to a tree of a few axes.
    pub(super) fn spend(&self, work: usize) {
        if let Kind::Work { done } = &self.kind {
            done.set(done.get().saturating_add(work as u64));
        }
    }

    /// Whether less than `part` of the whole is spent. Nothing is left of a search that was cancelled.
    pub(super) fn more(&self, part: f64) -> bool {
        let more = match &self.kind {
            Kind::Replay(runs) => self.replayed(&mut runs.borrow_mut()) && !self.board.is_cancelled(self.spent.get()),
            _ => self.passed() < part && !self.board.is_cancelled(self.spent.get()),
        };
        if more {
            self.run.set(self.run.get() + 1);
        } else {
            self.runs.borrow_mut().push(self.run.replace(0));
        }
        more
    }

    /// The next answer of another search; no after the last.
    fn replayed(&self, runs: &mut Vec<u32>) -> bool {
        match runs.last() {
            Some(&run) if self.run.get() < run => true,
            _ => {
                runs.pop();
                false
            }
        }
    }

    /// The part that is spent.
    pub(super) fn passed(&self) -> f64 {
        let part = match &self.kind {
            Kind::Time { began, time } => began.elapsed().as_secs_f64() / time.as_secs_f64(),
            Kind::Work { done } => done.get() as f64 / self.total_work,
            Kind::Replay(_) => 0.0,
        };
        // 0/0 is an end as well.
        let part = if part < 1.0 { part } else { 1.0 };
        self.spent.set(part);
        part
    }
}

/// The work of one trial, by tensor.
const TRIAL_WORK: f64 = 2000.0;

fn total_work(effort: Effort, tensors: usize) -> f64 {
    match effort {
        // By the built-in machine, whichever the budget has: a record is repeated with any.
        Effort::Time(time) => time.as_secs_f64() * 1e9 / Machine::DEFAULT.search_work.ns(),
        Effort::Auto | Effort::Trials(_) => TRIAL_WORK * tensors as f64,
        Effort::Work(work) => work as f64,
    }
}
