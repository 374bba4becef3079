//! How a caller watches and stops a run.

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};

/// Told after each piece of work how much is done: `(done, total)`, in points of the iteration spaces. Called by whichever
/// thread did the work, so calls may be concurrent and out of order.
pub type Progress<'a> = dyn Fn(u64, u64) + Sync + 'a;

/// A caller's hold on a run. The default neither stops nor watches it, and uses the threads of the current rayon pool.
#[derive(Clone, Copy, Default)]
pub struct Control<'a> {
    /// Set by the caller, from any thread, to stop the run. Each thread looks at it after every call of a kernel that is long, and no
    /// call has more than 2¹⁸ points, or 2²⁹ divided by the bytes of an element multiplications of a matrix product: at most some ten
    /// milliseconds. The result does not depend on it.
    pub cancel: Option<&'a AtomicBool>,
    /// Told how much is done.
    pub progress: Option<&'a Progress<'a>>,
    /// At most so many threads of the current rayon pool work on the run. Results do not depend on it.
    pub threads: Option<NonZeroUsize>,
}

impl Control<'_> {
    /// Whether the caller wants the run to stop.
    pub fn is_cancelled(&self) -> bool {
        self.cancel.is_some_and(|c| c.load(Ordering::Relaxed))
    }
}

impl fmt::Debug for Control<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Control").field("cancel", &self.cancel).field("threads", &self.threads).finish_non_exhaustive()
    }
}
