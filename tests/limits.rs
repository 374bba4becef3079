//! Memory limits hold: by the count of the plan, and by the resident memory of a separate process.

use std::cell::RefCell;
use std::process::Command;

use einfold::Expression;
use einfold::ndarray::ArrayD;

use crate::case::Case;
use crate::draw::{Bytes, check};
use crate::layout::Layout;
use crate::library::{arrays, tensor};
use crate::oracle;

/// Four tensors with three axes each; the intermediate of the first two has four axes.
const TEXT: &str = "abc,ade,bdf,cef->";
/// The extent of every axis: an operand has 3 MB, the intermediate 215 MB.
const EXTENT: usize = 72;
/// The limit of the sliced contraction in bytes, including threads and packing buffers.
const LIMIT: u64 = 32 << 20;

/// Any expression with any limit is either computed within it, or is an error that reports the limit.
fn check_case(bytes: &mut Bytes<'_>) -> Result<Kind, String> {
    let case = Case::draw(bytes);
    let want = oracle::einsum(&case.text, &case.tensors()).ok_or("not valid")?;
    // A plan counts memory for operands in C order.
    let row_major = case.tensors().into_iter().map(|t| (t.clone(), Layout::row_major(t.shape.len())));
    let arrays = arrays(&row_major.collect::<Vec<_>>());
    let views: Vec<_> = arrays.iter().map(|a| a.view()).collect();
    let expression = Expression::new(&case.text).map_err(|e| e.to_string())?;
    let needed = expression.plan_for(&views).map_err(|e| e.to_string())?.peak_bytes();
    let limit = needed.exact().unwrap() as u64 * (1 + bytes.below(16) as u64) / 16;
    let plan = match expression.memory(limit).plan_for(&views) {
        Ok(plan) => plan,
        Err(e) if e.code() == "memory" => return Ok(Kind::Refused),
        Err(e) => return Err(format!("{case}\n{e}")),
    };
    if plan.peak_bytes() > limit.into() {
        return Err(format!("{case}\n{} bytes, {limit} are allowed", plan.peak_bytes()));
    }
    let got = plan.run_any(&views).map_err(|e| format!("{case}\n{limit} {e}"))?;
    match tensor(&got).differs(&want, 0.0) {
        Some(difference) => Err(format!("{case}\n{limit} {difference}")),
        None if plan.explain().unwrap().json()["tree"].to_string().contains("parts") => Ok(Kind::Sliced),
        None => Ok(Kind::Whole),
    }
}

/// The outcome of an expression with a limit.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Whole,
    Sliced,
    Refused,
}

#[test]
fn a_limit_is_kept_or_refused() {
    let counts = RefCell::new([0; 3]);
    check(3000, |bytes| check_case(bytes).map(|kind| counts.borrow_mut()[kind as usize] += 1));
    let counts = counts.into_inner();
    // In most cases the tensors are so small that alignment decides.
    assert!(counts.iter().all(|&n| n > 10), "{counts:?}");
}

/// The peak resident memory of this process, in bytes.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}

/// Runs the contraction in slices, then whole, and compares the peaks of resident memory and the values.
fn compare_peaks() {
    let shape = [EXTENT; 3];
    let numbers = |seed: usize| move |k: usize| ((k * 7 + seed * 13) % 11) as f64 / 11.0 - 0.4;
    let operand = |seed| ArrayD::from_shape_vec(&shape[..], (0..EXTENT.pow(3)).map(numbers(seed)).collect()).unwrap();
    let operands: Vec<ArrayD<f64>> = (0..4).map(operand).collect();
    let expression = Expression::new(TEXT).unwrap();
    let before = peak();
    let sliced: f64 = expression.clone().memory(LIMIT).run(&operands).unwrap();
    let used = peak() - before;
    let whole: f64 = expression.run(&operands).unwrap();
    let unsliced = peak() - before;
    println!("{used} bytes in slices, {unsliced} without");
    assert!(used <= LIMIT && unsliced > 6 * LIMIT, "{used} {unsliced}");
    assert!((sliced - whole).abs() <= 1e-12 * whole.abs(), "{sliced} {whole}");
}

/// The variable that tells a process to run [`compare_peaks`].
const CHILD: &str = "EINFOLD_COMPARE_PEAKS";

/// The peak of a process includes every other test that it has run, so this test runs itself in a new one.
#[test]
#[cfg(target_os = "linux")]
fn slices_keep_to_the_limit_in_resident_memory() {
    if std::env::var_os(CHILD).is_some() {
        return compare_peaks();
    }
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["limits::slices_keep_to_the_limit_in_resident_memory", "--exact"]).env(CHILD, "");
    let output = child.output().unwrap();
    let report = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && report.contains("1 passed"), "{report}");
}
