//! Lowers subscripts with checked axes to an [`Ir`].

use super::axes::{Axes, Dims};
use super::errors::LettersErrors;
use crate::ast::Group;
use crate::error::Error;
use crate::span::Span;
use einfold_ir::{
    Access, Algebra, Axis, Contraction, Dtype, Index, Ir, Label, Node, NodeId, RegionId, Shape, TensorType, few,
};
use smallvec::SmallVec;
use smol_str::format_smolstr;
use std::borrow::Cow;

/// A factor: an operand or the result of a group.
struct FactorTensor<'a> {
    tensor: NodeId,
    conj: bool,
    /// The axis of the expression for each dimension.
    dims: Cow<'a, [usize]>,
    shape: Cow<'a, [usize]>,
}

type Factors<'a> = SmallVec<[FactorTensor<'a>; 2]>;

/// The terms that use an axis: the first, the last, and whether the output does.
#[derive(Clone, Copy)]
struct TermUses {
    first: usize,
    last: usize,
    output: bool,
}

/// A node to add.
struct NodeSpec<'a> {
    label: Label,
    items: Factors<'a>,
    /// The axes of the result.
    kept: Dims,
    pinned: bool,
    /// Its span.
    place: Span,
}

/// The iteration space of a node.
struct NodeSpace {
    /// The axes of the expression in it, in the order of their first use.
    order: Dims,
    /// The same axes with their sizes in this node.
    axes: Vec<Axis>,
}

struct Lowering<'a> {
    errors: &'a LettersErrors<'a>,
    axes: &'a Axes,
    labels: SmallVec<[Label; 4]>,
    /// The uses of each axis, if there are groups.
    uses: SmallVec<[TermUses; 4]>,
    algebra: Algebra,
    /// The dtype of sums and products.
    dtype: Dtype,
    ir: Ir,
    /// The number of each axis in the current node.
    local: SmallVec<[Option<u32>; 4]>,
}

/// The module of the expression: one contraction, after one for each group. `dtype` is that of the result.
pub(super) fn lower(errors: &LettersErrors<'_>, axes: &Axes, algebra: Algebra, dtype: Dtype) -> Result<Ir, Error> {
    let mut b = Lowering {
        errors,
        axes,
        labels: SmallVec::new(),
        uses: if errors.s.groups().is_empty() { SmallVec::new() } else { uses(axes) },
        algebra,
        dtype: algebra.accumulator(dtype),
        ir: Ir::new(),
        local: SmallVec::from_elem(None, axes.len()),
    };
    (0..axes.len()).for_each(|axis| b.labels.push(errors.axis_name(axes.label(axis))));
    let items = b.items()?;
    let space = b.space(&items);
    let product = NodeSpec {
        label: "y".into(),
        items,
        kept: Dims::from_slice(&axes.output),
        pinned: false,
        place: errors.output_span(),
    };
    let result = b.contract(product, space, dtype)?;
    let result = if b.ir.node(result).dtype == dtype { result } else { b.round(result, dtype) };
    b.ir.output(result).expect("the result is a node of the top region");
    Ok(b.ir)
}

fn uses(axes: &Axes) -> SmallVec<[TermUses; 4]> {
    let unused = TermUses { first: usize::MAX, last: 0, output: false };
    let mut uses: SmallVec<[TermUses; 4]> = SmallVec::from_elem(unused, axes.len());
    for (operand, dims) in axes.operands.iter().enumerate() {
        for &axis in dims {
            uses[axis] = TermUses { first: uses[axis].first.min(operand), last: operand, output: false };
        }
    }
    for &axis in &axes.output {
        uses[axis].output = true;
    }
    uses
}

/// Whether a tensor of this shape can be addressed. Axes of size 0 do not make up for large ones, as in NumPy and
/// ndarray.
pub(in super::super) fn addressable(shape: &[usize], dtype: Dtype) -> bool {
    let bytes = shape.iter().filter(|&&n| n > 0).try_fold(dtype.size().max(1), |bytes, &n| bytes.checked_mul(n));
    bytes.is_some_and(|bytes| isize::try_from(bytes).is_ok())
}

impl<'a> Lowering<'a> {
    /// The factors of the outermost level; groups become nodes. If the product does not distribute over the sum, a
    /// group would change the result, so groups are ignored.
    fn items(&mut self) -> Result<Factors<'a>, Error> {
        let LettersErrors { s, inputs } = *self.errors;
        let licensed = self.algebra.laws(self.dtype).distributive;
        let mut groups = s.groups().iter().filter(|_| licensed).peekable();
        let mut operands = Factors::new();
        for (operand, input) in inputs.iter().enumerate() {
            operands.push(self.input(operand, input)?);
        }
        if groups.peek().is_none() {
            return Ok(operands);
        }
        // Each open group with the number of items at its start.
        let (mut open, mut items) = (Vec::new(), Factors::new());
        for (operand, item) in operands.into_iter().enumerate() {
            while let Some(group) = groups.next_if(|group| group.terms.start == operand) {
                open.push((group, items.len()));
            }
            items.push(item);
            while let Some((group, start)) = open.pop_if(|(group, _)| group.terms.end == operand + 1) {
                let members = items.drain(start..).collect();
                items.push(self.group(members, group)?);
            }
        }
        Ok(items)
    }

    fn input(&mut self, operand: usize, input: &'a TensorType) -> Result<FactorTensor<'a>, Error> {
        if !addressable(&input.shape, input.dtype) {
            return Err(self.errors.too_large(&input.shape, input.dtype, self.errors.s.terms()[operand].span));
        }
        let label = input.label(operand);
        let tensor = self.ir.input(label, input.dtype, input.shape.as_slice());
        let (dims, shape) = (self.axes.operands[operand].as_slice().into(), input.shape.as_slice().into());
        Ok(FactorTensor { tensor, conj: input.conj, dims, shape })
    }

    /// Contracts the members of a group to the axes that another term or the output has.
    fn group(&mut self, members: Factors<'a>, group: &Group) -> Result<FactorTensor<'a>, Error> {
        let space = self.space(&members);
        let outside = |axis: &usize| {
            let TermUses { first, last, output } = self.uses[*axis];
            output || first < group.terms.start || last >= group.terms.end
        };
        let kept: Dims = space.order.iter().copied().filter(outside).collect();
        let label = format_smolstr!("t{}", self.ir.nodes().len());
        let product = NodeSpec { label, items: members, kept: kept.clone(), pinned: true, place: group.span };
        let tensor = self.contract(product, space, self.dtype)?;
        Ok(FactorTensor {
            tensor,
            conj: false,
            dims: kept.into_vec().into(),
            shape: self.ir.node(tensor).shape.to_vec().into(),
        })
    }

    /// The iteration space of a product. Sets `local` until [`Self::contract`].
    fn space(&mut self, items: &[FactorTensor<'_>]) -> NodeSpace {
        let mut space = NodeSpace { order: Dims::new(), axes: Vec::new() };
        for (&axis, &size) in items.iter().flat_map(|item| item.dims.iter().zip(item.shape.iter())) {
            match self.local[axis] {
                Some(number) if size != 1 => space.axes[number as usize].extent = size,
                Some(_) => {}
                None => {
                    self.local[axis] = Some(space.axes.len() as u32);
                    space.order.push(axis);
                    space.axes.push(Axis::new(self.labels[axis].clone(), size));
                }
            }
        }
        space
    }

    /// Adds the product, summed over the axes that the result lacks; with dtype `result` if it only moves elements.
    fn contract(&mut self, product: NodeSpec<'_>, space: NodeSpace, result: Dtype) -> Result<NodeId, Error> {
        let NodeSpace { order, axes } = space;
        let kept: SmallVec<[u32; 4]> = few(product.kept.iter().map(|&axis| self.local(axis)));
        let shape: Shape = few(kept.iter().map(|&number| axes[number as usize].extent));
        let factors = product.items.iter().map(|item| self.factor(item, &axes)).collect();
        order.iter().for_each(|&axis| self.local[axis] = None);
        let contraction = Contraction {
            axes,
            factors,
            output: few(kept.iter().map(|&axis| Index::axis(axis))),
            expr: None,
            algebra: self.algebra,
            init: None,
            pinned: product.pinned,
        };
        let moves = contraction.is_map() && product.items.len() == 1;
        let dtype = if moves { result } else { self.dtype };
        if !addressable(&shape, dtype) {
            return Err(self.errors.too_large(&shape, dtype, product.place));
        }
        Ok(self.push(product.label, dtype, shape, contraction))
    }

    fn local(&self, axis: usize) -> u32 {
        self.local[axis].expect("an axis that is kept is in some operand")
    }

    /// The access of a factor: along its axes, and at position 0 of a broadcast axis.
    fn factor(&self, item: &FactorTensor<'_>, axes: &[Axis]) -> Access<NodeId> {
        let index = |(&axis, &size): (&usize, &usize)| {
            let number = self.local(axis);
            let broadcast = size == 1 && axes[number as usize].extent != 1;
            if broadcast { Index::constant(0) } else { Index::axis(number) }
        };
        let indices = item.dims.iter().zip(item.shape.iter()).map(index);
        Access { conj: item.conj, ..Access::new(item.tensor, indices) }
    }

    /// Adds the conversion of `tensor` to the dtype of the result.
    fn round(&mut self, tensor: NodeId, dtype: Dtype) -> NodeId {
        let shape = self.ir.node(tensor).shape.clone();
        let axes =
            self.axes.output.iter().zip(&shape).map(|(&axis, &n)| Axis::new(self.labels[axis].clone(), n)).collect();
        let all = 0..shape.len() as u32;
        let contraction = Contraction {
            axes,
            factors: vec![Access::plain(tensor, all.clone())],
            output: all.map(Index::axis).collect(),
            expr: None,
            algebra: self.algebra,
            init: None,
            pinned: false,
        };
        self.push("y".into(), dtype, shape, contraction)
    }

    fn push(&mut self, label: Label, dtype: Dtype, shape: Shape, contraction: Contraction) -> NodeId {
        let def = contraction.into();
        let node = Node { label, dtype, shape, region: RegionId::TOP, def };
        self.ir.push_valid(node)
    }
}
