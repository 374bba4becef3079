//! Running a bound plan: regions turn by turn, operations in order, blocks on threads.

mod batch;
mod ids;
mod lanes;
mod lists;
mod nest;
mod product;
mod stage;
mod sums;
mod threads;
mod tile;
mod walk;

pub(crate) use lists::{BATCH, LISTS};

use std::marker::PhantomData;
use std::sync::atomic::{AtomicU64, Ordering};

use einfold_ir::Plan;
use smallvec::SmallVec;

use crate::control::Control;
use crate::error::Stopped;
use crate::program::{Op, Program, Region, Span};

/// Addresses of the operands of one operation in one turn of its region.
type Bases = SmallVec<[*mut u8; 8]>;
/// A position of the loops of a region.
type Turn = SmallVec<[usize; 8]>;

/// A plan bound to its operands, outputs and scratch memory, all of which it borrows: it runs once.
#[derive(Debug)]
pub struct Bound<'b> {
    plan: &'b Plan,
    program: &'b Program,
    memory: PhantomData<&'b mut [u8]>,
}

/// What all operations of a run share.
struct Run<'r> {
    plan: &'r Plan,
    program: &'r Program,
    control: &'r Control<'r>,
    done: &'r AtomicU64,
}

impl<'b> Bound<'b> {
    pub(crate) fn new(plan: &'b Plan, program: &'b Program) -> Bound<'b> {
        Bound { plan, program, memory: PhantomData }
    }

    /// Computes the outputs.
    ///
    /// # Errors
    /// [`Stopped`] at a bad id or when the caller cancels; the outputs then hold unspecified values, and those that were not
    /// initialised before still are not.
    pub fn run(self, control: &Control<'_>) -> Result<(), Stopped> {
        let run = Run { plan: self.plan, program: self.program, control, done: &AtomicU64::new(0) };
        self.program.regions.iter().try_for_each(|region| run.region(region))
    }
}

impl Run<'_> {
    fn region(&self, region: &Region) -> Result<(), Stopped> {
        if region.lanes {
            return self.lanes(region);
        }
        let loops = region.loops.len;
        self.turns(region, SmallVec::from_elem(0, loops), 0)
    }

    /// All turns from `turn` on in which the first `fixed` loops do not move. An operation runs in those in which something
    /// that it depends on has.
    fn turns(&self, region: &Region, mut turn: Turn, fixed: usize) -> Result<(), Stopped> {
        let extents = &self.program.sizes[region.loops.range()];
        let depths = &self.program.depths[region.ops.range()];
        loop {
            // All loops from here on begin anew.
            let settled = turn[fixed..].iter().rposition(|&at| at > 0).map_or(0, |k| fixed + k + 1);
            let ops = self.program.ops[region.ops.range()].iter().zip(depths);
            for (op, _) in ops.filter(|(_, depth)| **depth >= settled) {
                if self.control.is_cancelled() {
                    return Err(Stopped::Cancelled);
                }
                match op {
                    Op::Nest(nest) => self.nest(nest, &turn)?,
                    Op::Product(product) => self.product(product, &turn)?,
                }
            }
            if !next(&mut turn[fixed..], &extents[fixed..]) {
                return Ok(());
            }
        }
    }

    /// Where operands start in a turn of the region.
    fn bases(&self, operands: Span, turn: &[usize]) -> Bases {
        operands.range().map(|operand| self.base(operand, turn)).collect()
    }

    fn base(&self, operand: usize, turn: &[usize]) -> *mut u8 {
        let operand = &self.program.operands[operand];
        let strides = &self.program.strides[operand.turns..];
        let lane = turn.first().map_or(0, |&lane| operand.lane.wrapping_mul(lane));
        let start = operand.ptr.0.wrapping_add(lane);
        turn.iter().zip(strides).fold(start, |ptr, (&at, &s)| ptr.wrapping_offset(s.wrapping_mul(at as isize)))
    }

    /// Counts work, and looks whether the caller wants the run to stop: after every call of a kernel that is long.
    fn look(&self, points: u64) -> Result<(), Stopped> {
        self.advance(points);
        if self.control.is_cancelled() { Err(Stopped::Cancelled) } else { Ok(()) }
    }

    /// Counts work and tells the caller.
    fn advance(&self, points: u64) {
        let Some(progress) = self.control.progress else { return };
        let done = self.done.fetch_add(points, Ordering::Relaxed).saturating_add(points);
        progress(done.min(self.program.points), self.program.points);
    }
}

/// The next position of nested loops, the last of which runs fastest; whether there is one.
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
