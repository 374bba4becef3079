//! Archives of arrays: `.npz`, a zip archive with a `.npy` file for each array.

use super::NpyError;
use super::element::read_full;
use super::error::quoted;
use super::header::Header;
use super::write::write;
use einfold::AnyArray;
use std::fmt::{self, Display, Formatter};
use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use zip::read::Config;
use zip::result::ZipError;
use zip::unstable::read::ZipIterable;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipReadOptions, ZipWriter};

/// What the name of a member has after the key.
const MEMBER_SUFFIX: &str = ".npy";

/// Splits `FILE.npz:KEY` into file and key. Returns `None` for any other argument.
pub(crate) fn split_key(argument: &Path) -> Option<(PathBuf, &str)> {
    let (stem, key) = argument.to_str()?.rsplit_once(".npz:")?;
    Some((PathBuf::from(format!("{stem}.npz")), key))
}

/// One array of an archive.
pub(super) struct Member {
    archive: Archive,
    /// The number of the member in the directory of the archive.
    number: usize,
    /// The key of the array, for error messages.
    key: String,
}

/// An iterator over the directory of an archive. `ZipArchive` is not used because it allocates its list of members by
/// the size that the file claims.
type Archive = ZipIterable<BufReader<File>>;

impl Member {
    /// Finds the array with this key or, without a key, the only array. NumPy stores array `key` as the member
    /// `key.npy`, and finds it by both names. Two arrays with the key are an error.
    pub(super) fn find(file: File, key: Option<&str>) -> Result<Member, NpyError> {
        let mut archive = Archive::try_new(BufReader::new(file), Config::default())?;
        let mut keys = Keys { first: Vec::new(), count: archive.len() };
        let mut found = None;
        for (number, entry) in archive.files()?.enumerate() {
            let entry = entry?;
            let name = entry.name()?;
            if keys.first.len() < Keys::SHOWN {
                keys.first.push(quoted(key_of(&name)));
            }
            if key.is_none_or(|key| name == key || key_of(&name) == key) {
                match (&found, key) {
                    (None, _) => found = Some((number, key_of(&name).to_owned())),
                    (Some(_), Some(key)) => return Err(NpyError::SameName(key.to_owned())),
                    (Some(_), None) => {}
                }
            }
        }
        match (found, key) {
            (Some((number, key)), Some(_)) => Ok(Member { archive, number, key }),
            (Some((number, key)), None) if keys.count == 1 => Ok(Member { archive, number, key }),
            (None, Some(key)) => Err(NpyError::NoMember { key: key.to_owned(), members: keys.to_string() }),
            (_, None) => Err(NpyError::WhichMember { count: keys.count, members: keys.to_string() }),
        }
    }

    /// Reads the header of the array.
    pub(super) fn header(&mut self) -> Result<Header, NpyError> {
        self.read(|reader| Header::read(reader))
    }

    /// Reads the array: `read_array` gets its header and a reader of its elements. Nothing may follow the elements, and
    /// at the end of the member the zip reader compares the checksum.
    pub(super) fn array(
        mut self,
        read_array: impl FnOnce(&Header, &mut dyn Read) -> Result<AnyArray, NpyError>,
    ) -> Result<AnyArray, NpyError> {
        self.read(|mut reader| {
            let header = Header::read(&mut reader)?;
            let array = read_array(&header, &mut reader)?;
            match read_full(&mut reader, &mut [0])? {
                0 => Ok(array),
                _ => Err(NpyError::Trailing(header.bytes())),
            }
        })
    }

    /// Calls `read` with a reader of the member. An error names the key.
    fn read<T>(&mut self, read: impl FnOnce(&mut dyn Read) -> Result<T, NpyError>) -> Result<T, NpyError> {
        let files = self.archive.files()?;
        let entry = files.nth(self.number).unwrap_or(Err(ZipError::FileNotFound));
        let member = entry.and_then(|entry| entry.with_reader(files.reader_mut(), ZipReadOptions::default()));
        member.map_err(NpyError::from).and_then(|mut member| read(&mut member)).map_err(|e| e.in_member(&self.key))
    }
}

/// Returns the key by which NumPy finds a member.
pub(crate) fn key_of(name: &str) -> &str {
    name.strip_suffix(MEMBER_SUFFIX).unwrap_or(name)
}

/// The keys of an archive, for an error message.
struct Keys {
    /// The first keys, quoted: at most `SHOWN`.
    first: Vec<String>,
    /// The number of all keys.
    count: usize,
}

impl Keys {
    /// The most keys that a message shows.
    const SHOWN: usize = 20;
}

impl Display for Keys {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.first[..] {
            [] => f.write_str("no arrays"),
            first if self.count > first.len() => write!(f, "{}, ... ({} in all)", first.join(", "), self.count),
            all => f.write_str(&all.join(", ")),
        }
    }
}

/// Writes an archive as `numpy.savez` does, each array under its key and without compression; equal arrays give equal
/// bytes. The archive is written from front to back, so that `to` may be a pipe.
pub(crate) fn write_archive(members: &[(&str, &AnyArray)], to: &mut dyn Write) -> Result<(), NpyError> {
    let mut zip = ZipWriter::new_stream(FailsOnce { to, failed: false });
    let io_error = |error| match error {
        ZipError::Io(error) => NpyError::Io(error),
        other => NpyError::Io(other.into()),
    };
    for (key, array) in members {
        // Sizes beyond 32 bits need longer fields; 64 KiB are far more than the header of a member.
        let large = array.len() as u64 * array.dtype().size() as u64 > u64::from(u32::MAX - (1 << 16));
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored).large_file(large);
        zip.start_file(format!("{}{MEMBER_SUFFIX}", key_of(key)), options).map_err(io_error)?;
        write(array, &mut zip)?;
    }
    zip.finish().map_err(io_error)?;
    Ok(())
}

/// A writer that ignores all writes after its first failure: `ZipWriter` finishes a dropped archive, and would print
/// its errors.
struct FailsOnce<'a> {
    to: &'a mut dyn Write,
    failed: bool,
}

impl FailsOnce<'_> {
    /// Calls `write`, or returns `if_ignored` after a failure.
    fn attempt<T>(&mut self, if_ignored: T, write: impl FnOnce(&mut dyn Write) -> io::Result<T>) -> io::Result<T> {
        if self.failed {
            return Ok(if_ignored);
        }
        let outcome = write(self.to);
        self.failed = outcome.as_ref().is_err_and(|error| error.kind() != io::ErrorKind::Interrupted);
        outcome
    }
}

impl Write for FailsOnce<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.attempt(bytes.len(), |to| to.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.attempt((), |to| to.flush())
    }
}

#[cfg(test)]
mod tests {
    use super::super::ArrayFile;
    use super::*;
    use einfold::ndarray::{ArrayD, IxDyn};
    use std::fs;
    use zip::CompressionMethod::{Deflated, Stored};

    fn array() -> AnyArray {
        let values = (0..24).map(|k| f64::from(k) / 7.0).collect();
        AnyArray::from(ArrayD::from_shape_vec(IxDyn(&[4, 6]), values).unwrap())
    }

    /// Returns an archive of one array: as the tool writes it if `method` is `Stored`, otherwise compressed by
    /// `method`.
    fn bytes(method: CompressionMethod) -> Vec<u8> {
        if method == Stored {
            let mut bytes = Vec::new();
            write_archive(&[("a", &array())], &mut bytes).unwrap();
            return bytes;
        }
        let mut zip = ZipWriter::new(io::Cursor::new(Vec::new()));
        zip.start_file("a.npy", SimpleFileOptions::default().compression_method(method)).unwrap();
        write(&array(), &mut zip).unwrap();
        zip.finish().unwrap().into_inner()
    }

    fn read(folder: &Path, bytes: &[u8]) -> Result<AnyArray, NpyError> {
        let file = folder.join("a.npz");
        fs::write(&file, bytes).unwrap();
        ArrayFile::open(&file)?.read()
    }

    #[test]
    fn no_flipped_bit_and_no_truncation_changes_an_array_unnoticed() {
        let folder = tempfile::tempdir().unwrap();
        for method in [Stored, Deflated] {
            let good = bytes(method);
            assert_eq!(read(folder.path(), &good).unwrap(), array());
            let mut refused = 0;
            // One bit of each byte; the number of the bit changes from byte to byte.
            for at in 0..good.len() {
                let mut bad = good.clone();
                bad[at] ^= 1 << (at % 8);
                match read(folder.path(), &bad) {
                    Ok(read) => assert_eq!(read, array(), "{method}, byte {at}"),
                    Err(error) => refused += usize::from(!error.to_string().is_empty()),
                }
            }
            assert!(refused > good.len() / 2, "{refused}");
            for length in 0..good.len() {
                assert!(read(folder.path(), &good[..length]).is_err(), "{method}, {length} bytes");
            }
        }
    }

    /// A writer that accepts this number of bytes and then fails.
    struct Full(usize);

    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let taken = bytes.len().min(self.0);
            self.0 -= taken;
            if taken == 0 && !bytes.is_empty() { Err(io::ErrorKind::StorageFull.into()) } else { Ok(taken) }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_failure_is_reported_wherever_it_occurs() {
        let length = bytes(Stored).len();
        for capacity in 0..length {
            let outcome = write_archive(&[("a", &array())], &mut Full(capacity));
            assert!(
                matches!(&outcome, Err(NpyError::Io(error)) if error.kind() == io::ErrorKind::StorageFull),
                "{capacity}: {outcome:?}"
            );
        }
        write_archive(&[("a", &array())], &mut Full(length)).unwrap();
    }
}
