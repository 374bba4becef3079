//! The errors of the tool: their messages and exit codes.

use crate::args::CommandLine;
use crate::interrupt::Signal;
use crate::npy::NpyError;
use crate::output;
use crate::stdin;
use anstyle::{AnsiColor, Style};
use clap::CommandFactory;
use einfold::Note;
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

/// The reason why a verb failed.
#[derive(Debug, Error)]
pub(crate) enum Failure {
    /// The expression is invalid, does not fit its operands, or cannot be run.
    #[error(transparent)]
    Expression(#[from] einfold::Error),
    /// A text file cannot be read.
    #[error("error[file]: {} cannot be read: {error}", quoted(file))]
    Text { file: PathBuf, error: io::Error },
    /// A text is not a network or an order.
    #[error("error[file]: {} cannot be used: {source}", quoted(file))]
    Format { file: PathBuf, source: FormatError },
    /// The folder of a cache cannot be created.
    #[error("error[file]: the folder {} cannot be used: {error}", quoted(folder))]
    Folder { folder: PathBuf, error: io::Error },
    /// The file of an operand cannot be used.
    #[error("error[file]: {} cannot be used: {source}{}", quoted(file), help(source))]
    Input { file: PathBuf, source: NpyError },
    /// The result cannot be stored.
    #[error("error[output]: the result cannot be written to {place}: {source}{}", help(source))]
    Output { place: String, source: NpyError },
    /// Standard output cannot be written.
    #[error("error[output]: standard output cannot be written: {0}")]
    Stdout(io::Error),
    /// The reader of standard output has closed it.
    #[error("the reader closed the pipe")]
    Closed,
    /// Options contradict each other, or the destination of the output.
    #[error("{what}")]
    Usage { verb: &'static str, what: &'static str },
    /// There is too little memory for the tool itself.
    #[error("error[memory]: there is too little memory to start: the tool needs {}", HumanBytes(*.0 as u64))]
    NoRoom(usize),
    /// The threads cannot be started.
    #[error("error[threads]: the threads cannot be started: {0}")]
    Threads(rayon::ThreadPoolBuildError),
    /// A signal arrived.
    #[error("interrupted")]
    Interrupted(Signal),
}

/// Returns an error of the language as JSON. Spans are byte ranges of the text.
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

/// Returns the name of a file for errors.
pub(crate) fn quoted(file: &Path) -> String {
    if stdin::is_meant(file) { "standard input".to_owned() } else { format!("`{}`", visible(&file.to_string_lossy())) }
}

fn help(error: &NpyError) -> String {
    error.help().map_or_else(String::new, |help| format!("\n  = help: {help}"))
}

impl Failure {
    /// Returns the error for a file that cannot be used.
    pub(crate) fn input(file: &Path, source: NpyError) -> Failure {
        Failure::Input { file: file.to_owned(), source }
    }

    /// Returns the error for a text of another format.
    pub(crate) fn format(file: &Path, source: FormatError) -> Failure {
        Failure::Format { file: file.to_owned(), source }
    }

    /// Returns the failure for an error of standard output.
    pub(crate) fn stdout(error: io::Error) -> Failure {
        if error.kind() == io::ErrorKind::BrokenPipe { Failure::Closed } else { Failure::Stdout(error) }
    }

    /// Reports the error on standard error, with `json` also on standard output, and returns the exit code. A signal
    /// ends the process here.
    pub(crate) fn report(&self, json: bool) -> ExitCode {
        // If standard error is closed, the error cannot be reported.
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

    /// Returns the error as JSON; `None` if it is not an error of the expression, its operands or results.
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

/// Returns an error of a verb's options in the form of the command line parser.
fn usage(verb: &str, what: &str) -> clap::Error {
    let mut command = CommandLine::command();
    command.build();
    let command = command.find_subcommand_mut(verb).expect("only verbs are named");
    command.error(clap::error::ErrorKind::ArgumentConflict, what)
}

/// Writes a report with coloured marks; the stream removes the colours if they are not supported.
pub(crate) fn write_report(report: &str, colour: AnsiColor, to: &mut impl Write) -> io::Result<()> {
    let head = colour.on_default().bold();
    let cyan = AnsiColor::Cyan.on_default().bold();
    for (i, line) in report.lines().enumerate() {
        // Reports escape what they quote; this escapes messages of the system and of libraries.
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
