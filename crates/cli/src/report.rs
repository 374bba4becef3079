//! What the tool says of a failure, and its exit code.

use crate::args::CommandLine;
use crate::error::Failure;
use crate::output;
use anstyle::{AnsiColor, Style};
use clap::CommandFactory;
use einfold::Note;
use einfold_ir::visible;
use einfold_syntax::cut;
use serde_json::{Value, json};
use std::io::{self, Write};
use std::process::ExitCode;

impl Failure {
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
