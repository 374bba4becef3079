//! The tool under signals, full disks and limits: files are always complete or unchanged, no other files remain, and
//! the tool never aborts.
#![cfg(target_os = "linux")]

use crate::harness::{Folder, doubles, einfold};
use crate::signals::send;
use rustix::process::Signal;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

const RUNS: u64 = 200;
const SEED: u64 = 9;
/// The contents of a file before the run.
const OLD: &[u8] = b"old";
/// The size of the small disk in bytes; another file uses a part of it.
const DISK: u64 = 12 << 20;

/// The random number generator `xorshift64`.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % n
    }

    fn of<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.below(list.len() as u64) as usize]
    }
}

/// A command line in a folder whose parent has `x.npy`, `a.npy` and `lattice.json`, and the files that it writes.
struct Job {
    arguments: &'static [&'static str],
    files: &'static [&'static str],
}

const JOBS: [Job; 6] = [
    Job { arguments: &["run", "ij,jk->ik", "../a.npy", "../a.npy", "-o", "y.npy"], files: &["y.npy"] },
    Job { arguments: &["run", "i,j->ij", "../x.npy", "../x.npy", "-o", "y.npy"], files: &["y.npy"] },
    Job {
        arguments: &["run", "Y[i,j] = x[i]*x[j]; z[i] max= x[i]*x[j]", "../x.npy", "-o", "Y=Y.npy", "-o", "z=z.npy"],
        files: &["Y.npy", "z.npy"],
    },
    Job { arguments: &["run", "ij->ji", "../a.npy", "--full"], files: &[] },
    Job { arguments: &["explain", "ij,jk,kl->il", "../a.npy", "../a.npy", "../a.npy"], files: &[] },
    Job {
        arguments: &[
            "order",
            "../lattice.json",
            "--trials",
            "4",
            "--threads",
            "4",
            "--svg",
            "t.svg",
            "--dot",
            "t.dot",
            "--cache",
            ".",
        ],
        files: &["t.svg", "t.dot"],
    },
];

/// A disturbance of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Trouble {
    Signal,
    TwoSignals,
    FullDisk,
    FileSize,
    Memory,
    MemoryAndSignal,
}

const TROUBLES: [Trouble; 6] = [
    Trouble::Signal,
    Trouble::TwoSignals,
    Trouble::FullDisk,
    Trouble::FileSize,
    Trouble::Memory,
    Trouble::MemoryAndSignal,
];

/// A job without a disturbance.
struct Calm {
    job: &'static Job,
    lasts: Duration,
    files: BTreeMap<String, Vec<u8>>,
}

impl Calm {
    fn new(job: &'static Job, folder: &Path) -> Calm {
        let began = Instant::now();
        let output = command(job, folder, "").output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let lasts = began.elapsed();
        let files = contents(folder);
        empty(folder);
        Calm { job, lasts, files }
    }

    /// Returns whether a file is complete. A search that was ended draws another tree, but the whole of it.
    fn is_whole(&self, name: &str, bytes: &[u8]) -> bool {
        let ends: &[u8] = match Path::new(name).extension().and_then(|extension| extension.to_str()) {
            Some("svg") => b"</svg>\n",
            Some("dot" | "json") => b"}",
            _ => return self.files.get(name).is_some_and(|whole| whole == bytes),
        };
        bytes.ends_with(ends) || bytes.strip_suffix(b"\n").is_some_and(|bytes| bytes.ends_with(ends))
    }
}

/// Returns the command of a job under the limits of a shell.
fn command(job: &Job, folder: &Path, limits: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("{limits} exec \"$@\""), "sh"]).arg(einfold().get_program());
    command.args(job.arguments).current_dir(folder).stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let one = |entry: std::io::Result<fs::DirEntry>| {
        let entry = entry.unwrap();
        (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap())
    };
    fs::read_dir(folder).unwrap().map(one).collect()
}

fn empty(folder: &Path) {
    for entry in fs::read_dir(folder).unwrap() {
        fs::remove_file(entry.unwrap().path()).unwrap();
    }
}

/// Returns the least `ulimit -v`, in KiB, under which the binary starts.
fn least_memory(folder: &Path) -> u64 {
    let job = Job { arguments: &["--version"], files: &[] };
    let starts = |kib: u64| {
        let output = command(&job, folder, &format!("ulimit -v {kib};")).output().unwrap();
        matches!(output.status.code(), Some(0 | 3))
    };
    let (mut low, mut high) = (1 << 10, 1 << 20);
    while high - low > 256 {
        let middle = (low + high) / 2;
        if starts(middle) { high = middle } else { low = middle }
    }
    high
}

/// A folder on a small disk of its own, if mounting is allowed.
struct Disk(PathBuf);

impl Disk {
    fn new(folder: PathBuf) -> Option<Disk> {
        fs::create_dir(&folder).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={DISK}"), "tmpfs"]).arg(&folder);
        mount.output().is_ok_and(|output| output.status.success()).then_some(Disk(folder))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).output();
    }
}

/// The folders, and properties of the machine.
struct Place {
    plain: PathBuf,
    disk: Option<Disk>,
    least_memory: u64,
}

/// One disturbed run.
struct Case<'a> {
    calm: &'a Calm,
    trouble: Trouble,
    folder: &'a Path,
    limits: String,
    signals: Vec<(Duration, Signal)>,
    /// Whether the files exist before the run.
    old: bool,
}

impl<'a> Case<'a> {
    fn draw(random: &mut Random, place: &'a Place, calm: &'a [Calm]) -> Case<'a> {
        let calm = &calm[random.below(calm.len() as u64) as usize];
        let trouble = random.of(&TROUBLES);
        // File sizes from a few hundred bytes up to the largest.
        let file_size = |random: &mut Random| format!("ulimit -f {};", 1 << random.below(15));
        let memory = |random: &mut Random| {
            format!("ulimit -v {};", place.least_memory + 1024 + (random.below(1024) << random.below(9)))
        };
        let (limits, number) = match trouble {
            Trouble::Signal => (String::new(), 1),
            Trouble::TwoSignals => (String::new(), 2),
            Trouble::FullDisk if place.disk.is_some() => (String::new(), 0),
            Trouble::FullDisk | Trouble::FileSize => (file_size(random), 0),
            Trouble::Memory => (memory(random), 0),
            Trouble::MemoryAndSignal => (memory(random), 1),
        };
        let lasts = calm.lasts.as_micros() as u64;
        let one = |random: &mut Random| {
            let signal = random.of(&[Signal::INT, Signal::TERM, Signal::HUP, Signal::KILL]);
            (Duration::from_micros(random.below(lasts + lasts / 4)), signal)
        };
        let mut signals: Vec<_> = (0..number).map(|_| one(random)).collect();
        signals.sort_by_key(|(after, _)| *after);
        let folder = match &place.disk {
            Some(disk) if trouble == Trouble::FullDisk => &disk.0,
            _ => &place.plain,
        };
        if trouble == Trouble::FullDisk && place.disk.is_some() {
            fs::write(folder.join("ballast"), vec![0; random.below(DISK) as usize]).unwrap();
        }
        Case { calm, trouble, folder, limits, signals, old: random.below(2) == 0 }
    }

    /// Runs the job; returns its outcome and whether a file remains, which only SIGKILL permits.
    fn run(&self) -> (Output, bool) {
        let old = |name: &&&str| {
            let file = self.folder.join(name);
            // The disk may already be full.
            fs::write(&file, OLD).is_ok() || fs::remove_file(&file).is_err()
        };
        let before: Vec<&str> = self.calm.job.files.iter().filter(|_| self.old).filter(old).copied().collect();
        let began = Instant::now();
        let child = command(self.calm.job, self.folder, &self.limits).spawn().unwrap();
        for (after, signal) in &self.signals {
            std::thread::sleep(after.saturating_sub(began.elapsed()));
            // A process that has ended but was not waited for still accepts signals.
            send(&child, *signal);
        }
        let output = child.wait_with_output().unwrap();
        let is_left = self.check(&output, &before).unwrap_or_else(|what| {
            let stderr = String::from_utf8_lossy(&output.stderr);
            panic!(
                "{what}: {:?} {:?} {:?} {}: {} {stderr}",
                self.calm.job.arguments, self.trouble, self.signals, self.limits, output.status
            )
        });
        empty(self.folder);
        (output, is_left)
    }

    fn check(&self, output: &Output, before: &[&str]) -> Result<bool, String> {
        self.check_status(output.status, &output.stderr)?;
        let killed = output.status.signal() == Some(Signal::KILL.as_raw());
        let mut is_left = false;
        for (name, bytes) in contents(self.folder) {
            let is_old = before.contains(&&*name) && bytes == OLD;
            let is_result = self.calm.job.files.contains(&&*name) || name.ends_with(".json");
            match () {
                () if name == "ballast" => {}
                () if is_result && (self.calm.is_whole(&name, &bytes) || is_old) => {
                    if output.status.success() && is_old {
                        return Err(format!("`{name}` is not written"));
                    }
                }
                () if is_result => return Err(format!("`{name}` is half a file of {} bytes", bytes.len())),
                () if killed => is_left = true,
                () => return Err(format!("`{name}` is left")),
            }
        }
        let missing = self.calm.job.files.iter().find(|name| !self.folder.join(name).exists());
        match missing {
            Some(name) if output.status.success() || before.contains(name) => Err(format!("`{name}` is gone")),
            _ => Ok(is_left),
        }
    }

    /// Checks that the process ended with success, with an error, or by a signal that was sent.
    fn check_status(&self, status: ExitStatus, stderr: &[u8]) -> Result<(), String> {
        match (status.code(), status.signal()) {
            (Some(0), _) => Ok(()),
            (Some(1 | 3), _) if stderr.starts_with(b"error[") => Ok(()),
            (_, Some(signal)) if self.signals.iter().any(|(_, sent)| sent.as_raw() == signal) => Ok(()),
            _ => Err("a wrong end".to_owned()),
        }
    }
}

#[test]
fn files_are_always_whole_and_no_others_remain() {
    let root = Folder::new();
    root.write("x.npy", &doubles(&[1000], (0..1000).map(f64::from)));
    root.write("a.npy", &doubles(&[200, 200], (0..40_000).map(f64::from)));
    root.write("lattice.json", crate::order::lattice(5).as_bytes());
    let plain = root.path().join("plain");
    fs::create_dir(&plain).unwrap();
    let calm: Vec<Calm> = JOBS.iter().map(|job| Calm::new(job, &plain)).collect();
    let disk = Disk::new(root.path().join("disk"));
    let place = Place { least_memory: least_memory(&plain), plain, disk };
    if place.disk.is_none() {
        println!("no small disk can be mounted here: file sizes are limited instead");
    }
    let mut random = Random(SEED);
    let mut counts: BTreeMap<(Trouble, String), u32> = BTreeMap::new();
    let mut left = 0;
    for _ in 0..RUNS {
        let case = Case::draw(&mut random, &place, &calm);
        let (output, is_left) = case.run();
        *counts.entry((case.trouble, output.status.to_string())).or_default() += 1;
        left += u32::from(is_left);
    }
    println!("at least {} KiB to start, {left} left after SIGKILL", place.least_memory);
    counts.iter().for_each(|((trouble, end), count)| println!("{trouble:?}: {count} {end}"));
    assert!(TROUBLES.iter().all(|trouble| counts.keys().any(|(seen, _)| seen == trouble)));
}
