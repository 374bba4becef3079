//! Runs partitions of a region in parallel.

use std::num::NonZeroUsize;

use smallvec::SmallVec;

use super::{Iteration, Run, threads};
use crate::bound_program::BoundRegion;
use crate::control::Control;
use crate::error::RunStopped;

impl Run<'_> {
    /// Runs a region whose first loop is over partitions. No memory that one of them writes is touched by another.
    #[inline(never)]
    pub(super) fn partitions(&self, region: &BoundRegion) -> Result<(), RunStopped> {
        let count = self.program.extents[region.loops.start];
        let workers = self.workers(region.points, count).unwrap_or(1);
        // Remaining threads work inside the partitions.
        let each = NonZeroUsize::new(self.threads().map_or(1, |all| all / workers));
        let control = Control { threads: each.or(NonZeroUsize::new(1)), ..*self.control };
        let run = if workers > 1 { Run { control: &control, ..*self } } else { Run { ..*self } };
        threads::share_out(workers, count, &|partition| {
            let mut iteration: Iteration = SmallVec::from_elem(0, region.loops.len);
            iteration[0] = partition;
            run.iterations(region, iteration, 1)
        })
    }
}
