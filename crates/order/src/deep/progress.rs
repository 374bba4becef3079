//! What the threads of a search tell each other and those who look on.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::{Progress, Watch};

/// The best so far of all threads, and who is to know of it.
pub(super) struct SharedBest<'w> {
    pub(super) began: Instant,
    pub(super) watch: &'w dyn Watch,
    state: Mutex<State>,
}

struct State {
    best_log2: f64,
    reported: Duration,
}

/// How often the one who looks on is told that nothing has changed.
const INTERVAL: Duration = Duration::from_millis(50);

impl<'w> SharedBest<'w> {
    pub(super) fn new(began: Instant, watch: &'w dyn Watch) -> SharedBest<'w> {
        let state = State { best_log2: f64::INFINITY, reported: Duration::ZERO };
        SharedBest { began, watch, state: Mutex::new(state) }
    }

    /// Tells of a tree that costs so much after a part of the search.
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
