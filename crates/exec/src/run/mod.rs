//! Runs a bound plan: regions iteration by iteration, operations in order, blocks on threads.

mod compensated_sum;
mod cursor;
mod gemm;
mod index_batch;
mod index_lists;
mod indirect;
mod nest;
mod partitions;
mod product;
mod small;
mod threads;
mod tile;
mod tile_plan;

pub(crate) use index_lists::{MAX_BATCH, MAX_LISTS};

use std::marker::PhantomData;
use std::sync::atomic::{AtomicU64, Ordering};

use einfold_ir::Plan;
use smallvec::SmallVec;

use crate::bound_program::{BoundProgram, BoundRegion, ListRange, Op};
use crate::control::Control;
use crate::error::RunStopped;

/// Addresses of the operands of one operation in one iteration of its region.
type Bases = SmallVec<[*mut u8; 16]>;
/// The positions of the loops of a region.
type Iteration = SmallVec<[usize; 8]>;

/// A plan bound to its operands, outputs and scratch memory, which it borrows. It runs once.
#[derive(Debug)]
pub struct Bound<'b> {
    plan: &'b Plan,
    program: &'b BoundProgram,
    memory: PhantomData<&'b mut [u8]>,
}

/// The state that all operations of a run share.
struct Run<'r> {
    plan: &'r Plan,
    program: &'r BoundProgram,
    control: &'r Control<'r>,
    done: &'r AtomicU64,
}

impl<'b> Bound<'b> {
    pub(crate) fn new(plan: &'b Plan, program: &'b BoundProgram) -> Bound<'b> {
        Bound { plan, program, memory: PhantomData }
    }

    /// Computes the outputs.
    ///
    /// # Errors
    /// [`RunStopped`] if a gather or scatter index is out of range or the caller cancels. The outputs then hold
    /// unspecified values, and outputs that were not initialised before still are not.
    pub fn run(self, control: &Control<'_>) -> Result<(), RunStopped> {
        let run = Run { plan: self.plan, program: self.program, control, done: &AtomicU64::new(0) };
        self.program.regions.iter().try_for_each(|region| run.region(region))
    }
}

impl Run<'_> {
    fn region(&self, region: &BoundRegion) -> Result<(), RunStopped> {
        match region.loops.len {
            _ if region.partitioned => self.partitions(region),
            0 => self.program.ops[region.ops.range()].iter().try_for_each(|op| self.op(op, &[])),
            loops => self.iterations(region, SmallVec::from_elem(0, loops), 0),
        }
    }

    /// Runs an operation in an iteration of its region. The larger operations are not inlined, so that a small product
    /// needs no large stack frame.
    fn op(&self, op: &Op, iteration: &[usize]) -> Result<(), RunStopped> {
        if self.control.is_cancelled() {
            return Err(RunStopped::Cancelled);
        }
        match op {
            Op::Nest(nest) => self.nest(nest, iteration),
            Op::Gemm(gemm) => self.gemm(gemm, iteration),
            Op::Small(product) => self.small(product, iteration),
            Op::Product(product) => self.product(product, iteration),
        }
    }

    /// Runs all iterations from `iteration` on in which the first `fixed` loops keep their position. An operation runs in
    /// those iterations in which a loop that it depends on has advanced.
    #[inline(never)]
    fn iterations(&self, region: &BoundRegion, mut iteration: Iteration, fixed: usize) -> Result<(), RunStopped> {
        let extents = &self.program.extents[region.loops.range()];
        let depths = &self.program.depths[region.ops.range()];
        loop {
            // All loops from here on are at their first position.
            let settled = iteration[fixed..].iter().rposition(|&at| at > 0).map_or(0, |k| fixed + k + 1);
            let ops = self.program.ops[region.ops.range()].iter().zip(depths);
            for (op, _) in ops.filter(|(_, depth)| **depth >= settled) {
                self.op(op, &iteration)?;
            }
            if !next(&mut iteration[fixed..], &extents[fixed..]) {
                return Ok(());
            }
        }
    }

    /// The addresses of the operands in an iteration of the region.
    fn bases(&self, operands: ListRange, iteration: &[usize]) -> Bases {
        operands.range().map(|operand| self.base(operand, iteration)).collect()
    }

    fn base(&self, operand: usize, iteration: &[usize]) -> *mut u8 {
        let operand = &self.program.operands[operand];
        if iteration.is_empty() {
            return operand.ptr.0;
        }
        let strides = &self.program.strides[operand.region_strides..];
        let partition = iteration.first().map_or(0, |&k| operand.partition_stride.wrapping_mul(k));
        let start = operand.ptr.0.wrapping_add(partition);
        iteration.iter().zip(strides).fold(start, |ptr, (&at, &s)| ptr.wrapping_offset(s.wrapping_mul(at as isize)))
    }

    /// Reports progress, and checks the cancellation flag. Called after every long kernel call.
    fn advance_or_cancel(&self, points: u64) -> Result<(), RunStopped> {
        self.advance(points);
        if self.control.is_cancelled() { Err(RunStopped::Cancelled) } else { Ok(()) }
    }

    /// Reports progress to the caller.
    fn advance(&self, points: u64) {
        let Some(progress) = self.control.progress else { return };
        let done = self.done.fetch_add(points, Ordering::Relaxed).saturating_add(points);
        progress(done.min(self.program.points), self.program.points);
    }
}

/// Advances nested loops, the last of which runs fastest, to their next position. Returns whether there is one.
fn next(position: &mut [usize], extents: &[usize]) -> bool {
    for (at, &extent) in position.iter_mut().zip(extents).rev() {
        *at += 1;
        if *at < extent {
            return true;
        }
        *at = 0;
    }
    false
}
