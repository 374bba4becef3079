//! `einfold run`: evaluates an expression on files.

mod timing;

use crate::args::{RunArgs, path};
use crate::destination::Destinations;
use crate::error::Failure;
use crate::interrupt;
use crate::language;
use crate::notes;
use crate::npy::NpyError;
use crate::operands;
use crate::output::to_stdout;
use crate::show;
use einfold::{AnyArray, Control, Plan};
use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::sync::atomic::AtomicBool;

/// Reads the headers, plans, reads the data, runs and hands out the results, in this order: what is wrong is found before
/// anything large is read, and before anything is written. Where ids tell a shape, the data is read before planning.
pub(crate) fn run(args: &RunArgs) -> Result<(), Failure> {
    interrupt::listen();
    let source = language::source(&args.text, &args.files)?;
    let (to, expression) = Destinations::new(&args.output, args.text.parse(&source.text)?)?;
    if args.json && to.takes_stdout() {
        return Err(Failure::Usage { verb: "run", what: "`--json` and `-o -` both write to standard output" });
    }
    let expression = args.plan.apply(args.language.apply(expression, "run")?)?;
    start_threads(args)?;
    let (plan, operands) = operands::plan(&expression, operands::open(&source.files)?)?;
    if !args.quiet {
        notes::warn(&plan);
    }
    if args.dry_run {
        return to_stdout(|out| write_cost(&plan, out));
    }
    check_outputs(&plan, &to)?;
    let operands = operands.read()?;
    let results = if args.json {
        let timed = interrupt::gently(|stop| timing::run(&plan, &operands, &control(stop, args), args))?;
        to_stdout(|out| writeln!(out, "{}", timed.to_json(args, &plan)))?;
        timed.results
    } else {
        interrupt::gently(|stop| plan.call(&operands[..]).control(&control(stop, args)).run())?
    };
    if to.is_empty() && !args.json {
        return to_stdout(|out| print(&results, &expression.output_names(), args.full, out));
    }
    to.targets().zip(&results).try_for_each(|(target, result)| target.write(result))
}

/// Several results are printed each below its name.
fn print(results: &[AnyArray], names: &[&str], full: bool, out: &mut impl Write) -> io::Result<()> {
    for (k, result) in results.iter().enumerate() {
        if let (true, Some(name)) = (results.len() > 1, names.get(k)) {
            writeln!(out, "{name} =")?;
        }
        show::show(result, full, out)?;
    }
    Ok(())
}

/// Finds out before the run whether NumPy has the types of the results.
fn check_outputs(plan: &Plan, to: &Destinations) -> Result<(), Failure> {
    match plan.output_types().iter().enumerate().find(|(_, ty)| ty.dtype.numpy_name().is_none()) {
        Some((k, ty)) => Err(Failure::Output { place: to.place(k), source: NpyError::Unwritable(ty.dtype) }),
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
        let name = ty.name.map_or_else(String::new, |name| format!("{name} = "));
        writeln!(to, "result   {name}{} {}", ty.dtype, shape(&ty.shape))?;
    }
    writeln!(to, "memory   {} bytes besides the operands", plan.peak_bytes())?;
    writeln!(to, "flops    {} multiply-adds", cost.flops)?;
    writeln!(to, "largest  {} elements in one step's result", cost.size)?;
    writeln!(to, "path     {}", path::show(&plan.path()))
}

/// Extents as `--shapes` takes them: `20x10`, and `()` for a scalar.
fn shape(extents: &[usize]) -> String {
    if extents.is_empty() {
        return "()".to_owned();
    }
    extents.iter().map(ToString::to_string).collect::<Vec<_>>().join("x")
}
