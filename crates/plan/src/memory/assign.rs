//! Scratch memory: where each intermediate lies, assigned once, when the steps are final.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use einfold_ir::{BufferId, Draft, Lifetime, Place, Plan};

use super::limit::{ADDRESSABLE, too_large};
use crate::error::PlanError;

/// Gives every intermediate that some step touches its offset in scratch memory: those that exist once, and those of which each lane
/// of a region has a copy, as one block for all lanes. The result is how many share memory with others.
///
/// # Errors
/// [`PlanError::TooLarge`] if scratch memory cannot be addressed.
pub(crate) fn assign(draft: &mut Draft, share: bool) -> Result<usize, PlanError> {
    let (lives, own, steps) = (draft.lifetimes(), draft.lane_buffers(), draft.steps().count());
    // First what exists once, then the copies of a lane, by region.
    let mut members: Vec<Vec<BufferId>> = vec![Vec::new(); 1 + draft.regions.len()];
    let mut wanted: Vec<Vec<Wanted>> = vec![Vec::new(); members.len()];
    for (k, buffer) in draft.buffers.entries().filter(|(_, b)| matches!(b.place, Place::Scratch(_))) {
        if let (Some(life), Some(bytes)) = (lives[k], buffer.bytes()) {
            let group = own[k].map_or(0, |region| 1 + region);
            members[group].push(k);
            wanted[group].push(Wanted { life, bytes: bytes.next_multiple_of(Plan::ALIGN) });
        }
    }
    let (mut start, mut moved, mut blocks) = (0, 0, Vec::new());
    for (region, group) in draft.regions.iter_mut().zip(1..) {
        let life = Lifetime { first: start, last: (start + region.steps.len()).saturating_sub(1) };
        start += region.steps.len();
        if region.lanes.is_some() {
            let placement = Placement::of(&wanted[group], steps, share);
            region.lanes = Some(placement.bytes);
            wanted[0].push(Wanted { life, bytes: placement.bytes.saturating_mul(region.lane_count()) });
            moved += placement.moved;
            blocks.push((group, placement.offsets));
        }
    }
    let once = Placement::of(&wanted[0], steps, share);
    if once.bytes > ADDRESSABLE {
        let largest = draft.buffers.ids().max_by_key(|&k| (lives[k].is_some(), draft.buffers[k].bytes()));
        return Err(too_large(draft, largest.unwrap_or(BufferId(0))));
    }
    draft.scratch = once.bytes;
    let (single, bases) = once.offsets.split_at(members[0].len());
    blocks.push((0, single.to_vec()));
    for ((group, offsets), base) in blocks.into_iter().zip(bases.iter().chain([&0])) {
        members[group].iter().zip(offsets).for_each(|(&k, at)| draft.buffers[k].place = Place::Scratch(base + at));
    }
    Ok(moved + once.moved)
}

/// Bytes that something needs for some time.
#[derive(Clone, Copy)]
struct Wanted {
    life: Lifetime,
    bytes: usize,
}

/// Where a group of buffers lies.
struct Placement {
    offsets: Vec<usize>,
    /// The bytes of all.
    bytes: usize,
    /// How many do not lie after all that come before.
    moved: usize,
}

impl Placement {
    /// One after the other; with `share`, if that takes less, each at the lowest offset that is free while it is alive, the largest
    /// first: simple, and for the nested lifetimes of a contraction tree seldom far from the best.
    fn of(wanted: &[Wanted], steps: usize, share: bool) -> Placement {
        let mut bytes = 0usize;
        let next = |w: &Wanted| {
            let at = bytes;
            bytes = at.saturating_add(w.bytes);
            at
        };
        let offsets: Vec<usize> = wanted.iter().map(next).collect();
        let apart = Placement { offsets, bytes, moved: 0 };
        if !share {
            return apart;
        }
        let mut order: Vec<usize> = (0..wanted.len()).collect();
        order.sort_by_key(|&k| (Reverse(wanted[k].bytes), wanted[k].life.first));
        let (mut placed, mut offsets, mut bytes) = (Placed::over(steps), vec![0; wanted.len()], 0);
        for k in order {
            let Wanted { life, bytes: needed } = wanted[k];
            offsets[k] = placed.lowest(life, needed);
            let end = offsets[k].saturating_add(needed);
            placed.add(life, offsets[k], end);
            bytes = bytes.max(end);
        }
        if bytes >= apart.bytes {
            return apart;
        }
        let moved = offsets.iter().zip(&apart.offsets).filter(|(shared, apart)| shared != apart).count();
        Placement { offsets, bytes, moved }
    }
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
        let mut start = 0usize;
        for (from, to) in used {
            if start.saturating_add(bytes) <= from {
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
