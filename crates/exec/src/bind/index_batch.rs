//! Whether a nest with ids runs many positions of a loop at once.

use super::Binder;
use super::loop_order::LoopConstraints;
use super::step::{StepContext, TargetInit};
use crate::bound_program::{BoundNest, IndexBatch, IndexOp};
use crate::error::BindError;
use crate::run::{MAX_BATCH, MAX_LISTS};

/// Positions below which a batch is not worth its start.
const MIN_POSITIONS: usize = 4;
/// Points of a position above which it is worth a call of its own.
const MAX_POINTS: usize = 512;

impl Binder<'_> {
    /// How the nest of a step runs in batches along its last outer loop, if it does.
    pub(super) fn index_batch(
        &mut self,
        context: StepContext<'_>,
        init: TargetInit,
        constraints: LoopConstraints,
        nest: &BoundNest,
    ) -> Result<Option<IndexBatch>, BindError> {
        let reads =
            self.program.index_ops[nest.index_ops.range()].iter().filter(|id| matches!(id, IndexOp::Read(_))).count();
        let adds = matches!(init, TargetInit::WriteFirst | TargetInit::Accumulate);
        // Scattered rows are added.
        let scatters = context.step.write.has_ids();
        if (scatters && !adds) || !self.is_batched(context, constraints, nest, reads) {
            return Ok(None);
        }
        let tile_plan = self.tile_plan(context, init, nest.loops.operands, adds, true)?;
        let clear = match init {
            TargetInit::WriteFirst => Some(self.step_kernels(context)?.fill_zero),
            TargetInit::Write | TargetInit::WriteBeta(_) | TargetInit::Accumulate => None,
        };
        Ok(Some(IndexBatch { tile_plan, clear, reads, rows: MAX_BATCH }))
    }

    fn is_batched(
        &self,
        context: StepContext<'_>,
        constraints: LoopConstraints,
        nest: &BoundNest,
        reads: usize,
    ) -> bool {
        let loops = nest.loops;
        let sizes = &self.program.sizes[loops.sizes.range()];
        let Some(along) = (loops.kept + loops.reduced).checked_sub(1) else { return false };
        let [outer, inner] = [sizes[along + 1], nest.grid.block_extents[1]];
        let indexed = self.lists.loop_of_axis.contains(&Some(along));
        let fits = loops.operands.len + 2 * reads <= MAX_LISTS;
        let worth = sizes[along] >= MIN_POSITIONS && outer == 1 && inner <= MAX_POINTS;
        // A block is then several positions.
        let whole = loops.reduced > 0 || nest.grid.block_counts == [1, 1];
        let scatters = context.step.write.has_ids();
        let moves = self.program.strides[loops.strides + along * loops.operands.len] != 0;
        // Where targets may meet, a kernel may not have two loops in flight; rows that are scattered come one after another.
        let apart = constraints.may_split || scatters || inner == 1 || !moves;
        indexed && fits && worth && whole && apart && (!scatters || context.dtype == context.compute)
    }
}
