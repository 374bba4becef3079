//! Output that a run prints on a terminal only.
#![cfg(unix)]

use crate::harness::{Folder, doubles, einfold, npy, terminal};
use crate::signals::send;
use rustix::process::Signal;
use std::fs::File;
use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// A command, and its standard error on a terminal.
struct Seen {
    child: Child,
    shown: Receiver<Vec<u8>>,
}

impl Seen {
    fn new(mut command: Command) -> Seen {
        let (mut ours, theirs) = terminal();
        let child = command.env("TERM", "xterm").stdout(Stdio::null()).stderr(theirs).spawn().unwrap();
        drop(command);
        let (sender, shown) = channel();
        // The end of the other side is an error here.
        let read = move |ours: &mut File| -> std::io::Result<()> {
            let mut bytes = [0; 4096];
            loop {
                let length = ours.read(&mut bytes)?;
                let _ = sender.send(bytes[..length].to_vec());
            }
        };
        std::thread::spawn(move || read(&mut ours));
        Seen { child, shown }
    }

    /// Returns all output up to now, or waits for the first output.
    fn shown_within(&self, time: Duration) -> String {
        let until = Instant::now() + time;
        let mut bytes = self.shown.recv_timeout(time).unwrap_or_default();
        while bytes.is_empty() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(1));
        }
        bytes.extend(self.shown.try_iter().flatten());
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Returns the remaining output after the end of the command.
    fn rest(mut self) -> (Option<i32>, String) {
        let code = self.child.wait().unwrap().code();
        let bytes: Vec<u8> = self.shown.iter().flatten().collect();
        (code, String::from_utf8_lossy(&bytes).into_owned())
    }
}

/// Returns a run that never ends.
fn endless(folder: &Folder) -> Command {
    let x = folder.write("x.npy", &doubles(&[100_000], vec![1.0; 100_000]));
    let mut command = einfold();
    command.args(["run", "y[i] += exp(x[i]*x[j])", &format!("x={x}")]);
    command
}

#[test]
fn a_long_run_shows_its_progress() {
    let folder = Folder::new();
    let seen = Seen::new(endless(&folder));
    let shown = seen.shown_within(Duration::from_secs(60));
    send(&seen.child, Signal::TERM);
    assert!(shown.contains("1s"), "{shown:?}");
    // The bar disappears with the end of the run.
    let (code, rest) = seen.rest();
    assert_eq!(code, None);
    assert!(rest.ends_with("\u{1b}[2K"), "{rest:?}");
}

#[test]
fn a_quiet_run_shows_nothing() {
    let folder = Folder::new();
    let mut command = endless(&folder);
    command.arg("--quiet");
    let seen = Seen::new(command);
    assert_eq!(seen.shown_within(Duration::from_secs(2)), "");
    send(&seen.child, Signal::TERM);
    assert_eq!(seen.rest(), (None, String::new()));
}

#[test]
fn a_run_in_a_pipe_shows_nothing() {
    let folder = Folder::new();
    let child = endless(&folder).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(Duration::from_secs(2));
    send(&child, Signal::TERM);
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.stdout.len(), output.stderr.len()), (0, 0));
}

/// A single index gives a result of 16 GiB. Its allocation fails, so that no time is spent on zeros.
fn large(folder: &Folder, more: &[&str]) -> Command {
    let ids = folder.write("g.npy", &npy("<i8", &[1], &(i64::from(i32::MAX)).to_le_bytes()));
    let x = folder.write("x.npy", &doubles(&[1], [1.0]));
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -v 2000000; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_einfold"), "run"]);
    command.args(["Y[g[n]] += X[n]", &format!("X={x}"), &format!("g={ids}")]).args(more);
    command
}

#[test]
#[cfg(target_os = "linux")]
fn a_large_result_is_announced_before_its_memory_is_allocated() {
    let folder = Folder::new();
    let warning = "warning: the run needs 16.00 GiB besides its operands; 16.00 GiB of it for the result Y, \
                   2147483648 f64; index tensors determine the sizes of the results\r\n";
    let (code, shown) = Seen::new(large(&folder, &[])).rest();
    assert!(code == Some(3) && shown.starts_with(warning), "{shown}");
    let (code, shown) = Seen::new(large(&folder, &["--quiet"])).rest();
    assert!(code == Some(3) && !shown.contains("warning"), "{shown}");
    let output = large(&folder, &[]).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(3) && stderr.starts_with("error[memory]: "), "{stderr}");
}
