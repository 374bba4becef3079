use einfold_ir::{Access, Axis, Count, Dtype, Form, Index, Ir, Machine, Network, Node, NodeId, OutOfRange, Time};
use einfold_order::cost::tree_cost;
use einfold_order::{Budget, FoundOrder, Order, OrderError, SlicedAxis, Task, order};
use proptest::prelude::{Just, Strategy, prop_assert, prop_assert_eq, proptest};

use super::{PlanOptions, compile, compile_by};
use crate::cost::naive_flops;
use crate::testing::{contraction, letters, node, show};
use crate::{Excess, Explain, ExplainStage, Large, PassSet, PlanError, Source, Treatment, Unsliced, Why};

const TRANSFORM: &str = "pi,qj,ijkl,rk,sl->pqrs";

fn with_passes(ir: &Ir, passes: PassSet) -> super::Compiled {
    let options = PlanOptions { passes, ..PlanOptions::default() };
    compile(ir, &Order::default(), &Budget::default(), &options).unwrap()
}

#[test]
fn a_four_index_transformation_is_matrix_products_only() {
    let compiled = with_passes(&letters(TRANSFORM, &[10; 8]), PassSet::ALL);
    // Four steps of 10^5 flops: the minimum over all 180 orders, counted independently.
    assert_eq!(compiled.cost.flops, Count::from(400_000u64));
    assert_eq!(compiled.plan.flops(), compiled.cost.flops);
    assert_eq!(naive_flops(&letters(TRANSFORM, &[10; 8])), Count::from(100_000_000u64));
    assert!(compiled.plan.steps().all(|(_, step)| matches!(step.form, Form::Gemm(_))));
    insta::assert_snapshot!(show(&compiled.plan), @r"
    t5@0[1, 2, 3, 0][p, j, k, l] = in0[p, i] . in2[i, j, k, l]  (p:10 j:10 k:10 l:10 i:10)  gemm b[] m[0] n[1, 2, 3] k[4]
    t6@80000[2, 3, 1, 0][q, p, k, l] = in1[q, j] . t5@0[1, 2, 3, 0][p, j, k, l]  (q:10 p:10 k:10 l:10 j:10)  gemm b[] m[0] n[2, 3, 1] k[4]
    t7@0[3, 2, 1, 0][r, q, p, l] = in3[r, k] . t6@80000[2, 3, 1, 0][q, p, k, l]  (r:10 q:10 p:10 l:10 k:10)  gemm b[] m[0] n[3, 2, 1] k[4]
    out0[p, q, r, s] = in4[s, l] . t7@0[3, 2, 1, 0][r, q, p, l]  (s:10 r:10 q:10 p:10 l:10)  gemm b[] m[0] n[3, 2, 1] k[4]
    scratch 160000
    ");
}

/// Any expression in letters: terms with repeated, unshared and shared axes, sometimes with extents of 0 and 1.
fn expressions() -> impl Strategy<Value = (String, Vec<usize>)> {
    let term = proptest::collection::vec(0..6usize, 0..4);
    let terms = proptest::collection::vec(term, 1..5);
    let sizes = proptest::collection::vec(proptest::sample::select(vec![2, 3, 7, 7, 9, 9, 1, 0]), 6);
    let output = Just((0..6usize).collect::<Vec<_>>()).prop_shuffle();
    (terms, sizes, output, 0..5usize).prop_map(|(terms, sizes, output, kept)| {
        let letter = |a: &usize| char::from(b'a' + *a as u8);
        let left: Vec<String> = terms.iter().map(|t| t.iter().map(letter).collect()).collect();
        let right: String =
            output.iter().filter(|a| terms.iter().flatten().any(|x| x == *a)).take(kept).map(letter).collect();
        let text = format!("{}->{right}", left.join(","));
        let first = |k: usize, a: &&usize| !terms.iter().flatten().take(k).any(|x| x == *a);
        let seen = terms.iter().flatten().enumerate().filter(|(k, a)| first(*k, a)).map(|(_, a)| sizes[*a]).collect();
        (text, seen)
    })
}

proptest! {
    #[test]
    fn every_subset_of_passes_gives_a_sealed_plan_of_the_same_flops((text, sizes) in expressions()) {
        let ir = letters(&text, &sizes);
        let naive = with_passes(&ir, PassSet::NONE);
        for passes in PassSet::subsets() {
            let compiled = with_passes(&ir, passes);
            prop_assert_eq!(compiled.plan.flops(), naive.plan.flops());
            prop_assert!(compiled.memory.scratch <= naive.memory.scratch);
        }
    }

    #[test]
    fn a_plan_of_pairs_has_the_flops_of_its_order((text, sizes) in expressions()) {
        let compiled = with_passes(&letters(&text, &sizes), PassSet::ALL);
        if !compiled.orders.is_empty() {
            prop_assert_eq!(compiled.plan.flops(), compiled.cost.flops);
        }
    }
}

#[test]
fn a_path_is_followed_and_checked() {
    let ir = letters("ij,jk,kl->il", &[20, 10, 30, 40]);
    let path = |path: &[&[u32]]| {
        let path = Order::Linear(path.iter().map(|s| s.to_vec()).collect());
        compile(&ir, &path, &Budget::default(), &PlanOptions::default())
    };
    assert_eq!(path(&[&[0, 1], &[0, 1]]).unwrap().cost.flops, Count::from(20 * 10 * 30 + 20 * 30 * 40u64));
    assert!(matches!(path(&[&[0, 3]]), Err(PlanError::Order(_))));
    let trace = letters("ii->", &[3]);
    let bad = compile(&trace, &Order::Linear(vec![vec![1]]), &Budget::default(), &PlanOptions::default());
    assert!(matches!(bad, Err(PlanError::Order(_))));
}

#[test]
fn one_path_does_not_fit_two_contractions() {
    let mut ir = Ir::new();
    let a = ir.input("a", Dtype::F64, [4, 4]);
    let t = ir.push(node("t", Dtype::F64, contraction("ij,jk->ik", &[a, a], |_| 4))).unwrap();
    let y = ir.push(node("y", Dtype::F64, contraction("ij,jk->ik", &[t, a], |_| 4))).unwrap();
    ir.output(y).unwrap();
    let refused = compile(&ir, &Order::Ssa(vec![vec![0, 1]]), &Budget::default(), &PlanOptions::default());
    assert_eq!(refused.unwrap_err(), PlanError::OnePath { contractions: 2 });
    assert_eq!(with_passes(&ir, PassSet::ALL).cost.flops, Count::from(128u64));
    // But a path of all three factors fits, since the two products are merged.
    let joint = Order::Ssa(vec![vec![1, 2], vec![0, 3]]);
    let joint = compile(&ir, &joint, &Budget::default(), &PlanOptions::default()).unwrap();
    assert_eq!((joint.orders.len(), joint.cost.flops), (1, Count::from(128u64)));
}

#[test]
fn a_memory_limit_names_the_step_and_the_bytes() {
    let ir = letters("i,j,k->ik", &[100, 50, 100]);
    let within = |bytes| {
        let budget = Budget { memory_bytes: Some(bytes), ..Budget::default() };
        compile(&ir, &Order::default(), &budget, &PlanOptions::default())
    };
    let needed = within(u64::MAX).unwrap().memory.total().exact().unwrap() as u64;
    assert!(needed >= 100 * 100 * 8);
    assert!(within(needed).is_ok());
    let PlanError::TooLarge(excess) = within(needed - 1).unwrap_err() else { panic!("accepted") };
    assert_eq!((&*excess.label, excess.bytes, excess.limit), ("y", Count::from(needed), Count::from(needed - 1)));
    let large = Large { is_result: true, shape: vec![100, 100], dtype: Dtype::F64, bytes: Count::from(80_000u64) };
    assert_eq!(excess.tensor, Some(large));
}

/// A search that follows a path and slices axes in their order, as finely as the limit requires by the sizes of the
/// step results.
fn slicing(task: &Task<'_>, how: &Order, budget: &Budget) -> Result<FoundOrder, OrderError> {
    let mut ordered = order(task.network, how, &Budget { memory_bytes: None, ..*budget })?;
    let Some(limit) = budget.memory_bytes else { return Ok(ordered) };
    let mut extents = task.network.extents().to_vec();
    for axis in 0..extents.len() {
        let piece = |extents: &[u64]| {
            let (inputs, output) = (task.network.inputs().to_vec(), task.network.output().to_vec());
            Network::new(inputs, output, extents.to_vec()).unwrap()
        };
        let whole = extents[axis];
        let divisors = (1..=whole).filter(|parts| whole.is_multiple_of(*parts));
        for parts in divisors {
            extents[axis] = whole / parts;
            let peak = tree_cost(&piece(&extents), &ordered.tree).peak;
            if peak * Count::from(task.element_bytes) <= Count::from(limit) {
                ordered.slices.extend((parts > 1).then_some(SlicedAxis { axis: axis as u32, parts }));
                return Ok(ordered);
            }
        }
        ordered.slices.extend((whole > 1).then_some(SlicedAxis { axis: axis as u32, parts: whole }));
    }
    Ok(ordered)
}

/// The contraction of a ring of matrices with one long axis, whose products are large.
fn ring() -> Ir {
    letters("xab,xbc,xcd,xda->", &[96, 8, 8, 8, 8])
}

#[test]
fn a_memory_limit_is_kept_by_slices_and_what_is_left_goes_to_lanes() {
    let ir = ring();
    let within = |bytes| {
        let budget = Budget { memory_bytes: bytes, ..Budget::default() };
        compile_by(&ir, &"left-to-right".parse().unwrap(), &budget, &PlanOptions::default(), &slicing)
    };
    let whole = within(None).unwrap();
    let needed = whole.memory.total().exact().unwrap() as u64;
    for share in [2, 3, 5, 8, 30] {
        let sliced = within(Some(needed / share)).unwrap();
        assert!(sliced.memory.total() <= Count::from(needed / share));
        assert!(!sliced.orders[0].1.slices.is_empty());
        assert_eq!(sliced.plan.flops(), whole.plan.flops(), "every step depends on the sliced axis");
    }
    let lanes = |share| within(Some(needed / share)).unwrap().plan.regions.iter().map(|r| r.lane_count()).max();
    assert_eq!([2, 30].map(lanes), [Some(1), Some(1)], "too small a contraction for lanes");
}

#[test]
fn the_machine_decides_how_many_lanes_there_are() {
    let ir = ring();
    let in_slices = |task: &Task<'_>, how: &Order, budget: &Budget| {
        slicing(task, how, &Budget { memory_bytes: Some(10_000), ..*budget })
    };
    let lanes = |machine| {
        let budget = Budget { machine, ..Budget::default() };
        let how = "left-to-right".parse().unwrap();
        let compiled = compile_by(&ir, &how, &budget, &PlanOptions::default(), &in_slices).unwrap();
        compiled.plan.regions.iter().map(|r| r.lane_count()).max()
    };
    let machine = Machine { fork: Time::from_ns(200.0).unwrap(), ..Machine::DEFAULT };
    assert_eq!(lanes(Machine::DEFAULT), Some(1), "too small a contraction for lanes");
    assert_eq!(lanes(machine), Some(12));
    assert_eq!(lanes(Machine { partitions: 5, ..machine }), Some(4));
    assert_eq!(lanes(Machine { partitions: 1, ..machine }), Some(1));
}

#[test]
fn a_limit_that_cannot_be_kept_is_an_error_with_the_least_that_was_reached() {
    let ir = ring();
    let budget = Budget { memory_bytes: Some(100), ..Budget::default() };
    let asked = std::cell::RefCell::new(Vec::new());
    let search = |task: &Task<'_>, how: &Order, budget: &Budget| {
        asked.borrow_mut().push(budget.memory_bytes.unwrap());
        slicing(task, how, budget)
    };
    let refused = compile_by(&ir, &Order::default(), &budget, &PlanOptions::default(), &search).unwrap_err();
    let PlanError::TooLarge(excess) = refused else { panic!("{refused}") };
    let Excess { bytes, limit, .. } = *excess;
    // Two scalars in scratch memory, each in 64 aligned bytes, and the eight bytes of the result.
    assert_eq!((bytes, limit), (Count::from(136u64), Count::from(100u64)));
    // The result takes eight bytes of the limit; each attempt has a smaller limit than the one before.
    let asked = asked.into_inner();
    assert!(asked[0] == 100 && asked.len() == 4 && asked.is_sorted_by(|a, b| a > b), "{asked:?}");
}

#[test]
fn contractions_share_the_limit_with_what_lives_beside_them() {
    // t is alive while u is computed, and y is allocated from the start.
    let mut ir = Ir::new();
    let a = ir.input("a", Dtype::F32, [16, 16]);
    let t = ir.push(node("t", Dtype::F32, contraction("ij,jk->ik", &[a, a], |_| 16))).unwrap();
    let u = ir.push(node("u", Dtype::F64, contraction("ij,jk->ik", &[t, a], |_| 16))).unwrap();
    let y = ir.push(node("y", Dtype::F64, contraction("ij,jk,kl->il", &[t, u, u], |_| 16))).unwrap();
    ir.output(y).unwrap();
    let asked = std::cell::RefCell::new(Vec::new());
    let search = |task: &Task<'_>, how: &Order, budget: &Budget| {
        asked.borrow_mut().push((task.element_bytes, budget.memory_bytes.unwrap()));
        order(task.network, how, budget)
    };
    let budget = Budget { memory_bytes: Some(10_000), ..Budget::default() };
    let options = PlanOptions { passes: PassSet::NONE, ..PlanOptions::default() };
    _ = compile_by(&ir, &Order::default(), &budget, &options, &search);
    assert_eq!(asked.into_inner()[..3], [(4, 10_000 - 2048), (8, 10_000 - 2048 - 1024), (8, 10_000 - 1024 - 2048)]);
}

#[test]
fn explain_shows_the_loops_and_what_is_done_how_often() {
    // The first product depends on the outer loop alone.
    let ir = letters("ij,jk,kl,lm->im", &[6, 4, 8, 10, 2]);
    let search = |task: &Task<'_>, _: &Order, budget: &Budget| {
        let ordered = order(task.network, &Order::Ssa(vec![vec![0, 1], vec![4, 2], vec![5, 3]]), budget)?;
        let slices = [(0, 3), (4, 5)].map(|(axis, parts)| SlicedAxis { axis, parts });
        Ok(FoundOrder { slices: slices.to_vec(), ..ordered })
    };
    let options = PlanOptions { trace: true, ..PlanOptions::default() };
    let compiled = compile_by(&ir, &Order::default(), &Budget::default(), &options, &search).unwrap();
    let source = Source { expression: "ij,jk,kl,lm->im".into(), ast: String::new() };
    let explained = Explain::new(source, &ir, &compiled, &compiled.trace);
    insta::assert_snapshot!(explained.text(&[ExplainStage::Tree, ExplainStage::Plan]), @r"
    == tree ==
    %4 y = ij,jk,kl,lm->im   order path   slices i in 3, l in 5   (+, *) on f64, factored: the product distributes over the sum
      #6 im  6x2  il,lm->im  1.2e2  in 15 turns
      ├─ #5 il  6x10  ik,kl->il  4.8e2  in 15 turns
      │  ├─ #4 ik  6x8  ij,jk->ik  1.9e2  in 3 turns
      │  │  ├─ #0 ij  6x4  %0
      │  │  └─ #1 jk  4x8  %1
      │  └─ #2 kl  8x10  %2
      └─ #3 lm  10x2  %3

    == plan ==
    contract ij,jk,kl,lm->im  (6x4:f64, 4x8:f64, 8x10:f64, 10x2:f64)   order path
      one loop nest 3840 mul-add   planned 792   largest result 60 elements
      written 120 elements   at most 108 at once
      memory 288 bytes: scratch 192, packing 0, kernels 0, results 96
      %4 =                                              fill
      for i':3
        %5 = %0[i+2*i', j] · %1               (i)[j](k)   nest  2x4x8   1.9e2
        for l':5
          %6 = %5 · %2[k, l+2*l']               (i)[k](l)   nest  2x8x2   4.8e2
          %4[i+2*i', m] += %6 · %3[l+2*l', m]   (i)[l](m)   nest  2x2x2   1.2e2
      passes: diagonal 0  transpose 0  layout 0  gemm 0  loop_order 3  merge_axes 0  buffers 0     legend: (kept) [contracted] {batch}
    ");
    let json = explained.json();
    assert_eq!(json["tree"][0]["slices"].to_string(), r#"[{"axis":"i","parts":3},{"axis":"l","parts":5}]"#);
    let runs: Vec<_> = json["tree"][0]["tensors"].as_array().unwrap()[4..].iter().map(|t| &t["runs"]).collect();
    assert_eq!(runs, [3, 15, 15]);
    // 2·4·8 three times, then 2·8·2 and 2·2·2 fifteen times.
    assert_eq!(compiled.plan.flops(), Count::from(3 * 64 + 15 * (32 + 8u64)));
    assert!(explained.dot().contains("15 turns"));
}

/// `y[i+k] += x[i]*w[k]`, and `more` further factors with the axis `k`.
fn window([x, w]: [usize; 2], more: usize) -> Ir {
    let mut ir = Ir::new();
    let x = (ir.input("x", Dtype::F64, [x]), x);
    let weights: Vec<NodeId> = (0..=more).map(|_| ir.input("w", Dtype::F64, [w])).collect();
    let text = format!("i{}->ik", ",k".repeat(weights.len()));
    let mut c = contraction(&text, &[&[x.0], &weights[..]].concat(), |axis| if axis == 'i' { x.1 } else { w });
    c.output = vec![Index::affine(0, [(1, einfold_ir::AxisRef::Own(0)), (1, einfold_ir::AxisRef::Own(1))])].into();
    let y = ir.push(Node { shape: vec![x.1 + w - 1], ..node("y", Dtype::F64, c) }).unwrap();
    ir.output(y).unwrap();
    ir
}

#[test]
fn a_result_of_windows_has_the_elements_that_it_has() {
    let ir = window([200, 40], 0);
    let compiled = with_passes(&ir, PassSet::ALL);
    let elements = Count::from(239u64);
    let cost = compiled.cost;
    assert_eq!((cost.flops, cost.size, cost.write, cost.peak), (Count::from(8000u64), elements, elements, elements));
    assert_eq!(compiled.memory.total(), elements * Count::from(8u64));
    // With one more factor, so that there is an intermediate; for all strategies, also with the least limit that allows
    // the plan.
    for strategy in ["auto", "greedy", "dp", "left-to-right", "deep"] {
        let ir = window([200, 40], 1);
        let order: Order = strategy.parse().unwrap();
        let whole = compile(&ir, &order, &Budget::default(), &PlanOptions::default()).unwrap();
        assert!(whole.cost.peak <= whole.cost.write && whole.cost.size < Count::from(8001u64), "{strategy}");
        let needed = whole.memory.total().exact().unwrap() as u64;
        let budget = Budget { memory_bytes: Some(needed), ..Budget::default() };
        let kept = compile(&ir, &order, &budget, &PlanOptions::default()).unwrap();
        assert_eq!(kept.memory.total(), Count::from(needed), "{strategy}");
    }
    let budget = Budget { memory_bytes: Some(10_000), ..Budget::default() };
    compile(&window([200, 40], 3), &Order::default(), &budget, &PlanOptions::default()).unwrap();
}

#[test]
fn diagonals_of_results_and_repeated_axes_count() {
    // y[i, i] of 10 by 10, and one axis that no factor has.
    let mut ir = Ir::new();
    let a = ir.input("a", Dtype::F64, [10]);
    let mut c = contraction("i,i->ij", &[a, a], |_| 10);
    c.output = vec![Index::axis(0), Index::axis(0), Index::axis(1)].into();
    let y = ir.push(Node { shape: vec![10, 10, 10], ..node("y", Dtype::F64, c) }).unwrap();
    ir.output(y).unwrap();
    assert_eq!(with_passes(&ir, PassSet::ALL).cost.size, Count::from(1000u64));
}

/// `H[dst[e], h] += X[src[e], f] * W[f, h] * s[e]`, with these extents.
fn weighted_layer([nodes, edges, groups, inputs, hidden]: [usize; 5]) -> Ir {
    let mut ir = Ir::new();
    let x = ir.input("X", Dtype::F64, [nodes, inputs]);
    let w = ir.input("W", Dtype::F64, [inputs, hidden]);
    let s = ir.input("s", Dtype::F64, [edges]);
    let [src, dst] = ["src", "dst"].map(|name| ir.input(name, Dtype::I64, [edges]));
    let ids = |tensor| Index::gather(Access::plain(tensor, [0]), OutOfRange::Error);
    let mut c = contraction("ef,fh,e->eh", &[x, w, s], |_| 1);
    c.axes = vec![Axis::new("e", edges), Axis::new("h", hidden), Axis::new("f", inputs)];
    c.factors[0] = Access::new(x, vec![ids(src), Index::axis(2)]);
    c.factors[1] = Access::plain(w, [2, 1]);
    c.factors[2] = Access::plain(s, [0]);
    c.output = vec![ids(dst), Index::axis(1)].into();
    let y = ir.push(Node { shape: vec![groups, hidden], ..node("H", Dtype::F64, c) }).unwrap();
    ir.output(y).unwrap();
    ir
}

#[test]
fn a_tree_through_ids_costs_what_is_written_and_shows_nothing_else() {
    let ir = weighted_layer([50_000, 20_000, 10, 160, 320]);
    let compiled = with_passes(&ir, PassSet::ALL);
    // Edges summed by group, their mask, the product, and the masked product.
    let [sums, mask, product] = [10 * 160, 10, 10 * 320];
    let flops = 20_000 * 160 + 10 * 160 * 320 + product;
    let cost = compiled.cost;
    assert_eq!((cost.flops, cost.size), (Count::from(flops as u64), Count::from(product as u64)));
    assert_eq!(cost.write, Count::from((sums + mask + 2 * product) as u64));
    assert_eq!(cost.flops, compiled.plan.flops());
    let source = Source { expression: "layer".into(), ast: String::new() };
    let explained = Explain::new(source, &ir, &compiled, &compiled.trace);
    insta::assert_snapshot!(explained.text(&[ExplainStage::Tree]), @r"
    %5 H = [%3[e], f],fh,e->[%4[e], h]   order auto   (+, *) on f64, factored: the product distributes over the sum, and ids are used where it costs least
      #8 [%4[e], h]  10x320  fh,dst f->[%4[e], h]  5.2e5
      ├─ #1 fh  160x320  %1
      └─ #7 dst f  10x160  [%4[e]],[%3[e]],src f,e->dst f  3.2e6
         ├─ #4 [%4[e]]  20000  %4
         ├─ #3 [%3[e]]  20000  %3
         ├─ #0 src f  50000x160  %0
         └─ #2 e  20000  %2
    ");
    let dot = explained.dot();
    assert_eq!((dot.matches("label=").count(), dot.matches(" -> ").count()), (7, 6), "{dot}");
    let written = explained.json()["tree"][0]["tensors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|t| t["written"] == true)
        .collect::<Vec<_>>();
    assert_eq!(written.iter().filter(|written| !**written).count(), 2, "{written:?}");
}

#[test]
fn ids_are_used_in_one_step_where_a_limit_leaves_no_room_for_intermediates() {
    let ir = weighted_layer([100, 2000, 50, 16, 32]);
    let least = 50 * 32 * 8;
    assert!(with_passes(&ir, PassSet::ALL).memory.total() > Count::from(least));
    let budget = Budget { memory_bytes: Some(least), ..Budget::default() };
    let compiled = compile(&ir, &Order::default(), &budget, &PlanOptions::default()).unwrap();
    assert_eq!((compiled.memory.total(), compiled.orders.len()), (Count::from(least), 0));
}

#[test]
fn a_plan_that_takes_too_much_says_why_it_is_not_sliced() {
    let refused = |ir: &Ir, how: &Order, bytes: u64| {
        let budget = Budget { memory_bytes: Some(bytes), ..Budget::default() };
        match compile(ir, how, &budget, &PlanOptions::default()).unwrap_err() {
            PlanError::TooLarge(excess) => *excess,
            other => panic!("{other}"),
        }
    };
    let chain = letters("ij,jk,kl->il", &[2000, 30, 4000, 10]);
    let auto = Order::default();
    assert_eq!(refused(&chain, &auto, 1000).why, Unsliced::Results(Count::from(2000 * 10 * 8u64)));
    let ring = ring();
    assert_eq!(refused(&ring, &auto, 100).why, Unsliced::Sliced);
    let map = letters("ij->ji", &[100, 100]);
    assert_eq!(refused(&map, &auto, 1000).why, Unsliced::Results(Count::from(80_000u64)));
    // Two reductions of one tensor: an intermediate, and no order to choose.
    let mut ir = Ir::new();
    let a = ir.input("a", Dtype::F64, [100, 100]);
    let t = ir.push(Node { ..node("t", Dtype::F64, contraction("ij->ji", &[a], |_| 100)) }).unwrap();
    let mut c = contraction("ij->", &[t], |_| 100);
    c.algebra = einfold_ir::Algebra::MAX_PLUS;
    let y = ir.push(node("y", Dtype::F64, c)).unwrap();
    ir.output(y).unwrap();
    let options = PlanOptions { passes: PassSet::NONE, ..PlanOptions::default() };
    let budget = Budget { memory_bytes: Some(1000), ..Budget::default() };
    let Err(PlanError::TooLarge(excess)) = compile(&ir, &auto, &budget, &options) else { panic!("accepted") };
    assert_eq!(excess.why, Unsliced::OneStep(Treatment::Flat(Why::FewFactors)));
    assert_eq!(
        excess.to_string(),
        "the run needs 78.1 KiB besides its operands, and the limit is 1000 bytes: intermediate of `t`, 100x100 f64, takes 78.1 KiB"
    );
}
