//! `einfold check`: parses an expression, without operands.

use crate::args::CheckArgs;
use crate::error::Failure;
use crate::language;
use crate::output::print;

/// Prints the expression in canonical form.
pub(crate) fn check(args: &CheckArgs) -> Result<(), Failure> {
    let source = language::expression_text(&args.text, &[])?;
    if !source.files.is_empty() {
        let what = "the expression is an argument or in a file, not both";
        return Err(Failure::Usage { verb: "check", what });
    }
    let expression = args.text.parse(&source.text)?;
    print(&format!("{expression}\n"))
}
