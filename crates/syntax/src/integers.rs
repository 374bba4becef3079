//! Integer labels: subscripts without text.

use crate::ast::{Ast, Builder, Spelling, Subscripts};
use crate::error::{Error, ErrorKind, SyntaxProblem};
use crate::parse::{check_length, check_output};
use crate::render::Note;
use crate::span::Span;
use std::fmt::Write;
use std::sync::Arc;

/// Builds the expression with these labels for each operand and for the output. The result equals the parse of its
/// printed form, `[0 1], [1 2] -> [0 2]`. The number of labels is not limited. Without `output` it has the labels that
/// are used exactly once, in ascending order.
///
/// # Errors
/// [`ErrorKind::OutputRepeated`] and [`ErrorKind::OutputUnknown`]; [`ErrorKind::Syntax`] without operands or if the
/// printed form is too long.
///
/// ```
/// let ast = einfold_syntax::from_labels(&[&[0, 1], &[1, 2]], Some(&[0, 2]))?;
/// assert_eq!(ast.to_string(), "[0 1], [1 2] -> [0 2]");
/// # Ok::<(), einfold_syntax::Error>(())
/// ```
pub fn from_labels(operands: &[&[u32]], output: Option<&[u32]>) -> Result<Ast, Error> {
    subscripts(operands, output).map(Ast::Letters)
}

/// Builds subscripts with these labels. Their text is the printed form, to which the spans of errors refer.
///
/// # Errors
/// [`ErrorKind::OutputRepeated`] and [`ErrorKind::OutputUnknown`]; [`ErrorKind::Syntax`] without inputs or if the
/// printed form is too long.
pub(crate) fn subscripts(inputs: &[&[u32]], output: Option<&[u32]>) -> Result<Arc<Subscripts>, Error> {
    let text = print(inputs, output);
    check_length(&text)?;
    if inputs.is_empty() {
        let kind = ErrorKind::Syntax { problem: SyntaxProblem::NoOperand };
        let error = Error::new(kind, &text).note(Note::new(Span::default(), "no term before this"));
        return Err(error.help("give the labels of each operand; a scalar has an empty list"));
    }
    let mut b = Builder::new(&text, Spelling::Integers);
    let mut at = 0;
    for (k, term) in inputs.iter().enumerate() {
        at += if k > 0 { ", ".len() as u32 } else { 0 };
        at = read_term(&mut b, term, at);
    }
    if let Some(output) = output {
        b.arrow(Span::new(at + 1, at + 3));
        read_term(&mut b, output, at + " -> ".len() as u32);
    }
    let subscripts = b.finish();
    check_output(&subscripts)?;
    Ok(subscripts)
}

fn print(inputs: &[&[u32]], output: Option<&[u32]>) -> String {
    let term = |labels: &[u32]| {
        let labels: Vec<String> = labels.iter().map(u32::to_string).collect();
        format!("[{}]", labels.join(" "))
    };
    let terms: Vec<String> = inputs.iter().map(|labels| term(labels)).collect();
    let mut text = terms.join(", ");
    if let Some(output) = output {
        // Writing to a string cannot fail.
        _ = write!(text, " -> {}", term(output));
    }
    text
}

/// Reads the term whose `[` is at `at`, and returns the position after its `]`.
fn read_term(b: &mut Builder, labels: &[u32], at: u32) -> u32 {
    b.begin_term(at);
    let mut end = at + 1;
    for (k, &label) in labels.iter().enumerate() {
        let start = end + u32::from(k > 0);
        end = start + label.checked_ilog10().unwrap_or(0) + 1;
        b.label(label, Span::new(start, end));
    }
    b.end_term(end + 1);
    end + 1
}
