//! Nodes of the same definition are computed once.

use std::collections::HashMap;

use einfold_ir::{Axis, AxisRef, Contraction, Def, Dtype, IdVec, Ir, NodeId, Violation};

use super::module::{Module, mapped};

/// Replaces every node by the first with the same definition, up to the names and the order of the axes, and drops what no
/// result needs. Returns how many nodes went.
pub(crate) fn run(ir: &Ir) -> Result<(Ir, usize), Violation> {
    let mut module = Module::of(ir);
    let mut ids: IdVec<NodeId, NodeId> = IdVec::with_capacity(module.nodes.len());
    let mut known: HashMap<Key, Vec<(Contraction, NodeId)>> = HashMap::new();
    for (id, node) in ir.ids().zip(module.nodes.iter_mut()) {
        let Def::Contract(c) = &mut node.def else {
            ids.push(id);
            continue;
        };
        *c = mapped(c, &mut |id: &NodeId| ids[*id]);
        let canonical = canonical(c);
        let twins = known.entry((canonical.fingerprint(), node.shape.clone(), node.dtype)).or_default();
        let twin = twins.iter().find(|(other, _)| *other == canonical).map(|(_, twin)| *twin);
        if twin.is_none() {
            twins.push((canonical, id));
        }
        ids.push(twin.unwrap_or(id));
    }
    module.outputs.iter_mut().for_each(|id| *id = ids[*id]);
    module.finish()
}

/// What nodes of the same definition have in common at least: the fingerprint, the shape and the dtype.
type Key = (u64, Vec<usize>, Dtype);

/// The contraction with its axes in the order in which the output and the factors use them, without names. Axes that neither
/// uses come last, by extent.
fn canonical(c: &Contraction) -> Contraction {
    let mut order: Vec<u32> = Vec::with_capacity(c.axes.len());
    let mut place: Vec<Option<u32>> = vec![None; c.axes.len()];
    let mut meet = |axis: AxisRef| {
        if let AxisRef::Own(a) = axis
            && place[a as usize].is_none()
        {
            place[a as usize] = Some(order.len() as u32);
            order.push(a);
        }
    };
    c.output.iter().for_each(|index| index.for_each_axis(&mut meet));
    c.factors.iter().for_each(|factor| factor.for_each_axis(&mut meet));
    let mut unused: Vec<u32> = (0..c.axes.len() as u32).filter(|&a| place[a as usize].is_none()).collect();
    unused.sort_by_key(|&a| c.axes[a as usize].extent);
    for a in unused {
        place[a as usize] = Some(order.len() as u32);
        order.push(a);
    }
    let to = |axis: u32| place[axis as usize];
    let mut canonical = c.clone();
    canonical.axes = order.iter().map(|&a| Axis::new("", c.axes[a as usize].extent)).collect();
    canonical.factors.iter_mut().for_each(|factor| factor.renumber(&to));
    canonical.output.iter_mut().for_each(|index| index.renumber(&to));
    canonical
}
