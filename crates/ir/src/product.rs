//! A product of one or two operands along plain axes, and its plan of one step.

use std::sync::Arc;

use smallvec::SmallVec;

use crate::access::{Access, Axis, AxisSet, Index, Label, Shape, few};
use crate::algebra::Algebra;
use crate::draft::{ALIGN, Buffer, BufferId, Draft, Form, Layout, Region, Step, Storage, WriteMode, dense_bytes};
use crate::dtype::Dtype;
use crate::id_vec::IdVec;
use crate::machine::Machine;
use crate::module::{NodeId, TensorType, check_dtypes};
use crate::verify::verify_steps;

/// A product of one or two operands along plain axes, summed over the axes that the result lacks.
#[derive(Debug)]
pub struct Product {
    /// The operands. A product may have an operand as one factor, as both or as none.
    pub operands: Arc<[TensorType]>,
    /// The iteration space, at most [`Product::MOST_AXES`] axes in any order.
    pub axes: Vec<Axis>,
    /// One or two factors; with one the product is a sum or a copy.
    pub factors: SmallVec<[Factor; 2]>,
    /// The name of the result.
    pub label: Label,
    /// The dtype of the result.
    pub dtype: Dtype,
    /// For each axis of the result, its axis in the iteration space.
    pub output: AxisNumbers,
    /// The algebra: ⊕ over the reduced axes, ⊗ between the factors.
    pub algebra: Algebra,
}

/// A factor of a [`Product`].
#[derive(Clone, Debug)]
pub struct Factor {
    /// The number of the operand in [`Product::operands`].
    pub operand: u32,
    /// Whether each element is conjugated when it is read.
    pub conj: bool,
    /// For each axis of the operand, its axis in the iteration space, or [`Product::NO_AXIS`].
    pub axes: AxisNumbers,
}

/// Axes of a product, as numbers in [`Product::axes`]: of a tensor, with [`Product::NO_AXIS`] for an axis whose index
/// function is 0, or of a step.
pub type AxisNumbers = SmallVec<[u8; 16]>;

/// A product with the order of its axes: the one step of a plan.
#[derive(Debug)]
pub struct ProductStep {
    /// The product.
    pub product: Product,
    /// The axes of the step, in order: all axes of the product, in which those of extent 1 may be missing.
    pub axis_order: AxisNumbers,
    /// The extents of the result.
    pub extents: Shape,
    /// The bytes of the result.
    pub bytes: usize,
    /// The machine that the plan is made for.
    pub machine: Machine,
}

impl Product {
    /// The most axes of a product.
    pub const MOST_AXES: usize = 16;
    /// The number for an axis of a tensor whose index function is 0.
    pub const NO_AXIS: u8 = u8::MAX;

    /// The axis with this number; `None` for [`Product::NO_AXIS`].
    fn axis(&self, number: u8) -> Option<&Axis> {
        self.axes.get(number as usize)
    }

    /// The step of [`Plan::of_product`](crate::Plan::of_product). Inlined, so that the step is not moved in memory.
    #[inline(always)]
    pub(crate) fn into_step(self, axis_order: AxisNumbers, machine: &Machine) -> Option<ProductStep> {
        let (extents, bytes) = self.check(&axis_order)?;
        Some(ProductStep { product: self, axis_order, extents, bytes, machine: *machine })
    }

    /// Checks the conditions of [`Plan::of_product`](crate::Plan::of_product). Returns the extents and the bytes of the
    /// result.
    fn check(&self, axis_order: &[u8]) -> Option<(Shape, usize)> {
        let counted = 1..=isize::MAX as usize;
        let (mut looped, mut written) = (AxisSet::default(), AxisSet::default());
        let is_looped = |&number: &u8| (number as usize) < self.axes.len() && looped.insert(number.into());
        let output = &self.output;
        let extents: Shape = few(output.iter().map(|&number| self.axis(number).map_or(0, |axis| axis.extent)));
        let is_whole = output.iter().all(|&number| written.insert(number.into())) && !extents.contains(&0);
        if !axis_order.iter().all(is_looped) || !is_whole {
            return None;
        }
        let fits =
            |(number, axis): (u32, &Axis)| counted.contains(&axis.extent) && (axis.extent == 1 || looped.has(number));
        (0..).zip(&self.axes).all(fits).then_some(())?;
        let mut dtypes: SmallVec<[Dtype; 2]> = SmallVec::new();
        for Factor { operand, axes, .. } in &self.factors {
            let operand = self.operands.get(*operand as usize)?;
            let fits = |(&number, extent): (&u8, &usize)| match self.axis(number) {
                Some(axis) => axis.extent == *extent,
                None => counted.contains(extent),
            };
            dtypes.push(operand.dtype);
            (axes.len() == operand.shape.len() && axes.iter().zip(&operand.shape).all(fits)).then_some(())?;
        }
        let is_map = output.len() == axis_order.len() && axis_order.iter().all(|number| output.contains(number));
        check_dtypes(&dtypes, None, &self.algebra, self.dtype, is_map).ok()?;
        let aligned = dtypes.iter().chain([&self.dtype]).all(|dtype| dtype.align() <= ALIGN);
        dense_bytes(self.dtype, &extents).filter(|_| aligned).map(|bytes| (extents, bytes))
    }
}

impl ProductStep {
    /// The draft of a plan with this step.
    pub fn draft(&self) -> Draft {
        let Product { operands, axes, factors, label, dtype, output, algebra, .. } = &self.product;
        let own_axis = |axis: &u8| self.axis_order.iter().position(|a| a == axis).map(|k| Index::axis(k as u32));
        let access = |tensor, axes: &AxisNumbers, conj| {
            let indices = few(axes.iter().map(|axis| own_axis(axis).unwrap_or(Index::constant(0))));
            Access { tensor: BufferId(tensor), indices, conj }
        };
        let buffer = |label, dtype, extents: &[usize], storage| {
            let (extents, layout) = (extents.into(), Layout::RowMajor);
            Buffer { label, dtype, extents, storage, layout }
        };
        let mut buffers: IdVec<BufferId, _, 0> = IdVec::with_capacity(operands.len() + 1);
        for (k, operand) in operands.iter().enumerate() {
            buffers.push(buffer(operand.label(k), operand.dtype, &operand.shape, Storage::Input(k as u32)));
        }
        let result = buffers.push(buffer(label.clone(), *dtype, &self.extents, Storage::Output(0)));
        let axes = self.axis_order.iter().map(|&axis| axes[axis as usize].clone()).collect();
        let reads = factors.iter().map(|factor| access(factor.operand, &factor.axes, factor.conj)).collect();
        let (origin, write, mode) = (NodeId(result.0), access(result.0, output, false), WriteMode::Overwrite);
        let steps = vec![Step { origin, axes, reads, write, mode, algebra: *algebra, form: Form::Nest(None) }];
        let regions = SmallVec::from_buf([Region { loops: Vec::new(), steps, partitions: None }]);
        let (inputs, outputs) = (few((0..result.0).map(BufferId)), few([result]));
        let draft = Draft { buffers, regions, inputs, outputs, scratch: 0, machine: self.machine };
        debug_assert_eq!(verify_steps(&draft).map(drop), Ok(()));
        draft
    }
}

#[cfg(test)]
mod tests {
    use smallvec::SmallVec;

    use super::{AxisNumbers, Factor, Product};
    use crate::access::{Axis, Shape, few};
    use crate::{Algebra, Dtype, Machine, Plan, TensorType};

    /// A generator of small numbers.
    struct Noise(u32);

    impl Noise {
        fn below(&mut self, bound: u32) -> u32 {
            self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (self.0 >> 12) % bound
        }

        fn numbers(&mut self, axes: u32) -> AxisNumbers {
            let number = |noise: &mut Noise| match noise.below(12) {
                0 => Product::NO_AXIS,
                _ => noise.below(axes + 1) as u8,
            };
            (0..self.below(4)).map(|_| number(self)).collect()
        }
    }

    #[test]
    fn what_is_accepted_can_be_sealed() {
        let (mut noise, mut accepted) = (Noise(3), 0);
        let dtypes = [Dtype::F64, Dtype::F64, Dtype::F32, Dtype::Bool, Dtype::F16, Dtype::C64];
        for _ in 0..40_000 {
            let count = 1 + noise.below(4);
            let axes: Vec<Axis> =
                (0..count).map(|_| Axis::new("a", [0, 1, 1, 2, 2, usize::MAX][noise.below(6) as usize])).collect();
            let extent = |noise: &mut Noise, &axis: &u8| match axes.get(axis as usize) {
                Some(axis) if noise.below(30) > 0 => axis.extent,
                _ => noise.below(3) as usize,
            };
            let (mut operands, mut factors) = (Vec::new(), SmallVec::new());
            for operand in 0..1 + noise.below(2) {
                let numbers = noise.numbers(count);
                let shape: Shape = few(numbers.iter().map(|axis| extent(&mut noise, axis)));
                let dtype = dtypes[noise.below(6) as usize];
                operands.push(TensorType { name: None, dtype, shape, conj: false });
                let operand = if noise.below(20) == 0 { noise.below(3) } else { operand };
                factors.push(Factor { operand, conj: noise.below(2) == 0, axes: numbers });
            }
            let (output, dtype) = (noise.numbers(count), dtypes[noise.below(6) as usize]);
            let algebra = [Algebra::SUM_PRODUCT, Algebra::MAX_PLUS][noise.below(2) as usize];
            let mut axis_order: AxisNumbers = (0..count as u8).filter(|&k| axes[k as usize].extent != 1).collect();
            (0..axis_order.len()).for_each(|k| axis_order.swap(k, noise.below(k as u32 + 1) as usize));
            if noise.below(10) == 0 {
                axis_order.push(noise.below(count + 2) as u8);
            }
            let (operands, label) = (operands.into(), "y".into());
            let repeats = (1..output.len()).any(|k| output[..k].contains(&output[k]));
            let product = Product { operands, axes, factors, label, dtype, output, algebra };
            if let Some(direct) = Plan::of_product(product, axis_order, &Machine::DEFAULT) {
                accepted += 1;
                assert!(!repeats, "{direct:?}");
                let plan = Plan::seal((*direct).clone()).unwrap_or_else(|violation| panic!("{violation} {direct:?}"));
                assert_eq!(*plan, *direct);
                assert!(
                    plan.operand_types().eq(direct.operand_types()) && plan.output_types().eq(direct.output_types())
                );
            }
        }
        assert!(accepted > 1000, "{accepted}");
    }
}
