//! Why the tool fails.

use crate::npy::NpyError;
use crate::room::NoRoom;
use crate::signal::Signal;
use crate::stdin;
use einfold_ir::visible;
use einfold_order::OrderError;
use einfold_order::format::FormatError;
use indicatif::HumanBytes;
use std::io;
use std::path::{Path, PathBuf};
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

impl From<OrderError> for Failure {
    fn from(error: OrderError) -> Failure {
        Failure::Expression(error.into())
    }
}

impl From<NoRoom> for Failure {
    fn from(NoRoom(bytes): NoRoom) -> Failure {
        Failure::NoRoom(bytes)
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
}
