//! The corpus through the command line tool, which reads operands from files and writes the result to a file.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;

use einfold_ir::Dtype;

use crate::corpus::{INVALID, VALID, Valid};
use crate::layout::Layout;
use crate::npy;
use crate::num::{Num, Tensor};

/// The path of the binary. `cargo test --workspace` builds it; if it is missing or out of date, this builds it in a
/// separate directory, because a single package may have other features.
pub(crate) static BINARY: LazyLock<PathBuf> = LazyLock::new(|| {
    let test = std::env::current_exe().unwrap();
    let profile = test.ancestors().nth(2).unwrap();
    let binary = profile.join("einfold").with_extension(std::env::consts::EXE_EXTENSION);
    if !is_fresh(&binary) {
        let mode = if profile.ends_with("release") { "release" } else { "test" };
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--quiet", "--package", "einfold-cli", "--profile", mode, "--target-dir"]);
        assert!(build.arg(profile.parent().unwrap()).status().unwrap().success());
    }
    binary
});

/// Whether the binary exists and is newer than all of its sources.
fn is_fresh(binary: &Path) -> bool {
    let modified = |path: &Path| std::fs::metadata(path).and_then(|m| m.modified()).ok();
    let sources = std::fs::read_to_string(binary.with_extension("d")).unwrap_or_default();
    let built = modified(binary);
    let old = |source: &str| modified(Path::new(source)).is_some_and(|m| Some(m) <= built);
    built.is_some() && sources.split_once(": ").is_some_and(|(_, list)| list.split_whitespace().all(old))
}

fn run(text: &str, operands: &[(Tensor, bool)], dir: &Path) -> Output {
    let mut command = Command::new(&*BINARY);
    command.args(["run", text]);
    for (k, (tensor, fortran)) in operands.iter().enumerate() {
        let path = dir.join(format!("{k}.npy"));
        npy::write(&path, tensor, *fortran);
        command.arg(path);
    }
    command.arg("-o").arg(dir.join("out.npy")).output().unwrap()
}

fn check(case: &Valid) -> Result<(), String> {
    let dir = tempfile::tempdir().unwrap();
    let fortran = |t: &Tensor, l: &Layout| *l == Layout::named("F", t.shape.len());
    let operands: Vec<_> = case.operands.iter().map(|(t, l)| (t.clone(), fortran(t, l))).collect();
    let output = run(&case.text, &operands, dir.path());
    if !output.status.success() {
        return Err(format!("{case}\n{}", String::from_utf8_lossy(&output.stderr)));
    }
    let result = npy::read(&dir.path().join("out.npy"));
    result.differs(&case.result, case.tolerance).map_or(Ok(()), |d| Err(format!("{case}\n{d}")))
}

#[test]
fn the_command_line_answers_as_numpy() {
    let failures: Vec<String> = VALID.iter().filter_map(|case| check(case).err()).collect();
    assert!(failures.is_empty(), "{} of {}\n{}", failures.len(), VALID.len(), failures.join("\n"));
}

#[test]
fn the_command_line_refuses_what_numpy_refuses() {
    for case in INVALID.iter() {
        let dir = tempfile::tempdir().unwrap();
        let ones = |shape: &Vec<usize>| (Tensor::full(Dtype::F64, shape, Num::ONE), false);
        let operands: Vec<_> = case.shapes.iter().map(ones).collect();
        let output = run(&case.text, &operands, dir.path());
        let report = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "#{} `{}`\n{report}", case.id, case.text);
        assert!(report.starts_with("error["), "#{} `{}`\n{report}", case.id, case.text);
        assert!(!dir.path().join("out.npy").exists(), "#{} `{}`", case.id, case.text);
    }
}
