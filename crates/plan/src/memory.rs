//! Where intermediates lie in scratch memory, and how much memory a run needs.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use einfold_ir::{
    Axis, Buffer, BufferId, Count, Draft, Fold, Form, Id, IdVec, Index, Lifetime, NodeId, Place, Plan, Step,
    kernel_bytes,
};

use crate::error::{Excess, Large, PlanError, Unsliced};
use crate::passes::groups;

/// The most bytes that one allocation can have.
const ADDRESSABLE: usize = isize::MAX as usize;

/// Gives every intermediate a place of its own, and each lane its own intermediates.
///
/// # Errors
/// [`PlanError::TooLarge`] if an intermediate, a result or all of scratch memory cannot be addressed.
pub(crate) fn place_apart(draft: &mut Draft) -> Result<(), PlanError> {
    let own = draft.lane_buffers();
    let mut order: Vec<BufferId> = draft.buffers.ids().collect();
    // What is there once comes first.
    order.sort_by_key(|&k| own[k]);
    let mut end = 0usize;
    for some in order.chunk_by(|&a, &b| own[a] == own[b]) {
        let start = end;
        for &k in some {
            end = place_at(draft, k, end)?;
        }
        if let Some(region) = own[some[0]] {
            let region = &mut draft.regions[region];
            region.lanes = Some(end - start);
            let all = (end - start).checked_mul(region.lane_count()).and_then(|n| n.checked_add(start));
            end = all.filter(|&e| e <= ADDRESSABLE).ok_or_else(|| too_large(draft, some[0]))?;
        }
    }
    draft.scratch = end;
    Ok(())
}

/// Places a buffer at an offset if it is an intermediate; the offset after it.
fn place_at(draft: &mut Draft, k: BufferId, at: usize) -> Result<usize, PlanError> {
    let buffer = &mut draft.buffers[k];
    if matches!(buffer.place, Place::Input(_)) {
        return Ok(at);
    }
    let bytes = buffer.bytes().filter(|&b| b <= ADDRESSABLE - Plan::ALIGN);
    let bytes = match (buffer.place, bytes) {
        (Place::Scratch(_), Some(bytes)) => bytes.next_multiple_of(Plan::ALIGN),
        (_, Some(_)) => return Ok(at),
        (_, None) => return Err(too_large(draft, k)),
    };
    buffer.place = Place::Scratch(at);
    at.checked_add(bytes).filter(|&e| e <= ADDRESSABLE).ok_or_else(|| too_large(draft, k))
}

/// Gives every intermediate the lowest offset that is free while it is alive, the largest first: simple, and for the
/// nested lifetimes of a contraction tree seldom far from the best. The intermediates of a lane are placed so among themselves,
/// and those of all lanes of a region as one.
pub(crate) fn place_by_lifetime(draft: &mut Draft) {
    let (lives, own) = (draft.lifetimes(), draft.lane_buffers());
    let mut once: Vec<Wanted> = Vec::new();
    let mut lanes: Vec<Vec<Wanted>> = vec![Vec::new(); draft.regions.len()];
    let each = lives.iter().zip(own).zip(draft.buffers.iter_mut()).enumerate();
    for (k, ((life, own), buffer)) in each.filter(|(_, (_, b))| matches!(b.place, Place::Scratch(_))) {
        buffer.place = Place::Scratch(0);
        if let (Some(life), Some(bytes)) = (*life, buffer.bytes()) {
            let wanted = Wanted { of: k, life, bytes: bytes.next_multiple_of(Plan::ALIGN) };
            own.map_or(&mut once, |region| &mut lanes[region]).push(wanted);
        }
    }
    let (steps, mut start, mut in_lanes) = (draft.steps().count(), 0, Vec::new());
    for (region, lane) in draft.regions.iter_mut().zip(lanes) {
        let life = Lifetime { first: start, last: (start + region.steps.len()).saturating_sub(1) };
        start += region.steps.len();
        if region.lanes.is_some() {
            let (places, bytes) = place(lane, steps);
            region.lanes = Some(bytes);
            // They follow the buffers.
            let of = draft.buffers.len() + in_lanes.len();
            once.push(Wanted { of, life, bytes: bytes.saturating_mul(region.lane_count()) });
            in_lanes.push(places);
        }
    }
    let (places, bytes) = place(once, steps);
    draft.scratch = bytes;
    for (of, at) in places {
        match of.checked_sub(draft.buffers.len()) {
            None => draft.buffers[BufferId::at(of)].place = Place::Scratch(at),
            Some(lane) => {
                in_lanes[lane].iter().for_each(|&(k, inside)| {
                    draft.buffers[BufferId::at(k)].place = Place::Scratch(at + inside);
                });
            }
        }
    }
}

/// So many bytes that something needs for some time.
#[derive(Clone, Copy)]
struct Wanted {
    of: usize,
    life: Lifetime,
    bytes: usize,
}

/// The offset of each in a plan of so many steps, and the bytes that all take.
fn place(mut wanted: Vec<Wanted>, steps: usize) -> (Vec<(usize, usize)>, usize) {
    wanted.sort_by_key(|w| (Reverse(w.bytes), w.life.first, w.of));
    let (mut placed, mut end) = (Placed::over(steps), 0);
    let place = |Wanted { of, life, bytes }| {
        let start = placed.lowest(life, bytes);
        placed.add(life, start, start + bytes);
        end = end.max(start + bytes);
        (of, start)
    };
    let places = wanted.into_iter().map(place).collect();
    (places, end)
}

/// Pieces of memory in use, found by when they are.
struct Placed {
    /// Start and end of each piece.
    pieces: Vec<(usize, usize)>,
    /// The pieces by the step from which on they are in use.
    by_first: BTreeSet<(usize, usize)>,
    /// A segment tree over the steps (Bentley 1977): a piece is in the nodes that make up its lifetime.
    nodes: Vec<Vec<usize>>,
}

impl Placed {
    /// No piece, of a plan of so many steps.
    fn over(steps: usize) -> Placed {
        Placed { pieces: Vec::new(), by_first: BTreeSet::new(), nodes: vec![Vec::new(); 2 * steps.max(1)] }
    }

    fn add(&mut self, life: Lifetime, start: usize, end: usize) {
        let piece = self.pieces.len();
        self.pieces.push((start, end));
        self.by_first.insert((life.first, piece));
        let steps = self.nodes.len() / 2;
        let (mut low, mut high) = (life.first + steps, life.last + steps + 1);
        while low < high {
            if low % 2 == 1 {
                self.nodes[low].push(piece);
                low += 1;
            }
            if high % 2 == 1 {
                high -= 1;
                self.nodes[high].push(piece);
            }
            (low, high) = (low / 2, high / 2);
        }
    }

    /// The lowest offset with so many bytes that are free all the time.
    fn lowest(&self, life: Lifetime, bytes: usize) -> usize {
        // In use then are those in use at the first step, and those that start later.
        let mut used: Vec<(usize, usize)> = Vec::new();
        let mut node = life.first + self.nodes.len() / 2;
        while node > 0 {
            used.extend(self.nodes[node].iter().map(|&piece| self.pieces[piece]));
            node /= 2;
        }
        let later = self.by_first.range((life.first + 1, 0)..(life.last + 1, 0));
        used.extend(later.map(|(_, piece)| self.pieces[*piece]));
        used.sort_unstable();
        let mut start = 0;
        for (from, to) in used {
            if start + bytes <= from {
                break;
            }
            start = start.max(to);
        }
        start
    }
}

/// The memory that a run takes besides its operands, in bytes, under the expected layouts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// Intermediates.
    pub scratch: usize,
    /// The most that a step takes for dense copies of what it multiplies, in all lanes.
    pub packing: usize,
    /// The most that the kernel of a product allocates on one thread for packed pieces of what it multiplies. Each further thread
    /// that multiplies at the same time takes as much again: under a limit no more of them do than it has room for.
    pub kernels: usize,
    /// Results.
    pub outputs: usize,
}

impl Memory {
    /// All of it, on one thread.
    pub fn total(&self) -> Count {
        [self.scratch, self.packing, self.kernels, self.outputs]
            .into_iter()
            .map(|bytes| Count::from(bytes as u64))
            .sum()
    }

    /// Whether a limit has room for all but copies and kernels of products.
    pub(crate) fn fits_without_kernels(&self, limit: Option<u64>) -> bool {
        let others = Memory { packing: 0, kernels: 0, ..*self };
        self.kernels > 0 && limit.is_some_and(|limit| others.total() <= Count::from(limit))
    }

    /// What a plan takes.
    pub fn of(plan: &Plan) -> Memory {
        let (mut packing, mut kernels) = (0, 0);
        for region in &plan.regions {
            let of_step = |step| Packed::of(plan, step);
            for packed in region.steps.iter().map(of_step) {
                packing = packing.max(packed.copies.saturating_mul(region.lane_count()));
                kernels = kernels.max(packed.kernel);
            }
        }
        let bytes = |b: &BufferId| plan.buffer(*b).bytes().unwrap_or(usize::MAX);
        let outputs = plan.outputs.iter().map(bytes).fold(0, usize::saturating_add);
        Memory { scratch: plan.scratch, packing, kernels, outputs }
    }
}

/// Bytes that a step takes for what it multiplies, under the expected layouts.
#[derive(Clone, Copy, Default)]
struct Packed {
    /// Dense copies of its operands.
    copies: usize,
    /// What one call of the kernel allocates.
    kernel: usize,
}

impl Packed {
    fn of(draft: &Draft, step: &Step) -> Packed {
        let Form::Gemm(gemm) = &step.form else { return Packed::default() };
        let dtype = draft.buffer(step.write.tensor).dtype;
        let element = dtype.size();
        let mut fold = Fold::default();
        fold.choose(&draft.machine, &groups(draft, step, gemm), element, gemm.packed);
        let packed = (0..3).filter(|&x| fold.packed[x]);
        let bytes = |x: usize| fold.copy_bytes(x, element)?.checked_next_multiple_of(Plan::ALIGN);
        let copies = packed.map(|x| bytes(x).unwrap_or(usize::MAX)).fold(0, usize::saturating_add);
        Packed { copies, kernel: kernel_bytes(step.algebra, dtype, fold.extents()) }
    }
}

/// Refuses a plan that takes more than `limit` bytes.
///
/// # Errors
/// [`PlanError::TooLarge`] names the largest tensor that is in memory where most is in use, and what all steps together take.
pub(crate) fn within(plan: &Plan, memory: &Memory, limit: u64) -> Result<(), PlanError> {
    let (bytes, limit) = (memory.total(), Count::from(limit));
    if bytes <= limit {
        return Ok(());
    }
    let outputs = Count::from(memory.outputs as u64);
    let why = if outputs > limit { Unsliced::Results(outputs) } else { Unsliced::Sliced };
    let (step, buffer) = worst(plan);
    let excess = Excess { bytes, limit, why, ..excess(plan, step, buffer) };
    Err(PlanError::TooLarge(Box::new(excess)))
}

/// The step at which most memory is in use, counted through all regions, and the largest buffer in it then.
fn worst(plan: &Plan) -> (usize, BufferId) {
    let (lives, own) = (plan.lifetimes(), plan.lane_buffers());
    // By how much the bytes in use change from one step to the next.
    let mut changes = vec![0i128; plan.steps().count() + 1];
    let mut sizes: IdVec<BufferId, i128> = IdVec::filled(plan.buffers.len(), 0);
    for (k, ((buffer, life), lane)) in plan.buffers.ids().zip(plan.buffers.iter().zip(&lives).zip(own)) {
        let Some(life) = life.filter(|_| !matches!(buffer.place, Place::Input(_))) else { continue };
        let lanes = lane.map_or(1, |region| plan.regions[region].lane_count());
        sizes[k] = buffer.bytes().unwrap_or(usize::MAX) as i128 * lanes as i128;
        changes[life.first] += sizes[k];
        changes[life.last + 1] -= sizes[k];
    }
    let (mut worst, mut most, mut alive) = (0, i128::MIN, 0);
    let steps = plan.regions.iter().flat_map(|r| r.steps.iter().map(|step| (r.lane_count(), step)));
    for (at, ((lanes, step), change)) in steps.zip(changes).enumerate() {
        alive += change;
        let bytes = alive + Packed::of(plan, step).copies as i128 * lanes as i128;
        if bytes > most {
            (worst, most) = (at, bytes);
        }
    }
    // Results have their memory all the time.
    let held = |k: &BufferId| {
        let alive = lives[*k].is_some_and(|life| life.first <= worst && worst <= life.last);
        alive || matches!(plan.buffers[*k].place, Place::Output(_))
    };
    let largest = plan.buffers.ids().filter(held).max_by_key(|&k| (sizes[k], Reverse(k)));
    (worst, largest.unwrap_or(BufferId(0)))
}

/// An intermediate or a result that cannot be addressed.
fn too_large(draft: &Draft, buffer: BufferId) -> PlanError {
    let writes = |(_, step): (&[Axis], &Step)| step.write.tensor == buffer;
    let step = draft.steps().position(writes).unwrap_or_default();
    PlanError::TooLarge(Box::new(excess(draft, step, buffer)))
}

/// What is to be said of a buffer that is too large at a step, without a limit.
fn excess(draft: &Draft, step: usize, buffer: BufferId) -> Excess {
    let Buffer { label, dtype, extents, place, .. } = &draft.buffers[buffer];
    let bytes = Count::product(extents.iter().map(|&e| e as u64)) * Count::from(dtype.size() as u64);
    let write = draft.steps().map(|(_, step)| step).find(|step| step.write.tensor == buffer);
    let axis = |step: &Step, index: &Index<BufferId>| index.as_axis().map(|a| step.axes[a as usize].label.clone());
    let axes = write.and_then(|step| step.write.indices.iter().map(|index| axis(step, index)).collect());
    Excess {
        step: draft.steps().nth(step).map_or(NodeId(0), |(_, step)| step.origin),
        label: label.clone(),
        axes: axes.unwrap_or_default(),
        tensor: Some(Large {
            is_result: matches!(place, Place::Output(_)),
            shape: extents.clone(),
            dtype: *dtype,
            bytes,
        }),
        bytes,
        limit: Count::from(ADDRESSABLE as u64),
        why: Unsliced::Unlimited,
    }
}

#[cfg(test)]
mod tests {
    use einfold_ir::Lifetime;

    use super::Placed;
    use crate::testing::drawn::Rng;

    #[test]
    fn the_lowest_free_offset_is_that_of_a_search_through_all_pieces() {
        let mut rng = Rng(3);
        for _ in 0..200 {
            let steps = 1 + rng.below(12);
            let (mut placed, mut all) = (Placed::over(steps), Vec::<(Lifetime, usize, usize)>::new());
            for _ in 0..12 {
                let first = rng.below(steps);
                let life = Lifetime { first, last: first + rng.below(steps - first) };
                let bytes = 1 + rng.below(9);
                let free = |start: usize| {
                    let apart = |(l, from, to): &(Lifetime, usize, usize)| {
                        !l.overlaps(&life) || start + bytes <= *from || *to <= start
                    };
                    all.iter().all(apart)
                };
                let want = (0..).find(|&start| free(start)).unwrap();
                let start = placed.lowest(life, bytes);
                assert_eq!(start, want);
                placed.add(life, start, start + bytes);
                all.push((life, start, start + bytes));
            }
        }
    }
}
