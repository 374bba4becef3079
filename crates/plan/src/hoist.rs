//! Hoists constants: what depends on constant operands alone becomes a module of its own, whose results are operands of
//! the rest.

mod subtrees;

use std::collections::BTreeSet;
use std::sync::Arc;

use einfold_ir::{Def, IdVec, Ir, Layout, Machine, NodeId, RegionId, Rewriter, Violation};

use self::subtrees::hoist_subtrees;
use crate::cost::Orders;
use crate::error::PlanError;
use crate::lower::Hints;

/// A module with the orders of its contractions: a whole one, or a part of one.
#[derive(Clone, Debug)]
pub(crate) struct ModulePart {
    pub(crate) ir: Arc<Ir>,
    pub(crate) orders: Orders,
    /// The operands of the whole that are its first inputs.
    pub(crate) operands: Vec<u32>,
    /// The layout hints of its operands and results.
    pub(crate) hints: Hints,
    /// The machine that it is planned for.
    pub(crate) machine: Machine,
    /// The part that depends on constant operands alone, whose results are the last inputs.
    pub(crate) constant: Option<Box<ModulePart>>,
}

/// Marks the nodes that depend on constant operands alone and can be computed before all others. Without constant
/// operands there are none.
pub(crate) fn constant_nodes(ir: &Ir, operands: &[u32]) -> IdVec<NodeId, bool> {
    if operands.is_empty() {
        return ir.per_node(false);
    }
    let mut constant = IdVec::with_capacity(ir.nodes().len());
    let operands: BTreeSet<u32> = operands.iter().copied().collect();
    for node in ir.nodes().iter() {
        let mut all = node.region == RegionId::TOP;
        match &node.def {
            Def::Input { slot } => all = operands.contains(slot),
            Def::Contraction(c) => c.for_each_needed(&mut |id| all &= constant[id]),
            Def::Identity(_) => {}
        }
        constant.push(all);
    }
    // A node that another accumulates into belongs to the part of that node, and so do the nodes that read it.
    loop {
        for id in ir.ids().rev() {
            if let (false, Some(init)) = (constant[id], ir.node(id).contraction().and_then(|c| c.init)) {
                constant[init] = false;
            }
        }
        let mut changed = false;
        for (id, c) in ir.contractions() {
            let before = constant[id];
            c.for_each_needed(&mut |read| constant[id] &= constant[read]);
            changed |= constant[id] != before;
        }
        if !changed {
            return constant;
        }
    }
}

impl ModulePart {
    /// A whole module.
    pub(crate) fn whole(ir: Arc<Ir>, orders: Orders, hints: Hints, machine: Machine) -> ModulePart {
        let operands = (0..ir.inputs().len() as u32).collect();
        ModulePart { ir, orders, operands, hints, machine, constant: None }
    }

    /// Moves what depends on constant operands alone to a part of its own. `constant` marks its nodes before.
    pub(crate) fn hoist(mut self, constants: &[u32], constant: &IdVec<NodeId, bool>) -> Result<ModulePart, PlanError> {
        (self.ir, self.orders) = hoist_subtrees(&self.ir, &self.orders, constant)?;
        let (ir, constant) = (&self.ir, constant_nodes(&self.ir, constants));
        let mut border = ir.per_node(false);
        let mut read = |id: NodeId| border[id] |= constant[id];
        for (node, _) in ir.nodes().iter().zip(constant.iter()).filter(|(_, constant)| !**constant) {
            if let Some(c) = node.contraction() {
                c.for_each_needed(&mut read);
            }
        }
        ir.outputs().iter().for_each(|&id| read(id));
        let border: Vec<NodeId> = ir.ids().filter(|&id| border[id]).collect();
        let before = self.part(&|id| constant[id], &[], &border)?;
        let mut rest = self.part(&|id| !constant[id], &border, ir.outputs())?;
        rest.hints.outputs = self.hints.outputs;
        Ok(ModulePart { constant: Some(Box::new(before)), ..rest })
    }

    /// The part of the nodes that are `inside`, with other nodes as further inputs.
    fn part(
        &self,
        inside: &dyn Fn(NodeId) -> bool,
        inputs: &[NodeId],
        outputs: &[NodeId],
    ) -> Result<ModulePart, Violation> {
        let mut rewriter = Rewriter::new(&self.ir);
        let own = self.ir.inputs().iter().enumerate().filter(|(_, id)| inside(**id));
        let operands: Vec<u32> = own.clone().map(|(slot, _)| slot as u32).collect();
        own.map(|(_, id)| id).chain(inputs).for_each(|&id| _ = rewriter.input(id));
        let mut orders = Orders::new();
        for (id, node) in self.ir.nodes().entries() {
            if inside(id) && !matches!(node.def, Def::Input { .. }) {
                let new = rewriter.keep(id);
                orders.extend(self.orders.get(&id).map(|order| (new, order.clone())));
            }
        }
        let layout = |&k: &u32| self.hints.inputs.get(k as usize).cloned().unwrap_or(Layout::RowMajor);
        let hints = Hints { inputs: operands.iter().map(layout).collect(), outputs: Vec::new() };
        let (ir, machine) = (rewriter.finish_with(outputs)?.into(), self.machine);
        Ok(ModulePart { ir, orders, operands, hints, machine, constant: None })
    }
}
