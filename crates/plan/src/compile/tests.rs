mod limits;

use einfold_ir::{Access, Axis, Count, Dtype, Form, Index, Ir, Node, NodeId, OutOfRange};
use einfold_order::{Budget, FoundOrder, Order, SlicedAxis, Task, order};
use proptest::prelude::{Just, Strategy, prop_assert, prop_assert_eq, proptest};

use super::{PlanOptions, compile, compile_by};
use crate::cost::naive_flops;
use crate::testing::{contraction, letters, node, show};
use crate::{Explain, ExplainSource, ExplainStage, PassSet, PlanError};

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
        let ir = letters(&text, &sizes);
        let compiled = with_passes(&ir, PassSet::ALL);
        if !compiled.forms(&ir).orders.is_empty() {
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
    assert_eq!((joint.forms(&ir).orders.len(), joint.cost.flops), (1, Count::from(128u64)));
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
    let options = PlanOptions::default();
    let compiled = compile_by(&ir, &Order::default(), &Budget::default(), &options, &search).unwrap();
    let source = ExplainSource { expression: "ij,jk,kl,lm->im".into(), ast: String::new(), warnings: Vec::new() };
    let explained = Explain::new(source, &ir, &compiled, Vec::new()).unwrap();
    insta::assert_snapshot!(explained.text(&[ExplainStage::Tree, ExplainStage::Plan]), @r"
    == tree ==
    %4 y = ij,jk,kl,lm->im   order path   slices i in 3, l in 5   (+, *) on f64, factored: the product distributes over the sum
      #6 im  6x2  il,lm->im  1.2e2  in 15 iterations
      ├─ #5 il  6x10  ik,kl->il  4.8e2  in 15 iterations
      │  ├─ #4 ik  6x8  ij,jk->ik  1.9e2  in 3 iterations
      │  │  ├─ #0 ij  6x4  %0
      │  │  └─ #1 jk  4x8  %1
      │  └─ #2 kl  8x10  %2
      └─ #3 lm  10x2  %3

    == plan ==
    contract ij,jk,kl,lm->im  (6x4:f64, 4x8:f64, 8x10:f64, 10x2:f64)   order path
      one loop nest 3840 mul-add   planned 792   largest result 60 elements
      written 120 elements   at most 108 at once
      memory 288 bytes: scratch 192, packing 0, results 96
      %4 =                                              fill
      for i':3
        %5 = %0[i+2*i', j] · %1               (i)[j](k)   nest   1.9e2
        for l':5
          %6 = %5 · %2[k, l+2*l']               (i)[k](l)   nest   4.8e2
          %4[i+2*i', m] += %6 · %3[l+2*l', m]   (i)[l](m)   nest   1.2e2
      passes: diagonal 0  transpose 0  layout 0  gemm 0  buffers 0     legend: (kept) [contracted] {batch}
    ");
    let json = explained.json();
    assert_eq!(json["tree"][0]["slices"].to_string(), r#"[{"axis":"i","parts":3},{"axis":"l","parts":5}]"#);
    let runs: Vec<_> = json["tree"][0]["tensors"].as_array().unwrap()[4..].iter().map(|t| &t["runs"]).collect();
    assert_eq!(runs, [3, 15, 15]);
    // 2·4·8 three times, then 2·8·2 and 2·2·2 fifteen times.
    assert_eq!(compiled.plan.flops(), Count::from(3 * 64 + 15 * (32 + 8u64)));
    assert!(explained.dot().contains("15 iterations"));
}

/// `y[i+k] += x[i]*w[k]`, and `more` further factors with the axis `k`.
fn window([x, w]: [usize; 2], more: usize) -> Ir {
    let mut ir = Ir::new();
    let x = (ir.input("x", Dtype::F64, [x]), x);
    let weights: Vec<NodeId> = (0..=more).map(|_| ir.input("w", Dtype::F64, [w])).collect();
    let text = format!("i{}->ik", ",k".repeat(weights.len()));
    let mut c = contraction(&text, &[&[x.0], &weights[..]].concat(), |axis| if axis == 'i' { x.1 } else { w });
    c.output = vec![Index::affine(0, [(1, einfold_ir::AxisRef::Own(0)), (1, einfold_ir::AxisRef::Own(1))])].into();
    let y = ir.push(Node { shape: vec![x.1 + w - 1].into(), ..node("y", Dtype::F64, c) }).unwrap();
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
    let y = ir.push(Node { shape: vec![10, 10, 10].into(), ..node("y", Dtype::F64, c) }).unwrap();
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
    let y = ir.push(Node { shape: vec![groups, hidden].into(), ..node("H", Dtype::F64, c) }).unwrap();
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
    let source = ExplainSource { expression: "layer".into(), ast: String::new(), warnings: Vec::new() };
    let explained = Explain::new(source, &ir, &compiled, Vec::new()).unwrap();
    insta::assert_snapshot!(explained.text(&[ExplainStage::Tree]), @r"
    %5 H = [%3[e], f],fh,e->[%4[e], h]   order auto   (+, *) on f64, factored: the product distributes over the sum, and index tensors are used where it costs least
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
