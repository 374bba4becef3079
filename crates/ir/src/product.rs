//! A product of one or two operands along plain axes, and its plan of one step.

use smallvec::SmallVec;

use crate::access::{Access, Axis, Index, Indices, Label, Shape, few};
use crate::algebra::Algebra;
use crate::dtype::Dtype;
use crate::id_vec::IdVec;
use crate::machine::Machine;
use crate::module::{NodeId, TensorType};
use crate::plan::{Buffer, BufferId, Draft, Form, Layout, Plan, Region, Step, Storage, WriteMode};
use crate::verify::{check_operations, verify_steps};

/// A product of one or two operands along plain axes, summed over the axes that the result lacks.
#[derive(Debug)]
pub struct Product<'a> {
    /// The operands. Each is a factor once, twice or never.
    pub operands: &'a [TensorType],
    /// The iteration space, at most [`Product::MOST_AXES`] axes in any order.
    pub axes: Vec<Axis>,
    /// The first factor.
    pub first: Factor,
    /// The second factor; without it the product is a sum or a copy of the first.
    pub second: Option<Factor>,
    /// The name of the result.
    pub label: Label,
    /// The dtype of the result, in which all values are computed.
    pub dtype: Dtype,
    /// The axis of each axis of the result.
    pub output: AxisNumbers,
    /// ⊕ and ⊗.
    pub algebra: Algebra,
}

/// A factor of a [`Product`].
#[derive(Clone, Copy, Debug)]
pub struct Factor {
    /// The position of the operand.
    pub operand: u32,
    /// Whether each element is conjugated when it is read.
    pub conj: bool,
    /// The axis of each axis of the operand.
    pub axes: AxisNumbers,
}

/// For each axis of a tensor an axis of the product, or [`AxisNumbers::NONE`].
#[derive(Clone, Copy, Debug, Default)]
pub struct AxisNumbers {
    len: u8,
    numbers: [u8; AxisNumbers::MOST],
}

impl AxisNumbers {
    /// The most axes of a tensor.
    pub const MOST: usize = 31;
    /// The number that stands for position 0 of an axis.
    pub const NONE: u8 = u8::MAX;

    /// Adds the number of the next axis; `None` if there are too many.
    #[inline]
    pub fn push(&mut self, number: u8) -> Option<()> {
        *self.numbers.get_mut(self.len as usize)? = number;
        self.len += 1;
        Some(())
    }

    /// The numbers.
    #[inline]
    pub fn as_slice(&self) -> &[u8] {
        &self.numbers[..self.len as usize]
    }
}

impl Product<'_> {
    /// The most axes.
    pub const MOST_AXES: usize = 32;

    /// The draft of one step with the axes `space`, in this order. The other axes have extent 1, and their index
    /// functions are 0. `None` if the product does not have these axes, the shapes of the operands, or dtypes that
    /// convert.
    #[inline]
    pub fn into_draft(self, space: &[u8], machine: &Machine) -> Option<Draft> {
        let Product { operands, mut axes, first, second, label, dtype, output, algebra } = self;
        let extents: Shape = few(output.as_slice().iter().map(|&axis| axes.get(axis as usize).map_or(0, |a| a.extent)));
        let places = arrange(&mut axes, space)?;
        let access = |tensor, numbers: &AxisNumbers, shape: &[usize], conj| {
            let mut indices = Indices::new();
            for (&axis, &extent) in numbers.as_slice().iter().zip(shape) {
                let place = places.get(axis as usize).map_or(usize::MAX, |&place| place.into());
                let plain = |axis: &Axis| (Index::axis(place as u32), axis.extent == extent);
                let (index, inside) = axes.get(place).map_or((Index::constant(0), extent > 0), plain);
                (inside && isize::try_from(extent).is_ok()).then(|| indices.push(index))?;
            }
            (indices.len() == shape.len()).then_some(Access { tensor: BufferId(tensor), indices, conj })
        };
        let buffer =
            |label, dtype, extents, storage| Buffer { label, dtype, extents, storage, layout: Layout::RowMajor };
        let (mut buffers, mut reads) = (IdVec::with_capacity(operands.len() + 1), Vec::with_capacity(2));
        for (k, operand) in operands.iter().enumerate() {
            let extents = Shape::from_slice(&operand.shape);
            buffers.push(buffer(operand.label(k), operand.dtype, extents, Storage::Input(k as u32)));
        }
        for Factor { operand, conj, axes } in [Some(first), second].into_iter().flatten() {
            reads.push(access(operand, &axes, &operands.get(operand as usize)?.shape, conj)?);
        }
        let result = operands.len() as u32;
        let write = access(result, &output, &extents, false)?;
        buffers.push(buffer(label, dtype, extents, Storage::Output(0)));
        let (origin, mode, form) = (NodeId(result), WriteMode::Overwrite, Form::Nest(None));
        let steps = vec![Step { origin, axes, reads, write, mode, algebra, form }];
        let regions = SmallVec::from_buf([Region { loops: Vec::new(), steps, partitions: None }]);
        let (inputs, outputs) = (few((0..result).map(BufferId)), few([BufferId(result)]));
        let draft = Draft { buffers, regions, inputs, outputs, scratch: 0, machine: *machine };
        check_operations(&draft, &draft.regions[0].steps[0]).ok()?;
        draft.buffer(BufferId(result)).bytes()?;
        Some(draft)
    }

    /// The plan of [`into_draft`](Product::into_draft), which has the invariants of a plan by construction.
    pub fn into_plan(self, space: &[u8], machine: &Machine) -> Option<Plan> {
        let draft = self.into_draft(space, machine)?;
        debug_assert_eq!(verify_steps(&draft).map(drop), Ok(()));
        Some(Plan::checked(draft, IdVec::default()))
    }
}

/// Makes the axes those of `space`, in this order. Returns the new position of each axis: those that are not in `space`
/// are after the others. `None` if `space` repeats an axis or if one that it lacks is not of extent 1.
fn arrange(axes: &mut Vec<Axis>, space: &[u8]) -> Option<[u8; Product::MOST_AXES]> {
    // For each axis its position in the list, and for each position its axis.
    let mut places: [u8; Product::MOST_AXES] = std::array::from_fn(|k| k as u8);
    let (mut order, count) = (places, axes.len());
    for (to, &axis) in space.iter().enumerate() {
        let from = *places.get(axis as usize).filter(|&&from| (to..count).contains(&from.into()))?;
        axes.swap(to, from as usize);
        order.swap(to, from as usize);
        places[order[from as usize] as usize] = from;
        places[axis as usize] = to as u8;
    }
    axes.drain(space.len()..).all(|axis| axis.extent == 1).then_some(places)
}

#[cfg(test)]
mod tests {
    use super::{AxisNumbers, Factor, Product};
    use crate::access::{Axis, Shape, few};
    use crate::plan::Plan;
    use crate::{Algebra, Dtype, Machine, TensorType};

    /// A generator of small numbers.
    struct Noise(u32);

    impl Noise {
        fn below(&mut self, bound: u32) -> u32 {
            self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (self.0 >> 12) % bound
        }

        fn numbers(&mut self, axes: u32) -> AxisNumbers {
            let mut numbers = AxisNumbers::default();
            for _ in 0..self.below(4) {
                let number = if self.below(12) == 0 { AxisNumbers::NONE } else { self.below(axes + 1) as u8 };
                numbers.push(number).unwrap();
            }
            numbers
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
            let (mut operands, mut factors) = (Vec::new(), [None; 2]);
            for (operand, factor) in (0..1 + noise.below(2)).zip(&mut factors) {
                let numbers = noise.numbers(count);
                let shape: Shape = few(numbers.as_slice().iter().map(|axis| extent(&mut noise, axis)));
                let dtype = dtypes[noise.below(6) as usize];
                operands.push(TensorType { name: None, dtype, shape, conj: false });
                let operand = if noise.below(20) == 0 { noise.below(3) } else { operand };
                *factor = Some(Factor { operand, conj: noise.below(2) == 0, axes: numbers });
            }
            let [Some(first), second] = factors else { continue };
            let (output, dtype) = (noise.numbers(count), dtypes[noise.below(6) as usize]);
            let algebra = [Algebra::SUM_PRODUCT, Algebra::MAX_PLUS][noise.below(2) as usize];
            let mut space: Vec<u8> = (0..count as u8).filter(|&k| axes[k as usize].extent != 1).collect();
            (0..space.len()).for_each(|k| space.swap(k, noise.below(k as u32 + 1) as usize));
            if noise.below(10) == 0 {
                space.push(noise.below(count + 2) as u8);
            }
            let label = "y".into();
            let product = Product { operands: &operands, axes, first, second, label, dtype, output, algebra };
            let shown = format!("{product:?} {space:?}");
            if let Some(draft) = product.into_draft(&space, &Machine::DEFAULT) {
                accepted += 1;
                assert!(Plan::seal(draft).is_ok(), "{shown}");
            }
        }
        assert!(accepted > 1000, "{accepted}");
    }
}
