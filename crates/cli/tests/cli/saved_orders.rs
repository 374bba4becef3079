//! Saved orders: `run` and `explain` apply what `order`, `run` and `explain` print.

use crate::harness::{Folder, doubles, npy, run};
use crate::order::found;
use serde_json::{Value, json};

/// Returns three matrices of `n` by `n`, as files, with small integers.
fn square_files(folder: &Folder, n: usize) -> [String; 3] {
    ["a.npy", "b.npy", "c.npy"].map(|name| {
        let values = (0..n * n).map(|k| ((k * 7 + name.len() + usize::from(name.as_bytes()[0])) % 5) as f64);
        folder.write(name, &doubles(&[n, n], values))
    })
}

fn json_of(arguments: &[&str]) -> Value {
    serde_json::from_str(&run(arguments).ok()).unwrap()
}

#[test]
fn found_slices_are_run() {
    let folder = Folder::new();
    let [a, b, c] = square_files(&folder, 40);
    let operands = ["ij,jk,ki->", &a, &b, &c];
    let whole = json_of(&[&["run"], &operands[..], &["--json"]].concat());
    let searched = run([&["order"], &operands[..], &["--memory", "6kB", "--json"]].concat()).ok();
    let best = folder.write("best.json", searched.as_bytes());
    let searched: Value = serde_json::from_str(&searched).unwrap();
    assert_ne!(searched["slices"], json!([]));
    let followed = json_of(&[&["run"], &operands[..], &["--json", "--path", &best]].concat());
    for key in ["slices", "ssa_path", "memory_limit", "objective", "inputs", "sizes"] {
        assert_eq!(followed["order"][key], searched[key], "{key}");
    }
    assert!(followed["bytes"].as_u64() < Some(6_400) && Some(12_800) <= whole["bytes"].as_u64(), "{followed} {whole}");
    let printed = |more: &[&str]| run([&["run"], &operands[..], more].concat()).ok();
    assert_eq!(printed(&["--path", &best]), printed(&[]));
    assert!(printed(&["--path", &best, "--dry-run"]).contains("path     [("));
    // The output of `run` and `explain` has the order too.
    let explained = json_of(&[&["explain"], &operands[..], &["--format", "json", "--path", &best]].concat());
    assert_eq!(explained["order"], followed["order"]);
    assert_eq!(explained["tree"][0]["slices"], searched["slices"]);
    for (name, value) in [("run.json", &followed), ("explain.json", &explained)] {
        let file = folder.write(name, value.to_string().as_bytes());
        let again = json_of(&[&["run"], &operands[..], &["--json", "--path", &file]].concat());
        assert_eq!((&again["order"], &again["bytes"]), (&followed["order"], &followed["bytes"]), "{name}");
    }
    // `order` computes the same cost for it.
    let priced = found(&[&operands[..], &["--path", &best]].concat());
    for key in ["slices", "flops", "memory_bytes", "memory_limit"] {
        assert_eq!(priced[key], searched[key], "{key}");
    }
    // Files of earlier versions have no network.
    let mut old = searched.clone();
    let keys = ["schema", "inputs", "output", "sizes", "largest_limit"];
    keys.iter().for_each(|key| drop(old.as_object_mut().unwrap().remove(*key)));
    let old = folder.write("old.json", old.to_string().as_bytes());
    let again = json_of(&[&["run"], &operands[..], &["--json", "--path", &old]].concat());
    assert_eq!(again["order"]["slices"], searched["slices"]);
}

#[test]
fn a_mismatched_order_reports_the_difference() {
    let folder = Folder::new();
    let [a, b, c] = square_files(&folder, 40);
    let operands = ["ij,jk,ki->", &a, &b, &c];
    let searched = run([&["order"], &operands[..], &["--memory", "6kB", "--json"]].concat()).ok();
    let best = folder.write("best.json", searched.as_bytes());
    let failed = |arguments: &[&str], code| run([arguments, &["--path", &best]].concat()).failed(code);
    insta::assert_snapshot!(failed(&["explain", "ij,jk,ki->", "--shapes", "40x40,40x20,20x40"], 1), @r"
    error[path]: the order does not fit: axis `k` has extent 40 in the order and 20 here
      = help: search an order for this expression and these shapes
    ");
    insta::assert_snapshot!(failed(&["explain", "ij,jk->ik", "--shapes", "40x40,40x40"], 1), @r"
    error[path]: the order does not fit: its tree has 3 tensors, the contraction has 2
      = help: search an order for this expression and these shapes
    ");
    let small = failed(&[&["run"], &operands[..], &["--memory", "1kB"]].concat(), 3);
    assert!(small.contains("more than the limit of 1000; it was found for a limit of 6000"), "{small}");
    let unknown: Value = serde_json::from_str(&searched).unwrap();
    let unknown = unknown.to_string().replace("einfold.order/1", "einfold.order/9");
    let file = folder.write("later.json", unknown.as_bytes());
    let stderr = run([&["run"], &operands[..], &["--path", &file]].concat()).failed(1);
    assert!(stderr.contains("`einfold.order/9`, this version reads `einfold.order/1`"), "{stderr}");
}

#[test]
fn a_dry_run_prints_paths_that_can_be_applied() {
    let layer = ["H[dst[e]:9,o] += X[src[e],f]*W[f,o]", "--shapes", "dst=4:i64,X=5x6,src=4:i64,W=6x7"];
    let both = [
        "T[i,l] = a[i,j]*b[j,k]*c[k,l]; M[i,k] max= a[i,j]*b[j,k]; S = T[i,l]*T[i,l]*a[i,i]",
        "--shapes",
        "a=4x4,b=4x4,c=4x4",
    ];
    let folder = Folder::new();
    let files = |shapes: &str| -> Vec<String> {
        let file = |item: &str| {
            let (name, shape) = item.split_once('=').unwrap();
            let ids = shape.ends_with(":i64");
            let extents: Vec<usize> = shape.trim_end_matches(":i64").split('x').map(|n| n.parse().unwrap()).collect();
            let count = extents.iter().product();
            let bytes =
                if ids { npy("<i8", &extents, &vec![0; 8 * count]) } else { doubles(&extents, vec![1.0; count]) };
            format!("{name}={}", folder.write(&format!("{name}.npy"), &bytes))
        };
        shapes.split(',').map(file).collect()
    };
    for ([text, _, shapes], paths) in [(layer, 1), (both, 2)] {
        let operands = files(shapes);
        let dry = |more: &[&str]| {
            let operands: Vec<&str> = operands.iter().map(String::as_str).collect();
            run([&["run", text][..], &operands, &["--dry-run"], more].concat()).ok()
        };
        let shown = dry(&[]);
        let path = shown.lines().find_map(|line| line.strip_prefix("path     ")).unwrap().to_owned();
        assert!(path.contains("[("), "{path}");
        assert_eq!(path.starts_with("[["), paths > 1, "{path}");
        assert_eq!(dry(&["--path", &path]), shown);
    }
}
