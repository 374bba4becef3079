//! `einfold run`: evaluates an expression on files.

mod timing;

use crate::args::RunArgs;
use crate::error::Failure;
use crate::interrupt;
use crate::npy::NpyError;
use crate::operands;
use crate::output::{Target, to_stdout};
use crate::show;
use einfold::{AnyArray, Control, Plan};
use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::atomic::AtomicBool;

/// Reads the headers, plans, reads the data, runs and hands out the result, in this order: what is wrong is found before
/// anything large is read, and before anything is written.
pub(crate) fn run(args: &RunArgs) -> Result<(), Failure> {
    interrupt::listen();
    let target = args.output.as_deref().map(Target::new).transpose()?;
    if args.json && matches!(target, Some(Target::Stdout)) {
        return Err(Failure::Usage { verb: "run", what: "`--json` and `-o -` both write to standard output" });
    }
    let expression = args.plan.expression(&args.text)?;
    let inputs = operands::open(&args.files)?;
    let plan = expression.plan(operands::types(&inputs))?;
    if args.dry_run {
        return to_stdout(|out| write_cost(&plan, out));
    }
    check_output(&plan, args.output.as_deref())?;
    start_threads(args)?;
    let operands = operands::read(inputs)?;
    let operands: Vec<&AnyArray> = operands.iter().collect();
    let operands = operands.as_slice();
    let result = if args.json {
        let timed = interrupt::gently(|stop| timing::run(&plan, operands, &control(stop, args), args))?;
        to_stdout(|out| writeln!(out, "{}", timed.to_json(args, &plan)))?;
        timed.result
    } else {
        interrupt::gently(|stop| plan.call(operands).control(&control(stop, args)).run_any())?
    };
    match target {
        Some(target) => target.write(&result),
        None if args.json => Ok(()),
        None => to_stdout(|out| show::show(&result, args.full, out)),
    }
}

/// Finds out before the run whether NumPy has the type of the result.
fn check_output(plan: &Plan, output: Option<&Path>) -> Result<(), Failure> {
    let place = output.map_or_else(|| "standard output".to_owned(), |path| format!("`{}`", path.display()));
    match plan.output_types().iter().find(|ty| ty.dtype.numpy_name().is_none()) {
        Some(ty) => Err(Failure::Output { place, source: NpyError::Unwritable(ty.dtype) }),
        None => Ok(()),
    }
}

/// Makes as many threads as were asked for. A run on one thread is a run on this one.
fn start_threads(args: &RunArgs) -> Result<(), Failure> {
    match args.threads.map(usize::from) {
        None | Some(1) => Ok(()),
        Some(n) => rayon::ThreadPoolBuilder::new().num_threads(n).build_global().map_err(Failure::Threads),
    }
}

fn control<'a>(stop: &'a AtomicBool, args: &RunArgs) -> Control<'a> {
    Control {
        cancel: Some(stop),
        threads: args.threads.and_then(|n| NonZeroUsize::new(n.into())),
        ..Control::default()
    }
}

/// What a run would take: `--dry-run`.
fn write_cost(plan: &Plan, to: &mut impl Write) -> io::Result<()> {
    let cost = plan.cost();
    for ty in plan.output_types() {
        writeln!(to, "result   {} {}", ty.dtype, shape(&ty.shape))?;
    }
    writeln!(to, "memory   {} bytes besides the operands", plan.peak_bytes())?;
    writeln!(to, "flops    {} multiply-adds", cost.flops)?;
    writeln!(to, "largest  {} elements in one step's result", cost.size)?;
    let steps: Vec<String> = plan.path().iter().map(|step| tuple(step)).collect();
    writeln!(to, "path     [{}]", steps.join(", "))
}

/// Extents as `--shapes` takes them: `20x10`, and `()` for a scalar.
fn shape(extents: &[usize]) -> String {
    if extents.is_empty() { "()".to_owned() } else { join(extents, "x") }
}

/// A step of a path as Python writes it.
fn tuple(step: &[u32]) -> String {
    let end = if step.len() == 1 { "," } else { "" };
    format!("({}{end})", join(step, ", "))
}

fn join(numbers: &[impl ToString], separator: &str) -> String {
    numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(separator)
}
