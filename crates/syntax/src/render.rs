//! Draws a report: headline, source with carets, help. The one renderer for all stages.

mod cut;
mod line;
mod visible;

pub use cut::{cut, cut_quotation};
pub(crate) use visible::{Visible, is_mark};

use crate::span::Span;
use line::Line;
use std::fmt::{self, Display, Formatter};

/// How grave what a report says is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// It is refused.
    Error,
    /// It is allowed, and perhaps not meant.
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

/// A place in the source and what is to be said about it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Note {
    /// The place.
    pub span: Span,
    /// What stands behind the carets; may be empty.
    pub text: String,
}

impl Note {
    /// A note at `span`.
    pub fn new(span: Span, text: impl Into<String>) -> Note {
        Note { span, text: text.into() }
    }
}

/// What a report shows. Plain text, without a line break at the end:
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
/// Each note has a caret line of its own. Of a source of several lines, those with notes are shown, with their numbers; of a
/// long line, what surrounds each note; long quotations are [cut]. Characters that cannot be seen, or that would act on a terminal, are
/// escaped.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    /// How grave it is.
    pub severity: Severity,
    /// The kebab-case name of the kind of error or warning.
    pub code: &'a str,
    /// What is wrong, in one line.
    pub message: &'a str,
    /// The text that the notes are places in; not shown if there are no notes.
    pub source: &'a str,
    /// The places, the primary one first.
    pub notes: &'a [Note],
    /// What to do about it, in lines.
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
