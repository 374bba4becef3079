//! What an expression costs.

use std::collections::HashMap;

use einfold_ir::{Axis, Contraction, Cost, Count, Ir, NodeId};
use einfold_order::Ordered;

use super::contractions;

/// The costs of all contractions: flops and writes add up, of size and peak it is the largest. One in a looped region
/// counts as often as it runs.
pub(super) fn total_cost<'o>(ir: &Ir, orders: impl Iterator<Item = &'o (NodeId, Ordered)>) -> Cost {
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
