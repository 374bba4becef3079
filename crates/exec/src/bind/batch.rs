//! Whether a nest with ids runs many positions of a loop at once.

use super::Binder;
use super::place::Freedom;
use super::step::{Start, Work};
use crate::error::BindError;
use crate::program::{Batch, Id, Nest};
use crate::run::{BATCH, LISTS};

/// Positions below which a batch is not worth its start.
const FEW: usize = 4;
/// Points of a position above which it is worth a call of its own.
const WIDE: usize = 512;

impl Binder<'_> {
    /// How the nest of a step runs in batches along its last outer loop, if it does.
    pub(super) fn batch(
        &mut self,
        work: Work<'_>,
        start: Start,
        freedom: Freedom,
        nest: &Nest,
    ) -> Result<Option<Batch>, BindError> {
        let lookups = self.program.ids[nest.ids.range()].iter().filter(|id| matches!(id, Id::Read(_))).count();
        let adds = matches!(start, Start::Touch | Start::Add);
        // Scattered rows are added.
        let scatters = work.step.write.has_ids();
        if (scatters && !adds) || !self.is_batched(work, freedom, nest, lookups) {
            return Ok(None);
        }
        let stage = self.stage(work, start, nest.loops.operands, adds, true)?;
        let clear = match start {
            Start::Touch => Some(self.step_kernels(work)?.fill_zero),
            Start::Write | Start::Blend(_) | Start::Add => None,
        };
        Ok(Some(Batch { stage, clear, lookups, rows: BATCH }))
    }

    fn is_batched(&self, work: Work<'_>, freedom: Freedom, nest: &Nest, lookups: usize) -> bool {
        let loops = nest.loops;
        let sizes = &self.program.sizes[loops.sizes.range()];
        let Some(along) = (loops.kept + loops.reduced).checked_sub(1) else { return false };
        let [outer, inner] = [sizes[along + 1], nest.grid.piece[1]];
        let indexed = self.work.places.contains(&Some(along));
        let fits = loops.operands.len + 2 * lookups <= LISTS;
        let worth = sizes[along] >= FEW && outer == 1 && inner <= WIDE;
        // A block is then several positions.
        let whole = loops.reduced > 0 || nest.grid.pieces == [1, 1];
        let scatters = work.step.write.has_ids();
        let moves = self.program.strides[loops.strides + along * loops.operands.len] != 0;
        // Where targets may meet, a kernel may not have two loops in flight; rows that are scattered come one after another.
        let apart = freedom.split || scatters || inner == 1 || !moves;
        indexed && fits && worth && whole && apart && (!scatters || work.dtype == work.compute)
    }
}
