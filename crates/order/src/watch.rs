//! Looking on while a search runs.

use std::time::Duration;

/// Looks on while a search runs, on any of its threads, and may end it.
pub trait Watch: Sync {
    /// Whether to end the search; it then answers with the best that it has. Asked about every millisecond.
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
