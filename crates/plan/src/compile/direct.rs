//! Compiles one product of at most two factors directly to a plan. The stages before the passes have no choices for
//! such a product, so its step is built without them.

use std::sync::{Arc, OnceLock};

use einfold_ir::{Access, AxisNumbers, Cost, Count, Factor, Index, Ir, Node, NodeId, Plan, Product, TensorType, few};
use einfold_order::{Budget, Order};

use super::{Compiled, Forms, PlanOptions, fully};
use crate::memory::{MOST_BYTES, Memory};
use crate::passes::gemm;

/// Compiles a module to the plan that the pipeline gives, or returns `None` if the pipeline has to compile it: for more
/// than one product, and for an error.
pub(super) fn compile(ir: &Ir, order: &Order, budget: &Budget, options: &PlanOptions) -> Option<Compiled> {
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
    compile_product(product(node, inputs.iter().map(operand).collect())?, order, budget, options)
}

/// Compiles a product to the plan that the pipeline gives for a module with this contraction alone. Returns `None` if
/// the pipeline has to compile it: for options or a limit, for an error, or if it takes several steps.
pub fn compile_product(product: Product, order: &Order, budget: &Budget, options: &PlanOptions) -> Option<Compiled> {
    let limited = budget.memory_bytes.is_some() || budget.largest.is_some();
    if limited || *order != Order::default() || *options != PlanOptions::default() {
        return None;
    }
    let (axis_order, machine) = (axis_order(&product)?, &budget.machine);
    // A sum or a copy multiplies nothing, and so has no cost.
    let mut cost = Cost::default();
    if product.factors.len() == 2 {
        let extent = |&axis: &u8| product.axes[axis as usize].extent as u64;
        let size = Count::product(product.output.iter().map(extent));
        cost = Cost { flops: Count::product(axis_order.iter().map(extent)), size, write: size, peak: size };
    }
    let operands = few(0..product.operands.len() as u32);
    let mut plan = Plan::of_product(product, axis_order, machine)?;
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

/// The forms between `ir` and `plan`, which was compiled from it directly: those that the pipeline gives.
pub(super) fn forms(ir: &Ir, plan: &Plan) -> Box<Forms> {
    let budget = Budget { machine: plan.machine, ..Budget::default() };
    let compiled = fully(ir, &Order::default(), &budget, &PlanOptions::default());
    debug_assert!(compiled.as_ref().is_ok_and(|compiled| *compiled.plan == **plan), "the pipeline gives the same plan");
    compiled.ok().and_then(|compiled| compiled.forms.into_inner()).unwrap_or_default()
}

/// The contraction of `node` as a product of `operands`, if it is one along plain axes.
fn product(node: &Node, operands: Arc<[TensorType]>) -> Option<Product> {
    let c = node.contraction().filter(|c| c.expr.is_none() && c.init.is_none())?;
    let factor = |access: &Access<NodeId>| {
        let (operand, axes) = (access.tensor.0, axis_numbers(&access.indices)?);
        Some(Factor { operand, conj: access.conj, axes })
    };
    let factors = c.factors.iter().map(factor).collect::<Option<_>>()?;
    let (axes, label, dtype, output) = (c.axes.clone(), node.label.clone(), node.dtype, axis_numbers(&c.output)?);
    Some(Product { operands, axes, factors, label, dtype, output, algebra: c.algebra })
}

/// The axes of index functions, if each is a plain axis or 0.
fn axis_numbers(indices: &[Index<NodeId>]) -> Option<AxisNumbers> {
    let number = |index: &Index<NodeId>| match index.as_axis() {
        Some(axis) => u8::try_from(axis).ok().filter(|&axis| axis != Product::NO_AXIS),
        None => (*index == Index::constant(0)).then_some(Product::NO_AXIS),
    };
    indices.iter().map(number).collect()
}

/// The axes of the step in the order in which `expand` emits them; `None` if `expand` emits more nodes than the product
/// and a permutation of its result, or if the product has no points.
fn axis_order(product: &Product) -> Option<AxisNumbers> {
    let Product { axes, factors, output, dtype, algebra, .. } = product;
    let holds_sums = algebra.accumulator(*dtype) == *dtype;
    if axes.len() > Product::MOST_AXES || !(1..=2).contains(&factors.len()) || axes.iter().any(|axis| axis.extent == 0)
    {
        return None;
    }
    // The tensors that have each axis: bits 0 and 1 are the factors, bit 2 is the result.
    let (mut holders, mut axis_order) = ([0u8; Product::MOST_AXES], AxisNumbers::new());
    // Adds a tensor to the holders of its axes. Returns whether these are distinct, apart from those of extent 1.
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
    if output.contains(&Product::NO_AXIS) {
        return None;
    }
    let all = 0..axes.len() as u8;
    let is_wide = |axis: u8| axes.get(axis as usize).is_some_and(|axis| axis.extent != 1);
    let [first, second] = &factors[..] else {
        let keeps_units = !holds_sums || output.len() == axes.len();
        all.filter(|&axis| keeps_units || is_wide(axis)).for_each(|axis| axis_order.push(axis));
        return Some(axis_order);
    };
    let ordered = holds_sums && algebra.laws(*dtype).distributive && distinct;
    // An axis of one tensor is summed or broadcast in a node of its own.
    if !ordered || all.into_iter().any(|axis| is_wide(axis) && holders[axis as usize].count_ones() < 2) {
        return None;
    }
    for (factor, held) in [(first, 0b111), (first, 0b101), (second, 0b110), (first, 0b011)] {
        for &axis in &factor.axes {
            if is_wide(axis) && holders[axis as usize] == held {
                axis_order.push(axis);
            }
        }
    }
    Some(axis_order)
}

#[cfg(test)]
mod tests;
