//! Where results go.

mod unfinished;

use crate::error::{Failure, quoted};
use crate::interrupt;
use crate::npy::NpyError;
use einfold_ir::{is_hidden, visible};
use serde_json::Value;
use std::fs::{self, File};
use std::io::{self, BufWriter, IsTerminal, StdoutLock, Write};
use std::path::{Path, PathBuf};
use unfinished::{Unfinished, directory};

/// Where `-o` sends the result.
#[derive(Debug)]
pub(crate) enum Target {
    /// Standard output, as .npy bytes.
    Stdout,
    /// A file that is put in place only when it is complete.
    File(PathBuf),
    /// A device or pipe, which can only be written to as it is.
    Special(PathBuf),
}

impl Target {
    /// Settles what the argument of `-o` is, before anything is computed for it.
    ///
    /// # Errors
    /// Bytes are not sent to a terminal; a directory, or a file in no directory, is no place for a result.
    pub(crate) fn new(path: &Path) -> Result<Target, Failure> {
        if path == Path::new("-") {
            let refused = "`-o -` writes binary data, and standard output is a terminal; send it to a file or a pipe";
            return if io::stdout().is_terminal() {
                Err(Failure::Usage { verb: "run", what: refused })
            } else {
                Ok(Target::Stdout)
            };
        }
        Target::file(path)
    }

    /// As [`new`](Target::new) for what is not standard output.
    ///
    /// # Errors
    /// A directory, or a file in no directory, is no place for a result.
    pub(crate) fn file(path: &Path) -> Result<Target, Failure> {
        // Links are followed, so that the file they lead to is replaced and not the link.
        let place = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        match fs::metadata(&place) {
            Ok(found) if found.is_dir() => Err(failure(path, io::ErrorKind::IsADirectory.into())),
            Ok(found) if !found.is_file() => Ok(Target::Special(place)),
            _ => match fs::metadata(directory(&place)) {
                Ok(_) => Ok(Target::File(place)),
                Err(error) => Err(failure(path, error)),
            },
        }
    }

    /// Writes a text.
    ///
    /// # Errors
    /// As [`put`](Target::put).
    pub(crate) fn write_text(&self, text: &str) -> Result<(), Failure> {
        self.put(|to| Ok(to.write_all(text.as_bytes())?))
    }

    /// Writes what `write` gives: an array, an archive of arrays, a text.
    ///
    /// # Errors
    /// Those of the file, and [`Failure::Interrupted`]; then a [`Target::File`] is as it was before.
    pub(crate) fn put(&self, write: impl FnOnce(&mut dyn Write) -> Result<(), NpyError>) -> Result<(), Failure> {
        match self {
            Target::Stdout => to_stdout(|out| match write(out) {
                Err(NpyError::Io(error)) => Err(error),
                other => other.map_err(io::Error::other),
            }),
            Target::Special(path) => {
                let mut file = File::options().write(true).open(path).map_err(|e| failure(path, e))?;
                write(&mut file).map_err(|source| output(path, source))
            }
            Target::File(path) => interrupt::gently(|stop| {
                let new = Unfinished::beside(path, stop).map_err(|e| failure(path, e))?;
                fill(new, write).map_err(|source| output(path, source))
            }),
        }
    }
}

/// Runs something that writes to standard output, and flushes it.
///
/// # Errors
/// [`Failure::Closed`] if its reader has gone.
pub(crate) fn to_stdout(
    write: impl FnOnce(&mut BufWriter<StdoutLock<'static>>) -> io::Result<()>,
) -> Result<(), Failure> {
    let mut out = BufWriter::new(io::stdout().lock());
    write(&mut out).and_then(|()| out.flush()).map_err(Failure::stdout)
}

/// Prints a text. What it quotes of files and arguments is escaped here, so that nothing of it acts on a terminal.
///
/// # Errors
/// As [`to_stdout`].
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
/// As [`to_stdout`].
pub(crate) fn print_json(value: &Value) -> Result<(), Failure> {
    to_stdout(|out| writeln!(out, "{}", visible_json(&value.to_string())))
}

/// JSON in which hidden characters are escaped as JSON does. Outside of texts it has none but line breaks.
pub(crate) fn visible_json(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if c != '\n' && is_hidden(c) {
            // Writing to a text cannot fail.
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

fn fill(mut new: Unfinished<'_>, write: impl FnOnce(&mut dyn Write) -> Result<(), NpyError>) -> Result<(), NpyError> {
    write(&mut new)?;
    Ok(new.commit()?)
}
