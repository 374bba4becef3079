//! Binds small products: products of few points, and batches of them. One kernel call computes a product from a table
//! of offsets.

use std::cmp::Reverse;

use einfold_ir::{AffineTerm, AxisNumbers, AxisRef, Factor, Product, ProductStep};
use smallvec::SmallVec;

use super::Binder;
use super::grid::TASK_POINTS;
use super::step::{StepContext, TargetInit};
use crate::bound_program::{BaseAddress, BoundRegion, Grid, ListRange, LoopNest, Op, SmallProduct};
use crate::error::BindError;
use crate::kernels::{Fused, MAX_LIMITED_POINTS, MAX_SMALL_POINTS, MAX_SMALL_TERMS, SmallFn};
use crate::view::{AnyView, AnyViewMut};

/// An axis of a product: its extent, and its strides in the target and in both factors; 0 in a tensor without the axis.
#[derive(Clone, Copy)]
struct ProductAxis {
    extent: usize,
    strides: [isize; 3],
}

impl ProductAxis {
    /// Whether the target has the axis.
    fn is_kept(&self) -> bool {
        self.strides[0] != 0
    }

    /// Whether the target and both factors have the axis: a batch axis.
    fn is_batch(&self) -> bool {
        !self.strides.contains(&0)
    }
}

type ProductAxes = SmallVec<[ProductAxis; 8]>;

impl Binder<'_> {
    /// Appends a step as one kernel call for each product of a batch, if it multiplies two factors of the dtype that it
    /// computes in at positions without indirect terms, and its products are small. Returns whether the step was
    /// appended.
    pub(super) fn small_product(&mut self, context: StepContext<'_>, init: TargetInit) -> Result<bool, BindError> {
        let step = context.step;
        let [a, b] = &step.reads[..] else { return Ok(false) };
        let accesses = [&step.write, a, b];
        let is_product = context.expr.is_none() && context.alpha.is_none() && context.dtype == context.compute;
        if !is_product || context.indirect || matches!(init, TargetInit::WriteBeta(_)) {
            return Ok(false);
        }
        let mut axes: ProductAxes = SmallVec::new();
        step.axes.iter().for_each(|a| axes.push(ProductAxis { extent: a.extent, strides: [0; 3] }));
        for (x, access) in accesses.into_iter().enumerate() {
            for (dim, index) in access.indices.iter().enumerate() {
                let along = self.buffer_stride(access.tensor, dim);
                for AffineTerm { coef, axis } in index.terms() {
                    if let AxisRef::Own(axis) = axis {
                        let stride = &mut axes[*axis as usize].strides[x];
                        *stride = stride.wrapping_add(along.wrapping_mul(*coef as isize));
                    }
                }
            }
        }
        axes.retain(|axis| axis.extent > 1);
        let most = self.most_points();
        let batch = match points(&axes) {
            all if all <= most => ProductAxes::new(),
            _ if !context.coverage.injective => return Ok(false),
            _ => take_batch_axes(&mut axes),
        };
        if points(&axes) > most || terms(&axes) > MAX_SMALL_TERMS || !pays_in_batch(&batch, &axes, context) {
            return Ok(false);
        }
        let Some(fused) = self.fused(step.algebra, context.compute)? else { return Ok(false) };
        if self.load(context, a)?.is_some() || self.load(context, b)?.is_some() {
            return Ok(false);
        }
        if fused.gemm.is_some_and(|gemm| !gemm.allocates) && are_rows_of_vectors(&batch, &axes, context) {
            return self.batched_matrices(context, fused, [&batch, &axes], init);
        }
        let first = self.program.operands.len();
        accesses.iter().for_each(|access| _ = self.push_access(access, context.loops, None));
        let operands = ListRange::since(first, &self.program.operands);
        self.push_small(operands, [&batch, &axes], fused.small, init == TargetInit::Accumulate);
        Ok(true)
    }

    /// Appends the product that is the whole plan as one kernel call, if it has few points and reads its operands
    /// without conversion. The program is the one that [`Binder::small_product`] appends for its step. Returns whether
    /// the product was appended.
    pub(super) fn small_step(
        &mut self,
        step: &ProductStep,
        ins: &[AnyView<'_>],
        outs: &[AnyViewMut<'_>],
    ) -> Result<bool, BindError> {
        let Product { axes, factors, dtype, output, algebra, operands, .. } = &step.product;
        let [first, second] = &factors[..] else { return Ok(false) };
        let is_unconverted = |factor: &Factor| {
            let from = operands[factor.operand as usize].dtype;
            from == *dtype && !(factor.conj && from.is_complex())
        };
        let extent = |&axis: &u8| axes[axis as usize].extent;
        let points = step.axis_order.iter().map(extent).fold(1, usize::saturating_mul);
        let plain = algebra.accumulator(*dtype) == *dtype && factors.iter().all(is_unconverted);
        if points > self.most_points() || !plain {
            return Ok(false);
        }
        let Some(fused) = self.fused(*algebra, *dtype)? else { return Ok(false) };
        let strides = |factor: &Factor| ins[factor.operand as usize].strides();
        let tensors = [(output, outs[0].strides()), (&first.axes, strides(first)), (&second.axes, strides(second))];
        let along = |axis: u8, (numbers, strides): (&AxisNumbers, &[isize])| {
            let held = numbers.iter().zip(strides).filter(|(number, _)| **number == axis);
            held.fold(0isize, |sum, (_, stride)| sum.wrapping_add(*stride))
        };
        let mut product = ProductAxes::new();
        for axis in &step.axis_order {
            let strides = tensors.map(|tensor| along(*axis, tensor));
            product.push(ProductAxis { extent: extent(axis), strides });
        }
        product.retain(|axis| axis.extent > 1);
        if terms(&product) > MAX_SMALL_TERMS {
            return Ok(false);
        }
        let bases =
            [BaseAddress::Output(0)].into_iter().chain(factors.iter().map(|f| BaseAddress::Input(f.operand as usize)));
        bases.for_each(|base| _ = self.push_base(base, &[]));
        let operands = ListRange::since(0, &self.program.operands);
        self.push_small(operands, [&ProductAxes::new(), &product], fused.small, false);
        let (ops, points) = (ListRange::since(0, &self.program.ops), self.program.points);
        let loops = ListRange { start: 0, len: 0 };
        self.program.depths.push(0);
        self.program.regions.push(BoundRegion { loops, ops, partitioned: false, points });
        Ok(true)
    }

    /// The most points of a small product.
    fn most_points(&self) -> usize {
        if self.options.memory.is_some() { MAX_LIMITED_POINTS } else { MAX_SMALL_POINTS }
    }

    /// Appends an operation that calls the kernel for each product of a batch.
    fn push_small(&mut self, operands: ListRange, [batch, axes]: [&ProductAxes; 2], kernel: SmallFn, adds: bool) {
        let (extents, strides) = (self.program.extents.len(), self.program.strides.len());
        for axis in batch {
            self.program.extents.push(axis.extent);
            self.program.strides.extend_from_slice(&axis.strides);
        }
        let extents = ListRange::since(extents, &self.program.extents);
        let loops = LoopNest { operands, kept: batch.len(), reduced: 0, extents, strides };
        let terms = terms(axes);
        let offsets = self.push_offsets(axes, terms);
        let grid = batch_grid(points(batch), points(axes));
        self.program.points = self.program.points.saturating_add(grid.points);
        self.program.ops.push(Op::Small(SmallProduct { loops, grid, kernel, adds, terms, offsets }));
    }

    /// Appends a batch of matrix products as one matrix product in place.
    fn batched_matrices(
        &mut self,
        context: StepContext<'_>,
        fused: Fused,
        axes: [&ProductAxes; 2],
        init: TargetInit,
    ) -> Result<bool, BindError> {
        let mut groups = std::mem::take(&mut self.lists.groups);
        groups.clear();
        for axis in axes.into_iter().flatten() {
            let [c, a, b] = axis.strides;
            groups.of([a != 0, b != 0, c != 0]).push(axis.extent, [a, b, c]);
        }
        let done = self.product_of_groups(context, fused, &mut groups, init);
        self.lists.groups = groups;
        done
    }

    /// Appends the table that a small kernel reads: for each position of the target a row with its offset, then the
    /// offsets of both factors for each of the `terms` terms of its sum. The last axis varies fastest.
    fn push_offsets(&mut self, axes: &[ProductAxis], terms: usize) -> ListRange {
        let strides = &mut self.program.strides;
        let (first, width, rows) = (strides.len(), 1 + 2 * terms, points(axes) / terms);
        strides.resize(first + rows * width, 0);
        let table = &mut strides[first..];
        // The offsets of the factors of each term. At each axis the offsets so far are repeated for its other positions.
        let (mut offsets, mut len) = ([[0isize; 2]; MAX_SMALL_TERMS], 1);
        for axis in axes.iter().rev().filter(|axis| !axis.is_kept()) {
            let ([_, a, b], known) = (axis.strides, len);
            len *= axis.extent;
            for k in known..len {
                let [of_a, of_b] = offsets[k - known];
                offsets[k] = [of_a.wrapping_add(a), of_b.wrapping_add(b)];
            }
        }
        // The offsets of the target and of the first term of each row.
        let mut len = width;
        for axis in axes.iter().rev().filter(|axis| axis.is_kept()) {
            let known = len;
            len *= axis.extent;
            for row in (known..len).step_by(width) {
                for (x, stride) in axis.strides.into_iter().enumerate() {
                    table[row + x] = table[row - known + x].wrapping_add(stride);
                }
            }
        }
        for row in table.chunks_exact_mut(width) {
            let [_, a, b, others @ ..] = row else { continue };
            for (pair, [of_a, of_b]) in others.chunks_exact_mut(2).zip(&offsets[1..]) {
                (pair[0], pair[1]) = (a.wrapping_add(*of_a), b.wrapping_add(*of_b));
            }
        }
        ListRange { start: first, len }
    }
}

/// The number of points of these axes.
fn points<'a>(axes: impl IntoIterator<Item = &'a ProductAxis>) -> usize {
    axes.into_iter().map(|axis| axis.extent).product()
}

/// The number of terms of each sum: the points of the reduced axes.
fn terms(axes: &[ProductAxis]) -> usize {
    points(axes.iter().filter(|axis| !axis.is_kept()))
}

/// Removes the batch axes and returns them, those with large strides in the target first.
fn take_batch_axes(axes: &mut ProductAxes) -> ProductAxes {
    let mut batch = ProductAxes::new();
    axes.retain(|axis| {
        if axis.is_batch() {
            batch.push(*axis);
        }
        !axis.is_batch()
    });
    batch.sort_by_key(|axis| Reverse(axis.strides[0].unsigned_abs()));
    batch
}

/// Whether products with these axes are faster with a kernel call for each than as one nest. A nest is faster if the
/// target is contiguous along a batch axis, or if a product has at most one loop.
fn pays_in_batch(batch: &[ProductAxis], axes: &[ProductAxis], context: StepContext<'_>) -> bool {
    let contiguous = |axis: &ProductAxis| axis.strides[0].unsigned_abs() <= context.compute.size();
    batch.is_empty() || (axes.len() >= 2 && !batch.iter().any(contiguous))
}

/// Whether the products of a batch have one axis for each of m, n and k, and the lanes (m or n) are contiguous in the
/// target and in their factor, and more than two: then a kernel with vectors is faster than a table of offsets.
fn are_rows_of_vectors(batch: &[ProductAxis], axes: &[ProductAxis], context: StepContext<'_>) -> bool {
    const LEAST_LANES: usize = 3;
    let size = context.compute.size() as isize;
    let lanes = |axis: &&ProductAxis| {
        axis.extent >= LEAST_LANES && (axis.strides == [size, 0, size] || axis.strides == [size, size, 0])
    };
    let lacking = |x: usize| axes.iter().filter(|axis| axis.strides[x] == 0).count();
    !batch.is_empty() && (0..3).all(|x| lacking(x) == 1) && axes.len() == 3 && axes.iter().any(|axis| lanes(&axis))
}

/// The grid of a batch: a block is one product.
fn batch_grid(blocks: usize, points: usize) -> Grid {
    Grid {
        block_extents: [1, 1],
        block_counts: [1, 1],
        blocks_per_task: (TASK_POINTS / points.max(1)).max(1),
        blocks,
        points: blocks as u64 * points as u64,
    }
}

#[cfg(test)]
mod tests {
    use einfold_ir::{Algebra, Axis, AxisNumbers, Dtype, Factor, Machine, Plan, Product, TensorType};
    use ndarray::{ArrayD, Axis as Dim};

    use crate::bind::{BindOptions, Scratch, bind};
    use crate::kernels::tests::Rng;
    use crate::view::{AnyView, AnyViewMut};

    fn numbers(rng: &mut Rng, most: usize, axes: usize) -> AxisNumbers {
        (0..rng.below(most)).map(|_| rng.below(axes) as u8).collect()
    }

    /// An array of ones with its axes in any order of memory and any direction.
    fn array(rng: &mut Rng, shape: &[usize]) -> ArrayD<f64> {
        let mut array = ArrayD::ones(shape);
        if rng.below(2) == 0 {
            array = ArrayD::ones(shape.iter().rev().copied().collect::<Vec<_>>()).reversed_axes();
        }
        (0..shape.len()).filter(|_| rng.below(4) == 0).for_each(|axis| array.invert_axis(Dim(axis)));
        array
    }

    /// A random product of two factors with its axes in a random order.
    fn product(rng: &mut Rng) -> Option<Plan> {
        let count = 1 + rng.below(4);
        let axes: Vec<Axis> = (0..count).map(|_| Axis::new("a", [1, 2, 3, 5, 7][rng.below(5)])).collect();
        let (first, second, output) = (numbers(rng, 4, count), numbers(rng, 4, count), numbers(rng, 3, count));
        let operands = [&first, &second].map(|numbers| {
            let shape = numbers.iter().map(|&axis| axes[axis as usize].extent).collect();
            TensorType { name: None, dtype: Dtype::F64, shape, conj: false }
        });
        let turn = rng.below(count);
        let axis_order: AxisNumbers =
            (0..count).map(|k| ((k + turn) % count) as u8).filter(|&k| axes[k as usize].extent > 1).collect();
        let factors = [first, second].into_iter().zip(0..);
        let factors = factors.map(|(axes, operand)| Factor { operand, conj: rng.below(2) == 0, axes }).collect();
        let algebra = [Algebra::SUM_PRODUCT, Algebra::MAX_PLUS][rng.below(2)];
        let (operands, label, dtype) = (operands.into(), "y".into(), Dtype::F64);
        let product = Product { operands, axes, factors, label, dtype, output, algebra };
        Plan::of_product(product, axis_order, &Machine::DEFAULT)
    }

    #[test]
    fn a_product_is_bound_as_its_step() {
        let (mut rng, mut small, mut large) = (Rng::new(7), 0, 0);
        for _ in 0..4000 {
            let Some(plan) = product(&mut rng) else { continue };
            let sealed = Plan::seal((*plan).clone()).unwrap();
            let arrays = [0, 1].map(|operand| array(&mut rng, plan.operand_types().nth(operand).unwrap().1));
            let ins = [AnyView::from(&*arrays[0]), AnyView::from(&*arrays[1])];
            let mut y = array(&mut rng, plan.output_types().next().unwrap().1);
            let memory = Some(1 << 20).filter(|_| rng.below(2) == 0);
            let options = BindOptions { memory, ..BindOptions::default() };
            let mut scratch = Scratch::new();
            let mut program_of = |plan: &Plan| {
                bind(plan, &ins, &mut [AnyViewMut::from(&mut *y)], &options, &mut scratch).unwrap();
                let text = format!("{:?}", scratch.program);
                (text, scratch.program.ops.iter().any(|op| matches!(op, super::Op::Small(_))))
            };
            let (want, is_small) = program_of(&sealed);
            assert_eq!(program_of(&plan).0, want, "{plan:?}");
            *(if is_small { &mut small } else { &mut large }) += 1;
        }
        assert!(small > 800 && large > 20, "{small} {large}");
    }
}
