//! How long a search may go on.

use std::cell::Cell;
use std::time::{Duration, Instant};

use crate::Watch;

/// What a search has used of what it may.
pub(super) struct Meter<'w> {
    kind: Kind,
    watch: &'w dyn Watch,
}

enum Kind {
    Time {
        start: Instant,
        time: Duration,
    },
    /// In units of [`Meter::spend`].
    Work {
        done: Cell<u64>,
        total: u64,
    },
}

impl<'w> Meter<'w> {
    /// A search until `start + time`.
    pub(super) fn time(start: Instant, time: Duration, watch: &'w dyn Watch) -> Meter<'w> {
        Meter { kind: Kind::Time { start, time }, watch }
    }

    /// A search of so much work, whatever the machine.
    pub(super) fn work(total: u64, watch: &'w dyn Watch) -> Meter<'w> {
        Meter { kind: Kind::Work { done: Cell::new(0), total }, watch }
    }

    /// Counts work that was done. The unit is a proposal of the annealing to a tree of a few axes, some 30 ns.
    pub(super) fn spend(&self, work: usize) {
        if let Kind::Work { done, .. } = &self.kind {
            done.set(done.get().saturating_add(work as u64));
        }
    }

    /// The part that has passed, up to 1; all of it once the search is cancelled.
    pub(super) fn passed(&self) -> f64 {
        let part = match &self.kind {
            Kind::Time { start, time } => start.elapsed().as_secs_f64() / time.as_secs_f64(),
            Kind::Work { done, total } => done.get() as f64 / *total as f64,
        };
        // 0/0 is an end as well.
        if part < 1.0 && !self.watch.is_cancelled() { part } else { 1.0 }
    }

    /// About how much work the whole search is.
    pub(super) fn total_work(&self) -> f64 {
        match &self.kind {
            Kind::Time { time, .. } => time.as_secs_f64() / SECONDS_PER_WORK,
            Kind::Work { total, .. } => *total as f64,
        }
    }

    /// From now until `part` of the whole has passed.
    pub(super) fn until(&self, part: f64) -> Share<'_> {
        Share { meter: self, from: self.passed(), to: part }
    }
}

/// What a unit of work takes, roughly.
const SECONDS_PER_WORK: f64 = 3e-8;

/// A share of a search.
pub(super) struct Share<'m> {
    pub(super) meter: &'m Meter<'m>,
    from: f64,
    to: f64,
}

impl Share<'_> {
    /// How much of the share has passed; none at its end.
    pub(super) fn progress(&self) -> Option<f64> {
        let passed = self.meter.passed();
        (passed < self.to).then(|| (passed - self.from) / (self.to - self.from))
    }
}
