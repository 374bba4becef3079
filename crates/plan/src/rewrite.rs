//! Rewriting of expressions before they are ordered: what of the statements of a program is computed together.

mod contract;
mod inline;
pub(crate) mod module;
mod share;

use einfold_ir::{Ir, Violation};

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
    /// The rewritten expression and the number of changes.
    run: fn(&Ir) -> Result<(Ir, usize), Violation>,
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
pub fn rewrite(
    ir: &Ir,
    choice: PassSet,
    observe: &mut dyn FnMut(&'static Rewrite, usize, &Ir),
) -> Result<Ir, PlanError> {
    let mut current = ir.clone();
    for rewrite in choice.rewrites().filter(|_| ir.regions() == 1) {
        let (next, changes) = (rewrite.run)(&current)?;
        observe(rewrite, changes, &next);
        current = next;
    }
    Ok(current)
}

#[cfg(test)]
mod tests;
