//! Lowers subscripts of one step to a draft, without a module.

use super::Options;
use super::lower::{addressable, operand_label};
use crate::ast::Subscripts;
use einfold_ir::{
    Access, Axis, Buffer, BufferId, Draft, Dtype, Form, IdVec, Index, Indices, Layout, Machine, NodeId, Region, Shape,
    Step, Storage, TensorType, WriteMode, few,
};
use smallvec::SmallVec;

/// The most axes of a step: the number of a label is searched among all of them.
const MOST_AXES: usize = 32;

/// The axes of a step: the distinct labels in the order of first use.
struct Axes {
    labels: SmallVec<[u32; 8]>,
    axes: Vec<Axis>,
    /// How often the operands use each axis.
    uses: SmallVec<[u32; 8]>,
}

impl Axes {
    fn number(&self, label: u32) -> Option<usize> {
        self.labels.iter().position(|&other| other == label)
    }

    /// The index of a use of `label` along an axis of this size; `None` if another use has another size.
    fn index(&mut self, s: &Subscripts, label: u32, size: usize) -> Option<Index<BufferId>> {
        let number = self.number(label).unwrap_or(self.axes.len());
        if number == self.axes.len() {
            self.labels.push(label);
            self.uses.push(0);
            self.axes.push(Axis::new(s.name(label).label(), size));
        }
        self.uses[number] += 1;
        (self.axes[number].extent == size && number < MOST_AXES).then(|| Index::axis(number as u32))
    }

    /// The axes of the output of `s`.
    fn output(&self, s: &Subscripts) -> Option<SmallVec<[usize; 4]>> {
        if let Some(output) = s.output() {
            let numbers = s.labels(&output.term).iter().filter_map(|label| self.number(label.id));
            return output.term.ellipsis.is_none().then(|| few(numbers));
        }
        let mut once: SmallVec<[usize; 4]> = few((0..self.axes.len()).filter(|&axis| self.uses[axis] == 1));
        once.sort_unstable_by_key(|&axis| self.labels[axis]);
        Some(once)
    }
}

/// The draft of the contraction that the module of the same subscripts has; `None` if the module has another node or
/// axes that broadcast, or is an error.
pub(in super::super) fn lower_to_step(s: &Subscripts, inputs: &[TensorType], options: &Options) -> Option<Draft> {
    if inputs.len() != s.terms().len() || inputs.len() > 2 || !s.groups().is_empty() {
        return None;
    }
    let dtypes: SmallVec<[Dtype; 2]> = few(inputs.iter().map(|input| input.dtype));
    let (algebra, dtype) = (options.algebra, options.in_accumulator(&dtypes, Dtype::promote(&dtypes)?).ok()?);
    let buffer = |label, dtype, extents, storage| Buffer { label, dtype, extents, storage, layout: Layout::RowMajor };
    let (mut buffers, mut reads) = (IdVec::with_capacity(inputs.len() + 1), Vec::with_capacity(inputs.len()));
    let space = Vec::with_capacity(s.input_labels().len().min(MOST_AXES));
    let mut axes = Axes { labels: SmallVec::new(), axes: space, uses: SmallVec::new() };
    for (k, (term, input)) in s.terms().iter().zip(inputs).enumerate() {
        let labels = s.labels(term);
        if term.ellipsis.is_some() || labels.len() != input.shape.len() || !addressable(&input.shape, input.dtype) {
            return None;
        }
        let mut indices = Indices::new();
        for (label, &size) in labels.iter().zip(&input.shape) {
            indices.push(axes.index(s, label.id, size)?);
        }
        let (label, extents) = (operand_label(k, input), Shape::from_slice(&input.shape));
        let tensor = buffers.push(buffer(label, input.dtype, extents, Storage::Input(k as u32)));
        reads.push(Access { tensor, indices, conj: input.conj });
    }
    let output = axes.output(s)?;
    let extents: Shape = few(output.iter().map(|&axis| axes.axes[axis].extent));
    // A copy of one operand has no sums; other results of 16 bits are rounded in a node of their own.
    let is_one_node = algebra.accumulator(dtype) == dtype || (inputs.len() == 1 && output.len() == axes.axes.len());
    if !is_one_node || !algebra.accepts(dtype) || !addressable(&extents, dtype) {
        return None;
    }
    let result = buffers.push(buffer("y".into(), dtype, extents, Storage::Output(0)));
    let write = Access::plain(result, output.iter().map(|&axis| axis as u32));
    let (origin, mode, form) = (NodeId(result.0), WriteMode::Overwrite, Form::Nest(None));
    let steps = vec![Step { origin, axes: axes.axes, reads, write, mode, algebra, form }];
    Some(Draft {
        buffers,
        regions: few([Region { loops: Vec::new(), steps, partitions: None }]),
        inputs: few((0..result.0).map(BufferId)),
        outputs: few([result]),
        scratch: 0,
        machine: Machine::DEFAULT,
    })
}
