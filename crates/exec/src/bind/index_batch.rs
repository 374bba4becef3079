//! Decides whether a nest with gather or scatter indices runs in batches of positions.

use super::Binder;
use super::step::{StepContext, TargetInit};
use super::tile_plan::TileMode;
use crate::bound_program::{BoundNest, IndexBatch, IndexOp};
use crate::error::BindError;
use crate::run::{MAX_BATCH, MAX_LISTS};

/// The fewest positions that make a batch worth its overhead.
const MIN_POSITIONS: usize = 4;
/// The largest number of inner points for which positions share a call.
const MAX_POINTS: usize = 512;

impl Binder<'_> {
    /// The batches of the nest of a step along its last outer loop, if it runs in batches.
    pub(super) fn index_batch(
        &mut self,
        context: StepContext<'_>,
        init: TargetInit,
        nest: &BoundNest,
    ) -> Result<Option<IndexBatch>, BindError> {
        let reads =
            self.program.index_ops[nest.index_ops.range()].iter().filter(|op| matches!(op, IndexOp::Read(_))).count();
        let adds = matches!(init, TargetInit::WriteFirst | TargetInit::Accumulate);
        // A scatter kernel adds its rows.
        let scatters = context.step.write.has_indirect();
        if (scatters && !adds) || !self.is_batched(context, nest, reads) {
            return Ok(None);
        }
        let tile_plan = self.tile_plan(context, init, nest.loops.operands, TileMode { adds, batched: true })?;
        let clear = match init {
            TargetInit::WriteFirst => Some(self.step_kernels(context)?.fill_zero),
            TargetInit::Write | TargetInit::WriteBeta(_) | TargetInit::Accumulate => None,
        };
        Ok(Some(IndexBatch { tile_plan, clear, reads, rows: MAX_BATCH }))
    }

    fn is_batched(&self, context: StepContext<'_>, nest: &BoundNest, reads: usize) -> bool {
        let loops = nest.loops;
        let extents = &self.program.extents[loops.extents.range()];
        let Some(along) = (loops.kept + loops.reduced).checked_sub(1) else { return false };
        let [outer, inner] = [extents[along + 1], nest.grid.block_extents[1]];
        let indexed = self.lists.loop_of_axis.contains(&Some(along));
        let fits = loops.operands.len + 2 * reads <= MAX_LISTS;
        let worth = extents[along] >= MIN_POSITIONS && outer == 1 && inner <= MAX_POINTS;
        // A block of a kept loop is then a number of positions.
        let whole = loops.reduced > 0 || nest.grid.block_counts == [1, 1];
        let scatters = context.step.write.has_indirect();
        let moves = self.program.strides[loops.strides + along * loops.operands.len] != 0;
        // A kernel may run two loops only if different points have different targets; a scatter kernel takes its rows one
        // after another.
        let apart = context.coverage.injective || scatters || inner == 1 || !moves;
        indexed && fits && worth && whole && apart && (!scatters || context.dtype == context.compute)
    }
}
