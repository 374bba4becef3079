//! Signals and closed pipes.
#![cfg(unix)]

use crate::harness::{Folder, data, doubles, einfold, npy};
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ChildStdin, Command, Output, Stdio};
use std::time::{Duration, Instant};

pub(crate) fn send(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

/// Starts a command that reads an operand from standard input, and writes these bytes to it. If there are more than a
/// pipe holds, the process has started to read when this returns.
fn fed(arguments: &[&str], bytes: &[u8]) -> (Child, ChildStdin) {
    let mut child =
        einfold().args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(bytes).unwrap();
    (child, input)
}

/// Checks that the process ended by the signal, so that shells report 128 and its number, and their loops end too.
fn assert_ended(output: &Output, signal: Signal) {
    let stderr = String::from_utf8_lossy(&output.stderr);
    let found = (output.status.signal(), output.stdout.len(), &*stderr);
    assert_eq!(found, (Some(signal.as_raw()), 0, ""), "{:?}", output.status);
}

#[test]
fn every_signal_stops_a_run_and_leaves_no_file() {
    let n = 400;
    let matrix = doubles(&[n, n], vec![1.0; n * n]);
    for signal in [Signal::INT, Signal::TERM, Signal::HUP, Signal::QUIT, Signal::USR1, Signal::XCPU] {
        let folder = Folder::new();
        let out = folder.file("out.npy");
        // More rounds than a test can wait for.
        let endless = ["--json", "--repeat", "4000000000", "--threads", "1", "-o", &out];
        let (child, input) = fed(
            &[&["run", "ij,jk->ik", "/dev/stdin", &folder.write("b.npy", &matrix)], &endless[..]].concat(),
            &matrix,
        );
        drop(input);
        std::thread::sleep(Duration::from_millis(300));
        send(&child, signal);
        assert_ended(&child.wait_with_output().unwrap(), signal);
        assert_eq!(folder.names(), ["b.npy"]);
    }
}

/// Returns whether the process has a file of the folder open for writing, with or without a name.
#[cfg(target_os = "linux")]
fn writes_into(child: &Child, folder: &Folder) -> bool {
    let inside = |entry: fs::DirEntry| {
        let (file, info) =
            (entry.path(), fs::read_to_string(entry.path().to_string_lossy().replace("/fd/", "/fdinfo/")));
        let flags = info.unwrap_or_default().lines().find_map(|line| line.strip_prefix("flags:").map(str::to_owned));
        let writes = flags.is_some_and(|flags| !flags.trim_end().ends_with('0'));
        writes && fs::read_link(file).is_ok_and(|to| to.starts_with(folder.path()))
    };
    let files = fs::read_dir(format!("/proc/{}/fd", child.id()));
    files.is_ok_and(|files| files.filter_map(Result::ok).any(inside))
}

/// Returns a command that writes 72 MB.
#[cfg(target_os = "linux")]
fn outer(folder: &Folder) -> Command {
    let x = folder.write("x.npy", &doubles(&[3000], vec![1.0; 3000]));
    let mut command = einfold();
    command.args(["run", "i,j->ij", &x, &x, "-o", &folder.file("out.npy")]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

#[test]
#[cfg(target_os = "linux")]
fn a_signal_while_a_result_is_written_leaves_what_was_there() {
    for old in [false, true] {
        for signal in [Signal::TERM, Signal::HUP, Signal::INT, Signal::KILL] {
            let folder = Folder::new();
            if old {
                folder.write("out.npy", b"old");
            }
            let mut child = outer(&folder).spawn().unwrap();
            while child.try_wait().unwrap().is_none() && !writes_into(&child, &folder) {}
            send(&child, signal);
            assert_ended(&child.wait_with_output().unwrap(), signal);
            let want = if old { &["out.npy", "x.npy"][..] } else { &["x.npy"] };
            assert_eq!(folder.names(), want, "{signal:?}");
            assert!(!old || fs::read(folder.file("out.npy")).unwrap() == b"old", "{signal:?}");
        }
    }
}

/// Without `/proc`, a file without a name cannot be given one.
#[test]
#[cfg(target_os = "linux")]
fn a_signal_removes_a_file_that_has_to_have_a_name() {
    let folder = Folder::new();
    let hidden = |command: &Command| {
        let mut hidden = Command::new("unshare");
        hidden.args(["--mount", "sh", "-c", "umount -l /proc && exec \"$@\"", "sh"]).arg(command.get_program());
        hidden.args(command.get_args()).stdout(Stdio::piped()).stderr(Stdio::piped());
        hidden
    };
    let mut version = einfold();
    version.arg("--version");
    if !hidden(&version).output().is_ok_and(|output| output.status.success()) {
        println!("not run: `/proc` cannot be hidden here");
        return;
    }
    for signal in [Signal::TERM, Signal::INT] {
        let mut child = hidden(&outer(&folder)).spawn().unwrap();
        while child.try_wait().unwrap().is_none() && folder.names().len() < 2 {}
        assert!(folder.names()[0].starts_with(".einfold-"), "{:?}", folder.names());
        send(&child, signal);
        assert_ended(&child.wait_with_output().unwrap(), signal);
        assert_eq!(folder.names(), ["x.npy"], "{signal:?}");
    }
    let output = hidden(&outer(&folder)).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(folder.names(), ["out.npy", "x.npy"]);
}

#[test]
fn a_signal_that_is_ignored_stays_ignored() {
    let folder = Folder::new();
    let half = npy("|u1", &[2_000_000], &[0; 1_000_000]);
    let script = "trap '' HUP; exec \"$@\"";
    let mut command = Command::new("sh");
    command.args(["-c", script, "sh", env!("CARGO_BIN_EXE_einfold"), "run", "i->i", "/dev/stdin", "-o"]);
    command.arg(folder.file("out.npy")).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(&half).unwrap();
    send(&child, Signal::HUP);
    std::thread::sleep(Duration::from_millis(100));
    send(&child, Signal::TERM);
    assert_ended(&child.wait_with_output().unwrap(), Signal::TERM);
}

#[test]
fn a_file_that_may_not_grow_is_an_error() {
    let folder = Folder::new();
    let x = folder.write("x.npy", &doubles(&[300], vec![1.0; 300]));
    for (arguments, what) in [
        (&["i,j->ij", &x, &x, "-o", &folder.file("out.npy")][..], "error[output]: the result cannot be written to "),
        (&["i,j->ij", &x, &x, "-o", "-"], "error[output]: standard output cannot be written: "),
    ] {
        let shown = fs::File::create(folder.path().join("shown")).unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", "ulimit -f 10; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_einfold"), "run"]).args(arguments);
        let output = command.stdout(shown).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(stderr.starts_with(what) && stderr.contains("File too large"), "{stderr}");
        fs::remove_file(folder.path().join("shown")).unwrap();
        assert_eq!(folder.names(), ["x.npy"]);
    }
}

#[test]
fn ctrl_c_ends_a_wait_for_input() {
    let folder = Folder::new();
    let out = folder.file("out.npy");
    let half = npy("|u1", &[2_000_000], &[0; 1_000_000]);
    let (child, _input) = fed(&["run", "i->i", "/dev/stdin", "-o", &out], &half);
    send(&child, Signal::INT);
    assert_ended(&child.wait_with_output().unwrap(), Signal::INT);
    assert_eq!(folder.names(), [""; 0]);
}

/// Starts a command and interrupts it after a while.
fn interrupted_soon(arguments: &[&str]) -> Output {
    let child = einfold().args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(500));
    send(&child, Signal::INT);
    let asked = Instant::now();
    let output = child.wait_with_output().unwrap();
    // Far more than the interruption takes on a busy machine, and far less than any of these searches.
    assert!(asked.elapsed() < Duration::from_secs(30), "{arguments:?}");
    output
}

#[test]
fn ctrl_c_ends_a_search_which_returns_its_best_order() {
    for effort in [&["--time", "1000h"][..], &["--trials", "4000000000"], &["--trials", "4000000000", "--threads", "3"]]
    {
        let folder = Folder::new();
        let file = folder.write("lattice.json", crate::order::lattice(12).as_bytes());
        let svg = folder.file("tree.svg");
        let output = interrupted_soon(&[&["order", &file, "--json", "--svg", &svg], effort].concat());
        assert_eq!((output.status.code(), String::from_utf8(output.stderr).unwrap()), (Some(0), String::new()));
        let value: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(value["interrupted"], true);
        assert_eq!(value["path"].as_array().map(Vec::len), Some(143));
        assert_eq!(folder.names(), ["lattice.json", "tree.svg"]);
        // The order can be applied and the search repeated.
        let best = folder.write("best.json", &output.stdout);
        let followed = crate::harness::run(["order", &file, "--json", "--path", &best]).ok();
        let followed: serde_json::Value = serde_json::from_str(&followed).unwrap();
        assert_eq!((&followed["flops"], &followed["ssa_path"]), (&value["flops"], &value["ssa_path"]));
    }
}

#[test]
fn ctrl_c_ends_planning() {
    // A lattice whose contraction is worth a second of search, as an expression.
    let lattice: serde_json::Value = serde_json::from_str(&crate::order::lattice(12)).unwrap();
    let letter = |axis: &serde_json::Value| char::from_u32(0x4e00 + axis.as_u64().unwrap() as u32).unwrap();
    let terms: Vec<String> = lattice["inputs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|legs| legs.as_array().unwrap().iter().map(letter).collect())
        .collect();
    let shapes: Vec<String> = terms.iter().map(|term| vec!["6"; term.chars().count()].join("x")).collect();
    let output = interrupted_soon(&["explain", &format!("{}->", terms.join(",")), "--shapes", &shapes.join(",")]);
    assert_ended(&output, Signal::INT);
}

#[test]
fn other_signals_end_a_search_without_a_result() {
    let folder = Folder::new();
    let file = folder.write("lattice.json", crate::order::lattice(12).as_bytes());
    for signal in [Signal::TERM, Signal::HUP] {
        let arguments = ["order", &file, "--time", "1000h", "--svg", &folder.file("tree.svg")];
        let child = einfold().args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(500));
        send(&child, signal);
        assert_ended(&child.wait_with_output().unwrap(), signal);
        assert_eq!(folder.names(), ["lattice.json"]);
    }
}

/// Reads a part of the output of a command, and closes the pipe.
fn half_read(arguments: &[&str]) -> Output {
    let mut child = einfold().args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut start = [0; 10];
    child.stdout.take().unwrap().read_exact(&mut start).unwrap();
    child.wait_with_output().unwrap()
}

#[test]
fn a_closed_pipe_ends_the_output_quietly() {
    let folder = Folder::new();
    let file = folder.write("a.npy", &doubles(&[100_000], vec![0.5; 100_000]));
    for arguments in [&["run", "i", &file, "--full"][..], &["run", "i", &file, "-o", "-"]] {
        let output = half_read(arguments);
        assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0), "{arguments:?}");
    }
}

#[test]
fn a_pipe_closed_from_the_start_is_quiet_too() {
    for arguments in [
        &["run", "->", &data("scalar.npy")][..],
        &["explain", "ij,jk", "--shapes", "2x3,3x4"],
        &["check", "ij"],
        &["completions", "bash"],
        &["--help"],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = einfold().args(arguments).stdout(writer).output().unwrap();
        assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0), "{arguments:?}");
    }
}
