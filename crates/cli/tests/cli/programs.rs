//! Programs, named subscripts, and their options.

use crate::harness::{Folder, data, doubles, npy, run};
use serde_json::Value;

fn integers(values: &[i64]) -> Vec<u8> {
    npy("<i8", &[values.len()], &values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>())
}

/// Returns a folder with `x.npy`, four values, and `g.npy`, their groups.
fn groups() -> (Folder, String, String) {
    let folder = Folder::new();
    let x = folder.write("x.npy", &doubles(&[4], [1.0, 2.0, 3.0, 4.0]));
    let g = folder.write("g.npy", &integers(&[0, 2, 0, 2]));
    (folder, format!("X={x}"), format!("g={g}"))
}

#[test]
fn operands_have_names_or_the_order_of_the_text() {
    let (folder, x, g) = groups();
    assert_eq!(run(["run", "Y[g[n]] += X[n]", &x, &g]).ok(), "[4. 0. 6.]\n");
    let (x_file, g_file) = (folder.file("x.npy"), folder.file("g.npy"));
    assert_eq!(run(["run", "Y[g[n]] += X[n]", &g_file, &x_file]).ok(), "[4. 0. 6.]\n");
    let other = format!("other={x_file}");
    assert_eq!(run(["run", "Y[g[n]] += X[n]", &x, &other, &g]).ok(), "[4. 0. 6.]\n");
    assert!(run(["run", "Y[g[n]] += X[n]", &x, &g_file]).failed(1).starts_with("error[names]"));
    assert!(run(["run", "Y[g[n]] += X[n]", &x, &x]).failed(1).starts_with("error[names]"));
    assert!(run(["run", "Y[g[n]] += X[n]", &x]).failed(1).starts_with("error[unknown-name]"));
    assert!(run(["run", "i->i", &x]).failed(1).starts_with("error[names]"));
    let odd = folder.write("X=x.npy", &doubles(&[1], [7.0]));
    assert_eq!(run(["run", "i->i", &odd]).ok(), "[7.]\n", "a file of this name");
}

#[test]
fn a_program_comes_from_a_file() {
    let (folder, x, g) = groups();
    let text = "# sums and counts\nsum[g[n]] += X[n]\r\ncount[g[n]] += 1\naverage[k] = sum[k] / count[k]\n";
    let file = folder.write("groups.ein", text.as_bytes());
    for option in ["-f", "--program"] {
        let printed = run(["run", option, &file, &x, &g]).ok();
        assert_eq!(printed, "[ 2. nan  3.]\n");
    }
    let signed = folder.write("signed.ein", format!("\u{feff}{text}").as_bytes());
    assert_eq!(run(["check", "-f", &signed]).ok(), run(["check", "-f", &file]).ok());
    let missing = run(["run", "-f", &folder.file("no.ein"), &x]).failed(1);
    assert!(missing.starts_with("error[file]") && missing.contains("no.ein"), "{missing}");
    let bytes = folder.write("bytes.ein", b"Y = \xff");
    assert!(run(["check", "-f", &bytes]).failed(1).starts_with("error[file]"));
    run(["check", "-f", &file, "Y = X"]).failed(2);
}

#[test]
fn results_go_where_their_names_say() {
    let (folder, x, g) = groups();
    let program = "sum[g[n]] += X[n]; count[g[n]] += 1; top[g[n]] max= X[n]";
    let printed = run(["run", program, &x, &g]).ok();
    assert_eq!(printed, "sum =\n[4. 0. 6.]\ncount =\n[2 0 2]\ntop =\n[  3. -inf   4.]\n");
    let (a, b) = (folder.file("a.npy"), folder.file("b.npy"));
    let (top, count) = (format!("top={a}"), format!("count={b}"));
    assert_eq!(run(["run", program, &x, &g, "-o", &top, "-o", &count]).ok(), "");
    assert_eq!(run(["run", "i", &a]).ok(), "[  3. -inf   4.]\n");
    assert_eq!(run(["run", "i", &b]).ok(), "[2 0 2]\n");
    // A tensor that others read may be an output; what it does not need is not computed.
    assert_eq!(run(["run", "M[g[n]] max= X[n]; E[n] = exp(X[n]-M[g[n]])", &x, &g, "-o", &format!("M={a}")]).ok(), "");
    assert_eq!(run(["run", "i", &a]).ok(), "[  3. -inf   4.]\n");
    let piped = run(["run", program, &x, &g, "-o", "count=-"]);
    assert_eq!((piped.code, piped.stdout), (Some(0), std::fs::read(&b).unwrap()));
    let unknown = run(["run", program, &x, &g, "-o", &format!("middle={a}")]).failed(1);
    assert!(unknown.starts_with("error[unknown-name]"), "{unknown}");
    for outputs in [
        &["-o", &a][..],
        &["-o", &top, "-o", &b],
        &["-o", &a, "-o", &b],
        &["-o", &top, "-o", &top],
        &["-o", &top, "-o", &format!("sum={a}")],
    ] {
        run([&["run", program, &x, &g][..], outputs].concat()).failed(2);
    }
    assert_eq!(run(["run", "Y[g[n]] += X[n]", &x, &g, "-o", &a]).ok(), "");
    let equals = folder.file("a=b.npy");
    assert_eq!(run(["run", "i", &a, "-o", &equals]).ok(), "", "subscripts have no names");
    assert_eq!(std::fs::read(&equals).unwrap(), std::fs::read(&a).unwrap());
}

#[test]
fn indices_sizes_and_empty_positions_have_options() {
    let (folder, x, _) = groups();
    let g = format!("g={}", folder.write("bad.npy", &integers(&[0, -1, 7, 2])));
    let program = "Y[g[n]:K] max= X[n]";
    let with = |more: &[&str]| run([&["run", program, &x, &g, "--size", "K=4"][..], more].concat());
    let report = with(&[]).failed(1);
    assert_eq!(
        report,
        "error[index-out-of-range]: g[1] is -1, which indexes -1 along axis 1 of Y, of size 4\n  | Y[g[n]:K] max= X[n]\n  |   ^\n  = help: let such ids be dropped or wrap (`--oor`, in the library `out_of_range`), or declare a larger size\n"
    );
    assert_eq!(with(&["--oor", "drop"]).ok(), "[  1. -inf   4. -inf]\n");
    assert_eq!(with(&["--oor", "g=drop", "--fill", "-1"]).ok(), "[ 1. -1.  4. -1.]\n");
    assert_eq!(with(&["--oor=drop", "--fill", "Y=nan"]).ok(), "[ 1. nan  4. nan]\n");
    assert!(with(&["--oor", "wrap"]).failed(1).contains("g[2] is 7"));
    assert!(with(&["--oor", "h=drop"]).failed(1).starts_with("error[unknown-name]"));
    assert!(with(&["--size", "L=3"]).failed(1).starts_with("error[unknown-size]"));
    with(&["--oor", "clamp"]).failed(2);
    with(&["--fill", "much"]).failed(2);
    with(&["--size", "L"]).failed(2);
    run(["run", "a[g[n]:9] max= X[n]; b[g[n]:9] min= X[n]", &x, &g, "--fill", "0"]).failed(2);
    run(["run", "i", &folder.file("x.npy"), "--fill", "0"]).failed(2);
    assert!(run(["run", "i", &folder.file("x.npy"), "--fill", "Y=0"]).failed(1).starts_with("error[names]"));
    assert!(run(["run", "i", &folder.file("x.npy"), "--size", "i=4"]).failed(1).starts_with("error[unknown-size]"));
    assert_eq!(run(["run", "[(a b)] -> [b a]", &folder.file("x.npy"), "--size", "b=2"]).ok(), "[[1. 3.]\n [2. 4.]]\n");
}

#[test]
fn algebras_and_accumulators_have_names() {
    let folder = Folder::new();
    let a = folder.write("a.npy", &doubles(&[2, 2], [0.0, 3.0, 1.0, 0.0]));
    for (algebra, want) in [
        ("min-plus", "[[0. 3.]\n [1. 0.]]\n"),
        ("(max,+)", "[[4. 3.]\n [1. 4.]]\n"),
        ("max-times", "[[3. 0.]\n [0. 3.]]\n"),
        ("min,x", "[[0. 0.]\n [0. 0.]]\n"),
        ("max-min", "[[1. 0.]\n [0. 1.]]\n"),
        ("sum-product", "[[3. 0.]\n [0. 3.]]\n"),
    ] {
        assert_eq!(run(["run", "ij,jk->ik", &a, &a, "--algebra", algebra]).ok(), want, "{algebra}");
        assert_eq!(run(["run", "[i j], [j k] -> [i k]", &a, &a, "--semiring", algebra]).ok(), want, "{algebra}");
    }
    let b = folder.write("b.npy", &npy("|b1", &[2, 2], &[0, 1, 1, 0]));
    assert_eq!(run(["run", "ij,jk->ik", &b, &b, "--algebra", "or-and"]).ok(), "[[ True False]\n [False  True]]\n");
    let zeros = folder.write("zeros.npy", &doubles(&[4], [0.0; 4]));
    assert_eq!(run(["run", "i->", &zeros, "--algebra", "lse-plus"]).ok(), "1.3862943611198906\n");
    assert!(run(["run", "Y = x[n]", &zeros, "--algebra", "max-plus"]).failed(1).starts_with("error[unsupported]"));
    run(["run", "i->", &zeros, "--algebra", "plus-plus"]).failed(2);
    let bytes = folder.write("bytes.npy", &npy("|i1", &[3], &[100, 100, 100]));
    assert_eq!(run(["run", "i->", &bytes]).ok(), "44\n");
    assert_eq!(run(["run", "i->", &bytes, "--acc", "int64"]).ok(), "300\n");
    assert!(run(["run", "i->", &zeros, "--acc", "i32"]).failed(1).starts_with("error[dtype]"));
    assert!(run(["run", "i->", &bytes, "--acc", "bf16"]).failed(1).starts_with("error[output]"), "NumPy has no bf16");
    run(["run", "i->", &bytes, "--acc", "f99"]).failed(2);
    assert_eq!(run(["run", "--spaced", "row col, col -> row", &a, &zeros[..]]).code, Some(1));
    assert_eq!(run(["run", "--spaced", "row col -> col row", &a]).ok(), "[[0. 1.]\n [3. 0.]]\n");
}

fn error(arguments: &[&str]) -> Value {
    let outcome = run(arguments);
    assert_eq!((outcome.code, outcome.text().lines().count()), (Some(1), 1), "{outcome:?}");
    assert!(outcome.stderr.starts_with("error["), "{}", outcome.stderr);
    serde_json::from_str(outcome.text()).unwrap()
}

#[test]
fn with_json_an_error_is_one_line_too() {
    let (_folder, x, g) = groups();
    let text = "Y[g[n]:2] += X[n]";
    let report = error(&["run", text, &x, &g, "--json"]);
    assert_eq!(
        report.to_string(),
        concat!(
            r#"{"error":{"help":["let such ids be dropped or wrap (`--oor`, in the library `out_of_range`), or declare a larger size"],"#,
            r#""kind":"IndexOutOfRange","#,
            r#""message":"g[1] is 2, which indexes 2 along axis 1 of Y, of size 2","#,
            r#""spans":[{"end":3,"start":2,"text":""}]}}"#
        )
    );
    for (arguments, kind) in [
        (&["run", "i", "missing.npy", "--json"][..], "File"),
        (&["check", "Y = ", "--json"], "Syntax"),
        (&["check", "max[i] = x[i]", "--json"], "Reserved"),
        (&["explain", "ij,jk", "--shapes", "2x3,4x5", "--format", "json"], "Size"),
        (&["explain", "Y[g[n]] += X[n]", "--shapes", "3:i64,3", "--format", "json"], "DataDependentShape"),
    ] {
        assert_eq!(error(arguments)["error"]["kind"], kind);
    }
    let twice = error(&[
        "run",
        "Y[i] += a[i,j] + b[i]",
        &format!("a={}", data("types/f8.npy")),
        &x.replace("X=", "b="),
        "--json",
    ]);
    assert_eq!(twice["error"]["kind"], "AmbiguousSum");
}

#[test]
fn timings_name_the_results() {
    let (_folder, x, g) = groups();
    let line = run(["run", "s[g[n]] += X[n]; c[g[n]] += 1", &x, &g, "--json", "--repeat", "3"]).ok();
    let value: Value = serde_json::from_str(&line).unwrap();
    let want = r#"[{"dtype":"f64","name":"s","shape":[3]},{"dtype":"i64","name":"c","shape":[3]}]"#;
    assert_eq!(value["results"].to_string(), want);
    assert_eq!(value["times_s"].as_array().map(Vec::len), Some(3));
}

#[test]
fn explain_and_dry_runs_know_programs() {
    let (_folder, x, g) = groups();
    let shapes = |text: &str| run(["explain", "Y[g[n]:3,f] += X[n,f]", "--shapes", text]);
    let named = shapes("X=4x2,g=4:i64").ok();
    assert_eq!(shapes("4:i64,4x2").ok(), named);
    assert!(named.contains("g[n]") || named.contains('g'), "{named}");
    assert!(run(["explain", "Y[g[n]] += X[n]", "--shapes", "X=4,g=4:i64"]).failed(1).contains("declare the size"));
    run(["explain", "Y[g[n]] += X[n]", &x, &g]).ok();
    run(["explain", "Y[g[n]] += X[n]"]).failed(2);
    run(["explain", "Y[k:3] = 1.5"]).ok();
    let lines = run(["explain", "s[g[n]:3] += X[n]\nt = s[k]", &x, &g]).ok();
    assert!(lines.contains("\ncontract s[g[n]:3] += X[n]; t = s[k]  ("), "{lines}");
    let dry = run(["run", "s[g[n]] += X[n]; c[g[n]] += 1", &x, &g, "--dry-run"]).ok();
    assert!(dry.starts_with("result   s = f64 3\nresult   c = i64 3\n"), "{dry}");
    assert_eq!(run(["check", "Y[ g[n] ] += X[n]  # sums"]).ok(), "Y[g[n]] += X[n]\n");
    assert_eq!(run(["check", "[ a  b ] -> [b,a]"]).ok(), "[a b] -> [b a]\n");
    assert_eq!(run(["check", "--spaced", "a b -> b"]).ok(), "[a b] -> [b]\n");
}
