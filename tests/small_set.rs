//! A small set of cases for AddressSanitizer and valgrind, which are slow: every kind of step, layout and dtype, edges
//! of blocks, and matrix products that pack. `.ci/run safety` runs it with each instruction set.

use einfold::{Dtype, Expression, Scratch};

use crate::case;
use crate::draw::{Noise, check};
use crate::layout::Layout;
use crate::library::{arrays, tensor};
use crate::metamorphic::oracle_by_pairs;
use crate::mutated::check_mutated;
use crate::num::Tensor;
use crate::programs::question_target;
use crate::running::check_case;
use crate::wild::check_wild;

#[test]
fn small_set_of_random_cases() {
    check(300, check_case);
}

#[test]
fn small_set_of_random_irs() {
    check(300, check_wild);
}

#[test]
fn small_set_of_random_questions() {
    check(200, |bytes| question_target(bytes).map(drop));
}

#[test]
fn small_set_of_mutated_drafts() {
    check(200, |bytes| check_mutated(bytes).map(drop));
}

#[test]
fn small_set_of_products() {
    let mut scratch = Scratch::new();
    for (text, shapes, layout) in [
        ("ij,jk->ik", &[&[33, 65][..], &[65, 17]][..], "C"),
        ("ji,kj->ki", &[&[65, 33], &[17, 65]], "neg"),
        ("ibj,jbk->kib", &[&[9, 3, 10], &[10, 3, 11]], "step"),
        ("iajb,bkja->ik", &[&[5, 3, 4, 6], &[6, 7, 4, 3]], "F"),
        ("ij,jk,kl->li", &[&[9, 40], &[40, 31], &[31, 8]], "C"),
        ("ij,j->i", &[&[40, 41], &[41]], "bcast"),
    ] {
        for dtype in Dtype::BUILTIN {
            let make = |own: &[usize]| case::tensor(&mut Noise(5), dtype, own, true);
            let operand = |shape: &&[usize]| {
                let layout = Layout::named(layout, shape.len());
                (case::repeated(&layout, shape, make), layout)
            };
            let operands: Vec<(Tensor, Layout)> = shapes.iter().map(operand).collect();
            let tensors: Vec<Tensor> = operands.iter().map(|o| o.0.clone()).collect();
            let arrays = arrays(&operands);
            let views: Vec<_> = arrays.iter().map(|a| a.view()).collect();
            let plan = Expression::new(text).and_then(|e| e.plan_for(&views)).unwrap();
            let found = tensor(&plan.call(&views).threads(2).scratch(&mut scratch).run_any().unwrap());
            // The pairwise oracle rounds 16-bit floats between steps, and a plan does not.
            if shapes.len() == 2 || !matches!(dtype, Dtype::F16 | Dtype::BF16) {
                assert_eq!(found.differs(&oracle_by_pairs(text, &tensors).unwrap(), 0.0), None, "{text} {dtype}");
            }
        }
    }
}
