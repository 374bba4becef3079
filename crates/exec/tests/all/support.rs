//! Drafts by hand, and what they mean.

use einfold_exec::{AnyView, AnyViewMut, BindOptions, Bound, Control, Scratch, bind};
use einfold_ir::{
    Access, Algebra, Axis, AxisRef, BinaryOp, Buffer, BufferId, Draft, Dtype, Expr, Form, Function, Gemm, IdVec, Index,
    IndirectTerm, Layout, Literal, Machine, NodeId, OutOfRange, Plan, PointOp, Region, Step, Storage, WriteMode,
};

/// The strides, in elements, of a dense tensor in C order.
pub(crate) fn row_major(shape: &[usize]) -> Vec<isize> {
    let mut strides = vec![0; shape.len()];
    Layout::RowMajor.write_strides(shape, &mut strides);
    strides
}

/// A draft that grows, with one region at a time.
pub(crate) struct Build {
    pub(crate) draft: Draft,
}

impl Build {
    pub(crate) fn new() -> Build {
        let draft = Draft {
            buffers: IdVec::default(),
            regions: [Region { loops: vec![], steps: vec![], partitions: None }].into(),
            inputs: Default::default(),
            outputs: Default::default(),
            scratch: 0,
            machine: Machine::DEFAULT,
        };
        Build { draft }
    }

    pub(crate) fn input(&mut self, dtype: Dtype, extents: &[usize]) -> BufferId {
        let id = self.buffer(dtype, extents, Storage::Input(self.draft.inputs.len() as u32));
        self.draft.inputs.push(id);
        id
    }

    pub(crate) fn output(&mut self, dtype: Dtype, extents: &[usize]) -> BufferId {
        let id = self.buffer(dtype, extents, Storage::Output(self.draft.outputs.len() as u32));
        self.draft.outputs.push(id);
        id
    }

    pub(crate) fn scratch(&mut self, dtype: Dtype, extents: &[usize]) -> BufferId {
        let at = self.draft.scratch;
        let bytes = extents.iter().product::<usize>() * dtype.size();
        self.draft.scratch += bytes.next_multiple_of(Plan::ALIGN);
        self.buffer(dtype, extents, Storage::Scratch(at))
    }

    fn buffer(&mut self, dtype: Dtype, extents: &[usize], storage: Storage) -> BufferId {
        let label = format!("t{}", self.draft.buffers.len()).into();
        self.draft.buffers.push(Buffer { label, dtype, extents: extents.into(), storage, layout: Layout::RowMajor })
    }

    pub(crate) fn region(&mut self, loops: Vec<Axis>) {
        self.draft.regions.push(Region { loops, steps: vec![], partitions: None });
    }

    pub(crate) fn push(&mut self, step: Step) {
        self.draft.regions.last_mut().unwrap().steps.push(step);
    }

    /// A step `a,b->c` over letters; extents follow from the buffers. Matrix products are those with two factors, if `gemm`.
    pub(crate) fn einsum(&mut self, text: &str, reads: &[BufferId], write: BufferId, algebra: Algebra, gemm: bool) {
        let step = self.step(text, reads, write, algebra, gemm);
        self.push(step);
    }

    pub(crate) fn step(&self, text: &str, reads: &[BufferId], write: BufferId, algebra: Algebra, gemm: bool) -> Step {
        let (left, right) = text.split_once("->").unwrap();
        let terms: Vec<&str> = if reads.is_empty() { vec![] } else { left.split(',').collect() };
        let mut axes: Vec<Axis> = vec![];
        let mut names: Vec<char> = vec![];
        for (term, &buffer) in terms.iter().zip(reads).chain([(&right, &write)]) {
            for (x, &extent) in term.chars().zip(&self.draft.buffer(buffer).extents) {
                match names.iter().position(|n| *n == x) {
                    Some(at) => axes[at].extent = axes[at].extent.max(extent),
                    None => {
                        names.push(x);
                        axes.push(Axis::new(x.to_string(), extent));
                    }
                }
            }
        }
        let access = |term: &str, buffer: BufferId| {
            let extents = &self.draft.buffer(buffer).extents;
            let index = |(x, &extent): (char, &usize)| {
                let axis = names.iter().position(|n| *n == x).unwrap();
                // A broadcast axis.
                if extent == 1 && axes[axis].extent != 1 { Index::constant(0) } else { Index::axis(axis as u32) }
            };
            Access::new(buffer, term.chars().zip(extents).map(index))
        };
        let reads: Vec<_> = terms.iter().zip(reads).map(|(t, &b)| access(t, b)).collect();
        let write = access(right, write);
        let gemm = if gemm { groups(&reads, &write, axes.len()) } else { None };
        let form = gemm.map_or_else(free, Form::Gemm);
        Step { origin: NodeId(0), axes, reads, write, mode: WriteMode::Overwrite, algebra, form }
    }

    pub(crate) fn seal(self) -> Plan {
        Plan::seal(self.draft).unwrap()
    }
}

/// A nest without an expression.
pub(crate) fn free() -> Form {
    Form::Nest(None)
}

/// The roles of the axes, if the step is a matrix product.
pub(crate) fn groups(reads: &[Access<BufferId>], write: &Access<BufferId>, axes: usize) -> Option<Gemm> {
    let [a, b] = reads else { return None };
    if [a, b, write].into_iter().any(|x| x.has_indirect()) {
        return None;
    }
    let uses = |access: &Access<BufferId>, axis: u32| {
        let mut found = false;
        access.for_each_axis(&mut |a| found |= a == AxisRef::Own(axis));
        found
    };
    let mut gemm = Gemm { batch: vec![], m: vec![], n: vec![], k: vec![] };
    for axis in 0..axes as u32 {
        match (uses(a, axis), uses(b, axis), uses(write, axis)) {
            (true, true, true) => gemm.batch.push(axis),
            (true, false, true) => gemm.m.push(axis),
            (false, true, true) => gemm.n.push(axis),
            (true, true, false) => gemm.k.push(axis),
            _ => return None,
        }
    }
    Some(gemm)
}

/// Binds and runs.
pub(crate) fn run(plan: &Plan, ins: &[AnyView<'_>], outs: &mut [AnyViewMut<'_>]) {
    bound(plan, ins, outs, &BindOptions::default(), &mut Scratch::new()).run(&Control::default()).unwrap();
}

pub(crate) fn bound<'b>(
    plan: &'b Plan,
    ins: &'b [AnyView<'_>],
    outs: &'b mut [AnyViewMut<'_>],
    options: &BindOptions<'_>,
    scratch: &'b mut Scratch,
) -> Bound<'b> {
    bind(plan, ins, outs, options, scratch).unwrap()
}

/// ⊕ or ⊗.
pub(crate) type Operation<T> = fn(T, T) -> T;

/// A row-major tensor of integers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tensor {
    pub(crate) shape: Vec<usize>,
    pub(crate) data: Vec<i64>,
}

impl Tensor {
    pub(crate) fn new(shape: &[usize], f: impl FnMut(usize) -> i64) -> Tensor {
        Tensor { shape: shape.to_vec(), data: (0..shape.iter().product()).map(f).collect() }
    }

    fn at(&self, position: &[i64]) -> usize {
        position.iter().zip(&self.shape).fold(0, |at, (&i, &e)| {
            assert!((0..e as i64).contains(&i), "position {position:?} in {:?}", self.shape);
            at * e + i as usize
        })
    }
}

/// What a plan over `i64` computes, point by point.
pub(crate) fn meaning(plan: &Draft, inputs: &[Tensor]) -> Vec<Tensor> {
    let mut tensors: Vec<Tensor> = plan.buffers.iter().map(|b| Tensor::new(&b.extents, |_| i64::MIN + 7)).collect();
    for (input, id) in inputs.iter().zip(&plan.inputs) {
        tensors[id.0 as usize] = input.clone();
    }
    for region in &plan.regions {
        each(&region.loops, |turn| {
            for step in &region.steps {
                step_meaning(step, turn, &mut tensors);
            }
        });
    }
    plan.outputs.iter().map(|o| tensors[o.0 as usize].clone()).collect()
}

fn step_meaning(step: &Step, turn: &[i64], tensors: &mut [Tensor]) {
    let target = step.write.tensor.0 as usize;
    let (zero, one, add, mul): (i64, i64, Operation<i64>, Operation<i64>) = match step.algebra {
        Algebra::Builtin { add: BinaryOp::Add, mul: BinaryOp::Mul } => (0, 1, i64::wrapping_add, i64::wrapping_mul),
        Algebra::Builtin { add: BinaryOp::Max, mul: BinaryOp::Add } => (i64::MIN, 0, i64::max, i64::wrapping_add),
        Algebra::Builtin { add: BinaryOp::Min, mul: BinaryOp::Add } => (i64::MAX, 0, i64::min, i64::wrapping_add),
        other => panic!("no meaning for {other}"),
    };
    if step.mode == WriteMode::Overwrite {
        tensors[target].data.fill(zero);
    }
    if step.form == Form::Fill {
        return;
    }
    each(&step.axes, |own| {
        let place = |access| position(access, own, turn, tensors).map(|p| tensors[access_tensor(access)].at(&p));
        let factors: Option<Vec<i64>> =
            step.reads.iter().map(|r| place(r).map(|at| tensors[access_tensor(r)].data[at])).collect();
        let (Some(factors), Some(at)) = (factors, place(&step.write)) else { return };
        let value = match &step.form {
            Form::Nest(Some(expr)) => value(expr, &factors),
            _ => factors.into_iter().fold(one, mul),
        };
        tensors[target].data[at] = add(tensors[target].data[at], value);
    });
}

/// An expression over integers. A `bool` is 0 or 1.
fn value(expr: &Expr, factors: &[i64]) -> i64 {
    let mut stack: Vec<i64> = vec![];
    for (op, _) in expr.ops() {
        let value = match op {
            PointOp::Read(k) => factors[*k as usize],
            PointOp::Literal(Literal::Int(i)) => *i as i64,
            PointOp::Literal(Literal::Float(x)) => panic!("{x} is no integer"),
            PointOp::Convert => stack.pop().unwrap(),
            PointOp::Call(function) => {
                let arguments = stack.split_off(stack.len() - function.arity());
                call(*function, &arguments)
            }
        };
        stack.push(value);
    }
    stack[0]
}

fn call(function: Function, arguments: &[i64]) -> i64 {
    match (function, arguments) {
        (Function::Neg, &[a]) => a.wrapping_neg(),
        (Function::Abs, &[a]) => a.wrapping_abs(),
        (Function::Sign, &[a]) => a.signum(),
        (Function::Add, &[a, b]) => a.wrapping_add(b),
        (Function::Sub, &[a, b]) => a.wrapping_sub(b),
        (Function::Mul, &[a, b]) => a.wrapping_mul(b),
        (Function::Max, &[a, b]) => a.max(b),
        (Function::Min, &[a, b]) => a.min(b),
        (Function::Eq, &[a, b]) => i64::from(a == b),
        (Function::Where, &[a, b, c]) => [c, b][usize::from(a != 0)],
        other => panic!("no meaning for {other:?}"),
    }
}

fn access_tensor(access: &Access<BufferId>) -> usize {
    access.tensor.0 as usize
}

/// The position of an access at a point; `None` if an index out of range drops it.
fn position(access: &Access<BufferId>, own: &[i64], turn: &[i64], tensors: &[Tensor]) -> Option<Vec<i64>> {
    let along = |axis| match axis {
        AxisRef::Own(a) => own[a as usize],
        AxisRef::Loop(a) => turn[a as usize],
    };
    let one = |(dim, index): (usize, &Index<BufferId>)| {
        let mut at = index.offset() + index.terms().iter().map(|t| t.coef * along(t.axis)).sum::<i64>();
        for IndirectTerm { coef, access, .. } in index.indirect() {
            let p = position(access, own, turn, tensors)?;
            let ids = &tensors[access_tensor(access)];
            at += coef * ids.data[ids.at(&p)];
        }
        let extent = tensors[access_tensor(access)].shape[dim] as i64;
        let has = |policy| index.indirect().iter().any(|i| i.policy == policy);
        if at < 0 && has(OutOfRange::Wrap) {
            at += extent;
        }
        let dropped = has(OutOfRange::Drop) && !(0..extent).contains(&at);
        (!dropped).then_some(at)
    };
    access.indices.iter().enumerate().map(one).collect()
}

/// Calls `f` with every point of a space.
pub(crate) fn each(axes: &[Axis], mut f: impl FnMut(&[i64])) {
    let points: usize = axes.iter().map(|a| a.extent).product();
    let mut at = vec![0; axes.len()];
    for point in 0..points {
        let mut rest = point;
        for (i, axis) in at.iter_mut().zip(axes).rev() {
            *i = (rest % axis.extent) as i64;
            rest /= axis.extent;
        }
        f(&at);
    }
}

/// Numbers that look random, the same in every run.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        // xorshift64*: Vigna, ACM TOMS 42, 2016.
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }

    pub(crate) fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }
}
