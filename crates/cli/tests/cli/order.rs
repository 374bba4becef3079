//! `einfold order`: networks as input, orders as output.

use crate::harness::{Folder, doubles, run};
use serde_json::{Value, json};
use std::fmt::Write;

/// ij,jk,kl->il, with strings and integers as labels.
const CHAIN: &str = r#"{
  "name": "a chain",
  "inputs": [["i", 7], [7, "k"], ["k", "l"]],
  "output": ["i", "l"],
  "sizes": {"i": 20, "7": 10, "k": 30, "l": 40}
}"#;

/// Returns a square lattice with extents of 2, contracted to a scalar.
pub(crate) fn lattice(side: usize) -> String {
    let (across, down) = (|row: usize, column: usize| row * side + column, |row, column| (side + column) * side + row);
    let mut inputs = Vec::new();
    for (row, column) in (0..side * side).map(|site| (site / side, site % side)) {
        let mut legs = Vec::new();
        if column > 0 {
            legs.push(across(row, column - 1));
        }
        if column + 1 < side {
            legs.push(across(row, column));
        }
        if row > 0 {
            legs.push(down(row - 1, column));
        }
        if row + 1 < side {
            legs.push(down(row, column));
        }
        inputs.push(legs);
    }
    let sizes: serde_json::Map<String, Value> = (0..2 * side * side).map(|axis| (axis.to_string(), 2.into())).collect();
    json!({ "inputs": inputs, "output": [], "sizes": sizes }).to_string()
}

/// Returns the output of `order --json` without the time.
pub(crate) fn found(arguments: &[&str]) -> Value {
    let text = run([&["order", "--json"], arguments].concat()).ok();
    let mut value: Value = serde_json::from_str(&text).unwrap();
    let seconds = value.as_object_mut().unwrap().remove("seconds").unwrap().as_f64().unwrap();
    assert!(seconds >= 0.0);
    value
}

#[test]
fn a_file_is_ordered() {
    let folder = Folder::new();
    let file = folder.write("chain.json", CHAIN.as_bytes());
    let text = run(["order", &file]).ok();
    let text = text.split_once(" s, ").map(|(_, rest)| rest).unwrap();
    insta::assert_snapshot!(text, @r"
    seed 0
    network  3 tensors, 4 axes
    flops    20000 multiply-adds   10^4.30
    largest  800 elements in one step's result   2^9.64
    written  1200 elements in all   10^3.08
    memory   9600 bytes of f64 at most at once
    path     [(1, 2), (0, 1)]
    ");
    insta::assert_snapshot!(found(&[&file, "--memory", "1MiB", "--dtype", "f32", "--seed", "3"]), @r#"{"algorithm":"auto","cached":false,"dtype":"f32","flops":20000,"flops_log10":4.301029995663981,"inputs":[["i","7"],["7","k"],["k","l"]],"interrupted":false,"largest_limit":null,"memory_bytes":4800,"memory_limit":1048576,"objective":"flops","output":["i","l"],"path":[[1,2],[0,1]],"peak_log2":10.228818690495881,"schema":"einfold.order/1","seed":3,"size_log2":9.643856189774725,"sizes":{"7":10,"i":20,"k":30,"l":40},"slices":[],"ssa_path":[[1,2],[0,3]],"tensors":3,"write_log10":3.0791812460476247}"#);
}

#[test]
fn an_expression_is_ordered_as_its_network_is() {
    let folder = Folder::new();
    let file = folder.write("chain.json", CHAIN.replace("\"7\"", "\"j\"").replace('7', "\"j\"").as_bytes());
    let of_file = found(&[&file]);
    assert_eq!(found(&["ij,jk,kl->il", "--shapes", "20x10,10x30,30x40"]), of_file);
    assert_eq!(found(&["--spaced", "i j, j k, k l -> i l", "--shapes", "20x10,10x30,30x40"]), of_file);
    let zeros = |name, shape: [usize; 2]| folder.write(name, &doubles(&shape, vec![0.0; shape[0] * shape[1]]));
    let files = [zeros("a.npy", [20, 10]), zeros("b.npy", [10, 30]), zeros("c.npy", [30, 40])];
    assert_eq!(found(&["ij,jk,kl->il", &files[0], &files[1], &files[2]]), of_file);
    let single = found(&["ij,jk,kl->il", "--shapes", "20x10:f32,10x30:f32,30x40:f32"]);
    assert_eq!((&single["dtype"], &single["memory_bytes"]), (&json!("f32"), &json!(4800)));
}

#[test]
fn a_found_order_can_be_applied() {
    let folder = Folder::new();
    let file = folder.write("chain.json", CHAIN.as_bytes());
    let best = folder.write("best.json", run(["order", &file, "--json"]).ok().as_bytes());
    for form in ["path", "ssa_path"] {
        let value: Value = serde_json::from_slice(&std::fs::read(&best).unwrap()).unwrap();
        let alone = folder.write("alone.json", json!({ form: value[form] }).to_string().as_bytes());
        let again = found(&[&file, "--path", &alone]);
        assert_eq!((&again["ssa_path"], &again["algorithm"]), (&value["ssa_path"], &json!("path")));
    }
    let shapes = ["explain", "ij,jk,kl->il", "--shapes", "20x10,10x30,30x40", "--stage", "plan"];
    let explained = run([&shapes[..], &["--path", &best]].concat()).ok();
    assert!(explained.contains("planned 20000 "), "{explained}");
    let written = found(&[&file, "--path", "[(0,1),(0,1)]"]);
    assert_eq!(written["flops"], 30_000);
}

#[test]
fn trees_are_drawn() {
    let folder = Folder::new();
    let (svg, dot) = (folder.file("tree.svg"), folder.file("tree.dot"));
    let chain = ["order", "ij,jk,kl->il", "--shapes", "20x10,10x30,30x40"];
    run([&chain[..], &["--svg", &svg, "--dot", &dot]].concat()).ok();
    let svg = std::fs::read_to_string(svg).unwrap();
    assert!(svg.starts_with("<svg ") && svg.contains("<title>#3 jl: 400, 1.2e4 flops</title>"), "{svg}");
    let dot = std::fs::read_to_string(dot).unwrap();
    assert!(dot.starts_with("digraph order {") && dot.contains("[label=\"#0 ij\\n200\" shape=box]"), "{dot}");
    let stderr = run([&chain[..], &["--svg", &folder.file("no/tree.svg")]].concat()).failed(1);
    assert!(stderr.starts_with("error[output]: "), "{stderr}");
}

#[test]
fn a_seed_tree_is_never_made_worse() {
    let folder = Folder::new();
    let file = folder.write("lattice.json", lattice(7).as_bytes());
    let best = found(&[&file, "--trials", "4"]);
    let start = folder.write("best.json", best.to_string().as_bytes());
    let again = found(&[&file, "--trials", "1", "--seed", "5", "--start", &start]);
    assert_eq!(again["algorithm"], "deep");
    assert!(again["flops_log10"].as_f64() <= best["flops_log10"].as_f64());
}

#[test]
fn constants_are_contracted_with_each_other() {
    let chain = ["ij,jk,kl->il", "--shapes", "2x30,30x30,30x30"];
    assert_eq!(found(&chain)["path"][0], json!([0, 1]));
    // Once for all runs, 30^3 multiply-adds are worth it.
    assert_eq!(found(&[&chain[..], &["--constants", "1,2"]].concat())["path"][0], json!([1, 2]));
    let stderr = run([&["order"], &chain[..], &["--constants", "3"]].concat()).failed(2);
    assert!(stderr.contains("an operand that does not exist"), "{stderr}");
}

#[test]
fn trials_are_the_same_for_any_number_of_threads() {
    let folder = Folder::new();
    let file = folder.write("lattice.json", lattice(9).as_bytes());
    let with = |threads| found(&[&file, "--trials", "3", "--seed", "11", "--threads", threads]);
    let one = with("1");
    assert_eq!((&one["algorithm"], &one["trials"], &one["seed"]), (&json!("deep"), &json!(3), &json!(11)));
    assert_eq!(with("2"), one);
}

#[test]
fn a_time_limit_is_met_and_recorded() {
    let folder = Folder::new();
    let file = folder.write("lattice.json", lattice(9).as_bytes());
    let best = found(&[&file, "--time", "20ms"]);
    assert_eq!(
        (&best["algorithm"], &best["time"], &best["interrupted"]),
        (&json!("deep"), &json!(0.02), &json!(false))
    );
    assert_eq!(best["ssa_path"].as_array().map(Vec::len), Some(80));
    let again = found(&[&file, "--replay", best["record"].as_str().unwrap()]);
    assert_eq!((&again["ssa_path"], &again["record"]), (&best["ssa_path"], &best["record"]));
}

#[cfg(unix)]
#[test]
fn a_long_search_shows_its_progress_on_a_terminal() {
    use crate::harness::{einfold, terminal};
    use std::io::Read;
    let folder = Folder::new();
    let file = folder.write("lattice.json", lattice(12).as_bytes());
    let (mut ours, theirs) = terminal();
    let mut command = einfold();
    command
        .args(["order", &file, "--time", "1s"])
        .env("TERM", "xterm")
        .stdout(std::process::Stdio::null())
        .stderr(theirs);
    let mut child = command.spawn().unwrap();
    // Otherwise this end of the terminal would stay open.
    drop(command);
    let (mut shown, mut block) = (Vec::new(), [0; 4096]);
    // The last read fails, since the terminal is closed.
    while let Ok(length @ 1..) = ours.read(&mut block) {
        shown.extend(&block[..length]);
    }
    assert!(child.wait().unwrap().success());
    let shown = String::from_utf8(shown).unwrap();
    assert!(shown.contains('█') && shown.contains(" 10^"), "{shown}");
}

#[test]
fn a_cache_returns_found_orders() {
    let folder = Folder::new();
    let (file, cache) = (folder.write("lattice.json", lattice(9).as_bytes()), folder.file("cache/orders"));
    let ask = |seed| found(&[&file, "--time", "20ms", "--seed", seed, "--cache", &cache]);
    let first = ask("1");
    let again = ask("1");
    assert_eq!((&first["cached"], &again["cached"]), (&json!(false), &json!(true)));
    assert_eq!((&first["ssa_path"], &first["record"]), (&again["ssa_path"], &again["record"]));
    assert_eq!(ask("2")["cached"], false);
    let text = run(["order", &file, "--time", "20ms", "--seed", "1", "--cache", &cache]).ok();
    assert!(text.lines().next().unwrap().ends_with(" s, seed 1, from the cache"), "{text}");
    let stderr = run(["order", &file, "--cache", &file]).failed(1);
    assert!(stderr.starts_with("error[file]: the folder `"), "{stderr}");
}

#[test]
fn files_that_are_not_networks_are_errors_with_reasons() {
    let folder = Folder::new();
    let mut report = String::new();
    for text in [
        "",
        "{\"inputs\": [[1, 2],\n [2 3]]}",
        r#"{"inputs": [[1]], "sizes": {"1": 2}}"#,
        r#"{"inputs": [[1, 2]], "output": [], "sizes": {"1": 2}}"#,
        r#"{"inputs": [[1]], "output": [], "sizes": {"1": -2}}"#,
        r#"{"inputs": [[1]], "output": [2], "sizes": {"1": 2, "2": 2}}"#,
        r#"{"inputs": [], "output": [], "sizes": {}}"#,
    ] {
        let file = folder.write("bad.json", text.as_bytes());
        report += &run(["order", &file]).failed(1).replace(&file, "bad.json");
    }
    insta::assert_snapshot!(report, @r"
    error[file]: `bad.json` cannot be used: this is not JSON: EOF while parsing a value at line 1 column 0
    error[file]: `bad.json` cannot be used: this is not JSON: expected `,` or `]` at line 2 column 5
    error[file]: `bad.json` cannot be used: missing field `output` at line 1 column 36
    error[file]: `bad.json` cannot be used: tensor 0 has axis `2`, which `sizes` does not have
    error[file]: `bad.json` cannot be used: invalid value: integer `-2`, expected the size of an axis: an integer of 0 or more at line 1 column 49
    error[file]: `bad.json` cannot be used: the output has axis `2`, which no tensor has
    error[order]: a network without tensors has no order
    ");
    let file = folder.write("chain.json", CHAIN.as_bytes());
    let mut report = String::new();
    for text in ["", "[[0, 9], [0, 1]]", "[[0, 1]]", "{\"cost\": 3}"] {
        let path = folder.write("path.json", text.as_bytes());
        for option in ["--start", "--path"] {
            report += &run(["order", &file, option, &path]).failed(1).replace(&path, "path.json");
        }
    }
    insta::assert_snapshot!(report, @r"
    error[file]: `path.json` cannot be used: this is not JSON: EOF while parsing a value at line 1 column 0
    error[file]: `path.json` cannot be used: this is not JSON: EOF while parsing a value at line 1 column 0
    error[path]: step 0 of the path names tensor 9, but there are only 3
    error[path]: step 0 of the path names tensor 9, but there are only 3
    error[path]: the path leaves 2 tensors instead of one
    error[path]: the path leaves 2 tensors instead of one
    error[file]: `path.json` cannot be used: an order was expected: an object with `ssa_path` or `path`, or a list of steps such as [[0, 1], [0, 1]]
    error[file]: `path.json` cannot be used: an order was expected: an object with `ssa_path` or `path`, or a list of steps such as [[0, 1], [0, 1]]
    ");
}

#[test]
fn errors_in_its_command_line_are_2() {
    let folder = Folder::new();
    let file = folder.write("chain.json", CHAIN.as_bytes());
    for (arguments, part) in [
        (&["order"][..], "FILE.json|EXPR"),
        (&["order", &file, "--shapes", "2x3"], "leave out operands and `--shapes`"),
        (&["order", "ij,jk"], "by files or by `--shapes`"),
        (&["order", &file, "--time", "5"], "the unit is missing"),
        (&["order", &file, "--time", "1s", "--trials", "3"], "cannot be used with"),
        (&["order", &file, "--trials", "0"], "0 is not in 1.."),
        (&["order", &file, "--objective", "speed"], "the objectives are flops, size, write, time, combo and limit"),
        (&["order", &file, "--order", "best"], "the strategies are auto"),
        (&["order", &file, "--path", "[(0,1)"], "a path looks like"),
        (&["order", &file, "--path", "[(0,1),(0,1)]", "--order", "dp"], "cannot be used with"),
        (&["order", &file, "--replay", "7"], "this is not the record of a search"),
    ] {
        let stderr = run(arguments).failed(2);
        assert!(stderr.contains(part), "{arguments:?}: {stderr}");
    }
}

#[test]
fn errors_are_json_for_programs() {
    let text = run(["order", "nowhere.json", "--json"]);
    let value: Value = serde_json::from_slice(&text.stdout).unwrap();
    assert_eq!((text.code, &value["error"]["kind"]), (Some(1), &json!("File")));
}

#[test]
fn large_networks_are_read_ordered_and_printed() {
    let tensors = 100_000;
    let mut text = String::from("{\"inputs\": [[0, 1]");
    (1..tensors).for_each(|i| write!(text, ", [{i}, {}]", i + 1).unwrap());
    text += &format!("], \"output\": [0, {tensors}], \"sizes\": {{\"0\": 2");
    (1..=tensors).for_each(|i| write!(text, ", \"{i}\": 2").unwrap());
    text += "}}";
    let folder = Folder::new();
    let file = folder.write("chain.json", text.as_bytes());
    let best = found(&[&file, "--order", "greedy"]);
    assert_eq!(best["path"].as_array().map(Vec::len), Some(tensors - 1));
    // Each step is a product of two matrices of two rows and columns.
    assert_eq!(best["flops"], 8 * (tensors - 1));
}
