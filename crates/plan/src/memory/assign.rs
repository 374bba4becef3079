//! Scratch memory: where each intermediate lies, assigned once, when the steps are final.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use einfold_ir::{BufferId, Draft, Id, IdVec, Lifetime, Place, Plan};

use super::limit::{ADDRESSABLE, too_large};
use crate::error::PlanError;

/// Gives every intermediate its offset in scratch memory, and each lane of a region its own copies. Where `share` is set,
/// intermediates that are not alive together share memory, if that takes less: each lies at the lowest offset that is free
/// while it is alive, the largest first, which is simple, and for the nested lifetimes of a contraction tree seldom far from
/// the best. Otherwise they lie one after the other. The result is how many lie elsewhere than that.
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

#[cfg(test)]
mod tests {
    use einfold_ir::Lifetime;

    use super::Placed;
    use crate::passes::tests::after;
    use crate::testing::drawn::Rng;
    use crate::testing::letters;

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
