//! Memory limits: of the caller, and of the address space.

use std::cmp::Reverse;

use einfold_ir::{Axis, Buffer, BufferId, Count, Draft, IdVec, Index, NodeId, Plan, Step, Storage};

use super::Memory;
use crate::error::{LargeTensor, MemoryExcess, PlanError, WhyNotSliced};

/// The most bytes of one allocation.
pub(super) const ADDRESSABLE: usize = isize::MAX as usize;

/// The most bytes of one tensor.
pub(crate) const MOST_BYTES: usize = ADDRESSABLE - Plan::ALIGN;

/// Refuses a draft with an intermediate or a result that cannot be addressed.
///
/// # Errors
/// [`PlanError::TooLarge`] names the first such tensor.
pub(crate) fn check_addressable(draft: &Draft) -> Result<(), PlanError> {
    let fits = |buffer: &Buffer| {
        matches!(buffer.storage, Storage::Input(_)) || buffer.bytes().is_some_and(|bytes| bytes <= MOST_BYTES)
    };
    let wide = draft.buffers.entries().find(|(_, buffer)| !fits(buffer));
    wide.map_or(Ok(()), |(k, _)| Err(too_large(draft, k)))
}

/// The memory of a plan that needs more than `limit` bytes, with the largest tensor in memory at the peak.
pub(crate) fn excess(plan: &Plan, memory: &Memory, limit: u64) -> Option<MemoryExcess> {
    let (bytes, limit) = (memory.least(), Count::from(limit));
    if bytes <= limit {
        return None;
    }
    let outputs = Count::from(memory.outputs as u64);
    let why = if outputs > limit { WhyNotSliced::Results(outputs) } else { WhyNotSliced::Sliced };
    let (step, buffer) = peak_step(plan);
    Some(MemoryExcess { bytes, limit, why, ..unaddressable(plan, step, buffer) })
}

/// The step at which most memory is in use, counted through all regions, and the largest buffer in use then.
fn peak_step(plan: &Plan) -> (usize, BufferId) {
    let (lives, own) = (plan.lifetimes(), plan.partition_buffers());
    // The change of the bytes in use from each step to the next.
    let mut changes = vec![0i128; plan.steps().count() + 1];
    let mut sizes: IdVec<BufferId, i128> = IdVec::filled(plan.buffers.len(), 0);
    for (k, ((buffer, life), partition)) in plan.buffers.ids().zip(plan.buffers.iter().zip(lives.iter()).zip(own)) {
        let Some(life) = life.filter(|_| !matches!(buffer.storage, Storage::Input(_))) else { continue };
        let partitions = partition.map_or(1, |region| plan.regions[region].partition_count());
        sizes[k] = buffer.bytes().unwrap_or(usize::MAX) as i128 * partitions as i128;
        changes[life.first] += sizes[k];
        changes[life.last + 1] -= sizes[k];
    }
    let (mut worst, mut most, mut alive) = (0, i128::MIN, 0);
    for (at, change) in changes.into_iter().enumerate() {
        alive += change;
        if alive > most {
            (worst, most) = (at, alive);
        }
    }
    // Results are in memory all the time.
    let held = |k: &BufferId| {
        let alive = lives[*k].is_some_and(|life| life.first <= worst && worst <= life.last);
        alive || matches!(plan.buffers[*k].storage, Storage::Output(_))
    };
    let largest = plan.buffers.ids().filter(held).max_by_key(|&k| (sizes[k], Reverse(k)));
    (worst, largest.unwrap_or(BufferId(0)))
}

/// The error for an intermediate or a result that cannot be addressed.
pub(super) fn too_large(draft: &Draft, buffer: BufferId) -> PlanError {
    let writes = |(_, step): (&[Axis], &Step)| step.write.tensor == buffer;
    let step = draft.steps().position(writes).unwrap_or_default();
    PlanError::TooLarge(Box::new(unaddressable(draft, step, buffer)))
}

/// The facts about a buffer that is too large at a step, without a limit.
fn unaddressable(draft: &Draft, step: usize, buffer: BufferId) -> MemoryExcess {
    let Buffer { label, dtype, extents, storage, .. } = &draft.buffers[buffer];
    let bytes = Count::bytes(extents, *dtype);
    let write = draft.steps().map(|(_, step)| step).find(|step| step.write.tensor == buffer);
    let axis = |step: &Step, index: &Index<BufferId>| index.as_axis().map(|a| step.axes[a as usize].label.clone());
    let axes = write.and_then(|step| step.write.indices.iter().map(|index| axis(step, index)).collect());
    let is_result = matches!(storage, Storage::Output(_));
    MemoryExcess {
        step: draft.steps().nth(step).map_or(NodeId(0), |(_, step)| step.origin),
        label: label.clone(),
        axes: axes.unwrap_or_default(),
        tensor: Some(LargeTensor { is_result, shape: extents.clone(), dtype: *dtype, bytes }),
        bytes,
        limit: Count::from(ADDRESSABLE as u64),
        why: WhyNotSliced::Unlimited,
    }
}
