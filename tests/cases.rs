//! The project's own cases, `cases/*.jsonl`; `cases/README.md` documents the format.

use std::path::Path;

use einfold::Expression;
use einfold_ir::{Draft, Dtype, Form, Step};
use einfold_order::{Budget, Order};
use einfold_plan::{PlanOptions, compile};
use einfold_syntax::{Options, parse, resolve};
use serde_json::Value;

use crate::draw::Noise;
use crate::layout::Layout;
use crate::library::{arrays, tensor};
use crate::metamorphic::oracle_by_pairs;
use crate::num::Tensor;
use crate::resolving::types;
use crate::{case, oracle};

struct Own {
    text: String,
    operands: Vec<(Tensor, Layout)>,
    order: Order,
    strict: bool,
    steps: Option<Vec<String>>,
    error: Option<String>,
}

impl Own {
    fn read(line: &str) -> Own {
        const FIELDS: [&str; 7] = ["why", "text", "operands", "order", "strict", "steps", "error"];
        let case: Value = serde_json::from_str(line).unwrap();
        let unknown = case.as_object().unwrap().keys().find(|k| !FIELDS.contains(&k.as_str()));
        assert_eq!(unknown, None, "{line}");
        let text = |v: &Value| v.as_str().map(String::from);
        let list = |v: &Value| -> Option<Vec<String>> { v.as_array()?.iter().map(text).collect() };
        Own {
            text: text(&case["text"]).unwrap(),
            operands: list(&case["operands"]).unwrap().iter().map(|o| operand(o)).collect(),
            order: case["order"].as_str().map(|name| name.parse().unwrap()).unwrap_or_default(),
            strict: case["strict"] == true,
            steps: list(&case["steps"]),
            error: text(&case["error"]),
        }
    }

    fn check(&self) -> Result<(), String> {
        let arrays = arrays(&self.operands);
        let views: Vec<_> = arrays.iter().map(|a| a.view()).collect();
        let expression = Expression::new(&self.text).and_then(|e| e.strict(self.strict).order(self.order.clone()));
        match (expression.and_then(|e| e.run::<einfold::AnyArray>(&views)), &self.error) {
            (Err(error), Some(code)) if error.code() == code => return Ok(()),
            (Err(error), _) => return Err(error.to_string()),
            (Ok(_), Some(code)) => return Err(format!("no error `{code}`")),
            (Ok(found), None) => {
                let operands: Vec<Tensor> = self.operands.iter().map(|o| o.0.clone()).collect();
                // Pairwise evaluation must not wrap or round differently.
                let one_dtype = operands.windows(2).all(|o| o[0].dtype == o[1].dtype);
                let meaning = if one_dtype { oracle_by_pairs } else { oracle::einsum };
                let want = meaning(&self.text, &operands).ok_or("the oracle refuses it")?;
                tensor(&found).differs(&want, 0.0).map_or(Ok(()), Err)?;
            }
        }
        match &self.steps {
            Some(want) => self.check_steps(want),
            None => Ok(()),
        }
    }

    fn check_steps(&self, want: &[String]) -> Result<(), String> {
        let operands: Vec<Tensor> = self.operands.iter().map(|o| o.0.clone()).collect();
        let ast = parse(&self.text).map_err(|e| e.to_string())?;
        let ir = resolve(&ast, &types(&operands), &Options { strict: self.strict, ..Options::default() })
            .map_err(|e| e.to_string())?;
        let plan =
            compile(&ir, &self.order, &Budget::default(), &PlanOptions::default()).map_err(|e| e.to_string())?.plan;
        let found: Vec<String> = plan.steps().map(|(_, step)| describe(&plan, step)).collect();
        if found == want { Ok(()) } else { Err(format!("steps {found:?}")) }
    }
}

/// Parses an operand such as `f64[20,10] F`, with fixed small integers as values.
fn operand(text: &str) -> (Tensor, Layout) {
    let (dtype, rest) = text.split_once('[').unwrap();
    let (shape, layout) = rest.split_once(']').unwrap();
    let shape: Vec<usize> = shape.split(',').filter(|n| !n.is_empty()).map(|n| n.parse().unwrap()).collect();
    let dtype = Dtype::from_name(dtype).unwrap();
    let layout = Layout::named(if layout.is_empty() { "C" } else { layout.trim() }, shape.len());
    let make = |own: &[usize]| case::tensor(&mut Noise(3), dtype, own, true);
    (case::repeated(&layout, &shape, make), layout)
}

/// The form of a step in one word.
fn describe(plan: &Draft, step: &Step) -> String {
    let target = plan.buffer(step.write.tensor);
    let whole = step.is_map(&target.extents);
    let same = step.reads.iter().all(|r| plan.buffer(r.tensor).dtype == target.dtype && !r.conj);
    match &step.form {
        Form::Fill => "fill".into(),
        Form::Gemm(_) => "gemm".into(),
        Form::Nest(_) => match (step.reads.len(), whole) {
            (1, true) if same => "copy".into(),
            (1, true) => "convert".into(),
            (1, false) => "sum".into(),
            (_, true) => "product".into(),
            (_, false) => "nest".into(),
        },
    }
}

#[test]
fn our_own_cases_hold() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    // Files that other tests read.
    const OTHERS: [&str; 3] = ["settled.jsonl", "refused.jsonl", "field_cases.jsonl"];
    files.retain(|f| f.extension().is_some_and(|e| e == "jsonl") && !OTHERS.iter().any(|other| f.ends_with(other)));
    files.sort();
    let mut failures = String::new();
    for file in &files {
        let text = std::fs::read_to_string(file).unwrap();
        for (k, line) in text.lines().enumerate() {
            if let Err(problem) = Own::read(line).check() {
                failures += &format!("{}:{}: {line}\n{problem}\n", file.display(), k + 1);
            }
        }
    }
    assert!(files.len() >= 2 && failures.is_empty(), "{failures}");
}
