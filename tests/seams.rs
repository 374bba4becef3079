//! Modules built by hand and compiled without a text: gathers, scatters, other algebras, several outputs, affine
//! indices, slices, fused products. Expected values are computed by loops.

use std::sync::Arc;

use einfold_exec::{Isa, Semiring, UserSemiring};
use einfold_ir::Dtype::{self, F32, F64, I32, I64};
use einfold_ir::{
    Access, Algebra, Axis, AxisRef, Contraction, Def, Index, Ir, Laws, Node, NodeId, OutOfRange, Plan, RegionId, Tree,
};
use einfold_plan::{ChosenOrder, Hints, PassSet, expand, lower, optimize};

use crate::draw::Noise;
use crate::layout::{Layout, hold};
use crate::num::{Num, Tensor};
use crate::running::{How, blank};
use crate::{meaning, running};

/// A node of the top region that contracts factors.
pub(crate) fn contract(
    dtype: Dtype,
    shape: &[usize],
    axes: &[(&str, usize)],
    factors: Vec<Access<NodeId>>,
    output: Vec<Index<NodeId>>,
    algebra: Algebra,
) -> Node {
    let axes = axes.iter().map(|&(label, extent)| Axis::new(label, extent)).collect();
    let output = output.into();
    let c = Contraction { axes, factors, output, expr: None, algebra, init: None, pinned: false };
    Node { label: "y".into(), dtype, shape: shape.into(), region: RegionId::TOP, def: c.into() }
}

/// Adds `node` as an output.
fn result(ir: &mut Ir, node: Node) {
    let id = ir.push(node).unwrap();
    ir.output(id).unwrap();
}

fn plain(axes: &[u32]) -> Vec<Index<NodeId>> {
    axes.iter().map(|&a| Index::axis(a)).collect()
}

/// Small integers, so that arithmetic is exact in every order.
fn numbers(dtype: Dtype, shape: &[usize], seed: u64) -> Tensor {
    let mut noise = Noise(seed);
    Tensor::ints(dtype, shape, (0..shape.iter().product()).map(|_| noise.between(-4, 4)))
}

fn float(tensor: &Tensor, at: usize) -> f64 {
    tensor.data[at].parts().0
}

fn floats(dtype: Dtype, shape: &[usize], data: &[f64]) -> Tensor {
    Tensor { dtype, shape: shape.into(), data: data.iter().map(|&x| Num::Float(x, 0.0)).collect() }
}

/// Runs a plan on row-major arrays.
fn execute(plan: &Plan, inputs: &[Tensor], how: &How) -> Result<Vec<Tensor>, String> {
    let arrays: Vec<_> = inputs.iter().map(|t| hold(t, &Layout::row_major(t.shape.len()))).collect();
    let mut outputs = blank(plan);
    running::run(plan, &arrays, &mut outputs, how)?;
    Ok(outputs.iter().map(|o| o.tensor()).collect())
}

/// Checks that the module gives `want`: by the reference semantics, and after lowering, every subset of passes, binding
/// and running.
fn check(ir: &Ir, inputs: &[Tensor], want: &[Tensor]) {
    assert_eq!(meaning::evaluate(ir, inputs), want, "{ir}");
    let draft = lower(ir, &Hints::default()).unwrap();
    for passes in PassSet::subsets() {
        let plan = optimize(draft.clone(), passes, &mut |_, _, _| {}).unwrap();
        assert_eq!(meaning::run(&plan, inputs), want, "{plan:#?}");
        for isa in Isa::available() {
            let how = How { isa: Some(isa), ..How::default() };
            assert_eq!(execute(&plan, inputs, &how), Ok(want.to_vec()), "{isa:?} {plan:#?}");
        }
    }
}

#[test]
fn a_gather_reads_rows_by_i64_ids() {
    let (x, ids) = (numbers(F32, &[5, 3], 1), Tensor::ints(I64, &[4], [4, 0, 2, 4]));
    let mut ir = Ir::new();
    let (table, g) = (ir.input("X", F32, [5, 3]), ir.input("g", I64, [4]));
    let row = Index::gather(Access::plain(g, [0]), OutOfRange::Error);
    let read = Access::new(table, vec![row, Index::axis(1)]);
    let node = contract(F32, &[4, 3], &[("n", 4), ("f", 3)], vec![read], plain(&[0, 1]), Algebra::SUM_PRODUCT);
    result(&mut ir, node);
    let mut want = [0.0; 12];
    for (n, row) in [4, 0, 2, 4].into_iter().enumerate() {
        for f in 0..3 {
            want[n * 3 + f] = float(&x, row * 3 + f);
        }
    }
    check(&ir, &[x, ids], &[floats(F32, &[4, 3], &want)]);
}

#[test]
fn a_scatter_keeps_the_largest_of_each_group() {
    let (w, groups) = (numbers(F64, &[6], 2), [2_usize, 0, 2, 2, 0, 3]);
    let ids = Tensor::ints(I64, &[6], groups.map(|g| g as i128));
    let mut ir = Ir::new();
    let (values, g) = (ir.input("w", F64, [6]), ir.input("g", I64, [6]));
    let group = Index::gather(Access::plain(g, [0]), OutOfRange::Error);
    let factors = vec![Access::plain(values, [0])];
    result(&mut ir, contract(F64, &[5], &[("n", 6)], factors, vec![group], Algebra::MAX_TIMES));
    let mut want = [f64::NEG_INFINITY; 5];
    for (n, &group) in groups.iter().enumerate() {
        want[group] = want[group].max(float(&w, n));
    }
    check(&ir, &[w, ids], &[floats(F64, &[5], &want)]);
}

#[test]
fn dropped_ids_contribute_nothing_and_wrapped_ids_count_from_the_end() {
    for (policy, want) in [(OutOfRange::Drop, [1.0, 0.0, 4.0]), (OutOfRange::Wrap, [1.0, 2.0, 4.0])] {
        let inputs = [floats(F64, &[3], &[1.0, 2.0, 4.0]), Tensor::ints(I32, &[3], [0, -2, 2])];
        let mut ir = Ir::new();
        let (values, g) = (ir.input("w", F64, [3]), ir.input("g", I32, [3]));
        let group = Index::gather(Access::plain(g, [0]), policy);
        let factors = vec![Access::plain(values, [0])];
        result(&mut ir, contract(F64, &[3], &[("n", 3)], factors, vec![group], Algebra::SUM_PRODUCT));
        check(&ir, &inputs, &[floats(F64, &[3], &want)]);
    }
}

#[test]
fn min_plus_finds_the_shortest_two_step_paths() {
    let (a, b) = (numbers(F64, &[4, 5], 3), numbers(F64, &[5, 6], 4));
    let mut ir = Ir::new();
    let (left, right) = (ir.input("A", F64, [4, 5]), ir.input("B", F64, [5, 6]));
    let factors = vec![Access::plain(left, [0, 1]), Access::plain(right, [1, 2])];
    let axes = [("i", 4), ("j", 5), ("k", 6)];
    result(&mut ir, contract(F64, &[4, 6], &axes, factors, plain(&[0, 2]), Algebra::MIN_PLUS));
    let mut want = [f64::INFINITY; 24];
    for (i, j, k) in boxes(4, 5, 6) {
        want[i * 6 + k] = want[i * 6 + k].min(float(&a, i * 5 + j) + float(&b, j * 6 + k));
    }
    check(&ir, &[a, b], &[floats(F64, &[4, 6], &want)]);
}

#[test]
fn two_outputs_share_an_intermediate() {
    let (a, b) = (numbers(F64, &[4, 5], 5), numbers(F64, &[5, 6], 6));
    let mut ir = Ir::new();
    let (left, right) = (ir.input("A", F64, [4, 5]), ir.input("B", F64, [5, 6]));
    let factors = vec![Access::plain(left, [0, 1]), Access::plain(right, [1, 2])];
    let axes = [("i", 4), ("j", 5), ("k", 6)];
    let shared = contract(F64, &[4, 6], &axes, factors, plain(&[0, 2]), Algebra::SUM_PRODUCT);
    let shared = ir.push(shared).unwrap();
    let (axes, read) = ([("i", 4), ("k", 6)], || vec![Access::plain(shared, [0, 1])]);
    result(&mut ir, contract(F64, &[4], &axes, read(), plain(&[0]), Algebra::SUM_PRODUCT));
    result(&mut ir, contract(F64, &[6], &axes, read(), plain(&[1]), Algebra::SUM_PRODUCT));
    let (mut rows, mut columns) = ([0.0; 4], [0.0; 6]);
    for (i, j, k) in boxes(4, 5, 6) {
        let product = float(&a, i * 5 + j) * float(&b, j * 6 + k);
        rows[i] += product;
        columns[k] += product;
    }
    check(&ir, &[a, b], &[floats(F64, &[4], &rows), floats(F64, &[6], &columns)]);
}

#[test]
fn a_window_has_an_offset_and_runs_backwards() {
    let (x, w) = (numbers(F64, &[12], 7), numbers(F64, &[3], 8));
    let mut ir = Ir::new();
    let (signal, weights) = (ir.input("x", F64, [12]), ir.input("w", F64, [3]));
    let window = Index::affine(9, [(-2, AxisRef::Own(0)), (1, AxisRef::Own(1))]);
    let factors = vec![Access::new(signal, vec![window]), Access::plain(weights, [1])];
    result(&mut ir, contract(F64, &[5], &[("i", 5), ("k", 3)], factors, plain(&[0]), Algebra::SUM_PRODUCT));
    let mut want = [0.0; 5];
    for (i, k, _) in boxes(5, 3, 1) {
        want[i] += float(&x, 9 - 2 * i + k) * float(&w, k);
    }
    check(&ir, &[x, w], &[floats(F64, &[5], &want)]);
}

#[test]
fn a_sliced_axis_accumulates_turn_by_turn() {
    let (a, b, c) = (numbers(F64, &[4, 7], 9), numbers(F64, &[7, 5], 10), numbers(F64, &[5, 6], 11));
    let mut ir = Ir::new();
    let inputs = [ir.input("A", F64, [4, 7]), ir.input("B", F64, [7, 5]), ir.input("C", F64, [5, 6])];
    let total = Def::Identity(Algebra::SUM_PRODUCT);
    let total = Node { label: "y".into(), dtype: F64, shape: vec![4, 6], region: RegionId::TOP, def: total };
    let total = ir.push(total).unwrap();
    let region = ir.region(vec![Axis::new("j", 7)]);
    let slice = || Index::affine(0, [(1, AxisRef::Loop(0))]);
    let outer = vec![
        Access::new(inputs[0], vec![Index::axis(0), slice()]),
        Access::new(inputs[1], vec![slice(), Index::axis(1)]),
    ];
    let outer = contract(F64, &[4, 5], &[("i", 4), ("k", 5)], outer, plain(&[0, 1]), Algebra::SUM_PRODUCT);
    let outer = ir.push(Node { region, ..outer }).unwrap();
    let factors = vec![Access::plain(outer, [0, 1]), Access::plain(inputs[2], [1, 2])];
    let axes = [("i", 4), ("k", 5), ("l", 6)];
    let mut sum = contract(F64, &[4, 6], &axes, factors, plain(&[0, 2]), Algebra::SUM_PRODUCT);
    if let Def::Contraction(c) = &mut sum.def {
        Arc::make_mut(c).init = Some(total);
    }
    ir.push(Node { region, ..sum }).unwrap();
    ir.output(total).unwrap();
    let mut want = [0.0; 24];
    for (i, j, k) in boxes(4, 7, 5) {
        for l in 0..6 {
            want[i * 6 + l] += float(&a, i * 7 + j) * float(&b, j * 5 + k) * float(&c, k * 6 + l);
        }
    }
    check(&ir, &[a, b, c], &[floats(F64, &[4, 6], &want)]);
}

#[test]
fn three_factors_in_one_nest() {
    let (a, b, c) = (numbers(F32, &[4, 7], 12), numbers(F32, &[5, 7], 13), numbers(F32, &[6, 7], 14));
    let mut ir = Ir::new();
    let inputs = [ir.input("A", F32, [4, 7]), ir.input("B", F32, [5, 7]), ir.input("C", F32, [6, 7])];
    let axes = [("i", 4), ("j", 5), ("k", 6), ("r", 7)];
    let factors = inputs.iter().zip([0, 1, 2]).map(|(&input, axis)| Access::plain(input, [axis, 3])).collect();
    result(&mut ir, contract(F32, &[4, 5, 6], &axes, factors, plain(&[0, 1, 2]), Algebra::SUM_PRODUCT));
    let mut want = [0.0; 120];
    for (i, j, k) in boxes(4, 5, 6) {
        for r in 0..7 {
            want[(i * 5 + j) * 6 + k] += float(&a, i * 7 + r) * float(&b, j * 7 + r) * float(&c, k * 7 + r);
        }
    }
    check(&ir, &[a, b, c], &[floats(F32, &[4, 5, 6], &want)]);
}

/// All positions of a box, the last coordinate fastest.
fn boxes(a: usize, b: usize, c: usize) -> impl Iterator<Item = (usize, usize, usize)> {
    (0..a).flat_map(move |i| (0..b).flat_map(move |j| (0..c).map(move |k| (i, j, k))))
}

/// Shortest paths with their number: a semiring whose accumulator is larger than its elements.
#[derive(Clone, Copy)]
struct Shortest;

/// A length, and the number of paths of this length.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Ways {
    length: f32,
    count: u64,
}

impl Semiring for Shortest {
    type Elem = f32;
    type Acc = Ways;
    const LAWS: Laws = Laws::SEMIRING;

    fn lift(x: f32) -> Ways {
        Ways { length: x, count: 1 }
    }

    fn zero() -> Ways {
        Ways { length: f32::INFINITY, count: 0 }
    }

    fn one() -> Ways {
        Ways { length: 0.0, count: 1 }
    }

    fn add(a: Ways, b: Ways) -> Ways {
        match a.length.total_cmp(&b.length) {
            std::cmp::Ordering::Less => a,
            std::cmp::Ordering::Greater => b,
            std::cmp::Ordering::Equal => Ways { count: a.count + b.count, ..a },
        }
    }

    fn mul(a: Ways, b: Ways) -> Ways {
        Ways { length: a.length + b.length, count: a.count * b.count }
    }

    /// The number of shortest paths.
    fn finish(x: Ways) -> f32 {
        x.count as f32
    }
}

#[test]
fn a_semiring_of_our_own_counts_shortest_paths() {
    let (a, b, c) = (numbers(F32, &[4, 5], 15), numbers(F32, &[5, 6], 16), numbers(F32, &[6, 3], 17));
    let mut ir = Ir::new();
    let inputs = [ir.input("A", F32, [4, 5]), ir.input("B", F32, [5, 6]), ir.input("C", F32, [6, 3])];
    let axes = [("i", 4), ("j", 5), ("k", 6), ("l", 3)];
    let factors = inputs.iter().zip(0..).map(|(&input, axis)| Access::plain(input, [axis, axis + 1])).collect();
    let (algebra, ways) = (Algebra::User(UserSemiring::of::<Shortest>().algebra()), Dtype::custom::<Ways>());
    let sums = ir.push(contract(ways, &[4, 3], &axes, factors, plain(&[0, 3]), algebra)).unwrap();
    let finished = vec![Access::plain(sums, [0, 1])];
    result(&mut ir, contract(F32, &[4, 3], &[("i", 4), ("l", 3)], finished, plain(&[0, 1]), algebra));
    let mut want = [0.0; 12];
    for (i, l, _) in boxes(4, 3, 1) {
        let lengths =
            boxes(5, 6, 1).map(|(j, k, _)| float(&a, i * 5 + j) + float(&b, j * 6 + k) + float(&c, k * 3 + l));
        let lengths: Vec<f64> = lengths.collect();
        let least = lengths.iter().copied().fold(f64::INFINITY, f64::min);
        want[i * 3 + l] = lengths.iter().filter(|&&x| x == least).count() as f64;
    }
    let (inputs, want) = ([a, b, c], vec![floats(F32, &[4, 3], &want)]);
    let how = How { semirings: vec![UserSemiring::of::<Shortest>()], ..How::default() };
    for tree in [None, Some(Tree::from_linear(3, &[vec![1, 2], vec![0, 1]]).unwrap())] {
        let steps = expand(&ir, &[None, None, None, tree.as_ref().map(ChosenOrder::from), None]).unwrap().ir;
        for passes in PassSet::subsets() {
            let plan = optimize(lower(&steps, &Hints::default()).unwrap(), passes, &mut |_, _, _| {}).unwrap();
            assert_eq!(execute(&plan, &inputs, &how), Ok(want.clone()), "{plan:#?}");
        }
    }
}

#[test]
fn a_bad_id_is_an_error_that_names_it() {
    let mut ir = Ir::new();
    let (table, g) = (ir.input("X", F32, [5]), ir.input("g", I64, [3]));
    let read = Access::new(table, vec![Index::gather(Access::plain(g, [0]), OutOfRange::Error)]);
    result(&mut ir, contract(F32, &[3], &[("n", 3)], vec![read], plain(&[0]), Algebra::SUM_PRODUCT));
    let plan = optimize(lower(&ir, &Hints::default()).unwrap(), PassSet::ALL, &mut |_, _, _| {}).unwrap();
    for bad in [5, -1, i128::from(i64::MIN), i128::from(i64::MAX)] {
        let inputs = [numbers(F32, &[5], 18), Tensor::ints(I64, &[3], [1, bad, 2])];
        let error = execute(&plan, &inputs, &How::default()).unwrap_err();
        assert!(error.contains(&bad.to_string()) && error.contains('X') && error.contains("g[1]"), "{error}");
    }
}
