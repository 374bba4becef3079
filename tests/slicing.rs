//! Sliced contractions give the same results as unsliced ones.

use std::num::NonZeroUsize;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use einfold_exec::{Control, RunStopped, Scratch, bind};
use einfold_ir::{Dtype, Network, Plan, Tree};
use einfold_order::{FoundOrder, SlicedAxis};
use einfold_plan::{ChosenOrder, Hints, PassSet, expand, lower, network, optimize};
use einfold_syntax::{Options, parse, resolve};
use rayon::ThreadPoolBuilder;

use crate::draw::{Bytes, Noise, check};
use crate::layout::{Layout, hold};
use crate::num::{Num, Tensor};
use crate::resolving::types;
use crate::running::{blank, check_drawn};
use crate::threads::{bits, reals};

/// Random slices of a network, along axes of operands and of the output, of any extent.
pub(crate) fn slices(bytes: &mut Bytes<'_>, network: &Network) -> Vec<SlicedAxis> {
    let mut axes: Vec<u32> = (0..network.extents().len() as u32).collect();
    bytes.shuffle(&mut axes);
    axes.truncate(1 + bytes.below(3));
    let mut slice = |axis: u32| {
        let extent = network.extents()[axis as usize];
        let parts: Vec<u64> = (2..=extent).rev().filter(|parts| extent.is_multiple_of(*parts)).collect();
        (!parts.is_empty()).then(|| SlicedAxis { axis, parts: bytes.pick(&parts) })
    };
    axes.into_iter().filter_map(&mut slice).collect()
}

/// An order with a random number of partitions.
pub(crate) fn chosen_order<'o>(bytes: &mut Bytes<'_>, ordered: &'o FoundOrder) -> ChosenOrder<'o> {
    let parts = ordered.slices.first().map_or(1, |slice| slice.parts);
    let partitions: Vec<u64> = (1..=parts).filter(|partitions| parts.is_multiple_of(*partitions)).collect();
    ChosenOrder { partitions: bytes.pick(&partitions), ..ordered.into() }
}

#[test]
fn slices_give_what_the_oracle_says() {
    check(5000, |bytes| check_drawn(bytes, true));
}

/// A plan of a ring of matrices with real numbers, with slices and partitions.
fn ring(dtype: Dtype, extent: usize, slices: &[SlicedAxis], partitions: u64) -> (Plan, Vec<Tensor>) {
    let mut noise = Noise(5);
    let operands: Vec<Tensor> = (0..4).map(|_| reals(&mut noise, dtype, &[extent; 2])).collect();
    let ir = resolve(&parse("ab,bc,cd,da->ac").unwrap(), &types(&operands), &Options::default()).unwrap();
    let tree = Tree::from_ssa(4, &[vec![0, 1], vec![2, 3], vec![4, 5]]).unwrap();
    let mut orders = ir.per_node(None);
    // 16-bit floats are rounded by a separate node after the contraction.
    let at = ir.ids().find(|&id| network(&ir, id).is_some()).unwrap();
    orders[at] = Some(ChosenOrder { slices, partitions, ..(&tree).into() });
    let draft = lower(&expand(&ir, &orders).unwrap().ir, &Hints::default()).unwrap();
    (optimize(draft, PassSet::ALL, &mut |_, _, _| {}).unwrap(), operands)
}

/// Runs a plan on threads of a pool.
fn run_on(plan: &Plan, operands: &[Tensor], control: &Control<'_>) -> Result<Tensor, RunStopped> {
    let arrays: Vec<_> = operands.iter().map(|t| hold(t, &Layout::row_major(t.shape.len()))).collect();
    let ins: Vec<_> = arrays.iter().map(|a| a.view()).collect();
    let mut outputs = blank(plan);
    let mut outs: Vec<_> = outputs.iter_mut().map(|o| o.view_mut()).collect();
    let mut scratch = Scratch::new();
    let bound = bind(plan, &ins, &mut outs, &einfold_exec::BindOptions::default(), &mut scratch).unwrap();
    let pool = ThreadPoolBuilder::new().num_threads(8).build().unwrap();
    pool.install(|| bound.run(control))?;
    drop(outs);
    Ok(outputs[0].tensor())
}

const CUTS: [(&[(u32, u64)], u64); 5] =
    [(&[(0, 8)], 4), (&[(2, 16)], 8), (&[(2, 8), (0, 2)], 8), (&[(3, 4), (2, 4)], 2), (&[(1, 8), (3, 2)], 1)];

#[test]
fn lanes_give_the_same_bits_on_any_number_of_threads_and_say_how_far_they_are() {
    for (cuts, partitions) in CUTS {
        let slices: Vec<SlicedAxis> = cuts.iter().map(|&(axis, parts)| SlicedAxis { axis, parts }).collect();
        let (plan, operands) = ring(Dtype::F64, 64, &slices, partitions);
        assert_eq!(plan.regions.iter().map(|r| r.partition_count()).max(), Some(partitions as usize));
        let on = |threads| {
            let most = Mutex::new((0, 0));
            let progress = |done, total| {
                let mut most = most.lock().unwrap();
                *most = (most.0.max(done), total);
            };
            let control =
                Control { threads: NonZeroUsize::new(threads), progress: Some(&progress), ..Control::default() };
            let result = run_on(&plan, &operands, &control).unwrap();
            let (done, total) = most.into_inner().unwrap();
            assert!(done == total && total > 0, "{done} of {total}");
            result
        };
        let one = on(1);
        for threads in [2, 3, 8] {
            assert_eq!(bits(&on(threads)), bits(&one), "{cuts:?} {threads}");
        }
        let (whole, _) = ring(Dtype::F64, 64, &[], 1);
        let whole = run_on(&whole, &operands, &Control::default()).unwrap();
        assert_eq!(one.differs(&whole, 1e-12), None);
    }
}

#[test]
fn a_cancelled_run_stops_within_its_partitions() {
    let (plan, operands) = ring(Dtype::F64, 64, &[SlicedAxis { axis: 2, parts: 64 }], 4);
    for threads in [1, 4] {
        let (cancel, calls) = (AtomicBool::new(false), AtomicUsize::new(0));
        let progress = |_, _| {
            if calls.fetch_add(1, Ordering::Relaxed) == 5 {
                cancel.store(true, Ordering::Relaxed);
            }
        };
        let threads = NonZeroUsize::new(threads);
        let control = Control { threads, progress: Some(&progress), cancel: Some(&cancel) };
        assert_eq!(run_on(&plan, &operands, &control).unwrap_err(), RunStopped::Cancelled);
        assert!(calls.into_inner() < 40);
    }
}

fn convert(tensor: &Tensor, dtype: Dtype) -> Tensor {
    Tensor { dtype, shape: tensor.shape.clone(), data: tensor.data.iter().map(|x| x.to(dtype)).collect() }
}

#[test]
fn sums_of_slices_are_as_exact_as_sums_at_once() {
    for dtype in [Dtype::F16, Dtype::BF16] {
        let (exact, operands) = ring(Dtype::F64, 64, &[], 1);
        let wide: Vec<Tensor> = operands.iter().map(|t| convert(&convert(t, dtype), Dtype::F64)).collect();
        let narrow: Vec<Tensor> = wide.iter().map(|t| convert(t, dtype)).collect();
        let exact = run_on(&exact, &wide, &Control::default()).unwrap();
        let error = |slices: &[SlicedAxis], partitions| {
            let (plan, _) = ring(dtype, 64, slices, partitions);
            let result = run_on(&plan, &narrow, &Control::default()).unwrap();
            let far = |(x, y): (&Num, &Num)| (x.parts().0 - y.parts().0).abs();
            result.data.iter().zip(&exact.data).map(far).fold(0.0, f64::max)
        };
        let whole = error(&[], 1);
        for (cuts, partitions) in CUTS {
            let slices: Vec<SlicedAxis> = cuts.iter().map(|&(axis, parts)| SlicedAxis { axis, parts }).collect();
            // There is one rounding at the end, as without slices.
            assert!(error(&slices, partitions) <= 1.01 * whole, "{dtype} {cuts:?} {whole}");
        }
    }
}
