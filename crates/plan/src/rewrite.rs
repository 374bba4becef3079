//! Rewriting of expressions before they are ordered: what of the statements of a program is computed together.

mod contract;
mod inline;
mod share;

use std::borrow::Cow;

use einfold_ir::{Contraction, IdVec, Ir, Node, NodeId, Rewriter, Violation};

use crate::{PassSet, PlanError};

/// A rewriting of expressions that keeps their meaning, up to the rounding that an order is free to change.
#[derive(Debug)]
pub struct Rewrite {
    /// Its name.
    pub name: &'static str,
    /// What it does, in a line.
    pub what: &'static str,
    /// Why it has its place in [`REWRITES`].
    pub why_here: &'static str,
    /// The rewritten expression and the number of changes; `None` if there are none.
    run: fn(&Ir) -> Result<Option<(Ir, usize)>, Violation>,
}

/// All rewritings, in the order in which they run. Expressions with loops are left as they are.
pub const REWRITES: &[Rewrite] = &[
    Rewrite {
        name: "share",
        what: "computes nodes of the same definition once, and leaves out what no result needs",
        why_here: "first: what is used once is told from what is used twice",
        run: share::run,
    },
    Rewrite {
        name: "contract",
        what: "contracts a product that is used once together with the product that uses it",
        why_here: "before inline, which leaves products of products to it",
        run: contract::run,
    },
    Rewrite {
        name: "inline",
        what: "computes an elementwise expression that is used once where it is read, if at the same points",
        why_here: "last: what is a contraction by now stays one",
        run: inline::run,
    },
];

/// Runs the chosen rewritings. `observe` sees each of them, how often it changed something, and the expression after it.
///
/// # Errors
/// [`PlanError::Invalid`] if a rewriting breaks an invariant: a defect.
pub fn rewrite<'a>(
    ir: &'a Ir,
    choice: PassSet,
    observe: &mut dyn FnMut(&'static Rewrite, usize, &Ir),
) -> Result<Cow<'a, Ir>, PlanError> {
    let mut current = Cow::Borrowed(ir);
    for rewrite in choice.rewrites().filter(|_| ir.regions() == 1) {
        let mut changes = 0;
        if let Some((next, count)) = (rewrite.run)(&current)? {
            (current, changes) = (Cow::Owned(next), count);
        }
        observe(rewrite, changes, &current);
    }
    Ok(current)
}

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
