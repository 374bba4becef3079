//! Reports of the steps of a plan.

use std::collections::BTreeSet;

use einfold_ir::{
    Access, Axis, AxisRef, AxisSet, BufferId, Count, Draft, Form, IdVec, Index, Ir, Label, Layout, Step, Storage,
    WriteMode,
};

use super::join;
use crate::error::shape_text;
use crate::roles::classify;
use crate::strides::own_axes;

/// The report of a step.
#[derive(Clone, Debug)]
pub(super) struct StepReport {
    /// The region of the step.
    pub(super) region: usize,
    /// The loops that the step depends on, outermost first, as `for s:4` or, for partitions, `partitions s:4`; empty
    /// outside loops.
    pub(super) loops: Vec<String>,
    /// The name of the tensor that it writes.
    pub(super) name: String,
    /// Whether it accumulates into existing values.
    pub(super) accumulates: bool,
    /// The tensors that it reads.
    pub(super) reads: Vec<String>,
    /// Its axes by role: `{batch}(kept)[reduced](kept)`.
    pub(super) roles: String,
    /// Its form.
    pub(super) form: FormReport,
    /// How the executor runs it under the layout hints; empty before the plan is final.
    pub(super) schedule: String,
    /// The shape of the tensor that it writes.
    pub(super) shape: String,
    /// The dtype of the tensor that it writes.
    pub(super) dtype: String,
    /// The storage of the tensor that it writes: `output 0`, or `scratch` and, after assignment, the offset in bytes.
    pub(super) storage: String,
    /// The layout of the tensor that it writes, slowest axis first; empty if row-major.
    pub(super) order: String,
    /// Its flops, over all iterations of its loops.
    pub(super) flops: Count,
    /// The bytes of the tensors that it reads and writes, each counted once.
    pub(super) bytes: Count,
}

/// The form of a step.
#[derive(Clone, Debug)]
pub(super) enum FormReport {
    Fill,
    Nest,
    /// A matrix product with the extents of batch axes, rows, columns and contracted axes.
    Gemm([Count; 4]),
}

/// The reports of all steps of a plan whose origins are nodes of `ir`. Before the memory assignment, intermediates have
/// no offset.
pub(super) fn reports(draft: &Draft, assigned: bool, ir: &Ir) -> Vec<StepReport> {
    let names = names(draft, ir);
    let mut all = Vec::new();
    for (number, region) in draft.regions.iter().enumerate() {
        let kind = |k: usize| if k == 0 && region.partitions.is_some() { "partitions" } else { "for" };
        let name = |(k, a): (usize, &Axis)| format!("{} {}:{}", kind(k), a.label, a.extent);
        let loops: Vec<String> = region.loops.iter().enumerate().map(name).collect();
        for (step, depth) in region.steps.iter().zip(region.depths()) {
            let report = report((draft, assigned), &names, &region.loops, step);
            let (loops, flops) = (loops[..depth].to_vec(), report.flops * region.runs(depth));
            all.push(StepReport { region: number, loops, flops, ..report });
        }
    }
    all
}

/// The name of each buffer: that of the node that the first step writing it computes.
fn names(draft: &Draft, ir: &Ir) -> IdVec<BufferId, Label> {
    let mut names: IdVec<BufferId, Option<Label>> = IdVec::filled(draft.buffers.len(), None);
    for (buffer, node) in draft.inputs.iter().zip(ir.inputs()) {
        names[*buffer] = Some(format!("%{}", node.0).into());
    }
    for (_, step) in draft.steps() {
        names[step.write.tensor].get_or_insert_with(|| format!("%{}", step.origin.0).into());
    }
    names.into_iter().map(Option::unwrap_or_default).collect()
}

fn report(
    (draft, assigned): (&Draft, bool),
    names: &IdVec<BufferId, Label>,
    loops: &[Axis],
    step: &Step,
) -> StepReport {
    let target = draft.buffer(step.write.tensor);
    let reads = step.reads.iter().map(|read| show(read, names, loops, step)).collect();
    let storage = match target.storage {
        Storage::Scratch(at) if assigned => format!("scratch {at}"),
        Storage::Scratch(_) => "scratch".into(),
        Storage::Output(k) => format!("output {k}"),
        Storage::Input(k) => format!("input {k}"),
    };
    let mut touched = BTreeSet::new();
    step.for_each_buffer(&mut |b| _ = touched.insert(b));
    let size = |b: &BufferId| Count::bytes(&draft.buffer(*b).extents, draft.buffer(*b).dtype);
    StepReport {
        region: 0,
        loops: Vec::new(),
        name: show(&step.write, names, loops, step),
        accumulates: step.mode == WriteMode::Accumulate,
        reads,
        roles: roles(step),
        form: form(step),
        schedule: String::new(),
        shape: shape_text(&target.extents),
        dtype: target.dtype.to_string(),
        storage,
        order: order(draft, step),
        flops: step.flops(),
        bytes: touched.iter().map(size).sum(),
    }
}

/// The name of a tensor, with its index functions unless all are plain axes.
fn show(access: &Access<BufferId>, names: &IdVec<BufferId, Label>, loops: &[Axis], step: &Step) -> String {
    let own = |i: &Index<BufferId>| i.as_axis().is_some() || *i == Index::constant(0);
    let mut seen = AxisSet::default();
    let mut repeats = |a: u32| !seen.insert(a);
    let plain = access.indices.iter().all(own) && !access.indices.iter().filter_map(Index::as_axis).any(&mut repeats);
    let name = |b: &BufferId| names[*b].clone();
    match (plain, access.conj) {
        (true, false) => name(&access.tensor).to_string(),
        (true, true) => format!("conj({})", name(&access.tensor)),
        (false, _) => {
            let axis = |a: AxisRef| a.of(&step.axes, loops).map(|axis| axis.label.clone()).unwrap_or_default();
            access.show(&axis, &name)
        }
    }
}

/// The axes of a step by role, each group in the order of the step.
fn roles(step: &Step) -> String {
    let out = own_axes(&step.write);
    let group = |open: char, axes: &[u32], close: char| {
        let labels: Vec<&str> = axes.iter().map(|&a| &*step.axes[a as usize].label).collect();
        if labels.is_empty() { String::new() } else { format!("{open}{}{close}", join(&labels)) }
    };
    let (all, in_out) = (|| 0..step.axes.len() as u32, AxisSet::of(&out));
    if let [a, b] = &step.reads[..] {
        let roles = classify(&own_axes(a), &own_axes(b), &out);
        let contracted: Vec<u32> = all().filter(|&x| !in_out.has(x)).collect();
        let left = [roles.m, roles.output_only].concat();
        return group('{', &roles.batch, '}')
            + &group('(', &left, ')')
            + &group('[', &contracted, ']')
            + &group('(', &roles.n, ')');
    }
    let (kept, reduced): (Vec<u32>, Vec<u32>) = all().partition(|&a| in_out.has(a));
    group('(', &kept, ')') + &group('[', &reduced, ']')
}

/// The layout of the tensor that a step writes, as the step's axis labels.
fn order(draft: &Draft, step: &Step) -> String {
    let buffer = draft.buffer(step.write.tensor);
    let dims: Vec<usize> = match &buffer.layout {
        Layout::RowMajor => return String::new(),
        Layout::ColumnMajor => (0..buffer.extents.len()).rev().collect(),
        Layout::Order(order) => order.iter().map(|&dim| dim as usize).collect(),
    };
    let axis = |&dim: &usize| step.write.indices[dim].as_axis();
    let labels: Vec<&str> = dims.iter().filter_map(axis).map(|a| &*step.axes[a as usize].label).collect();
    join(&labels)
}

fn form(step: &Step) -> FormReport {
    let extent = |group: &[u32]| Count::product(group.iter().map(|&x| step.axes[x as usize].extent as u64));
    match &step.form {
        Form::Fill => FormReport::Fill,
        Form::Nest(_) => FormReport::Nest,
        Form::Gemm(gemm) => FormReport::Gemm([&gemm.batch, &gemm.m, &gemm.n, &gemm.k].map(|group| extent(group))),
    }
}
