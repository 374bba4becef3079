//! Input from outside cannot control a terminal: control characters and direction marks are printed as escapes.
#![cfg(unix)]

use crate::harness::{Folder, archive, data, doubles, einfold, npy};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;

/// Control sequences of terminals, and characters that reverse or hide text.
const HOSTILE: [&str; 12] = [
    "\u{1b}[2J",
    "\u{1b}]0;title\u{7}",
    "\u{1b}[35mred",
    "\u{9b}35m",
    "a\rb",
    "a\nerror[fake]: b",
    "\u{8}\u{8}\u{7f}",
    "\u{202e}txt\u{202c}",
    "\u{61c}x\u{2067}y\u{2069}",
    "\u{85}\u{2028}\u{2029}",
    "\u{feff}\u{200b}\u{ad}",
    "\t\u{b}\u{c}\u{a0}",
];

fn is_hidden(c: char) -> bool {
    let unseen = ['\u{61c}', '\u{ad}', '\u{a0}', '\u{200b}', '\u{feff}', '\u{2028}', '\u{2029}'];
    let turns = ('\u{200e}'..='\u{200f}').chain('\u{202a}'..='\u{202e}').chain('\u{2066}'..='\u{2069}');
    c.is_control() || unseen.contains(&c) || turns.into_iter().any(|turn| turn == c)
}

/// Removes the colours of the tool. The tool is forced to use colours, since output without colours is filtered and
/// would not show sequences that a terminal receives.
fn plain(text: &str) -> String {
    [0, 1, 4, 31, 32, 33, 36, 91, 96]
        .iter()
        .fold(text.to_owned(), |text, colour| text.replace(&format!("\u{1b}[{colour}m"), ""))
}

#[track_caller]
fn assert_clean(text: &[u8], what: &dyn std::fmt::Debug) {
    let text = plain(std::str::from_utf8(text).unwrap());
    let found = text.chars().find(|&c| c != '\n' && is_hidden(c));
    assert!(found.is_none(), "{found:?} of {what:?} in {text:?}");
    assert!(!text.lines().any(|line| line.starts_with("error[fake]")), "a line of its own: {text}");
}

/// Runs the binary and checks its whole output. Returns standard output.
#[track_caller]
fn shown<S: AsRef<OsStr>>(arguments: &[S]) -> Vec<u8> {
    let arguments: Vec<&OsStr> = arguments.iter().map(AsRef::as_ref).collect();
    let output = einfold().env("CLICOLOR_FORCE", "1").args(&arguments).output().unwrap();
    assert!(output.status.code().is_some_and(|code| code < 4), "{arguments:?}: {output:?}");
    assert_clean(&output.stdout, &arguments);
    assert_clean(&output.stderr, &arguments);
    output.stdout
}

#[test]
fn names_of_files() {
    let folder = Folder::new();
    let array = doubles(&[2], [1.0, 2.0]);
    let x = folder.write("x.npy", &array);
    for hostile in HOSTILE {
        let file = folder.file(&hostile.replace('/', "-"));
        let inside = format!("{file}/{hostile}.npy");
        for missing in [&file, &inside, &format!("{file}.npz:{hostile}")] {
            shown(&["run", "i", missing]);
            shown(&["run", "Y[i] = A[i]", &format!("A={missing}")]);
            shown(&["run", "-f", missing]);
            shown(&["run", "i", &x, "--path", missing]);
            shown(&["order", &format!("{missing}.json")]);
            shown(&["order", "i", "--shapes", "2", "--start", missing]);
        }
        shown(&["run", "i", &x, "-o", &inside]);
        shown(&["run", "i", &x, "-o", &format!("{file}.{hostile}")]);
        shown(&["order", "i", "--shapes", "2", "--svg", &inside]);
        shown(&["order", "i", "--shapes", "2", "--cache", &format!("{x}/{hostile}")]);
        fs::write(&file, "neither").unwrap();
        for verb in
            [&["run", "i"][..], &["check", "-f"], &["run", "i", "--json"], &["explain", "i", "--format", "json"]]
        {
            shown(&[verb, &[&file]].concat());
        }
        shown(&["order", &file]);
        fs::write(&file, &array[..array.len() - 1]).unwrap();
        shown(&["run", "i", &file]);
        shown(&["run", "i", &format!("{file}.npz:{hostile}")]);
    }
    shown(&[OsStr::new("run"), OsStr::new("i"), OsStr::from_bytes(b"\xff\x1b[2J.npy")]);
}

#[test]
fn contents_of_files() {
    let folder = Folder::new();
    let array = doubles(&[2], [1.0, 2.0]);
    let stored = zip::CompressionMethod::Stored;
    for hostile in HOSTILE {
        let descr = folder.write("descr.npy", &npy(hostile, &[2], &[]));
        shown(&["run", "i", &descr]);
        shown(&["run", "i", "--json", &descr]);
        for kind in ["<f", "|S", "<M8", "|O", "|V"] {
            shown(&["run", "i", &folder.write("descr.npy", &npy(&format!("{kind}{hostile}"), &[2], &[]))]);
        }
        let keys = [format!("{hostile}.npy"), format!("b{hostile}")];
        let many = folder.write("many.npz", &archive(&[(&keys[0], &array), (&keys[1], &array)], stored));
        shown(&["run", "i", &many]);
        shown(&["run", "i", &format!("{many}:{hostile}x")]);
        shown(&["run", "i", &format!("{many}:{hostile}")]);
        let one = folder.write("one.npz", &archive(&[(&keys[0], &array[..array.len() - 1])], stored));
        shown(&["run", "i", &one]);
        shown(&["run", "i", "--json", &one]);
        let text = folder.write("text.ein", format!("i{hostile},{hostile}->i").as_bytes());
        shown(&["check", "-f", &text]);
        shown(&["run", "--json", "-f", &text]);
    }
}

#[test]
fn networks_and_their_pictures() {
    let folder = Folder::new();
    for hostile in HOSTILE {
        let label = serde_json::to_string(hostile).unwrap();
        let (svg, dot) = (folder.file("t.svg"), folder.file("t.dot"));
        for network in [
            format!(
                r#"{{"inputs": [[{label}, "a"], ["a", "b"], ["b", "c"]], "output": [{label}, "c"], "sizes": {{{label}: 8, "a": 64, "b": 64, "c": 8}}}}"#
            ),
            format!(r#"{{"inputs": [[{label}]], "output": [], "sizes": {{}}}}"#),
            format!(r#"{{"inputs": [["a"]], "output": [{label}], "sizes": {{"a": 2}}}}"#),
            format!(r#"{{"inputs": [["a"]], "output": [], "sizes": {{"a": {label}}}}}"#),
            format!(r#"{{"inputs": {label}, {label}: 2}}"#),
            hostile.to_owned(),
        ] {
            let file = folder.write("network.json", network.as_bytes());
            shown(&["order", &file, "--svg", &svg, "--dot", &dot]);
            let json = shown(&["order", &file, "--json", "--trials", "2", "--largest", "256"]);
            if fs::exists(&svg).unwrap() {
                assert_clean(&fs::read(&svg).unwrap(), &hostile);
                assert_clean(&fs::read(&dot).unwrap(), &hostile);
                let value: serde_json::Value = serde_json::from_slice(&json).unwrap();
                assert!(value["slices"].to_string().contains(&label), "the value is what it was: {value}");
                fs::remove_file(&svg).unwrap();
                // The same text as a path.
                let path = folder.write("path.json", &json);
                shown(&["order", &file, "--path", &path]);
            }
            shown(&["order", "ij,jk", "--shapes", "2x2,2x2", "--path", &file]);
        }
    }
}

#[test]
fn texts() {
    let scalar = data("scalar.npy");
    for hostile in HOSTILE {
        for text in [
            hostile.to_owned(),
            format!("i{hostile}j->i"),
            format!("[a{hostile}] -> [a]"),
            format!("Y[{hostile}] = X[i]"),
            format!("Y[i] = {hostile}[i] # {hostile}"),
            format!("Y[i] += X[i]*x{hostile}; {hostile}"),
            format!("Y[i] = X[i] # {hostile}"),
        ] {
            shown(&["check", "--", &text]);
            shown(&["check", "--spaced", "--json", "--", &text]);
            shown(&["run", "--json", "--", &text, &scalar]);
            shown(&["run", "--", &text, &scalar, &scalar]);
            shown(&["explain", "--shapes", "2", "--", &text]);
            shown(&["explain", "--shapes", "2x3", "--format", "json", "--", &text]);
            shown(&["explain", "--shapes", "X=2", "--format", "dot", "--", &text]);
            shown(&["order", "--shapes", "2", "--", &text]);
        }
    }
    // A direction mark that is a label, by the numbering of opt_einsum.
    let text = "\u{61c}i,i->\u{61c}";
    for arguments in [
        &["check", text][..],
        &["explain", text, "--shapes", "2x3,3"],
        &["explain", text, "--shapes", "2x3,3", "--format", "json"],
        &["explain", text, "--shapes", "2x3,3", "--format", "dot"],
        &["order", text, "--shapes", "2x3,3", "--json"],
        &["run", text, &scalar, &scalar],
    ] {
        shown(arguments);
    }
}

const OPTIONS: [(&str, &[&str]); 4] = [
    (
        "run",
        &[
            "--algebra",
            "--acc",
            "--size",
            "--oor",
            "--fill",
            "--order",
            "--path",
            "--memory",
            "--machine",
            "--threads",
            "--repeat",
            "--warmup",
            "--output",
            "--program",
            "--unknown",
        ],
    ),
    ("explain", &["--shapes", "--stage", "--format", "--unknown"]),
    (
        "order",
        &[
            "--shapes",
            "--time",
            "--trials",
            "--memory",
            "--machine",
            "--largest",
            "--dtype",
            "--constants",
            "--objective",
            "--seed",
            "--threads",
            "--order",
            "--path",
            "--replay",
            "--start",
            "--size",
            "--fill",
            "--oor",
            "--unknown",
        ],
    ),
    ("check", &["--json", "--unknown"]),
];

#[test]
fn values_of_options_and_the_name_of_the_tool() {
    let scalar = data("scalar.npy");
    for (k, hostile) in HOSTILE.into_iter().enumerate() {
        for (verb, options) in OPTIONS {
            for option in options {
                let value = match k % 4 {
                    0 => hostile.to_owned(),
                    1 => format!("X={hostile}"),
                    2 => format!("[{hostile}"),
                    _ => format!("2x{hostile}=1:{hostile}"),
                };
                shown(&[verb, "i", &scalar, &format!("{option}={value}")]);
                shown(&[verb, "i", &scalar, option, &value]);
            }
        }
        shown(&[hostile]);
        shown(&["completions", hostile]);
        shown(&["run", &format!("--{hostile}")]);
        shown(&["run", &format!("-{hostile}")]);
        shown(&["help", hostile]);
        for arguments in [&["--help"][..], &["run"], &["run", "--nonsense"], &["check", "--help"]] {
            let output = einfold().env("CLICOLOR_FORCE", "1").arg0(hostile).args(arguments).output().unwrap();
            assert_clean(&output.stdout, &hostile);
            assert_clean(&output.stderr, &hostile);
        }
    }
    shown(&[OsStr::new("run"), OsStr::from_bytes(b"--order=\xff\x1b[2J")]);
}
