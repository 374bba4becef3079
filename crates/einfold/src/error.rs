//! The one error type.

mod constants;
mod kind;

pub use constants::ConstantsProblem;
pub use kind::{ErrorKind, NamesProblem, RecipeProblem};

use einfold_syntax::{Note, Report, Severity, Span};
use std::fmt::{self, Debug, Display, Formatter};

/// What went wrong: a [kind](Error::kind) with its facts, the place in the expression where there is one, and what to do.
///
/// [`Display`] and [`Debug`] both draw the whole report, because `unwrap` and `main` print the latter:
///
/// ```
/// use einfold::ndarray::{Array2, array};
/// use einfold::{Error, ErrorKind, einsum};
///
/// let (a, b) = (array![[1.0, 2.0]], array![[1.0], [2.0], [3.0]]);
/// let error: Error = einsum::<Array2<f64>>("ij,jk->ik", (&a, &b)).unwrap_err();
/// assert!(matches!(error.kind(), ErrorKind::Expression(_)));
/// assert_eq!(error.code(), "size");
/// assert_eq!(error.to_string().lines().next(), Some("error[size]: axis `j` has two sizes"));
/// ```
///
/// It is one pointer wide, so that a `Result` costs nothing where nothing fails.
pub struct Error(Box<Body>);

struct Body {
    kind: ErrorKind,
    text: Box<str>,
    notes: Vec<Note>,
    help: Vec<String>,
    suggestions: Vec<String>,
}

impl Error {
    /// What went wrong, with the facts as values.
    pub fn kind(&self) -> &ErrorKind {
        &self.0.kind
    }

    /// The name of the kind: stable, in kebab case.
    pub fn code(&self) -> &'static str {
        self.0.kind.code()
    }

    /// The expression that the spans are places in; empty if the error has no place in it.
    pub fn text(&self) -> &str {
        &self.0.text
    }

    /// The places in the expression, the primary one first, each with what is to be said about it.
    pub fn spans(&self) -> &[Note] {
        &self.0.notes
    }

    /// What to do about it, in lines.
    pub fn help_lines(&self) -> &[String] {
        &self.0.help
    }

    /// Complete texts that may be what was meant, each of which can be read. A line of [help](Error::help_lines) shows each.
    ///
    /// ```
    /// use einfold::Expression;
    ///
    /// let error = Expression::new("batch head i, batch head j -> batch head i j").unwrap_err();
    /// assert_eq!(error.suggestions(), ["[batch head i], [batch head j] -> [batch head i j]"]);
    /// ```
    pub fn suggestions(&self) -> &[String] {
        &self.0.suggestions
    }

    /// The same error about another operand.
    pub(crate) fn of_operand(mut self, place: impl Fn(usize) -> usize) -> Error {
        self.0.kind.move_operand(place);
        self
    }

    /// The same error with a place in an expression.
    pub(crate) fn at(mut self, text: &str, span: Span) -> Error {
        if self.0.notes.is_empty() {
            self.0.text = text.into();
            self.0.notes.push(Note::new(span, ""));
        }
        self
    }
}

impl<K: Into<ErrorKind>> From<K> for Error {
    fn from(kind: K) -> Error {
        let kind = kind.into();
        let help = kind.help().into_iter().collect();
        Error(Box::new(Body { kind, text: "".into(), notes: Vec::new(), help, suggestions: Vec::new() }))
    }
}

impl From<einfold_syntax::Error> for Error {
    fn from(error: einfold_syntax::Error) -> Error {
        Error(Box::new(Body {
            kind: ErrorKind::Expression(error.kind().clone()),
            text: error.text().into(),
            notes: error.spans().to_vec(),
            help: error.help_lines().to_vec(),
            suggestions: error.suggestions().to_vec(),
        }))
    }
}

impl Display for Error {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Body { kind, text, notes, help, .. } = &*self.0;
        let (severity, message) = (Severity::Error, &kind.to_string());
        write!(f, "{}", Report { severity, code: kind.code(), message, source: text, notes, help })
    }
}

impl Debug for Error {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Display::fmt(self, f)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        std::error::Error::source(&self.0.kind)
    }
}
