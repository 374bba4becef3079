//! Help and explanations.

use crate::harness::run;

#[test]
fn help() {
    for verb in [&[][..], &["run"], &["explain"], &["order"], &["check"], &["calibrate"], &["completions"]] {
        let text = run([verb, &["--help"]].concat()).ok();
        insta::assert_snapshot!(format!("help_{}", verb.first().unwrap_or(&"einfold")), text);
    }
}

/// The four-index transformation of quantum chemistry, which transforms one index of a tensor after the other.
const TRANSFORMATION: [&str; 4] =
    ["explain", "pi,qj,ijkl,rk,sl->pqrs", "--shapes", "10x10,10x10,10x10x10x10,10x10,10x10"];

#[test]
fn explanation_as_text() {
    insta::assert_snapshot!(run(TRANSFORMATION).ok());
}

#[test]
fn explanation_as_json() {
    insta::assert_snapshot!(run([&TRANSFORMATION[..], &["--format", "json", "--stage", "plan"]].concat()).ok());
}

#[test]
fn explanation_as_dot() {
    insta::assert_snapshot!(run([&TRANSFORMATION[..], &["--format", "dot"]].concat()).ok());
}

#[test]
fn an_error_is_shown_at_its_position() {
    insta::assert_snapshot!(run(["explain", "ij,jk,kl->il", "--shapes", "2x3,3x4,5x6"]).failed(1), @r"
    error[size]: axis `k` has two sizes
      | ij,jk,kl->il
      |     ^ 4 here (operand 2, axis 2)
      |       ^ 5 here (operand 3, axis 1)
      = help: shapes given: 2x3, 3x4, 5x6
    ");
}
