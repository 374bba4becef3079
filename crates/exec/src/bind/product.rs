//! Binds large matrix products: their sides are lists of loops with the real strides, which blocks pack and tiles store
//! through. No operand is copied.

use einfold_ir::{Fold, Groups, Loops, Plan};

use super::Binder;
use super::compensated_sum::MAX_ADDITIONS;
use super::step::{StepContext, TargetInit};
use crate::bound_program::{BaseAddress, BoundProduct, CompensatedSum, ListRange, Op};
use crate::error::BindError;
use crate::kernels::{MAX_BLOCK_LANES, MAX_SIDE_LOOPS, PRODUCT_DEPTH, ProductKernels, Side, SideLoop, quad_distance};

/// The most positions of k, rows and lanes in a block: the lanes stay in the second-level cache. A block of elements of
/// 16 bytes has half as many lanes.
const BLOCK_DEPTH: usize = 2 * PRODUCT_DEPTH;
const BLOCK_ROWS: usize = 512;
const BLOCK_LANES: usize = 144;
/// The fewest bytes of a result that is written past the caches.
const STREAM_BYTES: usize = 16 << 20;
/// The numbers of A, B and C in the strides of a group.
const A: usize = 0;
const B: usize = 1;
const C: usize = 2;

/// The fewest points of a product whose sides are lists of loops.
const LEAST_POINTS: usize = 1 << 15;
/// The fewest bytes of the operands and the result of a product of plain matrices.
const LEAST_BYTES: usize = 8 << 20;
/// The fewest rows, and the fewest lanes, of a product of plain matrices.
const LEAST_SIDE: usize = 32;

impl Binder<'_> {
    /// Whether a product of elements of `size` bytes is faster in packed blocks than as `fold` folds it into matrices.
    pub(super) fn pays_in_blocks(&self, groups: &Groups, fold: &Fold, size: usize) -> bool {
        let product = |s: &[usize]| s.iter().fold(1usize, |n, &e| n.saturating_mul(e));
        if fold.is_plain() {
            let [m, n, k] = fold.extents();
            let elements = [[m, k], [k, n], [m, n]].map(|s| product(&s)).into_iter().fold(0, usize::saturating_add);
            return m.min(n) >= LEAST_SIDE && elements.saturating_mul(size) >= LEAST_BYTES;
        }
        let [batches, m, n, k] = [&groups.batch, &groups.m, &groups.n, &groups.k].map(|l| product(l.extents()));
        let points = product(&[m, n, k]);
        // The products of a batch run one after another, each on all threads.
        let shared = usize::try_from(self.plan.machine.least_shared_points()).unwrap_or(usize::MAX);
        points >= if batches > 1 { shared } else { LEAST_POINTS }
    }

    /// Binds a step as a product of packed blocks. Returns whether it did; otherwise the step is bound another way.
    pub(super) fn product(
        &mut self,
        context: StepContext<'_>,
        kernels: ProductKernels,
        groups: &mut Groups,
        init: TargetInit,
    ) -> Result<bool, BindError> {
        let upright = least(&groups.n, C) <= least(&groups.m, C);
        let Groups { batch, m, n, k } = groups;
        let ([rows, lanes], [a, b]) = if upright { ([m, n], [A, B]) } else { ([n, m], [B, A]) };
        arrange(batch, C, C);
        arrange_sides([rows, lanes, k], [a, b]);
        if [&*rows, lanes, k].into_iter().any(|side| side.len() > MAX_SIDE_LOOPS) {
            return Ok(false);
        }
        let extents = [points(rows), points(lanes), points(k)];
        let before = self.program.sides.len();
        let sides = [self.push_side(rows, [a, C]), self.push_side(lanes, [b, C]), self.push_side(k, [a, b])];
        let depth = extents[2].min(BLOCK_DEPTH);
        let block_lanes = block_lanes(&self.program.sides[sides[1].range()], kernels.size, depth);
        let blocks = [extents[0].min(BLOCK_ROWS), extents[1].min(block_lanes), depth];
        let area = |positions: usize| (positions * depth * kernels.size).next_multiple_of(Plan::ALIGN);
        let areas = [area(blocks[0]), area(blocks[1].next_multiple_of(kernels.lanes))];
        if !self.can_pack(areas[0] + areas[1]) {
            self.program.sides.truncate(before);
            return Ok(false);
        }
        let packed = [self.pack(Some(areas[0]))?, self.pack(Some(areas[1]))?];
        let first = self.program.operands.len();
        for access in [&context.step.write, &context.step.reads[a], &context.step.reads[b]] {
            self.push_access(access, context.loops, None);
        }
        let operands = ListRange::since(first, &self.program.operands);
        let product = BoundProduct {
            packed: packed.map(|at| self.push_base(BaseAddress::Packed(at), context.loops)),
            loops: self.push_outer_loops(batch, 0, [C, a, b], operands),
            kernels,
            extents,
            blocks,
            sides,
            alpha: context.alpha.map(|base| self.push_base(base, context.loops)),
            accumulate: init == TargetInit::Accumulate,
            stream: extents[0].saturating_mul(extents[1]).saturating_mul(kernels.size) >= STREAM_BYTES,
            compensated: self.product_pairs(context, extents, points(batch))?,
        };
        let points = extents.iter().fold(points(batch), |n, &e| n.saturating_mul(e));
        self.program.points = self.program.points.saturating_add(points as u64);
        self.program.ops.push(Op::Product(product));
        Ok(true)
    }

    /// The compensated sum of a product with a long contracted axis.
    fn product_pairs(
        &mut self,
        context: StepContext<'_>,
        [rows, lanes, k]: [usize; 3],
        batches: usize,
    ) -> Result<Option<CompensatedSum>, BindError> {
        let every = MAX_ADDITIONS * PRODUCT_DEPTH / BLOCK_DEPTH;
        match self.step_kernels(context)?.compensate.filter(|_| k.div_ceil(BLOCK_DEPTH) > every) {
            Some(kernel) => self.pairs(kernel, [batches, rows * lanes], context.compute.size(), every, context.loops),
            None => Ok(None),
        }
    }

    fn push_side(&mut self, side: &Loops, operands: [usize; 2]) -> ListRange {
        let first = self.program.sides.len();
        for l in 0..side.len() {
            let strides = operands.map(|x| side.strides(l)[x]);
            self.program.sides.push(SideLoop { extent: side.extents()[l], strides });
        }
        ListRange::since(first, &self.program.sides)
    }
}

/// The most lanes of a block: whole squares where they are packed in squares, with whole cache lines of the operand if the
/// panels then still fit the first-level cache.
fn block_lanes(lanes: &[SideLoop], size: usize, depth: usize) -> usize {
    const LINE: usize = 64;
    const NEAR: usize = 40 << 10;
    let most = if size > 8 { BLOCK_LANES / 2 } else { BLOCK_LANES };
    let distance = quad_distance(Side::new(lanes), size).unwrap_or(MAX_BLOCK_LANES);
    let fits = |lanes: usize, bytes: usize| lanes <= MAX_BLOCK_LANES && lanes * depth * size <= bytes;
    let lines = [LINE / size, LINE / size / 2].map(|count| count.max(4) * distance);
    let squares = 4 * distance;
    match lines.into_iter().find(|&lanes| fits(lanes, NEAR)) {
        Some(lanes) => lanes,
        None if fits(squares, BLOCK_LANES * BLOCK_DEPTH * 8) => squares,
        None => most,
    }
}

/// Orders the loops of rows, lanes and k; `a` and `b` are the operands of rows and lanes.
fn arrange_sides([rows, lanes, k]: [&mut Loops; 3], [a, b]: [usize; 2]) {
    // Neighbouring positions are neighbours in the larger of the operand and C.
    let [by_rows, by_lanes] = [points(lanes), points(rows)].map(|other| other > points(k));
    arrange(k, if points(rows) < points(lanes) { b } else { a }, A);
    arrange(rows, if by_rows { C } else { a }, C);
    arrange(lanes, if by_lanes { C } else { b }, C);
    // Where C and the operand are contiguous along different loops, both are innermost, so that squares are transposed.
    innermost(lanes, b);
    innermost(lanes, C);
}

/// The number of positions.
fn points(side: &Loops) -> usize {
    side.extents().iter().product()
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
