//! Splits products with few elements and a long contracted axis: parts of a fixed number of contracted positions have
//! products of their own, which are then added in order. Threads share the parts, which follow from the shape alone, so the
//! result does not depend on the number of threads.

use std::ops::Range;

use einfold_ir::Plan;

use super::Binder;
use super::gemm::{A, B, C, Part, Sides};
use super::nest::Actions;
use super::step::{StepContext, TargetInit};
use crate::bound_program::{BaseAddress, ListRange};
use crate::error::BindError;
use crate::kernels::Fused;
use crate::loops::{Loops, product};

/// The most elements of a result; threads share the elements of a larger one.
const MAX_ELEMENTS: usize = 1 << 15;
/// The fewest contracted positions of a part, which writes a product and adds it once.
const LEAST_DEPTH: usize = 2048;
/// The fewest points of a product that is split.
const LEAST_POINTS: usize = 1 << 22;
/// The fewest and the most parts. So few additions of parts need no compensated sum.
const PARTS: [usize; 2] = [4, 64];

/// A product that is split.
struct Split {
    /// The contracted loop that is divided.
    at: usize,
    /// The positions of that loop in a part.
    len: usize,
    /// The number of parts, with a shorter last one.
    count: usize,
    /// Bytes of the product of a part.
    bytes: usize,
    /// Batch, rows and lanes, with the strides of the product of a part in place of those of C.
    dense: [Loops; 3],
}

impl Split {
    /// The division of a product with elements of `size` bytes, if it is split.
    fn new(sides: &Sides<'_>, size: usize) -> Option<Split> {
        let [rows, lanes, k] = sides.loops;
        let elements = product(&[sides.batch.points(), rows.points(), lanes.points()]);
        let at = (0..k.len()).max_by_key(|&l| k.extents()[l])?;
        let inside = k.points() / k.extents()[at];
        let len = LEAST_DEPTH.max(k.points().div_ceil(PARTS[1])).div_ceil(inside);
        let count = k.extents()[at].div_ceil(len);
        if elements > MAX_ELEMENTS || product(&[elements, k.points()]) < LEAST_POINTS || count < PARTS[0] {
            return None;
        }
        let row = lanes.points() * size;
        let dense = [dense(sides.batch, rows.points() * row), dense(rows, row), dense(lanes, size)];
        Some(Split { at, len, count, bytes: (elements * size).next_multiple_of(Plan::ALIGN), dense })
    }
}

/// The same loops with the strides of a dense array in C, whose innermost loop has the stride `inner`.
fn dense(loops: &Loops, inner: usize) -> Loops {
    let mut dense = Loops::new(3);
    for l in 0..loops.len() {
        let mut strides = [loops.strides(l)[A], loops.strides(l)[B], 0];
        strides[C] = (product(&loops.extents()[l + 1..]) * inner) as isize;
        dense.push(loops.extents()[l], strides);
    }
    dense
}

impl Binder<'_> {
    /// Binds a product in parts. Returns whether it did.
    pub(super) fn split_product(
        &mut self,
        context: StepContext<'_>,
        fused: Fused,
        sides: &Sides<'_>,
        init: TargetInit,
    ) -> Result<bool, BindError> {
        let split = Split::new(sides, context.compute.size());
        let Some(split) = split.filter(|split| self.can_pack(split.bytes * split.count)) else { return Ok(false) };
        let base = self.pack(split.bytes.checked_mul(split.count))?;
        let whole = sides.loops[2].extents()[split.at] / split.len;
        if !self.push_parts(context, fused, sides, &split, base, 0..whole)? {
            return Ok(false);
        }
        if whole < split.count {
            self.push_parts(context, fused, sides, &split, base, whole..split.count)?;
        }
        self.push_sum_of_parts(context, sides, &split, base, init)?;
        Ok(true)
    }

    /// Appends the products of the parts `which`, all of the same length, into packed memory from byte `base` on. Returns
    /// whether it did.
    fn push_parts(
        &mut self,
        context: StepContext<'_>,
        fused: Fused,
        sides: &Sides<'_>,
        split: &Split,
        base: usize,
        which: Range<usize>,
    ) -> Result<bool, BindError> {
        let k = sides.loops[2];
        let along = |operand: usize, positions: usize| k.strides(split.at)[operand].wrapping_mul(positions as isize);
        let start = which.start * split.len;
        let len = split.len.min(k.extents()[split.at] - start);
        let [batch, rows, lanes] = &split.dense;
        let mut parts = Loops::new(3);
        let mut strides = [along(A, split.len), along(B, split.len), 0];
        strides[C] = split.bytes as isize;
        parts.push(which.len(), strides);
        (0..batch.len()).for_each(|l| parts.push(batch.extents()[l], batch.strides(l).iter().copied()));
        let mut part_k = Loops::new(3);
        for l in 0..k.len() {
            part_k.push(if l == split.at { len } else { k.extents()[l] }, k.strides(l).iter().copied());
        }
        let [_, a, b] = sides.operands;
        let part = Part { at: base + which.start * split.bytes, start: [along(a, start), along(b, start)] };
        let loops = [rows, lanes, &part_k];
        let sides = Sides { batch: &parts, loops, part: Some(part), ..*sides };
        self.push_product(context, fused, &sides, TargetInit::WriteFirst)
    }

    /// Appends the sum of the products of all parts.
    fn push_sum_of_parts(
        &mut self,
        context: StepContext<'_>,
        sides: &Sides<'_>,
        split: &Split,
        base: usize,
        init: TargetInit,
    ) -> Result<(), BindError> {
        let first = self.program.operands.len();
        self.push_access(&context.step.write, context.loops, None);
        self.push_base(BaseAddress::Packed(base), context.loops);
        let operands = ListRange::since(first, &self.program.operands);
        self.lists.indexed.reset(operands.len);
        self.lists.indexed_axes.clear();
        let loops = &mut self.lists.loops;
        loops.reset(operands.len);
        loops.push(split.count, [0, split.bytes as isize]);
        for (of_c, dense) in [sides.batch, sides.loops[0], sides.loops[1]].into_iter().zip(&split.dense) {
            for l in 0..of_c.len() {
                loops.push(of_c.extents()[l], [of_c.strides(l)[C], dense.strides(l)[C]]);
            }
        }
        let actions = Actions::sum(&self.step_kernels(context)?, context.compute.size(), init);
        self.push_nest(context, operands, actions, Some(init))
    }
}
