//! Texts of the language: parsed, or refused with suggestions.

use crate::ast::Ast;
use crate::error::Error;
use crate::parse::{check_length, level, read, read_spaced};
use crate::suggest;

/// Parses a text of the language. Characters that NumPy never accepts choose the level: a text with `=` is a program,
/// else a text with `[` is named subscripts, else it is a subscript string. Programs and named subscripts have
/// comments, from `#` to the end of the line; the characters in them do not count.
///
/// Subscript strings follow the defaults of NumPy's `einsum`: white space is U+0020 only and may stand between symbols;
/// a term may be empty (a scalar) and may have one `...`. Named subscripts allow all Unicode white space. In programs a
/// line end separates statements, except in brackets and after an operator, a comma or an assignment.
///
/// # Errors
/// [`Syntax`](crate::ErrorKind::Syntax) at the first position outside the grammar;
/// [`OutputRepeated`](crate::ErrorKind::OutputRepeated) and [`OutputUnknown`](crate::ErrorKind::OutputUnknown) for an axis
/// of the output; for programs also [`Reserved`](crate::ErrorKind::Reserved),
/// [`UnknownFunction`](crate::ErrorKind::UnknownFunction) and violations of the invariants of [`Names`](crate::Names).
///
/// ```
/// use einfold_syntax::{Ast, parse};
///
/// assert_eq!(parse("[row col], [col] -> [row]")?.to_string(), "[row col], [col] -> [row]");
/// let Ast::Program(program) = parse("Y[seg[n], f] += X[n, f]  # segment sum")? else { panic!() };
/// assert_eq!(program.to_string(), "Y[seg[n],f] += X[n,f]");
/// # Ok::<(), einfold_syntax::Error>(())
/// ```
pub fn parse(text: &str) -> Result<Ast, Error> {
    check_length(text)?;
    read(text).map_err(|error| suggest::for_text(error, level(text)))
}

/// Parses named subscripts without brackets, as einops writes them: in `batch i, batch j -> i j`, white space separates
/// axes and commas separate operands. The result equals that of `[batch i], [batch j] -> [i j]`.
///
/// [`parse`](crate::parse) would read this text as letters, with five axes in `batch`.
///
/// # Errors
/// As [`parse`](crate::parse) for named subscripts.
///
/// ```
/// let ast = einfold_syntax::parse_spaced("batch i, batch j -> i j")?;
/// assert_eq!(ast.to_string(), "[batch i], [batch j] -> [i j]");
/// # Ok::<(), einfold_syntax::Error>(())
/// ```
pub fn parse_spaced(text: &str) -> Result<Ast, Error> {
    check_length(text)?;
    read_spaced(text).map_err(suggest::for_spaced)
}
