//! Randomly mutated drafts: sealing rejects them, or they run within their memory and give the results of the reference
//! semantics. Sealing does not panic. `.ci/run safety` runs this fuzz target under AddressSanitizer, and a small part
//! of it under valgrind.

use std::num::NonZeroUsize;

use einfold_exec::{AnyView, BindOptions, Control, NewArray, Scratch, bind};
use einfold_ir::{
    Access, Algebra, Axis, AxisRef, Buffer, BufferId, Draft, Dtype, Form, Index, Label, Layout, Machine, OutOfRange,
    Plan, Region, Step, Storage, TensorType, WriteMode,
};
use einfold_order::{Budget, Order};
use einfold_plan::{PassSet, PlanOptions, compile, optimize};
use einfold_syntax::{parse, resolve};

use crate::case::{self, Case};
use crate::draw::Bytes;
use crate::layout::{self, hold};
use crate::mutant::{Mutant, fill};
use crate::num::Tensor;
use crate::running::{How, blank, run};
use crate::wild::wild;
use crate::{meaning, passes};

/// Drafts with more bytes in a buffer, or more points in a run, are bound but not run.
const MOST: usize = 1 << 14;
/// The memory limit of a run.
const MEMORY: usize = 1 << 24;

/// An operand by name, with dtype and shape.
type Operand = (&'static str, Dtype, &'static [usize]);

/// Programs with index tensors, affine indices, pointwise expressions and products.
const TEXTS: [(&str, &[Operand]); 5] = [
    (
        "y[g[n]:5,f] += w[n]*x[h[n],f]",
        &[("g", Dtype::I64, &[6]), ("h", Dtype::I32, &[6]), ("w", Dtype::F64, &[6]), ("x", Dtype::F64, &[4, 3])],
    ),
    ("y[i] mean= exp(x[i,j])*m[j]", &[("x", Dtype::F64, &[4, 5]), ("m", Dtype::F64, &[5])]),
    ("y[i+k] += x[i]*w[k]", &[("x", Dtype::I64, &[7]), ("w", Dtype::I64, &[3])]),
    (
        "y[i,k] += a[i,j]*b[j,k]; z[i] = y[i,k]*c[k]",
        &[("a", Dtype::F32, &[9, 8]), ("b", Dtype::F32, &[8, 10]), ("c", Dtype::F32, &[10])],
    ),
    ("y[b,i,k] += a[b,i,j]*b2[b,j,k]", &[("a", Dtype::C64, &[2, 3, 4]), ("b2", Dtype::C64, &[2, 4, 5])]),
];

/// A draft whose partitions accumulate into a shared intermediate; with `own`, each also has a private intermediate.
fn partitions(own: bool) -> Draft {
    let (partitions, apart) = (8, 2 * Plan::ALIGN);
    let buffer = |storage| Buffer {
        label: "b".into(),
        dtype: Dtype::F64,
        extents: vec![partitions].into(),
        storage,
        layout: Layout::RowMajor,
    };
    let mut buffers =
        vec![buffer(Storage::Input(0)), buffer(Storage::Output(0)), buffer(Storage::Scratch(partitions * apart))];
    let at = |b: u32, index| Access::new(BufferId(b), vec![index]);
    let turn = || Index::affine(0, [(1, AxisRef::Loop(0))]);
    let nest = |axes, read, write, mode| Step { axes, reads: vec![read], mode, form: Form::Nest(None), ..fill(write) };
    let mut inside = vec![nest(vec![], at(0, turn()), at(2, turn()), WriteMode::Accumulate)];
    if own {
        buffers.push(Buffer { extents: vec![1].into(), ..buffer(Storage::Scratch(0)) });
        inside.insert(0, nest(vec![], at(0, turn()), at(3, Index::constant(0)), WriteMode::Overwrite));
        inside[1].reads = vec![at(3, Index::constant(0))];
    }
    let after =
        nest(vec![Axis::new("i", partitions)], at(2, Index::axis(0)), at(1, Index::axis(0)), WriteMode::Overwrite);
    let regions = vec![
        Region { loops: vec![], steps: vec![fill(at(2, Index::constant(0)))], partitions: None },
        Region { loops: vec![Axis::new("a", partitions)], steps: inside, partitions: Some(apart) },
        Region { loops: vec![], steps: vec![after], partitions: None },
    ];
    let scratch = partitions * apart + Plan::ALIGN;
    Draft {
        buffers: buffers.into_iter().collect(),
        regions: regions.into(),
        inputs: [BufferId(0)].into_iter().collect(),
        outputs: [BufferId(1)].into_iter().collect(),
        scratch,
        machine: Machine::DEFAULT,
    }
}

/// A random valid draft.
fn valid(bytes: &mut Bytes<'_>) -> Result<Draft, String> {
    let plan = match bytes.below(4) {
        0 => Plan::seal(partitions(bytes.once_in(2))).map_err(|e| e.to_string())?,
        1 => {
            let case = Case::draw(bytes);
            let draft = passes::draft(&case, &case.tensors(), bytes, true)?;
            optimize(draft, passes::choice(bytes), &mut |_, _, _| {}).map_err(|e| e.to_string())?
        }
        2 => {
            let (ir, _) = wild(bytes);
            planned(&ir, passes::choice(bytes))?
        }
        _ => {
            let (text, operands) = bytes.pick(&TEXTS);
            let one = |&(name, dtype, shape): &Operand| {
                let name: Option<Label> = Some(name.into());
                TensorType { name, dtype, shape: shape.into(), conj: false }
            };
            let types: Vec<TensorType> = operands.iter().map(one).collect();
            let ast = parse(text).map_err(|e| e.to_string())?;
            planned(&resolve(&ast, &types, &Default::default()).map_err(|e| e.to_string())?, PassSet::ALL)?
        }
    };
    Ok((*plan).clone())
}

fn planned(ir: &einfold_ir::Ir, passes: PassSet) -> Result<Plan, String> {
    let options = PlanOptions { passes, ..PlanOptions::default() };
    Ok(compile(ir, &Order::default(), &Budget::default(), &options).map_err(|e| e.to_string())?.plan)
}

/// The points of all steps in all iterations, plus the elements of all buffers.
fn size(draft: &Draft) -> usize {
    let product = |extents: &mut dyn Iterator<Item = usize>| extents.fold(1usize, |n, e| n.saturating_mul(e.max(1)));
    let region = |r: &Region| {
        let turns = product(&mut r.loops.iter().map(|a| a.extent));
        let steps = r.steps.iter().map(|s| turns.saturating_mul(product(&mut s.axes.iter().map(|a| a.extent))));
        steps.fold(turns, usize::saturating_add)
    };
    let buffers = draft.buffers.iter().map(|b| product(&mut b.extents.iter().copied()));
    buffers.chain(draft.regions.iter().map(region)).fold(0, usize::saturating_add)
}

/// Collects the out-of-range policies of an access, including those of nested index tensors.
fn policies(access: &Access<BufferId>, all: &mut Vec<OutOfRange>) {
    for ids in access.indices.iter().flat_map(|index| index.indirect()) {
        all.push(ids.policy);
        policies(&ids.access, all);
    }
}

/// Whether the reference result is exact: nothing rounds, no point has both an invalid index and one that drops it, and
/// every operation is defined. A copy may name an algebra that its dtype lacks, which the reference would apply.
fn is_exact(draft: &Draft) -> bool {
    let mut ids = Vec::new();
    draft.steps().flat_map(|(_, step)| step.reads.iter().chain([&step.write])).for_each(|a| policies(a, &mut ids));
    if ids.iter().any(|policy| *policy != ids[0]) {
        return false;
    }
    let wide = |dtype| case::is_exact(dtype) || matches!(dtype, Dtype::F64 | Dtype::C64);
    let exact = |step: &Step| {
        let product = !matches!(&step.form, Form::Nest(Some(_)));
        let defined = step.algebra.accepts(draft.buffer(step.write.tensor).dtype);
        product && defined && matches!(step.algebra, Algebra::SUM_PRODUCT | Algebra::MAX_PLUS)
    };
    let has_turns = draft.regions.iter().all(|r| r.loops.iter().all(|a| a.extent > 0));
    draft.buffers.iter().all(|b| wide(b.dtype)) && draft.steps().all(|(_, step)| exact(step)) && has_turns
}

/// Mutates a valid draft: it is rejected, or runs within its memory. Returns whether it ran.
pub(crate) fn check_mutated(bytes: &mut Bytes<'_>) -> Result<bool, String> {
    let (draft, mut noise) = (valid(bytes)?, bytes.noise());
    let mut mutant = Mutant { draft, noise: &mut noise };
    for _ in 0..1 + bytes.below(5) {
        mutant.change();
    }
    let Ok(plan) = Plan::seal(mutant.draft) else { return Ok(false) };
    if size(&plan) > MOST {
        bind_without_elements(&plan);
        return Ok(false);
    }
    let operand = |&id: &BufferId| {
        let Buffer { dtype, extents, .. } = plan.buffer(id);
        case::tensor(&mut noise, *dtype, extents, true)
    };
    let operands: Vec<Tensor> = plan.inputs.iter().map(operand).collect();
    let arrays: Vec<_> = operands.iter().map(|t| hold(t, &layout::Layout::row_major(t.shape.len()))).collect();
    let on = |threads| {
        let mut outputs = blank(&plan);
        let how = How { threads: NonZeroUsize::new(threads), memory: Some(MEMORY), ..How::default() };
        run(&plan, &arrays, &mut outputs, &how)?;
        Ok::<_, String>(outputs.iter().map(|o| o.tensor()).collect::<Vec<_>>())
    };
    // An index out of range.
    let (Ok(one), Ok(three)) = (on(1), on(3)) else { return Ok(false) };
    let means = is_exact(&plan).then(|| meaning::run(&plan, &operands));
    for (k, found) in one.iter().enumerate() {
        for want in [Some(&three), means.as_ref()].into_iter().flatten() {
            if let Some(difference) = found.differs(&want[k], 0.0) {
                return Err(format!("output {k}: {difference}\n{plan:#?}"));
            }
        }
    }
    Ok(true)
}

/// Binds a plan to operands that repeat one element, if its results can be allocated: a plan whose sizes can be counted
/// binds.
fn bind_without_elements(plan: &Plan) {
    let elements = vec![0.0_f64; 1];
    let view = |id: &BufferId| {
        let Buffer { dtype, extents, .. } = plan.buffer(*id);
        let view = AnyView::from_slice(&elements, 0, extents, &vec![0; extents.len()]);
        view.ok().filter(|_| *dtype == Dtype::F64)
    };
    let Some(ins) = plan.inputs.iter().map(view).collect::<Option<Vec<_>>>() else { return };
    let array = |id: &BufferId| {
        let Buffer { dtype, extents, .. } = plan.buffer(*id);
        let small = plan.buffer(*id).bytes().is_some_and(|bytes| bytes < MEMORY) && *dtype == Dtype::F64;
        small.then(|| NewArray::new(einfold_ir::Dtype::F64, extents, einfold_exec::MemoryOrder::C).ok()).flatten()
    };
    let Some(mut outs) = plan.outputs.iter().map(array).collect::<Option<Vec<_>>>() else { return };
    let mut outs: Vec<_> = outs.iter_mut().map(NewArray::view_mut).collect();
    let (options, mut scratch) = (BindOptions { memory: Some(MEMORY), ..BindOptions::default() }, Scratch::new());
    if let Ok(bound) = bind(plan, &ins, &mut outs, &options, &mut scratch) {
        let cancel = std::sync::atomic::AtomicBool::new(true);
        _ = bound.run(&Control { cancel: Some(&cancel), ..Control::default() });
    }
}
