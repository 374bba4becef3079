//! Plans under memory limits.

use einfold_ir::{Count, Dtype, Ir, Machine, Network, Node, Time};
use einfold_order::cost::tree_cost;
use einfold_order::{Budget, FoundOrder, Order, OrderError, SlicedAxis, Task, order};

use super::{weighted_layer, with_passes};
use crate::compile::{PlanOptions, compile, compile_by};
use crate::testing::{contraction, letters, node};
use crate::{Evaluation, FlatReason, LargeTensor, MemoryExcess, PassSet, PlanError, WhyNotSliced};

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
    let large =
        LargeTensor { is_result: true, shape: vec![100, 100].into(), dtype: Dtype::F64, bytes: Count::from(80_000u64) };
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
fn a_memory_limit_is_kept_by_slices_and_what_is_left_goes_to_partitions() {
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
        assert!(!sliced.forms(&ir).orders.values().next().unwrap().slices.is_empty());
        assert_eq!(sliced.plan.flops(), whole.plan.flops(), "every step depends on the sliced axis");
    }
    let partitions =
        |share| within(Some(needed / share)).unwrap().plan.regions.iter().map(|r| r.partition_count()).max();
    assert_eq!([2, 30].map(partitions), [Some(1), Some(1)], "too small a contraction for partitions");
}

#[test]
fn the_machine_decides_the_number_of_partitions() {
    let ir = ring();
    let in_slices = |task: &Task<'_>, how: &Order, budget: &Budget| {
        slicing(task, how, &Budget { memory_bytes: Some(10_000), ..*budget })
    };
    let partitions = |machine| {
        let budget = Budget { machine, ..Budget::default() };
        let how = "left-to-right".parse().unwrap();
        let compiled = compile_by(&ir, &how, &budget, &PlanOptions::default(), &in_slices).unwrap();
        compiled.plan.regions.iter().map(|r| r.partition_count()).max()
    };
    let machine = Machine { fork: Time::from_ns(200.0).unwrap(), ..Machine::DEFAULT };
    assert_eq!(partitions(Machine::DEFAULT), Some(1), "too small a contraction for partitions");
    assert_eq!(partitions(machine), Some(12));
    assert_eq!(partitions(Machine { partitions: 5, ..machine }), Some(4));
    assert_eq!(partitions(Machine { partitions: 1, ..machine }), Some(1));
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
    let MemoryExcess { bytes, limit, .. } = *excess;
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
fn ids_are_used_in_one_step_where_a_limit_leaves_no_room_for_intermediates() {
    let ir = weighted_layer([100, 2000, 50, 16, 32]);
    let least = 50 * 32 * 8;
    assert!(with_passes(&ir, PassSet::ALL).memory.total() > Count::from(least));
    let budget = Budget { memory_bytes: Some(least), ..Budget::default() };
    let compiled = compile(&ir, &Order::default(), &budget, &PlanOptions::default()).unwrap();
    assert_eq!((compiled.memory.total(), compiled.forms(&ir).orders.len()), (Count::from(least), 0));
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
    assert_eq!(refused(&chain, &auto, 1000).why, WhyNotSliced::Results(Count::from(2000 * 10 * 8u64)));
    let ring = ring();
    assert_eq!(refused(&ring, &auto, 100).why, WhyNotSliced::Sliced);
    let map = letters("ij->ji", &[100, 100]);
    assert_eq!(refused(&map, &auto, 1000).why, WhyNotSliced::Results(Count::from(80_000u64)));
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
    assert_eq!(excess.why, WhyNotSliced::OneStep(Evaluation::Flat(FlatReason::FewFactors)));
    assert_eq!(
        excess.to_string(),
        "the run needs 78.1 KiB besides its operands, and the limit is 1000 bytes: intermediate of `t`, 100x100 f64, takes 78.1 KiB"
    );
}
