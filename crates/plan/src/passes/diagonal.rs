//! Reads the source of a view step through strides instead of copying it.

use einfold_ir::Draft;

use super::views::{BufferUses, fold_views};

/// Removes the steps that only copy a diagonal, a window or a broadcast tensor: their readers read the source, through
/// composed index functions. Permutations are left to `transpose`.
pub(crate) fn run(draft: &mut Draft) -> usize {
    fold_views(draft, |draft, step, view| !view.is_permutation(draft, step), BufferUses::fold_into_readers)
}

#[cfg(test)]
mod tests {
    use crate::passes::tests::after;
    use crate::testing::letters;

    #[test]
    fn a_diagonal_is_read_through_its_strides() {
        let ir = letters("iij,jkk->ik", &[2, 3, 4]);
        insta::assert_snapshot!(after(&["diagonal"], &ir, &[&[0, 1]]), @r"
        out0[i, k] = in0[i, i, j] . in1[j, k, k]  (i:2 k:4 j:3)  nest
        scratch 0
        ");
    }

    #[test]
    fn sums_stay() {
        let ir = letters("iijl,jk->ik", &[2, 3, 4, 5]);
        insta::assert_snapshot!(after(&["diagonal"], &ir, &[&[0, 1]]), @r"
        t2@0[i, j] = in0[i, i, j, l]  (i:2 j:3 l:4)  nest
        out0[i, k] = t2@0[i, j] . in1[j, k]  (i:2 k:5 j:3)  nest
        scratch 64
        ");
    }
}
