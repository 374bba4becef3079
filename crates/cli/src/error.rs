//! The errors of the tool.

use crate::npy::NpyError;
use crate::reserve_memory::TooLittleMemory;
use crate::signal::Signal;
use crate::stdin;
use einfold_ir::visible;
use einfold_order::OrderError;
use einfold_order::format::FormatError;
use indicatif::HumanBytes;
use std::io;
use std::path::{Path, PathBuf};
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
    TooLittleMemory(usize),
    /// The threads cannot be started.
    #[error("error[threads]: the threads cannot be started: {0}")]
    Threads(rayon::ThreadPoolBuildError),
    /// A signal arrived.
    #[error("interrupted")]
    Interrupted(Signal),
}

impl From<OrderError> for Failure {
    fn from(error: OrderError) -> Failure {
        Failure::Expression(error.into())
    }
}

impl From<TooLittleMemory> for Failure {
    fn from(TooLittleMemory(bytes): TooLittleMemory) -> Failure {
        Failure::TooLittleMemory(bytes)
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
}
