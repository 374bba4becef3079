//! A cache of orders in files.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

use super::entry::Entry;

/// The format of the files. It must be incremented with every change of the meaning of a key or an entry.
const VERSION: u32 = 1;

/// The maximal size of a file, which suffices for a network of a million tensors.
pub(super) const LIMIT: u64 = 1 << 27;

/// A folder of files, each named by the hash of its key.
#[derive(Debug)]
pub(super) struct Folder(PathBuf);

/// The contents of a file. Other readers of paths can use its `ssa_path`.
#[derive(Serialize, Deserialize)]
struct Document {
    /// The version of the file format; the name identifies the file.
    einfold_order_cache: u32,
    /// The whole key: the name of a file alone is not trusted.
    key: String,
    #[serde(flatten)]
    entry: Entry,
}

impl Folder {
    pub(super) fn new(folder: PathBuf) -> io::Result<Folder> {
        fs::create_dir_all(&folder)?;
        Ok(Folder(folder))
    }

    fn file(&self, key: &str) -> PathBuf {
        let hash: String = hmac_sha256::Hash::hash(key.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
        self.0.join(hash + ".json")
    }

    /// Returns the entry of `key`, if its file exists and is valid.
    pub(super) fn read(&self, key: &str) -> Option<Entry> {
        let bytes = read(&self.file(key)).ok()?;
        let document: Document = serde_json::from_slice(&bytes).ok()?;
        (document.einfold_order_cache == VERSION && document.key == key).then_some(document.entry)
    }

    /// Writes a temporary file and renames it, so that a reader sees either the old or the new file.
    pub(super) fn write(&self, key: &str, entry: Entry) -> io::Result<()> {
        let document = Document { einfold_order_cache: VERSION, key: key.into(), entry };
        let bytes = serde_json::to_vec(&document)?;
        if bytes.len() as u64 > LIMIT {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let mut file = NamedTempFile::new_in(&self.0)?;
        file.write_all(&bytes)?;
        file.persist(self.file(key)).map_err(|error| error.error).map(drop)
    }
}

/// Reads a file that another user may have created. A pipe could block and a device might never end, so only regular
/// files are read, and links are not followed.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let file = open(path)?;
    let found = file.metadata()?;
    if !found.is_file() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    if found.len() > LIMIT {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    // The file may grow while it is read.
    let mut bytes = Vec::new();
    file.take(LIMIT).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The type is checked after the file is open, so that it cannot be replaced in between. `NONBLOCK` matters only for a
/// pipe without a writer.
#[cfg(unix)]
fn open(path: &Path) -> io::Result<File> {
    use rustix::fs::OFlags;
    use std::os::unix::fs::OpenOptionsExt;
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    File::options().read(true).custom_flags(flags.bits() as i32).open(path)
}

#[cfg(not(unix))]
fn open(path: &Path) -> io::Result<File> {
    if fs::symlink_metadata(path)?.is_file() { File::open(path) } else { Err(io::ErrorKind::InvalidInput.into()) }
}
