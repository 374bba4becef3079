//! Binds products of few points: the table of offsets that one kernel call reads.

use einfold_ir::{AffineTerm, AxisRef};
use smallvec::SmallVec;

use super::Binder;
use super::step::{StepContext, TargetInit};
use crate::bound_program::{ListRange, Op, SmallProduct};
use crate::error::BindError;
use crate::kernels::MAX_POINTS;

/// An axis of a product: its extent, and its strides in the target and in both factors.
#[derive(Clone, Copy)]
struct ProductAxis {
    extent: usize,
    strides: [isize; 3],
}

impl Binder<'_> {
    /// Appends a step of at most [`MAX_POINTS`] points as one kernel call, if it multiplies two factors of the dtype that
    /// it computes in, at positions without indirect terms. Returns whether it did.
    pub(super) fn small_product(&mut self, context: StepContext<'_>, init: TargetInit) -> Result<bool, BindError> {
        let step = context.step;
        let points: usize = step.axes.iter().map(|a| a.extent).product();
        if points > MAX_POINTS || context.expr.is_some() || context.alpha.is_some() || context.dtype != context.compute
        {
            return Ok(false);
        }
        let [a, b] = &step.reads[..] else { return Ok(false) };
        let accesses = [&step.write, a, b];
        if accesses.iter().any(|access| access.has_indirect()) || matches!(init, TargetInit::WriteBeta(_)) {
            return Ok(false);
        }
        let Some(kernel) = self.step_kernels(context)?.fused.map(|fused| fused.small) else { return Ok(false) };
        if self.load(context, a)?.is_some() || self.load(context, b)?.is_some() {
            return Ok(false);
        }
        let first = self.program.operands.len();
        accesses.iter().for_each(|access| _ = self.push_access(access, context.loops, None));
        let operands = ListRange::since(first, &self.program.operands);
        let mut axes: SmallVec<[ProductAxis; 8]> = SmallVec::new();
        step.axes.iter().for_each(|a| axes.push(ProductAxis { extent: a.extent, strides: [0; 3] }));
        for (x, access) in accesses.into_iter().enumerate() {
            for (dim, index) in access.indices.iter().enumerate() {
                let along = self.buffer_stride(access.tensor, dim);
                for AffineTerm { coef, axis } in index.terms() {
                    if let AxisRef::Own(axis) = axis {
                        let stride = &mut axes[*axis as usize].strides[x];
                        *stride = stride.wrapping_add(along.wrapping_mul(*coef as isize));
                    }
                }
            }
        }
        axes.retain(|axis| axis.extent > 1);
        let (terms, offsets) = self.push_offsets(&axes);
        let adds = init == TargetInit::Accumulate;
        self.program.points = self.program.points.saturating_add(points as u64);
        self.program.ops.push(Op::Small(SmallProduct {
            operands,
            kernel,
            adds,
            terms,
            offsets,
            points: points as u64,
        }));
        Ok(true)
    }

    /// Appends the rows that a small kernel reads. Returns the number of terms in a row, and the rows.
    fn push_offsets(&mut self, axes: &[ProductAxis]) -> (usize, ListRange) {
        let count = |moves: bool| -> usize {
            axes.iter().filter(|axis| (axis.strides[0] != 0) == moves).map(|axis| axis.extent).product()
        };
        // The offsets at a position of the axes along which the target moves, or of the others.
        let offsets = |moves: bool, mut position: usize| {
            let mut offsets = [0; 3];
            for axis in axes.iter().rev().filter(|axis| (axis.strides[0] != 0) == moves) {
                let at = (position % axis.extent) as isize;
                position /= axis.extent;
                (0..3).for_each(|x| offsets[x] = at.wrapping_mul(axis.strides[x]).wrapping_add(offsets[x]));
            }
            offsets
        };
        let (rows, terms) = (count(true), count(false));
        let strides = &mut self.program.strides;
        let first = strides.len();
        for row in 0..rows {
            let [c, a, b] = offsets(true, row);
            strides.push(c);
            for term in 0..terms {
                let [_, of_a, of_b] = offsets(false, term);
                strides.extend_from_slice(&[a.wrapping_add(of_a), b.wrapping_add(of_b)]);
            }
        }
        (terms, ListRange::since(first, strides))
    }
}
