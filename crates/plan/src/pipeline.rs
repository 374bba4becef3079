//! The pipeline: one table of stages from the module to the sealed plan, and the functions that run and check them.

mod pass_set;

use std::mem::take;

use einfold_ir::{Count, Draft, Ir, Machine, Plan, Violation, verify_steps};

use crate::error::PlanError;
use crate::expand::{ChosenOrder, Expanded, expand};
use crate::lower::{Hints, lower};
use crate::memory;
use crate::passes::{gemm, layout, views};
use crate::rewrite::{Rewritten, cse, inline, merge_products};

pub use self::pass_set::PassSet;

/// The form of an expression between two stages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Form {
    /// A module: what is computed.
    Module,
    /// A module, with an order for every contraction whose order can be chosen.
    Ordered,
    /// A module in which every contraction is one step.
    Expanded,
    /// Steps over buffers; intermediates have no offset in scratch memory yet.
    Steps,
    /// Steps over buffers that all have storage.
    Assigned,
    /// A sealed plan.
    Plan,
}

/// One stage of the [`PIPELINE`].
#[derive(Debug)]
pub struct Stage {
    /// The name.
    pub name: &'static str,
    /// What the stage does, in one line.
    pub what: &'static str,
    /// Why the stage has its position in the pipeline.
    pub why_here: &'static str,
    /// The invariants that hold after the stage. The driver checks them after each rewrite and pass that changed
    /// something; sealing checks all.
    pub promises: &'static str,
    /// The form that the stage takes.
    pub takes: Form,
    /// The form that the stage gives.
    pub gives: Form,
    run: Run,
}

/// How the driver runs a stage.
#[derive(Debug)]
enum Run {
    /// A function from module to module, with the number of changes; `None` if it changed nothing.
    Rewrite(fn(&Ir) -> Rewritten),
    /// The search of [`compile`](crate::compile), which is repeated if the plan exceeds a memory limit.
    Search,
    Expand,
    Lower,
    /// A function that edits a draft and returns the number of changes.
    Pass(fn(&mut Draft) -> usize),
    Assign,
    Seal,
}

/// All stages, in the order in which they run. A module with looped regions is not rewritten.
pub const PIPELINE: &[Stage] = &[
    Stage::new(
        "share",
        Run::Rewrite(cse::run),
        "computes nodes of the same definition once, and leaves out what no result needs",
        "first: the rewrites below ask which nodes are used once",
    ),
    Stage::new(
        "contract",
        Run::Rewrite(merge_products::run),
        "contracts a product that is used once together with the product that uses it",
        "before inline, which leaves products of products to it",
    ),
    Stage::new(
        "inline",
        Run::Rewrite(inline::run),
        "computes an elementwise expression that is used once where it is read, if at the same points",
        "last of the rewrites: what is a contraction by now stays one",
    ),
    Stage::new(
        "order",
        Run::Search,
        "finds a contraction tree, and slices where a memory limit asks for them, for every contraction that has a choice",
        "when contractions are final: the order decides the flops",
    ),
    Stage::new(
        "expand",
        Run::Expand,
        "writes each contraction as one node for each step of its tree",
        "between the order, which is about trees, and lowering, which takes each node by itself",
    ),
    Stage::new(
        "lower",
        Run::Lower,
        "makes a loop nest over buffers of each node",
        "after expand; total and naive, so that passes alone decide how a step runs",
    ),
    Stage::new(
        "diagonal",
        Run::Pass(views::diagonal),
        "reads diagonals, windows and repeated elements through strides instead of copying them out",
        "first: it removes whole steps, and all later passes see the reads that it has composed",
    ),
    Stage::new(
        "transpose",
        Run::Pass(views::transpose),
        "drops steps that only permute: their readers read, or their source is written, in the other order",
        "after diagonal, which may leave a plain permutation behind; before everything that looks at neighbours",
    ),
    Stage::new(
        "layout",
        Run::Pass(layout::run),
        "orders the axes of intermediates in memory so that the step that reads them is a plain matrix product",
        "backwards from the results, so after their final axis order is known; before anything looks at strides",
    ),
    Stage::new(
        "gemm",
        Run::Pass(gemm::run),
        "makes matrix products of nests with two factors and rows, columns and a contracted axis worth it",
        "last: it gives final steps the roles of their axes; the executor schedules them by the real strides",
    ),
    Stage::new(
        "buffers",
        Run::Assign,
        "lets intermediates that are not alive together share scratch memory",
        "after all passes: steps and operands are final; without it every intermediate has its own memory",
    ),
    Stage::new(
        "seal",
        Run::Seal,
        "checks every invariant of a plan once more, with what the executor relies on",
        "the executor runs nothing else",
    ),
];

/// The optional stages that work on steps.
pub const PASSES: &[Stage] = PIPELINE.split_at(FIRST_PASS).1.split_at(5).0;
/// The position of the first of [`PASSES`] in the pipeline.
const FIRST_PASS: usize = 6;

impl Stage {
    const fn new(name: &'static str, run: Run, what: &'static str, why_here: &'static str) -> Stage {
        let (takes, gives, promises) = match run {
            Run::Rewrite(_) => (
                Form::Module,
                Form::Module,
                "results are equal, up to the rounding that an order is free to change; nodes keep every invariant",
            ),
            Run::Search => (Form::Module, Form::Ordered, "the leaves of each tree are the tensors of its contraction"),
            Run::Expand => {
                (Form::Ordered, Form::Expanded, "results are equal, up to rounding; nodes keep every invariant")
            }
            Run::Lower => (Form::Expanded, Form::Steps, "steps keep every invariant"),
            Run::Pass(_) => {
                (Form::Steps, Form::Steps, "results and the number of flops stay the same; steps keep every invariant")
            }
            Run::Assign => {
                (Form::Steps, Form::Assigned, "intermediates that are alive together do not overlap in any partition")
            }
            Run::Seal => (Form::Assigned, Form::Plan, "every invariant of a plan holds"),
        };
        Stage { name, what, why_here, promises, takes, gives, run }
    }

    /// Whether the stage can be left out: results stay equal, up to rounding.
    pub const fn is_optional(&self) -> bool {
        matches!(self.run, Run::Rewrite(_) | Run::Pass(_) | Run::Assign)
    }
}

/// An expression in one of its forms.
#[expect(clippy::large_enum_variant, reason = "a program exists once, and every expression has steps")]
pub(crate) enum Program<'p> {
    Module(Ir),
    /// A module with the order of each node, by position.
    Ordered(&'p Ir, &'p [Option<ChosenOrder<'p>>], LowerFor<'p>),
    Expanded(Expanded, LowerFor<'p>),
    /// Steps, and whether memory is assigned.
    Steps(Expanded, Draft, bool),
    Plan(Expanded, Plan),
}

/// The layout hints and the machine that a module is lowered for.
type LowerFor<'p> = (&'p Hints, &'p Machine);

impl Program<'_> {
    fn form(&self) -> Form {
        match self {
            Program::Module(_) => Form::Module,
            Program::Ordered(..) => Form::Ordered,
            Program::Expanded(..) => Form::Expanded,
            Program::Steps(_, _, false) => Form::Steps,
            Program::Steps(_, _, true) => Form::Assigned,
            Program::Plan(..) => Form::Plan,
        }
    }
}

/// A function that observes each stage after its run: the stage, the number of changes, and the new form.
type Observe<'o> = dyn FnMut(&'static Stage, usize, &Program<'_>) + 'o;

/// When the driver checks what passes promise. Sealing checks every plan in full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Checks {
    /// After each pass that changed something, which names a pass that broke an invariant.
    Each,
    /// Once, when the steps are final.
    AtEnd,
}

/// Runs the stages from the form of `program` on, up to the search or to the end, and checks what they promise.
///
/// # Errors
/// [`PlanError::Pass`] names the stage after which its promise does not hold.
pub(crate) fn run_stages(
    program: &mut Program<'_>,
    passes: PassSet,
    checks: Checks,
    observe: &mut Observe<'_>,
) -> Result<(), PlanError> {
    let first = program.form();
    let looped = matches!(program, Program::Module(ir) if ir.regions() > 1);
    let mut flops = None;
    for (k, stage) in PIPELINE.iter().enumerate().filter(|(_, stage)| stage.takes >= first) {
        let chosen = passes.has(k);
        match stage.run {
            Run::Search => break,
            Run::Rewrite(_) | Run::Pass(_) if looped || !chosen => continue,
            _ => {}
        }
        if let (Program::Steps(_, draft, false), Checks::AtEnd) = (&*program, checks) {
            match flops {
                None => flops = Some(draft.flops()),
                Some(flops) if matches!(stage.run, Run::Assign) => keeps_flops(flops, draft)?,
                Some(_) => {}
            }
        }
        let changes = run_stage(stage, chosen, checks, program)?;
        if chosen || !stage.is_optional() {
            observe(stage, changes, program);
        }
    }
    Ok(())
}

/// Runs one stage and checks what it promises. Returns the number of changes.
fn run_stage(stage: &Stage, chosen: bool, checks: Checks, program: &mut Program<'_>) -> Result<usize, PlanError> {
    let guilty = |violation| PlanError::Pass { name: stage.name, violation };
    match (&stage.run, &mut *program) {
        (Run::Rewrite(run), Program::Module(ir)) => {
            let Some((rewritten, changes)) = run(ir).map_err(guilty)? else { return Ok(0) };
            *ir = rewritten;
            return Ok(changes);
        }
        (Run::Expand, Program::Ordered(ir, orders, lower_for)) => {
            *program = Program::Expanded(expand(ir, orders)?, *lower_for);
        }
        (Run::Lower, Program::Expanded(expanded, (hints, machine))) => {
            let draft = Draft { machine: **machine, ..lower(&expanded.ir, hints)? };
            *program = Program::Steps(take(expanded), draft, false);
        }
        (Run::Pass(run), Program::Steps(_, draft, false)) => {
            let flops = (checks == Checks::Each).then(|| draft.flops());
            let changes = run(draft);
            if let (Some(flops), 1..) = (flops, changes) {
                verify_steps(draft).map_err(guilty)?;
                keeps_flops(flops, draft).map_err(guilty)?;
            }
            return Ok(changes);
        }
        (Run::Assign, Program::Steps(_, draft, assigned @ false)) => {
            *assigned = true;
            return memory::assign(draft, chosen);
        }
        (Run::Seal, Program::Steps(expanded, draft, true)) => {
            *program = Program::Plan(take(expanded), Plan::seal(take(draft))?);
        }
        (_, program) => {
            let violation = Violation(format!("it takes {:?}, not {:?}", stage.takes, program.form()));
            return Err(guilty(violation));
        }
    }
    Ok(1)
}

fn keeps_flops(flops: Count, draft: &Draft) -> Result<(), Violation> {
    let after = draft.flops();
    if after == flops { Ok(()) } else { Err(Violation(format!("{flops} flops became {after}"))) }
}

/// Runs the chosen rewrites.
///
/// # Errors
/// [`PlanError::Pass`] names a rewrite that breaks an invariant: a defect.
pub(crate) fn run_rewrites(ir: &Ir, passes: PassSet, observe: &mut Observe<'_>) -> Result<Ir, PlanError> {
    let mut program = Program::Module(ir.clone());
    run_stages(&mut program, passes, Checks::Each, observe)?;
    match program {
        Program::Module(ir) => Ok(ir),
        other => Err(stuck(&other)),
    }
}

/// Runs the chosen passes, assigns memory and seals the plan. `observe` gets each pass, the number of its changes, and
/// the draft after it.
///
/// # Errors
/// [`PlanError::Pass`] names the pass that broke an invariant or changed the number of flops; [`PlanError::TooLarge`]
/// if scratch memory cannot be addressed.
pub fn optimize(
    draft: Draft,
    passes: PassSet,
    observe: &mut dyn FnMut(&'static Stage, usize, &Draft),
) -> Result<Plan, PlanError> {
    let mut observe = |stage, changes, program: &Program<'_>| {
        if let Program::Steps(_, draft, _) = program {
            observe(stage, changes, draft);
        }
    };
    let mut program = Program::Steps(Expanded::default(), draft, false);
    run_stages(&mut program, passes, Checks::Each, &mut observe)?;
    match program {
        Program::Plan(_, plan) => Ok(plan),
        other => Err(stuck(&other)),
    }
}

/// The error for a table whose forms do not follow each other: a defect.
pub(crate) fn stuck(program: &Program<'_>) -> PlanError {
    Violation(format!("the pipeline ends at {:?}", program.form())).into()
}

#[cfg(test)]
mod tests;
