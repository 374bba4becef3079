//! How long a search may go on.

use std::cell::Cell;
use std::time::{Duration, Instant};

/// What a search has used of what it may.
pub(super) struct Meter(Kind);

enum Kind {
    Time { start: Instant, time: Duration },
    /// In units of [`Meter::spend`].
    Work { done: Cell<u64>, total: u64 },
}

impl Meter {
    /// A search until `start + time`.
    pub(super) fn time(start: Instant, time: Duration) -> Meter {
        Meter(Kind::Time { start, time })
    }

    /// A search of so much work, whatever the machine.
    pub(super) fn work(total: u64) -> Meter {
        Meter(Kind::Work { done: Cell::new(0), total })
    }

    /// Counts work that was done. The unit is a proposal of the annealing to a tree of a few axes, some 30 ns.
    pub(super) fn spend(&self, work: usize) {
        if let Kind::Work { done, .. } = &self.0 {
            done.set(done.get().saturating_add(work as u64));
        }
    }

    /// The part that has passed, up to 1.
    pub(super) fn passed(&self) -> f64 {
        let part = match &self.0 {
            Kind::Time { start, time } => {
                if std::env::var_os("CPUCLOCK").is_some() {
                    let s = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
                    let ns: f64 = s.split(' ').next().unwrap().parse().unwrap();
                    thread_local! { static CPU0: Cell<(Option<Instant>, f64)> = const { Cell::new((None, 0.0)) }; }
                    let c = CPU0.get();
                    if c.0 != Some(*start) { CPU0.set((Some(*start), ns)); }
                    return ((ns - CPU0.get().1) * 1e-9 / time.as_secs_f64()).min(1.0);
                }
                start.elapsed().as_secs_f64() / time.as_secs_f64()
            }
            Kind::Work { done, total } => done.get() as f64 / *total as f64,
        };
        // 0/0 is an end as well.
        if part < 1.0 { part } else { 1.0 }
    }

    /// About how much work the whole search is.
    pub(super) fn total_work(&self) -> f64 {
        match &self.0 {
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
    pub(super) meter: &'m Meter,
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
