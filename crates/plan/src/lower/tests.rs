use einfold_ir::{Algebra, Axis, AxisRef, Def, Dtype, Index, Ir, Layout, Node, Plan};

use super::{Hints, lower};
use crate::testing::{contraction, letters, node, show};
use crate::{MemoryExcess, PlanError, memory};

fn lowered(ir: &Ir) -> String {
    let mut draft = lower(ir, &Hints::default()).unwrap();
    memory::assign(&mut draft, false).unwrap();
    let text = show(&draft);
    Plan::seal(draft).unwrap();
    text
}

#[test]
fn a_product_is_one_nest_into_the_output() {
    insta::assert_snapshot!(lowered(&letters("ij,jk->ik", &[2, 3, 4])), @r"
    out0[i, k] = in0[i, j] . in1[j, k]  (i:2 k:4 j:3)  nest
    scratch 0
    ");
}

#[test]
fn hints_are_layouts_of_operands_and_results() {
    let hints = Hints { inputs: vec![Layout::ColumnMajor], outputs: vec![Layout::Order(vec![1, 0])] };
    let draft = lower(&letters("ij,jk->ik", &[2, 3, 4]), &hints).unwrap();
    let layouts: Vec<_> = draft.buffers.iter().map(|b| b.layout.clone()).collect();
    assert_eq!(layouts, [Layout::ColumnMajor, Layout::RowMajor, Layout::Order(vec![1, 0])]);
}

#[test]
fn results_that_are_read_or_asked_for_twice_are_copied() {
    let mut ir = Ir::new();
    let a = ir.input("a", Dtype::F64, [2, 2]);
    let y = ir.push(node("y", Dtype::F64, contraction("ij->ji", &[a], |_| 2))).unwrap();
    let z = ir.push(node("z", Dtype::F64, contraction("ij,jk->ik", &[y, a], |_| 2))).unwrap();
    ir.push(node("dead", Dtype::F64, contraction("ij->", &[z], |_| 2))).unwrap();
    [y, z, z, a].into_iter().for_each(|id| ir.output(id).unwrap());
    insta::assert_snapshot!(lowered(&ir), @r"
    t1@0[j, i] = in0[i, j]  (j:2 i:2)  nest
    t2@64[i, k] = t1@0[i, j] . in0[j, k]  (i:2 k:2 j:2)  nest
    out0[d0, d1] = t1@0[d0, d1]  (d0:2 d1:2)  nest
    out1[d0, d1] = t2@64[d0, d1]  (d0:2 d1:2)  nest
    out2[d0, d1] = t2@64[d0, d1]  (d0:2 d1:2)  nest
    out3[d0, d1] = in0[d0, d1]  (d0:2 d1:2)  nest
    scratch 128
    ");
}

#[test]
fn contributions_share_a_buffer_unless_the_earlier_value_is_needed() {
    let mut ir = Ir::new();
    let a = ir.input("a", Dtype::F64, [2]);
    let first = ir.push(node("first", Dtype::F64, contraction("i->i", &[a], |_| 2))).unwrap();
    let init = |init, tensors: &[_]| {
        let text = if tensors.len() == 1 { "i->i" } else { "i,i->i" };
        let mut c = contraction(text, tensors, |_| 2);
        c.init = Some(init);
        node("sum", Dtype::F64, c)
    };
    let second = ir.push(init(first, &[a])).unwrap();
    let third = ir.push(init(second, &[a, second])).unwrap();
    ir.output(third).unwrap();
    insta::assert_snapshot!(lowered(&ir), @r"
    t1@0[i] = in0[i]  (i:2)  nest
    t1@0[i] += in0[i]  (i:2)  nest
    out0[d0] = t1@0[d0]  (d0:2)  nest
    out0[i] += in0[i] . t1@0[i]  (i:2)  nest
    scratch 64
    ");
}

#[test]
fn a_sliced_sum_is_filled_outside_and_added_to_inside() {
    let mut ir = Ir::new();
    let a = ir.input("a", Dtype::F64, [2, 4]);
    let y = node("y", Dtype::F64, contraction("i->i", &[a], |_| 2));
    let y = ir.push(Node { def: Def::Identity(Algebra::SUM_PRODUCT), ..y }).unwrap();
    let region = ir.region(vec![Axis::new("s", 4)]);
    let mut c = contraction("i,i->i", &[a, a], |_| 2);
    c.factors.iter_mut().for_each(|f| f.indices.push(Index::affine(0, [(1, AxisRef::Loop(0))])));
    let square = ir.push(Node { region, ..node("square", Dtype::F64, c) }).unwrap();
    let mut c = contraction("i->i", &[square], |_| 2);
    c.init = Some(y);
    ir.push(Node { region, ..node("part", Dtype::F64, c) }).unwrap();
    ir.output(y).unwrap();
    insta::assert_snapshot!(lowered(&ir), @r"
    out0[0] =   ()  fill
    for s:4
      t2@0[i] = in0[i, s] . in0[i, s]  (i:2)  nest
      out0[i] += t2@0[i]  (i:2)  nest
    scratch 64
    ");
}

#[test]
fn an_empty_identity_is_a_plan() {
    let mut ir = Ir::new();
    let y = node("y", Dtype::F64, contraction("->", &[], |_| 0));
    let y = ir.push(Node { shape: vec![0, 3], def: Def::Identity(Algebra::SUM_PRODUCT), ..y }).unwrap();
    ir.output(y).unwrap();
    insta::assert_snapshot!(lowered(&ir), @r"
    out0[0, 0] =   ()  fill
    scratch 0
    ");
}

#[test]
fn what_cannot_be_addressed_is_refused() {
    let ir = letters("i,j->ij", &[1 << 40, 1 << 40]);
    let Err(PlanError::TooLarge(excess)) = lower(&ir, &Hints::default()) else { panic!("accepted") };
    let MemoryExcess { step, bytes, .. } = *excess;
    assert_eq!((step, bytes.exact()), (ir.outputs()[0], Some(1 << 83)));
}
