//! Tasks on threads. Which thread does which task never shows in a result.

use std::ops::Range;

use super::Run;
use crate::control::Control;
use crate::error::Stopped;
use crate::program::Grid;

impl Run<'_> {
    /// Runs `work` on all blocks of `grid`, some neighbours at a time. On each thread it allocates at most `bytes`.
    ///
    /// # Errors
    /// Cancellation, or what `work` stops with: the first task in order that does so.
    pub(super) fn blocks(
        &self,
        grid: &Grid,
        bytes: usize,
        work: impl Fn(Range<usize>) -> Result<(), Stopped> + Sync,
    ) -> Result<(), Stopped> {
        let tasks = grid.blocks.div_ceil(grid.grain);
        let task = |t: usize| {
            if self.control.is_cancelled() {
                return Err(Stopped::Cancelled);
            }
            let range = t * grid.grain..grid.blocks.min((t + 1) * grid.grain);
            work(range)
        };
        share_out(self.workers(grid.points, tasks, bytes).unwrap_or(1), tasks, &task)
    }

    /// How many threads to use for so many tasks of so many points together, if more than one is worth it, each of which
    /// allocates at most `bytes`.
    pub(super) fn workers(&self, points: u64, tasks: usize, bytes: usize) -> Option<usize> {
        // Asking rayon starts its pool: not for a caller who wants one thread, nor for small work.
        if tasks < 2 || points < self.plan.machine.least_shared_points() {
            return None;
        }
        self.threads(bytes).map(|threads| threads.min(tasks))
    }

    /// How many threads there are, and memory for what each of them allocates, if more than one.
    pub(super) fn threads(&self, bytes: usize) -> Option<usize> {
        let fits = self.program.left.map_or(usize::MAX, |left| left.checked_div(bytes).unwrap_or(usize::MAX));
        if fits < 2 {
            return None;
        }
        available(self.control).map(|threads| threads.min(fits))
    }
}

/// How many threads a run may use, if more than one.
#[cfg(feature = "rayon")]
fn available(control: &Control<'_>) -> Option<usize> {
    let allowed = control.threads.map_or(usize::MAX, std::num::NonZeroUsize::get);
    if allowed < 2 {
        return None;
    }
    Some(in_pool().min(allowed)).filter(|&n| n > 1)
}

/// How many threads the current rayon pool has. The first call outside of any pool starts the global one; where the system has
/// no threads to give there is this one, while rayon itself would panic.
#[cfg(feature = "rayon")]
fn in_pool() -> usize {
    use std::error::Error;
    use std::sync::OnceLock;

    static STARTED: OnceLock<bool> = OnceLock::new();
    let start = || {
        // An error without a source says that the pool is there already.
        rayon::ThreadPoolBuilder::new().build_global().map_or_else(|error| error.source().is_none(), |()| true)
    };
    let is_there = rayon::current_thread_index().is_some() || *STARTED.get_or_init(start);
    if is_there { rayon::current_num_threads() } else { 1 }
}

/// There are no threads.
#[cfg(not(feature = "rayon"))]
fn available(_: &Control<'_>) -> Option<usize> {
    None
}

/// One task of some.
type Task<'t> = dyn Fn(usize) -> Result<(), Stopped> + Sync + 't;

/// `workers` threads take the tasks in order.
///
/// # Errors
/// What the first task in order that stops stops with.
pub(super) fn share_out(workers: usize, tasks: usize, task: &Task<'_>) -> Result<(), Stopped> {
    #[cfg(feature = "rayon")]
    if workers > 1 {
        return parallel(workers, tasks, task);
    }
    _ = workers;
    (0..tasks).try_for_each(task)
}

/// `workers` threads take the tasks in order. A task that stops keeps the others from being taken.
#[cfg(feature = "rayon")]
fn parallel(workers: usize, tasks: usize, task: &Task<'_>) -> Result<(), Stopped> {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Mutex, PoisonError};

    let next = AtomicUsize::new(0);
    let first: Mutex<Option<(usize, Stopped)>> = Mutex::new(None);
    let worker = || {
        loop {
            let t = next.fetch_add(1, Ordering::Relaxed);
            if t >= tasks {
                return;
            }
            if let Err(stopped) = task(t) {
                next.store(tasks, Ordering::Relaxed);
                let mut first = first.lock().unwrap_or_else(PoisonError::into_inner);
                if first.as_ref().is_none_or(|(at, _)| t < *at) {
                    *first = Some((t, stopped));
                }
            }
        }
    };
    rayon::scope(|scope| (0..workers).for_each(|_| scope.spawn(|_| worker())));
    let first = first.into_inner().unwrap_or_else(PoisonError::into_inner);
    first.map_or(Ok(()), |(_, stopped)| Err(stopped))
}
