//! Runs tasks on threads. The result does not depend on which thread runs which task.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

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

/// The tasks of a phase for each worker: enough that none waits long for the others.
const TASKS_PER_WORKER: usize = 8;

/// What the workers of a [`team`] share. Tasks have numbers, counted through all phases.
#[derive(Default)]
struct Team {
    /// The number of the next task.
    next: AtomicUsize,
    /// The number of tasks that are complete.
    complete: AtomicUsize,
    /// Whether a worker has stopped early.
    stopped: AtomicBool,
}

/// One of the workers that run a sequence of phases together. All walk through the same phases.
pub(super) struct Member<'t> {
    /// `None` for a worker that is alone.
    team: Option<&'t Team>,
    workers: usize,
    /// The number of the first task of the next phase.
    first: usize,
    /// The task that the worker has taken and not begun.
    taken: Option<usize>,
}

/// Runs `work` on `workers` threads. Each of them calls [`Member::phase`] with the same phases in the same order.
///
/// # Errors
/// The error of a worker.
pub(super) fn team(
    workers: usize,
    work: &(dyn Fn(&mut Member<'_>) -> Result<(), RunStopped> + Sync),
) -> Result<(), RunStopped> {
    if workers < 2 {
        return work(&mut Member::alone());
    }
    let team = Team::default();
    share_out(workers, workers, &|_| {
        let mut member = Member { team: Some(&team), workers, first: 0, taken: None };
        let end = EarlyEnd(&team);
        work(&mut member)?;
        std::mem::forget(end);
        Ok(())
    })
}

/// Stops the other workers when a worker returns an error or panics.
struct EarlyEnd<'t>(&'t Team);

impl Drop for EarlyEnd<'_> {
    fn drop(&mut self) {
        self.0.stopped.store(true, Ordering::Relaxed);
    }
}

impl Member<'_> {
    /// A worker without others.
    pub(super) fn alone() -> Member<'static> {
        Member { team: None, workers: 1, first: 0, taken: None }
    }

    /// Runs `work` on parts of `0..count`, which the workers share. It begins when all earlier phases are complete.
    ///
    /// # Errors
    /// The error of `work`; a cancellation if another worker has stopped early.
    pub(super) fn phase(
        &mut self,
        count: usize,
        work: impl Fn(Range<usize>) -> Result<(), RunStopped>,
    ) -> Result<(), RunStopped> {
        let Some(team) = self.team else { return work(0..count) };
        let size = count.div_ceil(self.workers * TASKS_PER_WORKER).max(1);
        let end = self.first + count.div_ceil(size);
        loop {
            // Numbers are taken in order, so that all earlier tasks are complete or run on other threads.
            let number = self.taken.take().unwrap_or_else(|| team.next.fetch_add(1, Ordering::Relaxed));
            if number >= end {
                self.taken = Some(number);
                self.first = end;
                return Ok(());
            }
            team.wait(self.first)?;
            let start = (number - self.first) * size;
            work(start..count.min(start + size))?;
            team.complete.fetch_add(1, Ordering::Release);
        }
    }
}

impl Team {
    /// Waits until the first `count` tasks are complete.
    fn wait(&self, count: usize) -> Result<(), RunStopped> {
        /// Rounds of waiting after which the system may run another thread.
        const SPINS: u32 = 1 << 12;
        let mut rounds = 0;
        while self.complete.load(Ordering::Acquire) < count {
            if self.stopped.load(Ordering::Relaxed) {
                return Err(RunStopped::Cancelled);
            }
            rounds += 1;
            if rounds < SPINS { std::hint::spin_loop() } else { std::thread::yield_now() }
        }
        Ok(())
    }
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

#[cfg(all(test, feature = "rayon"))]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::team;
    use crate::error::RunStopped;

    #[test]
    fn a_phase_begins_when_all_earlier_phases_are_complete() {
        for workers in [1, 2, 5] {
            let complete = [const { AtomicUsize::new(0) }; 100];
            let counts: Vec<usize> = (0..complete.len()).map(|phase| phase * 7 % 23).collect();
            let walked = team(workers, &|member| {
                for (phase, &count) in counts.iter().enumerate() {
                    member.phase(count, |range| {
                        let earlier = complete[..phase].iter().map(|done| done.load(Ordering::Relaxed));
                        assert!(earlier.eq(counts[..phase].iter().copied()), "phase {phase}");
                        complete[phase].fetch_add(range.len(), Ordering::Relaxed);
                        Ok(())
                    })?;
                }
                Ok(())
            });
            assert_eq!(walked, Ok(()));
            assert!(complete.iter().map(|done| done.load(Ordering::Relaxed)).eq(counts.iter().copied()));
        }
    }

    #[test]
    fn an_error_or_a_panic_of_a_worker_stops_the_others() {
        for workers in [1, 2, 5] {
            let run = |stop: &(dyn Fn() -> Result<(), RunStopped> + Sync)| {
                team(workers, &|member| {
                    member.phase(40, |range| if range.contains(&17) { stop() } else { Ok(()) })?;
                    member.phase(40, |_| panic!("the first phase never ends"))
                })
            };
            assert_eq!(run(&|| Err(RunStopped::Cancelled)), Err(RunStopped::Cancelled));
            assert!(catch_unwind(AssertUnwindSafe(|| run(&|| panic!("on purpose")))).is_err());
        }
    }
}
