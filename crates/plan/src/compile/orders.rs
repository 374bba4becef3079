//! The order of each contraction.

use einfold_ir::{Access, Contraction, Cost, Count, Def, IdVec, Ir, NodeId, RegionId};
use einfold_order::{Budget, FoundOrder, Order, OrderError, STRATEGIES, Task, order, order_with_selections};

use super::saved::{self, Choice, choices, only};
use super::{Search, contractions, points};
use crate::error::Excess;
use crate::network::network_of;
use crate::{PassSet, PlanError, Treatment, rewrite, treatment};

/// The passes that run. An order that is not searched is for the contractions as they are written; so is a path, unless it is
/// one of the only contraction that is left when products are contracted together.
pub(super) fn choice(ir: &Ir, how: &Order, passes: PassSet) -> Result<PassSet, PlanError> {
    let apart = passes.without("contract").unwrap_or(passes);
    match how {
        Order::Strategy(strategy) if strategy.searches_selections => Ok(passes),
        Order::Replay(_) => Ok(passes),
        Order::Strategy(_) => Ok(apart),
        Order::Linear(_) | Order::Ssa(_) => {
            let joint = rewrite(ir, passes, &mut |_, _, _| {})?;
            let fits = only(&choices(&joint)).is_some_and(|only| how.tensors().is_some_and(|n| only.takes(n)));
            Ok(if fits { passes } else { apart })
        }
        Order::Saved(saved) => {
            let joint = rewrite(ir, passes, &mut |_, _, _| {})?;
            let Err(error) = saved::check(&joint, saved) else { return Ok(passes) };
            let written = rewrite(ir, apart, &mut |_, _, _| {})?;
            match saved::check(&written, saved) {
                Ok(()) => Ok(apart),
                Err(other) if choices(&written).len() == saved.contractions.len() => Err(other),
                Err(_) => Err(error),
            }
        }
    }
}

/// Orders every contraction that is factored. The memory limit is shared with what else is in memory then.
/// `constant` tells which nodes are made of constant operands alone.
pub(super) fn all(
    ir: &Ir,
    constant: &IdVec<NodeId, bool>,
    how: &Order,
    budget: &Budget,
    search: &Search<'_>,
) -> Result<Vec<(NodeId, FoundOrder)>, PlanError> {
    let factored = |(id, c): &(NodeId, &Contraction)| treatment(ir.node(*id), c) == Treatment::Factored;
    let mut all: Vec<(NodeId, &Contraction)> = contractions(ir).filter(factored).collect();
    if !matches!(how, Order::Strategy(_)) {
        if all.len() > 1 {
            return Err(PlanError::OnePath { contractions: all.len() });
        }
        // A path for what is done in one step decides nothing, but it has to be one.
        let first = contractions(ir).next().filter(|(_, c)| !c.factors.is_empty());
        if let (true, Some((id, c))) = (choices(ir).is_empty(), first) {
            order(&network_of(c, &ir.node(id).shape), how, budget)?;
        }
    }
    let beside = beside(ir);
    let ordered = |(id, c): (NodeId, &Contraction)| {
        let network = network_of(c, &ir.node(id).shape);
        let element_bytes = ir.node(id).dtype.size() as u64;
        let left = |limit: u64| limit.saturating_sub(beside[id]).max(1);
        // Loops are not nested.
        let limit = budget.memory_bytes.filter(|_| ir.node(id).region == RegionId::TOP).map(left);
        let constants = constant_factors(c, constant);
        let task = Task { element_bytes, constants: &constants, ..Task::new(&network) };
        let found = search(&task, how, &Budget { memory_bytes: limit, ..*budget });
        let too_large = |peak: Count, limit| {
            let bytes = peak * Count::from(element_bytes) + Count::from(beside[id]);
            Excess::of_search(ir, (id, c), bytes, Count::from(limit), matches!(how, Order::Strategy(_)))
        };
        match (found, budget.memory_bytes) {
            (Err(OrderError::TooLarge { peak, .. }), Some(limit)) => {
                Err(PlanError::TooLarge(Box::new(too_large(peak, limit))))
            }
            (found, _) => Ok((id, found?)),
        }
    };
    all.drain(..).map(ordered).collect()
}

/// The factors that are made of constant operands alone.
pub(super) fn constant_factors(c: &Contraction, constant: &IdVec<NodeId, bool>) -> Vec<u32> {
    let is_constant = |(_, f): &(u32, &Access<NodeId>)| constant[f.tensor];
    (0..).zip(&c.factors).filter(is_constant).map(|(k, _)| k).collect()
}

/// For each node the bytes of all others that are in memory while it is computed, operands not counted: results, which have
/// their memory from the start, and what is still to be read.
fn beside(ir: &Ir) -> IdVec<NodeId, u64> {
    let bytes = |id: NodeId| {
        let node = ir.node(id);
        let size = node.shape.iter().fold(node.dtype.size() as u64, |n, &extent| n.saturating_mul(extent as u64));
        if matches!(node.def, Def::Input { .. }) { 0 } else { size }
    };
    let mut result = ir.per_node(false);
    ir.outputs().iter().for_each(|id| result[*id] = true);
    let mut alive: u64 = ir.outputs().iter().map(|&id| bytes(id)).fold(0, u64::saturating_add);
    let mut ends: IdVec<NodeId, Vec<NodeId>> = ir.per_node(Vec::new());
    let mut last: IdVec<NodeId, NodeId> = ir.ids().collect();
    for (id, c) in contractions(ir) {
        let accesses = c.factors.iter().map(|f| &f.tensor).chain(&c.onto);
        accesses.for_each(|read| last[*read] = id);
    }
    ir.ids().for_each(|id| ends[last[id]].push(id));
    let step = |id: NodeId| {
        let (own, kept) = (bytes(id), result[id]);
        let before = if kept { alive.saturating_sub(own) } else { alive };
        alive = if kept { alive } else { alive.saturating_add(own) };
        let over = ends[id].iter().filter(|ended| !result[**ended]);
        alive = over.fold(alive, |alive, &ended| alive.saturating_sub(bytes(ended)));
        before
    };
    ir.ids().map(step).collect()
}

/// Orders every contraction with ids, whole, for which that is cheaper than one step. A path is for the contraction without ids, if
/// there is one; then these are ordered as by default. What they cost is known when they are written out.
pub(super) fn through_ids(ir: &Ir, path: &Order, budget: &Budget) -> Result<Vec<(NodeId, FoundOrder)>, PlanError> {
    let budget = &Budget { memory_bytes: None, ..*budget };
    let strategy = match path {
        Order::Strategy(strategy) if !strategy.searches_selections => return Ok(Vec::new()),
        Order::Strategy(strategy) => strategy,
        _ => &STRATEGIES[0],
    };
    let how = &Order::Strategy(strategy);
    let mut all = Vec::new();
    let choices = choices(ir);
    if let (Some(tensors), Some(Choice { id, c, lifted: Some(lifted), .. })) = (path.tensors(), only(&choices)) {
        let tensors = if tensors == lifted.leaves() { tensors } else { c.factors.len() };
        let ordered = path.tree(tensors)?.map(|tree| saved::through(*id, c, lifted, &tree)).transpose()?;
        return Ok(ordered.flatten().map(|ordered| (*id, ordered)).into_iter().collect());
    }
    for Choice { id, c, shape, lifted } in choices {
        let Some(lifted) = lifted else { continue };
        let ordered = if lifted.selected.is_small() {
            order_with_selections(&lifted.selected, how, &budget.machine).map(|tree| FoundOrder {
                tree,
                slices: Vec::new(),
                cost: Cost::default(),
                strategy: strategy.name,
                record: None,
            })
        } else {
            // Each tensor is read through its ids wherever it is used, and the last step writes through those of the result.
            Some(order(&network_of(c, shape), how, budget)?).filter(|ordered| ordered.cost.flops < points(&c.axes))
        };
        all.extend(ordered.map(|ordered| (id, ordered)));
    }
    Ok(all)
}
