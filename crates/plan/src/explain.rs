//! Why a plan is what it is: every stage from the text to the last pass, for people and for programs.

mod dot;
mod json;
mod step;
mod text;
mod tree;

use std::fmt;

use einfold_ir::{Cost, Count, Ir, Machine};

use self::step::StepReport;
use self::tree::TreeReport;
use crate::compile::Compiled;
use crate::cost::naive_flops;
use crate::memory::Memory;
use crate::pipeline::{Form, Snapshot, Stage, Trace, TracedStage};

/// A section of an explanation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExplainStage {
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

impl ExplainStage {
    /// All stages, in the order in which they come.
    pub const ALL: [ExplainStage; 5] =
        [ExplainStage::Ast, ExplainStage::Ir, ExplainStage::Tree, ExplainStage::Plan, ExplainStage::Passes];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            ExplainStage::Ast => "ast",
            ExplainStage::Ir => "ir",
            ExplainStage::Tree => "tree",
            ExplainStage::Plan => "plan",
            ExplainStage::Passes => "passes",
        }
    }
}

impl fmt::Display for ExplainStage {
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
    /// Explains `compiled`, which was made from `ir`, with a trace of its stages that keeps forms: its own if it was
    /// [asked for](crate::PlanOptions::trace).
    pub fn new(source: Source, ir: &Ir, compiled: &Compiled, trace: &Trace) -> Explain {
        let steps = |traced: &TracedStage| match &traced.after {
            Some(Snapshot::Draft(draft)) => step::reports(draft, traced.stage.gives == Form::Assigned, &compiled.ir),
            _ => Vec::new(),
        };
        let pass = |traced: &TracedStage| {
            let Stage { name, what, .. } = *traced.stage;
            PassReport { name, what, changes: traced.changes, steps: steps(traced) }
        };
        let rewrite = |traced: &TracedStage| {
            let Stage { name, what, .. } = *traced.stage;
            let ir = match &traced.after {
                Some(Snapshot::Module(ir)) => ir.to_string(),
                _ => String::new(),
            };
            RewriteReport { name, what, changes: traced.changes, ir }
        };
        let passes = trace.stages.iter().filter(|traced| traced.stage.takes == Form::Steps);
        let operands = ir.inputs().iter().map(|&id| {
            let node = ir.node(id);
            format!("{}:{}", shape(&node.shape), node.dtype)
        });
        Explain {
            source,
            ir: ir.to_string(),
            rewrites: trace.giving(Form::Module).map(rewrite).collect(),
            operands: operands.collect(),
            trees: tree::reports(compiled),
            lowered: trace
                .stages
                .iter()
                .find(|traced| traced.stage.takes == Form::Expanded)
                .map(steps)
                .unwrap_or_default(),
            passes: passes.map(pass).collect(),
            plan: step::reports(&compiled.plan, true, &compiled.ir),
            naive: naive_flops(ir),
            cost: compiled.cost,
            memory: compiled.memory,
            machine: compiled.plan.machine,
            warnings: Vec::new(),
        }
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
        f.write_str(&self.text(&[ExplainStage::Plan]))
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
