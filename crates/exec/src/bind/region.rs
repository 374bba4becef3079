//! Binds regions: which operations run in which iterations, and which memory each partition has for itself.

use einfold_ir::{Form, Plan, Region, Step, kernel_bytes};

use super::{Areas, Binder};
use crate::bound_program::{BaseAddress, BoundRegion, ListRange};
use crate::error::BindError;

impl Binder<'_> {
    /// Appends the operations of a region. `depths` are the loop depths of its steps.
    pub(super) fn region(&mut self, region: &Region, depths: &[usize]) -> Result<(), BindError> {
        let extents = self.program.extents.len();
        self.program.extents.extend(region.loops.iter().map(|a| a.extent));
        let (ops, operands) = (self.program.ops.len(), self.program.operands.len());
        let has_iterations = region.loops.iter().all(|a| a.extent > 0);
        let before = self.program.points;
        self.partitions = region.partition_count().max(1);
        self.kernel_bytes = 0;
        let mut packed = 0;
        for (step, &depth) in region.steps.iter().zip(depths) {
            self.packed = 0;
            let points = self.program.points;
            self.bind_step(&region.loops, step, has_iterations)?;
            self.check_memory()?;
            packed = packed.max(self.packed);
            self.step += 1;
            let runs = region.loops[..depth].iter().fold(1u64, |n, a| n.saturating_mul(a.extent as u64));
            let once = self.program.points - points;
            self.program.points = points.saturating_add(once.saturating_mul(runs));
            self.program.depths.resize(self.program.ops.len(), depth);
        }
        // Without iterations only the initialisations of targets run, once. No operation runs again in a loop that is
        // inside of all loops that operations depend on.
        let deepest = self.program.depths[ops..].iter().copied().max().unwrap_or(0);
        let len = if has_iterations { deepest } else { 0 };
        let loops = ListRange { start: extents, len };
        let partitioned = region.partitions.is_some() && len > 0;
        if partitioned {
            self.set_partition_strides(operands, packed);
        }
        let ops = ListRange::since(ops, &self.program.ops);
        let points = self.program.points - before;
        self.program.regions.push(BoundRegion { loops, ops, partitioned, points, bytes: self.kernel_bytes });
        Ok(())
    }

    /// Sets the partition strides of the operands from `first` on: `packed` bytes for the memory that steps pack, the
    /// stride of the plan for a buffer.
    fn set_partition_strides(&mut self, first: usize, packed: usize) {
        for operand in &mut self.program.operands[first..] {
            operand.partition_stride = match operand.base {
                BaseAddress::Packed(_) => packed,
                BaseAddress::Planned { partition_stride, .. } => partition_stride,
                BaseAddress::Input(_) | BaseAddress::Output(_) | BaseAddress::Constant(_) => 0,
            };
        }
    }

    fn check_memory(&mut self) -> Result<(), BindError> {
        let packed = self.packed.checked_mul(self.partitions).ok_or_else(|| self.overflow())?;
        self.most_packed = self.most_packed.max(packed);
        self.check(self.kernel_bytes)
    }

    /// Checks the packed bytes so far and the bytes that a kernel call allocates against the memory limit.
    fn check(&self, kernels: usize) -> Result<(), BindError> {
        let bytes = self.areas(self.most_packed).saturating_add(kernels);
        match self.options.memory {
            Some(limit) if bytes > limit => Err(BindError::TooLarge { step: self.step, bytes, limit }),
            _ => Ok(()),
        }
    }

    /// Bytes of the planned intermediates and of packed memory. Constants are a few elements per step, whatever the
    /// extents: a plan that keeps to a limit does not count them.
    fn areas(&self, packed: usize) -> usize {
        Areas { planned: self.plan.scratch, packed, constants: 0 }.total()
    }

    /// Stores the largest number of bytes that a call of any matrix product kernel of the plan may allocate, however its
    /// operands are folded.
    pub(super) fn note_kernel_memory(&mut self) {
        let of = |step: &Step| {
            let Form::Gemm(gemm) = &step.form else { return 0 };
            let extent =
                |group: &[u32]| group.iter().fold(1usize, |n, &a| n.saturating_mul(step.axes[a as usize].extent));
            let [m, n, k] = [&gemm.m, &gemm.n, &gemm.k].map(|group| extent(group));
            let compute = step.algebra.accumulator(self.plan.buffer(step.write.tensor).dtype);
            let kernels = self.kernels(step.algebra, compute).ok().and_then(|kernels| kernels.fused);
            if kernels.is_none_or(|fused| fused.product.is_some()) {
                return 0;
            }
            let bytes = |sides| kernel_bytes(step.algebra, compute, sides);
            bytes([m, n, k]).max(bytes([n, m, k]))
        };
        self.max_kernel_bytes = self.plan.steps().map(|(_, step)| of(step)).max().unwrap_or(0);
    }

    /// Whether the memory limit allows the current step to pack `bytes` more bytes for an optional copy.
    pub(super) fn can_pack(&self, bytes: usize) -> bool {
        let packed = self.packed.saturating_add(bytes).saturating_add(Plan::ALIGN).saturating_mul(self.partitions);
        let all = self.areas(packed.max(self.most_packed)).saturating_add(self.max_kernel_bytes);
        self.options.memory.is_none_or(|limit| all <= limit)
    }

    /// Sets the bytes that the memory limit leaves for running kernels, and checks that one kernel fits.
    pub(super) fn set_kernel_allowance(&mut self) -> Result<(), BindError> {
        let kernels = self.program.regions.iter().map(|region| region.bytes).max().unwrap_or(0);
        self.check(kernels)?;
        let taken = self.areas(self.most_packed);
        self.program.kernel_allowance = self.options.memory.map(|limit| limit.saturating_sub(taken));
        Ok(())
    }
}
