//! The rewrites: from module to module before it is ordered; what of the statements of a program is computed together. Each is a
//! stage of the pipeline and keeps the meaning, up to the rounding that an order is free to change.

pub(crate) mod contract;
pub(crate) mod inline;
pub(crate) mod share;

use einfold_ir::{Contraction, IdVec, Ir, Node, NodeId, Rewriter, Violation};

/// Replaces every contraction by what `step` makes of it, as long as it makes something; and drops what is unused then. Returns
/// how often it did. `step` sees each contraction that is used, with what is before it and the number of uses of each node.
fn merge(
    ir: &Ir,
    step: impl Fn(&Rewriter<'_>, (NodeId, &Node, &Contraction), &IdVec<NodeId, u32>) -> Option<Contraction>,
) -> Result<Option<(Ir, usize)>, Violation> {
    let (uses, mut count) = (ir.uses(), 0);
    let mut rewriter = Rewriter::new(ir);
    for (id, node) in ir.nodes().entries() {
        let mut merged: Option<Contraction> = None;
        if let (1.., Some(c)) = (uses[id], node.contraction()) {
            while let Some(next) = step(&rewriter, (id, node, merged.as_ref().unwrap_or(c)), &uses) {
                merged = Some(next);
                count += 1;
            }
        }
        match merged {
            // No node is left out yet, so that all ids are the old ones.
            Some(c) => {
                let new = rewriter.push(Node { def: c.into(), ..node.clone() })?;
                rewriter.replace(id, new)?;
            }
            None => _ = rewriter.keep(id),
        }
    }
    let Some(merged) = rewriter.finish()? else { return Ok(None) };
    Ok(Some((merged.without_unused()?.unwrap_or(merged), count)))
}

#[cfg(test)]
mod tests;
