//! The passes: what a plan gains between lowering and sealing, one file each.

mod buffers;
mod diagonal;
mod gemm;
mod layout;
mod loop_order;
mod merge_axes;
mod strides;
mod transpose;
mod views;

use einfold_ir::{Draft, Plan, verify};

use crate::PlanError;
use crate::rewrite::{REWRITES, Rewrite};

pub(crate) use gemm::groups;
pub(crate) use strides::own_axes;

/// A rewriting of plans that keeps their meaning and their flops.
#[derive(Debug)]
pub struct Pass {
    /// Its name.
    pub name: &'static str,
    /// What it does, in a line.
    pub what: &'static str,
    /// Why it has its place in [`PASSES`].
    pub why_here: &'static str,
    /// Changes the draft and returns the number of changes; 0 if it left everything as it was.
    run: fn(&mut Draft) -> usize,
}

/// All passes, in the order in which they run.
pub const PASSES: &[Pass] = &[
    Pass {
        name: "diagonal",
        what: "reads diagonals, windows and repeated elements through strides instead of copying them out",
        why_here: "first: it removes whole steps, and what it leaves in a read is what all later passes look at",
        run: diagonal::run,
    },
    Pass {
        name: "transpose",
        what: "drops steps that only permute: their readers read, or their source is written, in the other order",
        why_here: "after diagonal, which may leave a plain permutation behind; before everything that looks at neighbours",
        run: transpose::run,
    },
    Pass {
        name: "layout",
        what: "orders the axes of intermediates in memory so that the step that reads them is a plain matrix product",
        why_here: "backwards from the results, so after their final axis order is known; before anything looks at strides",
        run: layout::run,
    },
    Pass {
        name: "gemm",
        what: "makes matrix products of nests with two factors and rows, columns and a contracted axis worth it",
        why_here: "when all strides are settled, for it decides what to pack; what it declines is left to the nests",
        run: gemm::run,
    },
    Pass {
        name: "loop_order",
        what: "orders the loops of nests by stride, the written one first",
        why_here: "only nests have loops to order, so after gemm",
        run: loop_order::run,
    },
    Pass {
        name: "merge_axes",
        what: "joins loops of nests that every operand crosses with one stride",
        why_here: "only neighbours join, so after loop_order",
        run: merge_axes::run,
    },
    Pass {
        name: "buffers",
        what: "lets intermediates that are not alive together share scratch memory",
        why_here: "last: the steps and their operands are final",
        run: buffers::run,
    },
];

/// A choice of [`PASSES`] and [`REWRITES`]; by default all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PassSet(u32);

impl Default for PassSet {
    fn default() -> PassSet {
        PassSet::ALL
    }
}

impl PassSet {
    /// Every pass and every rewriting.
    pub const ALL: PassSet = PassSet((1 << (PASSES.len() + REWRITES.len())) - 1);
    /// None of them.
    pub const NONE: PassSet = PassSet(0);

    /// All choices of passes, with all rewritings, in a fixed order.
    pub fn subsets() -> impl Iterator<Item = PassSet> {
        let passes = (1 << PASSES.len()) - 1;
        (0..=passes).map(move |chosen| PassSet(PassSet::ALL.0 & !passes | chosen))
    }

    /// The same choice with the pass or rewriting of this name; `None` if there is none.
    #[must_use]
    pub fn with(self, name: &str) -> Option<PassSet> {
        position(name).map(|k| PassSet(self.0 | 1 << k))
    }

    /// The same choice without the pass or rewriting of this name; `None` if there is none.
    #[must_use]
    pub fn without(self, name: &str) -> Option<PassSet> {
        position(name).map(|k| PassSet(self.0 & !(1 << k)))
    }

    /// The passes of the choice, in the order in which they run.
    pub fn iter(self) -> impl Iterator<Item = &'static Pass> {
        PASSES.iter().enumerate().filter(move |(k, _)| self.0 >> k & 1 == 1).map(|(_, pass)| pass)
    }

    /// The rewritings of the choice, in the order in which they run.
    pub fn rewrites(self) -> impl Iterator<Item = &'static Rewrite> {
        let chosen = move |(k, _): &(usize, _)| self.0 >> (PASSES.len() + k) & 1 == 1;
        REWRITES.iter().enumerate().filter(chosen).map(|(_, rewrite)| rewrite)
    }

    /// The names of all that is chosen: passes, then rewritings.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        self.iter().map(|pass| pass.name).chain(self.rewrites().map(|rewrite| rewrite.name))
    }
}

fn position(name: &str) -> Option<usize> {
    let names = PASSES.iter().map(|pass| pass.name).chain(REWRITES.iter().map(|rewrite| rewrite.name));
    names.into_iter().position(|known| known == name)
}

/// Runs the chosen passes and seals the plan. `observe` sees each pass, how often it changed something, and the draft
/// after it.
///
/// # Errors
/// [`PlanError::Pass`] names the pass after which an invariant or the number of flops does not hold any more.
pub fn optimize(
    mut draft: Draft,
    passes: PassSet,
    observe: &mut dyn FnMut(&'static Pass, usize, &Draft),
) -> Result<Plan, PlanError> {
    for pass in passes.iter() {
        run(pass, &mut draft, observe)?;
    }
    Ok(Plan::seal(draft)?)
}

fn run(
    pass: &'static Pass,
    draft: &mut Draft,
    observe: &mut dyn FnMut(&'static Pass, usize, &Draft),
) -> Result<(), PlanError> {
    let flops = draft.flops();
    let changes = (pass.run)(draft);
    observe(pass, changes, draft);
    if changes == 0 {
        return Ok(());
    }
    let guilty = |violation| PlanError::Pass { name: pass.name, violation };
    verify(draft).map_err(guilty)?;
    match draft.flops() {
        after if after == flops => Ok(()),
        after => Err(guilty(einfold_ir::Violation(format!("{flops} flops became {after}")))),
    }
}

#[cfg(test)]
mod tests;
