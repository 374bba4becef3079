//! Binds matrix products: in place where the sides are matrix axes as they lie, else in packed blocks, or as a nest.

use einfold_ir::{AxisRef, Gemm};

use super::Binder;
use super::compensated_sum::MAX_ADDITIONS;
use super::step::{StepContext, TargetInit};
use crate::bound_program::{BaseAddress, BoundGemm, Grid, ListRange, LoopNest, Op};
use crate::error::BindError;
use crate::kernels::{Fused, GemmFn, MAX_SIDE_LOOPS, UnaryFn};
use crate::loops::{Loops, product};

/// The most rows and lanes of C in one block, which one kernel call computes. A kernel packs the lanes for each block, so
/// one thread prefers blocks of many rows, and many threads prefer many blocks.
const BLOCK: [usize; 2] = [256, 144];
/// The same for a matrix of few rows.
const FLAT_BLOCK: [usize; 2] = [64, 512];
/// The extents of a part of C are multiples of these, so that most of its tiles are whole.
const EDGES: [usize; 2] = [8, 48];
/// The flops of one kernel call, times the bytes of an element: some milliseconds.
const CALL_FLOP_BYTES: usize = 1 << 29;
/// The extent of k in one call is a multiple of this, after which every kernel adds to C.
const K_STRIP: usize = 256;
/// The fewest bytes of operands from which on packed blocks are faster than a product in place.
const LEAST_PACKED_BYTES: usize = 5 << 20;
/// The fewest rows, and the fewest lanes, of such a product.
const LEAST_PACKED_SIDE: usize = 32;
/// The fewest bytes of a result from which on packed blocks, which may write it past the caches, are faster.
const LEAST_RESULT_BYTES: usize = 16 << 20;
/// The fewest products along a contiguous axis of a batch, and the most rows, lanes and contracted positions of each, that
/// run as a nest with the batch inside.
const LEAST_BATCH: usize = 64;
const SMALL_SIDE: usize = 12;
/// The fewest bytes of a run of lanes in C that is written at full speed wherever it lies.
const LONG_RUN: usize = 1 << 10;
/// The numbers of A, B and C in the strides of a group.
pub(super) const A: usize = 0;
pub(super) const B: usize = 1;
pub(super) const C: usize = 2;

/// The axes of a matrix product in groups, with their strides in bytes in A, B and C.
#[derive(Debug)]
pub(super) struct Groups {
    pub(super) batch: Loops,
    pub(super) m: Loops,
    pub(super) n: Loops,
    pub(super) k: Loops,
}

impl Default for Groups {
    fn default() -> Groups {
        let [batch, m, n, k] = std::array::from_fn(|_| Loops::new(3));
        Groups { batch, m, n, k }
    }
}

impl Groups {
    /// Removes all axes, keeping the memory.
    pub(super) fn clear(&mut self) {
        let Groups { batch, m, n, k } = self;
        [batch, m, n, k].into_iter().for_each(|group| group.reset(3));
    }

    /// The group of an axis, by whether A, B and C have it.
    pub(super) fn of(&mut self, has: [bool; 3]) -> &mut Loops {
        match has {
            [true, false, _] => &mut self.m,
            [false, _, _] => &mut self.n,
            [true, true, false] => &mut self.k,
            [true, true, true] => &mut self.batch,
        }
    }
}

/// The sides of a product.
pub(super) struct Sides<'g> {
    /// The axes that number products.
    pub(super) batch: &'g Loops,
    /// Rows, lanes and contracted axes. C is contiguous along the lanes if it is along one side.
    pub(super) loops: [&'g Loops; 3],
    /// The numbers of C, of the operand of the rows and of the operand of the lanes.
    pub(super) operands: [usize; 3],
    /// The conversions of both operands.
    pub(super) loads: [Option<UnaryFn>; 2],
    /// The parts of a split product that these are; `None` for the product of a step.
    pub(super) part: Option<Part>,
}

/// The products of some parts of the contracted axis, one for each position of the outermost loop of their batch.
#[derive(Clone, Copy)]
pub(super) struct Part {
    /// The byte of packed memory where the first product begins.
    pub(super) at: usize,
    /// Bytes to the first contracted position in the operand of the rows and in that of the lanes.
    pub(super) start: [isize; 2],
}

impl Sides<'_> {
    /// The numbers of rows, lanes and contracted positions.
    pub(super) fn extents(&self) -> [usize; 3] {
        self.loops.map(Loops::points)
    }

    /// Whether the sides are the axes of matrices that a kernel can read in place.
    fn are_matrix_axes(&self) -> bool {
        self.loads.iter().all(Option::is_none) && self.loops.iter().all(|side| side.len() <= 1)
    }
}

impl Binder<'_> {
    /// Binds a step as a matrix product, or as a nest if there are no kernels for it.
    pub(super) fn gemm(&mut self, context: StepContext<'_>, axes: &Gemm, init: TargetInit) -> Result<(), BindError> {
        let fused = self.fused(context.step.algebra, context.compute)?;
        let fused = fused.filter(|_| context.dtype == context.compute && context.compute.size() != 0);
        let mut groups = std::mem::take(&mut self.lists.groups);
        self.gather_groups(context, axes, &mut groups);
        let done = match fused {
            Some(fused) => self.product_of_groups(context, fused, &mut groups, init),
            None => Ok(false),
        };
        self.lists.groups = groups;
        if done? { Ok(()) } else { self.nest(context, init) }
    }

    fn gather_groups(&self, context: StepContext<'_>, gemm: &Gemm, groups: &mut Groups) {
        groups.clear();
        let [a, b] = &context.step.reads[..] else { return };
        let Groups { batch, m, n, k } = groups;
        for (axes, group) in [(&gemm.batch, batch), (&gemm.m, m), (&gemm.n, n), (&gemm.k, k)] {
            for &axis in axes {
                let own = AxisRef::Own(axis);
                let strides = [a, b, &context.step.write].map(|x| self.stride(x, own));
                group.push(context.step.axes[axis as usize].extent, strides);
            }
        }
    }

    /// Binds a step with kernels as a product, and returns whether it did: a side may have too many loops.
    pub(super) fn product_of_groups(
        &mut self,
        context: StepContext<'_>,
        fused: Fused,
        groups: &mut Groups,
        init: TargetInit,
    ) -> Result<bool, BindError> {
        let Groups { batch, m, n, k } = groups;
        let upright = least(n, C) <= least(m, C);
        let ([rows, lanes], [a, b]) = if upright { ([m, n], [A, B]) } else { ([n, m], [B, A]) };
        arrange(batch, C, C);
        arrange_sides([rows, lanes, k], [a, b], context.compute.size());
        let loops: [&Loops; 3] = [rows, lanes, k];
        if loops.iter().any(|side| side.len() > MAX_SIDE_LOOPS) || is_inner_batch(batch, loops, context.compute.size())
        {
            return Ok(false);
        }
        let loads = [self.load(context, &context.step.reads[a])?, self.load(context, &context.step.reads[b])?];
        let sides = Sides { batch, loops, operands: [C, a, b], loads, part: None };
        if self.split_product(context, fused, &sides, init)? {
            return Ok(true);
        }
        self.push_product(context, fused, &sides, init)
    }

    /// Appends a product, in place or in packed blocks. Returns whether it did.
    pub(super) fn push_product(
        &mut self,
        context: StepContext<'_>,
        fused: Fused,
        sides: &Sides<'_>,
        init: TargetInit,
    ) -> Result<bool, BindError> {
        // The memory that a kernel allocates does not count against a limit, so it runs only without one.
        let in_place = fused.gemm.filter(|kernel| !kernel.allocates || self.options.memory.is_none());
        let in_place = in_place.filter(|kernel| {
            sides.are_matrix_axes() && (kernel.allocates || !pays_in_blocks(sides.extents(), context.compute.size()))
        });
        match in_place {
            Some(kernel) => self.push_gemm(context, kernel.run, sides, init).map(|()| true),
            None => self.product(context, fused.product, sides, init),
        }
    }

    /// Appends the operands of a product: C, then those of rows and lanes.
    pub(super) fn push_sides(&mut self, context: StepContext<'_>, sides: &Sides<'_>) -> ListRange {
        let [_, a, b] = sides.operands;
        let first = self.program.operands.len();
        match sides.part {
            Some(part) => self.push_base(BaseAddress::Packed(part.at), context.loops),
            None => self.push_access(&context.step.write, context.loops, None),
        };
        for (x, operand) in [a, b].into_iter().enumerate() {
            let operand = self.push_access(&context.step.reads[operand], context.loops, sides.loads[x]);
            let offset = &mut self.program.operands[operand].offset;
            *offset = offset.wrapping_add(sides.part.map_or(0, |part| part.start[x]));
        }
        ListRange::since(first, &self.program.operands)
    }

    fn push_gemm(
        &mut self,
        context: StepContext<'_>,
        gemm: GemmFn,
        sides: &Sides<'_>,
        init: TargetInit,
    ) -> Result<(), BindError> {
        let size = context.compute.size();
        let operands = self.push_sides(context, sides);
        let loops = self.push_outer_loops(sides.batch, sides.operands, operands);
        let alpha = context.alpha.map(|base| self.push_base(base, context.loops));
        let [rows, lanes, k] = sides.loops;
        let along = |side: &Loops, x: usize| if side.is_empty() { 0 } else { side.strides(0)[x] };
        let [c, a, b] = sides.operands;
        let strides =
            [[along(rows, c), along(lanes, c)], [along(rows, a), along(k, a)], [along(k, b), along(lanes, b)]];
        let extents = sides.extents();
        let grid = self.product_grid(loops, extents, if extents[0] <= BLOCK[0] { FLAT_BLOCK } else { BLOCK });
        let k_strip = k_strip(grid.block_extents, size).min(extents[2]);
        let calls = extents[2].div_ceil(k_strip);
        let every = (MAX_ADDITIONS / k_strip.div_ceil(K_STRIP)).max(1);
        let compensated = match self.step_kernels(context)?.compensate.filter(|_| calls > every) {
            Some(kernel) => {
                let batches = grid.blocks / (grid.block_counts[0] * grid.block_counts[1]);
                self.pairs(kernel, [batches, extents[0] * extents[1]], size, every, context.loops)?
            }
            None => None,
        };
        let accumulate = init == TargetInit::Accumulate;
        let single = loops.kept == 0 && grid.blocks == 1 && calls <= 1;
        let gemm = BoundGemm { loops, grid, single, gemm, extents, strides, alpha, accumulate, k_strip, compensated };
        self.program.points = self.program.points.saturating_add(grid.points);
        self.program.ops.push(Op::Gemm(gemm));
        Ok(())
    }

    /// Appends the loops outside of a kernel. `roles` are the numbers of the operands in the strides of `outer`.
    pub(super) fn push_outer_loops(&mut self, outer: &Loops, roles: [usize; 3], operands: ListRange) -> LoopNest {
        let (extents, strides) = (self.program.extents.len(), self.program.strides.len());
        self.program.extents.extend_from_slice(outer.extents());
        for l in 0..outer.len() {
            self.program.strides.extend(roles.map(|x| outer.strides(l)[x]));
        }
        let extents = ListRange::since(extents, &self.program.extents);
        LoopNest { operands, kept: outer.len(), reduced: 0, extents, strides }
    }

    /// The grid of products in `loops` whose results are divided into parts of at most `block` rows and lanes.
    pub(super) fn product_grid(&self, loops: LoopNest, [m, n, k]: [usize; 3], block: [usize; 2]) -> Grid {
        // Parts of nearly equal size, which threads finish at the same time.
        let part = |extent: usize, most: usize, edge: usize| {
            let even = extent.div_ceil(extent.div_ceil(most).max(1));
            even.checked_next_multiple_of(edge).unwrap_or(even).min(most).min(extent)
        };
        let block_extents = [part(m, block[0], EDGES[0]), part(n, block[1], EDGES[1])];
        let block_counts = [m.div_ceil(block_extents[0]), n.div_ceil(block_extents[1])];
        let batches = product(&self.program.extents[loops.extents.range()]);
        let blocks = product(&[batches, block_counts[0], block_counts[1]]);
        let points = product(&[batches, m, n, k]);
        // Small products share a task.
        let task = usize::try_from(self.plan.machine.least_shared_flops()).unwrap_or(usize::MAX);
        Grid {
            block_extents,
            block_counts,
            blocks_per_task: (task / (points / blocks).max(1)).max(1),
            blocks,
            points: points as u64,
        }
    }
}

/// Whether a nest has longer vectors along a batch that is contiguous in C than small products have along their lanes.
fn is_inner_batch(batch: &Loops, sides: [&Loops; 3], size: usize) -> bool {
    let Some(inner) = batch.len().checked_sub(1) else { return false };
    let long = batch.extents()[inner] >= LEAST_BATCH && batch.strides(inner)[C] == size as isize;
    long && sides.into_iter().all(|side| side.points() <= SMALL_SIDE)
}

/// Whether a product of matrices with elements of `size` bytes is faster in packed blocks than in place: if its operands are
/// large, or C is written past the caches.
fn pays_in_blocks([m, n, k]: [usize; 3], size: usize) -> bool {
    let operands = product(&[m, k]).saturating_add(product(&[k, n]));
    let large = operands.saturating_mul(size) >= LEAST_PACKED_BYTES || product(&[m, n, size]) >= LEAST_RESULT_BYTES;
    m.min(n) >= LEAST_PACKED_SIDE && large
}

/// The extent of k in one call over a block of C of elements of `size` bytes. Calls end where the kernel would add to C
/// in any case, so that a division into calls changes no bit, and add to C as often as is accurate for one sum.
fn k_strip(block_extents: [usize; 2], size: usize) -> usize {
    let call = CALL_FLOP_BYTES / size.max(1);
    (call / product(&block_extents).max(1) / K_STRIP).clamp(1, MAX_ADDITIONS) * K_STRIP
}

/// Orders the loops of rows, lanes and k; `a` and `b` are the operands of rows and lanes.
fn arrange_sides([rows, lanes, k]: [&mut Loops; 3], [a, b]: [usize; 2], size: usize) {
    // Neighbouring positions are neighbours in the larger of the operand and C.
    let [by_rows, by_lanes] = [lanes.points(), rows.points()].map(|other| other > k.points());
    arrange(k, if rows.points() < lanes.points() { b } else { a }, A);
    arrange(lanes, if by_lanes { C } else { b }, C);
    // Where C and the operand are contiguous along different loops, both are innermost, so that squares are transposed.
    innermost(lanes, b);
    innermost(lanes, C);
    // Long runs of lanes are written well in any order of the rows, which are then packed in that of a contiguous operand.
    let run = lanes.len().checked_sub(1).filter(|&l| lanes.strides(l)[C] == size as isize).map(|l| lanes.extents()[l]);
    let is_long = run.is_some_and(|run| run * size >= LONG_RUN) && least(rows, a) == size;
    arrange(rows, if by_rows && !is_long { C } else { a }, C);
}

/// The smallest stride in an operand.
fn least(side: &Loops, operand: usize) -> usize {
    (0..side.len()).map(|l| side.strides(l)[operand].unsigned_abs()).min().unwrap_or(usize::MAX)
}

/// Merges the loops, and orders them by their strides in `operand`.
fn arrange(side: &mut Loops, operand: usize, other: usize) {
    side.drop_units();
    for operand in [other, operand] {
        side.order_by(operand);
        side.merge();
    }
}

/// Moves the loop with the smallest stride in an operand innermost.
fn innermost(side: &mut Loops, operand: usize) {
    let least = (0..side.len()).min_by_key(|&l| side.strides(l)[operand].unsigned_abs());
    if let Some(least) = least {
        side.move_innermost(least);
    }
}
