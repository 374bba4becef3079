//! Regions: which of their operations run in which turns, and what each lane has for itself.

use einfold_ir::{Form, Plan, Region as Given, Step, kernel_bytes};

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
        self.kernels = 0;
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
        self.program.regions.push(Region { loops, ops, lanes, points, bytes: self.kernels });
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
        self.check(self.kernels)
    }

    /// Refuses what is packed so far, together with what a call of a kernel allocates.
    fn check(&self, kernels: usize) -> Result<(), BindError> {
        let bytes = self.areas(self.most_packed).saturating_add(kernels);
        match self.options.memory {
            Some(limit) if bytes > limit => Err(BindError::TooLarge { step: self.step, bytes, limit }),
            _ => Ok(()),
        }
    }

    /// Bytes of the planned intermediates and of what is packed. Constants are a few elements a step, whatever the extents: a
    /// plan that keeps to a limit does not count them.
    fn areas(&self, packed: usize) -> usize {
        Areas { planned: self.plan.scratch, packed, constants: 0 }.total()
    }

    /// Notes how much a call of any product kernel may allocate, whichever way its operands are folded.
    pub(super) fn reserve(&mut self) {
        let of = |step: &Step| {
            let Form::Gemm(gemm) = &step.form else { return 0 };
            let extent =
                |group: &[u32]| group.iter().fold(1usize, |n, &a| n.saturating_mul(step.axes[a as usize].extent));
            let [m, n, k] = [&gemm.m, &gemm.n, &gemm.k].map(|group| extent(group));
            let compute = step.algebra.accumulator(self.plan.buffer(step.write.tensor).dtype);
            let bytes = |sides| kernel_bytes(step.algebra, compute, sides);
            bytes([m, n, k]).max(bytes([n, m, k]))
        };
        self.reserved = self.plan.steps().map(|(_, step)| of(step)).max().unwrap_or(0);
    }

    /// Whether the limit leaves room for the step at hand to pack so many bytes more, which it can do without.
    pub(super) fn affords(&self, bytes: usize) -> bool {
        let packed = self.packed.saturating_add(bytes).saturating_add(Plan::ALIGN).saturating_mul(self.lanes);
        let all = self.areas(packed.max(self.most_packed)).saturating_add(self.reserved);
        self.options.memory.is_none_or(|limit| all <= limit)
    }

    /// What the limit leaves for kernels that run at the same time: at least for one.
    pub(super) fn leave(&mut self) -> Result<(), BindError> {
        let kernels = self.program.regions.iter().map(|region| region.bytes).max().unwrap_or(0);
        self.check(kernels)?;
        let taken = self.areas(self.most_packed);
        self.program.left = self.options.memory.map(|limit| limit.saturating_sub(taken));
        Ok(())
    }
}
