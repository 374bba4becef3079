//! Files with a text.

use crate::error::Failure;
use crate::stdin;
use std::io::{self, Read};
use std::path::Path;

/// The maximal number of bytes of a text: enough for a network of a million tensors. An endless device exceeds it.
const LIMIT: u64 = 1 << 28;

/// Reads a text from a file, or from standard input for `-`. A byte order mark and white space at the end, where
/// editors add a line break, are removed.
pub(crate) fn read(path: &Path) -> Result<String, Failure> {
    read_at_most(LIMIT, path)
}

/// As [`read`], for a text of at most `limit` bytes.
pub(crate) fn read_at_most(limit: u64, path: &Path) -> Result<String, Failure> {
    let failure = |error| Failure::Text { file: path.to_owned(), error };
    let mut text = String::new();
    stdin::open(path).and_then(|file| file.take(limit + 1).read_to_string(&mut text)).map_err(failure)?;
    if text.len() as u64 > limit {
        return Err(failure(io::ErrorKind::FileTooLarge.into()));
    }
    Ok(text.strip_prefix('\u{feff}').unwrap_or(&text).trim_end().to_owned())
}
