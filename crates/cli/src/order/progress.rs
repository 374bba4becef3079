//! The progress bar of a search and its cancellation by Ctrl-C.

use crate::progress::{SHOWN_FROM, STEPS, bar};
use einfold_order::{Progress, Watch};
use indicatif::ProgressBar;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

/// Shows the progress of a search and ends it on request.
pub(super) struct ProgressWatch<'a> {
    stop: &'a AtomicBool,
    bar: ProgressBar,
}

impl<'a> ProgressWatch<'a> {
    /// Creates a watch that ends the search when `stop` is set. A search with a long time limit has a progress bar, if
    /// standard error is a terminal.
    pub(super) fn new(stop: &'a AtomicBool, time: Option<Duration>) -> ProgressWatch<'a> {
        let bar = if time.is_some_and(|time| time >= SHOWN_FROM) { bar() } else { ProgressBar::hidden() };
        ProgressWatch { stop, bar }
    }
}

impl Watch for ProgressWatch<'_> {
    fn is_cancelled(&self) -> bool {
        self.stop.load(Relaxed)
    }

    fn progress(&self, progress: &Progress) {
        self.bar.set_position((progress.spent * STEPS as f64) as u64);
        self.bar.set_message(format!("10^{:.2}", progress.best_log2 * std::f64::consts::LOG10_2));
    }
}

impl Drop for ProgressWatch<'_> {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
