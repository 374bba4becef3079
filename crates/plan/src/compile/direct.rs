//! The direct way to a plan, for one product of at most two operands: the stages before the passes have no choice then,
//! and what they would give is written down at once.

use std::sync::OnceLock;

use einfold_ir::{
    Axis, Buffer, BufferId, Cost, Count, Def, Draft, Form, Index, Ir, NodeId, Plan, Step, WriteMode, few,
};
use einfold_order::{Budget, Order};
use smallvec::SmallVec;

use super::{Compiled, Forms, PlanOptions, fully};
use crate::lower::{Hints, lower};
use crate::memory::{Memory, is_addressable};
use crate::network::are_distinct_axes;
use crate::passes::gemm;
use crate::roles::AxisList;

/// Compiles a module as the whole pipeline does, or returns `None` if it has to. Errors are left to the pipeline.
pub(super) fn compile(ir: &Ir, how: &Order, budget: &Budget, options: &PlanOptions) -> Option<Compiled> {
    let (node, inputs) = ir.nodes().split_last()?;
    let alone = ir.regions() == 1 && inputs.iter().all(|input| matches!(input.def, Def::Input { .. }));
    let few_factors = node.contraction().is_some_and(|c| (1..=2).contains(&c.factors.len()));
    if !(alone && few_factors && ir.outputs() == [NodeId(inputs.len() as u32)]) {
        return None;
    }
    compile_step(lower(ir, &Hints::default()).ok()?, how, budget, options)
}

/// Compiles a draft of one step as the whole pipeline compiles a module of the same product, or returns `None` if a
/// module is needed: for a choice of order, for an error, or because it is more than one step.
///
/// The draft has a buffer for each operand and then that of the result. Its step writes each position of the result, and
/// the origin of the step is the node of the result in the module.
pub fn compile_step(mut draft: Draft, how: &Order, budget: &Budget, options: &PlanOptions) -> Option<Compiled> {
    let limited = budget.memory_bytes.is_some() || budget.largest.is_some();
    if limited || *how != Order::default() || *options != PlanOptions::default() {
        return None;
    }
    let [region] = &mut draft.regions[..] else { return None };
    let [step] = &mut region.steps[..] else { return None };
    let result = draft.buffers.get(step.write.tensor)?;
    arrange(step, &space(step, result)?);
    // A sum or a copy multiplies nothing, and so has no cost.
    let product = (step.reads.len() > 1).then(|| {
        let (flops, size) = (step.flops(), Count::elements(&result.extents));
        Cost { flops, size, write: size, peak: size }
    });
    draft.machine = budget.machine;
    gemm::run(&mut draft);
    let plan = Plan::seal(draft).ok()?;
    let memory = Memory::of(&plan);
    let (operands, forms) = (few(0..plan.inputs.len() as u32), OnceLock::new());
    let compiled = Compiled {
        plan,
        operands,
        constant_plan: None,
        cost: product.unwrap_or_default(),
        memory,
        passes: options.passes,
        forms,
    };
    is_addressable(memory.outputs).then_some(compiled)
}

/// The forms that lead to a plan that was made directly from `ir`: those of the whole pipeline.
pub(super) fn forms(ir: &Ir, plan: &Plan) -> Box<Forms> {
    let budget = Budget { machine: plan.machine, ..Budget::default() };
    let compiled = fully(ir, &Order::default(), &budget, &PlanOptions::default());
    debug_assert!(compiled.as_ref().is_ok_and(|compiled| *compiled.plan == **plan), "both ways lead to one plan");
    compiled.ok().and_then(|compiled| compiled.forms.into_inner()).unwrap_or_default()
}

/// The axes of the step in the order in which expansion writes them; `None` if it writes another node than a product and
/// a permutation of its result.
fn space(step: &Step, result: &Buffer) -> Option<AxisList> {
    let (dtype, axes) = (result.dtype, &step.axes[..]);
    if step.form != Form::Nest(None) || step.mode != WriteMode::Overwrite || axes.iter().any(|a| a.extent == 0) {
        return None;
    }
    let holds_sums = step.algebra.accumulator(dtype) == dtype;
    let (mut holders, mut space) = (Holders::from_elem(0, axes.len()), AxisList::new());
    match &step.reads[..] {
        [a] if mark(&mut holders, axes, &a.indices, 1, true) => {
            let keeps_units = !holds_sums || step.is_map(&result.extents);
            let is_kept = |axis: &u32| keeps_units || axes[*axis as usize].extent != 1;
            (0..axes.len() as u32).filter(is_kept).for_each(|axis| space.push(axis));
        }
        [a, b]
            if holds_sums
                && step.algebra.laws(dtype).distributive
                && mark(&mut holders, axes, &a.indices, 1, false)
                && mark(&mut holders, axes, &b.indices, 2, false)
                && mark(&mut holders, axes, &step.write.indices, 4, false) =>
        {
            // An axis of one tensor is summed or broadcast in a node of its own.
            if axes.iter().zip(&holders).any(|(axis, held)| axis.extent != 1 && held.count_ones() < 2) {
                return None;
            }
            for (factor, held) in [(a, 0b111), (a, 0b101), (b, 0b110), (a, 0b011)] {
                for axis in factor.indices.iter().filter_map(Index::as_axis) {
                    if holders[axis as usize] == held {
                        space.push(axis);
                    }
                }
            }
        }
        _ => return None,
    }
    are_distinct_axes(&step.write.indices).then_some(space)
}

/// The tensors that have each axis that is not of extent 1: bits 0 and 1 are the factors, bit 2 is the result.
type Holders = SmallVec<[u8; 16]>;

/// Marks the axes of a tensor. Returns whether its index functions are plain axes or 0, and without diagonals unless
/// they may occur.
fn mark(holders: &mut [u8], axes: &[Axis], indices: &[Index<BufferId>], bit: u8, diagonals: bool) -> bool {
    for index in indices {
        match index.as_axis().map(|axis| axis as usize) {
            Some(axis) if axes[axis].extent == 1 => {}
            Some(axis) if diagonals || holders[axis] & bit == 0 => holders[axis] |= bit,
            None if *index == Index::constant(0) => {}
            _ => return false,
        }
    }
    true
}

/// Makes `space` the axes of a step, in this order. The others have extent 1.
fn arrange(step: &mut Step, space: &[u32]) {
    // For each axis its position in the list, and for each position its axis.
    let mut places: AxisList = few(0..step.axes.len() as u32);
    let mut axes = AxisList::from_slice(&places);
    for (to, &axis) in (0..).zip(space) {
        let (from, other) = (places[axis as usize], axes[to as usize]);
        step.axes.swap(from as usize, to as usize);
        axes.swap(from as usize, to as usize);
        (places[axis as usize], places[other as usize]) = (to, from);
    }
    step.axes.truncate(space.len());
    let place = |axis: u32| Some(places[axis as usize]).filter(|&place| (place as usize) < space.len());
    step.reads.iter_mut().chain([&mut step.write]).for_each(|access| access.renumber(&place));
}

#[cfg(test)]
mod tests;
