//! Renders reports of all stages: headline, source with carets, help.

mod cut;
mod line;
mod visible;

pub use cut::{cut, cut_quotation};
pub(crate) use visible::{Visible, is_mark};

use crate::span::Span;
use line::Line;
use std::fmt::{self, Display, Formatter};

/// The severity of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The input is refused.
    Error,
    /// The input is valid, and probably not meant.
    Warning,
}

impl Display for Severity {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
        })
    }
}

/// A place in the source with a message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Note {
    /// The span.
    pub span: Span,
    /// The message after the carets; may be empty.
    pub text: String,
}

impl Note {
    /// A note at `span`.
    pub fn new(span: Span, text: impl Into<String>) -> Note {
        Note { span, text: text.into() }
    }
}

/// A report, displayed as plain text without a final line break:
///
/// ```
/// use einfold_syntax::{Note, Report, Severity, Span};
///
/// let notes = [
///     Note::new(Span::new(4, 5), "4 here (operand 2, axis 2)"),
///     Note::new(Span::new(6, 7), "5 here (operand 3, axis 1)"),
/// ];
/// let help = ["shapes given: 2x3, 3x4, 5x6".to_string()];
/// let message = "axis `k` has two sizes";
/// let severity = Severity::Error;
/// let report = Report { severity, code: "size", message, source: "ij,jk,kl->il", notes: &notes, help: &help };
/// assert_eq!(report.to_string(), "\
/// error[size]: axis `k` has two sizes
///   | ij,jk,kl->il
///   |     ^ 4 here (operand 2, axis 2)
///   |       ^ 5 here (operand 3, axis 1)
///   = help: shapes given: 2x3, 3x4, 5x6");
/// ```
///
/// Each note has a line of carets. Of a source with several lines only those with notes are shown, with line numbers;
/// of a long line only the surroundings of each note; long quotations are [cut]. Invisible characters, and those that a
/// terminal interprets, are escaped.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    /// The severity.
    pub severity: Severity,
    /// The kebab-case code of the error or warning.
    pub code: &'a str,
    /// The message, one line.
    pub message: &'a str,
    /// The source of the notes; omitted if there are none.
    pub source: &'a str,
    /// The notes, the primary one first.
    pub notes: &'a [Note],
    /// The lines of help.
    pub help: &'a [String],
}

impl Display for Report<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{}]: {}", self.severity, self.code, cut(self.message))?;
        let numbered = self.source.contains('\n');
        for line in Line::all(self.source) {
            let notes: Vec<&Note> = self.notes.iter().filter(|note| line.holds(note.span.start)).collect();
            if !notes.is_empty() {
                line.draw(f, &notes, numbered)?;
            }
        }
        for help in self.help {
            write!(f, "\n  = help: {}", cut(help))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
