//! Errors of expressions.

mod details;
mod kind;
mod problem;

pub use crate::ast::NameClass;
pub(crate) use details::Level;
pub use details::{Feature, LabeledAxis, SizeProblem, SizeRule, TypeProblem};
pub use kind::ErrorKind;
pub use problem::{FoundToken, SyntaxProblem};

use crate::edit;
use crate::render::{Note, Report, Severity};
use std::fmt::{self, Debug, Display, Formatter};

/// An error in an expression, or a mismatch between an expression and its operands: the kind, spans in the text, and
/// help.
///
/// [`Display`] and [`Debug`] both render the whole report, because `unwrap` and `main` print the latter:
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
    candidates: Vec<Candidate>,
    suggestions: Vec<String>,
}

/// A text that may be what the user meant, with the words that introduce it.
#[derive(Clone, PartialEq, Eq)]
struct Candidate {
    /// The number of lines of help before it.
    line: usize,
    words: String,
    text: String,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, text: &str) -> Error {
        let (notes, help, candidates, suggestions) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Error(Box::new(Body { kind, text: text.into(), notes, help, candidates, suggestions }))
    }

    /// Adds a note; the first one is the primary one.
    pub(crate) fn note(mut self, note: Note) -> Error {
        self.0.notes.push(note);
        self
    }

    /// Adds a line of help.
    pub(crate) fn help(mut self, line: impl Into<String>) -> Error {
        self.0.help.push(line.into());
        self
    }

    /// Adds a complete text that may be what the user meant, introduced by `words`. It becomes a suggestion if it
    /// [parses](Error::keep_valid).
    pub(crate) fn candidate(mut self, words: impl Into<String>, text: impl Into<String>) -> Error {
        let (words, text) = (words.into(), text.into());
        if edit::fits_a_line(&text) {
            let line = self.0.help.len();
            self.0.candidates.push(Candidate { line, words, text });
        }
        self
    }

    /// Removes all help.
    pub(crate) fn without_help(mut self) -> Error {
        self.0.help.clear();
        self.0.candidates.clear();
        self
    }

    /// Adds the help and the candidates of another error.
    pub(crate) fn with_help_of(mut self, other: Error) -> Error {
        let before = self.0.help.len();
        self.0.help.extend(other.0.help);
        self.0.candidates.extend(other.0.candidates.into_iter().map(|o| Candidate { line: before + o.line, ..o }));
        self
    }

    /// Whether the error has candidates.
    pub(crate) fn has_candidates(&self) -> bool {
        !self.0.candidates.is_empty()
    }

    /// Turns the candidates that parse into suggestions, each with a line of help.
    pub(crate) fn keep_valid(mut self, can_be_read: impl Fn(&str) -> bool) -> Error {
        for Candidate { line, words, text } in std::mem::take(&mut self.0.candidates) {
            if can_be_read(&text) && !self.0.suggestions.contains(&text) {
                let shown = format!("{words}: `{}`", edit::changed(&self.0.text, &text));
                self.0.help.insert(line + self.0.suggestions.len(), shown);
                self.0.suggestions.push(text);
            }
        }
        self
    }

    /// The kind, with its details as values.
    pub fn kind(&self) -> &ErrorKind {
        &self.0.kind
    }

    /// The code of the kind: stable, in kebab case.
    pub fn code(&self) -> &'static str {
        self.0.kind.code()
    }

    /// The source of the spans: the user's text, or the printed form of integer labels.
    pub fn text(&self) -> &str {
        &self.0.text
    }

    /// The notes, the primary one first. There is at least one, unless the text exceeds the length limit.
    pub fn spans(&self) -> &[Note] {
        &self.0.notes
    }

    /// The lines of help.
    pub fn help_lines(&self) -> &[String] {
        &self.0.help
    }

    /// Complete texts that may be what the user meant. [`parse`](crate::parse) accepts each, and a line of
    /// [help](Error::help_lines) shows each.
    ///
    /// ```
    /// let error = einfold_syntax::parse("i->ii").unwrap_err();
    /// assert_eq!(error.suggestions(), ["y[i,i] += x[i]"]);
    /// ```
    pub fn suggestions(&self) -> &[String] {
        &self.0.suggestions
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
