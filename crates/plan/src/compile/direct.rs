//! The direct way to a plan, for a module that computes one product of at most two operands: the stages before the
//! passes have no choice then, and what they would give is written down at once.

use std::sync::OnceLock;

use einfold_ir::{
    Access, Buffer, BufferId, Contraction, Cost, Count, Def, Draft, Form, IdVec, Index, Ir, Layout, Machine, Node,
    NodeId, Plan, Region, Shape, Step, Storage, WriteMode, few,
};
use einfold_order::{Budget, Order};
use smallvec::SmallVec;

use super::{Compiled, Forms, PlanOptions, fully};
use crate::evaluation::{Evaluation, FlatReason, evaluation};
use crate::memory::{Memory, check_addressable};
use crate::network::are_distinct_axes;
use crate::passes::gemm;
use crate::roles::AxisList;

/// Compiles a module as the whole pipeline does, or returns `None` if it has to. Errors are left to the pipeline.
pub(super) fn compile(ir: &Ir, how: &Order, budget: &Budget, options: &PlanOptions) -> Option<Box<Compiled>> {
    let limited = budget.memory_bytes.is_some() || budget.largest.is_some();
    if limited || *how != Order::default() || *options != PlanOptions::default() || ir.regions() > 1 {
        return None;
    }
    let (node, inputs) = ir.nodes().split_last()?;
    let c = node.contraction()?;
    let alone = inputs.iter().all(|input| matches!(input.def, Def::Input { .. }));
    let space = space(node, c).filter(|_| alone && ir.outputs() == [NodeId(inputs.len() as u32)])?;
    let mut draft = lower(ir, c, &space, &budget.machine);
    check_addressable(&draft).ok()?;
    gemm::run(&mut draft);
    let plan = Plan::seal(draft).ok()?;
    // A sum or a copy multiplies nothing, and so has no cost.
    let product = (c.factors.len() > 1).then(|| {
        let size = Count::elements(&node.shape);
        let flops = Count::product(c.axes.iter().map(|axis| axis.extent as u64));
        Cost { flops, size, write: size, peak: size }
    });
    let (operands, memory, passes) = (few(0..inputs.len() as u32), Memory::of(&plan), options.passes);
    let (cost, forms) = (product.unwrap_or_default(), OnceLock::new());
    Some(Box::new(Compiled { plan, operands, constant_plan: None, cost, memory, passes, forms }))
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
fn space(node: &Node, c: &Contraction) -> Option<AxisList> {
    let wide = |axis: u32| c.axes[axis as usize].extent != 1;
    // The tensors that have each wide axis: bits 0 and 1 are the factors, bit 2 is the result.
    let mut holders: SmallVec<[u8; 8]> = SmallVec::from_elem(0, c.axes.len());
    // Whether index functions are plain axes or 0, and without diagonals unless they may occur.
    let mut mark = |indices: &[Index<NodeId>], bit: u8, diagonals: bool| {
        indices.iter().all(|index| match index.as_axis() {
            Some(axis) if wide(axis) => {
                let held = &mut holders[axis as usize];
                let is_new = *held & bit == 0;
                *held |= bit;
                is_new || diagonals
            }
            Some(_) => true,
            None => *index == Index::constant(0),
        })
    };
    let (mut space, all) = (AxisList::new(), 0..c.axes.len() as u32);
    match (&c.factors[..], evaluation(node, c)) {
        ([a], Evaluation::Flat(FlatReason::FewFactors)) if mark(&a.indices, 1, true) => {
            let keeps_units = c.is_map() || c.algebra.accumulator(node.dtype) != node.dtype;
            all.filter(|axis| keeps_units || wide(*axis)).for_each(|axis| space.push(axis));
        }
        ([a, b], Evaluation::Factored)
            if mark(&a.indices, 1, false) && mark(&b.indices, 2, false) && mark(&c.output, 4, false) =>
        {
            // An axis of one tensor is summed or broadcast in a node of its own.
            if all.zip(&holders).any(|(axis, held)| wide(axis) && matches!(held, 0 | 1 | 2 | 4)) {
                return None;
            }
            for (factor, held) in [(a, 0b111), (a, 0b101), (b, 0b110), (a, 0b011)] {
                let axes = factor.indices.iter().filter_map(Index::as_axis);
                axes.filter(|axis| holders[*axis as usize] == held).for_each(|axis| space.push(axis));
            }
        }
        _ => return None,
    }
    are_distinct_axes(&c.output).then_some(space)
}

/// The draft of one step over the axes `space`, before the passes.
fn lower(ir: &Ir, c: &Contraction, space: &[u32], machine: &Machine) -> Draft {
    let result = BufferId(ir.inputs().len() as u32);
    let buffer = |(k, node): (u32, &Node)| {
        let storage = if k == result.0 { Storage::Output(0) } else { Storage::Input(k) };
        let (label, extents) = (node.label.clone(), Shape::from_slice(&node.shape));
        Buffer { label, dtype: node.dtype, extents, storage, layout: Layout::RowMajor }
    };
    let mut buffers = IdVec::with_capacity(ir.nodes().len());
    (0..).zip(ir.nodes().iter()).for_each(|node| _ = buffers.push(buffer(node)));
    let mut local: SmallVec<[Option<u32>; 8]> = SmallVec::from_elem(None, c.axes.len());
    (0..).zip(space).for_each(|(at, &axis)| local[axis as usize] = Some(at));
    let index = |index: &Index<NodeId>| {
        index.as_axis().and_then(|axis| local[axis as usize]).map_or(Index::constant(0), Index::axis)
    };
    let read = |factor: &Access<NodeId>| Access {
        conj: factor.conj,
        ..Access::new(BufferId(factor.tensor.0), factor.indices.iter().map(index))
    };
    let step = Step {
        origin: NodeId(result.0),
        axes: space.iter().map(|&axis| c.axes[axis as usize].clone()).collect(),
        reads: c.factors.iter().map(read).collect(),
        write: Access::new(result, c.output.iter().map(index)),
        mode: WriteMode::Overwrite,
        algebra: c.algebra,
        form: Form::Nest(None),
    };
    Draft {
        buffers,
        regions: few([Region { loops: Vec::new(), steps: vec![step], partitions: None }]),
        inputs: few((0..result.0).map(BufferId)),
        outputs: few([result]),
        scratch: 0,
        machine: *machine,
    }
}

#[cfg(test)]
mod tests;
