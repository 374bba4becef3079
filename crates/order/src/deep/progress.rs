//! The best cost of all threads of a search, and its reports to the watch.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::{Progress, Watch};

/// The best cost of all threads.
pub(super) struct SharedBest<'w> {
    pub(super) began: Instant,
    pub(super) watch: &'w dyn Watch,
    state: Mutex<State>,
}

struct State {
    best_log2: f64,
    reported: Duration,
}

/// The interval of progress reports while the best cost does not change.
const INTERVAL: Duration = Duration::from_millis(50);

impl<'w> SharedBest<'w> {
    pub(super) fn new(began: Instant, watch: &'w dyn Watch) -> SharedBest<'w> {
        let state = State { best_log2: f64::INFINITY, reported: Duration::ZERO };
        SharedBest { began, watch, state: Mutex::new(state) }
    }

    /// Reports a tree with this cost, found after the fraction `spent` of the effort.
    pub(super) fn offer(&self, best_log2: f64, spent: f64) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if best_log2 < state.best_log2 {
            state.best_log2 = best_log2;
            self.report(&mut state, spent);
        }
    }

    pub(super) fn is_cancelled(&self, spent: f64) -> bool {
        if let Ok(mut state) = self.state.try_lock()
            && state.best_log2.is_finite()
            && self.began.elapsed() >= state.reported + INTERVAL
        {
            self.report(&mut state, spent);
        }
        self.watch.is_cancelled()
    }

    fn report(&self, state: &mut State, spent: f64) {
        let elapsed = self.began.elapsed();
        state.reported = elapsed;
        self.watch.progress(&Progress { elapsed, spent, best_log2: state.best_log2 });
    }
}
