//! Rejected texts, `cases/refused.jsonl`: every suggestion of their errors is valid and has the intended value.

use std::path::Path;

use einfold::{Error, Results};
use serde_json::Value;

use crate::asked;
use crate::num::Tensor;
use crate::settled::{input, result};
use crate::sketch::Question;
use crate::words::options;

/// The question of a case, or of a suggestion; fields that a suggestion lacks are those of the case.
fn question(case: &Value, shown: &Value) -> Question {
    let list = |field: &str| {
        let list = shown.get(field).or_else(|| case.get(field)).and_then(Value::as_array);
        list.into_iter().flatten().filter_map(Value::as_str).collect::<Vec<_>>()
    };
    Question {
        text: shown["text"].as_str().unwrap().into(),
        operands: list("inputs").into_iter().map(input).collect(),
        options: options(list("options")),
    }
}

fn answer(question: &Question) -> Result<Vec<Tensor>, Error> {
    Ok(asked::tensors(asked::run::<Results>(question)?).into_iter().map(|(_, tensor)| tensor).collect())
}

/// Describes the failure of a case.
fn wrong(case: &Value) -> Result<(), String> {
    let error = match answer(&question(case, case)) {
        Ok(results) => return Err(format!("is not refused: {results:?}")),
        Err(error) => error,
    };
    if case["error"] != error.code() {
        return Err(format!("{error}"));
    }
    let shows = case["shows"].as_array().unwrap();
    let suggested = shows.iter().filter(|shown| shown["help"] != true).filter_map(|shown| shown["text"].as_str());
    if error.suggestions() != suggested.collect::<Vec<_>>() {
        return Err(format!("suggests {:?}\n{error}", error.suggestions()));
    }
    for shown in shows {
        let question = question(case, shown);
        // Of several lines, a suggestion lists those that are new.
        let line = question.text.lines().last().unwrap();
        if !error.help_lines().iter().any(|help| help.contains(&format!("`{line}`"))) {
            return Err(format!("does not show `{line}`\n{error}"));
        }
        let found = answer(&question).map_err(|error| format!("{error}"))?;
        let want = shown["results"].as_array().unwrap().iter().map(|v| result(v.as_str().unwrap()));
        let want: Vec<Tensor> = want.collect();
        let same = found.len() == want.len() && found.iter().zip(&want).all(|(a, b)| a.differs(b, 1e-12).is_none());
        if !same {
            return Err(format!("`{}` gives {found:?}, want {want:?}", question.text));
        }
    }
    Ok(())
}

#[test]
fn what_an_error_suggests_does_what_is_meant() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases/refused.jsonl");
    let mut all = String::new();
    for line in std::fs::read_to_string(path).unwrap().lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        if let Err(wrong) = wrong(&case) {
            all += &format!("{}: {wrong}\n\n", case["text"]);
        }
    }
    assert!(all.is_empty(), "{all}");
}

/// Covers each kind of error of named subscripts, in parsing and resolving.
#[test]
fn every_error_of_words_without_brackets_names_brackets_and_the_option() {
    for (text, inputs, code) in [
        ("batch head i, batch head j -> batch head i j", &[][..], "output-repeated"),
        ("time batch -> batch chan", &[], "output-unknown"),
        ("(b h) w -> b h w", &[], "syntax"),
        ("b 1 c -> b c", &[], "syntax"),
        ("row_1 col -> col", &[], "syntax"),
        ("batch i -> batch -> i", &[], "syntax"),
        ("batch i, -> batch, i", &[], "syntax"),
        ("ab c -> ab", &[":f64[2x2]=1 2 3 4"], "rank"),
        ("ab c, ab -> ab", &[":f64[1x1x2]=1 2"], "operands"),
        ("ab c, ab -> ab", &[":f64[2x1x1]=1 2", ":f64[3x1]=1 2 3"], "size"),
        ("ab ... c -> ab", &[":f64[1x1x2x1]=1 2"], "ellipsis-dropped"),
        ("ab c, ab -> ab", &[":f32[1x1x1]=1", ":ci32[1x1]=1"], "dtype"),
    ] {
        let case = serde_json::json!({ "text": text, "inputs": inputs });
        let error = answer(&question(&case, &case)).unwrap_err();
        assert_eq!(error.code(), code, "{error}");
        let help = error.help_lines().join("\n");
        assert!(help.contains("`[") && help.contains("brackets"), "{error}");
        assert!(help.contains("`--spaced`") && help.contains("`Expression::spaced`"), "{error}");
    }
}
