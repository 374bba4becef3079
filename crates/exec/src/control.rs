//! Progress and cancellation of a run.

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};

/// The progress callback: `(done, total)`, in points of the iteration spaces. The thread that did the work calls it, so
/// calls may be concurrent and out of order.
pub type Progress<'a> = dyn Fn(u64, u64) + Sync + 'a;

/// Cancellation flag, progress callback and thread limit of a run. The default has neither flag nor callback, and uses
/// all threads of the current rayon pool.
#[derive(Clone, Copy, Default)]
pub struct Control<'a> {
    /// The cancellation flag, which the caller sets from any thread. Each thread checks it after every long kernel call.
    /// A call has at most 2¹⁸ points, or 2²⁹ divided by the bytes of an element flops of a matrix product: at most some
    /// ten milliseconds. The flag does not change the result of a run that completes.
    pub cancel: Option<&'a AtomicBool>,
    /// The progress callback.
    pub progress: Option<&'a Progress<'a>>,
    /// The largest number of threads of the current rayon pool that work on the run. Results do not depend on it.
    pub threads: Option<NonZeroUsize>,
}

impl Control<'_> {
    /// Whether the cancellation flag is set.
    pub fn is_cancelled(&self) -> bool {
        self.cancel.is_some_and(|c| c.load(Ordering::Relaxed))
    }
}

impl fmt::Debug for Control<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Control").field("cancel", &self.cancel).field("threads", &self.threads).finish_non_exhaustive()
    }
}
