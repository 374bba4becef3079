//! `einfold run`: evaluates an expression on files.

mod memory_check;
mod timing;

use crate::args::{RunArgs, path};
use crate::destination::Destinations;
use crate::error::Failure;
use crate::interrupt;
use crate::language;
use crate::npy::NpyError;
use crate::operands::{self, LoadedOperand, Operands};
use crate::output::{print_json, to_stdout};
use crate::progress::DelayedBar;
use crate::reserve_memory;
use crate::show;
use crate::warnings;
use einfold::{AnyArray, Control, Error, Plan};
use std::io::{self, IsTerminal, Write};
use std::num::NonZeroUsize;
use std::sync::atomic::AtomicBool;
use std::thread;

/// Reads the headers, plans, reads the data, runs and writes the results, in this order, so that errors are found
/// before large data is read and before anything is written. If a shape depends on an index tensor, the data is read
/// before planning.
pub(crate) fn run(args: &RunArgs) -> Result<(), Failure> {
    let source = language::expression_text(&args.text, &args.files)?;
    let (to, expression) = Destinations::new(&args.output, args.text.parse(&source.text)?)?;
    if args.json && to.takes_stdout() {
        return Err(Failure::Usage { verb: "run", what: "`--json` and `-o -` both write to standard output" });
    }
    let expression = args.plan.apply(args.language.apply(expression, "run")?)?;
    let (plan, operands) = operands::plan(&expression, operands::open(&source.files)?)?;
    if !args.quiet {
        warnings::print(&plan);
    }
    if args.dry_run {
        return to_stdout(|out| write_cost(&plan, out));
    }
    check_outputs(&plan, &to)?;
    if !args.quiet {
        memory_check::warn(&plan, matches!(operands, Operands::Loaded(_)));
    }
    let operands = operands.read()?;
    let bytes = memory_check::besides_operands(&plan);
    reserve_memory::to_run(bytes)?;
    let threads = threads(args, bytes)?;
    let results = if args.json {
        let timed = interrupt::gently(|stop| timing::run(&plan, &operands, &control(stop, threads), args))?;
        print_json(&timed.to_json(args, &plan, threads))?;
        timed.results
    } else {
        interrupt::gently(|stop| evaluate(&plan, &operands, &control(stop, threads), args.quiet))?
    };
    if to.is_empty() && !args.json {
        return to_stdout(|out| print(&results, &expression.output_names(), args.full, out));
    }
    to.write(&results)
}

/// Prints the results; several are each printed below their names.
fn print(results: &[AnyArray], names: &[&str], full: bool, out: &mut impl Write) -> io::Result<()> {
    for (k, result) in results.iter().enumerate() {
        if let (true, Some(name)) = (results.len() > 1, names.get(k)) {
            writeln!(out, "{name} =")?;
        }
        show::show(result, full, out)?;
    }
    Ok(())
}

/// Checks before the run whether NumPy has the types of the results.
fn check_outputs(plan: &Plan, to: &Destinations) -> Result<(), Failure> {
    match plan.output_types().iter().enumerate().find(|(_, ty)| ty.dtype.numpy_name().is_none()) {
        Some((k, ty)) => Err(Failure::Output { place: to.place(k), source: NpyError::Unwritable(ty.dtype) }),
        None => Ok(()),
    }
}

/// Runs once, with a progress bar on a terminal.
fn evaluate(
    plan: &Plan,
    operands: &[LoadedOperand<'_>],
    control: &Control<'_>,
    quiet: bool,
) -> Result<Vec<AnyArray>, Error> {
    let bar = DelayedBar::new();
    let show = |done, total| bar.show(done, total);
    let control =
        if quiet || !io::stderr().is_terminal() { *control } else { Control { progress: Some(&show), ..*control } };
    plan.call(operands).control(&control).run()
}

/// Returns the maximal number of threads of a run that takes `bytes` bytes; `None` for the default pool of rayon, which
/// starts when a run needs it. If the address space is too small for the threads, the number is one.
///
/// # Errors
/// The system cannot start the requested number of threads.
fn threads(args: &RunArgs, bytes: usize) -> Result<Option<NonZeroUsize>, Failure> {
    let asked = args.threads.and_then(|n| NonZeroUsize::new(n.into()));
    let number = asked.or_else(|| thread::available_parallelism().ok()).unwrap_or(NonZeroUsize::MIN);
    if reserve_memory::threads(number, bytes) == NonZeroUsize::MIN {
        return Ok(Some(NonZeroUsize::MIN));
    }
    let pool = rayon::ThreadPoolBuilder::new().num_threads(asked.map_or(0, NonZeroUsize::get));
    match asked {
        Some(_) => pool.build_global().map(|()| asked).map_err(Failure::Threads),
        // The JSON contains the number of threads, so the pool must exist.
        None if args.json => Ok(pool.build_global().err().map(|_| NonZeroUsize::MIN)),
        None => Ok(None),
    }
}

fn control(stop: &AtomicBool, threads: Option<NonZeroUsize>) -> Control<'_> {
    Control { cancel: Some(stop), threads, ..Control::default() }
}

/// Writes the cost of a run for `--dry-run`.
fn write_cost(plan: &Plan, to: &mut impl Write) -> io::Result<()> {
    let cost = plan.cost();
    for ty in plan.output_types() {
        let name = ty.name.map_or_else(String::new, |name| format!("{name} = "));
        writeln!(to, "result   {name}{} {}", ty.dtype, shape(&ty.shape))?;
    }
    writeln!(to, "memory   {} bytes besides the operands", plan.peak_bytes())?;
    writeln!(to, "flops    {} multiply-adds", cost.flops)?;
    writeln!(to, "largest  {} elements in one step's result", cost.size)?;
    writeln!(to, "path     {}", path::show_order(&plan.order()))
}

/// Writes extents in the form of `--shapes`: `20x10`, and `()` for a scalar.
fn shape(extents: &[usize]) -> String {
    if extents.is_empty() {
        return "()".to_owned();
    }
    extents.iter().map(ToString::to_string).collect::<Vec<_>>().join("x")
}
