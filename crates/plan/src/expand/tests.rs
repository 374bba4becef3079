use einfold_ir::{
    Access, Algebra, Axis, AxisRef, Count, Def, Dtype, Index, Ir, Network, Node, NodeId, OutOfRange, Tree,
};

use einfold_order::SlicedAxis;

use super::{ChosenOrder, expand};
use crate::PlanError;
use crate::evaluation::{Evaluation, FlatReason, evaluation};
use crate::network::network;
use crate::testing::{self, contraction, letters, node};

/// The expanded expression, printed, without the lines of the inputs.
fn expanded(ir: &Ir, path: &[&[u32]]) -> String {
    shown(&testing::expanded(ir, path))
}

fn shown(ir: &Ir) -> String {
    ir.to_string().lines().filter(|l| !l.contains("= input")).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_chain_becomes_one_node_a_step() {
    let ir = letters("ij,jk,kl->il", &[20, 10, 30, 40]);
    insta::assert_snapshot!(expanded(&ir, &[&[1, 2], &[0, 3]]), @r"
    %3 y = (+, *) %1[j, k] . %2[k, l] -> [j, l]  f64[10, 40]
    %4 y = (+, *) %0[i, j] . %3[j, l] -> [i, l]  f64[20, 40]
    return %4
    ");
}

#[test]
fn diagonals_lone_axes_and_permutations_get_nodes_of_their_own() {
    let ir = letters("iij,jkl->ki", &[2, 3, 4, 5]);
    insta::assert_snapshot!(expanded(&ir, &[&[0, 1]]), @r"
    %2 y = (+, *) %0[i, i, j] -> [i, j]  f64[2, 3]
    %3 y = (+, *) %1[j, k, l] -> [j, k]  f64[3, 4]
    %4 y = (+, *) %2[i, j] . %3[j, k] -> [i, k]  f64[2, 4]
    %5 y = (+, *) %4[i, k] -> [k, i]  f64[4, 2]
    return %5
    ");
}

#[test]
fn an_axis_is_reduced_where_nothing_else_has_it() {
    let ir = letters("ai,bi,ci->abc", &[2, 5, 3, 4]);
    insta::assert_snapshot!(expanded(&ir, &[&[0, 1], &[2, 3]]), @r"
    %3 y = (+, *) %0[a, i] . %1[b, i] -> [i, a, b]  f64[5, 2, 3]
    %4 y = (+, *) %2[c, i] . %3[i, a, b] -> [c, a, b]  f64[4, 2, 3]
    %5 y = (+, *) %4[c, a, b] -> [a, b, c]  f64[2, 3, 4]
    return %5
    ");
}

#[test]
fn flat_and_single_steps_of_a_tree() {
    let ir = letters("ij,jk,kl->il", &[2, 3, 4, 5]);
    insta::assert_snapshot!(expanded(&ir, &[&[0, 1, 2]]), @r"
    %3 y = (+, *) %0[i, j] . %1[j, k] . %2[k, l] -> [i, l]  f64[2, 5]
    return %3
    ");
    insta::assert_snapshot!(expanded(&ir, &[&[2], &[0, 1], &[3, 4], &[5]]), @r"
    %3 y = (+, *) %0[i, j] . %1[j, k] -> [i, k]  f64[2, 4]
    %4 y = (+, *) %2[k, l] . %3[i, k] -> [l, i]  f64[5, 2]
    %5 y = (+, *) %4[l, i] -> [i, l]  f64[2, 5]
    return %5
    ");
}

#[test]
fn axes_of_extent_1_drop_out() {
    let ir = letters("ij,jk->ik", &[1, 3, 1]);
    insta::assert_snapshot!(expanded(&ir, &[&[0, 1]]), @r"
    %2 y = (+, *) %0[0, j] . %1[j, 0] -> [0, 0]  f64[1, 1]
    return %2
    ");
}

#[test]
fn conjugates_conversions_and_parentheses_stay_where_they_are() {
    let mut ir = Ir::new();
    let a = ir.input("a", Dtype::F32, [2, 2]);
    let b = ir.input("b", Dtype::C64, [2, 2]);
    let mut c = contraction("ij,jj,jl->li", &[a, b, b], |_| 2);
    c.pinned = true;
    c.factors[1].conj = true;
    ir.push(node("y", Dtype::C64, c)).unwrap();
    insta::assert_snapshot!(expanded(&ir, &[&[0, 1], &[3, 2]]), @r"
    %2 y = (+, *) conj(%1[j, j]) -> [j]  c64[2]
    %3 y = (+, *) %0[i, j] . %2[j] -> [j, i]  c64[2, 2]
    %4 y = (+, *) %3[j, i] . %1[j, l] -> [i, l]  c64[2, 2]
    %5 y = (+, *) %4[i, l] -> [l, i]  pinned  c64[2, 2]
    return
    ");
}

#[test]
fn windows_are_read_and_affine_results_written_in_place() {
    let mut ir = Ir::new();
    let x = ir.input("x", Dtype::F64, [9]);
    let w = ir.input("w", Dtype::F64, [3]);
    let mut c = contraction("i,k,k->ik", &[x, w, w], |c| if c == 'i' { 4 } else { 3 });
    let own = AxisRef::Own;
    c.factors[0].indices = vec![Index::affine(0, [(2, own(0)), (1, own(1))])].into();
    c.output = vec![Index::affine(3, [(-1, own(0)), (1, own(1))])].into();
    let mut y = node("y", Dtype::F64, c);
    y.shape = vec![6];
    ir.push(y).unwrap();
    insta::assert_snapshot!(expanded(&ir, &[&[0, 1], &[2, 3]]), @r"
    %2 y = (+, *) %0[2*i+k] . %1[k] -> [k, i]  f64[3, 4]
    %3 y = (+, *) %1[k] . %2[k, i] -> [-i+k+3]  f64[6]
    return
    ");
}

#[test]
fn axes_that_no_factor_has_come_last() {
    let mut ir = Ir::new();
    let a = ir.input("a", Dtype::F64, [2, 3]);
    let b = ir.input("b", Dtype::F64, [3, 4]);
    // `f` is only in the result and `g` in no tensor: the sum runs over `g` nevertheless.
    let mut c = contraction("ij,jk->fik", &[a, b], |c| [2, 3, 4, 5]["ijkf".find(c).unwrap()]);
    c.axes.push(Axis::new("g", 7));
    ir.push(node("y", Dtype::F64, c)).unwrap();
    insta::assert_snapshot!(expanded(&ir, &[&[0, 1]]), @r"
    %2 y = (+, *) %0[i, j] . %1[j, k] -> [i, k]  f64[2, 4]
    %3 y = (+, *) %2[i, k] -> [f, i, k]  f64[5, 2, 4]
    return
    ");
}

#[test]
fn the_last_step_adds_onto_the_earlier_contribution() {
    let mut ir = Ir::new();
    let a = ir.input("a", Dtype::F64, [2, 2]);
    let first = ir.push(node("y", Dtype::F64, contraction("ij->ji", &[a], |_| 2))).unwrap();
    let mut c = contraction("ij,jk,kl->li", &[a, a, a], |_| 2);
    c.init = Some(first);
    ir.push(node("y", Dtype::F64, c)).unwrap();
    insta::assert_snapshot!(expanded(&ir, &[&[0, 1], &[3, 2]]), @r"
    %1 y = (+, *) %0[i, j] -> [j, i]  f64[2, 2]
    %2 y = (+, *) %0[i, j] . %0[j, k] -> [i, k]  f64[2, 2]
    %3 y = %1 and (+, *) %2[i, k] . %0[k, l] -> [l, i]  f64[2, 2]
    return
    ");
}

#[test]
fn nodes_of_a_region_stay_in_it() {
    let mut ir = Ir::new();
    let a = ir.input("a", Dtype::F64, [2, 4, 2]);
    let y = node("y", Dtype::F64, contraction("ij->ij", &[a], |_| 2));
    let y = ir.push(Node { def: Def::Identity(Algebra::SUM_PRODUCT), ..y }).unwrap();
    let region = ir.region(vec![Axis::new("s", 4)]);
    let mut c = contraction("ij,jk,kl->il", &[a, a, a], |_| 2);
    c.factors.iter_mut().for_each(|f| f.indices.insert(1, Index::affine(0, [(1, AxisRef::Loop(0))])));
    c.init = Some(y);
    ir.push(Node { region, ..node("part", Dtype::F64, c) }).unwrap();
    insta::assert_snapshot!(expanded(&ir, &[&[0, 1], &[3, 2]]), @r"
    %1 y = identity of (+, *)  f64[2, 2]
    %2 part = for s:4 (+, *) %0[i, s, j] . %0[j, s, k] -> [i, k]  f64[2, 2]
    %3 part = for s:4 %1 and (+, *) %2[i, k] . %0[k, s, l] -> [i, l]  f64[2, 2]
    return
    ");
}

#[test]
fn what_may_not_be_factored_stays_flat() {
    let mut ir = Ir::new();
    let a = ir.input("a", Dtype::I64, [2, 2]);
    let x = ir.input("x", Dtype::I64, [9, 2]);
    let mut c = contraction("ij,jk,kl->il", &[a, a, a], |_| 2);
    c.algebra = Algebra::MAX_PLUS;
    let tropical = ir.push(node("tropical", Dtype::I64, c.clone())).unwrap();
    c.algebra = Algebra::SUM_PRODUCT;
    c.factors[0] = Access::new(x, vec![Index::gather(Access::plain(a, [0, 1]), OutOfRange::Drop), Index::axis(1)]);
    let gathered = ir.push(node("gathered", Dtype::I64, c)).unwrap();
    for (id, how) in
        [(tropical, Evaluation::Flat(FlatReason::NotDistributive)), (gathered, Evaluation::Flat(FlatReason::Drops))]
    {
        let Def::Contraction(c) = &ir.node(id).def else { unreachable!() };
        assert_eq!(evaluation(ir.node(id), c), how);
        assert_eq!(network(&ir, id), None);
    }
    let tree = Tree::from_ssa(3, &[vec![0, 1], vec![2, 3]]).unwrap();
    assert_eq!(expand(&ir, &ir.per_node(Some((&tree).into()))).unwrap().ir, ir);
}

#[test]
fn a_network_has_the_axes_of_the_factors() {
    let ir = letters("aij,jkj,b->ikc", &[2, 3, 4, 5, 1, 6]);
    let network = network(&ir, ir.outputs()[0]);
    // Axes are numbered by the contraction: i k c a j b.
    let (inputs, output) = (vec![vec![3, 0, 4], vec![4, 1], vec![]], vec![0, 1]);
    // No factor has c: the result has six times the positions of i and k.
    let expected = Network::new(inputs, output, vec![3, 5, 6, 2, 4, 1]).unwrap();
    assert_eq!(network, Some(expected.with_result(Count::from(3 * 5 * 6u64))));
}

#[test]
fn a_tree_of_something_else_is_refused() {
    let ir = letters("ij,jk->ik", &[2, 3, 4]);
    let tree = Tree::from_ssa(3, &[vec![0, 1], vec![2, 3]]).unwrap();
    let refused = expand(&ir, &[None, None, Some((&tree).into())]);
    assert_eq!(refused.map(drop), Err(PlanError::Leaves { node: NodeId(2), leaves: 3, factors: 2 }));
}

#[test]
fn an_empty_reduced_axis_makes_the_identity() {
    let ir = letters("ij,jk->ik", &[2, 0, 3]);
    insta::assert_snapshot!(shown(&expand(&ir, &[]).unwrap().ir), @r"
    %2 y = identity of (+, *)  f64[2, 3]
    return %2
    ");
    let ir = letters("ij,jk->ik", &[0, 2, 3]);
    insta::assert_snapshot!(shown(&expand(&ir, &[]).unwrap().ir), @r"
    %2 y = (+, *) %0[i, j] . %1[j, k] -> [i, k]  f64[0, 3]
    return %2
    ");
}

/// The expression in slices of the axes with these letters.
fn sliced(ir: &Ir, path: &[&[u32]], slices: &[(char, u64)], partitions: u64) -> Result<Ir, PlanError> {
    let Def::Contraction(c) = &ir.nodes().last().unwrap().def else { panic!("the last node is no contraction") };
    let tree = Tree::from_ssa(c.factors.len(), &path.iter().map(|s| s.to_vec()).collect::<Vec<_>>()).unwrap();
    let axis = |x: char| c.axes.iter().position(|a| *a.label == *x.to_string()).unwrap_or(c.axes.len()) as u32;
    let slices: Vec<SlicedAxis> = slices.iter().map(|&(x, parts)| SlicedAxis { axis: axis(x), parts }).collect();
    let mut orders = ir.per_node(None);
    *orders.last_mut().unwrap() = Some(ChosenOrder { slices: &slices, partitions, ..(&tree).into() });
    Ok(expand(ir, &orders)?.ir)
}

#[test]
fn slices_are_loops_and_what_depends_on_none_comes_before() {
    let ir = letters("ij,jk,kl,lm->im", &[2, 6, 4, 8, 3]);
    let path: &[&[u32]] = &[&[0, 1], &[2, 3], &[4, 5]];
    insta::assert_snapshot!(shown(&sliced(&ir, path, &[('j', 3)], 1).unwrap()), @r"
    %4 y = identity of (+, *)  f64[2, 3]
    %5 y = (+, *) %2[k, l] . %3[l, m] -> [k, m]  f64[4, 3]
    %6 y = for j':3 (+, *) %0[i, j+2*j'] . %1[j+2*j', k] -> [i, k]  f64[2, 4]
    %7 y = for j':3 %4 and (+, *) %6[i, k] . %5[k, m] -> [i, m]  f64[2, 3]
    return %4
    ");
    insta::assert_snapshot!(shown(&sliced(&ir, path, &[('m', 3), ('j', 6)], 1).unwrap()), @r"
    %4 y = identity of (+, *)  f64[2, 3]
    %5 y = for m':3 for j':6 (+, *) %2[k, l] . %3[l, m'] -> [k]  f64[4]
    %6 y = for m':3 for j':6 (+, *) %0[i, j'] . %1[j', k] -> [i, k]  f64[2, 4]
    %7 y = for m':3 for j':6 %4 and (+, *) %6[i, k] . %5[k] -> [i, m']  f64[2, 3]
    return %4
    ");
    // Partitions of a reduced axis need results of their own; partitions of an axis of the result do not.
    insta::assert_snapshot!(shown(&sliced(&ir, path, &[('j', 6)], 2).unwrap()), @r"
    %4 y = identity of (+, *)  f64[2, 2, 3]
    %5 y = (+, *) %2[k, l] . %3[l, m] -> [k, m]  f64[4, 3]
    %6 y = partitions j'':2 for j':3 (+, *) %0[i, 3*j''+j'] . %1[3*j''+j', k] -> [i, k]  f64[2, 4]
    %7 y = partitions j'':2 for j':3 %4 and (+, *) %6[i, k] . %5[k, m] -> [j'', i, m]  f64[2, 2, 3]
    %8 y = (+, *) %4[d0, d1, d2] -> [d1, d2]  f64[2, 3]
    return %8
    ");
    insta::assert_snapshot!(shown(&sliced(&ir, path, &[('m', 3), ('k', 2)], 3).unwrap()), @r"
    %4 y = identity of (+, *)  f64[2, 3]
    %5 y = partitions m':3 for k':2 (+, *) %0[i, j] . %1[j, k+2*k'] -> [i, k]  f64[2, 2]
    %6 y = partitions m':3 for k':2 (+, *) %2[k+2*k', l] . %3[l, m'] -> [k]  f64[2]
    %7 y = partitions m':3 for k':2 %4 and (+, *) %5[i, k] . %6[k] -> [i, m']  f64[2, 3]
    return %4
    ");
}

#[test]
fn slices_of_something_else_are_refused() {
    let ir = letters("ij,jk->ik", &[4, 6, 5]);
    let refused = |slices: &[(char, u64)], partitions| sliced(&ir, &[&[0, 1]], slices, partitions).unwrap_err();
    let slices: [(&[(char, u64)], u64); 6] = [
        (&[('j', 4)], 1),
        (&[('x', 2)], 1),
        (&[('j', 2), ('j', 3)], 1),
        (&[('j', 1)], 1),
        (&[('j', 0)], 1),
        (&[('j', 6)], 4),
    ];
    for (slices, partitions) in slices {
        assert_eq!(refused(slices, partitions), PlanError::Slices { node: NodeId(2) }, "{slices:?}");
    }
}
