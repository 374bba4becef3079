//! `einfold check`: reads an expression, without operands.

use crate::args::CheckArgs;
use crate::error::Failure;
use crate::language;
use crate::output::to_stdout;
use std::io::Write;

/// Prints the expression in canonical form.
pub(crate) fn check(args: &CheckArgs) -> Result<(), Failure> {
    let expression = args.text.parse(&language::source(&args.text, &[])?.text)?;
    to_stdout(|out| writeln!(out, "{expression}"))
}
