//! Bars on standard error, which show how far something is. There is none where standard error is no terminal.

use indicatif::{ProgressBar, ProgressStyle};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// What takes less time has no bar.
pub(crate) const SHOWN_FROM: Duration = Duration::from_secs(1);
/// How finely a bar is divided.
pub(crate) const STEPS: u64 = 1000;

/// A bar with the time that has passed and room for a message.
pub(crate) fn bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{elapsed:>4} {wide_bar} {msg}").expect("the template is right");
    ProgressBar::new(STEPS).with_style(style)
}

/// A bar that comes when something has turned out to take long.
pub(crate) struct Late {
    began: Instant,
    bar: OnceLock<ProgressBar>,
}

impl Late {
    pub(crate) fn new() -> Late {
        Late { began: Instant::now(), bar: OnceLock::new() }
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

impl Drop for Late {
    fn drop(&mut self) {
        if let Some(bar) = self.bar.get() {
            bar.finish_and_clear();
        }
    }
}
