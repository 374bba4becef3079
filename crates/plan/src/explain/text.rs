//! The report as text.

use std::fmt::Write;

use einfold_ir::{Count, Machine};

use super::step::{FormReport, StepReport};
use super::tree::TreeReport;
use super::{Explain, ExplainStage};

/// The depth beyond which subtrees are drawn separately below, so that the size of the drawing of a long chain is not
/// quadratic in its length.
const MAX_DEPTH: usize = 32;
/// The largest column width: a longer cell overflows, so that it does not widen every line.
const MAX_WIDTH: usize = 200;

impl Explain {
    /// The given stages, each under its name if there are several.
    pub fn text(&self, stages: &[ExplainStage]) -> String {
        let mut text = String::new();
        for (k, &stage) in stages.iter().enumerate() {
            if stages.len() > 1 {
                text += if k == 0 { "" } else { "\n" };
                text += &format!("== {stage} ==\n");
            }
            text += &match stage {
                ExplainStage::Ast => {
                    self.source.warnings.iter().fold(line(&self.source.ast), |text, warning| text + &line(warning))
                }
                ExplainStage::Ir => self.ir_text(),
                ExplainStage::Tree => self.trees.iter().map(tree).collect(),
                ExplainStage::Plan => self.plan_text(),
                ExplainStage::Passes => self.passes_text(),
            };
        }
        text
    }

    /// The headline and the costs, the steps, and the number of changes of each pass.
    fn plan_text(&self) -> String {
        let mut text = format!("contract {}  ({})", self.source.expression, self.operands.join(", "));
        let mut strategies: Vec<&str> = self.trees.iter().filter_map(|t| t.strategy).collect();
        strategies.dedup();
        if !strategies.is_empty() {
            text += &format!("   order {}", strategies.join(", "));
        }
        let (naive, cost, memory) = (self.naive, &self.cost, &self.memory);
        text += &format!(
            "\n  one loop nest {naive} mul-add   planned {}   largest result {} elements\n",
            cost.flops, cost.size
        );
        text += &format!("  written {} elements   at most {} at once\n", cost.write, cost.peak);
        text += &format!(
            "  memory {} bytes: scratch {}, packing {}, results {}\n",
            memory.total(),
            Count::from(memory.scratch as u64),
            Count::from(memory.packing as u64),
            Count::from(memory.outputs as u64)
        );
        if !self.machine.is_default() {
            let Machine { product, nest, .. } = self.machine;
            text += &format!("  machine measured: product {product}, loops {nest}\n");
        }
        text += &steps(&self.plan, false);
        let passes: Vec<String> = self.passes.iter().map(|p| format!("{} {}", p.name, p.changes)).collect();
        text += &format!("  passes: {}     legend: (kept) [contracted] {{batch}}\n", passes.join("  "));
        text
    }

    fn ir_text(&self) -> String {
        let changed = self.rewrites.iter().filter(|rewrite| rewrite.changes > 0);
        let after = changed.map(|r| format!("{} {}: {}\n{}", r.name, r.changes, r.what, line(&r.ir)));
        line(&self.ir) + &after.collect::<String>()
    }

    fn passes_text(&self) -> String {
        let mut text = String::from("lowered\n") + &steps(&self.lowered, true);
        for pass in &self.passes {
            text += &format!("{} {}: {}\n", pass.name, pass.changes, pass.what);
            if pass.changes > 0 {
                text += &steps(&pass.steps, true);
            }
        }
        text
    }
}

/// The text with exactly one final newline.
fn line(text: &str) -> String {
    format!("{}\n", text.trim_end_matches('\n'))
}

/// The steps as a table; with `with_storage`, also the storage of each result.
pub(super) fn steps(steps: &[StepReport], with_storage: bool) -> String {
    let rows: Vec<[String; 5]> = steps.iter().map(|step| row(step, with_storage)).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0).min(MAX_WIDTH);
    let [w, r, f, p] = [0, 1, 2, 3].map(width);
    let (mut text, mut around, mut region) = (String::new(), &[][..], 0);
    for (step, [what, roles, form, place, flops]) in steps.iter().zip(&rows) {
        // The loops that continue from the step before.
        let same = around.iter().zip(&step.loops).take_while(|(a, b)| a == b && region == step.region).count();
        if same < around.len() && same == step.loops.len() {
            text += &format!("  {}end\n", "  ".repeat(same));
        }
        for (k, name) in step.loops.iter().enumerate().skip(same) {
            text += &format!("  {}{name}\n", "  ".repeat(k));
        }
        (around, region) = (&step.loops[..], step.region);
        let inner = "  ".repeat(around.len());
        let place = if with_storage { format!("   {place:<p$}") } else { String::new() };
        let row = format!("  {inner}{what:<w$}   {roles:<r$}   {form:<f$}{place}   {flops}");
        text += row.trim_end();
        text += "\n";
    }
    text
}

/// The row of a step: its result and factors, the roles of axes, the schedule or the form, the storage, the flops.
fn row(step: &StepReport, with_storage: bool) -> [String; 5] {
    let assign = if step.accumulates { "+=" } else { "=" };
    let what = format!("{} {assign} {}", step.name, step.reads.join(" · "));
    let flops = if step.flops == Count::ZERO { String::new() } else { format!("{:.1e}", step.flops) };
    let storage = match &step.order[..] {
        _ if !with_storage => String::new(),
        "" => step.storage.clone(),
        order => format!("{} as {order}", step.storage),
    };
    [what.trim_end().into(), step.roles.clone(), form(step), storage, flops]
}

fn form(step: &StepReport) -> String {
    match step.form {
        _ if !step.schedule.is_empty() => step.schedule.clone(),
        FormReport::Fill => "fill".into(),
        FormReport::Nest => "nest".into(),
        FormReport::Gemm([batch, m, n, k]) => {
            let batch = if batch == Count::ONE { String::new() } else { format!("batch={batch} ") };
            format!("gemm  {batch}m={m} n={n} k={k}")
        }
    }
}

/// A headline and the drawing of the tree.
fn tree(tree: &TreeReport) -> String {
    let mut order = tree.strategy.map(|name| format!("   order {name}")).unwrap_or_default();
    if !tree.slices.is_empty() {
        let slices: Vec<String> = tree.slices.iter().map(|(axis, parts)| format!("{axis} in {parts}")).collect();
        order += &format!("   slices {}", slices.join(", "));
    }
    let mut text =
        format!("%{} {} = {}{order}   {}, {}\n", tree.node.0, tree.label, tree.subscripts, tree.algebra, tree.law);
    let mut roots: Vec<u32> = vec![tree.tensors.len() as u32 - 1];
    let mut drawn = 0;
    while let Some(&root) = roots.get(drawn) {
        draw(tree, root, &mut roots, &mut text);
        drawn += 1;
    }
    text
}

/// Draws the subtree of `root`; subtrees that are too deep are added to `roots`.
fn draw(tree: &TreeReport, root: u32, roots: &mut Vec<u32>, text: &mut String) {
    let mut todo: Vec<(u32, String, &str)> = vec![(root, String::new(), "")];
    while let Some((id, margin, branch)) = todo.pop() {
        let sources = tree.sources(id as usize);
        let deep = margin.chars().count() / 3 >= MAX_DEPTH && !sources.is_empty();
        let what = if deep { format!("#{id} below") } else { describe(tree, id, &sources) };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  {margin}{branch}{what}");
        if deep {
            roots.push(id);
            continue;
        }
        let inner = margin
            + match branch {
                "" => "",
                "└─ " => "   ",
                _ => "│  ",
            };
        for (k, &child) in sources.iter().enumerate().rev() {
            todo.push((child, inner.clone(), if k + 1 == sources.len() { "└─ " } else { "├─ " }));
        }
    }
}

fn describe(tree: &TreeReport, id: u32, sources: &[u32]) -> String {
    let tensor = &tree.tensors[id as usize];
    let head = format!("#{id} {}  {}", tensor.subscripts, tensor.shape);
    if let Some(node) = tensor.node {
        return format!("{head}  %{}", node.0);
    }
    let children: Vec<&str> = sources.iter().map(|&c| &tree.tensors[c as usize].subscripts[..]).collect();
    let step = format!("{}->{}", children.join(","), tensor.subscripts);
    let flops = if tensor.flops == Count::ZERO { String::new() } else { format!("  {:.1e}", tensor.flops) };
    let runs = if tensor.runs == Count::ONE { String::new() } else { format!("  in {} iterations", tensor.runs) };
    format!("{head}  {step}{flops}{runs}")
}
