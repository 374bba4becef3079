//! The scratch memory of a plan, and the memory that a run needs.

mod assign;
mod limit;

use einfold_ir::{BufferId, Count, Draft, Form, Step, packed_bytes};

pub(crate) use self::assign::assign;
pub(crate) use self::limit::{MOST_BYTES, check_addressable, excess};

/// The memory that a run needs besides its operands, in bytes, under the layout hints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// Intermediates.
    pub scratch: usize,
    /// The most bytes of packed blocks of the factors of one product, over all partitions. Under a limit the executor
    /// packs smaller blocks if the limit has no room for these.
    pub packing: usize,
    /// Results.
    pub outputs: usize,
}

impl Memory {
    /// The total.
    pub fn total(&self) -> Count {
        self.least() + Count::from(self.packing as u64)
    }

    /// The least memory with which the plan runs: all but packed blocks.
    pub fn least(&self) -> Count {
        Count::from(self.scratch as u64) + Count::from(self.outputs as u64)
    }

    /// The same with no larger packed blocks than a limit has room for.
    pub(crate) fn within(self, limit: Option<u64>) -> Memory {
        let held = self.scratch.saturating_add(self.outputs) as u64;
        let room = limit.map_or(u64::MAX, |limit| limit.saturating_sub(held));
        Memory { packing: self.packing.min(usize::try_from(room).unwrap_or(usize::MAX)), ..self }
    }

    /// The memory of a plan, or of a draft whose memory is assigned.
    pub fn of(plan: &Draft) -> Memory {
        let bytes = |b: &BufferId| plan.buffer(*b).bytes().unwrap_or(usize::MAX);
        let outputs = plan.outputs.iter().map(bytes).fold(0, usize::saturating_add);
        let mut memory = Memory { scratch: plan.scratch, outputs, ..Memory::default() };
        for region in &plan.regions {
            let packing = region.steps.iter().map(|step| packing(plan, step)).max().unwrap_or(0);
            memory.packing = memory.packing.max(packing.saturating_mul(region.partition_count()));
        }
        memory
    }
}

/// The bytes of the packed blocks of a step in one partition.
fn packing(draft: &Draft, step: &Step) -> usize {
    let Form::Gemm(gemm) = &step.form else { return 0 };
    let dtype = step.algebra.accumulator(draft.buffer(step.write.tensor).dtype);
    packed_bytes(dtype, [&gemm.m, &gemm.n, &gemm.k].map(|group| step.extent(group)))
}
