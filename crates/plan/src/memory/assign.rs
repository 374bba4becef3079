//! Assigns scratch memory: the offset of each intermediate, once the steps are final.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use einfold_ir::{BufferId, Draft, Lifetime, Plan, Storage};
use smallvec::{SmallVec, smallvec};

use super::limit::{ADDRESSABLE, too_large};
use crate::error::PlanError;

/// Assigns an offset in scratch memory to every intermediate that some step touches: to those that exist once, and to
/// those of which each partition of a region has a copy, as one block for all partitions. Returns the number of
/// intermediates that share memory.
///
/// # Errors
/// [`PlanError::TooLarge`] if scratch memory cannot be addressed.
pub(crate) fn assign(draft: &mut Draft, share: bool) -> Result<usize, PlanError> {
    if !draft.has_intermediates() && draft.regions.iter().all(|region| region.partitions.is_none()) {
        draft.scratch = 0;
        return Ok(0);
    }
    let (lives, own, steps) = (draft.lifetimes(), draft.partition_buffers(), draft.steps().count());
    // First the buffers that exist once, then the copies of partitions, by region.
    let mut members: SmallVec<[Vec<BufferId>; 2]> = SmallVec::from_elem(Vec::new(), 1 + draft.regions.len());
    let mut requests: SmallVec<[Vec<Request>; 2]> = SmallVec::from_elem(Vec::new(), members.len());
    for (k, buffer) in draft.buffers.entries().filter(|(_, b)| matches!(b.storage, Storage::Scratch(_))) {
        if let (Some(life), Some(bytes)) = (lives[k], buffer.bytes()) {
            let group = own[k].map_or(0, |region| 1 + region);
            members[group].push(k);
            requests[group].push(Request { life, bytes: bytes.next_multiple_of(Plan::ALIGN) });
        }
    }
    let (mut start, mut moved, mut blocks) = (0, 0, Vec::new());
    for (region, group) in draft.regions.iter_mut().zip(1..) {
        let life = Lifetime { first: start, last: (start + region.steps.len()).saturating_sub(1) };
        start += region.steps.len();
        if region.partitions.is_some() {
            let assignment = Assignment::of(&requests[group], steps, share);
            region.partitions = Some(assignment.bytes);
            requests[0].push(Request { life, bytes: assignment.bytes.saturating_mul(region.partition_count()) });
            moved += assignment.moved;
            blocks.push((group, assignment.offsets));
        }
    }
    let once = Assignment::of(&requests[0], steps, share);
    if once.bytes > ADDRESSABLE {
        let largest = draft.buffers.ids().max_by_key(|&k| (lives[k].is_some(), draft.buffers[k].bytes()));
        return Err(too_large(draft, largest.unwrap_or(BufferId(0))));
    }
    draft.scratch = once.bytes;
    let (single, bases) = once.offsets.split_at(members[0].len());
    blocks.push((0, single.to_vec()));
    for ((group, offsets), base) in blocks.into_iter().zip(bases.iter().chain([&0])) {
        members[group].iter().zip(offsets).for_each(|(&k, at)| draft.buffers[k].storage = Storage::Scratch(base + at));
    }
    Ok(moved + once.moved)
}

/// A number of bytes that is needed during a lifetime.
#[derive(Clone, Copy)]
struct Request {
    life: Lifetime,
    bytes: usize,
}

/// The offsets of a group of buffers.
struct Assignment {
    offsets: Vec<usize>,
    /// The bytes of the whole group.
    bytes: usize,
    /// The number of buffers whose offset differs from that without sharing.
    moved: usize,
}

impl Assignment {
    /// Places the buffers one after the other or, with `share` and if that needs less, each at the lowest offset that
    /// is free during its lifetime, the largest first. This is simple, and for the nested lifetimes of a contraction
    /// tree usually close to optimal. If a large number of buffers is alive together, a buffer for which the bounded
    /// search (`RangesInUse::LOOKS`) finds no free offset lies after all others.
    fn of(requests: &[Request], steps: usize, share: bool) -> Assignment {
        let mut bytes = 0usize;
        let next = |w: &Request| {
            let at = bytes;
            bytes = at.saturating_add(w.bytes);
            at
        };
        let offsets: Vec<usize> = requests.iter().map(next).collect();
        let apart = Assignment { offsets, bytes, moved: 0 };
        if !share || requests.len() < 2 {
            return apart;
        }
        let mut order: Vec<usize> = (0..requests.len()).collect();
        order.sort_by_key(|&k| (Reverse(requests[k].bytes), requests[k].life.first));
        let few = requests.len() <= RangesInUse::FEW;
        let mut in_use = if few { RangesInUse::default() } else { RangesInUse::over(steps) };
        let (mut offsets, mut bytes) = (vec![0; requests.len()], 0);
        for k in order {
            let Request { life, bytes: needed } = requests[k];
            // Empty buffers stay at offset 0.
            if needed == 0 {
                continue;
            }
            offsets[k] = in_use.lowest(life, needed);
            let end = offsets[k].saturating_add(needed);
            in_use.add(life, offsets[k], end);
            bytes = bytes.max(end);
        }
        if bytes >= apart.bytes {
            return apart;
        }
        let moved = offsets.iter().zip(&apart.offsets).filter(|(shared, apart)| shared != apart).count();
        Assignment { offsets, bytes, moved }
    }
}

/// The bytes in use, indexed by step, or as a list if they are few.
#[derive(Default)]
struct RangesInUse {
    /// The lifetime, start and end of each of a few ranges, ascending by start.
    few: SmallVec<[(Lifetime, usize, usize); 16]>,
    /// The nodes of a segment tree over the steps (Bentley 1977), whose leaves are the second half. Without nodes, the
    /// ranges are in `few`.
    nodes: Vec<TreeNode>,
}

/// The ranges in use at the steps of a tree node, without those in use at all steps of an ancestor.
#[derive(Clone, Default)]
struct TreeNode {
    /// In use at all of the steps.
    always: Ranges,
    /// In use at some of the steps.
    ever: Ranges,
}

impl RangesInUse {
    /// The most ranges that a search for an offset reads, so that the search time is linear in the number of buffers.
    const LOOKS: usize = 1 << 8;
    /// The most buffers whose ranges are a list.
    const FEW: usize = 16;

    /// An empty tree over this number of steps.
    fn over(steps: usize) -> RangesInUse {
        RangesInUse { few: SmallVec::new(), nodes: vec![TreeNode::default(); 2 * steps.next_power_of_two()] }
    }

    fn add(&mut self, life: Lifetime, start: usize, end: usize) {
        if self.nodes.is_empty() {
            return self.few.insert(self.few.partition_point(|(_, other, _)| *other < start), (life, start, end));
        }
        let [nodes, above] = self.parts(life);
        nodes.iter().for_each(|&node| self.nodes[node].always.add(start, end));
        nodes.iter().chain(&above).for_each(|&node| self.nodes[node].ever.add(start, end));
    }

    /// The lowest offset at which `bytes` bytes are free during the whole lifetime; if [`LOOKS`](Self::LOOKS) reads do
    /// not find it, the offset after all ranges in use in that time.
    fn lowest(&self, life: Lifetime, bytes: usize) -> usize {
        if self.nodes.is_empty() {
            let alive = self.few.iter().filter(|(other, ..)| other.overlaps(&life));
            return alive.fold(0, |at, &(_, from, to)| if from < at.saturating_add(bytes) { at.max(to) } else { at });
        }
        let [nodes, above] = self.parts(life);
        let inside = nodes.iter().map(|&node| &self.nodes[node].ever);
        let around = above.iter().map(|&node| &self.nodes[node].always);
        let used: SmallVec<[&Ranges; 16]> = inside.chain(around).filter(|used| !used.0.is_empty()).collect();
        let (mut start, mut free_in) = (0, 0);
        // Cycle through the lists until the bytes are free in all of them.
        for ranges in used.iter().cycle().take(Self::LOOKS) {
            if free_in == used.len() {
                return start;
            }
            let free = ranges.skip(start, bytes);
            free_in = if free == start { free_in + 1 } else { 0 };
            start = free;
        }
        used.iter().filter_map(|ranges| ranges.0.last_key_value()).map(|(_, &end)| end).max().unwrap_or(0)
    }

    /// The tree nodes that make up a lifetime, and all of their ancestors.
    fn parts(&self, life: Lifetime) -> [SmallVec<[usize; 16]>; 2] {
        let [mut nodes, mut above] = <[SmallVec<_>; 2]>::default();
        let mut left: SmallVec<[_; 16]> = smallvec![(1, 0, self.nodes.len() / 2)];
        while let Some((node, first, steps)) = left.pop() {
            let part = Lifetime { first, last: first + steps - 1 };
            if life.first <= part.first && part.last <= life.last {
                nodes.push(node);
            } else if part.overlaps(&life) {
                above.push(node);
                left.extend([(2 * node, first, steps / 2), (2 * node + 1, first + steps / 2, steps / 2)]);
            }
        }
        [nodes, above]
    }
}

/// Disjoint ranges of bytes: the end of each by its start.
#[derive(Clone, Default)]
struct Ranges(BTreeMap<usize, usize>);

impl Ranges {
    /// Adds a range, merged with the ranges that it touches.
    fn add(&mut self, mut start: usize, mut end: usize) {
        while let Some((&from, &to)) = self.0.range(..=end).next_back().filter(|&(_, &to)| to >= start) {
            self.0.remove(&from);
            (start, end) = (start.min(from), end.max(to));
        }
        self.0.insert(start, end);
    }

    /// The end of the last range that overlaps the bytes from `start` on, before which no such bytes are free; `start`
    /// if there is none.
    fn skip(&self, start: usize, bytes: usize) -> usize {
        self.0.range(..start.saturating_add(bytes)).next_back().map_or(start, |(_, &end)| start.max(end))
    }
}

#[cfg(test)]
mod tests {
    use einfold_ir::Lifetime;

    use super::{Assignment, RangesInUse, Request};
    use crate::passes::tests::after;
    use crate::testing::letters;
    use crate::testing::random::Rng;

    /// All buffers are alive together for a while, and some leave holes: a search through all ranges would take
    /// minutes.
    #[test]
    fn many_buffers_that_are_alive_together() {
        const MANY: usize = 20_000;
        let bytes = |of: usize| 64 * (1 + (of * 7919) % MANY);
        let life = |of: usize| Lifetime { first: of, last: if of.is_multiple_of(3) { of + 1 } else { MANY + of } };
        let requests: Vec<Request> = (0..MANY).map(|of| Request { life: life(of), bytes: bytes(of) }).collect();
        let Assignment { offsets, bytes: end, .. } = Assignment::of(&requests, 2 * MANY, true);
        let together: usize = (0..MANY).filter(|of| of % 3 > 0).map(bytes).sum();
        assert_eq!(offsets.len(), MANY);
        assert!(together <= end && end < together + together / 10, "{end} bytes for {together}");
    }

    #[test]
    fn the_lowest_free_offset_is_that_of_a_search_through_all_pieces() {
        let mut rng = Rng(3);
        for _ in 0..200 {
            let steps = 1 + rng.below(12);
            let mut in_use = [RangesInUse::over(steps), RangesInUse::default()];
            let mut all = Vec::<(Lifetime, usize, usize)>::new();
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
                assert_eq!(in_use.each_ref().map(|in_use| in_use.lowest(life, bytes)), [want; 2]);
                in_use.iter_mut().for_each(|in_use| in_use.add(life, want, want + bytes));
                all.push((life, want, want + bytes));
            }
        }
    }

    #[test]
    fn buffers_that_are_not_alive_together_share_memory() {
        let ir = letters("ij,jk,kl,lm,mn->in", &[2, 3, 4, 5, 6, 7]);
        insta::assert_snapshot!(after(&["buffers"], &ir, &[&[0, 1], &[2, 5], &[3, 6], &[4, 7]]), @r"
        t5@128[i, k] = in0[i, j] . in1[j, k]  (i:2 k:4 j:3)  nest
        t6@0[l, i] = in2[k, l] . t5@128[i, k]  (l:5 i:2 k:4)  nest
        t7@128[m, i] = in3[l, m] . t6@0[l, i]  (m:6 i:2 l:5)  nest
        t8@0[n, i] = in4[m, n] . t7@128[m, i]  (n:7 i:2 m:6)  nest
        out0[i, n] = t8@0[n, i]  (n:7 i:2)  nest
        scratch 256
        ");
    }
}
