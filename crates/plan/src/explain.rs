//! Explanations of plans: every stage from the text to the last pass, as text, JSON and a graph.

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
use crate::error::{PlanError, shape_text};
use crate::expand::Expanded;
use crate::memory::Memory;
use crate::pipeline::{Checks, Form, Program, Stage, run_rewrites, run_stages, stuck};

/// A section of an explanation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExplainStage {
    /// The parsed text.
    Ast,
    /// The module, and the module after each rewrite that changed it.
    Ir,
    /// The contraction tree of each contraction, and the law that allows its reordering.
    Tree,
    /// The final plan, with its costs.
    Plan,
    /// The plan after lowering, and after each pass that changed it.
    Passes,
}

impl ExplainStage {
    /// All sections, in order.
    pub const ALL: [ExplainStage; 5] =
        [ExplainStage::Ast, ExplainStage::Ir, ExplainStage::Tree, ExplainStage::Plan, ExplainStage::Passes];

    /// The name of the section.
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

/// The results of the stages before this crate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExplainSource {
    /// The expression in one line.
    pub expression: String,
    /// The printed syntax tree.
    pub ast: String,
    /// The warnings, each as a report of several lines.
    pub warnings: Vec<String>,
}

/// A complete report about a plan, made once and rendered by [`Explain::text`], [`Explain::json`] and [`Explain::dot`].
#[derive(Clone, Debug)]
pub struct Explain {
    source: ExplainSource,
    ir: String,
    rewrites: Vec<StageReport>,
    /// Each operand as `20x10:f64`.
    operands: Vec<String>,
    trees: Vec<TreeReport>,
    lowered: Vec<StepReport>,
    passes: Vec<StageReport>,
    plan: Vec<StepReport>,
    naive: Count,
    cost: Cost,
    memory: Memory,
    machine: Machine,
}

/// The effect of a rewrite or a pass.
#[derive(Clone, Debug)]
struct StageReport {
    name: &'static str,
    what: &'static str,
    changes: usize,
    /// The module after a rewrite.
    ir: String,
    /// The steps after a pass.
    steps: Vec<StepReport>,
}

impl Explain {
    /// Explains `compiled`, which was compiled from `ir`; `schedule` has a line for each step of the plan that says how
    /// the executor runs it. The forms between the stages are not stored with a plan: they
    /// are computed again, the modules from `ir` by the rewrites that ran, and the drafts from the expanded module by
    /// lowering and the passes. Nothing is searched or chosen again.
    ///
    /// # Errors
    /// Those of the stages, and an error if they do not lead to the plan: defects.
    pub fn new(
        source: ExplainSource,
        ir: &Ir,
        compiled: &Compiled,
        schedule: Vec<String>,
    ) -> Result<Explain, PlanError> {
        let (mut rewrites, mut lowered, mut passes) = (Vec::new(), Vec::new(), Vec::new());
        let forms = compiled.forms(ir);
        let mut observe = |&Stage { name, what, takes, gives, .. }: &'static Stage, changes, program: &Program<'_>| {
            let (ir, steps) = match program {
                Program::Module(ir) if changes > 0 => (ir.to_string(), Vec::new()),
                Program::Steps(_, draft, _) if changes > 0 => {
                    (String::new(), step::reports(draft, gives == Form::Assigned, &forms.ir))
                }
                _ => (String::new(), Vec::new()),
            };
            let report = StageReport { name, what, changes, ir, steps };
            match takes {
                Form::Module => rewrites.push(report),
                Form::Expanded => lowered = report.steps,
                Form::Steps => passes.push(report),
                Form::Ordered | Form::Assigned | Form::Plan => {}
            }
        };
        run_rewrites(ir, compiled.passes, &mut observe)?;
        let expanded = Expanded { ir: forms.ir.clone(), ..Expanded::default() };
        let mut program = Program::Expanded(expanded, (&forms.hints, &compiled.plan.machine));
        run_stages(&mut program, compiled.passes, Checks::Each, &mut observe)?;
        match program {
            Program::Plan(_, plan) if *plan == *compiled.plan => {}
            other => return Err(stuck(&other)),
        }
        let operands = ir.inputs().iter().map(|&id| {
            let node = ir.node(id);
            format!("{}:{}", shape_text(&node.shape), node.dtype)
        });
        let mut plan = step::reports(&compiled.plan, true, &forms.ir);
        plan.iter_mut().zip(schedule).for_each(|(step, line)| step.schedule = line);
        Ok(Explain {
            source,
            ir: ir.to_string(),
            rewrites,
            operands: operands.collect(),
            trees: tree::reports(forms),
            lowered,
            passes,
            plan,
            naive: naive_flops(ir),
            cost: compiled.cost,
            memory: compiled.memory,
            machine: compiled.plan.machine,
        })
    }
}

/// Writes the plan with its costs; [`Explain::text`] has the other sections.
impl fmt::Display for Explain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(&[ExplainStage::Plan]))
    }
}

/// Labels side by side if each is one character, otherwise separated by spaces.
fn join<S: AsRef<str>>(labels: &[S]) -> String {
    let single = labels.iter().all(|l| l.as_ref().chars().count() == 1);
    let labels: Vec<&str> = labels.iter().map(AsRef::as_ref).collect();
    labels.join(if single { "" } else { " " })
}

#[cfg(test)]
mod tests;
