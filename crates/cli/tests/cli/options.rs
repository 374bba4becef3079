//! The effect of each option.

use crate::harness::{Folder, data, doubles, run};
use std::fs;

fn chain(folder: &Folder) -> [String; 3] {
    let matrix = |name: &str, rows: usize, columns: usize| {
        folder.write(name, &doubles(&[rows, columns], (0..rows * columns).map(|v| (v % 7) as f64)))
    };
    [matrix("a.npy", 20, 10), matrix("b.npy", 10, 30), matrix("c.npy", 30, 40)]
}

#[test]
fn an_expression_may_begin_with_a_hyphen_or_be_empty() {
    let scalar = data("scalar.npy");
    assert_eq!(run(["run", "->", &scalar]).ok(), "2.5\n");
    assert_eq!(run(["run", "", &scalar]).ok(), "2.5\n");
    assert_eq!(run(["run", "-o", &data("nowhere/x.npy"), "->", &scalar]).code, Some(1));
    assert_eq!(run(["check", "->"]).ok(), "->\n");
    assert!(run(["check", "->ij"]).failed(1).starts_with("error["));
    assert!(run(["check", "-"]).failed(1).starts_with("error["));
    assert!(run(["run", "-", &scalar]).failed(1).starts_with("error["));
}

#[test]
fn check_prints_the_canonical_form() {
    assert_eq!(run(["check", " i j , j k -> i k "]).ok(), "ij,jk->ik\n");
    assert_eq!(run(["check", "(ij,jk),k ... -> ..."]).ok(), "(ij,jk),k...->...\n");
    assert_eq!(run(["check", ""]).ok(), "\n");
}

#[test]
fn threads_do_not_change_the_result() {
    let folder = Folder::new();
    let [a, b, c] = chain(&folder);
    let results = ["1", "2", "5"].map(|threads| {
        let out = folder.file(threads);
        run(["run", "ij,jk,kl->il", &a, &b, &c, "--threads", threads, "-o", &out]).ok();
        fs::read(out).unwrap()
    });
    assert!(results.iter().all(|r| *r == results[0]));
    assert_eq!(run(["run", "->", &data("scalar.npy"), "--threads", "0"]).code, Some(2));
}

#[test]
fn orders_have_opt_einsums_names() {
    let folder = Folder::new();
    let [a, b, c] = chain(&folder);
    let dry = |order: &[&str]| run([&["run", "ij,jk,kl->il", &a, &b, &c, "--dry-run"], order].concat()).ok();
    // 10*30*40 + 20*10*40 against 20*10*30 + 20*30*40.
    for order in ["auto", "optimal", "dp", "dynamic-programming", "greedy", "eager", "branch-all"] {
        assert!(dry(&["--order", order]).contains("flops    20000 "), "{order}");
        assert!(dry(&["--optimize", order]).contains("path     [(1, 2), (0, 1)]"), "{order}");
    }
    assert!(dry(&["--order", "left-to-right"]).contains("flops    30000 "));
    let stderr = run(["run", "i", "a.npy", "--order", "best"]).failed(2);
    assert!(stderr.contains("auto") && stderr.contains("greedy") && stderr.contains("optimal"), "{stderr}");
}

#[test]
fn a_path_is_applied() {
    let folder = Folder::new();
    let [a, b, c] = chain(&folder);
    let dry = |path: &str| run(["run", "ij,jk,kl->il", &a, &b, &c, "--dry-run", "--path", path]);
    assert!(dry("[(0,1),(0,1)]").ok().contains("flops    30000 "));
    assert!(dry("[[1,2],[0,1]]").ok().contains("flops    20000 "));
    assert!(dry("['einsum_path', (1, 2), (0, 1)]").ok().contains("flops    20000 "));
    assert!(dry("[(0,5),(0,1)]").failed(1).starts_with("error[path]"));
    assert!(dry("[(0,1)").failed(2).contains("a path looks like [(0,1),(0,1)]"));
    let both = run(["run", "i", &a, "--path", "[(0,1)]", "--order", "dp"]).failed(2);
    assert!(both.contains("cannot be used with"), "{both}");
}

#[test]
fn memory_is_a_limit_that_is_known_before_the_run() {
    let folder = Folder::new();
    let [a, b, c] = chain(&folder);
    let out = folder.file("out.npy");
    let stderr = run(["run", "ij,jk,kl->il", &a, &b, &c, "--memory", "1KiB", "-o", &out]).failed(3);
    assert!(stderr.starts_with("error[memory]"), "{stderr}");
    assert_eq!(folder.names(), ["a.npy", "b.npy", "c.npy"]);
    run(["run", "ij,jk,kl->il", &a, &b, &c, "--memory", "1MB", "-o", &out]).ok();
    run(["explain", "ij,jk->ik", "--shapes", "20x10,10x30", "--memory", "1KB"]).failed(3);
    assert!(run(["run", "i", &a, "--memory", "2 elephants"]).failed(2).contains("KiB"));
}

#[test]
fn strict_does_not_broadcast() {
    let folder = Folder::new();
    let (a, b) = (folder.write("a.npy", &doubles(&[1], [2.0])), folder.write("b.npy", &doubles(&[3], [1.0, 2.0, 3.0])));
    assert_eq!(run(["run", "i,i->i", &a, &b]).ok(), "[2. 4. 6.]\n");
    assert!(run(["run", "i,i->i", &a, &b, "--strict"]).failed(1).starts_with("error[size]"));
}

#[test]
fn dry_run_reads_headers_only_and_writes_nothing() {
    let folder = Folder::new();
    let out = folder.file("out.npy");
    let file = folder.write("a.npy", &doubles(&[20, 10], vec![0.0; 200]));
    let text = run(["run", "ij,ij->i", &file, &file, "--dry-run", "-o", &out]).ok();
    insta::assert_snapshot!(text, @r"
    result   f64 20
    memory   160 bytes besides the operands
    flops    200 multiply-adds
    largest  20 elements in one step's result
    path     [(0, 1)]
    ");
    assert_eq!(folder.names(), ["a.npy"]);
}

#[test]
fn json_has_a_time_for_each_run_and_goes_with_an_output() {
    let folder = Folder::new();
    let [a, b, c] = chain(&folder);
    let out = folder.file("out.npy");
    let arguments =
        ["run", "ij,jk,kl->il", &a, &b, &c, "--repeat", "4", "--warmup", "2", "--json", "--threads", "1", "-o", &out];
    let line = run(arguments).ok();
    assert_eq!(line.lines().count(), 1);
    let value: serde_json::Value = serde_json::from_str(&line).unwrap();
    let times: Vec<f64> = value["times_s"].as_array().unwrap().iter().map(|t| t.as_f64().unwrap()).collect();
    assert_eq!(times.len(), 4);
    assert!(times.iter().all(|t| *t >= 0.0));
    assert_eq!(value["min_s"].as_f64(), times.iter().copied().reduce(f64::min));
    assert!(times.iter().any(|t| *t <= value["median_s"].as_f64().unwrap()));
    for (key, want) in [
        ("schema", "\"einfold.run/1\""),
        ("expr", "\"ij,jk,kl->il\""),
        ("threads", "1"),
        ("warmup", "2"),
        ("repeat", "4"),
        ("flops", "20000"),
        ("path", "[[1,2],[0,1]]"),
        ("results", r#"[{"dtype":"f64","shape":[20,40]}]"#),
    ] {
        assert_eq!(value[key].to_string(), want, "{key}");
    }
    let plain = folder.file("plain.npy");
    run(["run", "ij,jk,kl->il", &a, &b, &c, "-o", &plain]).ok();
    assert_eq!(fs::read(out).unwrap(), fs::read(plain).unwrap());
}

#[test]
fn explain_takes_shapes_or_files() {
    let folder = Folder::new();
    let [a, b, c] = chain(&folder);
    let files = run(["explain", "ij,jk,kl->il", &a, &b, &c]).ok();
    assert_eq!(run(["explain", "ij,jk,kl->il", "--shapes", "20x10,10x30,30x40"]).ok(), files);
    let typed = run(["explain", ",i", "--shapes", "(),3:f32", "--format", "json"]).ok();
    let value: serde_json::Value = serde_json::from_str(&typed).unwrap();
    assert_eq!(value["operands"].to_string(), r#"["():f64","3:f32"]"#);
}

#[test]
fn explain_can_show_one_stage() {
    let explain = |more: &[&str]| run([&["explain", "ij,jk->ik", "--shapes", "2x3,3x4"], more].concat());
    let whole = explain(&[]).ok();
    for stage in ["ast", "ir", "tree", "plan", "passes"] {
        let one = explain(&["--stage", stage]).ok();
        assert!(whole.contains(&format!("== {stage} ==\n{one}")), "{stage}");
        let json: serde_json::Value =
            serde_json::from_str(&explain(&["--stage", stage, "--format", "json"]).ok()).unwrap();
        let stages: Vec<&String> = json
            .as_object()
            .unwrap()
            .keys()
            .filter(|k| ["ast", "ir", "tree", "plan", "passes"].contains(&k.as_str()))
            .collect();
        assert_eq!(stages, [stage]);
    }
    assert_eq!(explain(&["--stage", "dreams"]).code, Some(2));
    explain(&["--stage", "ir", "--format", "dot"]).failed(2);
}

#[test]
fn every_shell_gets_a_script() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        assert!(run(["completions", shell]).ok().contains("dry-run"), "{shell}");
    }
}

#[test]
fn the_version_is_printed() {
    assert_eq!(run(["--version"]).ok(), concat!("einfold ", env!("CARGO_PKG_VERSION"), "\n"));
}
