//! The command line tool `einfold`, with one file for each verb: [`run`], [`explain`], [`order`], [`check`],
//! [`calibrate`], [`completions`]. [`args`] parses the command line, [`language`] reads texts of expressions, [`npy`]
//! array files; [`show`] prints arrays, [`warnings`] prints warnings. Results go to standard output, everything else to
//! standard error.

mod args;
mod calibrate;
mod check;
mod completions;
mod destination;
mod error;
mod explain;
mod interrupt;
mod language;
mod npy;
mod operands;
mod order;
mod output;
mod progress;
mod report;
mod reserve_memory;
mod run;
mod show;
mod signal;
mod stdin;
mod text_file;
mod warnings;

use args::{CommandLine, Verb};
use error::Failure;
use std::process::ExitCode;

fn main() -> ExitCode {
    if let Err(failure) = reserve_memory::to_start() {
        return Failure::from(failure).report(false);
    }
    interrupt::listen();
    let verb = CommandLine::read().verb;
    let json = verb.speaks_json();
    match carry_out(verb) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(json),
    }
}

fn carry_out(verb: Verb) -> Result<(), Failure> {
    match verb {
        Verb::Run(args) => run::run(&args),
        Verb::Explain(args) => explain::explain(&args),
        Verb::Order(args) => order::order(&args),
        Verb::Check(args) => check::check(&args),
        Verb::Calibrate(args) => calibrate::calibrate(&args),
        Verb::Completions { shell } => completions::completions(shell),
    }
}
