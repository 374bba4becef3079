//! The rewrites: stages from module to module before the order search. Each keeps the meaning, up to the rounding that
//! an order is free to change.

pub(crate) mod cse;
pub(crate) mod inline;
pub(crate) mod merge_products;

use einfold_ir::{Contraction, Ir, Node, NodeId, Rewriter, Violation};

/// The module after a rewrite and the number of changes; `None` if there are none.
pub(crate) type Rewritten = Result<Option<(Ir, usize)>, Violation>;

/// Merges contractions into the one that reads them: replaces a used contraction that is `open` by the result of `join`
/// with the first factor for which there is one, until there is none, and removes nodes that are unused afterwards.
/// `join` gets the nodes before the contraction, the contraction, the position of a factor, and the contraction that
/// only this factor reads. Returns the number of merges.
fn merge(
    ir: &Ir,
    open: impl Fn(&Node, &Contraction) -> bool,
    join: impl Fn(&Rewriter<'_>, (NodeId, &Node, &Contraction), usize, (&Node, &Contraction)) -> Option<Contraction>,
) -> Rewritten {
    let (uses, mut count) = (ir.uses(), 0);
    let mut rewriter = Rewriter::new(ir);
    for (id, node) in ir.nodes().entries() {
        let mut merged: Option<Contraction> = None;
        while let Some(c) = merged.as_ref().or(node.contraction()).filter(|c| uses[id] > 0 && open(node, c)) {
            let joined = (0..c.factors.len()).find_map(|k| {
                let tensor = c.factors[k].tensor;
                let from = rewriter.node(tensor);
                let inner = from.contraction().filter(|_| uses[tensor] == 1)?;
                join(&rewriter, (id, node, c), k, (from, inner))
            });
            let Some(joined) = joined else { break };
            merged = Some(joined);
            count += 1;
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
