//! Random modules that no text leads to: affine indices, constants, gathers and scatters with indices out of range, any
//! algebra, contractions with an init. A run gives the value of the reference semantics.

use einfold_ir::Dtype::{self, Bool, F32, F64, I8, I32, I64, U8, U16};
use einfold_ir::{
    Access, Algebra, Axis, AxisRef, BinaryOp, Contraction, Index, Ir, Node, NodeId, OutOfRange, RegionId,
};
use einfold_order::{Budget, Order};
use einfold_plan::{PlanOptions, compile};

use crate::case;
use crate::draw::{Bytes, check};
use crate::layout::hold;
use crate::num::Tensor;
use crate::running::{self, How, blank};
use crate::{meaning, passes};

/// A module under construction, and the values of its inputs.
struct Wild<'a, 'b> {
    bytes: &'a mut Bytes<'b>,
    ir: Ir,
    inputs: Vec<Tensor>,
    axes: Vec<Axis>,
}

impl Wild<'_, '_> {
    fn input(&mut self, dtype: Dtype, shape: &[usize]) -> NodeId {
        let tensor = case::tensor(&mut self.bytes.noise(), dtype, shape, true);
        self.given(tensor)
    }

    fn given(&mut self, tensor: Tensor) -> NodeId {
        let id = self.ir.input(format!("in{}", self.inputs.len()), tensor.dtype, tensor.shape.clone());
        self.inputs.push(tensor);
        id
    }

    fn axis(&mut self) -> u32 {
        self.bytes.below(self.axes.len()) as u32
    }

    /// An index function, and an extent that contains all its positions, apart from indirect terms.
    fn index(&mut self) -> (Index<NodeId>, usize) {
        let axis = self.axis();
        match self.bytes.below(6) {
            0..3 => (Index::axis(axis), self.axes[axis as usize].extent),
            3 => {
                let at = self.bytes.below(3);
                (Index::constant(at as i64), at + 1 + self.bytes.below(2))
            }
            4 => self.window(axis),
            _ => self.by_ids(axis),
        }
    }

    /// One or two axes with coefficients of either sign, shifted so that positions are not negative.
    fn window(&mut self, axis: u32) -> (Index<NodeId>, usize) {
        let coefs = [1, -1, 2, -3, 3];
        let mut terms = vec![(self.bytes.pick(&coefs), AxisRef::Own(axis))];
        let other = self.axis();
        if other != axis {
            terms.push((self.bytes.pick(&coefs), AxisRef::Own(other)));
        }
        let index = Index::<NodeId>::affine(0, terms.iter().copied());
        let extent = |a: AxisRef| if let AxisRef::Own(a) = a { self.axes[a as usize].extent.max(1) } else { 1 };
        let (low, high) = index.range(extent).unwrap();
        (Index::affine(self.bytes.below(3) as i64 - low, terms), (high - low) as usize + 3)
    }

    /// A position read from an index tensor, sometimes one that is dropped or wraps.
    fn by_ids(&mut self, axis: u32) -> (Index<NodeId>, usize) {
        let extent = 1 + self.bytes.below(5);
        let policy = self.bytes.pick(&[OutOfRange::Error, OutOfRange::Drop, OutOfRange::Wrap]);
        let dtype = self.bytes.pick(&[I64, I32, U8, I8, U16]);
        let n = extent as i128;
        let (low, high) = match policy {
            OutOfRange::Error => (0, n - 1),
            OutOfRange::Wrap => (-n, n - 1),
            OutOfRange::Drop => (-2, n + 2),
        };
        let low = if matches!(dtype, U8 | U16) { 0 } else { low };
        let length = self.axes[axis as usize].extent;
        let mut noise = self.bytes.noise();
        let ids = self.given(Tensor::ints(dtype, &[length], (0..length).map(|_| noise.between(low, high))));
        (Index::gather(Access::plain(ids, [axis]), policy), extent)
    }

    fn access(&mut self, dtype: Dtype) -> Access<NodeId> {
        let rank = self.bytes.below(4);
        let (indices, shape): (Vec<_>, Vec<usize>) = (0..rank).map(|_| self.index()).unzip();
        Access::new(self.input(dtype, &shape), indices)
    }
}

/// An algebra with kernels for the dtype.
fn algebra(bytes: &mut Bytes<'_>, dtype: Dtype) -> Algebra {
    let (add, mul) = match dtype {
        Bool => bytes.pick(&[(BinaryOp::Add, BinaryOp::Mul), (BinaryOp::Or, BinaryOp::And)]),
        U8 | I8 => (BinaryOp::Add, BinaryOp::Mul),
        _ => bytes.pick(&[
            (BinaryOp::Add, BinaryOp::Mul),
            (BinaryOp::Add, BinaryOp::Mul),
            (BinaryOp::Max, BinaryOp::Add),
            (BinaryOp::Min, BinaryOp::Add),
            (BinaryOp::Max, BinaryOp::Mul),
            (BinaryOp::Min, BinaryOp::Mul),
            (BinaryOp::Max, BinaryOp::Min),
        ]),
    };
    Algebra::Builtin { add, mul }
}

/// A module of one contraction, optionally with an identity or an earlier contraction as init.
pub(crate) fn wild(bytes: &mut Bytes<'_>) -> (Ir, Vec<Tensor>) {
    let dtype = bytes.pick(&[F64, F32, I32, I64, U8, I8, Bool]);
    let count = 1 + bytes.below(4);
    let axes = (0..count).map(|k| Axis::new(format!("a{k}"), bytes.pick(&[3, 2, 4, 5, 1, 7, 0]))).collect();
    let mut wild = Wild { bytes, ir: Ir::new(), inputs: Vec::new(), axes };
    let algebra = algebra(wild.bytes, dtype);
    let rank = wild.bytes.below(4);
    let (output, shape): (Vec<_>, Vec<usize>) = (0..rank).map(|_| wild.index()).unzip();
    let factors = 1 + wild.bytes.below(3);
    let mut factors: Vec<_> = (0..factors).map(|_| wild.access(dtype)).collect();
    let mut init = None;
    for _ in 0..1 + wild.bytes.below(2) {
        let c = Contraction {
            axes: wild.axes.clone(),
            factors: factors.clone(),
            output: output.clone().into(),
            expr: None,
            algebra,
            init,
            pinned: false,
        };
        let node =
            Node { label: "y".into(), dtype, shape: shape.as_slice().into(), region: RegionId::TOP, def: c.into() };
        init = Some(wild.ir.push(node).unwrap());
        factors = vec![wild.access(dtype)];
    }
    init.into_iter().for_each(|id| wild.ir.output(id).unwrap());
    (wild.ir, wild.inputs)
}

/// Plans and runs a random module with random options.
pub(crate) fn check_wild(bytes: &mut Bytes<'_>) -> Result<(), String> {
    let (ir, inputs) = wild(bytes);
    let want = meaning::evaluate(&ir, &inputs).remove(0);
    let options = PlanOptions { passes: passes::choice(bytes), ..PlanOptions::default() };
    let compiled = compile(&ir, &Order::default(), &Budget::default(), &options);
    let plan = compiled.map_err(|e| format!("{ir}\n{e}"))?.plan;
    let arrays: Vec<_> = inputs.iter().map(|t| hold(t, &case::layout(bytes, &t.shape, false))).collect();
    let (mut outputs, how) = (blank(&plan), How::draw(bytes));
    running::run(&plan, &arrays, &mut outputs, &how).map_err(|e| format!("{ir}\n{e}\n{inputs:?}"))?;
    let difference = outputs[0].tensor().differs(&want, 0.0);
    difference.map_or(Ok(()), |d| Err(format!("{ir}\n{d}\n{how:?}\n{inputs:?}\n{plan:#?}")))
}

#[test]
fn a_run_gives_what_the_ir_means() {
    check(10_000, check_wild);
}
