//! Ctrl-C and closed pipes.
#![cfg(unix)]

use crate::harness::{Folder, data, doubles, einfold, npy};
use rustix::process::{Pid, Signal, kill_process};
use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Output, Stdio};
use std::time::{Duration, Instant};

fn interrupt(child: &Child) {
    kill_process(Pid::from_child(child), Signal::INT).unwrap();
}

/// Starts a command that reads an operand from standard input, and feeds it these bytes. When they are more than a pipe
/// holds, the process has come as far as reading when this returns.
fn fed(arguments: &[&str], bytes: &[u8]) -> (Child, ChildStdin) {
    let mut child =
        einfold().args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(bytes).unwrap();
    (child, input)
}

fn assert_interrupted(output: &Output) {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), output.stdout.len(), &*stderr), (Some(130), 0, ""));
}

#[test]
fn ctrl_c_stops_a_run_and_leaves_no_file() {
    let folder = Folder::new();
    let n = 400;
    let matrix = doubles(&[n, n], vec![1.0; n * n]);
    let out = folder.file("out.npy");
    // Far more rounds than can be waited for.
    let endless = ["--json", "--repeat", "4000000000", "--threads", "1", "-o", &out];
    let (child, input) =
        fed(&[&["run", "ij,jk->ik", "/dev/stdin", &folder.write("b.npy", &matrix)], &endless[..]].concat(), &matrix);
    drop(input);
    std::thread::sleep(Duration::from_millis(300));
    interrupt(&child);
    assert_interrupted(&child.wait_with_output().unwrap());
    assert_eq!(folder.names(), ["b.npy"]);
}

#[test]
fn ctrl_c_ends_a_wait_for_input() {
    let folder = Folder::new();
    let out = folder.file("out.npy");
    let half = npy("|u1", &[2_000_000], &[0; 1_000_000]);
    let (child, _input) = fed(&["run", "i->i", "/dev/stdin", "-o", &out], &half);
    interrupt(&child);
    assert_interrupted(&child.wait_with_output().unwrap());
    assert_eq!(folder.names(), [""; 0]);
}

/// Starts a command, and interrupts it after a while.
fn interrupted_soon(arguments: &[&str]) -> Output {
    let child = einfold().args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(500));
    interrupt(&child);
    let asked = Instant::now();
    let output = child.wait_with_output().unwrap();
    // Far more than it takes on a busy machine, and far less than any of these searches.
    assert!(asked.elapsed() < Duration::from_secs(30), "{arguments:?}");
    output
}

#[test]
fn ctrl_c_ends_a_search_which_gives_what_it_has() {
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
        // It can be followed, and repeated.
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
    assert_interrupted(&output);
}

/// Reads a little of what a command prints, and closes the pipe.
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
