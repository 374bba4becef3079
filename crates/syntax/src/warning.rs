//! Warnings about valid expressions.

use crate::edit;
use crate::parse;
use crate::render::{Note, Report, Severity};
use std::fmt::{self, Debug, Display, Formatter};
use thiserror::Error;

/// A report about a valid expression that is probably not meant: the kind, spans, help and suggestions.
///
/// ```
/// use einfold_ir::{Dtype, TensorType};
/// use einfold_syntax::{Options, WarningKind, parse, resolve_with_queries};
///
/// let bits = TensorType { name: None, dtype: Dtype::Bool, shape: vec![3].into(), conj: false };
/// let mut warnings = Vec::new();
/// resolve_with_queries(&parse("y += b[i]")?, &[bits], &Options::default(), &mut |_| None, &mut warnings)?;
/// assert!(matches!(warnings[0].kind(), WarningKind::SumOfBool { result } if result == "`y`"));
/// assert_eq!(warnings[0].suggestions(), ["y += 1*b[i]", "y |= b[i]"]);
/// # Ok::<(), einfold_syntax::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Warning {
    kind: WarningKind,
    text: Box<str>,
    notes: Vec<Note>,
    help: Vec<String>,
    suggestions: Vec<String>,
}

/// The kinds of warnings.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum WarningKind {
    /// A sum of `bool`, which is *or*.
    #[error("{result} says whether any of the values holds: the sum of bool is *or*")]
    SumOfBool {
        /// The result as named in messages: in a program its name in backquotes.
        result: String,
    },
}

impl WarningKind {
    /// The code of the kind: stable, in kebab case.
    pub fn code(&self) -> &'static str {
        match self {
            WarningKind::SumOfBool { .. } => "sum-of-bool",
        }
    }
}

impl Warning {
    pub(crate) fn new(kind: WarningKind, text: &str, note: Note) -> Warning {
        Warning { kind, text: text.into(), notes: vec![note], help: Vec::new(), suggestions: Vec::new() }
    }

    pub(crate) fn help(mut self, line: impl Into<String>) -> Warning {
        self.help.push(line.into());
        self
    }

    /// Adds a suggestion, introduced by `words`, if `text` parses and fits on a line.
    pub(crate) fn suggest(mut self, words: &str, text: String) -> Warning {
        if edit::fits_a_line(&text) && parse::read(&text).is_ok() {
            self.help.push(format!("{words}: `{}`", edit::changed(&self.text, &text)));
            self.suggestions.push(text);
        }
        self
    }

    /// The kind, with its details as values.
    pub fn kind(&self) -> &WarningKind {
        &self.kind
    }

    /// The code of the kind: stable, in kebab case.
    pub fn code(&self) -> &'static str {
        self.kind.code()
    }

    /// The source of the spans.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The notes.
    pub fn spans(&self) -> &[Note] {
        &self.notes
    }

    /// The lines of help.
    pub fn help_lines(&self) -> &[String] {
        &self.help
    }

    /// Complete texts that may be meant; a line of [help](Warning::help_lines) shows each.
    pub fn suggestions(&self) -> &[String] {
        &self.suggestions
    }
}

impl Display for Warning {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Warning { kind, text, notes, help, .. } = self;
        let (severity, message) = (Severity::Warning, &kind.to_string());
        write!(f, "{}", Report { severity, code: kind.code(), message, source: text, notes, help })
    }
}

impl Debug for Warning {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Display::fmt(self, f)
    }
}
