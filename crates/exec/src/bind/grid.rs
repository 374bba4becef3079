//! Divides operations into blocks, from their shapes alone.

use super::Binder;
use crate::bound_program::{Grid, LoopNest};
use crate::loops::product;

/// Points of a task of a nest: some tens of microseconds, short enough for a prompt cancellation and long enough to
/// amortise the start of a task.
pub(super) const TASK_POINTS: usize = 1 << 16;
/// Block extents along the loops of a kernel are multiples of this, so that blocks have whole vectors and cache lines.
const EDGE: usize = 64;
/// The same where the other loop of the kernel is reduced: as few sums as this may form a block.
const REDUCED_EDGE: usize = 8;
/// Memory delivers shorter runs of rows than these bytes slowly, so that they form a block if there are [`MANY_BLOCKS`].
const RUN_BYTES: usize = 24 << 10;
const MANY_BLOCKS: usize = 32;

/// The largest number of blocks along a row that gather or scatter indices address: each block reads all indices.
const MAX_INDEXED_BLOCKS: usize = 8;
/// The fewest bytes of such a block: CPUs fetch cache lines in pairs.
const MIN_INDEXED_BYTES: usize = 128;

impl Binder<'_> {
    /// Divides a nest into the positions of its kept loops and, if one of them is more than a task, divides the loops of
    /// the kernel along which the target moves. The target has elements of `size` bytes.
    pub(super) fn grid(&self, loops: LoopNest, split: bool, size: usize) -> Grid {
        let extents = &self.program.extents[loops.extents.range()];
        let outer = loops.kept + loops.reduced;
        let n = [extents[outer], extents[outer + 1]];
        let mut block_extents = n;
        let rows = product(&extents[..loops.kept]);
        let moves = |l: usize| self.program.strides[loops.strides + (outer + l) * loops.operands.len] != 0;
        if split && !self.lists.indexed.is_empty() {
            let edge = [1, (MIN_INDEXED_BYTES / size.max(1)).max(1)];
            let cut = [0, 1].into_iter().find(|&l| moves(l) && n[l] > 1 && rows < MAX_INDEXED_BLOCKS);
            if let Some(l) = cut.filter(|_| product(extents) > TASK_POINTS) {
                block_extents[l] = n[l].min(n[l].div_ceil(MAX_INDEXED_BLOCKS).next_multiple_of(edge[l]));
            }
        } else if split {
            let repeats = product(&extents[loops.kept..outer]);
            let edge = if moves(0) && moves(1) { EDGE } else { REDUCED_EDGE };
            let run = if moves(0) { 1 } else { rows.saturating_mul(n[1]) / MANY_BLOCKS };
            let run = run.clamp(1, (RUN_BYTES / size.max(1)).max(1));
            // The outer loop first, so that rows stay whole.
            for l in [0, 1].into_iter().filter(|&l| moves(l)) {
                let others = repeats.saturating_mul(block_extents[1 - l]);
                block_extents[l] = n[l].min((TASK_POINTS / others).max(run).next_multiple_of(edge));
            }
        }
        let block_counts = [n[0].div_ceil(block_extents[0]), n[1].div_ceil(block_extents[1])];
        let blocks = rows.saturating_mul(block_counts[0]).saturating_mul(block_counts[1]);
        let points = product(extents);
        Grid {
            block_extents,
            block_counts,
            blocks_per_task: (TASK_POINTS / (points / blocks).max(1)).max(1),
            blocks,
            points: points as u64,
        }
    }
}
