//! Runs tasks on threads. The result does not depend on which thread runs which task.

use std::ops::Range;

use super::Run;
use crate::bound_program::Grid;
use crate::control::Control;
use crate::error::RunStopped;

impl Run<'_> {
    /// Runs `work` on all blocks of `grid`, a number of neighbouring blocks at a time.
    ///
    /// # Errors
    /// A cancellation, or the error of the first task in order that fails.
    pub(super) fn blocks(
        &self,
        grid: &Grid,
        work: impl Fn(Range<usize>) -> Result<(), RunStopped> + Sync,
    ) -> Result<(), RunStopped> {
        let tasks = grid.blocks.div_ceil(grid.blocks_per_task);
        let task = |t: usize| {
            if self.control.is_cancelled() {
                return Err(RunStopped::Cancelled);
            }
            let range = t * grid.blocks_per_task..grid.blocks.min((t + 1) * grid.blocks_per_task);
            work(range)
        };
        share_out(self.workers(grid.points, tasks).unwrap_or(1), tasks, &task)
    }

    /// The number of threads for `tasks` tasks of `points` points together; `None` if one thread is best.
    pub(super) fn workers(&self, points: u64, tasks: usize) -> Option<usize> {
        // To ask rayon for its threads starts its pool, which small work and a limit of one thread do not need.
        if tasks < 2 || points < self.plan.machine.least_shared_points() {
            return None;
        }
        self.threads().map(|threads| threads.min(tasks))
    }

    /// The number of threads that a run may use; `None` if it is 1.
    pub(super) fn threads(&self) -> Option<usize> {
        available(self.control)
    }
}

/// The number of threads that a run may use; `None` if it is 1.
#[cfg(feature = "rayon")]
fn available(control: &Control<'_>) -> Option<usize> {
    let allowed = control.threads.map_or(usize::MAX, std::num::NonZeroUsize::get);
    if allowed < 2 {
        return None;
    }
    Some(in_pool().min(allowed)).filter(|&n| n > 1)
}

/// The number of threads of the current rayon pool. The first call outside of any pool starts the global one. If the
/// system cannot start threads, the answer is 1, where rayon itself would panic.
#[cfg(feature = "rayon")]
fn in_pool() -> usize {
    use std::error::Error;
    use std::sync::OnceLock;

    static STARTED: OnceLock<bool> = OnceLock::new();
    let start = || {
        // An error without a source means that the pool exists already.
        rayon::ThreadPoolBuilder::new().build_global().map_or_else(|error| error.source().is_none(), |()| true)
    };
    let is_there = rayon::current_thread_index().is_some() || *STARTED.get_or_init(start);
    if is_there { rayon::current_num_threads() } else { 1 }
}

/// Without rayon there are no other threads.
#[cfg(not(feature = "rayon"))]
fn available(_: &Control<'_>) -> Option<usize> {
    None
}

/// Runs the task with the given number.
type Task<'t> = dyn Fn(usize) -> Result<(), RunStopped> + Sync + 't;

/// Runs the tasks in order on `workers` threads.
///
/// # Errors
/// The error of the first task in order that fails.
pub(super) fn share_out(workers: usize, tasks: usize, task: &Task<'_>) -> Result<(), RunStopped> {
    #[cfg(feature = "rayon")]
    if workers > 1 {
        return parallel(workers, tasks, task);
    }
    _ = workers;
    (0..tasks).try_for_each(task)
}

/// Runs the tasks in order on `workers` threads. After an error no further task starts.
#[cfg(feature = "rayon")]
fn parallel(workers: usize, tasks: usize, task: &Task<'_>) -> Result<(), RunStopped> {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Mutex, PoisonError};

    let next = AtomicUsize::new(0);
    let first: Mutex<Option<(usize, RunStopped)>> = Mutex::new(None);
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
