//! Files that have their name only when they are complete.

use crate::interrupt;
use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use tempfile::{Builder, NamedTempFile};

/// A file that is being written, for a place where there may be another already. Where it is dropped, nothing is left of it.
///
/// Where the system has files without a name, it is one, and nothing is left of it however the process ends. Else it has a name
/// beside its place, which a signal that can be handled removes. The bytes are not forced to the disk, as NumPy and `cp` do
/// not: that is of use only where the whole machine stops.
pub(super) struct Unfinished<'a> {
    place: &'a Path,
    /// Set when writing is to stop.
    stop: &'a AtomicBool,
    file: Draft,
}

enum Draft {
    #[cfg(target_os = "linux")]
    Nameless(File),
    Named(NamedTempFile),
}

impl<'a> Unfinished<'a> {
    /// A new file in the folder of `place`, with the permissions of any new file.
    ///
    /// # Errors
    /// Those of the system.
    pub(super) fn beside(place: &'a Path, stop: &'a AtomicBool) -> io::Result<Unfinished<'a>> {
        #[cfg(target_os = "linux")]
        if let Some(file) = linux::nameless(directory(place)) {
            return Ok(Unfinished { place, stop, file: Draft::Nameless(file) });
        }
        Ok(Unfinished { place, stop, file: Draft::Named(named(place)?) })
    }

    /// Puts the file in its place. A file that is replaced keeps who may read it.
    ///
    /// # Errors
    /// Those of the system, and that of [`write`](Unfinished::write) when it is to stop; then the place is as it was before.
    pub(super) fn commit(mut self) -> io::Result<()> {
        self.go_on()?;
        if let Ok(old) = fs::metadata(self.place) {
            self.file.get().set_permissions(old.permissions())?;
        }
        match self.file {
            #[cfg(target_os = "linux")]
            Draft::Nameless(file) => linux::name(&file, self.place),
            Draft::Named(file) => interrupt::undisturbed(|unfinished| {
                *unfinished = None;
                file.persist(self.place).map(drop).map_err(|error| error.error)
            }),
        }
    }

    fn go_on(&self) -> io::Result<()> {
        // Not of the kind `Interrupted`, which means "try again".
        if self.stop.load(Ordering::SeqCst) { Err(io::Error::other("stopped")) } else { Ok(()) }
    }
}

impl Write for Unfinished<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.go_on()?;
        self.file.get().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.get().flush()
    }
}

impl Seek for Unfinished<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.get().seek(to)
    }
}

impl Draft {
    fn get(&mut self) -> &mut File {
        match self {
            #[cfg(target_os = "linux")]
            Draft::Nameless(file) => file,
            Draft::Named(file) => file.as_file_mut(),
        }
    }
}

/// The folder of a file.
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

/// A file with a name that a signal removes.
fn named(place: &Path) -> io::Result<NamedTempFile> {
    let mut builder = builder();
    // What the umask leaves of it.
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

    /// A file without a name, if the file system has such and they can be given a name later.
    pub(super) fn nameless(folder: &Path) -> Option<File> {
        let file = openat(CWD, folder, OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC, Mode::from(0o666)).ok()?;
        let file = File::from(file);
        fs::metadata(by_number(&file)).ok().map(|_| file)
    }

    /// The only way to such a file that needs no privilege.
    fn by_number(file: &File) -> PathBuf {
        format!("/proc/self/fd/{}", file.as_raw_fd()).into()
    }

    /// Gives a file without a name its place. There is no call that replaces another file by it: then it has a name beside its
    /// place for a moment, in which no signal but SIGKILL ends the process.
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

    /// The file systems of most machines have files without a name, so the other kind is made by hand.
    #[test]
    fn a_file_with_a_name_beside_its_place_is_put_there_or_removed() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("out");
        let stop = AtomicBool::new(false);
        let new = || {
            let mut new = Unfinished { place: &place, stop: &stop, file: Draft::Named(named(&place).unwrap()) };
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
