//! The direct way to a plan, for a module that computes one product of at most two operands: the stages before the
//! passes have no choice then, and what they would give is written down at once.

use std::sync::OnceLock;

use einfold_ir::{
    Access, Axis, Buffer, BufferId, Contraction, Cost, Count, Def, Draft, Form, Index, Ir, Layout, Machine, Nest, Node,
    NodeId, Plan, Region, Shape, Step, Storage, WriteMode, few,
};
use einfold_order::{Budget, Order};
use smallvec::SmallVec;

use super::{Compiled, Forms, PlanOptions, fully};
use crate::evaluation::{Evaluation, FlatReason, evaluation};
use crate::memory::{Memory, check_addressable};
use crate::network::are_distinct_axes;
use crate::passes::finish_steps;
use crate::roles::AxisList;

/// Compiles a module as the whole pipeline does, or returns `None` if it has to. Errors are left to the pipeline.
pub(super) fn compile(ir: &Ir, how: &Order, budget: &Budget, options: &PlanOptions) -> Option<Compiled> {
    let limited = budget.memory_bytes.is_some() || budget.largest.is_some();
    if limited || *how != Order::default() || *options != PlanOptions::default() {
        return None;
    }
    let product = Product::of(ir)?;
    let cost = product.cost();
    let mut draft = product.lower(&budget.machine);
    check_addressable(&draft).ok()?;
    finish_steps(&mut draft);
    let plan = Plan::seal(draft).ok()?;
    let (operands, memory) = (few(0..ir.inputs().len() as u32), Memory::of(&plan));
    let (passes, forms) = (options.passes, OnceLock::new());
    Some(Compiled { plan, operands, constant_plan: None, cost, memory, passes, forms })
}

/// The forms that lead to a plan that was made directly from `ir`: those of the whole pipeline.
pub(super) fn forms(ir: &Ir, plan: &Plan) -> Box<Forms> {
    let budget = Budget { machine: plan.machine, ..Budget::default() };
    let compiled = fully(ir, &Order::default(), &budget, &PlanOptions::default());
    debug_assert!(compiled.as_ref().is_ok_and(|compiled| *compiled.plan == **plan), "both ways lead to one plan");
    compiled.ok().and_then(|compiled| compiled.forms.into_inner()).unwrap_or_default()
}

/// A set of axes, one bit for each.
type Axes = u64;

/// The only contraction of a module, which is its result and reads nothing but operands.
struct Product<'a> {
    ir: &'a Ir,
    node: &'a Node,
    c: &'a Contraction,
    /// The axes of the step, in order.
    space: AxisList,
}

impl<'a> Product<'a> {
    fn of(ir: &'a Ir) -> Option<Product<'a>> {
        let (node, inputs) = ir.nodes().split_last()?;
        let c = node.contraction()?;
        let alone = inputs.iter().all(|input| matches!(input.def, Def::Input { .. }));
        let result = ir.outputs() == [NodeId(inputs.len() as u32)] && ir.regions() == 1;
        if !alone || !result || c.axes.len() > Axes::BITS as usize {
            return None;
        }
        let space = space(node, c)?;
        Some(Product { ir, node, c, space })
    }

    /// A sum or a copy multiplies nothing, and so has no cost.
    fn cost(&self) -> Cost {
        if self.c.factors.len() < 2 {
            return Cost::default();
        }
        let flops = Count::product(self.c.axes.iter().map(|axis| axis.extent as u64));
        let size = Count::elements(&self.node.shape);
        Cost { flops, size, write: size, peak: size }
    }

    /// The draft of one step, before the passes.
    fn lower(&self, machine: &Machine) -> Draft {
        let Product { ir, c, space, .. } = self;
        let result = BufferId(ir.inputs().len() as u32);
        let buffer = |node: &Node, storage| {
            let Node { label, dtype, shape, .. } = node;
            Buffer {
                label: label.clone(),
                dtype: *dtype,
                extents: Shape::from_slice(shape),
                storage,
                layout: Layout::RowMajor,
            }
        };
        let storage = |k: u32| if k == result.0 { Storage::Output(0) } else { Storage::Input(k) };
        let mut local: SmallVec<[Option<u32>; 8]> = SmallVec::from_elem(None, c.axes.len());
        (0..).zip(space).for_each(|(at, &axis)| local[axis as usize] = Some(at));
        let index = |index: &Index<NodeId>| {
            let axis = index.as_axis().and_then(|axis| local[axis as usize]);
            axis.map_or(Index::constant(0), Index::axis)
        };
        let read = |factor: &Access<NodeId>| Access {
            tensor: BufferId(factor.tensor.0),
            indices: few(factor.indices.iter().map(index)),
            conj: factor.conj,
        };
        let step = Step {
            origin: NodeId(result.0),
            axes: space.iter().map(|&axis| c.axes[axis as usize].clone()).collect(),
            reads: c.factors.iter().map(read).collect(),
            write: Access::new(result, c.output.iter().map(index)),
            mode: WriteMode::Overwrite,
            algebra: c.algebra,
            form: Form::Nest(Nest::default()),
        };
        Draft {
            buffers: (0..).zip(ir.nodes().iter()).map(|(k, node)| buffer(node, storage(k))).collect(),
            regions: vec![Region { loops: Vec::new(), steps: vec![step], partitions: None }],
            inputs: few((0..result.0).map(BufferId)),
            outputs: [result].into_iter().collect(),
            scratch: 0,
            machine: *machine,
        }
    }
}

/// The axes of the step in the order in which expansion writes them; `None` if it writes more than one node.
fn space(node: &Node, c: &Contraction) -> Option<AxisList> {
    let (all, out) = (0..c.axes.len() as u32, wide_axes(&c.output, &c.axes)?);
    match (&c.factors[..], evaluation(node, c)) {
        ([a], Evaluation::Flat(FlatReason::FewFactors)) => {
            wide_axes(&a.indices, &c.axes)?;
            let keeps_units = c.is_map() || c.algebra.accumulator(node.dtype) != node.dtype;
            Some(all.filter(|axis| keeps_units || c.axes[*axis as usize].extent != 1).collect())
        }
        ([a, b], Evaluation::Factored) => {
            let [lhs, rhs] = [wide_axes(&a.indices, &c.axes)?, wide_axes(&b.indices, &c.axes)?];
            let used = all.filter(|axis| c.axes[*axis as usize].extent != 1).fold(0, |set: Axes, axis| set | 1 << axis);
            let apart = [&lhs, &rhs, &out].iter().all(|axes| axes.distinct);
            let [lhs, rhs, out] = [lhs.set, rhs.set, out.set];
            // A sum over an axis of one factor and a broadcast are nodes of their own.
            let alone = lhs & !rhs & !out | rhs & !lhs & !out | out & !lhs & !rhs | used & !lhs & !rhs;
            if !apart || alone != 0 || !are_distinct_axes(&c.output) {
                return None;
            }
            let mut space = AxisList::new();
            let listed = |indices: &[Index<NodeId>], set: Axes, space: &mut AxisList| {
                let axes = indices.iter().filter_map(Index::as_axis).filter(|axis| set >> axis & 1 == 1);
                axes.for_each(|axis| space.push(axis));
            };
            listed(&a.indices, lhs & rhs & out, &mut space);
            listed(&a.indices, lhs & !rhs, &mut space);
            listed(&b.indices, rhs & !lhs, &mut space);
            // So is a permutation of the result.
            let written = c.output.iter().filter_map(Index::as_axis).filter(|axis| out >> axis & 1 == 1);
            if !written.eq(space.iter().copied()) {
                return None;
            }
            listed(&a.indices, lhs & rhs & !out, &mut space);
            Some(space)
        }
        _ => None,
    }
}

/// The axes of a tensor whose extent is not 1.
struct WideAxes {
    set: Axes,
    /// Whether each occurs once.
    distinct: bool,
}

/// The wide axes among indices that all are plain axes or position 0; `None` for others.
fn wide_axes(indices: &[Index<NodeId>], axes: &[Axis]) -> Option<WideAxes> {
    let mut wide = WideAxes { set: 0, distinct: true };
    for index in indices {
        match index.as_axis() {
            Some(axis) if axes[axis as usize].extent != 1 => {
                wide.distinct &= wide.set >> axis & 1 == 0;
                wide.set |= 1 << axis;
            }
            Some(_) => {}
            None if index.is_constant() && index.offset() == 0 => {}
            None => return None,
        }
    }
    Some(wide)
}

#[cfg(test)]
mod tests;
