//! Long sums in blocks: how many points a kernel takes at a time, and where the sums of blocks go.
//!
//! An addition that rounds may be repeated only so often before its result is moved to a pair of twice the precision
//! (`kernels/carry.rs`). What a block is follows from the shape alone, so the result does not depend on threads.

use einfold_ir::{Axis, Plan};

use super::Binder;
use super::nest::Actions;
use super::step::{Start, Work};
use crate::error::BindError;
use crate::kernels::Carry;
use crate::program::{Action, Batch, Grid, Home, Loops, Nest, Span, Sums};
use crate::run::BATCH;

/// Points of one call of a kernel, and between two looks at the cancel flag: some milliseconds where a point takes long.
pub(super) const WORK: usize = 1 << 18;
/// Additions to one element that are made in a row.
pub(super) const DEEP: usize = 64;
/// Points for each element of the target before it is carried, where ids or windows decide which elements are met.
const POINTS: usize = 16;
/// Below this a kernel that adds rows takes them as columns.
const SHORT: usize = 8;
/// The fewest single elements that are scattered in one call.
const SINGLE: usize = 256;

/// What the loops of a kernel do to the target.
#[derive(Clone, Copy)]
struct Calls {
    /// The most positions of each loop.
    n: [usize; 2],
    /// Along which of them the target stays.
    stays: [bool; 2],
    /// The most points of a part.
    points: usize,
}

impl Calls {
    /// How often a call adds to one element. A row is summed apart, and so are blocks of rows.
    fn additions(self) -> usize {
        let Calls { n, stays, points } = self;
        let columns = n[1].min(points);
        let rows = n[0].min((points / columns).max(1));
        let parts = |l: usize, len: usize| if stays[l] { n[l].div_ceil(len) } else { 1 };
        let within = match stays {
            [true, false] if columns >= SHORT || rows <= columns => rows.min(DEEP.max(rows / DEEP)),
            [false, true] if columns < SHORT && rows > columns => columns,
            _ => 1,
        };
        parts(0, rows) * parts(1, columns) * within
    }
}

/// The bytes that the pairs of so many elements take, those of all lanes apart.
pub(super) fn pair_bytes(elements: usize, size: usize) -> Option<usize> {
    elements.checked_mul(size)?.checked_next_multiple_of(Plan::ALIGN)?.checked_mul(2)
}

impl Binder<'_> {
    /// How many positions of each kernel loop one call takes. Where the target may be cut, `grid` has cut it.
    pub(super) fn strip(&self, loops: Loops, grid: Grid, split: bool, actions: Actions, rounds: bool) -> [usize; 2] {
        let n = grid.piece;
        let work = match actions.rest {
            Action::Staged(stage) if rounds => WORK.min(stage.points.saturating_mul(DEEP)),
            _ => WORK,
        };
        let [outer, inner] = [0, 1].map(|l| !split || self.inner_stride(loops, l) == 0);
        let mut strip = n;
        if outer {
            let most = if rounds && !inner { DEEP * DEEP } else { usize::MAX };
            strip[0] = (work / n[1]).clamp(1, most).min(n[0]);
        }
        if inner {
            strip[1] = (work / strip[0]).max(1).min(n[1]);
        }
        if let (true, Action::Staged(stage)) = (rounds, actions.rest) {
            // Parts add to the target themselves.
            let calls = Calls { n: strip, stays: [outer, inner], points: stage.points };
            let along = usize::from(!outer);
            strip[along] = (strip[along] / calls.additions().div_ceil(DEEP)).max(1);
        }
        strip
    }

    /// The stride of the target in a loop of the kernel.
    fn inner_stride(&self, loops: Loops, l: usize) -> isize {
        self.program.strides[loops.strides + (loops.kept + loops.reduced + l) * loops.operands.len]
    }

    /// The kernel that adds up sums of blocks, for a step that adds and rounds.
    pub(super) fn carry(&self, work: Work<'_>, start: Start) -> Result<Option<Carry>, BindError> {
        match start {
            Start::Touch | Start::Add if work.dtype == work.compute => Ok(self.step_kernels(work)?.carry),
            _ => Ok(None),
        }
    }

    /// Decides whether and how the nest of a step adds up sums of blocks.
    pub(super) fn sums(
        &mut self,
        work: Work<'_>,
        kernel: Carry,
        split: bool,
        nest: &mut Nest,
    ) -> Result<(), BindError> {
        // Turns of a region may have parts of the target that other turns work on.
        if !split && !work.loops.is_empty() {
            return Ok(());
        }
        let loops = nest.loops;
        let sizes = &self.program.sizes[loops.sizes.range()];
        let product = |s: &[usize]| s.iter().fold(1usize, |n, &e| n.saturating_mul(e));
        let outer = loops.kept + loops.reduced;
        let (rows, reduced) = (product(&sizes[..loops.kept]), product(&sizes[loops.kept..outer]));
        let along = outer.checked_sub(1).map_or(1, |l| sizes[l]);
        let full = [sizes[outer], sizes[outer + 1]];
        let single = full == [1, 1];
        let moves = [0, 1].map(|l| self.inner_stride(loops, l) != 0);
        let inside = |n: [usize; 2]| if split { (0..2).filter(|&l| moves[l]).map(|l| n[l]).product() } else { 1usize };
        let write = &work.step.write;
        let buffer = self.plan.buffer(write.tensor);
        let dims = (0..buffer.extents.len()).filter(|&d| !split || write.indices[d].has_ids());
        let met = product(&dims.clone().map(|d| buffer.extents[d]).collect::<smallvec::SmallVec<[usize; 8]>>());
        let strips = (0..2).map(|l| nest.grid.piece[l].div_ceil(nest.strip[l])).product::<usize>();
        let (mut calls, mut n, mut stays) = (reduced.saturating_mul(strips), nest.strip, moves.map(|m| !m));
        if let Some(batch) = nest.batch.as_mut().filter(|_| loops.reduced > 0) {
            if write.has_ids() {
                // Runs of single elements are summed apart.
                let most = if met == 1 && single { BATCH } else { met.saturating_mul(POINTS) };
                let least = if single { SINGLE } else { DEEP };
                batch.rows = most.clamp(least, BATCH).next_power_of_two();
            }
            calls = (reduced / along).saturating_mul(along.div_ceil(batch.rows));
            n = [batch.rows.min(along), nest.grid.piece[1]];
            stays = [true, !moves[1]];
        }
        let points = match (nest.batch, nest.rest) {
            (Some(Batch { stage, .. }), _) | (None, Action::Staged(stage)) => stage.points,
            _ => usize::MAX,
        };
        let swept = met.saturating_mul(inside(nest.grid.piece));
        let worth = swept.saturating_mul(POINTS).div_ceil(n[0] * n[1]);
        // Rows that are scattered, and windows, meet elements of their own.
        let deep = match (write.has_ids(), nest.batch) {
            (true, Some(_)) => {
                if met == 1 && single {
                    SHORT / 2
                } else {
                    1
                }
            }
            _ => DEEP / Calls { n, stays, points }.additions().min(DEEP),
        };
        let every = deep.max(worth);
        let row = met.saturating_mul(inside(full));
        if calls > every {
            nest.sums = self.push_sums(work, kernel, [rows, row], every, split)?;
        }
        Ok(())
    }

    /// The pairs of the target of a nest, if there is memory for them.
    fn push_sums(
        &mut self,
        work: Work<'_>,
        kernel: Carry,
        elements: [usize; 2],
        calls: usize,
        split: bool,
    ) -> Result<Option<Sums>, BindError> {
        let Some(mut sums) = self.pairs(kernel, elements, work.compute.size(), calls, work.loops)? else {
            return Ok(None);
        };
        let write = &work.step.write;
        let buffer = self.plan.buffer(write.tensor);
        let (sizes, strides) = (self.program.sizes.len(), self.program.strides.len());
        for (dim, &extent) in buffer.extents.iter().enumerate() {
            if !split || write.indices[dim].has_ids() {
                self.program.sizes.push(extent);
                let stride = self.buffer_stride(write.tensor, dim);
                self.program.strides.push(stride);
            }
        }
        sums.swept = Span::since(sizes, &self.program.sizes);
        sums.strides = strides;
        sums.whole = (!split).then(|| self.push_home(self.home(write.tensor), work.loops));
        Ok(Some(sums))
    }

    /// Pairs for `rows` times `row` elements of `size` bytes, if there is memory for them.
    pub(super) fn pairs(
        &mut self,
        kernel: Carry,
        [rows, row]: [usize; 2],
        size: usize,
        calls: usize,
        loops: &[Axis],
    ) -> Result<Option<Sums>, BindError> {
        let bytes = rows.checked_mul(row).and_then(|elements| pair_bytes(elements, size));
        if !self.affords(bytes.unwrap_or(usize::MAX)) {
            return Ok(None);
        }
        let at = self.pack(bytes)?;
        let pairs = self.push_home(Home::Packed(at), loops);
        let low = bytes.unwrap_or(0) / 2;
        let none = Span::default();
        Ok(Some(Sums { kernel, pairs, low, row: row * size, size, swept: none, strides: 0, whole: None, calls }))
    }
}
