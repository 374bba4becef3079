//! The machine of `--machine`.

use crate::error::Failure;
use crate::text_file;
use einfold::order::{Machine, machine_from_json};
use std::path::Path;
use std::{fs, io};

/// The maximal number of bytes of a file with a machine.
const LIMIT: u64 = 1 << 16;

/// Reads a machine from a regular file.
///
/// # Errors
/// The file cannot be read, is not a regular file, is too large, or does not contain a machine.
pub(super) fn read(file: &Path) -> Result<Machine, Failure> {
    let failure = |error| Failure::Text { file: file.to_owned(), error };
    if !fs::metadata(file).map_err(failure)?.is_file() {
        return Err(failure(io::Error::other("it is not a regular file")));
    }
    machine_from_json(&text_file::read_at_most(LIMIT, file)?).map_err(|source| Failure::format(file, source))
}
