//! Finds the order of each contraction.

use einfold_ir::{Count, Def, IdVec, Ir, NodeId, RegionId};
use einfold_order::{Budget, FoundOrder, Order, OrderError, STRATEGIES, order};

use super::Search;
use super::choices::{Choice, choices, first_with_factors, only};
use super::saved;
use crate::cost::{Orders, sizes_beside};
use crate::error::{MemoryExcess, PlanError};
use crate::network::network_of;
use crate::pipeline::{PassSet, run_rewrites};

/// Rewrites the module. Products are merged for a strategy that orders gathers and scatters too; for other strategies
/// contractions stay as they are written. A path or saved order applies to the merged contractions if it fits them,
/// otherwise to the written ones. Returns the choice of stages too.
pub(super) fn rewritten(ir: &Ir, how: &Order, passes: PassSet) -> Result<(Ir, PassSet), PlanError> {
    let apart = passes.without("contract").unwrap_or(passes);
    let by = |choice: PassSet| Ok((run_rewrites(ir, choice, &mut |_, _, _| ())?, choice));
    match how {
        Order::Strategy(strategy) => by(if strategy.searches_selections { passes } else { apart }),
        Order::Replay(_) => by(passes),
        Order::Linear(_) | Order::Ssa(_) => {
            let joint = by(passes)?;
            let fits = only(&choices(&joint.0)).is_some_and(|only| how.tensors().is_some_and(|n| only.takes(n)));
            if fits || apart == passes { Ok(joint) } else { by(apart) }
        }
        Order::Saved(saved) => {
            let joint = by(passes)?;
            let Err(error) = saved::check(&joint.0, saved) else { return Ok(joint) };
            let written = by(apart)?;
            match saved::check(&written.0, saved) {
                Ok(()) => Ok(written),
                Err(other) if choices(&written.0).len() == saved.contractions.len() => Err(other),
                Err(_) => Err(error),
            }
        }
    }
}

/// Finds the orders of all contractions whose order can be chosen.
pub(super) struct Finder<'a> {
    pub(super) ir: &'a Ir,
    /// Marks the nodes that depend on constant operands alone.
    pub(super) constant: &'a IdVec<NodeId, bool>,
    pub(super) how: &'a Order,
    pub(super) search: &'a Search<'a>,
    /// The contractions whose order can be chosen.
    choices: Vec<Choice<'a>>,
    /// For each node, the bytes of all other tensors in memory while it is computed.
    other_bytes: IdVec<NodeId, u64>,
    /// The orders of contractions with index tensors, which do not depend on the limit; empty if each is computed in
    /// one step.
    selection_orders: Orders,
}

impl<'a> Finder<'a> {
    /// # Errors
    /// [`PlanError::OnePath`], and the errors of an invalid path.
    pub(super) fn new(
        ir: &'a Ir,
        constant: &'a IdVec<NodeId, bool>,
        (how, budget): (&'a Order, &Budget),
        search: &'a Search<'a>,
    ) -> Result<Finder<'a>, PlanError> {
        let choices = choices(ir);
        if !matches!(how, Order::Strategy(_)) {
            let contractions = choices.iter().filter(|choice| choice.form.is_none()).count();
            if contractions > 1 {
                return Err(PlanError::OnePath { contractions });
            }
            // A path for a contraction in one step has no effect, but it must be valid.
            if let (true, Some((id, c))) = (choices.is_empty(), first_with_factors(ir)) {
                order(&network_of(c, &ir.node(id).shape), how, budget)?;
            }
        }
        let selection_orders = selection_orders(&choices, how, budget)?;
        Ok(Finder { ir, constant, how, search, other_bytes: other_bytes(ir), choices, selection_orders })
    }

    /// Computes each contraction with index tensors in one step, which needs no intermediates. Returns whether that
    /// changes anything.
    pub(super) fn drop_selections(&mut self) -> bool {
        !std::mem::take(&mut self.selection_orders).is_empty()
    }

    /// Finds all orders. What else is in memory at the same time is subtracted from the memory limit.
    ///
    /// # Errors
    /// Those of the search; [`PlanError::TooLarge`] if the search cannot keep to the limit.
    pub(super) fn all(&self, budget: &Budget) -> Result<Orders, PlanError> {
        let mut orders = self.selection_orders.clone();
        for choice in self.choices.iter().filter(|choice| choice.form.is_none()) {
            orders.insert(choice.id, self.search(choice, budget)?);
        }
        Ok(orders)
    }

    /// Finds the order of a contraction without index tensors.
    fn search(&self, choice: &Choice<'_>, budget: &Budget) -> Result<FoundOrder, PlanError> {
        let Choice { id, node, c, .. } = *choice;
        let other_bytes = self.other_bytes[id];
        let network = network_of(c, &node.shape);
        // Loops are not nested, so a contraction inside a region cannot be sliced.
        let limit = budget.memory_bytes.filter(|_| node.region == RegionId::TOP);
        let limit = limit.map(|limit| limit.saturating_sub(other_bytes).max(1));
        let constants = choice.constant_factors(self.constant);
        let task = choice.task(&network, &constants);
        match ((self.search)(&task, self.how, &Budget { memory_bytes: limit, ..*budget }), budget.memory_bytes) {
            (Err(OrderError::TooLarge { peak, .. }), Some(limit)) => {
                let bytes = peak * Count::from(task.element_bytes) + Count::from(other_bytes);
                let searched = matches!(self.how, Order::Strategy(_));
                let excess = MemoryExcess::of_search(self.ir, (id, c), bytes, Count::from(limit), searched);
                Err(PlanError::TooLarge(Box::new(excess)))
            }
            (found, _) => Ok(found?),
        }
    }
}

/// Finds the order of every contraction with index tensors for which it is cheaper than one step. A path applies to the
/// contraction without index tensors, if there is one; then the contractions with index tensors get the default
/// strategy.
fn selection_orders(choices: &[Choice<'_>], how: &Order, budget: &Budget) -> Result<Orders, PlanError> {
    if let (Some(tensors), Some(choice)) = (how.tensors(), only(choices))
        && let Some(form) = &choice.form
    {
        let tensors = if tensors == form.leaves() { tensors } else { choice.c.factors.len() };
        let ordered = how.tree(tensors)?.map(|tree| choice.order_along(form, &tree)).transpose()?;
        return Ok(ordered.flatten().map(|ordered| (choice.id, ordered)).into_iter().collect());
    }
    let strategy = match how {
        Order::Strategy(strategy) if !strategy.searches_selections => return Ok(Orders::new()),
        Order::Strategy(strategy) => strategy,
        _ => &STRATEGIES[0],
    };
    let mut all = Orders::new();
    for choice in choices {
        all.extend(choice.selection_order(strategy, budget)?.map(|ordered| (choice.id, ordered)));
    }
    Ok(all)
}

/// For each node, the bytes of all other tensors in memory while it is computed, without operands: results, which are
/// allocated from the start, and nodes that are still to be read.
fn other_bytes(ir: &Ir) -> IdVec<NodeId, u64> {
    let bytes = |id: NodeId| {
        let node = ir.node(id);
        let size = node.shape.iter().fold(node.dtype.size() as u128, |n, &extent| n.saturating_mul(extent as u128));
        if matches!(node.def, Def::Input { .. }) { 0 } else { size }
    };
    let mut is_result = ir.per_node(false);
    ir.outputs().iter().for_each(|id| is_result[*id] = true);
    let all = sizes_beside(ir, 0..ir.nodes().len() as u32, bytes, |id| is_result[id]);
    all.into_iter().map(|(_, bytes)| u64::try_from(bytes).unwrap_or(u64::MAX)).collect()
}
