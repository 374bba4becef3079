//! Errors in expressions, operands and command lines: exit codes, streams and colours.

use crate::harness::{Folder, Outcome, data, doubles, einfold, run};
use std::io::Read;

#[test]
fn errors_in_the_expression_or_its_operands_are_1() {
    let (matrix, scalar) = (data("types/f8.npy"), data("scalar.npy"));
    for (arguments, code) in [
        (&["run", "ij,jk->ik", &matrix, &matrix][..], "size"),
        (&["run", "ij,jk->ik", &matrix], "operands"),
        (&["run", "i", &matrix], "rank"),
        (&["run", "i!", &scalar], "syntax"),
        (&["check", "ij->k"], "output-unknown"),
        (&["explain", "ij", "--shapes", "2"], "rank"),
        (&["run", "i", "missing.npy"], "file"),
        (&["run", "i"], "operands"),
    ] {
        let stderr = run(arguments).failed(1);
        assert!(stderr.starts_with("error["), "{arguments:?}: {stderr}");
        let kind = stderr["error[".len()..].split(']').next().unwrap();
        assert_eq!(kind, code, "{stderr}");
    }
}

#[test]
fn errors_in_the_command_line_are_2() {
    let scalar = data("scalar.npy");
    for arguments in [
        &[][..],
        &["sum"],
        &["run"],
        &["check"],
        &["check", "i", "j"],
        &["completions", "cmd"],
        &["explain", "i"],
        &["explain", "i", &scalar, "--shapes", "3"],
        &["explain", "i", "--shapes", "3y"],
        &["explain", "i", "--shapes", "3", "--format", "svg"],
        &["run", "->", &scalar, "--nonsense"],
        &["run", "->", &scalar, "--repeat", "3"],
        &["run", "->", &scalar, "--repeat", "0", "--json"],
        &["run", "->", &scalar, "--json", "--full"],
        &["run", "->", &scalar, "--json", "--dry-run"],
        &["run", "->", &scalar, "--json", "-o", "-"],
        &["run", "->", &scalar, "--threads", "many"],
        &["run", "->", &scalar, "--threads", "1025"],
    ] {
        let stderr = run(arguments).failed(2);
        assert!(!stderr.is_empty(), "{arguments:?}");
    }
}

/// No system supports stacks of that size.
#[cfg(unix)]
#[test]
fn without_threads_a_run_is_one_on_this_thread() {
    let folder = Folder::new();
    let x = folder.write("x.npy", &doubles(&[2000], vec![0.5; 2000]));
    let run = |arguments: &[&str]| {
        let mut command = einfold();
        command.arg("run").args(arguments).env("RUST_MIN_STACK", "1000000000000000");
        Outcome::from(command.output().unwrap())
    };
    let out = folder.file("y.npy");
    assert_eq!(run(&["y[i] += exp(x[i]*x[j])", &format!("x={x}"), "-o", &out]).ok(), "");
    assert!(run(&["i->", &x, "--json"]).ok().contains("\"threads\":1,"));
    let refused = run(&["i->", &x, "--threads", "2"]).failed(3);
    assert!(refused.starts_with("error[threads]: the threads cannot be started: "), "{refused}");
}

#[cfg(unix)]
mod terminal {
    use super::*;
    use crate::harness::terminal;
    use std::process::Stdio;

    #[test]
    fn binary_data_is_not_sent_to_a_terminal() {
        let (_ours, theirs) = terminal();
        let output = einfold().args(["run", "->", &data("scalar.npy"), "-o", "-"]).stdout(theirs).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        assert!(String::from_utf8(output.stderr).unwrap().contains("standard output is a terminal"));
    }

    /// Returns the output of a failing command on a terminal.
    fn shown(no_color: bool) -> String {
        let (mut ours, theirs) = terminal();
        let mut command = einfold();
        command.args(["check", "ij->k"]).env("TERM", "xterm").stdout(Stdio::null()).stderr(theirs);
        if no_color {
            command.env("NO_COLOR", "1");
        }
        assert_eq!(command.status().unwrap().code(), Some(1));
        let mut shown = [0; 4096];
        let length = ours.read(&mut shown).unwrap();
        String::from_utf8(shown[..length].into()).unwrap()
    }

    /// Returns the warnings of a run with a sum of bool on a terminal.
    fn said(options: &[&str]) -> String {
        let folder = Folder::new();
        let b = folder.write("b.npy", &crate::harness::npy("|b1", &[3], &[1, 0, 1]));
        let (mut ours, theirs) = terminal();
        let mut command = einfold();
        command.args(["run", "y += b[i]", &b]).args(options).env("NO_COLOR", "1").stderr(theirs);
        let output = command.output().unwrap();
        assert_eq!(output.stdout, b"True\n");
        drop(command);
        let mut said = Vec::new();
        // Reading from a terminal whose other end is closed is an error.
        let _ = ours.read_to_end(&mut said);
        String::from_utf8(said).unwrap().replace("\r\n", "\n")
    }

    #[test]
    fn sums_of_bool_are_a_warning_on_a_terminal_unless_quiet() {
        assert_eq!(
            said(&[]),
            "warning[sum-of-bool]: `y` says whether any of the values holds: the sum of bool is *or*
  | y += b[i]
  |   ^^ of bool
  = help: to count, add numbers: `y += 1*b[i]`
  = help: to state that *or* is intended: `y |= b[i]`
"
        );
        assert_eq!(said(&["--quiet"]), "");
    }

    #[test]
    fn errors_are_coloured_on_a_terminal_unless_no_color_is_set() {
        assert!(shown(false).starts_with("\u{1b}["));
        let plain = shown(true);
        assert!(plain.starts_with("error[output-unknown]:") && !plain.contains('\u{1b}'), "{plain}");
    }
}

#[test]
fn sums_of_bool_are_a_warning_of_explain_and_not_in_a_pipe() {
    let folder = Folder::new();
    let b = folder.write("b.npy", &crate::harness::npy("|b1", &[3], &[1, 0, 1]));
    assert_eq!(run(["run", "y += b[i]", &b]).ok(), "True\n");
    for (text, option) in
        [("y += eq(b[i], b[i])", "y += 1*eq(b[i], b[i])"), ("i->", "--acc i64"), ("[i] -> []", "y = 1*x[i]")]
    {
        let explained = run(["explain", text, &b]).ok();
        assert!(explained.contains("warning[sum-of-bool]") && explained.contains(option), "{explained}");
        let json = run(["explain", text, &b, "--format", "json"]).ok();
        assert!(json.contains("sum-of-bool"), "{json}");
    }
    for text in ["y += 1*b[i]", "y mean= b[i]", "y |= b[i]", "y *= b[i]", "y[i] = b[i]", "y[i+1] += b[i]", "i->i"] {
        assert!(!run(["explain", text, &b]).ok().contains("warning"), "{text}");
    }
}

#[test]
fn errors_are_not_coloured_in_a_pipe() {
    assert!(!run(["check", "ij->k"]).failed(1).contains('\u{1b}'));
    assert!(!run(["--help"]).ok().contains('\u{1b}'));
}

#[test]
fn a_type_that_numpy_lacks_is_refused_before_the_run() {
    let folder = Folder::new();
    let file = folder.write("a.npy", &crate::harness::npy("<V2", &[1], &[0, 0]));
    assert!(run(["run", "i", &file]).failed(1).contains("raw bytes"));
}

/// Reports quote the beginning and the end of a long text only.
#[test]
fn long_quotations_are_cut() {
    let folder = Folder::new();
    let (long, scalar) = ("a".repeat(60_000), data("scalar.npy"));
    let text = folder.write("long.ein", format!("Y[i] = {long}[i]").as_bytes());
    let network = format!(r#"{{"inputs": [["a"]], "output": ["{long}"], "sizes": {{"a": 2}}}}"#);
    let network = folder.write("network.json", network.as_bytes());
    let option = format!("--{long}");
    for arguments in [
        &["run", "i", &long][..],
        &["run", "i", &format!("{scalar}:{long}")],
        &["run", "-f", &long],
        &["run", "-f", &text, &scalar],
        &["run", "i", &scalar, "-o", &format!("{long}/x.npy")],
        &["run", "i", &scalar, &option],
        &["run", "i", &scalar, "--order", &long],
        &["run", "i", &scalar, "--size", &long],
        &["run", "i", &scalar, "--acc", &long],
        &["run", "i", &scalar, "--memory", &format!("1{long}")],
        &["run", "i", &scalar, "--path", &format!("[(0,{long}")],
        &["run", "i", &scalar, "--path", &long],
        &["explain", "i", "--shapes", &format!("{long}=2:{long}")],
        &["explain", "i", "--shapes", &format!("2x{long}")],
        &["explain", "i", "--shapes", "2", "--stage", &long],
        &["explain", "i", "--shapes", "2", "--format", &long],
        &["order", &network],
        &["order", "i", "--shapes", "2", "--objective", &long],
        &[&long],
        &["completions", &long],
    ] {
        let Outcome { code, stderr, .. } = run(arguments);
        assert!(matches!(code, Some(1 | 2)), "{code:?}: {}", &stderr[..stderr.len().min(1000)]);
        assert!(stderr.len() < 5000, "{} bytes: {}", stderr.len(), &stderr[..1000]);
        let shown: Vec<&str> = arguments.iter().copied().filter(|argument| argument.len() < 100).collect();
        assert!(stderr.contains('…') || stderr.len() < 300, "{shown:?}: {stderr}");
    }
}
