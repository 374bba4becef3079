//! Divides long sums into blocks: how many points a kernel call takes, and where the sums of blocks are added.
//!
//! Only a limited number of rounding additions may follow each other before their result moves to a pair of twice the
//! precision (`kernels/compensated.rs`). The blocks follow from the shape alone, so the result does not depend on the
//! number of threads.

use einfold_ir::{Axis, Plan};

use super::Binder;
use super::nest::Actions;
use super::step::{StepContext, TargetInit};
use crate::bound_program::{BaseAddress, BoundNest, CompensatedSum, Grid, IndexBatch, ListRange, LoopNest, TileAction};
use crate::error::BindError;
use crate::kernels::CompensateFn;
use crate::loops::product;
use crate::run::MAX_BATCH;

/// The largest number of points of a kernel call, and between two checks of the cancellation flag: some milliseconds for
/// slow points.
pub(super) const MAX_CALL_POINTS: usize = 1 << 18;
/// The largest number of consecutive additions to one element.
pub(super) const MAX_ADDITIONS: usize = 64;
/// Points per element of the target between two moves to the pairs, where index tensors or windows decide which elements
/// are written.
const POINTS: usize = 16;
/// Below this number of columns, a kernel that adds rows exchanges the loops.
const SHORT: usize = 8;
/// The fewest single elements that one call scatters.
const SINGLE: usize = 256;

/// The extents of a kernel call and how the target moves in its loops.
#[derive(Clone, Copy)]
struct Calls {
    /// The largest extent of each loop.
    n: [usize; 2],
    /// Whether the target has stride 0 along each loop.
    stays: [bool; 2],
    /// The largest number of points of a part.
    points: usize,
}

impl Calls {
    /// The number of additions of a call to one element. A kernel sums a row, and a block of rows, apart from the target.
    fn additions(self) -> usize {
        let Calls { n, stays, points } = self;
        let columns = n[1].min(points);
        let rows = n[0].min((points / columns).max(1));
        let parts = |l: usize, len: usize| if stays[l] { n[l].div_ceil(len) } else { 1 };
        let within = match stays {
            [true, false] if columns >= SHORT || rows <= columns => rows.min(MAX_ADDITIONS.max(rows / MAX_ADDITIONS)),
            [false, true] if columns < SHORT && rows > columns => columns,
            _ => 1,
        };
        parts(0, rows) * parts(1, columns) * within
    }
}

/// Bytes of the pairs of `elements` elements.
pub(super) fn pair_bytes(elements: usize, size: usize) -> Option<usize> {
    elements.checked_mul(size)?.checked_next_multiple_of(Plan::ALIGN)?.checked_mul(2)
}

impl Binder<'_> {
    /// The extents of one call along the two loops of the kernel. `grid` has divided the target where it may be divided.
    pub(super) fn strip(&self, loops: LoopNest, grid: Grid, split: bool, actions: Actions, rounds: bool) -> [usize; 2] {
        let n = grid.block_extents;
        let points = match actions.rest {
            TileAction::WithTemporaries(tile_plan) if rounds => {
                MAX_CALL_POINTS.min(tile_plan.points.saturating_mul(MAX_ADDITIONS))
            }
            _ => MAX_CALL_POINTS,
        };
        let [outer, inner] = [0, 1].map(|l| !split || self.inner_stride(loops, l) == 0);
        let mut strip = n;
        if outer {
            let most = if rounds && !inner { MAX_ADDITIONS * MAX_ADDITIONS } else { usize::MAX };
            strip[0] = (points / n[1]).clamp(1, most).min(n[0]);
        }
        if inner {
            strip[1] = (points / strip[0]).max(1).min(n[1]);
        }
        if let (true, TileAction::WithTemporaries(tile_plan)) = (rounds, actions.rest) {
            // Each part of a tile adds to the target.
            let calls = Calls { n: strip, stays: [outer, inner], points: tile_plan.points };
            let along = usize::from(!outer);
            strip[along] = (strip[along] / calls.additions().div_ceil(MAX_ADDITIONS)).max(1);
        }
        strip
    }

    /// The stride of the target in a loop of the kernel.
    fn inner_stride(&self, loops: LoopNest, l: usize) -> isize {
        self.program.strides[loops.strides + (loops.kept + loops.reduced + l) * loops.operands.len]
    }

    /// The kernel that adds the sums of blocks, for a step that adds and rounds.
    pub(super) fn compensate_kernel(
        &self,
        context: StepContext<'_>,
        init: TargetInit,
    ) -> Result<Option<CompensateFn>, BindError> {
        match init {
            TargetInit::WriteFirst | TargetInit::Accumulate if context.dtype == context.compute => {
                Ok(self.step_kernels(context)?.compensate)
            }
            _ => Ok(None),
        }
    }

    /// Decides whether and how the nest of a step adds sums of blocks.
    pub(super) fn compensate(
        &mut self,
        context: StepContext<'_>,
        kernel: CompensateFn,
        split: bool,
        nest: &mut BoundNest,
    ) -> Result<(), BindError> {
        // Iterations of a region may add to elements that other iterations add to.
        if !split && !context.loops.is_empty() {
            return Ok(());
        }
        let loops = nest.loops;
        let extents = &self.program.extents[loops.extents.range()];
        let outer = loops.kept + loops.reduced;
        let (rows, reduced) = (product(&extents[..loops.kept]), product(&extents[loops.kept..outer]));
        let along = outer.checked_sub(1).map_or(1, |l| extents[l]);
        let full = [extents[outer], extents[outer + 1]];
        let single = full == [1, 1];
        let moves = [0, 1].map(|l| self.inner_stride(loops, l) != 0);
        let inside = |n: [usize; 2]| if split { (0..2).filter(|&l| moves[l]).map(|l| n[l]).product() } else { 1usize };
        let write = &context.step.write;
        let buffer = self.plan.buffer(write.tensor);
        let dims = (0..buffer.extents.len()).filter(|&d| !split || write.indices[d].has_indirect());
        let met = product(&dims.clone().map(|d| buffer.extents[d]).collect::<smallvec::SmallVec<[usize; 8]>>());
        let strips = (0..2).map(|l| nest.grid.block_extents[l].div_ceil(nest.strip[l])).product::<usize>();
        let (mut calls, mut n, mut stays) = (reduced.saturating_mul(strips), nest.strip, moves.map(|m| !m));
        if let Some(batch) = nest.index_batch.as_mut().filter(|_| loops.reduced > 0) {
            if write.has_indirect() {
                // A scatter kernel sums runs of single elements apart.
                let most = if met == 1 && single { MAX_BATCH } else { met.saturating_mul(POINTS) };
                let least = if single { SINGLE } else { MAX_ADDITIONS };
                batch.rows = most.clamp(least, MAX_BATCH).next_power_of_two();
            }
            calls = (reduced / along).saturating_mul(along.div_ceil(batch.rows));
            n = [batch.rows.min(along), nest.grid.block_extents[1]];
            stays = [true, !moves[1]];
        }
        let points = match (nest.index_batch, nest.rest) {
            (Some(IndexBatch { tile_plan, .. }), _) | (None, TileAction::WithTemporaries(tile_plan)) => {
                tile_plan.points
            }
            _ => usize::MAX,
        };
        let swept = met.saturating_mul(inside(nest.grid.block_extents));
        let worth = swept.saturating_mul(POINTS).div_ceil(n[0] * n[1]);
        // Scattered rows and windows add to a new element with each row.
        let deep = match (write.has_indirect(), nest.index_batch) {
            (true, Some(_)) => {
                if met == 1 && single {
                    SHORT / 2
                } else {
                    1
                }
            }
            _ => MAX_ADDITIONS / Calls { n, stays, points }.additions().min(MAX_ADDITIONS),
        };
        let every = deep.max(worth);
        let row = met.saturating_mul(inside(full));
        if calls > every {
            nest.compensated = self.push_compensated_sum(context, kernel, [rows, row], every, split)?;
        }
        Ok(())
    }

    /// Reserves the pairs of the target of a nest, if memory allows.
    fn push_compensated_sum(
        &mut self,
        context: StepContext<'_>,
        kernel: CompensateFn,
        elements: [usize; 2],
        calls: usize,
        split: bool,
    ) -> Result<Option<CompensatedSum>, BindError> {
        let Some(mut sum) = self.pairs(kernel, elements, context.compute.size(), calls, context.loops)? else {
            return Ok(None);
        };
        let write = &context.step.write;
        let buffer = self.plan.buffer(write.tensor);
        let (extents, strides) = (self.program.extents.len(), self.program.strides.len());
        for (dim, &extent) in buffer.extents.iter().enumerate() {
            if !split || write.indices[dim].has_indirect() {
                self.program.extents.push(extent);
                let stride = self.buffer_stride(write.tensor, dim);
                self.program.strides.push(stride);
            }
        }
        sum.swept = ListRange::since(extents, &self.program.extents);
        sum.strides = strides;
        sum.whole = (!split).then(|| self.push_base(self.base(write.tensor), context.loops));
        Ok(Some(sum))
    }

    /// Reserves pairs for `rows` times `row` elements of `size` bytes, if memory allows.
    pub(super) fn pairs(
        &mut self,
        kernel: CompensateFn,
        [rows, row]: [usize; 2],
        size: usize,
        calls: usize,
        loops: &[Axis],
    ) -> Result<Option<CompensatedSum>, BindError> {
        let bytes = rows.checked_mul(row).and_then(|elements| pair_bytes(elements, size));
        if !self.can_pack(bytes.unwrap_or(usize::MAX)) {
            return Ok(None);
        }
        let at = self.pack(bytes)?;
        let pairs = self.push_base(BaseAddress::Packed(at), loops);
        let low = bytes.unwrap_or(0) / 2;
        let none = ListRange::default();
        Ok(Some(CompensatedSum {
            kernel,
            pairs,
            low,
            row: row * size,
            size,
            swept: none,
            strides: 0,
            whole: None,
            calls,
        }))
    }
}
