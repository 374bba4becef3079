//! How an operation is cut into blocks, from its shape alone.

use super::Binder;
use crate::bound_program::{Grid, LoopNest};

/// Points of one task of a nest: some tens of microseconds, so that a cancellation is seen soon and a task is worth its start.
pub(super) const TASK_POINTS: usize = 1 << 16;
/// The loops of a kernel are cut at multiples of this, so that vectors and cache lines stay whole.
const EDGE: usize = 64;
/// Where the other loop of the kernel is reduced, only so many of its sums need to stay together.
const REDUCED_EDGE: usize = 8;

/// Where ids decide which rows are touched, rows are cut into at most so many pieces, for each reads all ids.
const MAX_INDEXED_BLOCKS: usize = 8;
/// Bytes that such a piece has at least: lines are fetched in pairs.
const MIN_INDEXED_BYTES: usize = 128;

impl Binder<'_> {
    /// Cuts a nest: into the positions of its kept loops and, where one of them is more than a task, the kernel's loops where
    /// the target, of elements of `size` bytes, moves.
    pub(super) fn grid(&self, loops: LoopNest, split: bool, size: usize) -> Grid {
        let sizes = &self.program.sizes[loops.sizes.range()];
        let outer = loops.kept + loops.reduced;
        let product = |s: &[usize]| s.iter().fold(1usize, |n, &e| n.saturating_mul(e));
        let n = [sizes[outer], sizes[outer + 1]];
        let mut block_extents = n;
        let rows = product(&sizes[..loops.kept]);
        let moves = |l: usize| self.program.strides[loops.strides + (outer + l) * loops.operands.len] != 0;
        if split && !self.lists.indexed.is_empty() {
            let edge = [1, (MIN_INDEXED_BYTES / size.max(1)).max(1)];
            let cut = [0, 1].into_iter().find(|&l| moves(l) && n[l] > 1 && rows < MAX_INDEXED_BLOCKS);
            if let Some(l) = cut.filter(|_| product(sizes) > TASK_POINTS) {
                block_extents[l] = n[l].min(n[l].div_ceil(MAX_INDEXED_BLOCKS).next_multiple_of(edge[l]));
            }
        } else if split {
            let repeats = product(&sizes[loops.kept..outer]);
            let edge = if moves(0) && moves(1) { EDGE } else { REDUCED_EDGE };
            // The outer one first: rows stay whole.
            for l in [0, 1].into_iter().filter(|&l| moves(l)) {
                let others = repeats.saturating_mul(block_extents[1 - l]);
                block_extents[l] = n[l].min((TASK_POINTS / others).max(1).next_multiple_of(edge));
            }
        }
        let block_counts = [n[0].div_ceil(block_extents[0]), n[1].div_ceil(block_extents[1])];
        let blocks = rows.saturating_mul(block_counts[0]).saturating_mul(block_counts[1]);
        let points = product(sizes);
        Grid {
            block_extents,
            block_counts,
            blocks_per_task: (TASK_POINTS / (points / blocks).max(1)).max(1),
            blocks,
            points: points as u64,
        }
    }
}
