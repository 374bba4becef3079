//! The cases that define the language, of all levels, through the library and the command line tool: values, shapes,
//! dtypes and kinds of errors.

use std::path::Path;
use std::process::{Command, Output};
use std::sync::LazyLock;

use einfold::{AnyArray, Error, Expression, OutOfRange, named};
use serde_json::Value;

use crate::cli::BINARY;
use crate::corpus::{list, text, written};
use crate::layout::{Array, Layout, hold};
use crate::library::tensor;
use crate::npy;
use crate::num::Tensor;

/// A case.
pub(crate) struct Seed {
    id: String,
    text: String,
    program: bool,
    /// The operands with their names in a program; those of subscripts are in the order of the terms.
    operands: Vec<(String, Tensor)>,
    strict: bool,
    drop: bool,
    fill: Option<i64>,
    /// The results, by name in a program, and a relative tolerance; or the kind of the error.
    expected: Result<(Vec<(String, Tensor)>, f64), String>,
}

/// All cases.
static SEEDS: LazyLock<Vec<Seed>> = LazyLock::new(|| {
    include_str!("data/seeds.jsonl").lines().map(|line| seed(&serde_json::from_str(line).unwrap())).collect()
});

fn seed(case: &Value) -> Seed {
    let result = |(name, value): (&String, &Value)| {
        let name = if name == "out" { case["output"].as_str().unwrap_or("out") } else { name };
        (name.to_owned(), written(value))
    };
    let expected = match case.get("expected_error") {
        Some(kind) => Err(text(kind).into()),
        None => {
            let results = case["expected"].as_object().unwrap().iter().map(result).collect();
            Ok((results, case["rtol"].as_f64().unwrap()))
        }
    };
    let options = &case["options"];
    Seed {
        id: text(&case["id"]).into(),
        text: text(&case["expr"]).into(),
        program: case["level"] == 3,
        operands: list(&case["inputs"]).iter().map(|input| (text(&input["name"]).into(), written(input))).collect(),
        strict: options["strict"] == true,
        drop: options["oor"] == "drop",
        fill: options["fill"].as_i64(),
        expected,
    }
}

impl Seed {
    /// Runs the case by the library, with operands by name or by position.
    fn run(&self, by_name: bool) -> Result<Vec<Tensor>, Error> {
        let mut expression = Expression::new(&self.text)?.strict(self.strict);
        if self.drop {
            expression = expression.out_of_range(OutOfRange::Drop);
        }
        if let (true, Ok((results, _))) = (self.program, &self.expected) {
            expression = expression.outputs(results.iter().map(|(name, _)| &name[..]));
        }
        if let Some(fill) = self.fill {
            let name = expression.output_names()[0].to_owned();
            expression = expression.fill(&name, fill);
        }
        let mut operands: Vec<&(String, Tensor)> = self.operands.iter().collect();
        if self.program {
            operands.sort_by_key(|(name, _)| self.place(name));
        }
        let arrays: Vec<Box<dyn Array>> =
            operands.iter().map(|(_, t)| hold(t, &Layout::row_major(t.shape.len()))).collect();
        let views: Vec<_> = arrays.iter().map(|a| a.view()).collect();
        let results: Vec<AnyArray> = if by_name {
            // In another order than that of the text.
            let named: Vec<_> = operands.iter().zip(&views).map(|((name, _), view)| named(name, view)).rev().collect();
            expression.run(&named)?
        } else {
            expression.run(&views)?
        };
        Ok(results.iter().map(tensor).collect())
    }

    /// The position of the first word of the text that names an operand.
    fn place(&self, name: &str) -> Option<usize> {
        self.text.split(|c: char| c != '_' && !c.is_alphanumeric()).position(|word| word == name)
    }

    /// Compares results with the expected ones.
    fn check(&self, found: Result<Vec<Tensor>, String>) -> Result<(), String> {
        let (want, rtol) = match (&self.expected, &found) {
            (Ok(want), Ok(_)) => want,
            (Err(want), Err(kind)) if kind == want => return Ok(()),
            (want, found) => return Err(format!("{} `{}`: {found:?}, want {want:?}", self.id, self.text)),
        };
        let found = found.unwrap();
        assert_eq!(found.len(), want.len(), "{} `{}`", self.id, self.text);
        for (found, (name, want)) in found.iter().zip(want) {
            let most = want.data.iter().map(|x| x.parts().0.abs()).filter(|x| x.is_finite()).fold(0.0, f64::max);
            if let Some(difference) = found.differs(want, rtol * most) {
                return Err(format!("{} `{}` {name}: {difference}", self.id, self.text));
            }
        }
        Ok(())
    }

    /// The command line of the case with its files in `dir`; the text is an argument or a file.
    fn command(&self, dir: &Path, in_file: bool) -> Command {
        let mut command = Command::new(&*BINARY);
        command.current_dir(dir).arg("run");
        if in_file {
            std::fs::write(dir.join("text.ein"), &self.text).unwrap();
            command.args(["--program", "text.ein"]);
        } else {
            command.arg(&self.text);
        }
        for (name, tensor) in &self.operands {
            npy::write(&dir.join(format!("{name}.npy")), tensor, false);
            command.arg(if self.program { format!("{name}={name}.npy") } else { format!("{name}.npy") });
        }
        match &self.expected {
            Ok((results, _)) if self.program => {
                results.iter().for_each(|(name, _)| _ = command.arg("-o").arg(format!("{name}=out_{name}.npy")));
            }
            Ok(_) => _ = command.args(["-o", "out_out.npy"]),
            Err(_) => _ = command.arg("--json"),
        }
        command.args(self.strict.then_some("--strict"));
        command.args(self.drop.then_some("--oor=drop"));
        command.args(self.fill.map(|value| format!("--fill={value}")));
        command
    }

    /// The results that a command has written, or the kind of its error.
    fn written(&self, dir: &Path, output: &Output) -> Result<Vec<Tensor>, String> {
        if output.status.code() == Some(1) {
            let report: Value = serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())?;
            assert_eq!(output.stdout.iter().filter(|&&byte| byte == b'\n').count(), 1, "{report}");
            return Err(text(&report["error"]["kind"]).into());
        }
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{} `{}`\n{stderr}", self.id, self.text);
        let (results, _) = self.expected.as_ref().map_err(|_| "no error".to_owned())?;
        Ok(results.iter().map(|(name, _)| npy::read(&dir.join(format!("out_{name}.npy")))).collect())
    }
}

fn all(check: impl Fn(&Seed) -> Result<(), String>) {
    assert_eq!(SEEDS.len(), 168);
    let failures: Vec<String> = SEEDS.iter().filter_map(|seed| check(seed).err()).collect();
    assert!(failures.is_empty(), "{} fail\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn the_library_computes_every_seed() {
    let kind = |error: Error| error.kind().name();
    all(|seed| {
        if seed.program {
            seed.check(seed.run(true).map_err(kind))?;
        }
        // Operands without names cannot have a wrong name.
        match &seed.expected {
            Err(expected) if ["IndexIsTensor", "UnknownName"].contains(&&expected[..]) => Ok(()),
            _ => seed.check(seed.run(false).map_err(kind)),
        }
    });
}

#[test]
fn the_command_line_computes_every_seed() {
    all(|seed| {
        [false, true].into_iter().try_for_each(|in_file| {
            let dir = tempfile::tempdir().unwrap();
            let output = seed.command(dir.path(), in_file).output().unwrap();
            seed.check(seed.written(dir.path(), &output))
        })
    });
}
