//! The direct way to a plan, for one product of at most two operands: the stages before the passes have no choice then,
//! and what they would give is written down at once.

use std::sync::{Arc, OnceLock};

use einfold_ir::{Access, AxisNumbers, Cost, Count, Factor, Index, Ir, Node, NodeId, Plan, Product, TensorType, few};
use einfold_order::{Budget, Order};

use super::{Compiled, Forms, PlanOptions, fully};
use crate::memory::{MOST_BYTES, Memory};
use crate::passes::gemm;

/// Compiles a module as the whole pipeline does, or returns `None` if it has to. Errors are left to the pipeline.
pub(super) fn compile(ir: &Ir, how: &Order, budget: &Budget, options: &PlanOptions) -> Option<Compiled> {
    let (node, inputs) = ir.nodes().split_last()?;
    if ir.regions() > 1 || ir.inputs().len() < inputs.len() || ir.outputs() != [NodeId(inputs.len() as u32)] {
        return None;
    }
    let operand = |Node { label, dtype, shape, .. }: &Node| TensorType {
        name: Some(label.clone()),
        dtype: *dtype,
        shape: shape.clone(),
        conj: false,
    };
    compile_product(product(node, inputs.iter().map(operand).collect())?, how, budget, options)
}

/// Compiles a product as the whole pipeline compiles a module that has it as its only contraction, or returns `None` if
/// a module is needed: for a choice of order, for an error, or because it takes several steps.
pub fn compile_product(product: Product, how: &Order, budget: &Budget, options: &PlanOptions) -> Option<Compiled> {
    let limited = budget.memory_bytes.is_some() || budget.largest.is_some();
    if limited || *how != Order::default() || *options != PlanOptions::default() {
        return None;
    }
    let (space, machine) = (space(&product)?, &budget.machine);
    // A sum or a copy multiplies nothing, and so has no cost.
    let mut cost = Cost::default();
    if product.factors.len() == 2 {
        let extent = |&axis: &u8| product.axes[axis as usize].extent as u64;
        let size = Count::product(product.output.iter().map(extent));
        cost = Cost { flops: Count::product(space.iter().map(extent)), size, write: size, peak: size };
    }
    let operands = few(0..product.operands.len() as u32);
    let mut plan = Plan::of_product(product, space, machine)?;
    if cost.flops >= Count::from(machine.least_product()) {
        let mut draft = plan.product()?.draft();
        gemm::run(&mut draft);
        plan = Plan::seal(draft).ok()?;
    }
    let memory = match plan.product() {
        Some(step) => Memory { outputs: step.bytes, ..Memory::default() },
        None => Memory::of(&plan),
    };
    let (passes, forms) = (options.passes, OnceLock::new());
    let compiled = Compiled { plan, operands, constant_plan: None, cost, memory, passes, forms };
    (memory.outputs <= MOST_BYTES).then_some(compiled)
}

/// The forms that lead to a plan that was made directly from `ir`: those of the whole pipeline.
pub(super) fn forms(ir: &Ir, plan: &Plan) -> Box<Forms> {
    let budget = Budget { machine: plan.machine, ..Budget::default() };
    let compiled = fully(ir, &Order::default(), &budget, &PlanOptions::default());
    debug_assert!(compiled.as_ref().is_ok_and(|compiled| *compiled.plan == **plan), "both ways lead to one plan");
    compiled.ok().and_then(|compiled| compiled.forms.into_inner()).unwrap_or_default()
}

/// The contraction of `node` as a product of `operands`, if it is one along plain axes.
fn product(node: &Node, operands: Arc<[TensorType]>) -> Option<Product> {
    let c = node.contraction().filter(|c| c.expr.is_none() && c.init.is_none())?;
    let factor = |access: &Access<NodeId>| {
        let (operand, axes) = (access.tensor.0, numbers(&access.indices)?);
        Some(Factor { operand, conj: access.conj, axes })
    };
    let factors = c.factors.iter().map(factor).collect::<Option<_>>()?;
    let (axes, label, dtype, output) = (c.axes.clone(), node.label.clone(), node.dtype, numbers(&c.output)?);
    Some(Product { operands, axes, factors, label, dtype, output, algebra: c.algebra })
}

/// The axes that index functions are, if they are plain axes or 0.
fn numbers(indices: &[Index<NodeId>]) -> Option<AxisNumbers> {
    let number = |index: &Index<NodeId>| match index.as_axis() {
        Some(axis) => u8::try_from(axis).ok().filter(|&axis| axis != Product::NO_AXIS),
        None => (*index == Index::constant(0)).then_some(Product::NO_AXIS),
    };
    indices.iter().map(number).collect()
}

/// The axes of a step in the order in which expansion writes them; `None` if it writes another node than a product and
/// a permutation of its result.
fn space(product: &Product) -> Option<AxisNumbers> {
    let Product { axes, factors, output, dtype, algebra, .. } = product;
    let holds_sums = algebra.accumulator(*dtype) == *dtype;
    if axes.len() > Product::MOST_AXES || !(1..=2).contains(&factors.len()) || axes.iter().any(|axis| axis.extent == 0)
    {
        return None;
    }
    // The tensors that have each axis: bits 0 and 1 are the factors, bit 2 is the result.
    let (mut holders, mut space) = ([0u8; Product::MOST_AXES], AxisNumbers::new());
    // Whether the axes of a tensor are distinct, apart from those of extent 1.
    let mut mark = |numbers: &AxisNumbers, bit: u8| {
        let mut distinct = true;
        for &axis in numbers.iter().filter(|&&axis| axis != Product::NO_AXIS) {
            distinct &= axes.get(axis as usize)?.extent == 1 || holders[axis as usize] & bit == 0;
            holders[axis as usize] |= bit;
        }
        Some(distinct)
    };
    let mut distinct = true;
    for (bit, factor) in [1, 2].into_iter().zip(factors) {
        distinct &= mark(&factor.axes, bit)?;
    }
    mark(output, 4)?;
    if output.iter().enumerate().any(|(k, axis)| *axis == Product::NO_AXIS || output[..k].contains(axis)) {
        return None;
    }
    let all = 0..axes.len() as u8;
    let wide = |axis: u8| axes.get(axis as usize).is_some_and(|axis| axis.extent != 1);
    let [first, second] = &factors[..] else {
        let keeps_units = !holds_sums || output.len() == axes.len();
        all.filter(|&axis| keeps_units || wide(axis)).for_each(|axis| space.push(axis));
        return Some(space);
    };
    let ordered = holds_sums && algebra.laws(*dtype).distributive && distinct;
    // An axis of one tensor is summed or broadcast in a node of its own.
    if !ordered || all.into_iter().any(|axis| wide(axis) && holders[axis as usize].count_ones() < 2) {
        return None;
    }
    for (factor, held) in [(first, 0b111), (first, 0b101), (second, 0b110), (first, 0b011)] {
        for &axis in &factor.axes {
            if wide(axis) && holders[axis as usize] == held {
                space.push(axis);
            }
        }
    }
    Some(space)
}

#[cfg(test)]
mod tests;
