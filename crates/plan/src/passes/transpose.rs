//! Removes steps that only permute axes.

use einfold_ir::{Draft, Step};

use super::views::{BufferUses, ViewStep, fold_views};

/// Removes the steps that only permute the axes of a tensor: readers of the result read the source instead, or writers
/// of the source write the result instead. A permutation of an operand into a result stays, because that copy is the
/// computation.
pub(crate) fn run(draft: &mut Draft) -> usize {
    let permutes = |draft: &Draft, step: &Step, view: &ViewStep| view.is_permutation(draft, step);
    fold_views(draft, permutes, |neighbours: &mut BufferUses, draft, at, view| {
        neighbours.fold_into_readers(draft, at, view) || neighbours.fold_into_writers(draft, at, view)
    })
}

#[cfg(test)]
mod tests {
    use einfold_ir::{Dtype, Ir};

    use crate::passes::tests::after;
    use crate::testing::{contraction, letters, node};

    #[test]
    fn the_last_step_writes_the_result_in_its_order() {
        let ir = letters("ij,jk,kl->li", &[2, 3, 4, 5]);
        insta::assert_snapshot!(after(&["transpose"], &ir, &[&[0, 1], &[2, 3]]), @r"
        t3@0[i, k] = in0[i, j] . in1[j, k]  (i:2 k:4 j:3)  nest
        out0[l, i] = in2[k, l] . t3@0[i, k]  (l:5 i:2 k:4)  nest
        scratch 64
        ");
    }

    #[test]
    fn a_permuted_intermediate_is_read_in_place() {
        let mut ir = Ir::new();
        let a = ir.input("a", Dtype::I32, [2, 2]);
        let t = ir.push(node("t", Dtype::F64, contraction("ij->ji", &[a], |_| 2))).unwrap();
        let y = ir.push(node("y", Dtype::F64, contraction("ij,jk->ik", &[t, t], |_| 2))).unwrap();
        ir.output(y).unwrap();
        insta::assert_snapshot!(after(&["transpose"], &ir, &[&[0, 1]]), @r"
        out0[i, k] = in0[j, i] . in0[k, j]  (i:2 k:2 j:2)  nest
        scratch 0
        ");
    }

    #[test]
    fn a_rounded_intermediate_is_stored() {
        let mut ir = Ir::new();
        let a = ir.input("a", Dtype::F64, [2, 2]);
        let t = ir.push(node("t", Dtype::F32, contraction("ij->ji", &[a], |_| 2))).unwrap();
        let y = ir.push(node("y", Dtype::F64, contraction("ij,jk->ik", &[t, t], |_| 2))).unwrap();
        ir.output(y).unwrap();
        insta::assert_snapshot!(after(&["transpose"], &ir, &[&[0, 1]]), @r"
        t1@0[j, i] = in0[i, j]  (j:2 i:2)  nest
        out0[i, k] = t1@0[i, j] . t1@0[j, k]  (i:2 k:2 j:2)  nest
        scratch 64
        ");
    }

    #[test]
    fn a_transposed_operand_is_a_copy() {
        insta::assert_snapshot!(after(&["transpose"], &letters("ij->ji", &[2, 3]), &[]), @r"
        out0[j, i] = in0[i, j]  (j:3 i:2)  nest
        scratch 0
        ");
    }
}
