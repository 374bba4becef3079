//! Hoists constants: what depends on constant operands alone becomes a module of its own, whose results are operands of
//! the rest.

mod subtrees;

use std::collections::BTreeSet;

use einfold_ir::{Def, IdVec, Ir, Layout, Machine, NodeId, RegionId, Rewriter, Violation};
use einfold_order::FoundOrder;

use crate::lower::Hints;

pub(crate) use self::subtrees::hoist_subtrees;

/// A part of a module, and the orders of its contractions.
#[derive(Clone, Debug)]
pub(crate) struct ModulePart {
    pub(crate) ir: Ir,
    pub(crate) orders: Vec<(NodeId, FoundOrder)>,
    /// The operands of the whole that are its first inputs.
    pub(crate) operands: Vec<u32>,
    /// The layout hints of its operands and results.
    pub(crate) hints: Hints,
    /// The machine that it is planned for.
    pub(crate) machine: Machine,
}

impl ModulePart {
    /// The layout hints of its operands, selected from those of the whole.
    pub(crate) fn layouts(&self, whole: &[Layout]) -> Vec<Layout> {
        let of = |&operand: &u32| whole.get(operand as usize).cloned().unwrap_or(Layout::RowMajor);
        self.operands.iter().map(of).collect()
    }
}

/// Marks the nodes that depend on constant operands alone and can be computed before all others.
pub(crate) fn constant_nodes(ir: &Ir, operands: &[u32]) -> IdVec<NodeId, bool> {
    let mut constant = IdVec::with_capacity(ir.nodes().len());
    let operands: BTreeSet<u32> = operands.iter().copied().collect();
    for node in ir.nodes() {
        let mut all = node.region == RegionId::TOP;
        match &node.def {
            Def::Input { slot } => all = operands.contains(slot),
            Def::Contraction(c) => c.for_each_needed(&mut |id| all &= constant[id]),
            Def::Identity(_) => {}
        }
        constant.push(all);
    }
    // A node that another accumulates into belongs to the part of that node.
    for id in ir.ids().rev() {
        if let (false, Some(init)) = (constant[id], ir.node(id).contraction().and_then(|c| c.init)) {
            constant[init] = false;
        }
    }
    constant
}

/// Splits the module into the part that depends on constant operands alone and the rest, whose last inputs are the
/// results of the first.
pub(crate) fn split_constants(
    ir: &Ir,
    orders: &[(NodeId, FoundOrder)],
    operands: &[u32],
) -> Result<(ModulePart, ModulePart), Violation> {
    let constant = constant_nodes(ir, operands);
    let mut border = ir.per_node(false);
    let mut read = |id: NodeId| border[id] |= constant[id];
    for (node, _) in ir.nodes().iter().zip(&constant).filter(|(_, constant)| !**constant) {
        if let Some(c) = node.contraction() {
            c.for_each_needed(&mut read);
        }
    }
    ir.outputs().iter().for_each(|&id| read(id));
    let border: Vec<NodeId> = ir.ids().filter(|&id| border[id]).collect();
    let before = module_part(ir, orders, &|id| constant[id], &[], &border)?;
    let rest = module_part(ir, orders, &|id| !constant[id], &border, ir.outputs())?;
    Ok((before, rest))
}

/// The module of the nodes that are `inside`, with other nodes as further inputs.
fn module_part(
    ir: &Ir,
    orders: &[(NodeId, FoundOrder)],
    inside: &dyn Fn(NodeId) -> bool,
    inputs: &[NodeId],
    outputs: &[NodeId],
) -> Result<ModulePart, Violation> {
    let mut part = ModulePart {
        ir: Ir::new(),
        orders: Vec::new(),
        operands: Vec::new(),
        hints: Hints::default(),
        machine: Machine::default(),
    };
    let mut rewriter = Rewriter::new(ir);
    let own = ir.inputs().iter().enumerate().filter(|(_, id)| inside(**id));
    part.operands.extend(own.clone().map(|(slot, _)| slot as u32));
    own.map(|(_, id)| id).chain(inputs).for_each(|&id| _ = rewriter.input(id));
    let mut ordered = orders.iter().peekable();
    for (id, node) in ir.nodes().entries() {
        let order = ordered.next_if(|(at, _)| *at == id);
        if inside(id) && !matches!(node.def, Def::Input { .. }) {
            let new = rewriter.keep(id);
            part.orders.extend(order.map(|(_, order)| (new, order.clone())));
        }
    }
    part.ir = rewriter.finish_with(outputs)?;
    Ok(part)
}
