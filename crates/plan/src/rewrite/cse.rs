//! Computes common subexpressions once.

use std::collections::HashMap;

use einfold_ir::{AxisRef, AxisSet, Contraction, Def, Dtype, Ir, Label, NodeId, Rewriter, Shape, Violation};

use super::Rewritten;
use crate::network::restrict;

/// Replaces every node by the first node with the same definition, up to the names and the order of the axes, and
/// removes nodes that no result needs. Returns the number of removed nodes.
pub(crate) fn run(ir: &Ir) -> Rewritten {
    let shared = if ir.contractions().nth(1).is_some() { share(ir)? } else { None };
    let rewritten = shared.as_ref().unwrap_or(ir).without_unused()?.or(shared);
    Ok(rewritten.map(|after| {
        let gone = ir.nodes().len() - after.nodes().len();
        (after, gone)
    }))
}

fn share(ir: &Ir) -> Result<Option<Ir>, Violation> {
    let mut rewriter = Rewriter::new(ir);
    let mut known: HashMap<Key, Vec<(Contraction, NodeId)>> = HashMap::new();
    for (id, node) in ir.nodes().entries() {
        let Def::Contraction(c) = &node.def else {
            rewriter.keep(id);
            continue;
        };
        let canonical = canonical(&rewriter.contraction(c));
        let twins = known.entry((canonical.fingerprint(), node.shape.clone(), node.dtype)).or_default();
        match twins.iter().find(|(other, _)| *other == canonical) {
            Some((_, twin)) => rewriter.replace(id, *twin)?,
            None => twins.push((canonical, rewriter.keep(id))),
        }
    }
    rewriter.finish()
}

/// A key that is equal for nodes with the same definition: the fingerprint, the shape and the dtype.
type Key = (u64, Shape, Dtype);

/// The contraction without names, its axes in the order in which the output and the factors use them. Axes that neither
/// uses come last, by extent.
fn canonical(c: &Contraction) -> Contraction {
    let (mut order, mut seen) = (Vec::with_capacity(c.axes.len()), AxisSet::default());
    let mut meet = |axis: AxisRef| match axis {
        AxisRef::Own(a) if seen.insert(a) => order.push(a),
        _ => {}
    };
    c.output.iter().for_each(|index| index.for_each_axis(&mut meet));
    c.factors.iter().for_each(|factor| factor.for_each_axis(&mut meet));
    let mut unused: Vec<u32> = (0..c.axes.len() as u32).filter(|&a| !seen.has(a)).collect();
    unused.sort_by_key(|&a| c.axes[a as usize].extent);
    order.append(&mut unused);
    let mut canonical = c.clone();
    restrict(&mut canonical, &c.axes, &order, &mut vec![None; c.axes.len()]);
    canonical.axes.iter_mut().for_each(|axis| axis.label = Label::default());
    canonical
}
