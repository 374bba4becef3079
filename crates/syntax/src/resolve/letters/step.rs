//! Lowers subscripts of one step to a draft, without a module.

use super::axes::Axes;
use super::errors::LettersErrors;
use super::lower::{addressable, operand_label};
use einfold_ir::{
    Access, Algebra, Axis, Buffer, BufferId, Draft, Dtype, Form, IdVec, Index, Layout, Machine, NodeId, Region, Shape,
    Step, Storage, WriteMode, few,
};
use smallvec::SmallVec;

/// The draft of the contraction that [`lower`](super::lower::lower) makes of the same subscripts; `None` if that returns an error or makes
/// several nodes, other than for groups.
pub(super) fn lower_to_step(errors: &LettersErrors<'_>, axes: &Axes, algebra: Algebra, dtype: Dtype) -> Option<Draft> {
    let (inputs, rank) = (errors.inputs, axes.len());
    // The number of each axis in the order of first use.
    let mut numbers: SmallVec<[Option<u32>; 8]> = SmallVec::from_elem(None, rank);
    let mut space: Vec<Axis> = Vec::with_capacity(rank);
    for (dims, input) in axes.operands.iter().zip(inputs) {
        for (&axis, &size) in dims.iter().zip(&input.shape) {
            match numbers[axis] {
                Some(number) if size != 1 => space[number as usize].extent = size,
                Some(_) => {}
                None => {
                    numbers[axis] = Some(space.len() as u32);
                    space.push(Axis::new(errors.axis_name(axes.label(axis)), size));
                }
            }
        }
    }
    let number = |axis: usize| numbers[axis].unwrap_or_default();
    let extents: Shape = few(axes.output.iter().map(|&axis| space[number(axis) as usize].extent));
    // A copy of one operand has no sums; other results of 16 bits are rounded in a node of their own.
    let moves = inputs.len() == 1 && extents.len() == space.len();
    let fits = addressable(&extents, dtype) && inputs.iter().all(|input| addressable(&input.shape, input.dtype));
    if !fits || !(moves || algebra.accumulator(dtype) == dtype) {
        return None;
    }
    let result = BufferId(inputs.len() as u32);
    let buffer = |label, dtype, extents, storage| Buffer { label, dtype, extents, storage, layout: Layout::RowMajor };
    let mut buffers = IdVec::with_capacity(inputs.len() + 1);
    let mut reads = Vec::with_capacity(inputs.len());
    for (operand, (dims, input)) in axes.operands.iter().zip(inputs).enumerate() {
        let label = operand_label(operand, input);
        let id = buffers.push(buffer(label, input.dtype, input.shape.clone(), Storage::Input(operand as u32)));
        let index = |(&axis, &size): (&usize, &usize)| {
            let number = number(axis);
            let broadcast = size == 1 && space[number as usize].extent != 1;
            if broadcast { Index::constant(0) } else { Index::axis(number) }
        };
        reads.push(Access { conj: input.conj, ..Access::new(id, dims.iter().zip(&input.shape).map(index)) });
    }
    buffers.push(buffer("y".into(), dtype, extents, Storage::Output(0)));
    let write = Access::plain(result, axes.output.iter().map(|&axis| number(axis)));
    let (origin, mode, form) = (NodeId(result.0), WriteMode::Overwrite, Form::Nest(None));
    let steps = vec![Step { origin, axes: space, reads, write, mode, algebra, form }];
    Some(Draft {
        buffers,
        regions: few([Region { loops: Vec::new(), steps, partitions: None }]),
        inputs: few((0..result.0).map(BufferId)),
        outputs: few([result]),
        scratch: 0,
        machine: Machine::DEFAULT,
    })
}
