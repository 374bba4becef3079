//! Drafts that are changed at random: sealing refuses them, or they run inside their memory and give what they mean. Sealing
//! never panics. A fuzz target, which `.ci/run safety` runs under AddressSanitizer, and a small part of it under valgrind.

use std::num::NonZeroUsize;

use einfold_exec::{AnyView, Control, NewArray, Options, Scratch, bind};
use einfold_ir::{
    Access, Algebra, Axis, AxisRef, Buffer, BufferId, Draft, Dtype, Form, Gemm, Ids, Index, Label, Layout, Mode, Nest,
    NodeId, OutOfRange, Place, Plan, Region, Step, TensorType, Term,
};
use einfold_order::{Budget, Order};
use einfold_plan::{PassSet, PlanOptions, compile, optimize};
use einfold_syntax::{parse, resolve};

use crate::case::{self, Case};
use crate::draw::{Bytes, Noise};
use crate::layout::{self, hold};
use crate::num::Tensor;
use crate::running::{How, blank, run};
use crate::wild::wild;
use crate::{meaning, passes};

/// Bytes of a buffer, and points of a run, above which a draft is bound but not run.
const MOST: usize = 1 << 14;
/// What a run may allocate.
const MEMORY: usize = 1 << 24;

/// Programs with ids, windows, expressions and products; the operands by name.
const TEXTS: [(&str, &[(&str, Dtype, &[usize])]); 5] = [
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

/// Random changes of a draft.
struct Mutant<'n> {
    draft: Draft,
    noise: &'n mut Noise,
}

impl Mutant<'_> {
    fn below(&mut self, n: usize) -> usize {
        (self.noise.next() % n.max(1) as u64) as usize
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    fn once_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    /// A number of positions, bytes or elements: mostly small, sometimes one whose products overflow.
    fn number(&mut self) -> usize {
        if self.once_in(8) {
            return self.pick(&[1 << 31, 1 << 40, 1 << 62, usize::MAX / 2, usize::MAX - 63, usize::MAX]);
        }
        self.pick(&[0, 0, 1, 1, 2, 3, 4, 5, 8, 64, 128, 192, 256, 1024, 4096])
    }

    fn offset(&mut self) -> i64 {
        self.pick(&[0, 0, 1, 1, -1, 2, -2, 3, 7, -8, i64::MAX, i64::MIN])
    }

    /// A buffer, seldom one that is not there.
    fn buffer(&mut self) -> BufferId {
        let count = self.draft.buffers.len();
        BufferId(if self.once_in(40) { 1000 } else { self.below(count) as u32 })
    }

    fn axis(&mut self) -> AxisRef {
        let number = self.pick(&[0, 0, 0, 1, 1, 2, 3, 7]);
        if self.once_in(3) { AxisRef::Loop(number) } else { AxisRef::Own(number) }
    }

    fn index(&mut self) -> Index<BufferId> {
        let (offset, terms) = (self.offset(), self.below(3));
        let terms: Vec<_> = (0..terms).map(|_| (self.offset(), self.axis())).collect();
        let mut index = Index::affine(if self.once_in(3) { offset } else { 0 }, terms);
        if self.once_in(4) {
            let (tensor, policy, coef) =
                (self.buffer(), self.pick(&OutOfRange::ALL), self.pick(&[1, 1, -1, 2, 0, i64::MAX]));
            let rank = self.draft.buffers.get(tensor.0 as usize).map_or(0, |b| b.extents.len());
            let axis = self.axis();
            let access = Access::new(tensor, (0..rank).map(|_| Index::affine(0, [(1, axis)])).collect());
            index.ids.push(Ids { coef, access, policy });
        }
        index
    }

    fn region(&mut self) -> Option<usize> {
        let count = self.draft.regions.len();
        (count > 0).then(|| self.below(count))
    }

    fn step(&mut self) -> Option<(usize, usize)> {
        let region = self.region()?;
        let count = self.draft.regions[region].steps.len();
        (count > 0).then(|| (region, self.below(count)))
    }

    fn changed(&mut self) {
        match self.below(9) {
            0 => self.change_buffer(),
            1 => self.change_place(),
            2 => self.change_region(),
            3 => self.change_step(),
            4 | 5 => self.change_access(),
            6 => self.move_steps(),
            7 => self.add_fill(),
            _ => self.change_ports(),
        }
    }

    fn change_buffer(&mut self) {
        let (count, number, dtype) = (self.draft.buffers.len(), self.number(), self.pick(&Dtype::BUILTIN));
        if count == 0 {
            return;
        }
        let (k, other, kind) = (self.below(count), self.below(count), self.below(6));
        let rank = self.draft.buffers[k].extents.len();
        let axis = self.below(rank);
        let order = (0..rank).map(|_| self.below(rank + 1) as u32).collect();
        match kind {
            0 => _ = self.draft.buffers[k].extents.get_mut(axis).map(|extent| *extent = number),
            1 => self.draft.buffers[k].extents.push(number),
            2 => self.draft.buffers[k].dtype = dtype,
            3 => self.draft.buffers[k].layout = Layout::Order(order),
            4 => self.draft.buffers.swap(k, other),
            _ => _ = self.draft.buffers.remove(k),
        }
    }

    /// Scratch memory.
    fn change_place(&mut self) {
        let (count, number) = (self.draft.buffers.len(), self.number());
        let places: Vec<usize> =
            (0..count).filter(|&k| matches!(self.draft.buffers[k].place, Place::Scratch(_))).collect();
        let near = self.pick(&[64, 128, usize::MAX - 63, 8]);
        match (self.below(4), &places[..]) {
            (0, _) => self.draft.scratch = number,
            (1, _) => self.draft.scratch = self.draft.scratch.wrapping_add(near),
            (_, []) => {}
            (kind, places) => {
                let k = self.pick(places);
                if let Place::Scratch(at) = &mut self.draft.buffers[k].place {
                    *at = if kind == 2 { number } else { at.wrapping_add(near) };
                }
            }
        }
    }

    /// Loops and lanes.
    fn change_region(&mut self) {
        let Some(k) = self.region() else { return };
        let (number, kind) = (self.number(), self.below(8));
        let near = self.pick(&[64, usize::MAX - 63, 8]);
        let at = self.below(self.draft.regions[k].loops.len());
        let region = &mut self.draft.regions[k];
        match kind {
            0 => region.lanes = None,
            1..=3 => region.lanes = Some(number),
            4 => region.lanes = region.lanes.map(|bytes| bytes.wrapping_add(near)),
            5 => region.loops.push(Axis::new("m", number)),
            6 => _ = region.loops.pop(),
            _ => _ = region.loops.get_mut(at).map(|axis| axis.extent = number),
        }
    }

    fn change_step(&mut self) {
        let Some((region, k)) = self.step() else { return };
        let (number, count, kind) = (self.number(), self.below(4) as u32, self.below(9));
        let list = |m: &mut Self| -> Vec<u32> { (0..m.below(3)).map(|_| m.below(4) as u32).collect() };
        let gemm =
            Gemm { batch: list(self), m: list(self), n: list(self), k: list(self), packed: [self.once_in(2); 3] };
        let (axis, algebra) = (self.below(4), self.pick(&[Algebra::MAX_PLUS, Algebra::OR_AND, Algebra::SUM_PRODUCT]));
        let step = &mut self.draft.regions[region].steps[k];
        match kind {
            0 => step.mode = if step.mode == Mode::Overwrite { Mode::Accumulate } else { Mode::Overwrite },
            1 => step.form = Form::Fill,
            2 => step.form = Form::Nest(Nest { ordered: count > 1, merged: vec![1; step.axes.len()], expr: None }),
            3 => step.form = Form::Nest(Nest { merged: vec![count, u32::MAX, number as u32], ..Nest::default() }),
            4 => step.form = Form::Gemm(gemm),
            5 => step.axes.push(Axis::new("m", number)),
            6 => _ = step.axes.pop(),
            7 => step.algebra = algebra,
            _ => _ = step.axes.get_mut(axis).map(|axis| axis.extent = number),
        }
    }

    fn change_access(&mut self) {
        let Some((region, k)) = self.step() else { return };
        let (buffer, index, offset, axis) = (self.buffer(), self.index(), self.offset(), self.axis());
        let (which, dim, term, kind) = (self.below(4), self.below(4), self.below(3), self.below(9));
        let step = &mut self.draft.regions[region].steps[k];
        let reads = step.reads.len();
        let mut access = if which < reads { &mut step.reads[which] } else { &mut step.write };
        // Sometimes that of the ids.
        if kind == 8 && access.has_ids() {
            let ids = access.indices.iter_mut().find_map(|index| index.ids.first_mut());
            access = &mut ids.unwrap().access;
        }
        let rank = access.indices.len();
        match kind {
            0 => access.tensor = buffer,
            1 => access.indices.push(index),
            2 => _ = access.indices.pop(),
            3 if rank > 0 => access.indices[dim % rank] = index,
            4 if rank > 0 => access.indices[dim % rank].offset = offset,
            5 if rank > 0 => access.indices[dim % rank].terms.push(Term { coef: offset, axis }),
            6 if rank > 0 => _ = access.indices[dim % rank].terms.pop(),
            7 if rank > 1 => access.indices.swap(dim % rank, 0),
            _ if rank > 0 => {
                if let Some(term) = access.indices[dim % rank].terms.get_mut(term) {
                    term.coef = offset;
                }
            }
            _ => access.conj = !access.conj,
        }
    }

    /// Steps dropped, repeated, moved, and regions split.
    fn move_steps(&mut self) {
        let (Some((region, k)), Some(to)) = (self.step(), self.region()) else { return };
        let (kind, at) = (self.below(6), self.below(self.draft.regions[to].steps.len() + 1));
        let step = self.draft.regions[region].steps[k].clone();
        match kind {
            0 => _ = self.draft.regions[region].steps.remove(k),
            1 => self.draft.regions[to].steps.insert(at, step),
            2 => _ = self.draft.regions[region].steps[k].reads.pop(),
            3 => {
                let steps = self.draft.regions[region].steps.split_off(k);
                let part = Region { steps, ..self.draft.regions[region].clone() };
                self.draft.regions.insert(region + 1, part);
            }
            4 => self.draft.regions.swap(region, to),
            _ => {
                self.draft.regions[region].steps.remove(k);
                let at = at.min(self.draft.regions[to].steps.len());
                self.draft.regions[to].steps.insert(at, step);
            }
        }
    }

    /// An intermediate, often without elements, that a fill in some region makes.
    fn add_fill(&mut self) {
        let Some(region) = self.region() else { return };
        let extents = match self.below(5) {
            0..=2 => vec![0],
            3 => vec![],
            _ => vec![self.number(), 0],
        };
        let place = match self.below(4) {
            0 => self.draft.scratch,
            1 => self.number(),
            _ => Plan::ALIGN * self.below(self.draft.scratch / Plan::ALIGN + 1),
        };
        let at = self.below(self.draft.regions[region].steps.len() + 1);
        let indices = extents.iter().map(|_| Index::constant(0)).collect();
        let write = Access::new(BufferId(self.draft.buffers.len() as u32), indices);
        let place = Place::Scratch(place);
        self.draft.buffers.push(Buffer {
            label: "f".into(),
            dtype: Dtype::F64,
            extents,
            place,
            layout: Layout::RowMajor,
        });
        self.draft.regions[region].steps.insert(at, fill(write));
    }

    fn change_ports(&mut self) {
        let buffer = self.buffer();
        let place = match self.below(3) {
            0 => Place::Input(self.below(3) as u32),
            1 => Place::Output(self.below(2) as u32),
            _ => Place::Scratch(0),
        };
        match self.below(6) {
            0 => self.draft.inputs.push(buffer),
            1 => self.draft.outputs.push(buffer),
            2 => self.draft.inputs.reverse(),
            3 => _ = self.draft.outputs.pop(),
            4 => _ = self.draft.buffers.get_mut(buffer.0 as usize).map(|b| b.place = place),
            _ => self.draft.inputs.retain(|&input| input != buffer),
        }
    }
}

fn fill(write: Access<BufferId>) -> Step {
    let (mode, algebra) = (Mode::Overwrite, Algebra::SUM_PRODUCT);
    Step { origin: NodeId(0), axes: Vec::new(), reads: Vec::new(), write, mode, algebra, form: Form::Fill }
}

/// Lanes that add to an intermediate they share, behind one that each has for itself, if `own`.
fn lanes(own: bool) -> Draft {
    let (lanes, apart) = (8, 2 * Plan::ALIGN);
    let buffer =
        |place| Buffer { label: "b".into(), dtype: Dtype::F64, extents: vec![lanes], place, layout: Layout::RowMajor };
    let mut buffers = vec![buffer(Place::Input(0)), buffer(Place::Output(0)), buffer(Place::Scratch(lanes * apart))];
    let at = |b: u32, index| Access::new(BufferId(b), vec![index]);
    let turn = || Index::affine(0, [(1, AxisRef::Loop(0))]);
    let nest = |axes, read, write, mode| Step {
        axes,
        reads: vec![read],
        mode,
        form: Form::Nest(Nest::default()),
        ..fill(write)
    };
    let mut inside = vec![nest(vec![], at(0, turn()), at(2, turn()), Mode::Accumulate)];
    if own {
        buffers.push(Buffer { extents: vec![1], ..buffer(Place::Scratch(0)) });
        inside.insert(0, nest(vec![], at(0, turn()), at(3, Index::constant(0)), Mode::Overwrite));
        inside[1].reads = vec![at(3, Index::constant(0))];
    }
    let after = nest(vec![Axis::new("i", lanes)], at(2, Index::axis(0)), at(1, Index::axis(0)), Mode::Overwrite);
    let regions = vec![
        Region { loops: vec![], steps: vec![fill(at(2, Index::constant(0)))], lanes: None },
        Region { loops: vec![Axis::new("a", lanes)], steps: inside, lanes: Some(apart) },
        Region { loops: vec![], steps: vec![after], lanes: None },
    ];
    let scratch = lanes * apart + Plan::ALIGN;
    Draft { buffers, regions, inputs: vec![BufferId(0)], outputs: vec![BufferId(1)], scratch }
}

/// A valid draft.
fn valid(bytes: &mut Bytes<'_>) -> Result<Draft, String> {
    let plan = match bytes.below(4) {
        0 => Plan::seal(lanes(bytes.once_in(2))).map_err(|e| e.to_string())?,
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
            let one = |&(name, dtype, shape): &(&str, Dtype, &[usize])| {
                let name: Option<Label> = Some(name.into());
                TensorType { name, dtype, shape: shape.to_vec(), conj: false }
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

/// Points of all steps in all turns, and elements of all buffers.
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

/// What the ids of an access do where they are outside, those of ids included.
fn policies(access: &Access<BufferId>, all: &mut Vec<OutOfRange>) {
    for ids in access.indices.iter().flat_map(|index| &index.ids) {
        all.push(ids.policy);
        policies(&ids.access, all);
    }
}

/// Whether what a draft means can be told exactly: nothing rounds, and no bad id is at a point that another id drops.
fn is_exact(draft: &Draft) -> bool {
    let mut ids = Vec::new();
    draft.steps().flat_map(|(_, step)| step.reads.iter().chain([&step.write])).for_each(|a| policies(a, &mut ids));
    if ids.iter().any(|policy| *policy != ids[0]) {
        return false;
    }
    let wide = |dtype| case::is_exact(dtype) || matches!(dtype, Dtype::F64 | Dtype::C64);
    let exact = |step: &Step| {
        let product = !matches!(&step.form, Form::Nest(Nest { expr: Some(_), .. }));
        product && matches!(step.algebra, Algebra::SUM_PRODUCT | Algebra::MAX_PLUS)
    };
    let has_turns = draft.regions.iter().all(|r| r.loops.iter().all(|a| a.extent > 0));
    draft.buffers.iter().all(|b| wide(b.dtype)) && draft.steps().all(|(_, step)| exact(step)) && has_turns
}

/// Random changes of a valid draft: refused, or run inside its memory. Whether it has run.
pub(crate) fn check_mutated(bytes: &mut Bytes<'_>) -> Result<bool, String> {
    let (draft, mut noise) = (valid(bytes)?, bytes.noise());
    let mut mutant = Mutant { draft, noise: &mut noise };
    for _ in 0..1 + bytes.below(5) {
        mutant.changed();
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
    // A bad id, or an algebra that a dtype does not have.
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

/// Binds a plan to operands that repeat one element, if there is memory for its results: what can be counted binds.
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
        small.then(|| NewArray::new::<f64>(extents, einfold_exec::MemoryOrder::C).ok()).flatten()
    };
    let Some(mut outs) = plan.outputs.iter().map(array).collect::<Option<Vec<_>>>() else { return };
    let mut outs: Vec<_> = outs.iter_mut().map(NewArray::view_mut).collect();
    let (options, mut scratch) = (Options { memory: Some(MEMORY), ..Options::default() }, Scratch::new());
    if let Ok(bound) = bind(plan, &ins, &mut outs, &options, &mut scratch) {
        let cancel = std::sync::atomic::AtomicBool::new(true);
        _ = bound.run(&Control { cancel: Some(&cancel), ..Control::default() });
    }
}
