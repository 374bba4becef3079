//! The error type of this crate.

mod kind;
mod problem;

pub use kind::ErrorKind;
pub use problem::{ConstantsProblem, NamesProblem, RecipeProblem};

use einfold_exec::{BindError, PlanSlot};
use einfold_syntax::{Note, Report, Severity, Span};
use std::fmt::{self, Debug, Display, Formatter};

/// An error: its [kind](Error::kind) with details, its position in the expression if it has one, and help.
///
/// [`Display`] and [`Debug`] both print the whole report, because `unwrap` and `main` print the latter:
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
/// The type is one pointer wide, so that a `Result` stays small.
pub struct Error(Box<Body>);

struct Body {
    kind: ErrorKind,
    text: Box<str>,
    notes: Vec<Note>,
    help: Vec<String>,
    suggestions: Vec<String>,
}

impl Error {
    /// The kind of the error, with the details as values.
    pub fn kind(&self) -> &ErrorKind {
        &self.0.kind
    }

    /// The name of the kind in kebab case. Names are stable.
    pub fn code(&self) -> &'static str {
        self.0.kind.code()
    }

    /// The expression that the spans refer to; empty if the error has no span.
    pub fn text(&self) -> &str {
        &self.0.text
    }

    /// The spans in the expression, the primary one first, each with a message.
    pub fn spans(&self) -> &[Note] {
        &self.0.notes
    }

    /// Lines that say how to fix the error.
    pub fn help_lines(&self) -> &[String] {
        &self.0.help
    }

    /// Complete valid texts that may be what was meant. Each also appears in a line of [help](Error::help_lines).
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

    /// The number of the operand whose type or conjugation the error is about.
    pub(crate) fn operand_mut(&mut self) -> Option<&mut usize> {
        match &mut self.0.kind {
            ErrorKind::Conj { operand, .. }
            | ErrorKind::Bind(
                BindError::Dtype { slot: PlanSlot::Operand(operand), .. }
                | BindError::Shape { slot: PlanSlot::Operand(operand), .. },
            ) => Some(operand),
            _ => None,
        }
    }

    /// The same error with the operand number mapped by `position`.
    pub(crate) fn of_operand(mut self, position: impl Fn(usize) -> usize) -> Error {
        self.operand_mut().into_iter().for_each(|operand| *operand = position(*operand));
        self
    }

    /// The same error with this span in an expression, if it has none.
    pub(crate) fn at(mut self, text: &str, span: Option<Span>) -> Error {
        if let (Some(span), []) = (span, &self.0.notes[..]) {
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
