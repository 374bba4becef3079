//! What can be wrong with an expression, and where.

mod facts;
mod kind;
mod problem;

pub(crate) use facts::Level;
pub use facts::{Feature, NameClass, SizeProblem, TypeProblem};
pub use kind::{ErrorKind, Holder, SizeRule};
pub use problem::{Found, SyntaxProblem};

use crate::render::{Note, Report};
use std::fmt::{self, Debug, Display, Formatter};

/// A mistake in an expression or between an expression and its operands: what, where in the text, and what to do about it.
///
/// [`Display`] and [`Debug`] both draw the whole report, because `unwrap` and `main` print the latter:
///
/// ```
/// let error = einfold_syntax::parse("ij- >i").unwrap_err();
/// assert_eq!(error.code(), "syntax");
/// assert_eq!(error.to_string(), "\
/// error[syntax]: `->` may not contain a space
///   | ij- >i
///   |   ^^^ read as `-` and `>`
///   = help: write `->`");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Error(Box<Body>);

#[derive(Clone, PartialEq, Eq)]
struct Body {
    kind: ErrorKind,
    text: Box<str>,
    notes: Vec<Note>,
    help: Vec<String>,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, text: &str) -> Error {
        Error(Box::new(Body { kind, text: text.into(), notes: Vec::new(), help: Vec::new() }))
    }

    /// Adds a place; the first one added is the primary one.
    pub(crate) fn note(mut self, note: Note) -> Error {
        self.0.notes.push(note);
        self
    }

    /// Adds a line that says what to do.
    pub(crate) fn help(mut self, line: impl Into<String>) -> Error {
        self.0.help.push(line.into());
        self
    }

    /// What is wrong, with the facts as values.
    pub fn kind(&self) -> &ErrorKind {
        &self.0.kind
    }

    /// The name of the kind: stable, in kebab case.
    pub fn code(&self) -> &'static str {
        self.0.kind.code()
    }

    /// The source that the spans are places in: the user's text, or the printed form of integer labels.
    pub fn text(&self) -> &str {
        &self.0.text
    }

    /// The places, the primary one first, each with what is to be said about it. There is at least one, unless the text is
    /// too long to be read.
    pub fn spans(&self) -> &[Note] {
        &self.0.notes
    }

    /// What to do about it, in lines.
    pub fn help_lines(&self) -> &[String] {
        &self.0.help
    }
}

impl Display for Error {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Body { kind, text, notes, help } = &*self.0;
        write!(f, "{}", Report { code: kind.code(), message: &kind.to_string(), source: text, notes, help })
    }
}

impl Debug for Error {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Display::fmt(self, f)
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::Error;

    #[test]
    fn errors_are_small_and_cross_threads() {
        fn ok<T: Send + Sync + 'static + std::error::Error>() {}
        ok::<Error>();
        assert_eq!(size_of::<Error>(), size_of::<usize>());
        assert_eq!(size_of::<Result<(), Error>>(), size_of::<usize>());
    }
}
