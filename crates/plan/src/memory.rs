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
        [self.scratch, self.packing, self.kernels, self.outputs]
            .into_iter()
            .map(|bytes| Count::from(bytes as u64))
            .sum()
    }

    /// Whether a limit has room for everything except operand copies and kernel allocations.
    pub(crate) fn fits_without_kernels(&self, limit: Option<u64>) -> bool {
        let others = Memory { packing: 0, kernels: 0, ..*self };
        self.kernels > 0 && limit.is_some_and(|limit| others.total() <= Count::from(limit))
    }

    /// The memory of a plan, or of a draft whose memory is assigned.
    pub fn of(plan: &Draft) -> Memory {
        let (mut packing, mut kernels) = (0, 0);
        for region in &plan.regions {
            let of_step = |step| Packed::of(plan, step);
            for packed in region.steps.iter().map(of_step) {
                packing = packing.max(packed.copies.saturating_mul(region.partition_count()));
                kernels = kernels.max(packed.kernel);
            }
        }
        let bytes = |b: &BufferId| plan.buffer(*b).bytes().unwrap_or(usize::MAX);
        let outputs = plan.outputs.iter().map(bytes).fold(0, usize::saturating_add);
        Memory { scratch: plan.scratch, packing, kernels, outputs }
    }
}

/// The bytes that a step needs for its factors under the layout hints.
#[derive(Clone, Copy, Default)]
struct Packed {
    /// The dense copies of its operands.
    copies: usize,
    /// The bytes that one kernel call allocates.
    kernel: usize,
}

impl Packed {
    fn of(draft: &Draft, step: &Step) -> Packed {
        let Form::Gemm(gemm) = &step.form else { return Packed::default() };
        let dtype = draft.buffer(step.write.tensor).dtype;
        let element = dtype.size();
        let mut fold = Fold::default();
        fold.choose(&draft.machine, &gemm_groups(draft, step, gemm), element, gemm.packed);
        let packed = (0..3).filter(|&x| fold.packed[x]);
        let bytes = |x: usize| fold.copy_bytes(x, element)?.checked_next_multiple_of(Plan::ALIGN);
        let copies = packed.map(|x| bytes(x).unwrap_or(usize::MAX)).fold(0, usize::saturating_add);
        Packed { copies, kernel: kernel_bytes(step.algebra, dtype, fold.extents()) }
    }
}
