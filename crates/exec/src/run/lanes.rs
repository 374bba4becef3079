//! Turns of a region that run at the same time.

use std::num::NonZeroUsize;

use smallvec::SmallVec;

use super::{Run, Turn, threads};
use crate::control::Control;
use crate::error::Stopped;
use crate::program::Region;

impl Run<'_> {
    /// Runs a region whose first loop is over lanes, which share no memory that one of them writes.
    pub(super) fn lanes(&self, region: &Region) -> Result<(), Stopped> {
        let lanes = self.program.sizes[region.loops.start];
        let workers = self.workers(region.points, lanes, region.bytes).unwrap_or(1);
        // Threads that are left over work within lanes.
        let each = NonZeroUsize::new(self.threads(region.bytes).map_or(1, |all| all / workers));
        let control = Control { threads: each.or(NonZeroUsize::new(1)), ..*self.control };
        let run = if workers > 1 { Run { control: &control, ..*self } } else { Run { ..*self } };
        threads::share_out(workers, lanes, &|lane| {
            let mut turn: Turn = SmallVec::from_elem(0, region.loops.len);
            turn[0] = lane;
            run.turns(region, turn, 1)
        })
    }
}
