use einfold_ir::{Access, Algebra, Axis, BinaryOp, Contraction, Dtype, Index, Indices, Ir, Layout, Machine, NodeId};
use einfold_order::{Budget, Order};

use super::compile;
use crate::compile::{Compiled, PlanOptions, fully};
use crate::testing::random::Rng;
use crate::testing::{letters, node};
use crate::{Explain, ExplainSource, ExplainStage, Hints, PassSet};

const EXTENTS: [usize; 9] = [0, 1, 1, 2, 2, 3, 5, 40, 300];
const DTYPES: [Dtype; 7] = [Dtype::F64, Dtype::F64, Dtype::F32, Dtype::I32, Dtype::Bool, Dtype::C64, Dtype::F16];

/// A product of up to three operands over random axes, read along random ones of them or at position 0.
fn product(rng: &mut Rng) -> Option<Ir> {
    let axes: Vec<Axis> = (0..1 + rng.below(5)).map(|k| Axis::new(format!("a{k}"), rng.pick(&EXTENTS))).collect();
    let mut ir = Ir::new();
    let dtype = rng.pick(&DTYPES);
    let mut factors = Vec::new();
    let any = |rng: &mut Rng| rng.below(axes.len()) as u32;
    for k in 0..1 + rng.below(13) / 6 {
        let (mut indices, mut shape) = (Indices::new(), Vec::new());
        let mut rest: Vec<u32> = (0..axes.len() as u32).collect();
        for _ in 0..rng.below(axes.len() + 2) {
            let (broadcast, again) = (rng.below(12) == 0, rng.below(12) == 0 || rest.is_empty());
            let axis = if again { any(rng) } else { rest.swap_remove(rng.below(rest.len())) };
            indices.push(if broadcast { Index::constant(0) } else { Index::axis(axis) });
            shape.push(if broadcast { 1 } else { axes[axis as usize].extent });
        }
        let given = if rng.below(4) == 0 { rng.pick(&DTYPES) } else { dtype };
        let tensor =
            if factors.is_empty() || rng.below(8) > 0 { ir.input(format!("x{k}"), given, &shape) } else { NodeId(0) };
        factors.push(Access { conj: rng.below(8) == 0, ..Access::new(tensor, indices) });
    }
    let mut rest: Vec<u32> = (0..axes.len() as u32).collect();
    let kept: Vec<u32> =
        (0..rng.below(axes.len() + 1)).map(|_| rest.remove(rng.below(rest.len()) / (1 + rng.below(2)))).collect();
    let output = kept.into_iter().map(Index::axis).collect();
    let algebras = [
        Algebra::SUM_PRODUCT,
        Algebra::SUM_PRODUCT,
        Algebra::MAX_PLUS,
        Algebra::Builtin { add: BinaryOp::Max, mul: BinaryOp::Mul },
    ];
    let (algebra, pinned) = (rng.pick(&algebras), rng.below(8) == 0);
    let c = Contraction { axes, factors, output, expr: None, algebra, init: None, pinned };
    let result = ir.push(node("y", dtype, c)).ok()?;
    ir.output(result).unwrap();
    Some(ir)
}

fn text(ir: &Ir, compiled: &Compiled) -> String {
    let source = ExplainSource { expression: "e".into(), ast: "e".into(), warnings: Vec::new() };
    Explain::new(source, ir, compiled, Vec::new()).unwrap().text(&ExplainStage::ALL)
}

#[test]
fn both_ways_lead_to_one_plan() {
    let (mut rng, mut direct) = (Rng(27), [0; 3]);
    let slow = Machine { product_setup: Machine::DEFAULT.fork, partitions: 4, ..Machine::DEFAULT };
    for round in 0..12_000 {
        let Some(ir) = product(&mut rng) else { continue };
        let budget = Budget { machine: if round % 4 == 0 { slow } else { Machine::DEFAULT }, ..Budget::default() };
        let (how, options) = (Order::default(), PlanOptions::default());
        let Some(compiled) = compile(&ir, &how, &budget, &options) else { continue };
        let want = fully(&ir, &how, &budget, &options).unwrap();
        let facts = |c: &Compiled| (c.operands.clone(), c.constant_plan.is_none(), c.cost, c.memory, c.passes);
        assert_eq!(*compiled.plan, *want.plan, "{ir}");
        assert_eq!(facts(&compiled), facts(&want), "{ir}");
        if round % 8 == 0 {
            assert_eq!(text(&ir, &compiled), text(&ir, &want));
            assert_eq!(compiled.forms(&ir).orders, want.forms(&ir).orders);
        }
        let factors = ir.nodes().last().unwrap().contraction().unwrap().factors.len();
        direct[factors] += 1;
    }
    assert!(direct[1] > 2000 && direct[2] > 300, "{direct:?}");
}

#[test]
fn what_has_a_choice_takes_all_stages() {
    let ir = letters("ij,jk->ik", &[2, 3, 4]);
    let default = PlanOptions::default();
    let is_direct = |how: Order, budget: Budget, options: &PlanOptions| compile(&ir, &how, &budget, options).is_some();
    let unlimited = Budget::default();
    assert!(is_direct(Order::default(), unlimited, &default));
    assert!(compile(&letters("ij,jk->ki", &[2, 3, 4]), &Order::default(), &unlimited, &default).is_some());
    assert!(!is_direct("greedy".parse().unwrap(), unlimited, &default));
    assert!(!is_direct(Order::Ssa(vec![vec![0, 1]]), unlimited, &default));
    assert!(!is_direct(Order::default(), Budget { memory_bytes: Some(1 << 20), ..unlimited }, &default));
    assert!(!is_direct(Order::default(), Budget { largest: Some(100), ..unlimited }, &default));
    let hints = Hints { inputs: vec![Layout::ColumnMajor], outputs: Vec::new() };
    for options in [
        PlanOptions { hints, ..PlanOptions::default() },
        PlanOptions { passes: PassSet::NONE, ..PlanOptions::default() },
        PlanOptions { constants: vec![0], ..PlanOptions::default() },
    ] {
        assert!(!is_direct(Order::default(), unlimited, &options));
    }
    // Each of these is written as several nodes, has no points, or has an order to choose.
    for (text, sizes) in [
        ("ijl,jk->ik", &[2, 3, 4, 5][..]),
        ("iij,jk->ik", &[2, 3, 4]),
        ("ij,jk->ik", &[2, 0, 4]),
        ("ij->i", &[0, 3]),
        ("i,j,k->ijk", &[2, 3, 4]),
    ] {
        assert!(compile(&letters(text, sizes), &Order::default(), &unlimited, &default).is_none(), "{text}");
    }
}
