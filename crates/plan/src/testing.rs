//! Builders of modules for tests, without a parser.

pub(crate) mod evaluate;
pub(crate) mod random;

use std::fmt::Write;

use einfold_ir::{
    Access, Algebra, Axis, AxisRef, BufferId, Contraction, Def, Draft, Dtype, Form, Index, Ir, Label, Layout, Node,
    NodeId, RegionId, Step, Storage, Tree, WriteMode,
};

use crate::{ChosenOrder, expand};

/// A contraction of `tensors` in letters, in which the axis `x` has the extent `extent(x)`.
pub(crate) fn contraction(text: &str, tensors: &[NodeId], extent: impl Fn(char) -> usize) -> Contraction {
    let (left, right) = text.split_once("->").unwrap();
    let mut letters: Vec<char> = Vec::new();
    for c in right.chars().chain(left.chars().filter(|c| *c != ',')) {
        if !letters.contains(&c) {
            letters.push(c);
        }
    }
    let place = |c: char| letters.iter().position(|l| *l == c).unwrap() as u32;
    let terms = left.split(',').zip(tensors);
    Contraction {
        axes: letters.iter().map(|l| Axis::new(l.to_string(), extent(*l))).collect(),
        factors: terms.map(|(term, &t)| Access::plain(t, term.chars().map(place))).collect(),
        output: right.chars().map(|c| Index::axis(place(c))).collect(),
        expr: None,
        algebra: Algebra::SUM_PRODUCT,
        init: None,
        pinned: false,
    }
}

/// A node for `c`.
pub(crate) fn node(label: &str, dtype: Dtype, c: Contraction) -> Node {
    let extent = |i: &Index<NodeId>| i.as_axis().map_or(1, |a| c.axes[a as usize].extent);
    let shape = c.output.iter().map(extent).collect();
    Node { label: label.into(), dtype, shape, region: RegionId::TOP, def: c.into() }
}

/// One contraction of `f64` inputs in letters; `sizes` are the extents of the letters in order of appearance.
pub(crate) fn letters(text: &str, sizes: &[usize]) -> Ir {
    let mut seen: Vec<char> = Vec::new();
    for c in text.chars().filter(|c| c.is_alphabetic()) {
        if !seen.contains(&c) {
            seen.push(c);
        }
    }
    let extent = |c: char| sizes[seen.iter().position(|s| *s == c).unwrap()];
    let mut ir = Ir::new();
    let (left, _) = text.split_once("->").unwrap();
    let tensors: Vec<NodeId> = left
        .split(',')
        .enumerate()
        .map(|(k, term)| ir.input(format!("in{k}"), Dtype::F64, term.chars().map(extent).collect::<Vec<_>>()))
        .collect();
    let y = ir.push(node("y", Dtype::F64, contraction(text, &tensors, extent))).unwrap();
    ir.output(y).unwrap();
    ir
}

/// The expression, with its last node expanded along this SSA path; unexpanded if the path is empty.
pub(crate) fn expanded(ir: &Ir, path: &[&[u32]]) -> Ir {
    let Def::Contraction(c) = &ir.nodes().last().unwrap().def else { panic!("the last node is no contraction") };
    let path: Vec<Vec<u32>> = path.iter().map(|s| s.to_vec()).collect();
    let tree = (!path.is_empty()).then(|| Tree::from_ssa(c.factors.len(), &path).unwrap());
    let mut trees = ir.per_node(None);
    *trees.last_mut().unwrap() = tree.as_ref().map(ChosenOrder::from);
    expand(ir, &trees).unwrap().ir
}

/// A draft in short form: each step with the storage and layouts of its tensors.
pub(crate) fn show(draft: &Draft) -> String {
    let mut text = String::new();
    for region in &draft.regions {
        for axis in &region.loops {
            writeln!(text, "for {}:{}", axis.label, axis.extent).unwrap();
        }
        for step in &region.steps {
            let indent = if region.loops.is_empty() { "" } else { "  " };
            writeln!(text, "{indent}{}", show_step(draft, &region.loops, step)).unwrap();
        }
    }
    text + &format!("scratch {}", draft.scratch)
}

fn show_step(draft: &Draft, loops: &[Axis], step: &Step) -> String {
    let axis = |a: AxisRef| match a {
        AxisRef::Own(a) => step.axes[a as usize].label.clone(),
        AxisRef::Loop(a) => loops[a as usize].label.clone(),
    };
    let tensor = |b: &BufferId| {
        let layout = match &draft.buffer(*b).layout {
            Layout::Order(order) => format!("{order:?}"),
            Layout::RowMajor => String::new(),
            Layout::ColumnMajor => "F".into(),
        };
        let name = match draft.buffer(*b).storage {
            Storage::Input(k) => format!("in{k}"),
            Storage::Output(k) => format!("out{k}"),
            Storage::Scratch(at) => format!("t{}@{at}", b.0),
        };
        Label::from(name + &layout)
    };
    let access = |access: &Access<BufferId>| access.show(&axis, &tensor);
    let reads: Vec<String> = step.reads.iter().map(access).collect();
    let op = if step.mode == WriteMode::Overwrite { "=" } else { "+=" };
    let axes: Vec<String> = step.axes.iter().map(|a| format!("{}:{}", a.label, a.extent)).collect();
    let form = match &step.form {
        Form::Fill => "fill".into(),
        Form::Nest(_) => "nest".into(),
        Form::Gemm(g) => format!("gemm b{:?} m{:?} n{:?} k{:?}", g.batch, g.m, g.n, g.k),
    };
    format!("{} {op} {}  ({})  {form}", access(&step.write), reads.join(" . "), axes.join(" "))
}
