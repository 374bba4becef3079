//! Regions: which of their operations run in which turns, and what each lane has for itself.

use einfold_ir::Region as Given;

use super::{Areas, Binder};
use crate::error::BindError;
use crate::program::{Home, Region, Span};

impl Binder<'_> {
    /// Adds the operations of a region. `depths` are those of its steps.
    pub(super) fn region(&mut self, given: &Given, depths: &[usize]) -> Result<(), BindError> {
        let sizes = self.program.sizes.len();
        self.program.sizes.extend(given.loops.iter().map(|a| a.extent));
        let loops = Span::since(sizes, &self.program.sizes);
        let (ops, operands) = (self.program.ops.len(), self.program.operands.len());
        let turns = given.loops.iter().all(|a| a.extent > 0);
        let before = self.program.points;
        self.lanes = given.lane_count().max(1);
        let mut packed = 0;
        for (step, &depth) in given.steps.iter().zip(depths) {
            self.packed = 0;
            let points = self.program.points;
            self.bind_step(&given.loops, step, turns)?;
            self.check_memory()?;
            packed = packed.max(self.packed);
            self.step += 1;
            let runs = given.loops[..depth].iter().fold(1u64, |n, a| n.saturating_mul(a.extent as u64));
            let once = self.program.points - points;
            self.program.points = points.saturating_add(once.saturating_mul(runs));
            self.program.depths.resize(self.program.ops.len(), depth);
        }
        // What a region without turns would have started is left as started: the fills run once.
        let loops = if turns { loops } else { Span::default() };
        let lanes = given.lanes.is_some() && turns;
        if lanes {
            self.part_lanes(operands, packed);
        }
        let ops = Span::since(ops, &self.program.ops);
        let points = self.program.points - before;
        self.program.regions.push(Region { loops, ops, lanes, points });
        Ok(())
    }

    /// Tells the operands of a region, from `first` on, how far the lanes are apart: what its steps pack by `packed` bytes, a buffer
    /// as the plan says.
    fn part_lanes(&mut self, first: usize, packed: usize) {
        for operand in &mut self.program.operands[first..] {
            operand.lane = match operand.home {
                Home::Packed(_) => packed,
                Home::Planned { lane, .. } => lane,
                Home::Input(_) | Home::Output(_) | Home::Constant(_) => 0,
            };
        }
    }

    fn check_memory(&mut self) -> Result<(), BindError> {
        let packed = self.packed.checked_mul(self.lanes).ok_or_else(|| self.overflow())?;
        self.most_packed = self.most_packed.max(packed);
        // Constants are a few elements a step: a plan that keeps to a limit does not count them.
        let areas = Areas { planned: self.plan.scratch, packed, constants: 0 };
        match self.options.memory {
            Some(limit) if areas.total() > limit => {
                Err(BindError::TooLarge { step: self.step, bytes: areas.total(), limit })
            }
            _ => Ok(()),
        }
    }
}
