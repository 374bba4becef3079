//! How the tool fails: what it says, and the exit code.

use crate::args::CommandLine;
use crate::interrupt::Signal;
use crate::npy::NpyError;
use crate::output;
use crate::stdin;
use anstyle::{AnsiColor, Style};
use clap::CommandFactory;
use einfold::errors::Note;
use einfold_ir::visible;
use einfold_order::OrderError;
use einfold_order::format::FormatError;
use einfold_syntax::cut;
use indicatif::HumanBytes;
use serde_json::{Value, json};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use thiserror::Error;

/// Why the tool did not do what it was asked to.
#[derive(Debug, Error)]
pub(crate) enum Failure {
    /// The expression is wrong, does not fit its operands, or cannot be run.
    #[error(transparent)]
    Expression(#[from] einfold::Error),
    /// A file with a text cannot be read.
    #[error("error[file]: {} cannot be read: {error}", quoted(file))]
    Text { file: PathBuf, error: io::Error },
    /// A text is no network or no path.
    #[error("error[file]: {} cannot be used: {source}", quoted(file))]
    Format { file: PathBuf, source: FormatError },
    /// A folder for a cache cannot be made.
    #[error("error[file]: the folder {} cannot be used: {error}", quoted(folder))]
    Folder { folder: PathBuf, error: io::Error },
    /// A file with an operand cannot be used.
    #[error("error[file]: {} cannot be used: {source}{}", quoted(file), help(source))]
    Input { file: PathBuf, source: NpyError },
    /// The result cannot be stored.
    #[error("error[output]: the result cannot be written to {place}: {source}{}", help(source))]
    Output { place: String, source: NpyError },
    /// Standard output does not take any more.
    #[error("error[output]: standard output cannot be written: {0}")]
    Stdout(io::Error),
    /// Whoever read the output has read enough.
    #[error("the reader closed the pipe")]
    Closed,
    /// Options that do not go together, or not with where the output goes.
    #[error("{what}")]
    Usage { verb: &'static str, what: &'static str },
    /// There is no memory for the tool itself.
    #[error("error[memory]: there is not enough memory to begin with: it takes {}", HumanBytes(*.0 as u64))]
    NoRoom(usize),
    /// There are not as many threads to be had.
    #[error("error[threads]: the threads cannot be started: {0}")]
    Threads(rayon::ThreadPoolBuildError),
    /// A signal.
    #[error("interrupted")]
    Interrupted(Signal),
}

/// An error of the language. Spans are bytes of the text.
fn describe(error: &einfold::Error) -> Value {
    let span = |note: &Note| json!({ "start": note.span.start, "end": note.span.end, "text": note.text });
    json!({
        "kind": error.kind().name(),
        "message": error.kind().to_string(),
        "spans": error.spans().iter().map(span).collect::<Vec<_>>(),
        "help": error.help_lines(),
    })
}

impl From<OrderError> for Failure {
    fn from(error: OrderError) -> Failure {
        Failure::Expression(error.into())
    }
}

/// A file as errors name it.
pub(crate) fn quoted(file: &Path) -> String {
    if stdin::is_meant(file) { "standard input".to_owned() } else { format!("`{}`", visible(&file.to_string_lossy())) }
}

fn help(error: &NpyError) -> String {
    error.help().map_or_else(String::new, |help| format!("\n  = help: {help}"))
}

impl Failure {
    /// A file that cannot be used.
    pub(crate) fn input(file: &Path, source: NpyError) -> Failure {
        Failure::Input { file: file.to_owned(), source }
    }

    /// A text that is not what it should be.
    pub(crate) fn format(file: &Path, source: FormatError) -> Failure {
        Failure::Format { file: file.to_owned(), source }
    }

    /// What an error of standard output means.
    pub(crate) fn stdout(error: io::Error) -> Failure {
        if error.kind() == io::ErrorKind::BrokenPipe { Failure::Closed } else { Failure::Stdout(error) }
    }

    /// Says what is wrong on standard error, and in JSON on standard output too, and returns the exit code. A signal ends
    /// the process here.
    pub(crate) fn report(&self, json: bool) -> ExitCode {
        // Where standard error itself is gone there is nowhere left to say so.
        let _ = match self {
            Failure::Closed | Failure::Interrupted(_) => Ok(()),
            Failure::Usage { verb, what } => usage(verb, what).print(),
            other => write_report(&other.to_string(), AnsiColor::Red, &mut anstream::stderr().lock()),
        };
        if let Some(value) = self.to_json().filter(|_| json) {
            let _ = output::print_json(&value);
        }
        ExitCode::from(self.code())
    }

    /// The failure for programs; none where it is no mistake of an expression, its operands or results.
    fn to_json(&self) -> Option<Value> {
        let (kind, message) = match self {
            Failure::Expression(error) => return Some(json!({ "error": describe(error) })),
            Failure::Text { error, .. } | Failure::Folder { error, .. } => ("File", error.to_string()),
            Failure::Format { source, .. } => ("File", source.to_string()),
            Failure::Input { source, .. } => ("File", source.to_string()),
            Failure::Output { source, .. } => ("Output", source.to_string()),
            Failure::Threads(error) => ("Threads", error.to_string()),
            Failure::NoRoom(_)
            | Failure::Stdout(_)
            | Failure::Closed
            | Failure::Usage { .. }
            | Failure::Interrupted(_) => return None,
        };
        Some(json!({ "error": { "kind": kind, "message": message, "spans": [], "help": [] } }))
    }

    fn code(&self) -> u8 {
        match self {
            Failure::Closed => 0,
            Failure::Usage { .. } => 2,
            Failure::NoRoom(_) | Failure::Threads(_) => 3,
            Failure::Interrupted(signal) => signal.end(),
            Failure::Expression(error) if error.kind().is_limit() => 3,
            Failure::Input { source, .. } if source.is_limit() => 3,
            Failure::Expression(_) | Failure::Input { .. } => 1,
            Failure::Text { .. } | Failure::Format { .. } | Failure::Folder { .. } => 1,
            Failure::Output { .. } | Failure::Stdout(_) => 1,
        }
    }
}

/// What the parser of the command line itself would say of a verb's options.
fn usage(verb: &str, what: &str) -> clap::Error {
    let mut command = CommandLine::command();
    command.build();
    let command = command.find_subcommand_mut(verb).expect("only verbs are named");
    command.error(clap::error::ErrorKind::ArgumentConflict, what)
}

/// Writes a report with its parts marked by colour; the stream drops the colours where they are not wanted.
pub(crate) fn write_report(report: &str, colour: AnsiColor, to: &mut impl Write) -> io::Result<()> {
    let head = colour.on_default().bold();
    let cyan = AnsiColor::Cyan.on_default().bold();
    for (i, line) in report.lines().enumerate() {
        // What comes from outside is escaped where a report quotes it. This is for what quotes others: the system, libraries.
        let line = visible(line);
        let line = &*cut(&line);
        let end = |mark: &str| line.find(mark).map(|at| at + mark.len());
        let (style, marked) = if i == 0 {
            (head, end("]:").unwrap_or(0))
        } else {
            (cyan, end("  = help:").or_else(|| line.starts_with("  |").then_some(3)).unwrap_or(0))
        };
        write_marked(line, marked, style, to)?;
    }
    Ok(())
}

fn write_marked(line: &str, marked: usize, style: Style, to: &mut impl Write) -> io::Result<()> {
    let (head, tail) = line.split_at(marked);
    writeln!(to, "{style}{head}{style:#}{tail}")
}
