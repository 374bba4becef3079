//! The output of results.

mod temporary_file;

use crate::error::{Failure, quoted};
use crate::interrupt;
use crate::npy::NpyError;
use einfold_ir::{is_hidden, visible};
use serde_json::Value;
use std::fs::{self, File};
use std::io::{self, BufWriter, IsTerminal, StdoutLock, Write};
use std::path::{Path, PathBuf};
use temporary_file::{TemporaryFile, directory};

/// The target of `-o`.
#[derive(Debug)]
pub(crate) enum WriteTarget {
    /// Standard output, in .npy format.
    Stdout,
    /// A file that replaces an existing one only when it is complete.
    File(PathBuf),
    /// A device or pipe, which is written directly.
    Special(PathBuf),
}

impl WriteTarget {
    /// Checks the argument of `-o` before anything is computed.
    ///
    /// # Errors
    /// Bytes are not written to a terminal; a directory, or a file in a missing directory, cannot be written.
    pub(crate) fn new(path: &Path) -> Result<WriteTarget, Failure> {
        if path == Path::new("-") {
            let refused = "`-o -` writes binary data, and standard output is a terminal; send it to a file or a pipe";
            return if io::stdout().is_terminal() {
                Err(Failure::Usage { verb: "run", what: refused })
            } else {
                Ok(WriteTarget::Stdout)
            };
        }
        WriteTarget::file(path)
    }

    /// Checks a target that is not standard output.
    ///
    /// # Errors
    /// A directory, or a file in a missing directory, cannot be written.
    pub(crate) fn file(path: &Path) -> Result<WriteTarget, Failure> {
        // Links are followed, so that the file behind a link is replaced and not the link.
        let place = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        match fs::metadata(&place) {
            Ok(found) if found.is_dir() => Err(failure(path, io::ErrorKind::IsADirectory.into())),
            Ok(found) if !found.is_file() => Ok(WriteTarget::Special(place)),
            _ => match fs::metadata(directory(&place)) {
                Ok(_) => Ok(WriteTarget::File(place)),
                Err(error) => Err(failure(path, error)),
            },
        }
    }

    /// Writes a text.
    ///
    /// # Errors
    /// The same as for [`put`](WriteTarget::put).
    pub(crate) fn write_text(&self, text: &str) -> Result<(), Failure> {
        self.put(|to| Ok(to.write_all(text.as_bytes())?))
    }

    /// Writes the output of `write`: an array, an archive of arrays, or a text.
    ///
    /// # Errors
    /// The errors of the file, and [`Failure::Interrupted`]; a [`WriteTarget::File`] is then unchanged.
    pub(crate) fn put(&self, write: impl FnOnce(&mut dyn Write) -> Result<(), NpyError>) -> Result<(), Failure> {
        match self {
            WriteTarget::Stdout => to_stdout(|out| match write(out) {
                Err(NpyError::Io(error)) => Err(error),
                other => other.map_err(io::Error::other),
            }),
            WriteTarget::Special(path) => {
                let mut file = File::options().write(true).open(path).map_err(|e| failure(path, e))?;
                write(&mut file).map_err(|source| output(path, source))
            }
            WriteTarget::File(path) => interrupt::gently(|stop| {
                let new = TemporaryFile::beside(path, stop).map_err(|e| failure(path, e))?;
                fill(new, write).map_err(|source| output(path, source))
            }),
        }
    }
}

/// Runs a function that writes to standard output, and flushes it.
///
/// # Errors
/// [`Failure::Closed`] if the reader has closed it.
pub(crate) fn to_stdout(
    write: impl FnOnce(&mut BufWriter<StdoutLock<'static>>) -> io::Result<()>,
) -> Result<(), Failure> {
    let mut out = BufWriter::new(io::stdout().lock());
    write(&mut out).and_then(|()| out.flush()).map_err(Failure::stdout)
}

/// Prints a text. Quotations of files and arguments are escaped, so that they cannot control a terminal.
///
/// # Errors
/// The same as for [`to_stdout`].
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    to_stdout(|out| text.split_inclusive('\n').try_for_each(|line| print_line(line, out)))
}

fn print_line(line: &str, out: &mut impl Write) -> io::Result<()> {
    match line.strip_suffix('\n') {
        Some(line) => writeln!(out, "{}", visible(line)),
        None => write!(out, "{}", visible(line)),
    }
}

/// Prints a value as one line of JSON.
///
/// # Errors
/// The same as for [`to_stdout`].
pub(crate) fn print_json(value: &Value) -> Result<(), Failure> {
    to_stdout(|out| writeln!(out, "{}", visible_json(&value.to_string())))
}

/// Escapes hidden characters in JSON as JSON does. Outside of strings, JSON has no hidden characters but line breaks.
pub(crate) fn visible_json(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if c != '\n' && is_hidden(c) {
            // Writing to a string cannot fail.
            c.encode_utf16(&mut [0; 2])
                .iter()
                .for_each(|unit| _ = std::fmt::Write::write_fmt(&mut shown, format_args!("\\u{unit:04x}")));
        } else {
            shown.push(c);
        }
    }
    shown
}

fn output(path: &Path, source: NpyError) -> Failure {
    Failure::Output { place: quoted(path), source }
}

fn failure(path: &Path, error: io::Error) -> Failure {
    output(path, error.into())
}

fn fill(
    mut new: TemporaryFile<'_>,
    write: impl FnOnce(&mut dyn Write) -> Result<(), NpyError>,
) -> Result<(), NpyError> {
    write(&mut new)?;
    Ok(new.commit()?)
}
