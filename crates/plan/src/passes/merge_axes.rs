//! Merges loops of nests.

use einfold_ir::{Draft, Form, Loops, Step};
use smallvec::{SmallVec, smallvec};

use super::edit_steps;
use crate::strides::step_loops;

/// Merges neighbouring loops of a nest that have a single stride in every operand under the layout hints.
pub(crate) fn run(draft: &mut Draft) -> usize {
    edit_steps(draft, |draft, step| {
        let nest = matches!(step.form, Form::Nest(_)) && step.axes.len() > 1;
        nest && merge(step, &step_loops(draft, step))
    })
}

/// Merges `loops`, the loops of a nest. Returns whether any are merged.
pub(super) fn merge(step: &mut Step, loops: &Loops) -> bool {
    let mut merged: SmallVec<[u32; 8]> = smallvec![1];
    for inner in 1..loops.len() {
        match merged.last_mut().filter(|_| loops.joins(inner - 1, inner)) {
            Some(joined) => *joined += 1,
            None => merged.push(1),
        }
    }
    let shorter = merged.len() < loops.len();
    if let (true, Form::Nest(nest)) = (shorter, &mut step.form) {
        nest.merged = merged.into_vec();
    }
    shorter
}

#[cfg(test)]
mod tests {
    use crate::passes::tests::after;
    use crate::testing::letters;

    #[test]
    fn contiguous_loops_become_one() {
        insta::assert_snapshot!(after(&["merge_axes"], &letters("ijk,ijk->ijk", &[2, 3, 4]), &[&[0, 1]]), @r"
        out0[i, j, k] = in0[i, j, k] . in1[i, j, k]  (i:2 j:3 k:4)  nest merged [3]
        scratch 0
        ");
        insta::assert_snapshot!(after(&["merge_axes"], &letters("aij->aji", &[2, 3, 4]), &[]), @r"
        out0[a, j, i] = in0[a, i, j]  (a:2 j:4 i:3)  nest
        scratch 0
        ");
    }

    #[test]
    fn loops_join_only_with_their_neighbours() {
        let ir = letters("ijk->kij", &[2, 3, 4]);
        insta::assert_snapshot!(after(&["merge_axes"], &ir, &[]), @r"
        out0[k, i, j] = in0[i, j, k]  (k:4 i:2 j:3)  nest merged [1, 2]
        scratch 0
        ");
        insta::assert_snapshot!(after(&["loop_order", "merge_axes"], &letters("ikj->j", &[2, 3, 4]), &[]), @r"
        out0[j] = in0[i, k, j]  (i:2 k:3 j:4)  nest ordered merged [2, 1]
        scratch 0
        ");
    }
}
