//! Observation and cancellation of a search.

use std::cell::Cell;
use std::time::Duration;

/// Observes a search, on any of its threads, and may end it.
pub trait Watch: Sync {
    /// Returns whether to end the search, which then returns the best order that it has. It is called about every
    /// millisecond or more often. Once it returns true, it must always return true.
    fn is_cancelled(&self) -> bool {
        false
    }

    /// Called when the search finds a better tree, and at intervals in between.
    fn progress(&self, progress: &Progress) {
        let _ = progress;
    }
}

/// The state of a search.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// The time since the search began.
    pub elapsed: Duration,
    /// The fraction of the effort that is spent, from 0 to 1.
    pub spent: f64,
    /// The binary logarithm of the cost of the best tree so far, by the objective.
    pub best_log2: f64,
}

/// Observes nothing.
impl Watch for () {}

thread_local! {
    static SEARCHES: Cell<u64> = const { Cell::new(0) };
}

/// Returns the number of searches for orders or slices on this thread. A saved order causes no search.
pub fn search_count() -> u64 {
    SEARCHES.get()
}

/// Counts one search.
pub(crate) fn count_search() {
    SEARCHES.set(SEARCHES.get() + 1);
}

/// The work between two polls of a [`Watch`], in units of one visited leg or one split.
const POLL_WORK: usize = 1 << 16;
/// The work that may still reduce an order to its limits after the search was ended: some milliseconds.
const GRACE_WORK: usize = 1 << 19;

/// Polls a [`Watch`] after bounded work to find out whether the search is to end.
///
/// The polls are counted. The number of the first poll that returned true determines where every loop ends, so a search
/// that was ended can be repeated.
pub(crate) struct StopCheck<'w> {
    watch: &'w dyn Watch,
    /// The poll at which the search ended, if it is repeated from a record.
    replayed_poll: Option<u64>,
    polls: Cell<u64>,
    /// The work since the last poll.
    work: Cell<usize>,
    stopped: Cell<bool>,
    grace: Cell<usize>,
}

impl<'w> StopCheck<'w> {
    pub(crate) fn new(watch: &'w dyn Watch) -> StopCheck<'w> {
        StopCheck::replaying(watch, None)
    }

    /// Ends at this poll too.
    pub(crate) fn replaying(watch: &'w dyn Watch, poll: Option<u64>) -> StopCheck<'w> {
        StopCheck {
            watch,
            replayed_poll: poll,
            polls: Cell::new(0),
            work: Cell::new(0),
            stopped: Cell::new(false),
            grace: Cell::new(GRACE_WORK),
        }
    }

    /// Adds work that was done or is next, and returns whether the search is to end.
    #[inline]
    pub(crate) fn after(&self, work: usize) -> bool {
        let work = self.work.get().saturating_add(work);
        self.work.set(work);
        if work >= POLL_WORK {
            self.poll();
        }
        self.stopped.get()
    }

    /// Does the same as [`after`](StopCheck::after), for work that reduces an order to its limits: some of it is
    /// allowed after the end.
    pub(crate) fn after_grace(&self, work: usize) -> bool {
        if !self.after(work) {
            return false;
        }
        let left = self.grace.get().checked_sub(work);
        self.grace.set(left.unwrap_or(0));
        left.is_none()
    }

    #[cold]
    fn poll(&self) {
        self.work.set(0);
        if !self.stopped.get() {
            self.polls.set(self.polls.get() + 1);
            self.stopped.set(self.replayed_poll == Some(self.polls.get()) || self.watch.is_cancelled());
        }
    }

    /// Returns whether a poll ended the search.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.get()
    }

    /// Returns the number of the poll that ended the search.
    pub(crate) fn stopped_at(&self) -> Option<u64> {
        self.stopped.get().then(|| self.polls.get())
    }
}

/// Counts work for the test of the interval between polls; does nothing outside of tests.
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

    /// Returns the work of this thread since the last call.
    pub(crate) fn since() -> usize {
        DONE.take()
    }
}

#[cfg(test)]
mod tests;
