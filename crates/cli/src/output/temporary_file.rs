//! Temporary files that take their final name only when they are complete.

use crate::interrupt;
use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use tempfile::{Builder, NamedTempFile};

/// A file that is being written and may replace an existing one. If it is dropped, it is removed.
///
/// It has no name if the file system supports that, so that it disappears however the process ends. Otherwise it has a
/// temporary name next to its final one, and signals that can be handled remove it. The bytes are not synchronised to
/// the disk, like those of NumPy and `cp`: that matters only if the whole machine stops.
pub(super) struct TemporaryFile<'a> {
    place: &'a Path,
    /// Set when writing is to stop.
    stop: &'a AtomicBool,
    file: PendingFile,
}

enum PendingFile {
    #[cfg(target_os = "linux")]
    Nameless(File),
    Named(NamedTempFile),
}

impl<'a> TemporaryFile<'a> {
    /// Creates a file in the folder of `place`, with the permissions of any new file.
    ///
    /// # Errors
    /// The errors of the system.
    pub(super) fn beside(place: &'a Path, stop: &'a AtomicBool) -> io::Result<TemporaryFile<'a>> {
        #[cfg(target_os = "linux")]
        if let Some(file) = linux::nameless(directory(place)) {
            return Ok(TemporaryFile { place, stop, file: PendingFile::Nameless(file) });
        }
        Ok(TemporaryFile { place, stop, file: PendingFile::Named(named(place)?) })
    }

    /// Moves the file to its final name. The permissions of a replaced file are kept.
    ///
    /// # Errors
    /// The errors of the system, and that of [`write`](TemporaryFile::write) if it is to stop; an existing file is then
    /// unchanged.
    pub(super) fn commit(mut self) -> io::Result<()> {
        self.go_on()?;
        if let Ok(old) = fs::metadata(self.place) {
            self.file.get().set_permissions(old.permissions())?;
        }
        match self.file {
            #[cfg(target_os = "linux")]
            PendingFile::Nameless(file) => linux::name(&file, self.place),
            PendingFile::Named(file) => interrupt::undisturbed(|unfinished| {
                *unfinished = None;
                file.persist(self.place).map(drop).map_err(|error| error.error)
            }),
        }
    }

    fn go_on(&self) -> io::Result<()> {
        // The kind is not `Interrupted`, which means "try again".
        if self.stop.load(Ordering::SeqCst) { Err(io::Error::other("stopped")) } else { Ok(()) }
    }
}

impl Write for TemporaryFile<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.go_on()?;
        self.file.get().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.get().flush()
    }
}

impl Seek for TemporaryFile<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.get().seek(to)
    }
}

impl PendingFile {
    fn get(&mut self) -> &mut File {
        match self {
            #[cfg(target_os = "linux")]
            PendingFile::Nameless(file) => file,
            PendingFile::Named(file) => file.as_file_mut(),
        }
    }
}

/// Returns the folder of a file.
pub(super) fn directory(file: &Path) -> &Path {
    match file.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

fn builder() -> Builder<'static, 'static> {
    let mut builder = Builder::new();
    builder.prefix(".einfold-");
    builder
}

/// Creates a named file that a signal removes.
fn named(place: &Path) -> io::Result<NamedTempFile> {
    let mut builder = builder();
    // The umask reduces the permissions.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    interrupt::undisturbed(|unfinished| {
        let file = builder.tempfile_in(directory(place))?;
        *unfinished = Some(file.path().to_owned());
        Ok(file)
    })
}

#[cfg(target_os = "linux")]
mod linux {
    use super::{builder, directory};
    use crate::interrupt;
    use rustix::fs::{AtFlags, CWD, Mode, OFlags, linkat, openat};
    use std::fs::{self, File};
    use std::io;
    use std::os::fd::AsRawFd;
    use std::path::{Path, PathBuf};

    /// Creates a file without a name, if the file system supports it and can name it later.
    pub(super) fn nameless(folder: &Path) -> Option<File> {
        let file = openat(CWD, folder, OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC, Mode::from(0o666)).ok()?;
        let file = File::from(file);
        fs::metadata(by_number(&file)).ok().map(|_| file)
    }

    /// Returns the only path to such a file that needs no privilege.
    fn by_number(file: &File) -> PathBuf {
        format!("/proc/self/fd/{}", file.as_raw_fd()).into()
    }

    /// Gives a file its final name. No system call replaces another file in this way, so in that case the file has a
    /// temporary name for a moment, in which only SIGKILL can end the process.
    pub(super) fn name(file: &File, place: &Path) -> io::Result<()> {
        let link = |to: &Path| linkat(CWD, by_number(file), CWD, to, AtFlags::SYMLINK_FOLLOW).map_err(io::Error::from);
        match link(place) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => interrupt::undisturbed(|_| {
                builder().make_in(directory(place), link)?.persist(place).map(drop).map_err(|error| error.error)
            }),
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Most file systems support files without a name, so the test creates the other kind explicitly.
    #[test]
    fn a_file_with_a_name_beside_its_place_is_put_there_or_removed() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("out");
        let stop = AtomicBool::new(false);
        let new = || {
            let mut new =
                TemporaryFile { place: &place, stop: &stop, file: PendingFile::Named(named(&place).unwrap()) };
            new.write_all(b"new").unwrap();
            new
        };
        let names = || fs::read_dir(folder.path()).unwrap().count();
        let unfinished = new();
        assert_eq!((names(), place.exists()), (1, false));
        drop(unfinished);
        assert_eq!(names(), 0);
        for _ in 0..2 {
            new().commit().unwrap();
            assert_eq!((names(), fs::read(&place).unwrap()), (1, b"new".to_vec()));
        }
        fs::write(&place, "old").unwrap();
        let stopped = new();
        stop.store(true, Ordering::SeqCst);
        assert_eq!(stopped.commit().unwrap_err().to_string(), "stopped");
        assert_eq!((names(), fs::read(&place).unwrap()), (1, b"old".to_vec()));
    }
}
