//! The command line as it is written. What the values mean is settled by their parsers in [`value`]; what they lead to, by
//! the verbs.

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
use einfold::{Dtype, Expression, Literal, NamedAlgebra, Order, OutOfRange, Stage};
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
  einfold run 'Y[seg[n]] += X[n]' X=x.npy seg=s.npy   a program: sums of the values with equal ids
  einfold run --program step.ein X=x.npy -o Y=y.npy   a program from a file
  einfold run 'ij,jk,kl->il' a.npy b.npy c.npy --dry-run
                                                      what it would cost
  einfold explain 'ij,jk,kl->il' --shapes 20x10,10x30,30x40
                                                      how it would be computed, and why
  einfold order network.json --time 1s                the best order to contract a network in
  einfold check 'ij, jk -> ik'                        only whether it can be read
  einfold calibrate -o here.json                      measure this machine, for --machine

Exit codes: 0 done; 1 a mistake in the expression, its operands or files, or a result that cannot
be written; 2 a mistake in the command line; 3 not enough memory. A signal ends it as the signal
does, which shells report as 128 and its number: 130 for Ctrl-C, 143 for SIGTERM. A reader that
closes the pipe ends it with 0. Whatever ends it, a file of `-o` is complete or as it was before.";

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
  einfold calibrate -o here.json                      measure and keep
  einfold run 'ij,jk,kl->il' a.npy b.npy c.npy --machine here.json

The measurement takes a few seconds and 256 MiB; let nothing else run meanwhile. The file is JSON of
the form einfold.machine/1: times in nanoseconds of one multiply-add in a matrix product and in
loops, of a call, a byte, a start of threads and the order search, and the sizes of the caches. A
plan that is made for it may differ from the plan made without it, and results by rounding.";

/// Run and explain einsum expressions and tensor programs: `ij,jk->ik` is the product of two matrices.
#[derive(Debug, Parser)]
#[command(name = "einfold", bin_name = "einfold", version, after_help = EXAMPLES, styles = STYLES)]
pub(crate) struct CommandLine {
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

impl CommandLine {
    /// What the process was started with. Help ends the process here, and so does a mistake, which is reported.
    pub(crate) fn read() -> CommandLine {
        let arguments: Vec<OsString> = env::args_os().collect();
        CommandLine::try_parse_from(&arguments).unwrap_or_else(|error| {
            // Reports quote the arguments. The same mistake is made by the arguments as they are shown; what is only wrong for
            // not being Unicode is not quoted.
            let shown = arguments.iter().map(|argument| visible(&argument.to_string_lossy()).into_owned());
            refuse(CommandLine::try_parse_from(shown).err().unwrap_or(error))
        })
    }
}

/// Reports a mistake of the command line, with what it quotes of the arguments cut, or prints help; and ends the process.
fn refuse(mut error: clap::Error) -> ! {
    if !error.use_stderr() {
        error.exit();
    }
    let quoted: Vec<_> = error.context().map(|(kind, value)| (kind, shortened(value))).collect();
    for (kind, value) in quoted {
        value.map(|value| error.insert(kind, value));
    }
    // What the parsers of values say comes as it is.
    let report = error.render().ansi().to_string();
    let lines: String = report.lines().map(|line| cut(line).into_owned() + "\n").collect();
    // Where standard error itself is gone there is nowhere left to say so.
    let _ = anstream::stderr().write_all(lines.as_bytes());
    exit(error.exit_code())
}

/// The quotation of an argument as it is to be shown, if it is too long.
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
    /// Measure this machine, for plans that are made for it.
    Calibrate(CalibrateArgs),
    /// Print the completion script of a shell.
    Completions {
        /// The shell.
        shell: Shell,
    },
}

/// Where the expression is.
#[derive(Debug, Args)]
pub(crate) struct TextArgs {
    /// The expression: letters 'ij,jk->ik', named subscripts '[i j], [j] -> [i]', or a program 'Y[g[n]] += X[n]'. Left out with
    /// --program.
    #[arg(value_name = "EXPR", allow_hyphen_values = true, required_unless_present = "program")]
    pub(crate) text: Option<OsString>,
    /// A file with the expression, which then is no argument; `-` is standard input.
    #[arg(short = 'f', long, value_name = "PROGRAM")]
    pub(crate) program: Option<PathBuf>,
    /// Read the expression as einops writes it: 'batch i, i -> batch'.
    #[arg(long)]
    pub(crate) spaced: bool,
}

/// What decides the meaning of an expression besides its text.
#[derive(Debug, Args)]
pub(crate) struct LanguageArgs {
    /// Axes of one name must agree in size; size 1 does not stretch.
    #[arg(long)]
    pub(crate) strict: bool,
    /// The sum and the product of subscripts, such as max-plus or '(min,+)'; programs spell theirs.
    #[arg(long, visible_alias = "semiring", value_name = "NAME", value_parser = value::algebra)]
    pub(crate) algebra: Option<NamedAlgebra>,
    /// The element type that everything is computed in, and that results have.
    #[arg(long, value_name = "DTYPE", value_parser = value::dtype)]
    pub(crate) acc: Option<Dtype>,
    /// A size that the expression names: K=64. May be repeated.
    #[arg(long = "size", value_name = "NAME=SIZE", value_parser = value::size)]
    pub(crate) sizes: Vec<(String, usize)>,
    /// What ids out of range do: error, drop or wrap; for the ids of one operand g=drop. May be repeated.
    #[arg(long, value_name = "POLICY", value_parser = value::policy)]
    pub(crate) oor: Vec<value::Named<OutOfRange>>,
    /// The value of positions that nothing contributes to; of one result of several Y=0. May be repeated.
    #[arg(long, value_name = "VALUE", value_parser = value::fill, allow_hyphen_values = true)]
    pub(crate) fill: Vec<value::Named<Literal>>,
}

/// What decides a plan besides expression and operands.
#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    /// The strategy that chooses the contraction order, by its own or opt_einsum's name.
    #[arg(long, visible_alias = "optimize", value_name = "NAME", value_parser = value::order, conflicts_with = "path")]
    pub(crate) order: Option<Order>,
    /// The contraction order itself: in NumPy's linear form, '[(0,1),(0,1)]', or a file with what `order --json`, `explain
    /// --format json` or `run --json` prints, whose slices are kept.
    #[arg(long, value_name = "PATH", value_parser = path::parse)]
    pub(crate) path: Option<path::PathArg>,
    /// The most memory a run may need besides its operands: 2GiB, 500MB, or bytes.
    #[arg(long, value_name = "SIZE", value_parser = value::memory)]
    pub(crate) memory: Option<u64>,
    /// Plan for the machine in this file, which `calibrate` wrote, instead of the one that is built in.
    #[arg(long, value_name = "FILE")]
    pub(crate) machine: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = RUN_EXAMPLES)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) text: TextArgs,
    /// One array for each operand: FILE.npy, FILE.npz:KEY for a member of an archive, or `-` for standard input; for programs in
    /// the order in which they name them, or as NAME=FILE in any order.
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<OsString>,
    /// Write the result to FILE.npy, to a new archive as FILE.npz or FILE.npz:KEY, or as .npy to standard output for `-`, instead
    /// of printing it. Several results of a program go to one FILE.npz, or each to its place as NAME=FILE, repeated for those that
    /// are wanted.
    #[arg(short, long, value_name = "OUT")]
    pub(crate) output: Vec<OsString>,
    /// Print all elements, however many.
    #[arg(long, conflicts_with_all = ["output", "json"])]
    pub(crate) full: bool,
    /// How many threads to use, up to 1024; the result does not depend on it. The default is one for each processor; where
    /// `ulimit -v` leaves no room for them, one.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) threads: Option<u16>,
    #[command(flatten)]
    pub(crate) language: LanguageArgs,
    #[command(flatten)]
    pub(crate) plan: PlanArgs,
    /// Print what a run would cost and need, and do not run. Of the files only the headers are read, unless ids tell a shape.
    #[arg(long, conflicts_with = "json")]
    pub(crate) dry_run: bool,
    /// Print the time of each run, without reading, planning and writing, as one line of JSON; a mistake too is one line of JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// Say nothing on standard error but what is wrong: no progress, no warnings. They are shown on a terminal only.
    #[arg(short, long)]
    pub(crate) quiet: bool,
    /// How many runs to time.
    #[arg(long, value_name = "N", requires = "json", default_value = "1")]
    pub(crate) repeat: NonZeroU32,
    /// How many runs to make before the timed ones.
    #[arg(long, value_name = "N", requires = "json", default_value = "0")]
    pub(crate) warmup: u32,
}

#[derive(Debug, Args)]
#[command(after_help = EXPLAIN_EXAMPLES)]
pub(crate) struct ExplainArgs {
    #[command(flatten)]
    pub(crate) text: TextArgs,
    /// One array for each operand, as for `run`, of which only the type and shape are read.
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
    /// How to show it; with json a mistake too is one line of JSON.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    pub(crate) text: TextArgs,
    /// Print a mistake as one line of JSON.
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

/// A form of explanation.
#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
    /// A graph, for Graphviz.
    Dot,
}

impl Verb {
    /// Whether programs read the output, so that mistakes are for them too.
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
    /// The expression with these options.
    ///
    /// # Errors
    /// A file that has no path or no machine in it.
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
