//! The command line of `einfold order`.

use super::{LanguageArgs, machine, path, value};
use crate::error::Failure;
use clap::Args;
use einfold::order::Machine;
use einfold::{Dtype, Order};
use einfold_order::ReplayRecord;
use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

const EXAMPLES: &str = "\
Examples:
  einfold order network.json --time 1s                searches for one second
  einfold order 'ij,jk,kl->il' --shapes 20x10,10x30,30x40
  einfold order network.json --trials 8 --seed 7 --json > best.json
                                                      the same result on every machine
  einfold order network.json --time 10s --start best.json
                                                      never worse than the given order
  einfold order network.json --time 1s --memory 2GiB --dtype complex64
  einfold run 'ij,jk,kl->il' a.npy b.npy c.npy --path best.json

A network is JSON: the axes of each tensor in `inputs`, the axes of the result in `output`, and the
extent of each axis in `sizes`. Ctrl-C ends a search, which then returns its best order.";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct OrderArgs {
    /// A file with a network, `-` for standard input, or an expression.
    #[arg(value_name = "FILE.json|EXPR", allow_hyphen_values = true)]
    pub(crate) input: OsString,
    /// One array for each operand of an expression, as for `run`; only type and shape are read.
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<OsString>,
    /// Shapes and types instead of files, as for `explain`: 20x10,10x30:f32,().
    #[arg(long, value_name = "SHAPES", value_parser = value::shapes)]
    pub(crate) shapes: Option<value::Shapes>,
    /// Read the expression in the syntax of einops: 'batch i, i -> batch'.
    #[arg(long)]
    pub(crate) spaced: bool,
    #[command(flatten)]
    pub(crate) language: LanguageArgs,
    /// The duration of the search: 1s, 500ms, 2m.
    #[arg(long, value_name = "TIME", value_parser = value::time)]
    pub(crate) time: Option<Duration>,
    /// The number of trials, of which the best is taken; the result does not depend on the machine.
    #[arg(long, value_name = "N", conflicts_with = "time", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) trials: Option<u32>,
    /// The memory limit for intermediates and result: 2GiB, 500MB, or bytes.
    #[arg(long, value_name = "SIZE", value_parser = value::memory)]
    pub(crate) memory: Option<u64>,
    /// The limit for the elements of an intermediate: 1073741824, or 2^30.
    #[arg(long, value_name = "N", value_parser = value::elements)]
    pub(crate) largest: Option<u64>,
    /// The element type of intermediates, for --memory. The default is f64, or the type of the expression.
    #[arg(long, value_name = "DTYPE", value_parser = value::dtype)]
    pub(crate) dtype: Option<Dtype>,
    /// Constant operands, by position from 0: steps that depend on them only run once and cost almost nothing in the
    /// search.
    #[arg(long, value_name = "N,N", value_delimiter = ',')]
    pub(crate) constants: Vec<u32>,
    /// The objective to minimise: flops, size (of the largest intermediate), write (the elements of all intermediates),
    /// combo (flops and 64 times write) or limit (for each step the maximum of the two), combo-N and limit-N with
    /// another weight, or time, which is a combo.
    #[arg(long, value_name = "NAME", default_value = "flops", value_parser = value::objective)]
    pub(crate) objective: String,
    /// The machine that the order is for: a file from `calibrate`. It determines the amount of search of `auto` and the
    /// weight of `time`. The default is the built-in machine.
    #[arg(long, value_name = "FILE")]
    pub(crate) machine: Option<PathBuf>,
    /// The seed of the random choices.
    #[arg(long, value_name = "N", default_value = "0")]
    pub(crate) seed: u64,
    /// The number of threads of the search.
    #[arg(long, value_name = "N", default_value = "1")]
    pub(crate) threads: NonZeroUsize,
    /// The strategy, by its name or the name of opt_einsum. The default is `deep` with --time, --trials or --start,
    /// otherwise `auto`.
    #[arg(long, visible_alias = "optimize", value_name = "NAME", value_parser = value::order, conflicts_with = "path")]
    pub(crate) order: Option<Order>,
    /// Do not search, but compute the cost of this path: '[(0,1),(0,1)]', or a file with the output of `order --json`.
    #[arg(long, value_name = "PATH", value_parser = path::parse)]
    pub(crate) path: Option<path::PathArg>,
    /// Repeat the search of this `record` from the JSON of another run, on any machine.
    #[arg(long, value_name = "RECORD", conflicts_with_all = ["path", "order", "time", "trials"])]
    pub(crate) replay: Option<ReplayRecord>,
    /// A path to start the search from, in the form of --path; the result is never worse.
    #[arg(long, value_name = "PATH", value_parser = path::parse, conflicts_with = "path")]
    pub(crate) start: Option<path::PathArg>,
    /// Draw the tree to this file: operands at the bottom, each step above its operands.
    #[arg(long, value_name = "OUT")]
    pub(crate) svg: Option<PathBuf>,
    /// Write the tree in the language of Graphviz to this file.
    #[arg(long, value_name = "OUT")]
    pub(crate) dot: Option<PathBuf>,
    /// A folder with a cache of orders: a cached order is not searched again, a new order is added.
    #[arg(long, value_name = "DIR")]
    pub(crate) cache: Option<PathBuf>,
    /// Print one line of JSON, with the path in linear and SSA form; errors are one line of JSON too.
    #[arg(long)]
    pub(crate) json: bool,
}

impl OrderArgs {
    /// Returns the machine of the file, or the built-in one.
    ///
    /// # Errors
    /// The file does not contain a machine.
    pub(crate) fn machine(&self) -> Result<Machine, Failure> {
        self.machine.as_deref().map_or(Ok(Machine::default()), machine::read)
    }
}
