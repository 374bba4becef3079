//! Where results go.

mod unfinished;

use crate::error::Failure;
use crate::interrupt;
use crate::npy::{self, NpyError};
use einfold::AnyArray;
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

    /// Writes an array.
    ///
    /// # Errors
    /// Those of the file, and [`Failure::Interrupted`]; then a [`Target::File`] is as it was before.
    pub(crate) fn write(&self, array: &AnyArray) -> Result<(), Failure> {
        self.put(|mut to| npy::write(array, &mut to))
    }

    /// Writes a text.
    ///
    /// # Errors
    /// As [`write`](Target::write).
    pub(crate) fn write_text(&self, text: &str) -> Result<(), Failure> {
        self.put(|to| Ok(to.write_all(text.as_bytes())?))
    }

    fn put(&self, write: impl FnOnce(&mut dyn Write) -> Result<(), NpyError>) -> Result<(), Failure> {
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

fn output(path: &Path, source: NpyError) -> Failure {
    Failure::Output { place: format!("`{}`", path.display()), source }
}

fn failure(path: &Path, error: io::Error) -> Failure {
    output(path, error.into())
}

fn fill(mut new: Unfinished<'_>, write: impl FnOnce(&mut dyn Write) -> Result<(), NpyError>) -> Result<(), NpyError> {
    write(&mut new)?;
    Ok(new.commit()?)
}
