//! Standard input, which can be read once.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

static TAKEN: AtomicBool = AtomicBool::new(false);

/// Returns whether an argument is standard input; a file with this name is `./-`.
pub(crate) fn is_meant(argument: &Path) -> bool {
    argument == Path::new("-")
}

/// Opens a file to read, or takes standard input.
///
/// # Errors
/// The errors of the file; or standard input has already been taken.
pub(crate) fn open(argument: &Path) -> io::Result<File> {
    if !is_meant(argument) {
        return File::open(argument);
    }
    if TAKEN.swap(true, Relaxed) {
        return Err(io::Error::other("it can be read once, and `-` is given twice"));
    }
    duplicate()
}

#[cfg(unix)]
fn duplicate() -> io::Result<File> {
    use std::os::fd::AsFd;
    io::stdin().as_fd().try_clone_to_owned().map(File::from)
}

#[cfg(windows)]
fn duplicate() -> io::Result<File> {
    use std::os::windows::io::AsHandle;
    io::stdin().as_handle().try_clone_to_owned().map(File::from)
}
