//! The desugared statement: `...` is expanded, axes and tensors are numbered, constant expressions are evaluated.

use crate::ast::{Assign, Sign};
use crate::span::Span;
use einfold_ir::{Dtype, Function, Label, Literal, NodeId, Shape};

/// A tensor that statements read: an input or a defined name.
#[derive(Clone, Debug)]
pub(super) struct Tensor {
    pub(super) name: Label,
    /// Its name in errors: the name in programs, `operand 2` in named subscripts.
    pub(super) shown: String,
    pub(super) dtype: Dtype,
    pub(super) shape: Shape,
    pub(super) conj: bool,
    pub(super) node: NodeId,
}

/// A contribution to a tensor: one statement, or named subscripts.
#[derive(Debug)]
pub(super) struct Contribution {
    pub(super) span: Span,
    pub(super) assign: Assign,
    pub(super) operator: Span,
    /// The axes of the iteration space: those of the left side, then the others, in order of first use.
    pub(super) axes: Vec<AxisName>,
    pub(super) left: Vec<LeftIndexForm>,
    /// The elements that the right side reads, in order.
    pub(super) reads: Vec<TensorRead>,
    pub(super) right: HirExpr,
    /// The sizes after `for` and, in named subscripts, those that the caller gives.
    pub(super) given: Vec<GivenSize>,
}

#[derive(Debug)]
pub(super) struct AxisName {
    /// The name; for an axis of an ellipsis, `...` and a number.
    pub(super) label: Label,
    /// The span of the first use.
    pub(super) span: Span,
}

/// An index of the left side.
#[derive(Debug)]
pub(super) struct LeftIndexForm {
    pub(super) index: IndexForm,
    pub(super) span: Span,
    /// The size after `:` and its span.
    pub(super) declared: Option<(usize, Span)>,
}

#[derive(Debug)]
pub(super) struct GivenSize {
    pub(super) axis: usize,
    pub(super) size: usize,
    pub(super) span: Span,
}

/// A read of an element.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct TensorRead {
    /// The number of the tensor.
    pub(super) tensor: usize,
    pub(super) span: Span,
    /// One index for each axis of the tensor, with its span.
    pub(super) dims: Vec<(IndexForm, Span)>,
}

/// An index over the axes of the statement.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum IndexForm {
    Axis(usize),
    /// Merged axes, the last varying fastest.
    Merged(Vec<usize>),
    Affine(AffineForm),
}

/// A window or a gather. Sums that overflow `i64` saturate: no tensor has such positions.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct AffineForm {
    pub(super) offset: i64,
    /// Each axis once; a coefficient may be 0 after cancellation.
    pub(super) terms: Vec<(i64, usize)>,
    pub(super) gathers: Vec<(i64, TensorRead)>,
}

impl AffineForm {
    /// The axes of the reads of index tensors, each once, ascending.
    pub(super) fn axes_of_gathers(&self) -> Vec<usize> {
        let mut axes = Vec::new();
        self.gathers.iter().for_each(|(_, read)| read.for_each_axis(&mut |axis| axes.push(axis)));
        axes.sort_unstable();
        axes.dedup();
        axes
    }
}

/// An expression with constant parts evaluated.
#[derive(Debug)]
pub(super) struct HirExpr {
    pub(super) span: Span,
    pub(super) kind: HirExprKind,
}

#[derive(Debug)]
pub(super) enum HirExprKind {
    Number(Literal),
    /// The element of a read, by its number.
    Read {
        read: usize,
        conj: bool,
    },
    Sum(Vec<(Sign, HirExpr)>),
    /// Factors, each with whether the product is divided by it.
    Product(Vec<(bool, HirExpr)>),
    Negation(Box<HirExpr>),
    Call(Function, Vec<HirExpr>),
}

impl IndexForm {
    /// Calls `f` with every axis, those of index tensors included.
    pub(super) fn for_each_axis(&self, f: &mut impl FnMut(usize)) {
        match self {
            IndexForm::Axis(axis) => f(*axis),
            IndexForm::Merged(axes) => axes.iter().for_each(|axis| f(*axis)),
            IndexForm::Affine(affine) => {
                affine.terms.iter().for_each(|(_, axis)| f(*axis));
                affine.gathers.iter().for_each(|(_, read)| read.for_each_axis(f));
            }
        }
    }

    /// Calls `f` with every read of an index tensor, outer ones first.
    pub(super) fn for_each_gather<'s>(&'s self, f: &mut impl FnMut(&'s TensorRead)) {
        if let IndexForm::Affine(affine) = self {
            for (_, read) in &affine.gathers {
                f(read);
                read.for_each_gather(f);
            }
        }
    }

    /// The number of axes of the expression, for an axis or merged axes.
    pub(super) fn width(&self) -> Option<usize> {
        match self {
            IndexForm::Axis(_) => Some(1),
            IndexForm::Merged(axes) => Some(axes.len()),
            IndexForm::Affine(_) => None,
        }
    }

    /// The affine index, if it reads no index tensor.
    pub(super) fn window(&self) -> Option<&AffineForm> {
        match self {
            IndexForm::Affine(affine) if affine.gathers.is_empty() => Some(affine),
            _ => None,
        }
    }
}

impl TensorRead {
    /// Calls `f` with every axis, those of index tensors included.
    pub(super) fn for_each_axis(&self, f: &mut impl FnMut(usize)) {
        self.dims.iter().for_each(|(index, _)| index.for_each_axis(f));
    }

    /// Calls `f` with every read of an index tensor in its indices.
    pub(super) fn for_each_gather<'s>(&'s self, f: &mut impl FnMut(&'s TensorRead)) {
        self.dims.iter().for_each(|(index, _)| index.for_each_gather(f));
    }
}

impl Contribution {
    /// All reads: those of the right side, then index tensors of the left side, each followed by those in its indices.
    pub(super) fn all_reads(&self) -> Vec<&TensorRead> {
        let mut all = Vec::new();
        for read in &self.reads {
            all.push(read);
            read.for_each_gather(&mut |read| all.push(read));
        }
        self.left.iter().for_each(|position| position.index.for_each_gather(&mut |read| all.push(read)));
        all
    }

    /// The name of an axis of the result: the names of the axes along it.
    pub(super) fn label(&self, position: &LeftIndexForm) -> Label {
        let mut names: Vec<&str> = Vec::new();
        position.index.for_each_axis(&mut |axis| names.push(&self.axes[axis].label));
        names.join(" ").into()
    }

    /// The axes that are indices of the left side, merged or not.
    pub(super) fn kept(&self) -> Vec<usize> {
        let plain = |position: &LeftIndexForm| match &position.index {
            IndexForm::Axis(axis) => vec![*axis],
            IndexForm::Merged(axes) => axes.clone(),
            IndexForm::Affine(_) => Vec::new(),
        };
        set(self.left.iter().flat_map(plain).collect())
    }

    /// Whether several points may contribute to one position.
    pub(super) fn sums(&self) -> bool {
        let shifted = |position: &LeftIndexForm| match position.index.window().map(|window| &window.terms[..]) {
            Some(&[(_, axis)]) => Some(axis),
            _ => None,
        };
        let mut kept = self.kept();
        kept.extend(self.left.iter().filter_map(shifted));
        matches!(self.assign, Assign::Equal | Assign::Add) && (0..self.axes.len()).any(|axis| !kept.contains(&axis))
    }

    /// All axes of an expression.
    pub(super) fn axes_of(&self, value: &HirExpr) -> Vec<usize> {
        let mut axes = Vec::new();
        value.for_each_read(&mut |read| self.reads[read].for_each_axis(&mut |axis| axes.push(axis)));
        set(axes)
    }
}

impl HirExpr {
    /// Calls `f` with every read, in order.
    pub(super) fn for_each_read(&self, f: &mut impl FnMut(usize)) {
        match &self.kind {
            HirExprKind::Number(_) => {}
            HirExprKind::Read { read, .. } => f(*read),
            HirExprKind::Sum(terms) => terms.iter().for_each(|(_, term)| term.for_each_read(f)),
            HirExprKind::Product(factors) => factors.iter().for_each(|(_, factor)| factor.for_each_read(f)),
            HirExprKind::Negation(inner) => inner.for_each_read(f),
            HirExprKind::Call(_, arguments) => arguments.iter().for_each(|argument| argument.for_each_read(f)),
        }
    }

    pub(super) fn number(&self) -> Option<Literal> {
        match self.kind {
            HirExprKind::Number(literal) => Some(literal),
            _ => None,
        }
    }
}

/// The list in ascending order, each element once.
pub(super) fn set(mut list: Vec<usize>) -> Vec<usize> {
    list.sort_unstable();
    list.dedup();
    list
}
