//! The command line. The parsers in [`value`] give the values their meaning; the verbs use them.

mod machine;
mod order;
pub(crate) mod path;
pub(crate) mod value;

use clap::builder::Styles;
use clap::error::ContextValue;
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
pub(crate) use order::OrderArgs;

use crate::error::Failure;
use einfold::{Dtype, Expression, Order, OutOfRange, algebra::NamedAlgebra, explain::Stage, typed::Literal};
use einfold_ir::visible;
use einfold_syntax::{cut, cut_quotation};
use std::env;
use std::ffi::OsString;
use std::io::Write;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::process::exit;

const EXAMPLES: &str = "\
Examples:
  einfold run 'ij,jk->ik' a.npy b.npy -o c.npy        product of two matrices, to a file
  einfold run 'ii->' weights.npz:layer1               trace of an array in an archive, printed
  einfold run '[row col], [col] -> [row]' a.npy x.npy the same with names for axes
  einfold run 'Y[seg[n]] += X[n]' X=x.npy seg=s.npy   a program: the sum of each segment
  einfold run --program step.ein X=x.npy -o Y=y.npy   a program from a file
  einfold run 'ij,jk,kl->il' a.npy b.npy c.npy --dry-run
                                                      its cost, without a run
  einfold explain 'ij,jk,kl->il' --shapes 20x10,10x30,30x40
                                                      its plan, and the reasons
  einfold order network.json --time 1s                the best contraction order of a network
  einfold check 'ij, jk -> ik'                        checks the syntax only
  einfold calibrate -o here.json                      measures this machine, for --machine

Exit codes: 0 success; 1 an error in the expression, its operands or files, or a result that cannot
be written; 2 an error in the command line; 3 too little memory. A signal ends the process by that
signal, which shells report as 128 plus its number: 130 for Ctrl-C, 143 for SIGTERM. The code is 0
if a reader closes the pipe. A file of `-o` is always either complete or unchanged.";

const RUN_EXAMPLES: &str = "\
Examples:
  einfold run 'ij,jk->ik' a.npy b.npy                 printed as NumPy prints arrays
  einfold run 'bij,bjk->bik' x.npz:q x.npz:k -o scores.npy
  einfold run 'ij->ji' a.npy -o - | einfold run 'ij->' -
  einfold run 'ij,jk->ik' w.npy w.npy --algebra min-plus
  einfold run 'Y[g[n]:K] max= X[n]' X=x.npy g=g.npy --size K=10 --oor g=drop --fill 0
  einfold run -f layer.ein x=x.npy W=w.npy -o y=y.npy -o dW=dw.npy
  einfold run -f layer.ein x=x.npy W=w.npy -o all.npz     all results, under their names
  einfold run -f layer.ein x=x.npy W=w.npy -o y=r.npz:out -o dW=r.npz
  einfold run 'ij,jk,kl->il' a.npy b.npy c.npy --path '[(1,2),(0,1)]'
  einfold run 'ij,jk->ik' a.npy b.npy --repeat 10 --warmup 2 --json";

const EXPLAIN_EXAMPLES: &str = "\
Examples:
  einfold explain 'ij,jk,kl->il' --shapes 20x10,10x30,30x40
  einfold explain 'i,,->i' --shapes '8:f32,(),()' --stage plan
  einfold explain 'Y[seg[n]:9,f] += X[n,f]' --shapes 'X=20x10,seg=20:i64'
  einfold explain -f layer.ein x=x.npy W=w.npy
  einfold explain 'ij,jk->ik' a.npy b.npy --format dot | dot -Tsvg > plan.svg";

const CALIBRATE_EXAMPLES: &str = "\
Examples:
  einfold calibrate                                   measure and print
  einfold calibrate -o here.json                      measure and write to a file
  einfold run 'ij,jk,kl->il' a.npy b.npy c.npy --machine here.json

The measurement takes a few seconds and up to 256 MiB for arrays; let nothing else run meanwhile.
The file is JSON of the form einfold.machine/1: times in nanoseconds of one multiply-add in a
matrix product and in loops, of a call, a byte, a start of threads and the order search, and the
sizes of the caches. The built-in values remain for caches that the processor does not report, and
for the start of threads if there is only one. A plan for this machine may differ from that for
the built-in one, and its results by rounding.";

/// Run and explain einsum expressions and tensor programs: `ij,jk->ik` is the product of two matrices.
#[derive(Debug, Parser)]
#[command(name = "einfold", bin_name = "einfold", version, after_help = EXAMPLES, styles = STYLES)]
pub(crate) struct CommandLine {
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

impl CommandLine {
    /// Parses the command line of the process. Help ends the process here; so does an error, which is reported.
    pub(crate) fn read() -> CommandLine {
        let arguments: Vec<OsString> = env::args_os().collect();
        CommandLine::try_parse_from(&arguments).unwrap_or_else(|error| {
            // A report quotes the arguments, so escaped arguments are parsed again, which gives the same error. An
            // argument that is only wrong because it is not Unicode is not quoted.
            let shown = arguments.iter().map(|argument| visible(&argument.to_string_lossy()).into_owned());
            refuse(CommandLine::try_parse_from(shown).err().unwrap_or(error))
        })
    }
}

/// Prints help, or reports an error of the command line with long quotations shortened, and ends the process.
fn refuse(mut error: clap::Error) -> ! {
    if !error.use_stderr() {
        error.exit();
    }
    let quoted: Vec<_> = error.context().map(|(kind, value)| (kind, shortened(value))).collect();
    for (kind, value) in quoted {
        value.map(|value| error.insert(kind, value));
    }
    // Messages from the parsers of values are shortened as well.
    let report = error.render().ansi().to_string();
    let lines: String = report.lines().map(|line| cut(line).into_owned() + "\n").collect();
    // If standard error is closed, the error cannot be reported.
    let _ = anstream::stderr().write_all(lines.as_bytes());
    exit(error.exit_code())
}

/// Returns a shortened quotation of an argument if it is too long.
fn shortened(value: &ContextValue) -> Option<ContextValue> {
    let quoted = |text: &str| cut_quotation(text).into_owned();
    match value {
        ContextValue::String(text) => Some(ContextValue::String(quoted(text))),
        ContextValue::Strings(texts) => Some(ContextValue::Strings(texts.iter().map(|text| quoted(text)).collect())),
        _ => None,
    }
}

const STYLES: Styles = Styles::styled();

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Evaluate an expression on arrays in .npy and .npz files.
    Run(RunArgs),
    /// Show every stage from the text to the plan.
    Explain(ExplainArgs),
    /// Search a contraction order, for a network in a file or for an expression.
    Order(Box<OrderArgs>),
    /// Read an expression and print it in canonical form.
    Check(CheckArgs),
    /// Measure this machine, for plans that suit it.
    Calibrate(CalibrateArgs),
    /// Print the completion script of a shell.
    Completions {
        /// The shell.
        shell: Shell,
    },
}

/// The text of the expression.
#[derive(Debug, Args)]
pub(crate) struct TextArgs {
    /// The expression: letters 'ij,jk->ik', named subscripts '[i j], [j] -> [i]', or a program 'Y[g[n]] += X[n]'.
    /// Omitted with --program.
    #[arg(value_name = "EXPR", allow_hyphen_values = true, required_unless_present = "program")]
    pub(crate) text: Option<OsString>,
    /// Read the expression from this file instead of the argument; `-` is standard input.
    #[arg(short = 'f', long, value_name = "PROGRAM")]
    pub(crate) program: Option<PathBuf>,
    /// Read the expression in the syntax of einops: 'batch i, i -> batch'.
    #[arg(long)]
    pub(crate) spaced: bool,
}

/// The options of the language.
#[derive(Debug, Args)]
pub(crate) struct LanguageArgs {
    /// Require equal sizes for all axes with one name; size 1 does not broadcast.
    #[arg(long)]
    pub(crate) strict: bool,
    /// The algebra of subscripts, such as max-plus or '(min,+)'; programs name their own operations.
    #[arg(long, visible_alias = "semiring", value_name = "NAME", value_parser = value::algebra)]
    pub(crate) algebra: Option<NamedAlgebra>,
    /// The element type of all computations and results.
    #[arg(long, value_name = "DTYPE", value_parser = value::dtype)]
    pub(crate) acc: Option<Dtype>,
    /// The value of a size parameter: K=64. May be repeated.
    #[arg(long = "size", value_name = "NAME=SIZE", value_parser = value::size)]
    pub(crate) sizes: Vec<(String, usize)>,
    /// The policy for gather and scatter indices out of range: error, drop or wrap; for one index tensor g=drop. May be
    /// repeated.
    #[arg(long, value_name = "POLICY", value_parser = value::policy)]
    pub(crate) oor: Vec<value::NamedValue<OutOfRange>>,
    /// The value of positions without a contribution; for one of several results Y=0. May be repeated.
    #[arg(long, value_name = "VALUE", value_parser = value::fill, allow_hyphen_values = true)]
    pub(crate) fill: Vec<value::NamedValue<Literal>>,
}

/// The options of the planner.
#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    /// The strategy of the search for a contraction order, by its name or the name of opt_einsum.
    #[arg(long, visible_alias = "optimize", value_name = "NAME", value_parser = value::order, conflicts_with = "path")]
    pub(crate) order: Option<Order>,
    /// The contraction order: a path in NumPy's linear form, '[(0,1),(0,1)]', or a file with the output of `order
    /// --json`, `explain --format json` or `run --json`, whose slices are applied too.
    #[arg(long, value_name = "PATH", value_parser = path::parse)]
    pub(crate) path: Option<path::PathArg>,
    /// The memory limit of a run, without its operands: 2GiB, 500MB, or bytes.
    #[arg(long, value_name = "SIZE", value_parser = value::memory)]
    pub(crate) memory: Option<u64>,
    /// The machine that the plan is for: a file from `calibrate`. The default is the built-in machine.
    #[arg(long, value_name = "FILE")]
    pub(crate) machine: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = RUN_EXAMPLES)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) text: TextArgs,
    /// One array for each operand: FILE.npy, FILE.npz:KEY for a member of an archive, or `-` for standard input. The
    /// operands of a program are in the order of first use, or given as NAME=FILE in any order.
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<OsString>,
    /// Write the result to FILE.npy, to a new archive FILE.npz or FILE.npz:KEY, or as .npy to standard output with `-`,
    /// instead of printing it. Several results of a program are written to one FILE.npz, or each to a file with
    /// NAME=FILE, repeated for each result to write.
    #[arg(short, long, value_name = "OUT")]
    pub(crate) output: Vec<OsString>,
    /// Print all elements, even of large arrays.
    #[arg(long, conflicts_with_all = ["output", "json"])]
    pub(crate) full: bool,
    /// The number of threads, up to 1024; results do not depend on it. The default is one for each processor, or one
    /// thread if `ulimit -v` leaves too little memory for more.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) threads: Option<u16>,
    #[command(flatten)]
    pub(crate) language: LanguageArgs,
    #[command(flatten)]
    pub(crate) plan: PlanArgs,
    /// Print the cost and the memory of a run without running. Only the headers of the files are read, unless a shape
    /// depends on an index tensor.
    #[arg(long, conflicts_with = "json")]
    pub(crate) dry_run: bool,
    /// Print the time of each run, without reading, planning and writing, as one line of JSON; errors are one line of
    /// JSON too.
    #[arg(long)]
    pub(crate) json: bool,
    /// Print only errors on standard error, without progress and warnings, which are shown on a terminal only.
    #[arg(short, long)]
    pub(crate) quiet: bool,
    /// The number of timed runs.
    #[arg(long, value_name = "N", requires = "json", default_value = "1")]
    pub(crate) repeat: NonZeroU32,
    /// The number of runs before the timed ones.
    #[arg(long, value_name = "N", requires = "json", default_value = "0")]
    pub(crate) warmup: u32,
}

#[derive(Debug, Args)]
#[command(after_help = EXPLAIN_EXAMPLES)]
pub(crate) struct ExplainArgs {
    #[command(flatten)]
    pub(crate) text: TextArgs,
    /// One array for each operand, as for `run`; only type and shape are read.
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<OsString>,
    /// Shapes and types instead of files: 20x10,10x30:f32,() for a matrix of f64, one of f32 and a scalar; with names
    /// X=20x10,seg=20:i64.
    #[arg(long, value_name = "SHAPES", value_parser = value::shapes)]
    pub(crate) shapes: Option<value::Shapes>,
    #[command(flatten)]
    pub(crate) language: LanguageArgs,
    #[command(flatten)]
    pub(crate) plan: PlanArgs,
    /// Show only this stage.
    #[arg(long, value_name = "STAGE", value_parser = value::stage())]
    pub(crate) stage: Option<Stage>,
    /// The output format; with json, errors are one line of JSON too.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    pub(crate) text: TextArgs,
    /// Print errors as one line of JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = CALIBRATE_EXAMPLES)]
pub(crate) struct CalibrateArgs {
    /// Write the machine to this file instead of printing it.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

/// An output format of `explain`.
#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
pub(crate) enum Format {
    /// Text for people.
    Text,
    /// JSON for programs.
    Json,
    /// A graph in the language of Graphviz.
    Dot,
}

impl Verb {
    /// Returns whether the output is JSON, so that errors are printed as JSON too.
    pub(crate) fn speaks_json(&self) -> bool {
        match self {
            Verb::Run(args) => args.json,
            Verb::Explain(args) => args.format == Format::Json,
            Verb::Order(args) => args.json,
            Verb::Check(args) => args.json,
            Verb::Calibrate(_) | Verb::Completions { .. } => false,
        }
    }
}

impl PlanArgs {
    /// Returns the expression with these options.
    ///
    /// # Errors
    /// The path file does not contain an order, or the machine file does not contain a machine.
    pub(crate) fn apply(&self, mut expression: Expression) -> Result<Expression, Failure> {
        if let Some(order) = &self.order {
            expression = expression.order(order.clone())?;
        }
        if let Some(path) = &self.path {
            expression = expression.order(path.read()?)?;
        }
        if let Some(bytes) = self.memory {
            expression = expression.memory(bytes);
        }
        if let Some(file) = &self.machine {
            expression = expression.machine(machine::read(file)?);
        }
        Ok(expression)
    }
}
