//! Lets intermediates share scratch memory.

use einfold_ir::{Draft, Place};

use crate::memory;

/// Places every intermediate at the lowest offset that is free while it is alive, the largest first, if that takes less
/// memory than before. Returns how many lie elsewhere now.
pub(super) fn run(draft: &mut Draft) -> usize {
    let (before, scratch): (Vec<Place>, usize) = (draft.buffers.iter().map(|b| b.place).collect(), draft.scratch);
    let lanes: Vec<Option<usize>> = draft.regions.iter().map(|r| r.lanes).collect();
    if scratch == 0 {
        return 0;
    }
    memory::place_by_lifetime(draft);
    if draft.scratch >= scratch {
        draft.scratch = scratch;
        draft.buffers.iter_mut().zip(before).for_each(|(buffer, place)| buffer.place = place);
        draft.regions.iter_mut().zip(lanes).for_each(|(region, lanes)| region.lanes = lanes);
        return 0;
    }
    // Where only unused memory went, nothing moved, but the draft changed.
    before.iter().zip(&draft.buffers).filter(|(place, buffer)| **place != buffer.place).count().max(1)
}

#[cfg(test)]
mod tests {
    use crate::passes::tests::after;
    use crate::testing::letters;

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
