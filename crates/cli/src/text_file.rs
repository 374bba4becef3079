//! Files with a text.

use crate::error::Failure;
use crate::stdin;
use std::io::{self, Read};
use std::path::Path;

/// The most bytes of a text: enough for a network of a million tensors. A device that never ends exceeds it and is refused.
const LIMIT: u64 = 1 << 28;

/// Reads a text from a file, or from standard input for `-`. Leaves out a byte order mark at the start and white space at the
/// end, where every editor puts a line break.
pub(crate) fn read(path: &Path) -> Result<String, Failure> {
    let failure = |error| Failure::Text { file: path.to_owned(), error };
    let mut text = String::new();
    stdin::open(path).and_then(|file| file.take(LIMIT + 1).read_to_string(&mut text)).map_err(failure)?;
    if text.len() as u64 > LIMIT {
        return Err(failure(io::ErrorKind::FileTooLarge.into()));
    }
    Ok(text.strip_prefix('\u{feff}').unwrap_or(&text).trim_end().to_owned())
}
