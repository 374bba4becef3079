//! The cost of a module.

use std::collections::BTreeMap;
use std::ops::Range;

use einfold_ir::{Axis, Cost, Count, Ir, NodeId};
use einfold_order::FoundOrder;

use crate::expand::Expansion;

/// The chosen orders of the contractions of a module.
pub(crate) type Orders = BTreeMap<NodeId, FoundOrder>;

/// The cost of all contractions: flops and writes add up, size and peak are the largest of any. A contraction in a
/// looped region counts once for each iteration.
pub(crate) fn total_cost(ir: &Ir, orders: &Orders) -> Cost {
    let mut total = Cost::default();
    for (id, c) in ir.contractions() {
        let cost = match orders.get(&id) {
            Some(ordered) => ordered.cost,
            // A contraction in one step has no flops if it multiplies nothing.
            None if c.factors.len() < 2 => continue,
            None => {
                let size = Count::elements(&ir.node(id).shape);
                Cost { flops: points(&c.axes), size, write: size, peak: size }
            }
        };
        let runs = points(ir.loops(ir.node(id).region));
        total.flops += cost.flops * runs;
        total.write += cost.write * runs;
        total.size = total.size.max(cost.size);
        total.peak = total.peak.max(cost.peak);
    }
    total
}

/// The cost of a contraction with index tensors: that of its expanded nodes, each alive until the last of them that
/// reads it. Copies that only gather or scatter count, since the order decides them.
pub(crate) fn expansion_cost(ir: &Ir, expansion: &Expansion) -> Cost {
    let elements = |id: NodeId| ir.node(id).shape.iter().fold(1u128, |n, &extent| n.saturating_mul(extent as u128));
    let mut cost = Cost::default();
    for (id, others) in sizes_beside(ir, expansion.nodes.clone(), elements, |_| false) {
        let size = Count::from(elements(id));
        cost.flops += node_flops(ir, id);
        cost.write += size;
        cost.size = cost.size.max(size);
        cost.peak = cost.peak.max(Count::from(others.saturating_add(elements(id))));
    }
    cost
}

/// For each of some nodes, the size of the others that are in memory while it is computed. `size` is that of a node;
/// nodes that are `held` are in memory all the time, the others from their computation to their last use.
pub(crate) fn sizes_beside(
    ir: &Ir,
    nodes: Range<u32>,
    size: impl Fn(NodeId) -> u128,
    held: impl Fn(NodeId) -> bool,
) -> Vec<(NodeId, u128)> {
    let ids = || nodes.clone().map(NodeId);
    let place = |id: NodeId| id.0.checked_sub(nodes.start).map(|k| k as usize);
    let mut last: Vec<usize> = (0..nodes.len()).collect();
    for (at, id) in ids().enumerate() {
        if let Some(c) = ir.node(id).contraction() {
            c.for_each_needed(&mut |read| place(read).into_iter().for_each(|read| last[read] = at));
        }
    }
    let mut ended = vec![0u128; nodes.len()];
    for (id, &last) in ids().zip(&last).filter(|(id, _)| !held(*id)) {
        ended[last] = ended[last].saturating_add(size(id));
    }
    let mut alive = ids().filter(|&id| held(id)).map(&size).fold(0, u128::saturating_add);
    let step = |(id, ended): (NodeId, u128)| {
        let others = if held(id) { alive.saturating_sub(size(id)) } else { alive };
        let with = if held(id) { alive } else { alive.saturating_add(size(id)) };
        alive = with.saturating_sub(ended);
        (id, others)
    };
    ids().zip(ended).map(step).collect()
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
