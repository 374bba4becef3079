//! The cost of a module.

use std::collections::HashMap;

use einfold_ir::{Axis, Contraction, Cost, Count, Ir, NodeId};
use einfold_order::FoundOrder;

use crate::expand::Expansion;

/// The cost of all contractions: flops and writes add up, size and peak are the largest of any. A contraction in a
/// looped region counts once for each iteration.
pub(crate) fn total_cost<'o>(ir: &Ir, orders: impl Iterator<Item = &'o (NodeId, FoundOrder)>) -> Cost {
    let mut total = Cost::default();
    let orders: HashMap<NodeId, &FoundOrder> = orders.map(|(id, ordered)| (*id, ordered)).collect();
    for (id, c) in ir.contractions() {
        let cost = orders.get(&id).map_or_else(|| flat_cost(ir, id, c), |ordered| ordered.cost);
        let runs = points(ir.loops(ir.node(id).region));
        total.flops += cost.flops * runs;
        total.write += cost.write * runs;
        total.size = total.size.max(cost.size);
        total.peak = total.peak.max(cost.peak);
    }
    total
}

/// The cost of a contraction in one step; zero flops if it multiplies nothing.
fn flat_cost(ir: &Ir, id: NodeId, c: &Contraction) -> Cost {
    if c.factors.len() < 2 {
        return Cost::default();
    }
    let size = Count::elements(&ir.node(id).shape);
    Cost { flops: points(&c.axes), size, write: size, peak: size }
}

/// The cost of a contraction with index tensors: that of its expanded nodes, each alive until the last of them that
/// reads it. Copies that only gather or scatter count, since the order decides them.
pub(crate) fn expansion_cost(ir: &Ir, made: &Expansion) -> Cost {
    let nodes = || made.nodes.clone().map(NodeId);
    let own = |id: NodeId| id.0.checked_sub(made.nodes.start).map(|k| k as usize);
    let mut last: Vec<NodeId> = nodes().collect();
    for id in nodes() {
        if let Some(c) = ir.node(id).contraction() {
            let accesses = c.factors.iter().flat_map(|factor| own(factor.tensor));
            accesses.for_each(|read| last[read] = id);
        }
    }
    let elements = |id: NodeId| ir.node(id).shape.iter().fold(1u128, |n, &extent| n.saturating_mul(extent as u128));
    let mut ends = vec![0u128; last.len()];
    for (id, reader) in nodes().zip(&last).filter(|(id, reader)| id != *reader) {
        let end = &mut ends[(reader.0 - made.nodes.start) as usize];
        *end = end.saturating_add(elements(id));
    }
    let (mut cost, mut alive) = (Cost::default(), 0u128);
    for (id, end) in nodes().zip(ends) {
        let size = Count::from(elements(id));
        alive = alive.saturating_add(elements(id));
        cost.flops += node_flops(ir, id);
        cost.write += size;
        cost.size = cost.size.max(size);
        cost.peak = cost.peak.max(Count::from(alive));
        alive = alive.saturating_sub(end);
    }
    cost
}

/// The flops of a node, counted as by [`Step::flops`](einfold_ir::Step::flops).
pub(crate) fn node_flops(ir: &Ir, id: NodeId) -> Count {
    let multiplies = ir.node(id).contraction().filter(|c| c.factors.len() > 1);
    multiplies.map_or(Count::ZERO, |c| points(&c.axes))
}

/// The flops of the contractions as written, each in one loop nest.
pub(crate) fn naive_flops(ir: &Ir) -> Count {
    ir.contractions().map(|(id, _)| node_flops(ir, id) * points(ir.loops(ir.node(id).region))).sum()
}

/// The number of points of an iteration space.
pub(crate) fn points(axes: &[Axis]) -> Count {
    Count::product(axes.iter().map(|a| a.extent as u64))
}
