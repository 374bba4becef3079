//! Where intermediates lie in scratch memory, and how much memory a run needs.

use std::cmp::Reverse;

use einfold_ir::{Buffer, Count, Draft, Lifetime, NodeId, Place, Plan, Step};

use crate::PlanError;

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

fn too_large(draft: &Draft, buffer: usize) -> PlanError {
    let writes = |step: &&Step| step.write.tensor.0 as usize == buffer;
    let step = draft.steps().map(|(_, step)| step).find(writes).map_or(NodeId(0), |step| step.origin);
    let Buffer { label, dtype, extents, .. } = &draft.buffers[buffer];
    let bytes = Count::product(extents.iter().map(|&e| e as u64)) * Count::from(dtype.size() as u64);
    PlanError::TooLarge { step, label: label.clone(), bytes, limit: Count::from(ADDRESSABLE as u64) }
}
