//! Orders the loops of nests.

use einfold_ir::{Draft, Form, Loops, Step};
use smallvec::SmallVec;

use super::edit_steps;
use crate::strides::step_loops;

/// Orders the axes of every nest so that small strides are innermost, those of the written tensor first (see
/// [`einfold_ir::Loops::order`]), and allows the executor to order them again by the real strides.
pub(crate) fn run(draft: &mut Draft) -> usize {
    edit_steps(draft, |draft, step| {
        let nest = matches!(&step.form, Form::Nest(nest) if !nest.ordered) && step.axes.len() > 1;
        nest && {
            order(step, &mut step_loops(draft, step));
            true
        }
    })
}

/// Orders the axes of a nest, and `loops`, its loops.
pub(super) fn order(step: &mut Step, loops: &mut Loops) {
    let mut order: SmallVec<[u32; 8]> = (0..step.axes.len() as u32).collect();
    loops.order_with(|a, b| {
        order.swap(a, b);
        step.axes.swap(a, b);
    });
    renumber(step, &order);
    if let Form::Nest(nest) = &mut step.form {
        nest.ordered = true;
    }
}

/// Renumbers the axes of a nest after axis `order[k]` was moved to position `k`.
fn renumber(step: &mut Step, order: &[u32]) {
    if order.is_sorted() {
        return;
    }
    let mut positions: SmallVec<[u32; 8]> = SmallVec::from_elem(0, order.len());
    order.iter().enumerate().for_each(|(place, &axis)| positions[axis as usize] = place as u32);
    let accesses = step.reads.iter_mut().chain([&mut step.write]);
    accesses.for_each(|access| access.renumber(&|axis| Some(positions[axis as usize])));
}

#[cfg(test)]
mod tests {
    use crate::passes::tests::after;
    use crate::testing::letters;

    #[test]
    fn the_written_axis_is_innermost() {
        insta::assert_snapshot!(after(&["loop_order"], &letters("ij->ji", &[2, 3]), &[]), @r"
        out0[j, i] = in0[i, j]  (j:3 i:2)  nest ordered
        scratch 0
        ");
        insta::assert_snapshot!(after(&["loop_order"], &letters("kij->ij", &[5, 2, 3]), &[]), @r"
        out0[i, j] = in0[k, i, j]  (k:5 i:2 j:3)  nest ordered
        scratch 0
        ");
    }

    #[test]
    fn a_single_loop_has_no_order() {
        insta::assert_snapshot!(after(&["loop_order"], &letters("i,i->", &[5]), &[&[0, 1]]), @r"
        out0 = in0[i] . in1[i]  (i:5)  nest
        scratch 0
        ");
    }
}
