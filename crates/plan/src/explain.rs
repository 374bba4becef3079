//! Why a plan is what it is: every stage from the text to the last pass, for people and for programs.

mod dot;
mod json;
mod step;
mod text;
mod tree;

use std::fmt;

use einfold_ir::{Cost, Count, Draft, Ir, Machine};

use self::step::StepReport;
use self::tree::TreeReport;
use crate::compile::naive_flops;
use crate::{Compiled, Memory, PassSet, PlanError, PlanOptions, lower, optimize, rewrite};

/// A stage of the compiler that can be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// The text as it was understood.
    Ast,
    /// The expression: what is to be computed, and after each rewriting that changed it.
    Ir,
    /// The contraction tree of each contraction, and by which law it may be reordered.
    Tree,
    /// The final plan, with its costs.
    Plan,
    /// The plan as it was lowered, and after each pass that changed it.
    Passes,
}

impl Stage {
    /// All stages, in the order in which they come.
    pub const ALL: [Stage; 5] = [Stage::Ast, Stage::Ir, Stage::Tree, Stage::Plan, Stage::Passes];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Stage::Ast => "ast",
            Stage::Ir => "ir",
            Stage::Tree => "tree",
            Stage::Plan => "plan",
            Stage::Passes => "passes",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What the stages before this crate have to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The expression in one line.
    pub expression: String,
    /// Its syntax tree, printed.
    pub ast: String,
}

/// Everything there is to say about a plan, made once and rendered by [`Explain::text`], [`Explain::json`] and
/// [`Explain::dot`].
#[derive(Clone, Debug)]
pub struct Explain {
    source: Source,
    ir: String,
    rewrites: Vec<RewriteReport>,
    /// Each operand as `20x10:f64`.
    operands: Vec<String>,
    trees: Vec<TreeReport>,
    lowered: Vec<StepReport>,
    passes: Vec<PassReport>,
    plan: Vec<StepReport>,
    naive: Count,
    cost: Cost,
    memory: Memory,
    machine: Machine,
    warnings: Vec<String>,
}

/// What a rewriting did.
#[derive(Clone, Debug)]
struct RewriteReport {
    name: &'static str,
    what: &'static str,
    changes: usize,
    /// The expression after it.
    ir: String,
}

/// What a pass did.
#[derive(Clone, Debug)]
struct PassReport {
    name: &'static str,
    what: &'static str,
    changes: usize,
    /// The steps after it.
    steps: Vec<StepReport>,
}

impl Explain {
    /// Explains `compiled`, which was made from `ir` with `options`.
    ///
    /// # Errors
    /// Those of [`lower`], of the rewritings and of the passes, which run again to be watched.
    pub fn new(source: Source, ir: &Ir, compiled: &Compiled, options: &PlanOptions) -> Result<Explain, PlanError> {
        let draft = Draft { machine: compiled.plan.machine, ..lower(&compiled.ir, &options.hints)? };
        let lowered = step::reports(&draft, &compiled.ir);
        let mut passes = Vec::new();
        // Not all that were asked for, where a limit has no room for the kernels of products.
        let ran = compiled.changes.iter().try_fold(PassSet::NONE, |set, (pass, _)| set.with(pass.name));
        optimize(draft, ran.unwrap_or(options.passes), &mut |pass, changes, draft| {
            let steps = step::reports(draft, &compiled.ir);
            passes.push(PassReport { name: pass.name, what: pass.what, changes, steps });
        })?;
        let ran = compiled.rewrites.iter().try_fold(PassSet::NONE, |set, (rewrite, _)| set.with(rewrite.name));
        let mut rewrites = Vec::new();
        rewrite(ir, ran.unwrap_or(PassSet::NONE), &mut |rewrite, changes, ir| {
            rewrites.push(RewriteReport { name: rewrite.name, what: rewrite.what, changes, ir: ir.to_string() });
        })?;
        let operands = ir.inputs().iter().map(|&id| {
            let node = ir.node(id);
            format!("{}:{}", shape(&node.shape), node.dtype)
        });
        Ok(Explain {
            source,
            ir: ir.to_string(),
            rewrites,
            operands: operands.collect(),
            trees: tree::reports(compiled),
            lowered,
            passes,
            plan: step::reports(&compiled.plan, &compiled.ir),
            naive: naive_flops(ir),
            cost: compiled.cost,
            memory: compiled.memory,
            machine: compiled.plan.machine,
            warnings: Vec::new(),
        })
    }

    /// The same with what is allowed in the expression and perhaps not meant, each as a report of lines.
    pub fn with_warnings(mut self, warnings: Vec<String>) -> Explain {
        self.warnings = warnings;
        self
    }
}

/// The plan with its costs; [`Explain::text`] has the other stages.
impl fmt::Display for Explain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(&[Stage::Plan]))
    }
}

/// `20x10`, and `()` for a scalar.
fn shape(extents: &[usize]) -> String {
    if extents.is_empty() {
        return "()".into();
    }
    extents.iter().map(usize::to_string).collect::<Vec<_>>().join("x")
}

/// Labels side by side where each is one character, else with spaces between them.
fn join<S: AsRef<str>>(labels: &[S]) -> String {
    let single = labels.iter().all(|l| l.as_ref().chars().count() == 1);
    let labels: Vec<&str> = labels.iter().map(AsRef::as_ref).collect();
    labels.join(if single { "" } else { " " })
}

#[cfg(test)]
mod tests;
