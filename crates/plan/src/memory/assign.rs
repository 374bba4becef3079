//! Scratch memory: where each intermediate lies, assigned once, when the steps are final.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use einfold_ir::{BufferId, Draft, Id, IdVec, Lifetime, Place, Plan};

use super::limit::{ADDRESSABLE, too_large};
use crate::error::PlanError;

/// Gives every intermediate its offset in scratch memory, and each lane of a region its own copies. Where `share` is set,
/// intermediates that are not alive together share memory, if that takes less: each lies at the lowest offset that is free
/// while it is alive, the largest first, which is simple, and for the nested lifetimes of a contraction tree seldom far from
/// the best; where very many are alive together, after all others (`Placed::LOOKS`). Otherwise they lie one after the other. The result is how many lie elsewhere than that.
///
/// # Errors
/// [`PlanError::TooLarge`] if scratch memory cannot be addressed.
pub(crate) fn assign(draft: &mut Draft, share: bool) -> Result<usize, PlanError> {
    let apart = Assignment::apart(draft)?;
    let shared = share.then(|| Assignment::by_lifetime(draft)).filter(|shared| shared.scratch < apart.scratch);
    let moved = shared.as_ref().map_or(0, |shared| {
        // Where only unused memory is saved nothing moves, but the draft is another.
        apart.offsets.iter().zip(&shared.offsets).filter(|(apart, shared)| apart != shared).count().max(1)
    });
    shared.unwrap_or(apart).write(draft);
    Ok(moved)
}

/// The offsets of all intermediates.
struct Assignment {
    /// By buffer; none where it is no intermediate.
    offsets: IdVec<BufferId, Option<usize>>,
    /// By region in lanes: bytes from the copies of one lane to those of the next.
    lanes: Vec<Option<usize>>,
    /// Bytes of scratch memory.
    scratch: usize,
}

impl Assignment {
    /// One after the other: those that exist once, then those of the lanes of each region.
    fn apart(draft: &Draft) -> Result<Assignment, PlanError> {
        let own = draft.lane_buffers();
        let is_scratch = |k: &BufferId| matches!(draft.buffers[*k].place, Place::Scratch(_));
        let mut order: Vec<BufferId> = draft.buffers.ids().filter(is_scratch).collect();
        order.sort_by_key(|&k| own[k]);
        let lanes = draft.regions.iter().map(|r| r.lanes.map(|_| 0)).collect();
        let mut assignment = Assignment { offsets: IdVec::filled(own.len(), None), lanes, scratch: 0 };
        let within =
            |end: Option<usize>, k: BufferId| end.filter(|&e| e <= ADDRESSABLE).ok_or_else(|| too_large(draft, k));
        for some in order.chunk_by(|&a, &b| own[a] == own[b]) {
            let (start, mut end) = (assignment.scratch, assignment.scratch);
            for &k in some {
                assignment.offsets[k] = Some(end);
                let bytes = draft.buffers[k].bytes().and_then(|n| n.checked_next_multiple_of(Plan::ALIGN));
                end = within(bytes.and_then(|n| n.checked_add(end)), k)?;
            }
            if let Some(region) = own[some[0]] {
                assignment.lanes[region] = Some(end - start);
                let all = (end - start).checked_mul(draft.regions[region].lane_count());
                end = within(all.and_then(|n| n.checked_add(start)), some[0])?;
            }
            assignment.scratch = end;
        }
        Ok(assignment)
    }

    /// Each where memory is free while it is alive: the intermediates of a lane among themselves, and those of all lanes of a
    /// region as one.
    fn by_lifetime(draft: &Draft) -> Assignment {
        let (lives, own) = (draft.lifetimes(), draft.lane_buffers());
        let mut once: Vec<Wanted> = Vec::new();
        let mut in_lanes: Vec<Vec<Wanted>> = vec![Vec::new(); draft.regions.len()];
        let mut offsets = IdVec::filled(draft.buffers.len(), None);
        for (k, buffer) in draft.buffers.entries().filter(|(_, b)| matches!(b.place, Place::Scratch(_))) {
            offsets[k] = Some(0);
            if let (Some(life), Some(bytes)) = (lives[k], buffer.bytes()) {
                let wanted = Wanted { of: k.place(), life, bytes: bytes.next_multiple_of(Plan::ALIGN) };
                own[k].map_or(&mut once, |region| &mut in_lanes[region]).push(wanted);
            }
        }
        let (steps, buffers, mut start) = (draft.steps().count(), draft.buffers.len(), 0);
        let (mut lanes, mut insides) = (vec![None; draft.regions.len()], Vec::new());
        for ((region, lane), stride) in draft.regions.iter().zip(in_lanes).zip(&mut lanes) {
            let life = Lifetime { first: start, last: (start + region.steps.len()).saturating_sub(1) };
            start += region.steps.len();
            if region.lanes.is_some() {
                let (inside, bytes) = place(lane, steps);
                *stride = Some(bytes);
                // They follow the buffers.
                let of = buffers + insides.len();
                once.push(Wanted { of, life, bytes: bytes.saturating_mul(region.lane_count()) });
                insides.push(inside);
            }
        }
        let (places, scratch) = place(once, steps);
        for (of, at) in places {
            match of.checked_sub(buffers) {
                None => offsets[BufferId::at(of)] = Some(at),
                Some(lane) => {
                    insides[lane].iter().for_each(|&(k, inside)| offsets[BufferId::at(k)] = Some(at + inside))
                }
            }
        }
        Assignment { offsets, lanes, scratch }
    }

    fn write(self, draft: &mut Draft) {
        for (buffer, offset) in draft.buffers.iter_mut().zip(self.offsets) {
            offset.into_iter().for_each(|at| buffer.place = Place::Scratch(at));
        }
        draft.regions.iter_mut().zip(self.lanes).for_each(|(region, lanes)| region.lanes = lanes);
        draft.scratch = self.scratch;
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
    // Buffers of no bytes stay at offset 0.
    wanted.retain(|w| w.bytes > 0);
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

/// Bytes in use, found by the steps at which they are.
struct Placed {
    /// A segment tree over the steps (Bentley 1977), whose leaves are the second half.
    nodes: Vec<Node>,
}

/// What is in use at the steps of a node, apart from what is in use at all steps of a node above.
#[derive(Clone, Default)]
struct Node {
    /// At all of them.
    always: Ranges,
    /// At some of them.
    ever: Ranges,
}

impl Placed {
    /// How many ranges a search for a place reads at most, so that work grows with the number of buffers.
    const LOOKS: usize = 1 << 10;

    /// Nothing, in a plan of so many steps.
    fn over(steps: usize) -> Placed {
        Placed { nodes: vec![Node::default(); 2 * steps.next_power_of_two()] }
    }

    fn add(&mut self, life: Lifetime, start: usize, end: usize) {
        let (nodes, above) = self.parts(life);
        nodes.iter().for_each(|&node| self.nodes[node].always.add(start, end));
        nodes.iter().chain(&above).for_each(|&node| self.nodes[node].ever.add(start, end));
    }

    /// The lowest offset with so many bytes that are free all the time, or, where [`LOOKS`](Self::LOOKS) do not find it, the one
    /// after all that is in use then.
    fn lowest(&self, life: Lifetime, bytes: usize) -> usize {
        let (nodes, above) = self.parts(life);
        let inside = nodes.iter().map(|&node| &self.nodes[node].ever);
        let around = above.iter().map(|&node| &self.nodes[node].always);
        let used: Vec<&Ranges> = inside.chain(around).filter(|used| !used.0.is_empty()).collect();
        let (mut start, mut free_in) = (0, 0);
        // In turn, until the bytes are free in all of them.
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

    /// The nodes that make up a lifetime, and all those above them.
    fn parts(&self, life: Lifetime) -> (Vec<usize>, Vec<usize>) {
        let (mut nodes, mut above) = (Vec::new(), Vec::new());
        let mut left = vec![(1, 0, self.nodes.len() / 2)];
        while let Some((node, first, steps)) = left.pop() {
            let part = Lifetime { first, last: first + steps - 1 };
            if life.first <= part.first && part.last <= life.last {
                nodes.push(node);
            } else if part.overlaps(&life) {
                above.push(node);
                left.extend([(2 * node, first, steps / 2), (2 * node + 1, first + steps / 2, steps / 2)]);
            }
        }
        (nodes, above)
    }
}

/// Ranges of bytes, apart from each other: the end of each by its start.
#[derive(Clone, Default)]
struct Ranges(BTreeMap<usize, usize>);

impl Ranges {
    /// Adds a range, as one with those that it touches.
    fn add(&mut self, mut start: usize, mut end: usize) {
        while let Some((&from, &to)) = self.0.range(..=end).next_back().filter(|&(_, &to)| to >= start) {
            self.0.remove(&from);
            (start, end) = (start.min(from), end.max(to));
        }
        self.0.insert(start, end);
    }

    /// The end of the last range that has some of the bytes from `start` on: none of them is free before. Else `start`.
    fn skip(&self, start: usize, bytes: usize) -> usize {
        self.0.range(..start + bytes).next_back().map_or(start, |(_, &end)| start.max(end))
    }
}

#[cfg(test)]
mod tests {
    use einfold_ir::Lifetime;

    use super::{Placed, Wanted, place};
    use crate::passes::tests::after;
    use crate::testing::drawn::Rng;
    use crate::testing::letters;

    /// All are alive together for a while, and some leave holes: a search through all pieces takes minutes.
    #[test]
    fn many_buffers_that_are_alive_together() {
        const MANY: usize = 20_000;
        let bytes = |of: usize| 64 * (1 + (of * 7919) % MANY);
        let life = |of: usize| Lifetime { first: of, last: if of % 3 == 0 { of + 1 } else { MANY + of } };
        let wanted = (0..MANY).map(|of| Wanted { of, life: life(of), bytes: bytes(of) }).collect();
        let (places, end) = place(wanted, 2 * MANY);
        let together: usize = (0..MANY).filter(|of| of % 3 > 0).map(bytes).sum();
        assert_eq!(places.len(), MANY);
        assert!(together <= end && end < together + together / 10, "{end} bytes for {together}");
    }

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
