//! Lowers the values of a statement: products become contractions, which have an order; the rest becomes pointwise
//! expressions.

use super::errors::ProgramErrors;
use super::factors::{FactorList, ProductFactor, default_algebra, is_expensive};
use super::hir::{HirExpr, HirExprKind};
use super::infer_dtype::DtypeInference;
use super::iteration_space::{IterationSpace, StatementContext};
use super::nodes::Nodes;
use super::pointwise::ExprBuilder;
use crate::error::Error;
use einfold_ir::{Access, Algebra, BinaryOp, Contraction, Dtype, Expr, Function, Index, Label, NodeId};
use smol_str::format_smolstr;
use std::sync::Arc;

/// The context in which a contribution is lowered.
pub(super) struct TermLowering<'a> {
    pub(super) nodes: &'a mut Nodes,
    pub(super) errors: &'a ProgramErrors<'a>,
    pub(super) types: &'a DtypeInference<'a>,
    pub(super) context: StatementContext<'a>,
    pub(super) label: &'a Label,
    /// The shape of the result.
    pub(super) shape: &'a [usize],
    /// The dtype of the computation.
    pub(super) dtype: Dtype,
    /// Whether other statements contribute to the same name. All of them reduce in one algebra.
    pub(super) several: bool,
    /// The dtype of the result, if a node that only copies may have it.
    pub(super) rounded: Option<Dtype>,
}

/// A factor of a contraction with the numbers and divisors applied to it and its sign.
struct ContractionFactor<'v> {
    part: ProductFactor<'v>,
    axes: Vec<usize>,
    scalars: Vec<ProductFactor<'v>>,
    negative: bool,
}

impl ContractionFactor<'_> {
    /// The element that the factor is, if it is one.
    fn element(&self) -> Option<(usize, bool)> {
        match self.part.value.kind {
            HirExprKind::Read { read, conj } if !self.part.inverse && !self.negative && self.scalars.is_empty() => {
                Some((read, conj))
            }
            _ => None,
        }
    }
}

impl TermLowering<'_> {
    /// Reduces a value, negated if `minus`, over the points of `space`.
    pub(super) fn reduce(
        &mut self,
        space: &IterationSpace,
        add: BinaryOp,
        (minus, value): (bool, &HirExpr),
        init: Option<NodeId>,
    ) -> Result<NodeId, Error> {
        let product = FactorList::of(add, self.dtype, value, minus);
        let algebra = product.algebra(add);
        if self.several && algebra != default_algebra(add) {
            return self.point(space, add, &[(minus, value)], init);
        }
        if let Some(reads) = product.plain() {
            let factors = reads.iter().map(|&(read, conj)| self.element(space, read, conj)).collect();
            return self.node(space, (factors, None), algebra, init);
        }
        if self.contracts(space, &product, add)
            && let Some(operands) = self.operands(&product)
        {
            let factors = operands.iter().map(|operand| self.operand(space, operand, product.mul));
            let factors = factors.collect::<Result<Vec<_>, Error>>()?;
            return self.node(space, (factors, None), algebra, init);
        }
        self.point(space, add, &[(minus, value)], init)
    }

    /// Reduces a sum of terms over the points of `space` as one expression.
    pub(super) fn point(
        &mut self,
        space: &IterationSpace,
        add: BinaryOp,
        terms: &[(bool, &HirExpr)],
        init: Option<NodeId>,
    ) -> Result<NodeId, Error> {
        let context = self.context;
        let mut builder = ExprBuilder::new(&context, self.types, space);
        builder.sum(terms.iter().copied(), self.dtype)?;
        self.node(space, builder.finish(), default_algebra(add), init)
    }

    /// Adds the node that writes the left side.
    pub(super) fn node(
        &mut self,
        space: &IterationSpace,
        (factors, expr): (Vec<Access<NodeId>>, Option<Arc<Expr>>),
        algebra: Algebra,
        init: Option<NodeId>,
    ) -> Result<NodeId, Error> {
        let (axes, output) = (self.context.axes(space), self.context.output(space));
        let c = Contraction { axes, factors, output, expr, algebra, init, pinned: false };
        let moves = c.is_map() && c.factors.len() == 1 && c.expr.is_none();
        let dtype = self.rounded.filter(|_| moves).unwrap_or(self.dtype);
        let place = self.context.c.span;
        self.nodes.push(self.errors, place, self.label.clone(), (dtype, self.shape), c)
    }

    fn element(&self, space: &IterationSpace, read: usize, conj: bool) -> Access<NodeId> {
        self.context.access(space, &self.context.c.reads[read], conj)
    }

    /// Whether to compute the factors of a product separately: the product becomes a contraction, which has an order,
    /// and functions are computed for fewer points. Not if a point may be dropped, since it drops the whole product,
    /// and not without points, since then no index is read.
    pub(super) fn contracts(&self, space: &IterationSpace, product: &FactorList<'_>, add: BinaryOp) -> bool {
        let (context, c) = (&self.context, self.context.c);
        let laws = product.algebra(add).laws(self.dtype);
        let mut drops = false;
        product
            .parts
            .iter()
            .for_each(|part| part.value.for_each_read(&mut |read| drops |= context.read_drops(&c.reads[read])));
        let points = |part: ProductFactor<'_>| context.points(&context.axes_of(part.value));
        let operands: Vec<(ProductFactor<'_>, usize)> = product.operands().map(|part| (part, points(part))).collect();
        if !laws.distributive || drops || context.empty() || operands.len() < 2 {
            return false;
        }
        let kept = c.kept();
        let reduces = space.axes.iter().any(|axis| kept.binary_search(axis).is_err() && context.extents[*axis] > 1);
        let all = context.points(&space.axes);
        let smaller = |points: usize| points <= all / 2;
        let contraction = reduces && operands.iter().any(|&(_, points)| smaller(points));
        let complex = |part: &ProductFactor<'_>| !matches!(part.value.kind, HirExprKind::Read { .. });
        let mut dear = operands.iter().filter(|(part, _)| complex(part)).peekable();
        let hoists = dear.peek().is_some() && dear.all(|&(part, points)| is_expensive(part.value) && smaller(points));
        contraction || hoists
    }

    /// The factors of a product with its numbers, sign and divisors; `None` if a divisor runs along axes of several
    /// factors.
    fn operands<'v>(&self, product: &FactorList<'v>) -> Option<Vec<ContractionFactor<'v>>> {
        let context = &self.context;
        let operand = |part: ProductFactor<'v>| ContractionFactor {
            part,
            axes: context.axes_of(part.value),
            scalars: Vec::new(),
            negative: false,
        };
        let mut operands: Vec<ContractionFactor<'v>> = product.operands().map(operand).collect();
        let points = |operand: &ContractionFactor<'_>| context.points(&operand.axes);
        for scalar in product.scalars() {
            let needs = context.axes_of(scalar.value);
            let holds = |operand: &&mut ContractionFactor<'_>| {
                needs.iter().all(|axis| operand.axes.binary_search(axis).is_ok())
            };
            operands.iter_mut().filter(holds).min_by_key(|operand| points(operand))?.scalars.push(scalar);
        }
        if product.negative {
            operands.iter_mut().min_by_key(|operand| points(operand))?.negative = true;
        }
        Some(operands)
    }

    /// The access of a factor in `space`: an element, or a node computed for it.
    fn operand(
        &mut self,
        space: &IterationSpace,
        operand: &ContractionFactor<'_>,
        mul: BinaryOp,
    ) -> Result<Access<NodeId>, Error> {
        if let Some((read, conj)) = operand.element() {
            return Ok(self.element(space, read, conj));
        }
        let context = self.context;
        let own = IterationSpace::new(operand.axes.clone());
        let (apply, undo) = match mul {
            BinaryOp::Add => (Function::Add, Function::Sub),
            BinaryOp::Max => (Function::Max, Function::Max),
            BinaryOp::Min => (Function::Min, Function::Min),
            _ => (Function::Mul, Function::Div),
        };
        let mut builder = ExprBuilder::new(&context, self.types, &own);
        match mul {
            BinaryOp::Max | BinaryOp::Min => builder.argument(operand.part.value, self.dtype)?,
            _ => builder.sum([(operand.part.inverse, operand.part.value)], self.dtype)?,
        }
        for scalar in &operand.scalars {
            builder.value(scalar.value, self.dtype)?;
            builder.apply(if scalar.inverse { undo } else { apply }, self.dtype);
        }
        if operand.negative {
            builder.apply(Function::Neg, self.dtype);
        }
        let (factors, expr) = builder.finish();
        let (axes, algebra) = (context.axes(&own), Algebra::SUM_PRODUCT);
        let shape: Vec<usize> = axes.iter().map(|axis| axis.extent).collect();
        let output = (0..shape.len() as u32).map(Index::axis).collect();
        let c = Contraction { axes, factors, output, expr, algebra, init: None, pinned: false };
        let label = format_smolstr!("t{}", self.nodes.ir.nodes().len());
        let node = self.nodes.push(self.errors, operand.part.value.span, label, (self.dtype, &shape), c)?;
        Ok(context.plain(space, node, &operand.axes))
    }
}
