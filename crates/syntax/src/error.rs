//! What can be wrong with an expression, and where.

mod details;
mod kind;
mod problem;

pub(crate) use details::Level;
pub use details::{Feature, NameClass, SizeProblem, TypeProblem};
pub use kind::{ErrorKind, LabeledAxis, SizeRule};
pub use problem::{FoundToken, SyntaxProblem};

use crate::render::{Note, Report, Severity};
use crate::suggest;
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
    candidates: Vec<Candidate>,
    suggestions: Vec<String>,
}

/// A text that may be what was meant, and in which words it is offered.
#[derive(Clone, PartialEq, Eq)]
struct Candidate {
    /// How many lines of help stand before it.
    line: usize,
    words: String,
    text: String,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, text: &str) -> Error {
        let (notes, help, candidates, suggestions) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Error(Box::new(Body { kind, text: text.into(), notes, help, candidates, suggestions }))
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

    /// Offers, after these words, a complete text that does what was probably meant. It becomes a suggestion once the error is
    /// [settled](Error::keep_valid).
    pub(crate) fn candidate(mut self, words: impl Into<String>, text: impl Into<String>) -> Error {
        let (words, text) = (words.into(), text.into());
        if suggest::fits_a_line(&text) {
            let line = self.0.help.len();
            self.0.candidates.push(Candidate { line, words, text });
        }
        self
    }

    /// Takes all help back.
    pub(crate) fn without_help(mut self) -> Error {
        self.0.help.clear();
        self.0.candidates.clear();
        self
    }

    /// Adds the help and the candidates of another error.
    pub(crate) fn advised_by(mut self, other: Error) -> Error {
        let before = self.0.help.len();
        self.0.help.extend(other.0.help);
        self.0.candidates.extend(other.0.candidates.into_iter().map(|o| Candidate { line: before + o.line, ..o }));
        self
    }

    /// Whether a text is offered.
    pub(crate) fn has_candidates(&self) -> bool {
        !self.0.candidates.is_empty()
    }

    /// Turns the candidates that can be read into suggestions, each with a line of help.
    pub(crate) fn keep_valid(mut self, can_be_read: impl Fn(&str) -> bool) -> Error {
        for Candidate { line, words, text } in std::mem::take(&mut self.0.candidates) {
            if can_be_read(&text) && !self.0.suggestions.contains(&text) {
                let shown = format!("{words}: `{}`", suggest::changed(&self.0.text, &text));
                self.0.help.insert(line + self.0.suggestions.len(), shown);
                self.0.suggestions.push(text);
            }
        }
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

    /// Complete texts that may be what was meant, each of which [`parse`](crate::parse) reads. A line of
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
