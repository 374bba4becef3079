//! Answers in files.

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

use super::entry::Entry;

/// The format of the files. To be raised with every change of the meaning of a key or an entry.
const VERSION: u32 = 1;

/// A folder of files, each named by the hash of its key.
#[derive(Debug)]
pub(super) struct Folder(PathBuf);

/// A file. Other readers of paths find the `ssa_path` in it.
#[derive(Serialize, Deserialize)]
struct Document {
    /// What the file is and of which version.
    einfold_order_cache: u32,
    /// The whole key: a file is not trusted for its name alone.
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
        let hash: String = Sha256::digest(key).iter().map(|byte| format!("{byte:02x}")).collect();
        self.0.join(hash + ".json")
    }

    /// The answer to `key`, if its file is there and as it should be.
    pub(super) fn read(&self, key: &str) -> Option<Entry> {
        let bytes = fs::read(self.file(key)).ok()?;
        let document: Document = serde_json::from_slice(&bytes).ok()?;
        (document.einfold_order_cache == VERSION && document.key == key).then_some(document.entry)
    }

    /// Writes a file beside the old one, and puts it in its place once it is whole: a reader sees one or the other.
    pub(super) fn write(&self, key: &str, entry: Entry) -> io::Result<()> {
        let document = Document { einfold_order_cache: VERSION, key: key.into(), entry };
        let mut file = NamedTempFile::new_in(&self.0)?;
        file.write_all(&serde_json::to_vec(&document)?)?;
        file.persist(self.file(key)).map_err(|error| error.error).map(drop)
    }
}
