//! Where intermediates lie in scratch memory, and how much memory a run needs.

use std::cmp::Reverse;

use einfold_ir::{Buffer, BufferId, Count, Draft, Fold, Form, Lifetime, NodeId, Place, Plan, Step};

use crate::PlanError;
use crate::passes::groups;

/// The most bytes that one allocation can have.
const ADDRESSABLE: usize = isize::MAX as usize;

/// Gives every intermediate a place of its own.
///
/// # Errors
/// [`PlanError::TooLarge`] if an intermediate, a result or all of scratch memory cannot be addressed.
pub(crate) fn place_apart(draft: &mut Draft) -> Result<(), PlanError> {
    let mut end = 0usize;
    for k in 0..draft.buffers.len() {
        let buffer = &mut draft.buffers[k];
        if matches!(buffer.place, Place::Input(_)) {
            continue;
        }
        let bytes = buffer.bytes().filter(|&b| b <= ADDRESSABLE - Plan::ALIGN);
        let bytes = match (buffer.place, bytes) {
            (Place::Scratch(_), Some(bytes)) => bytes.next_multiple_of(Plan::ALIGN),
            (_, Some(_)) => continue,
            (_, None) => return Err(too_large(draft, k)),
        };
        buffer.place = Place::Scratch(end);
        end = end.checked_add(bytes).filter(|&e| e <= ADDRESSABLE).ok_or_else(|| too_large(draft, k))?;
    }
    draft.scratch = end;
    Ok(())
}

/// Gives every intermediate the lowest offset that is free while it is alive, the largest first: simple, and for the
/// nested lifetimes of a contraction tree seldom far from the best.
pub(crate) fn place_by_lifetime(draft: &mut Draft) {
    let lives = draft.lifetimes();
    // Alive from first to last at bytes start to end.
    let mut placed: Vec<(Lifetime, usize, usize)> = Vec::new();
    let mut todo: Vec<(usize, Lifetime, usize)> = Vec::new();
    for (k, buffer) in draft.buffers.iter_mut().enumerate().filter(|(_, b)| matches!(b.place, Place::Scratch(_))) {
        buffer.place = Place::Scratch(0);
        if let (Some(life), Some(bytes)) = (lives[k], buffer.bytes()) {
            todo.push((k, life, bytes.next_multiple_of(Plan::ALIGN)));
        }
    }
    todo.sort_by_key(|&(k, life, bytes)| (Reverse(bytes), life.first, k));
    draft.scratch = 0;
    for (k, life, bytes) in todo {
        let mut start = 0;
        // `placed` is in the order of starts, so the first gap that fits is the lowest.
        for (_, from, to) in placed.iter().filter(|(other, ..)| other.overlaps(&life)) {
            if start + bytes <= *from {
                break;
            }
            start = start.max(*to);
        }
        draft.buffers[k].place = Place::Scratch(start);
        draft.scratch = draft.scratch.max(start + bytes);
        let at = placed.partition_point(|(_, from, _)| *from <= start);
        placed.insert(at, (life, start, start + bytes));
    }
}

/// The memory that a run takes besides its operands, in bytes, under the expected layouts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// Intermediates.
    pub scratch: usize,
    /// The most that a step takes for dense copies of what it multiplies.
    pub packing: usize,
    /// Results.
    pub outputs: usize,
}

impl Memory {
    /// All of it.
    pub fn total(&self) -> Count {
        [self.scratch, self.packing, self.outputs].into_iter().map(|bytes| Count::from(bytes as u64)).sum()
    }

    /// What a plan takes.
    pub fn of(plan: &Plan) -> Memory {
        let packing = plan.steps().map(|(_, step)| packing(plan, step)).max().unwrap_or(0);
        let bytes = |b: &BufferId| plan.buffer(*b).bytes().unwrap_or(usize::MAX);
        let outputs = plan.outputs.iter().map(bytes).fold(0, usize::saturating_add);
        Memory { scratch: plan.scratch, packing, outputs }
    }
}

/// Bytes of the dense copies that a step makes of its operands under the expected layouts.
fn packing(draft: &Draft, step: &Step) -> usize {
    let Form::Gemm(gemm) = &step.form else { return 0 };
    if gemm.packed == [false; 3] {
        return 0;
    }
    let element = draft.buffer(step.write.tensor).dtype.size();
    let mut fold = Fold::default();
    fold.choose(&groups(draft, step, gemm), element, gemm.packed);
    let packed = (0..3).filter(|&x| fold.packed[x]);
    packed.map(|x| fold.copy_bytes(x, element).unwrap_or(usize::MAX)).fold(0, usize::saturating_add)
}

/// Refuses a plan that takes more than `limit` bytes.
///
/// # Errors
/// [`PlanError::TooLarge`] names the step at which most of it is in use, and what all steps together take.
pub(crate) fn within(plan: &Plan, memory: &Memory, limit: u64) -> Result<(), PlanError> {
    let (bytes, limit) = (memory.total(), Count::from(limit));
    if bytes <= limit {
        return Ok(());
    }
    let lives = plan.lifetimes();
    let in_use = |k: usize, step: &Step| {
        let alive = |(b, life): (&Buffer, &Option<Lifetime>)| match life {
            Some(life) if life.first <= k && k <= life.last && !matches!(b.place, Place::Input(_)) => b.bytes(),
            _ => None,
        };
        let buffers = plan.buffers.iter().zip(&lives).filter_map(alive).fold(0, usize::saturating_add);
        buffers.saturating_add(packing(plan, step))
    };
    let mut worst: Option<(usize, &Step)> = None;
    for (k, (_, step)) in plan.steps().enumerate() {
        let bytes = in_use(k, step);
        if worst.is_none_or(|(most, _)| bytes > most) {
            worst = Some((bytes, step));
        }
    }
    let Some((_, step)) = worst else { return Ok(()) };
    let label = plan.buffer(step.write.tensor).label.clone();
    Err(PlanError::TooLarge { step: step.origin, label, bytes, limit })
}

fn too_large(draft: &Draft, buffer: usize) -> PlanError {
    let writes = |step: &&Step| step.write.tensor.0 as usize == buffer;
    let step = draft.steps().map(|(_, step)| step).find(writes).map_or(NodeId(0), |step| step.origin);
    let Buffer { label, dtype, extents, .. } = &draft.buffers[buffer];
    let bytes = Count::product(extents.iter().map(|&e| e as u64)) * Count::from(dtype.size() as u64);
    PlanError::TooLarge { step, label: label.clone(), bytes, limit: Count::from(ADDRESSABLE as u64) }
}
