//! The scratch memory of a plan, and the memory that a run needs.

mod assign;
mod limit;

use einfold_ir::{BufferId, Count, Draft, Fold, Form, Plan, Step, kernel_bytes};

use crate::strides::gemm_groups;

pub(crate) use self::assign::assign;
pub(crate) use self::limit::{check_addressable, excess};

/// The memory that a run needs besides its operands, in bytes, under the layout hints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// Intermediates.
    pub scratch: usize,
    /// The most bytes of dense operand copies in one step, over all partitions.
    pub packing: usize,
    /// The most bytes that the kernel of a product allocates on one thread for packed blocks of A and B. Each further
    /// thread that multiplies at the same time allocates as much; under a limit, the number of such threads is reduced
    /// to those that fit.
    pub kernels: usize,
    /// Results.
    pub outputs: usize,
}

impl Memory {
    /// The total with one thread.
    pub fn total(&self) -> Count {
        let Memory { scratch, packing, kernels, outputs } = *self;
        [scratch, packing, kernels, outputs].map(|bytes| Count::from(bytes as u64)).into_iter().sum()
    }

    /// Whether a limit has room for everything except operand copies and kernel allocations.
    pub(crate) fn fits_without_kernels(&self, limit: Option<u64>) -> bool {
        let others = Memory { packing: 0, kernels: 0, ..*self };
        self.kernels > 0 && limit.is_some_and(|limit| others.total() <= Count::from(limit))
    }

    /// The memory of a plan, or of a draft whose memory is assigned.
    pub fn of(plan: &Draft) -> Memory {
        let bytes = |b: &BufferId| plan.buffer(*b).bytes().unwrap_or(usize::MAX);
        let outputs = plan.outputs.iter().map(bytes).fold(0, usize::saturating_add);
        let mut memory = Memory { scratch: plan.scratch, outputs, ..Memory::default() };
        for region in &plan.regions {
            for step in region.steps.iter().map(|step| Memory::of_step(plan, step)) {
                memory.packing = memory.packing.max(step.packing.saturating_mul(region.partition_count()));
                memory.kernels = memory.kernels.max(step.kernels);
            }
        }
        memory
    }

    /// The memory that a step needs in one partition to pack its factors.
    fn of_step(draft: &Draft, step: &Step) -> Memory {
        let Form::Gemm(gemm) = &step.form else { return Memory::default() };
        let dtype = draft.buffer(step.write.tensor).dtype;
        let element = dtype.size();
        let mut fold = Fold::default();
        fold.choose(&draft.machine, &gemm_groups(draft, step, gemm), element, gemm.packed);
        let packed = (0..3).filter(|&x| fold.packed[x]);
        let bytes = |x: usize| fold.copy_bytes(x, element)?.checked_next_multiple_of(Plan::ALIGN);
        let packing = packed.map(|x| bytes(x).unwrap_or(usize::MAX)).fold(0, usize::saturating_add);
        Memory { packing, kernels: kernel_bytes(step.algebra, dtype, fold.extents()), ..Memory::default() }
    }
}
