//! Random questions of all levels, run by einfold in random ways and compared with the oracle.

use std::panic::{AssertUnwindSafe, catch_unwind};

use einfold::{Results, explain::PassSet};
use einfold_ir::Dtype;
use einfold_plan::PASSES;

use crate::asked::{Way, run_so, tensors};
use crate::draw::Bytes;
use crate::num::{Num, Tensor};
use crate::oracle::{self, Answer};
use crate::passes;
use crate::sketch::Question;

/// All passes, none, all but one, or a random subset.
pub(crate) fn way(bytes: &mut Bytes<'_>) -> Way {
    let passes = match bytes.below(4) {
        0 => PassSet::ALL,
        1 => PASSES.iter().fold(PassSet::ALL, |set, pass| set.without(pass.name).unwrap()),
        2 => PassSet::ALL.without(PASSES[bytes.below(PASSES.len())].name).unwrap(),
        _ => passes::choice(bytes),
    };
    Way { passes, threads: 1 + bytes.below(2) }
}

/// The relative distance between adjacent numbers; 0 for exact dtypes.
fn unit(dtype: Dtype) -> f64 {
    match dtype {
        Dtype::F16 => 2f64.powi(-10),
        Dtype::BF16 => 2f64.powi(-7),
        Dtype::F32 | Dtype::C32 => 2f64.powi(-23),
        Dtype::F64 | Dtype::C64 => 2f64.powi(-52),
        _ => 0.0,
    }
}

/// The tolerance of the comparison with the oracle; 0 if sums are exact in every order.
fn tolerance(question: &Question, answer: &Answer) -> f64 {
    let dtypes = question.operands.iter().map(|o| o.1.dtype).chain(answer.results.iter().map(|r| r.1.dtype));
    let unit = dtypes.map(unit).fold(0.0, f64::max);
    let work = unit.min(2f64.powi(-23));
    if answer.exact && answer.largest * work * 64.0 < 1.0 {
        0.0
    } else {
        64.0 * unit * answer.steepest * answer.largest.max(1.0)
    }
}

/// The first difference that the order of sums cannot explain.
fn difference(found: &Tensor, want: &Tensor, errors: &[f64], tolerance: f64, invalid: bool) -> Option<String> {
    let mut found = found.clone();
    let near = |x: Num, y: Num, error: f64| {
        let ((a, b), (c, d)) = (x.parts(), y.parts());
        error == f64::INFINITY || (a - c).abs() <= error && (b - d).abs() <= error
    };
    for ((x, y), &error) in found.data.iter_mut().zip(&want.data).zip(errors) {
        if error > 0.0 && near(*x, *y, error) {
            *x = *y;
        }
    }
    if invalid && found.data.len() == want.data.len() {
        // For sums with ∞ − ∞ or products with 0 · ∞, the result depends on the order.
        let infinite = |x: &Num| !x.parts().0.is_finite() || !x.parts().1.is_finite();
        for (x, y) in found.data.iter_mut().zip(&want.data).filter(|(x, y)| infinite(x) || infinite(y)) {
            *x = *y;
        }
    }
    found.differs(want, tolerance)
}

/// The results by name, or the code and the report of the error.
fn results(question: &Question, way: &Way) -> Result<Vec<(String, Tensor)>, (String, String)> {
    let results = run_so::<Results>(question, way).map_err(|e| (e.code().to_string(), e.to_string()))?;
    Ok(tensors(results))
}

/// Checks that both give equal results or the same error. Returns `Ok(true)` if the question is valid.
pub(crate) fn compare(question: &Question, way: &Way) -> Result<bool, String> {
    let told = |what: String| format!("{question}\n  {way:?}\n{what}");
    let want = oracle::answer(&question.text, &question.tensors(), &question.options);
    if want.as_ref().is_err_and(|codes| codes.contains(oracle::TOO_MANY)) {
        return Ok(false);
    }
    let mixed = !question.options.policy.is_empty();
    let found = catch_unwind(AssertUnwindSafe(|| results(question, way))).map_err(|_| told("panicked".into()))?;
    match (found, want) {
        (Ok(found), Ok(want)) => {
            let tolerance = tolerance(question, &want);
            if found.len() != want.results.len() {
                return Err(told(format!("{} results, want {}", found.len(), want.results.len())));
            }
            for (((called, found), (name, wanted)), errors) in found.iter().zip(&want.results).zip(&want.errors) {
                if called != name {
                    return Err(told(format!("`{called}` in place of `{name}`")));
                }
                let alike = (found.dtype, &found.shape) == (wanted.dtype, &wanted.shape);
                if want.jumped && alike {
                    continue;
                }
                if let Some(d) = difference(found, wanted, errors, tolerance, want.invalid) {
                    return Err(told(format!("{name}: {d}\nfound {found:?}\nwant {wanted:?} ±{tolerance}")));
                }
            }
            Ok(true)
        }
        // If one index of a point drops it and another is out of range, either may be checked first.
        (Ok(_), Err(codes)) if mixed && codes.contains("index-out-of-range") => Ok(false),
        (Err((code, _)), Ok(_)) if mixed && code == "index-out-of-range" => Ok(false),
        // Values of index tensors are checked last.
        (Err(_), Err(codes)) if codes.contains("index-out-of-range") => Ok(false),
        // The oracle checks positions during evaluation, which other errors prevent.
        (Err((code, _)), Err(_)) if code == "index-out-of-range" => Ok(false),
        (Err((code, report)), Err(codes)) if !codes.contains(code.as_str()) => {
            Err(told(format!("{report}\nwant {codes:?}")))
        }
        (Err(_), Err(_)) => Ok(false),
        (Err((code, _)), Ok(want)) if want.unneeded && code == "index-out-of-range" => Ok(false),
        (Err((_, report)), Ok(_)) => Err(told(report)),
        (Ok(_), Err(codes)) => Err(told(format!("was accepted, want {codes:?}"))),
    }
}

fn bits(tensors: &[(String, Tensor)]) -> Vec<(u64, u64)> {
    let number = |x: &Num| (x.parts().0.to_bits(), x.parts().1.to_bits());
    tensors.iter().flat_map(|(_, t)| &t.data).map(number).collect()
}

/// Compares a question of any level, sometimes mutated, with the oracle; another number of threads must give bitwise
/// equal results.
pub(crate) fn question_target(bytes: &mut Bytes<'_>) -> Result<bool, String> {
    let way = way(bytes);
    let mut question = match bytes.below(6) {
        0..4 => Question::program(bytes),
        4 => Question::named(bytes),
        _ => Question::letters(bytes),
    };
    if bytes.once_in(4) {
        question.mutate(bytes);
    }
    let valid = compare(&question, &way)?;
    if valid {
        let other = Way { threads: 3 - way.threads, ..way.clone() };
        let [one, two] = [&way, &other].map(|way| results(&question, way).map(|r| bits(&r)));
        if one != two {
            return Err(format!("{question}\n  {way:?}\nother bits on {} threads", other.threads));
        }
    }
    Ok(valid)
}
