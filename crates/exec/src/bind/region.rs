//! Binds regions: which operations run in which iterations, and which memory each partition has for itself.

use einfold_ir::{Plan, Region, Storage};

use super::{Areas, Binder};
use crate::bound_program::{BaseAddress, BoundRegion, ListRange};
use crate::error::BindError;
use crate::view::{AnyView, AnyViewMut};

impl Binder<'_> {
    /// Appends the operations of all regions. Returns the memory that they need.
    pub(super) fn regions(&mut self, ins: &[AnyView<'_>], outs: &[AnyViewMut<'_>]) -> Result<Areas, BindError> {
        let plan = self.plan;
        self.store_strides(|storage| match storage {
            Storage::Input(k) => Some(ins[k as usize].strides()),
            Storage::Output(k) => Some(outs[k as usize].strides()),
            Storage::Scratch(_) => None,
        });
        for (number, region) in plan.regions.iter().enumerate() {
            self.region(number, region)?;
        }
        Ok(Areas { planned: plan.scratch, packed: self.most_packed, constants: self.constants })
    }

    /// Appends the operations of the region with this number.
    fn region(&mut self, number: usize, region: &Region) -> Result<(), BindError> {
        let extents = self.program.extents.len();
        self.program.extents.extend(region.loops.iter().map(|a| a.extent));
        let (ops, operands) = (self.program.ops.len(), self.program.operands.len());
        let has_iterations = region.loops.iter().all(|a| a.extent > 0);
        let before = self.program.points;
        self.partitions = region.partition_count().max(1);
        let mut packed = 0;
        for (k, step) in region.steps.iter().enumerate() {
            let depth = self.plan.depth(number, k);
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
        self.program.regions.push(BoundRegion { loops, ops, partitioned, points });
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

    /// Checks the packed bytes of a step against the memory limit.
    fn check_memory(&mut self) -> Result<(), BindError> {
        let packed = self.packed.checked_mul(self.partitions).ok_or_else(|| self.overflow())?;
        self.most_packed = self.most_packed.max(packed);
        let bytes = self.areas(self.most_packed);
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

    /// Whether the memory limit allows the current step to pack `bytes` more bytes.
    pub(super) fn can_pack(&self, bytes: usize) -> bool {
        let packed = self.packed.saturating_add(bytes).saturating_add(Plan::ALIGN).saturating_mul(self.partitions);
        self.options.memory.is_none_or(|limit| self.areas(packed.max(self.most_packed)) <= limit)
    }
}
