//! The command line of `einfold order`.

use super::{LanguageArgs, machine, path, value};
use crate::error::Failure;
use clap::Args;
use einfold::{Dtype, Machine, Order};
use einfold_order::Record;
use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

const EXAMPLES: &str = "\
Examples:
  einfold order network.json --time 1s                what is found in a second
  einfold order 'ij,jk,kl->il' --shapes 20x10,10x30,30x40
  einfold order network.json --trials 8 --seed 7 --json > best.json
                                                      the same on every machine
  einfold order network.json --time 10s --start best.json
                                                      no worse than what is there
  einfold order network.json --time 1s --memory 2GiB --dtype complex64
  einfold run 'ij,jk,kl->il' a.npy b.npy c.npy --path best.json

A network is JSON: the axes of each tensor in `inputs`, those that are kept in `output`, and the
extent of each axis in `sizes`. Ctrl-C ends a search, which then gives the best that it has.";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct OrderArgs {
    /// A file with a network, `-` for standard input, or an expression.
    #[arg(value_name = "FILE.json|EXPR", allow_hyphen_values = true)]
    pub(crate) input: OsString,
    /// One array for each operand of an expression, as for `run`, of which only the type and shape are read.
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<OsString>,
    /// Shapes and types instead of files, as for `explain`: 20x10,10x30:f32,().
    #[arg(long, value_name = "SHAPES", value_parser = value::shapes)]
    pub(crate) shapes: Option<value::Shapes>,
    /// Read the expression as einops writes it: 'batch i, i -> batch'.
    #[arg(long)]
    pub(crate) spaced: bool,
    #[command(flatten)]
    pub(crate) language: LanguageArgs,
    /// How long to search: 1s, 500ms, 2m.
    #[arg(long, value_name = "TIME", value_parser = value::time)]
    pub(crate) time: Option<Duration>,
    /// How many searches to make, of which the best is taken; the result does not depend on the machine.
    #[arg(long, value_name = "N", conflicts_with = "time", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) trials: Option<u32>,
    /// The most memory that intermediates and result may take: 2GiB, 500MB, or bytes.
    #[arg(long, value_name = "SIZE", value_parser = value::memory)]
    pub(crate) memory: Option<u64>,
    /// The most elements that an intermediate may have: 1073741824, or 2^30.
    #[arg(long, value_name = "N", value_parser = value::elements)]
    pub(crate) largest: Option<u64>,
    /// The element type of intermediates, for --memory. The default is f64, and for an expression its own.
    #[arg(long, value_name = "DTYPE", value_parser = value::dtype)]
    pub(crate) dtype: Option<Dtype>,
    /// Operands that stay the same from run to run, by position from 0: what is made of them alone is made once, and counts
    /// next to nothing in the search.
    #[arg(long, value_name = "N,N", value_delimiter = ',')]
    pub(crate) constants: Vec<u32>,
    /// What to make small: flops, size (the largest intermediate), write (the elements of all), combo (flops and 64 times
    /// write) or limit (of each step whichever is more), combo-N and limit-N with another weight; or time, which is a combo.
    #[arg(long, value_name = "NAME", default_value = "flops", value_parser = value::objective)]
    pub(crate) objective: String,
    /// Search for the machine in this file, which `calibrate` wrote, instead of the one that is built in: it decides how much
    /// `auto` searches, and the weight of `time`.
    #[arg(long, value_name = "FILE")]
    pub(crate) machine: Option<PathBuf>,
    /// The seed of random choices.
    #[arg(long, value_name = "N", default_value = "0")]
    pub(crate) seed: u64,
    /// How many threads may search.
    #[arg(long, value_name = "N", default_value = "1")]
    pub(crate) threads: NonZeroUsize,
    /// The strategy, by its own or opt_einsum's name. The default is `deep` with --time, --trials or --start, else `auto`.
    #[arg(long, visible_alias = "optimize", value_name = "NAME", value_parser = value::order, conflicts_with = "path")]
    pub(crate) order: Option<Order>,
    /// No search, but the cost of this path: '[(0,1),(0,1)]', or a file with what `order --json` prints.
    #[arg(long, value_name = "PATH", value_parser = path::parse)]
    pub(crate) path: Option<path::PathArg>,
    /// The search that the `record` in the JSON of another run tells of, once more and on any machine.
    #[arg(long, value_name = "RECORD", conflicts_with_all = ["path", "order", "time", "trials"])]
    pub(crate) replay: Option<Record>,
    /// A path to begin with, written as for --path; the answer is never worse.
    #[arg(long, value_name = "PATH", value_parser = path::parse, conflicts_with = "path")]
    pub(crate) start: Option<path::PathArg>,
    /// Draw the tree to this file: operands at the bottom, each step above what it reads.
    #[arg(long, value_name = "OUT")]
    pub(crate) svg: Option<PathBuf>,
    /// Write the tree for Graphviz to this file.
    #[arg(long, value_name = "OUT")]
    pub(crate) dot: Option<PathBuf>,
    /// A folder of orders that were found before: what is in it is not searched again, what is found is put into it.
    #[arg(long, value_name = "DIR")]
    pub(crate) cache: Option<PathBuf>,
    /// Print one line of JSON, with the path in linear and SSA form; a mistake too is one line of JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

impl OrderArgs {
    /// The machine of the file, or the built-in one.
    ///
    /// # Errors
    /// A file that has no machine in it.
    pub(crate) fn machine(&self) -> Result<Machine, Failure> {
        self.machine.as_deref().map_or(Ok(Machine::default()), machine::read)
    }
}
