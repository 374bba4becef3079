//! Progress bars on standard error. They are hidden if standard error is not a terminal.

use indicatif::{ProgressBar, ProgressStyle};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// The minimal duration of an action with a progress bar.
pub(crate) const SHOWN_FROM: Duration = Duration::from_secs(1);
/// The number of steps of a bar.
pub(crate) const STEPS: u64 = 1000;

/// Returns a bar with the elapsed time and a message.
pub(crate) fn bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{elapsed:>4} {wide_bar} {msg}").expect("the template is right");
    ProgressBar::new(STEPS).with_style(style)
}

/// A bar that appears once an action has taken long.
pub(crate) struct DelayedBar {
    began: Instant,
    bar: OnceLock<ProgressBar>,
}

impl DelayedBar {
    pub(crate) fn new() -> DelayedBar {
        DelayedBar { began: Instant::now(), bar: OnceLock::new() }
    }

    /// Shows that `done` of `total` is done.
    pub(crate) fn show(&self, done: u64, total: u64) {
        let spent = self.began.elapsed();
        if spent < SHOWN_FROM {
            return;
        }
        let bar = self.bar.get_or_init(|| bar().with_elapsed(spent));
        bar.set_position((done as f64 / total.max(1) as f64 * STEPS as f64) as u64);
    }
}

impl Drop for DelayedBar {
    fn drop(&mut self) {
        if let Some(bar) = self.bar.get() {
            bar.finish_and_clear();
        }
    }
}
