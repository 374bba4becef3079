//! The report as JSON.

use einfold_ir::Count;
use einfold_order::format::machine_json;
use serde_json::{Value, json};

use super::step::{FormReport, StepReport};
use super::tree::{TensorReport, TreeReport};
use super::{Explain, StageReport};

/// The name and version of the JSON schema.
const SCHEMA: &str = "einfold.explain/1";

impl Explain {
    /// The report with all stages, keys in alphabetical order. A count below 2^64 is a number; a larger one is a string
    /// in scientific notation, rounded to at most ten significant digits. A machine other than the built-in one has the
    /// key `machine`, as [`machine_json`] writes it.
    pub fn json(&self) -> Value {
        let stage = |report: &StageReport, key: &str, after: Value| {
            let mut value = json!({ "name": report.name, "what": report.what, "changes": report.changes });
            value[key] = if report.changes > 0 { after } else { Value::Null };
            value
        };
        let rewrite = |report: &StageReport| stage(report, "ir", Value::from(&*report.ir));
        let pass = |report: &StageReport| stage(report, "steps", steps(&report.steps));
        let mut value = json!({
            "schema": SCHEMA,
            "expression": self.source.expression,
            "operands": self.operands,
            "ast": self.source.ast,
            "warnings": self.source.warnings,
            "ir": self.ir,
            "rewrites": self.rewrites.iter().map(rewrite).collect::<Value>(),
            "tree": self.trees.iter().map(tree).collect::<Value>(),
            "plan": steps(&self.plan),
            "passes": { "lowered": steps(&self.lowered), "passes": self.passes.iter().map(pass).collect::<Value>() },
            "cost": {
                "naive_flops": count(self.naive),
                "flops": count(self.cost.flops),
                "largest": count(self.cost.size),
                "written": count(self.cost.write),
                "peak": count(self.cost.peak),
            },
            "memory": {
                "scratch_bytes": self.memory.scratch,
                "packing_bytes": self.memory.packing,
                "output_bytes": self.memory.outputs,
                "peak_bytes": count(self.memory.total()),
            },
        });
        if !self.machine.is_default() {
            value["machine"] = machine_json(&self.machine);
        }
        value
    }
}

fn count(count: Count) -> Value {
    match count.exact().and_then(|exact| u64::try_from(exact).ok()) {
        Some(number) => number.into(),
        None => count.to_string().into(),
    }
}

fn steps(steps: &[StepReport]) -> Value {
    let step = |step: &StepReport| {
        json!({
            "step": step.name,
            "accumulates": step.accumulates,
            "reads": step.reads,
            "roles": step.roles,
            "form": form(&step.form),
            "schedule": if step.schedule.is_empty() { Value::Null } else { Value::from(&*step.schedule) },
            "shape": step.shape,
            "dtype": step.dtype,
            "place": step.storage,
            "order": step.order,
            "for": step.loops.join(" "),
            "flops": count(step.flops),
            "bytes": count(step.bytes),
        })
    };
    steps.iter().map(step).collect()
}

fn form(form: &FormReport) -> Value {
    match form {
        FormReport::Fill => json!({ "kind": "fill" }),
        FormReport::Nest => json!({ "kind": "nest" }),
        FormReport::Gemm(extents) => {
            let [batch, m, n, k] = extents.map(count);
            json!({ "kind": "gemm", "batch": batch, "m": m, "n": n, "k": k })
        }
    }
}

fn tree(tree: &TreeReport) -> Value {
    let tensor = |(id, t): (usize, &TensorReport)| {
        json!({
            "id": id,
            "subscripts": t.subscripts,
            "shape": t.shape,
            "children": t.children,
            "flops": count(t.flops),
            "runs": count(t.runs),
            "node": t.node.map(|n| n.0),
            "written": t.written,
        })
    };
    json!({
        "node": tree.node.0,
        "label": &*tree.label,
        "subscripts": tree.subscripts,
        "order": tree.strategy,
        "algebra": tree.algebra,
        "law": tree.law,
        "flops": tree.cost.map(|cost| count(cost.flops)),
        "path": tree.path,
        "slices": tree.slices.iter().map(|(axis, parts)| json!({ "axis": &**axis, "parts": parts })).collect::<Vec<_>>(),
        "tensors": tree.tensors.iter().enumerate().map(tensor).collect::<Value>(),
    })
}
