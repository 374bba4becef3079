//! `calibrate` and `--machine`.

use crate::harness::{Folder, data, doubles, einfold, run};
use einfold::order::{Machine, machine_from_json};
use std::fs;

const CHAIN: [&str; 4] = ["explain", "ij,jk,kl->il", "--shapes", "20x10,10x30,30x40"];

#[test]
fn a_measured_machine_is_written_read_and_planned_for() {
    let folder = Folder::new();
    let file = folder.file("here.json");
    assert_eq!(run(["calibrate", "-o", &file]).ok(), "");
    let text = fs::read_to_string(&file).unwrap();
    let machine = machine_from_json(&text).unwrap();
    assert_ne!(machine, Machine::default());
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert!(json["cpu"].is_string() && json["version"] == env!("CARGO_PKG_VERSION"), "{text}");
    // All outputs state the machine.
    let explained = run([&CHAIN[..], &["--machine", &file]].concat()).ok();
    assert!(explained.contains("  machine measured: product "), "{explained}");
    let explained = run([&CHAIN[..], &["--machine", &file, "--format", "json"]].concat()).ok();
    let explained: serde_json::Value = serde_json::from_str(&explained).unwrap();
    assert_eq!(machine_from_json(&explained["machine"].to_string()), Ok(machine));
    let order = run(["order", "ij,jk,kl->il", "--shapes", "20x10,10x30,30x40", "--machine", &file, "--json"]).ok();
    let order: serde_json::Value = serde_json::from_str(&order).unwrap();
    assert_eq!(machine_from_json(&order["machine"].to_string()), Ok(machine));
    let a = folder.write("a.npy", &doubles(&[2, 2], [1.0, 2.0, 3.0, 4.0]));
    let product = ["run", "ij,jk->ik", &a, &a];
    assert_eq!(run([&product[..], &["--machine", &file]].concat()).ok(), run(product).ok());
    let timed = run([&product[..], &["--machine", &file, "--json"]].concat()).ok();
    let timed: serde_json::Value = serde_json::from_str(&timed).unwrap();
    assert_eq!(machine_from_json(&timed["machine"].to_string()), Ok(machine));
}

#[test]
fn a_machine_is_printed_unless_a_file_is_named() {
    assert!(machine_from_json(&run(["calibrate", "-o", "-"]).ok()).is_ok());
    let refused = run(["calibrate", "-o", &data("nowhere/here.json")]).failed(1);
    assert!(refused.starts_with("error[output]: the result cannot be written to "), "{refused}");
}

/// The built-in machine as a file, with one value replaced.
fn file(folder: &Folder, from: &str, to: &str) -> String {
    let text = einfold_order::format::machine_json(&Machine::default()).to_string();
    assert!(text.contains(from));
    folder.write("machine.json", text.replace(from, to).as_bytes())
}

#[test]
fn a_file_with_the_built_in_machine_changes_nothing() {
    let folder = Folder::new();
    let same = file(&folder, "", "");
    assert_eq!(run([&CHAIN[..], &["--machine", &same]].concat()).ok(), run(CHAIN).ok());
}

#[test]
fn another_machine_changes_forms_and_the_weight_of_time() {
    let folder = Folder::new();
    let product = ["explain", "ij,jk->ik", "--shapes", "100x100,100x100", "--stage", "plan"];
    assert!(!run(product).ok().contains("packing 0,"));
    let slow = file(&folder, "\"product_setup_ns\":45", "\"product_setup_ns\":1000000000");
    assert!(run([&product[..], &["--machine", &slow]].concat()).ok().contains("packing 0,"));
    let memory = file(&folder, "\"memory_byte_ns\":0.0275", "\"memory_byte_ns\":0.11");
    let time = ["order", "ij,jk,kl->il", "--shapes", "20x10,10x30,30x40", "--objective", "time", "--json"];
    assert!(run(time).ok().contains("\"objective\":\"combo-20\""));
    assert!(run([&time[..], &["--machine", &memory]].concat()).ok().contains("\"objective\":\"combo-80\""));
}

#[test]
fn files_without_a_machine_are_errors_with_reasons() {
    let folder = Folder::new();
    let refused = |file: &str| {
        let report = run([&CHAIN[..], &["--machine", file]].concat()).failed(1);
        assert_eq!(report, run(["order", "ij,jk", "--shapes", "2x2,2x2", "--machine", file]).failed(1));
        report.replace(file, "FILE")
    };
    let missing = refused(&folder.file("missing.json"));
    assert!(missing.starts_with("error[file]: `FILE` cannot be read: "), "{missing}");
    let folder_itself = refused(&folder.path().to_string_lossy());
    assert_eq!(folder_itself, "error[file]: `FILE` cannot be read: it is not a regular file\n");
    let large = refused(&folder.write("large.json", &[b' '; 1 << 17]));
    assert_eq!(large, "error[file]: `FILE` cannot be read: file too large\n");
    let text = refused(&folder.write("text.json", b"fast"));
    assert!(text.starts_with("error[file]: `FILE` cannot be used: this is not JSON: "), "{text}");
    let order = refused(&folder.write("order.json", br#"{"schema": "einfold.order/1", "path": [[0, 1]]}"#));
    let other = "error[file]: `FILE` cannot be used: the text has the schema `einfold.order/1`, this version reads `einfold.machine/1`\n";
    assert_eq!(order, other);
    let time = refused(&file(&folder, "\"nest_ns\":0.176", "\"nest_ns\":0"));
    assert!(time.contains("`nest_ns` is 0; a time from 0.000001 to 1000000000 was expected"), "{time}");
}

/// `calibrate` measures the pool of threads in which runs work, whose size is not always the number of processors. A pool
/// of one thread starts no threads, so the cost of a start stays the built-in one.
#[test]
fn threads_are_those_of_the_pool_of_runs() {
    let measured = |threads: usize| {
        let mut command = einfold();
        let output = command.arg("calibrate").env("RAYON_NUM_THREADS", threads.to_string()).output().unwrap();
        assert!(output.status.success());
        machine_from_json(&String::from_utf8(output.stdout).unwrap()).unwrap()
    };
    let (one, three) = (measured(1), measured(3));
    assert_eq!((one.partitions, one.fork), (1, Machine::default().fork));
    assert_eq!(three.partitions, 4);
    assert_ne!(three.fork, Machine::default().fork);
}

/// The memory is checked before anything is measured, which would take seconds.
#[cfg(target_os = "linux")]
#[test]
fn a_measurement_needs_memory() {
    let command = format!("ulimit -v 70000; exec {} calibrate", env!("CARGO_BIN_EXE_einfold"));
    let output = std::process::Command::new("sh").args(["-c", &command]).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(3), 0), "{stderr}");
    assert!(stderr.starts_with("error[memory]: ") && !stderr.contains("to start"), "{stderr}");
}

#[cfg(unix)]
#[test]
fn a_device_is_not_read_as_a_machine() {
    let report = run([&CHAIN[..], &["--machine", "/dev/zero"]].concat()).failed(1);
    assert_eq!(report, "error[file]: `/dev/zero` cannot be read: it is not a regular file\n");
}
