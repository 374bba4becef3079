//! The time of contractions, compared with other Rust libraries in one process and with the FMA peak of the CPU.
//!
//! `cargo run --release --manifest-path benches/contraction/Cargo.toml -- [options] [part of a row's name]...`
//!
//! Every contender of a row computes the same contraction of the same arrays; the results are compared before anything
//! is timed. Then the contenders run in turn, round after round. A ratio is the least time of the best peer divided by
//! that of einfold: for `fresh`, both return new arrays; for `reused`, einfold writes to an array that exists, and a
//! peer does if it can. Contractions of several operands are run in the order that einfold has planned, also by peers.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark prints")]

mod contender;
mod peak;
mod peers;
mod plain;
mod problem;
mod product;
mod rows;
mod scalar;
mod table;

use num_complex::{Complex32, Complex64};
use peak::Peak;
use problem::{Comparison, Problem};
use rows::{Dtype, Row};
use scalar::Scalar;
use std::error::Error;
use std::process::ExitCode;

const USAGE: &str = "\
usage: einfold-contraction [options] [part of a row's name]...
  --list           print the rows
  --seconds <s>    the time for each row, 1 by default
  --threads <n>    the number of threads, 1 by default
  --contenders     print the times of all contenders";

struct Options {
    parts: Vec<String>,
    list: bool,
    contenders: bool,
    seconds: f64,
    threads: usize,
}

impl Options {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Options, Box<dyn Error>> {
        let mut options = Options { parts: Vec::new(), list: false, contenders: false, seconds: 1.0, threads: 1 };
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or(USAGE);
            match &argument[..] {
                "--list" => options.list = true,
                "--contenders" => options.contenders = true,
                "--seconds" => options.seconds = value()?.parse()?,
                "--threads" => options.threads = value()?.parse::<usize>()?.max(1),
                option if option.starts_with('-') => return Err(USAGE.into()),
                part => options.parts.push(part.to_owned()),
            }
        }
        Ok(options)
    }

    fn selects(&self, row: &Row) -> bool {
        let name = row.to_string();
        self.parts.is_empty() || self.parts.iter().any(|part| name.contains(part))
    }
}

fn main() -> ExitCode {
    match Options::parse(std::env::args().skip(1)).and_then(|options| run(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let rows: Vec<Row> = rows::all().into_iter().filter(|row| options.selects(row)).collect();
    if options.list {
        rows.iter().for_each(|row| println!("{row}  {}  {:?}", row.text, row.shapes));
        return Ok(());
    }
    // Some peers take all threads of the pool.
    rayon::ThreadPoolBuilder::new().num_threads(options.threads).build_global()?;
    let mut comparisons = Vec::new();
    for group in rows.chunk_by(|a, b| a.group == b.group) {
        let peak = Peak::measure(options.threads);
        table::header(group[0].group, peak);
        for row in group {
            let comparison = compare(row, options, peak)?;
            table::row(&comparison);
            if options.contenders {
                table::contenders(&comparison);
            }
            comparisons.push(comparison);
        }
    }
    table::summary(&comparisons);
    let spilled = table::spilled(&comparisons);
    if options.threads == 1 && !spilled.is_empty() {
        return Err(
            format!("products far below the peak, perhaps of a badly compiled tile: {}", spilled.join(", ")).into()
        );
    }
    Ok(())
}

fn compare(row: &Row, options: &Options, peak: Peak) -> Result<Comparison, Box<dyn Error>> {
    fn of<T: Scalar>(row: &Row, options: &Options, peak: Peak) -> Result<Comparison, Box<dyn Error>> {
        Problem::<T>::new(row, options.threads)?.compare(options.seconds, peak)
    }
    match row.dtype {
        Dtype::F32 => of::<f32>(row, options, peak),
        Dtype::F64 => of::<f64>(row, options, peak),
        Dtype::C32 => of::<Complex32>(row, options, peak),
        Dtype::C64 => of::<Complex64>(row, options, peak),
        Dtype::I32 => of::<i32>(row, options, peak),
        Dtype::I64 => of::<i64>(row, options, peak),
    }
}
