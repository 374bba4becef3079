//! The pipeline: from the module to the sealed plan, in one table of stages that one driver runs and checks.

mod choice;
mod trace;

use einfold_ir::{Draft, IdVec, Ir, Machine, NodeId, Plan, Violation, verify_steps};

use crate::apply::{Applied, Route, write_out};
use crate::error::PlanError;
use crate::lower::{Hints, lower};
use crate::memory;
use crate::passes::{diagonal, gemm, layout, loop_order, merge_axes, transpose};
use crate::rewrite::{contract, inline, share};

pub use self::choice::PassSet;
pub use self::trace::{Snapshot, Trace, TracedStage};

/// The form of an expression between two stages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Form {
    /// A module: what is to be computed.
    Module,
    /// A module, and an order for every contraction that has one.
    Ordered,
    /// A module in which every contraction is one step of an order.
    Expanded,
    /// Steps over buffers; where intermediates lie in scratch memory is open.
    Steps,
    /// Steps over buffers that all have their storage.
    Assigned,
    /// A sealed plan.
    Plan,
}

/// One entry of the [`PIPELINE`].
#[derive(Debug)]
pub struct Stage {
    /// Its name.
    pub name: &'static str,
    /// What it does, in a line.
    pub what: &'static str,
    /// Why it has its place in the pipeline.
    pub why_here: &'static str,
    /// What holds after it, which the driver checks.
    pub promises: &'static str,
    /// The form that it takes.
    pub takes: Form,
    /// The form that it gives.
    pub gives: Form,
    run: Run,
}

/// How a stage is run.
#[derive(Debug)]
enum Run {
    /// From module to module, with the number of changes.
    Rewrite(fn(&Ir) -> Result<(Ir, usize), Violation>),
    /// By the search of [`compile`](crate::compile), which is asked again where the plan exceeds a memory limit.
    Search,
    Expand,
    Lower,
    /// From draft to draft; the result is the number of changes, 0 if the draft is as it was.
    Pass(fn(&mut Draft) -> usize),
    Assign,
    Seal,
}

/// What a rewrite promises.
const SAME_RESULTS: &str =
    "results are equal, up to the rounding that an order is free to change; nodes keep every invariant";
/// What a pass promises.
const SAME_FLOPS: &str = "results and the number of flops stay the same; steps keep every invariant";

/// All stages, in the order in which they run. A module with loops is not rewritten.
pub const PIPELINE: &[Stage] = &[
    Stage {
        name: "share",
        what: "computes nodes of the same definition once, and leaves out what no result needs",
        why_here: "first: the rewrites below ask which nodes are used once",
        promises: SAME_RESULTS,
        takes: Form::Module,
        gives: Form::Module,
        run: Run::Rewrite(share::run),
    },
    Stage {
        name: "contract",
        what: "contracts a product that is used once together with the product that uses it",
        why_here: "before inline, which leaves products of products to it",
        promises: SAME_RESULTS,
        takes: Form::Module,
        gives: Form::Module,
        run: Run::Rewrite(contract::run),
    },
    Stage {
        name: "inline",
        what: "computes an elementwise expression that is used once where it is read, if at the same points",
        why_here: "last of the rewrites: what is a contraction by now stays one",
        promises: SAME_RESULTS,
        takes: Form::Module,
        gives: Form::Module,
        run: Run::Rewrite(inline::run),
    },
    Stage {
        name: "order",
        what: "finds a contraction tree, and slices where a memory limit asks for them, for every contraction that has a choice",
        why_here: "when contractions are final: the order decides the flops",
        promises: "each tree is one of its contraction",
        takes: Form::Module,
        gives: Form::Ordered,
        run: Run::Search,
    },
    Stage {
        name: "expand",
        what: "writes each contraction as one node for each step of its tree",
        why_here: "between the order, which is about trees, and lowering, which takes each node by itself",
        promises: "results are equal, up to rounding; nodes keep every invariant",
        takes: Form::Ordered,
        gives: Form::Expanded,
        run: Run::Expand,
    },
    Stage {
        name: "lower",
        what: "makes a loop nest over buffers of each node",
        why_here: "after expand; total and naive, so that passes alone decide how a step runs",
        promises: "steps keep every invariant",
        takes: Form::Expanded,
        gives: Form::Steps,
        run: Run::Lower,
    },
    Stage {
        name: "diagonal",
        what: "reads diagonals, windows and repeated elements through strides instead of copying them out",
        why_here: "first: it removes whole steps, and what it leaves in a read is what all later passes look at",
        promises: SAME_FLOPS,
        takes: Form::Steps,
        gives: Form::Steps,
        run: Run::Pass(diagonal::run),
    },
    Stage {
        name: "transpose",
        what: "drops steps that only permute: their readers read, or their source is written, in the other order",
        why_here: "after diagonal, which may leave a plain permutation behind; before everything that looks at neighbours",
        promises: SAME_FLOPS,
        takes: Form::Steps,
        gives: Form::Steps,
        run: Run::Pass(transpose::run),
    },
    Stage {
        name: "layout",
        what: "orders the axes of intermediates in memory so that the step that reads them is a plain matrix product",
        why_here: "backwards from the results, so after their final axis order is known; before anything looks at strides",
        promises: SAME_FLOPS,
        takes: Form::Steps,
        gives: Form::Steps,
        run: Run::Pass(layout::run),
    },
    Stage {
        name: "gemm",
        what: "makes matrix products of nests with two factors and rows, columns and a contracted axis worth it",
        why_here: "when all strides are settled, for it decides what to pack; what it declines is left to the nests",
        promises: SAME_FLOPS,
        takes: Form::Steps,
        gives: Form::Steps,
        run: Run::Pass(gemm::run),
    },
    Stage {
        name: "loop_order",
        what: "orders the loops of nests by stride, the written one first",
        why_here: "only nests have loops to order, so after gemm",
        promises: SAME_FLOPS,
        takes: Form::Steps,
        gives: Form::Steps,
        run: Run::Pass(loop_order::run),
    },
    Stage {
        name: "merge_axes",
        what: "joins loops of nests that every operand crosses with one stride",
        why_here: "only neighbours join, so after loop_order",
        promises: SAME_FLOPS,
        takes: Form::Steps,
        gives: Form::Steps,
        run: Run::Pass(merge_axes::run),
    },
    Stage {
        name: "buffers",
        what: "lets intermediates that are not alive together share scratch memory",
        why_here: "last: the steps and their operands are final; without it every intermediate has memory of its own",
        promises: "intermediates that are alive together share no byte, in no lane",
        takes: Form::Steps,
        gives: Form::Assigned,
        run: Run::Assign,
    },
    Stage {
        name: "seal",
        what: "checks every invariant of a plan once more, with what the executor relies on",
        why_here: "the executor runs nothing else",
        promises: "every invariant of a plan holds",
        takes: Form::Assigned,
        gives: Form::Plan,
        run: Run::Seal,
    },
];

/// The stages of the pipeline that work on steps and can be left out.
pub const PASSES: &[Stage] = PIPELINE.split_at(6).1.split_at(7).0;

impl Stage {
    /// Whether it can be left out: the results stay equal, up to rounding.
    pub const fn is_optional(&self) -> bool {
        matches!(self.run, Run::Rewrite(_) | Run::Pass(_) | Run::Assign)
    }
}

/// An expression on its way through the pipeline.
pub(crate) enum Program<'p> {
    Module(Ir),
    /// With the route of each node.
    Ordered(&'p Ir, &'p IdVec<NodeId, Option<Route<'p>>>),
    Expanded(Applied),
    Steps(Applied, Draft),
    Assigned(Applied, Draft),
    Plan(Applied, Plan),
}

impl Program<'_> {
    fn form(&self) -> Form {
        match self {
            Program::Module(_) => Form::Module,
            Program::Ordered(..) => Form::Ordered,
            Program::Expanded(_) => Form::Expanded,
            Program::Steps(..) => Form::Steps,
            Program::Assigned(..) => Form::Assigned,
            Program::Plan(..) => Form::Plan,
        }
    }
}

/// Sees a stage after it has run, the number of its changes, and what it gave.
type Observe<'o> = dyn FnMut(&'static Stage, usize, &Program<'_>) + 'o;

/// Runs stages and checks what they promise.
pub(crate) struct Driver<'d, 'o> {
    pub(crate) choice: PassSet,
    pub(crate) hints: &'d Hints,
    pub(crate) machine: &'d Machine,
    pub(crate) observe: &'d mut Observe<'o>,
}

impl Driver<'_, '_> {
    /// Runs the stages from the form of `program` on, up to the search or to the end.
    ///
    /// # Errors
    /// [`PlanError::Pass`] names the stage after which its promise does not hold.
    pub(crate) fn run<'p>(&mut self, mut program: Program<'p>) -> Result<Program<'p>, PlanError> {
        let first = program.form();
        let looped = matches!(&program, Program::Module(ir) if ir.regions() > 1);
        for stage in PIPELINE.iter().filter(|stage| stage.takes >= first) {
            program = match &stage.run {
                Run::Search => break,
                Run::Rewrite(_) if looped => continue,
                Run::Rewrite(_) | Run::Pass(_) if !self.choice.has(stage.name) => continue,
                _ => self.stage(stage, program)?,
            };
        }
        Ok(program)
    }

    /// Runs one stage.
    fn stage<'p>(&mut self, stage: &'static Stage, program: Program<'p>) -> Result<Program<'p>, PlanError> {
        let guilty = |violation| PlanError::Pass { name: stage.name, violation };
        let (program, changes) = match (&stage.run, program) {
            (Run::Rewrite(run), Program::Module(ir)) => {
                let (ir, changes) = run(&ir).map_err(guilty)?;
                (Program::Module(ir), changes)
            }
            (Run::Expand, Program::Ordered(ir, routes)) => (Program::Expanded(write_out(ir, routes)?), 1),
            (Run::Lower, Program::Expanded(applied)) => {
                let draft = Draft { machine: *self.machine, ..lower(&applied.ir, self.hints)? };
                (Program::Steps(applied, draft), 1)
            }
            (Run::Pass(run), Program::Steps(applied, mut draft)) => {
                let flops = draft.flops();
                let changes = run(&mut draft);
                if changes > 0 {
                    verify_steps(&draft).map_err(guilty)?;
                    let after = draft.flops();
                    let kept = || guilty(Violation(format!("{flops} flops became {after}")));
                    (after == flops).then_some(()).ok_or_else(kept)?;
                }
                (Program::Steps(applied, draft), changes)
            }
            (Run::Assign, Program::Steps(applied, mut draft)) => {
                let share = self.choice.has(stage.name);
                let changes = memory::assign(&mut draft, share)?;
                let assigned = Program::Assigned(applied, draft);
                if !share {
                    return Ok(assigned);
                }
                (assigned, changes)
            }
            (Run::Seal, Program::Assigned(applied, draft)) => (Program::Plan(applied, Plan::seal(draft)?), 1),
            (_, program) => {
                let violation = Violation(format!("it takes {:?}, not {:?}", stage.takes, program.form()));
                return Err(guilty(violation));
            }
        };
        (self.observe)(stage, changes, &program);
        Ok(program)
    }
}

/// Runs the chosen rewrites. `observe` sees each of them, the number of its changes, and the module after it.
///
/// # Errors
/// [`PlanError::Pass`] names a rewrite that breaks an invariant: a defect.
pub fn rewrite(ir: &Ir, choice: PassSet, observe: &mut dyn FnMut(&'static Stage, usize, &Ir)) -> Result<Ir, PlanError> {
    rewritten_by(ir, choice, &mut |stage, changes, program| {
        if let Program::Module(ir) = program {
            observe(stage, changes, ir);
        }
    })
}

/// As [`rewrite`], for any observer.
pub(crate) fn rewritten_by(ir: &Ir, choice: PassSet, observe: &mut Observe<'_>) -> Result<Ir, PlanError> {
    let mut driver = Driver { choice, hints: &Hints::default(), machine: &Machine::DEFAULT, observe };
    match driver.run(Program::Module(ir.clone()))? {
        Program::Module(ir) => Ok(ir),
        other => Err(stuck(&other)),
    }
}

/// Runs the chosen passes, assigns memory and seals the plan. `observe` sees each pass, how often it changed something, and the
/// draft after it.
///
/// # Errors
/// [`PlanError::Pass`] names the pass after which an invariant or the number of flops does not hold any more;
/// [`PlanError::TooLarge`] if scratch memory cannot be addressed.
pub fn optimize(
    draft: Draft,
    passes: PassSet,
    observe: &mut dyn FnMut(&'static Stage, usize, &Draft),
) -> Result<Plan, PlanError> {
    let mut observe = |stage, changes, program: &Program<'_>| {
        if let Program::Steps(_, draft) | Program::Assigned(_, draft) = program {
            observe(stage, changes, draft);
        }
    };
    let mut driver =
        Driver { choice: passes, hints: &Hints::default(), machine: &Machine::DEFAULT, observe: &mut observe };
    match driver.run(Program::Steps(Applied::default(), draft))? {
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
