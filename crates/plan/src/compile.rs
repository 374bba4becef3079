//! The whole way from an expression to a plan.

use std::collections::HashMap;

use einfold_ir::{Axis, Contraction, Cost, Count, Def, Ir, NodeId, Plan};
use einfold_order::{Budget, Order, Ordered, order, order_selected};

use crate::lift::Lifted;
use crate::network::network_of;
use crate::passes::{Pass, PassSet, optimize};
use crate::{Hints, Memory, PlanError, Rewrite, Treatment, apply, lower, memory, rewrite, treatment};

/// What may be chosen beside the order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct PlanOptions {
    /// The layouts that are expected of the caller's arrays.
    pub hints: Hints,
    /// Which passes run.
    pub passes: PassSet,
}

/// A plan and how it came about.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// The plan. The origins of its steps are nodes of `ir`.
    pub plan: Plan,
    /// The expression as it was rewritten before anything was ordered.
    pub rewritten: Ir,
    /// How often each rewriting that ran changed something.
    pub rewrites: Vec<(&'static Rewrite, usize)>,
    /// The expression with its orders written out: one node a step.
    pub ir: Ir,
    /// The orders that were chosen, by node of the rewritten expression.
    pub orders: Vec<(NodeId, Ordered)>,
    /// Those of contractions with ids for which one step is not cheapest, likewise. Their trees have the
    /// [selections](einfold_order::Selection) of the ids as further leaves, or the factors alone.
    pub through_ids: Vec<(NodeId, Ordered)>,
    /// What it costs, whatever the machine.
    pub cost: Cost,
    /// What memory it takes.
    pub memory: Memory,
    /// How often each pass that ran changed something.
    pub changes: Vec<(&'static Pass, usize)>,
}

/// Plans an expression: rewrites it, orders every contraction that may be factored, writes the orders back, lowers, runs the passes.
///
/// The memory limit of the budget counts what a run takes besides its operands: results, intermediates, and copies of what
/// does not fold into matrices.
///
/// # Errors
/// [`PlanError::Order`] as [`order`] has it; [`PlanError::OnePath`] for a path where several contractions have an order;
/// [`PlanError::TooLarge`] where the memory limit, or what can be addressed, is exceeded. The others are defects.
pub fn compile(ir: &Ir, how: &Order, budget: &Budget, options: &PlanOptions) -> Result<Compiled, PlanError> {
    let mut rewrites = Vec::new();
    let choice = choice(ir, how, options.passes)?;
    let rewritten = rewrite(ir, choice, &mut |rewrite, count, _| rewrites.push((rewrite, count)))?;
    let ir = &rewritten;
    let orders = order_all(ir, how, budget)?;
    let through_ids = order_through_ids(ir, how, budget)?;
    let mut routes = vec![None; ir.nodes().len()];
    orders.iter().chain(&through_ids).for_each(|(id, ordered)| routes[id.0 as usize] = Some(ordered.into()));
    let applied = apply(ir, &routes)?;
    let draft = lower(&applied, &options.hints)?;
    let mut changes = Vec::with_capacity(options.passes.iter().count());
    let plan = optimize(draft, options.passes, &mut |pass, count, _| changes.push((pass, count)))?;
    let memory = Memory::of(&plan);
    if let Some(limit) = budget.memory_bytes {
        memory::within(&plan, &memory, limit)?;
    }
    let cost = total_cost(ir, orders.iter().chain(&through_ids));
    Ok(Compiled { plan, rewritten, rewrites, ir: applied, orders, through_ids, cost, memory, changes })
}

/// The passes that run. An order that is not searched is for the contractions as they are written; so is a path, unless it is
/// one of the only contraction that is left when products are contracted together.
fn choice(ir: &Ir, how: &Order, passes: PassSet) -> Result<PassSet, PlanError> {
    let apart = passes.without("contract").unwrap_or(passes);
    match how {
        Order::Strategy(strategy) if strategy.sees_ids => Ok(passes),
        Order::Replay(_) => Ok(passes),
        Order::Strategy(_) => Ok(apart),
        Order::Linear(path) | Order::Ssa(path) => {
            let joint = rewrite(ir, passes, &mut |_, _, _| {})?;
            let mut factored =
                contractions(&joint).filter(|(id, c)| treatment(joint.node(*id), c) == Treatment::Factored);
            let only = factored.next().filter(|_| factored.next().is_none());
            // Every tensor but the last is used once.
            let used: usize = path.iter().map(Vec::len).sum();
            let fits = only.is_some_and(|(_, c)| c.factors.len() + path.len() == used + 1);
            Ok(if fits { passes } else { apart })
        }
    }
}

fn contractions(ir: &Ir) -> impl Iterator<Item = (NodeId, &Contraction)> {
    ir.ids().filter_map(|id| match &ir.node(id).def {
        Def::Contract(c) => Some((id, c)),
        _ => None,
    })
}

/// Orders every contraction that is factored.
fn order_all(ir: &Ir, how: &Order, budget: &Budget) -> Result<Vec<(NodeId, Ordered)>, PlanError> {
    let factored = |(id, c): &(NodeId, &Contraction)| treatment(ir.node(*id), c) == Treatment::Factored;
    let mut all: Vec<(NodeId, &Contraction)> = contractions(ir).filter(factored).collect();
    if !matches!(how, Order::Strategy(_)) {
        if all.len() > 1 {
            return Err(PlanError::OnePath { contractions: all.len() });
        }
        // A path for what is done in one step decides nothing, but it has to be one.
        if let ([], Some((_, c))) = (&all[..], contractions(ir).next().filter(|(_, c)| !c.factors.is_empty())) {
            order(&network_of(c), how, budget)?;
        }
    }
    all.drain(..).map(|(id, c)| Ok((id, order(&network_of(c), how, budget)?))).collect()
}

/// Orders every contraction with ids for which that is cheaper than one step. A path is for contractions without ids; then
/// these are ordered as by default.
fn order_through_ids(ir: &Ir, how: &Order, budget: &Budget) -> Result<Vec<(NodeId, Ordered)>, PlanError> {
    let default = Order::default();
    let how = match how {
        Order::Strategy(strategy) if !strategy.sees_ids => return Ok(Vec::new()),
        Order::Strategy(_) => how,
        _ => &default,
    };
    let mut all = Vec::new();
    for (id, c) in contractions(ir).filter(|(id, c)| treatment(ir.node(*id), c) == Treatment::ThroughIds) {
        let Some(lifted) = Lifted::of(ir, ir.node(id), c) else { continue };
        let ordered = if lifted.selected.is_small() {
            order_selected(&lifted.selected, how)
        } else {
            // Each tensor is read through its ids wherever it is used, and the last step writes through those of the result.
            Some(order(&network_of(c), how, budget)?).filter(|ordered| ordered.cost.flops < points(&c.axes))
        };
        all.extend(ordered.map(|ordered| (id, ordered)));
    }
    Ok(all)
}

/// The costs of all contractions: flops and writes add up, of size and peak it is the largest. One in a looped region
/// counts as often as it runs.
fn total_cost<'o>(ir: &Ir, orders: impl Iterator<Item = &'o (NodeId, Ordered)>) -> Cost {
    let mut total = Cost::default();
    let orders: HashMap<NodeId, &Ordered> = orders.map(|(id, ordered)| (*id, ordered)).collect();
    for (id, c) in contractions(ir) {
        let cost = orders.get(&id).map_or_else(|| flat_cost(ir, id, c), |ordered| ordered.cost);
        let runs = points(ir.loops(ir.node(id).region));
        total.flops += cost.flops * runs;
        total.write += cost.write * runs;
        total.size = total.size.max(cost.size);
        total.peak = total.peak.max(cost.peak);
    }
    total
}

/// The cost of a contraction in one step; nothing where it multiplies nothing.
fn flat_cost(ir: &Ir, id: NodeId, c: &Contraction) -> Cost {
    if c.factors.len() < 2 {
        return Cost::default();
    }
    let size = Count::product(ir.node(id).shape.iter().map(|&e| e as u64));
    Cost { flops: points(&c.axes), size, write: size, peak: size }
}

/// What the contractions would cost as they are written, each in one loop nest.
pub(crate) fn naive_flops(ir: &Ir) -> Count {
    let multiplies = contractions(ir).filter(|(_, c)| c.factors.len() > 1);
    multiplies.map(|(id, c)| points(&c.axes) * points(ir.loops(ir.node(id).region))).sum()
}

/// How many points a space has.
pub(crate) fn points(axes: &[Axis]) -> Count {
    Count::product(axes.iter().map(|a| a.extent as u64))
}

#[cfg(test)]
mod tests;
