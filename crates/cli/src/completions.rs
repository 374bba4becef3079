//! `einfold completions`: the completion script of a shell.

use crate::args::CommandLine;
use crate::error::Failure;
use crate::output::to_stdout;
use clap::CommandFactory;
use clap_complete::Shell;
use std::io::Write;

/// Prints the script.
pub(crate) fn completions(shell: Shell) -> Result<(), Failure> {
    // The script is written to memory first, because the generator panics if a write fails.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut CommandLine::command(), "einfold", &mut script);
    to_stdout(|out| out.write_all(&script))
}
