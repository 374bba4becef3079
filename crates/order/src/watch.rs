//! Looking on while a search runs.

use std::cell::Cell;
use std::time::Duration;

/// Looks on while a search runs, on any of its threads, and may end it.
pub trait Watch: Sync {
    /// Whether to end the search; it then answers with the best that it has. Asked at least about every millisecond. Once it is
    /// yes it stays so.
    fn is_cancelled(&self) -> bool {
        false
    }

    /// Called when a better tree was found, and from time to time in between.
    fn progress(&self, progress: &Progress) {
        let _ = progress;
    }
}

/// How far a search has come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// The time since it began.
    pub elapsed: Duration,
    /// The part of its effort that is spent, from 0 to 1.
    pub spent: f64,
    /// The binary logarithm of what the best tree so far costs, by the objective.
    pub best_log2: f64,
}

/// Nobody looks on.
impl Watch for () {}

/// The work between two questions to a [`Watch`]. A unit is a leg that is visited or a split that is priced.
const QUANTUM: usize = 1 << 16;
/// How much work may still bring an answer within its limits after the search was ended: some milliseconds.
const GRACE: usize = 1 << 19;

/// Asks a [`Watch`] at bounded work whether the search is to end.
///
/// The questions are counted, and at which of them the answer was yes decides where every loop ends: so a search that was ended
/// can be repeated too.
pub(crate) struct Stop<'w> {
    watch: &'w dyn Watch,
    /// The question to say yes to, of a search that is repeated.
    repeated: Option<u64>,
    questions: Cell<u64>,
    /// The work since the last question.
    work: Cell<usize>,
    stopped: Cell<bool>,
    grace: Cell<usize>,
}

impl<'w> Stop<'w> {
    pub(crate) fn new(watch: &'w dyn Watch) -> Stop<'w> {
        Stop::repeating(watch, None)
    }

    /// Says yes to this question, too.
    pub(crate) fn repeating(watch: &'w dyn Watch, question: Option<u64>) -> Stop<'w> {
        Stop {
            watch,
            repeated: question,
            questions: Cell::new(0),
            work: Cell::new(0),
            stopped: Cell::new(false),
            grace: Cell::new(GRACE),
        }
    }

    /// Counts work that was done or comes next; whether the search is to end.
    #[inline]
    pub(crate) fn after(&self, work: usize) -> bool {
        let work = self.work.get().saturating_add(work);
        self.work.set(work);
        if work >= QUANTUM {
            self.ask();
        }
        self.stopped.get()
    }

    /// As [`after`](Stop::after), for what brings an answer within its limits: a little of that is done even after the end.
    pub(crate) fn after_grace(&self, work: usize) -> bool {
        if !self.after(work) {
            return false;
        }
        let left = self.grace.get().checked_sub(work);
        self.grace.set(left.unwrap_or(0));
        left.is_none()
    }

    #[cold]
    fn ask(&self) {
        self.work.set(0);
        if !self.stopped.get() {
            self.questions.set(self.questions.get() + 1);
            self.stopped.set(self.repeated == Some(self.questions.get()) || self.watch.is_cancelled());
        }
    }

    /// Whether some question was answered with yes.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.get()
    }

    /// The number of that question.
    pub(crate) fn stopped_at(&self) -> Option<u64> {
        self.stopped.get().then(|| self.questions.get())
    }
}

/// Counts work where it is done, for the test that questions come often enough; nothing in a build that is no test.
#[inline(always)]
pub(crate) fn tally(work: usize) {
    #[cfg(test)]
    tallied::DONE.with(|done| done.set(done.get() + work));
    let _ = work;
}

#[cfg(test)]
pub(crate) mod tallied {
    use std::cell::Cell;

    thread_local! {
        pub(super) static DONE: Cell<usize> = const { Cell::new(0) };
    }

    /// The work of this thread since this was asked last.
    pub(crate) fn since() -> usize {
        DONE.take()
    }
}

#[cfg(test)]
mod tests;
