//! Reports of failures, and exit codes.

use crate::args::CommandLine;
use crate::error::Failure;
use crate::output;
use anstyle::{AnsiColor, Style};
use clap::CommandFactory;
use einfold::errors::Note;
use einfold_ir::visible;
use einfold_syntax::cut;
use serde_json::{Value, json};
use std::io::{self, Write};
use std::process::ExitCode;

impl Failure {
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
            Failure::TooLittleMemory(_)
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
            Failure::TooLittleMemory(_) | Failure::Threads(_) => 3,
            Failure::Interrupted(signal) => signal.end(),
            Failure::Expression(error) if error.kind().is_limit() => 3,
            Failure::Input { source, .. } if source.is_limit() => 3,
            Failure::Expression(_) | Failure::Input { .. } => 1,
            Failure::Text { .. } | Failure::Format { .. } | Failure::Folder { .. } => 1,
            Failure::Output { .. } | Failure::Stdout(_) => 1,
        }
    }
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
