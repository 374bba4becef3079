//! What a search shows while it runs, and how Ctrl-C reaches it.

use crate::progress::{SHOWN_FROM, STEPS, bar};
use einfold_order::{Progress, Watch};
use indicatif::ProgressBar;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

/// Looks on while a search runs.
pub(super) struct Looker<'a> {
    stop: &'a AtomicBool,
    bar: ProgressBar,
}

impl<'a> Looker<'a> {
    /// Ends the search when `stop` is set. A search that may take long has a bar, if standard error is a terminal.
    pub(super) fn new(stop: &'a AtomicBool, time: Option<Duration>) -> Looker<'a> {
        let bar = if time.is_some_and(|time| time >= SHOWN_FROM) { bar() } else { ProgressBar::hidden() };
        Looker { stop, bar }
    }
}

impl Watch for Looker<'_> {
    fn is_cancelled(&self) -> bool {
        self.stop.load(Relaxed)
    }

    fn progress(&self, progress: &Progress) {
        self.bar.set_position((progress.spent * STEPS as f64) as u64);
        self.bar.set_message(format!("10^{:.2}", progress.best_log2 * std::f64::consts::LOG10_2));
    }
}

impl Drop for Looker<'_> {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
