//! How an operation is cut into blocks, from its shape alone.

use super::Binder;
use crate::program::{Grid, Loops};

/// Points of one task of a nest: some tens of microseconds, so that a cancellation is seen soon and a task is worth its start.
pub(super) const TASK: usize = 1 << 16;
/// The loops of a kernel are cut at multiples of this, so that vectors and cache lines stay whole.
const EDGE: usize = 64;
/// Where the other loop of the kernel is reduced, only so many of its sums need to stay together.
const ROWS: usize = 8;

/// Where ids decide which rows are touched, rows are cut into at most so many pieces, for each reads all ids.
const PIECES: usize = 8;
/// Bytes that such a piece has at least: lines are fetched in pairs.
const LINES: usize = 128;

impl Binder<'_> {
    /// Cuts a nest: into the positions of its kept loops and, where one of them is more than a task, the kernel's loops where
    /// the target, of elements of `size` bytes, moves.
    pub(super) fn grid(&self, loops: Loops, split: bool, size: usize) -> Grid {
        let sizes = &self.program.sizes[loops.sizes.range()];
        let outer = loops.kept + loops.reduced;
        let product = |s: &[usize]| s.iter().fold(1usize, |n, &e| n.saturating_mul(e));
        let n = [sizes[outer], sizes[outer + 1]];
        let mut piece = n;
        let rows = product(&sizes[..loops.kept]);
        let moves = |l: usize| self.program.strides[loops.strides + (outer + l) * loops.operands.len] != 0;
        if split && !self.work.indexed.is_empty() {
            let edge = [1, (LINES / size.max(1)).max(1)];
            let cut = [0, 1].into_iter().find(|&l| moves(l) && n[l] > 1 && rows < PIECES);
            if let Some(l) = cut.filter(|_| product(sizes) > TASK) {
                piece[l] = n[l].min(n[l].div_ceil(PIECES).next_multiple_of(edge[l]));
            }
        } else if split {
            let repeats = product(&sizes[loops.kept..outer]);
            let edge = if moves(0) && moves(1) { EDGE } else { ROWS };
            // The outer one first: rows stay whole.
            for l in [0, 1].into_iter().filter(|&l| moves(l)) {
                let others = repeats.saturating_mul(piece[1 - l]);
                piece[l] = n[l].min((TASK / others).max(1).next_multiple_of(edge));
            }
        }
        let pieces = [n[0].div_ceil(piece[0]), n[1].div_ceil(piece[1])];
        let blocks = rows.saturating_mul(pieces[0]).saturating_mul(pieces[1]);
        let points = product(sizes);
        Grid { piece, pieces, grain: (TASK / (points / blocks).max(1)).max(1), blocks, points: points as u64 }
    }
}
