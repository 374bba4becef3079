//! The rewrites: stages from module to module before the order search. Each keeps the meaning, up to the rounding that
//! an order is free to change.

pub(crate) mod cse;
pub(crate) mod inline;
pub(crate) mod merge_products;

use einfold_ir::{Contraction, IdVec, Ir, Node, NodeId, Rewriter, Violation};

/// The module after a rewrite and the number of changes; `None` if there are none.
pub(crate) type Rewritten = Result<Option<(Ir, usize)>, Violation>;

/// Replaces every used contraction by the result of `step` until `step` returns `None`, and removes nodes that are
/// unused afterwards. Returns the number of replacements. `step` gets the contraction, the nodes before it and the
/// number of uses of each node.
fn merge(
    ir: &Ir,
    step: impl Fn(&Rewriter<'_>, (NodeId, &Node, &Contraction), &IdVec<NodeId, u32>) -> Option<Contraction>,
) -> Rewritten {
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
            // No node has been left out yet, so all node numbers are unchanged.
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
