//! `einfold check`: reads an expression, without operands.

use crate::args::CheckArgs;
use crate::error::Failure;
use crate::output::to_stdout;
use einfold::Expression;
use std::io::Write;

/// Prints the expression in canonical form.
pub(crate) fn check(args: &CheckArgs) -> Result<(), Failure> {
    let expression = Expression::new(&args.text)?;
    to_stdout(|out| writeln!(out, "{expression}"))
}
