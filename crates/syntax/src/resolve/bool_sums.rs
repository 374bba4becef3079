//! Warnings about sums of `bool`, which are *or* where a count may be meant.

use crate::ast::{Ast, Statement};
use crate::edit::Edit;
use crate::render::Note;
use crate::span::Span;
use crate::suggest;
use crate::warning::{Warning, WarningKind};

const COUNT: &str = "to count, add numbers";

/// The warning for a statement of a program.
pub(super) fn in_statement(text: &str, name: &str, statement: &Statement) -> Warning {
    let right = statement.right.span;
    let source = text.get(right.range()).unwrap_or_default();
    let counting = Edit::new(text).replace(right, counted(source, statement)).finish();
    let any = Edit::new(text).replace(statement.operator, "|=").finish();
    warning(text, format!("`{name}`"), Note::new(statement.operator, "of bool"))
        .suggest(COUNT, counting)
        .suggest("to state that *or* is intended", any)
}

/// The right side times 1.
fn counted(source: &str, statement: &Statement) -> String {
    match statement.right.kind {
        crate::ast::ExprKind::Sum(_) => format!("1*({source})"),
        _ => format!("1*{source}"),
    }
}

/// The warning for subscripts; `output` is the span of the output.
pub(super) fn in_subscripts(ast: &Ast, text: &str, output: Span) -> Warning {
    let warning = warning(text, "the result".into(), Note::new(output, "of bool"));
    let warning = warning.help("to count, compute in integers: `--acc i64`, in the library `Expression::acc`");
    match suggest::counting(ast) {
        Some(program) => warning.suggest("or", program),
        None => warning,
    }
}

fn warning(text: &str, result: String, note: Note) -> Warning {
    Warning::new(WarningKind::SumOfBool { result }, text, note)
}
