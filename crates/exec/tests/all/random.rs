//! Random steps over random views, against their meaning point by point.

use std::num::NonZeroUsize;

use einfold_exec::{AnyView, AnyViewMut, BindOptions, Control, Scratch, bind};
use einfold_ir::{
    Access, AffineTerm, Algebra, Axis, AxisRef, BufferId, Dtype, Expr, Form, Function, Index, IndirectTerm, Literal,
    NodeId, OutOfRange, PointOp, Step, WriteMode,
};

use super::support::{Build, Random, Tensor, each, groups, meaning};

/// A tensor in memory with gaps, in any order of axes, some of them backwards; `shared` axes have stride 0.
struct Laid {
    store: Vec<i64>,
    offset: usize,
    shape: Vec<usize>,
    strides: Vec<isize>,
}

impl Laid {
    fn new(random: &mut Random, shape: &[usize], may_share: bool) -> Laid {
        let mut order: Vec<usize> = (0..shape.len()).collect();
        (1..order.len()).for_each(|k| order.swap(k, random.below(k + 1)));
        let mut strides = vec![0isize; shape.len()];
        let (mut next, mut offset) = (1 + random.below(2), 0);
        for &axis in &order {
            if may_share && random.below(6) == 0 {
                continue;
            }
            let backwards = random.below(4) == 0;
            strides[axis] = if backwards { -(next as isize) } else { next as isize };
            offset += if backwards { next * shape[axis].saturating_sub(1) } else { 0 };
            next *= shape[axis].max(1) + random.below(2);
        }
        let len = next + 2;
        let store = (0..len).map(|_| random.below(9) as i64 - 4).collect();
        Laid { store, offset, shape: shape.to_vec(), strides }
    }

    fn at(&self, position: &[i64]) -> usize {
        let along = position.iter().zip(&self.strides).map(|(&i, &s)| i as isize * s).sum::<isize>();
        (self.offset as isize + along) as usize
    }

    fn positions(&self, mut f: impl FnMut(&[i64])) {
        let axes: Vec<Axis> = self.shape.iter().map(|&e| Axis::new("", e)).collect();
        each(&axes, |p| f(p));
    }

    fn tensor(&self) -> Tensor {
        let mut data = vec![];
        self.positions(|p| data.push(self.store[self.at(p)]));
        Tensor { shape: self.shape.clone(), data }
    }
}

/// Draws one plan and the layout of its tensors.
struct Draw {
    random: Random,
    build: Build,
    inputs: Vec<Laid>,
    axes: Vec<Axis>,
    loops: Vec<Axis>,
    /// The most axes of a tensor.
    rank: usize,
}

impl Draw {
    fn new(seed: u64) -> Draw {
        let mut random = Random(0x9e37_79b9_7f4a_7c15 ^ (seed + 1).wrapping_mul(0xff51_afd7_ed55_8ccd));
        let axis = |random: &mut Random| Axis::new("x", [0, 1, 2, 3, 4, 5, 9][1 + random.below(6)]);
        let mut axes: Vec<Axis> = (0..random.below(5)).map(|_| axis(&mut random)).collect();
        // Now and then one that needs several batches; tensors then have one axis.
        let long = random.below(10) == 0 && !axes.is_empty();
        if long {
            axes.truncate(2);
            axes[0].extent = 250 + random.below(300);
        }
        let rank = if long { 1 } else { 3 };
        let loops = (0..random.below(6) / 4).map(|_| Axis::new("l", 1 + random.below(3))).collect();
        Draw { random, build: Build::new(), inputs: vec![], axes, loops, rank }
    }

    fn input(&mut self, shape: &[usize], share: bool) -> BufferId {
        let laid = Laid::new(&mut self.random, shape, share);
        self.inputs.push(laid);
        self.build.input(Dtype::I64, shape)
    }

    fn any_axis(&mut self) -> Option<AxisRef> {
        let own = self.axes.len();
        let all = own + self.loops.len();
        if all == 0 {
            return None;
        }
        let k = self.random.below(all);
        Some(if k < own { AxisRef::Own(k as u32) } else { AxisRef::Loop((k - own) as u32) })
    }

    fn extent(&self, axis: AxisRef) -> usize {
        match axis {
            AxisRef::Own(a) => self.axes[a as usize].extent,
            AxisRef::Loop(a) => self.loops[a as usize].extent,
        }
    }

    /// An index function, and the extent of an axis that it stays inside of.
    fn index(&mut self, depth: usize) -> (Index<BufferId>, usize) {
        let kind = self.random.below(if depth < 2 { 10 } else { 8 });
        match (kind, self.any_axis()) {
            (0, _) | (_, None) => {
                let extent = 1 + self.random.below(3);
                (Index::constant(self.random.below(extent) as i64), extent)
            }
            (1..=5, Some(axis)) => (Index::affine(0, [(1, axis)]), self.extent(axis)),
            (6..=7, Some(axis)) => self.affine(axis),
            (_, Some(_)) => self.gather(depth),
        }
    }

    fn affine(&mut self, axis: AxisRef) -> (Index<BufferId>, usize) {
        let coefs = [-2, -1, 1, 2, 3];
        let mut terms = vec![AffineTerm { coef: coefs[self.random.below(5)], axis }];
        if let Some(other) = self.any_axis().filter(|&other| other != axis) {
            terms.push(AffineTerm { coef: coefs[self.random.below(5)], axis: other });
        }
        let index = Index::<BufferId>::new(0, terms.iter().copied(), vec![]);
        let (low, high) = index.range(|a| self.extent(a)).unwrap();
        let slack = self.random.below(2);
        let index = Index::new(-low + slack as i64, terms, vec![]);
        (index, (high - low + 1) as usize + slack + self.random.below(2))
    }

    fn gather(&mut self, depth: usize) -> (Index<BufferId>, usize) {
        let extent = 1 + self.random.below(5);
        let policy = [OutOfRange::Error, OutOfRange::Drop, OutOfRange::Wrap][self.random.below(3)];
        let access = self.access(depth + 1, 2, false);
        let laid = &mut self.inputs[self.build.draft.buffer(access.tensor).place_of_input()];
        let e = extent as i64;
        for id in &mut laid.store {
            *id = match policy {
                OutOfRange::Error => id.rem_euclid(e),
                OutOfRange::Wrap => (*id).clamp(-e, e - 1),
                OutOfRange::Drop => *id,
            };
        }
        let index = Index::gather(access.clone(), policy);
        if policy == OutOfRange::Drop && self.random.below(2) == 0 {
            let offset = self.random.below(3) as i64 - 1;
            let coef = [-1, 1, 2][self.random.below(3)];
            let terms = self.any_axis().map(|axis| AffineTerm { coef: 1, axis });
            return (Index::new(offset, terms, vec![IndirectTerm { coef, access, policy }]), extent);
        }
        (index, extent)
    }

    /// A read of a new input with up to `rank` axes.
    fn access(&mut self, depth: usize, rank: usize, share: bool) -> Access<BufferId> {
        let (mut indices, mut shape) = (vec![], vec![]);
        for _ in 0..self.random.below(rank.min(self.rank) + 1) {
            let (index, extent) = self.index(depth);
            indices.push(index);
            shape.push(extent);
        }
        let tensor = self.input(&shape, share);
        Access::new(tensor, indices)
    }

    /// An expression over `factors` integers.
    fn expr(&mut self, factors: usize) -> Expr {
        let mut ops = vec![];
        self.term(factors, 0, &mut ops);
        Expr::new(ops).expect("every function has its arguments")
    }

    /// Adds the operations of one value, an integer.
    fn term(&mut self, factors: usize, depth: usize, ops: &mut Vec<(PointOp, Dtype)>) {
        const FUNCTIONS: [Function; 8] = [
            Function::Neg,
            Function::Abs,
            Function::Sign,
            Function::Add,
            Function::Sub,
            Function::Mul,
            Function::Max,
            Function::Min,
        ];
        let op = match self.random.below(if depth < 4 { 10 } else { 4 }) {
            0 => PointOp::Literal(Literal::Int(self.random.below(7) as i128 - 3)),
            1..=3 if factors > 0 => PointOp::Read(self.random.below(factors) as u32),
            1..=3 => PointOp::Literal(Literal::Int(2)),
            k @ 4..=5 => {
                (0..2).for_each(|_| self.term(factors, depth + 1, ops));
                ops.push((PointOp::Call(Function::Eq), Dtype::Bool));
                if k == 4 {
                    PointOp::Convert
                } else {
                    (0..2).for_each(|_| self.term(factors, depth + 1, ops));
                    PointOp::Call(Function::Where)
                }
            }
            _ => {
                let function = FUNCTIONS[self.random.below(8)];
                (0..function.arity()).for_each(|_| self.term(factors, depth + 1, ops));
                PointOp::Call(function)
            }
        };
        ops.push((op, Dtype::I64));
    }

    fn step(&mut self) -> Step {
        let reads: Vec<_> = (0..self.random.below(4)).map(|_| self.access(0, 3, true)).collect();
        let (mut indices, mut shape) = (vec![], vec![]);
        let affine = self.random.below(3) == 0;
        let mut free: Vec<u32> = (0..self.axes.len() as u32).collect();
        for _ in 0..self.random.below(self.rank + 1) {
            let (index, extent) = match (affine, free.len()) {
                (false, n) if n > 0 => {
                    let axis = free.swap_remove(self.random.below(n));
                    (Index::axis(axis), self.axes[axis as usize].extent)
                }
                _ => self.index(0),
            };
            indices.push(index);
            shape.push(extent);
        }
        let output = self.build.output(Dtype::I64, &shape);
        let expr = if self.random.below(3) == 0 { Some(self.expr(reads.len()).into()) } else { None };
        Step {
            origin: NodeId(0),
            axes: self.axes.clone(),
            reads,
            write: Access::new(output, indices),
            mode: WriteMode::Overwrite,
            algebra: [Algebra::SUM_PRODUCT, Algebra::MAX_PLUS, Algebra::MIN_PLUS][self.random.below(3)],
            form: Form::Nest(expr),
        }
    }
}

trait InputPlace {
    fn place_of_input(&self) -> usize;
}

impl InputPlace for einfold_ir::Buffer {
    fn place_of_input(&self) -> usize {
        match self.storage {
            einfold_ir::Storage::Input(k) => k as usize,
            other => panic!("{other:?} is no input"),
        }
    }
}

/// The indices of a tensor are drawn for one use. A tensor has no second use, because each access has an index tensor of
/// its own.
fn draw(seed: u64) -> Draw {
    let mut draw = Draw::new(seed);
    let mut step = draw.step();
    let product = matches!(step.form, Form::Nest(None));
    let gemm = groups(&step.reads, &step.write, step.axes.len()).filter(|_| product && draw.random.below(3) > 0);
    if let Some(gemm) = gemm {
        step.form = Form::Gemm(gemm);
    }
    if !draw.loops.is_empty() || draw.random.below(4) == 0 {
        let write = step.write.clone();
        let fill = Step {
            axes: vec![],
            reads: vec![],
            write: Access::new(write.tensor, write.indices.iter().map(|_| Index::constant(0))),
            form: Form::Fill,
            ..step.clone()
        };
        draw.build.push(fill);
        step.mode = WriteMode::Accumulate;
    }
    let loops = draw.loops.clone();
    draw.build.region(loops);
    draw.build.push(step);
    draw
}

fn check(seed: u64, scratch: &mut Scratch) {
    let mut draw = draw(seed);
    let tensors: Vec<Tensor> = draw.inputs.iter().map(Laid::tensor).collect();
    let output = draw.build.draft.outputs[0];
    let shape = draw.build.draft.buffer(output).extents.clone();
    let mut out = Laid::new(&mut draw.random, &shape, false);
    let before = out.store.clone();
    let text = format!("seed {seed}: {:#?}", draw.build.draft);
    let plan = draw.build.seal();
    let want = meaning(&plan, &tensors).remove(0);
    let ins: Vec<AnyView<'_>> = draw
        .inputs
        .iter()
        .map(|l| AnyView::from_slice(&l.store, l.offset, &l.shape, &l.strides).expect("inside the store"))
        .collect();
    {
        let view = AnyViewMut::from_slice(&mut out.store, out.offset, &out.shape, &out.strides).expect("strides nest");
        let control = Control { threads: NonZeroUsize::new(1 + seed as usize % 2), ..Control::default() };
        bind(&plan, &ins, &mut [view], &BindOptions::default(), scratch).expect(&text).run(&control).expect(&text);
    }
    assert_eq!(out.tensor(), want, "{text}");
    let mut untouched = out.store.clone();
    out.positions(|p| untouched[out.at(p)] = before[out.at(p)]);
    assert_eq!(untouched, before, "wrote beside the output; {text}");
}

#[test]
fn random_steps_mean_what_they_say() {
    let seeds = std::env::var("EINFOLD_SEEDS").ok().and_then(|s| s.parse().ok()).unwrap_or(3000);
    let mut scratch = Scratch::new();
    (0..seeds).for_each(|seed| check(seed, &mut scratch));
}

#[test]
fn a_stored_position_may_come_from_several_ids() {
    let mut build = Build::new();
    let ids = build.input(Dtype::I64, &[4]);
    let x = build.input(Dtype::I64, &[4]);
    let y = build.output(Dtype::I64, &[7]);
    let read = |coef| IndirectTerm { coef, access: Access::plain(ids, [0]), policy: OutOfRange::Error };
    let write = Index::new(1, [], vec![read(1), read(1)]);
    build.push(Step {
        origin: NodeId(0),
        axes: vec![Axis::new("n", 4)],
        reads: vec![Access::plain(x, [0])],
        write: Access::new(y, vec![write]),
        mode: WriteMode::Overwrite,
        algebra: Algebra::SUM_PRODUCT,
        form: super::support::free(),
    });
    let plan = build.seal();
    let (ids, x, mut y) = ([0i64, 2, 2, 1], [1i64, 10, 100, 1000], [9i64; 7]);
    let view = |data| AnyView::from_slice(data, 0, &[4], &[1]).unwrap();
    super::support::run(&plan, &[view(&ids), view(&x)], &mut [AnyViewMut::from_slice(&mut y, 0, &[7], &[1]).unwrap()]);
    assert_eq!(y, [0, 1, 0, 1000, 0, 110, 0]);
}
