//! From a statement to nodes: products become contractions that can be ordered, everything else pointwise expressions.

use super::form::{Value, ValueKind};
use super::mistakes::Mistakes;
use super::nodes::Nodes;
use super::point::Point;
use super::product::{Part, Product, calls, usual};
use super::space::{Ground, Space};
use super::types::Types;
use crate::error::Error;
use einfold_ir::{Access, Algebra, BinaryOp, Contraction, Dtype, Expr, Function, Index, Label, NodeId};
use std::sync::Arc;

/// Where the values of one contribution go.
pub(super) struct Sink<'a> {
    pub(super) nodes: &'a mut Nodes,
    pub(super) mistakes: &'a Mistakes<'a>,
    pub(super) types: &'a Types<'a>,
    pub(super) ground: Ground<'a>,
    pub(super) label: &'a Label,
    /// The shape of the result.
    pub(super) shape: &'a [usize],
    /// The dtype that everything is computed in.
    pub(super) dtype: Dtype,
    /// Whether other statements contribute to the same name. They all reduce in one algebra.
    pub(super) several: bool,
    /// The dtype of the result, where a mere copy may have it at once.
    pub(super) rounded: Option<Dtype>,
}

/// An operand of a contraction: a part, the numbers and divisors that go with it, and whether it is negated.
struct Operand<'v> {
    part: Part<'v>,
    axes: Vec<usize>,
    scalars: Vec<Part<'v>>,
    negative: bool,
}

impl Operand<'_> {
    /// The element that it is, if it is nothing more.
    fn element(&self) -> Option<(usize, bool)> {
        match self.part.value.kind {
            ValueKind::Read { read, conj } if !self.part.inverse && !self.negative && self.scalars.is_empty() => {
                Some((read, conj))
            }
            _ => None,
        }
    }
}

impl Sink<'_> {
    /// Reduces a value, perhaps subtracted, over the points of `space`.
    pub(super) fn reduce(
        &mut self,
        space: &Space,
        add: BinaryOp,
        (minus, value): (bool, &Value),
        onto: Option<NodeId>,
    ) -> Result<NodeId, Error> {
        let product = Product::of(add, self.dtype, value, minus);
        let algebra = product.algebra(add);
        if self.several && algebra != usual(add) {
            return self.point(space, add, &[(minus, value)], onto);
        }
        if let Some(reads) = product.plain() {
            let factors = reads.iter().map(|&(read, conj)| self.element(space, read, conj)).collect();
            return self.node(space, (factors, None), algebra, onto);
        }
        if self.contracts(space, &product, add)
            && let Some(operands) = self.operands(&product)
        {
            let factors = operands.iter().map(|operand| self.operand(space, operand, product.mul));
            let factors = factors.collect::<Result<Vec<_>, Error>>()?;
            return self.node(space, (factors, None), algebra, onto);
        }
        self.point(space, add, &[(minus, value)], onto)
    }

    /// Reduces a sum of terms over the points of `space`, as one expression.
    pub(super) fn point(
        &mut self,
        space: &Space,
        add: BinaryOp,
        terms: &[(bool, &Value)],
        onto: Option<NodeId>,
    ) -> Result<NodeId, Error> {
        let ground = self.ground;
        let mut point = Point::new(&ground, self.types, space);
        point.sum(terms.iter().copied(), self.dtype)?;
        self.node(space, point.finish(), usual(add), onto)
    }

    /// Adds the node that writes the left side.
    pub(super) fn node(
        &mut self,
        space: &Space,
        (factors, expr): (Vec<Access<NodeId>>, Option<Arc<Expr>>),
        algebra: Algebra,
        onto: Option<NodeId>,
    ) -> Result<NodeId, Error> {
        let (axes, output) = (self.ground.axes(space), self.ground.output(space));
        let c = Contraction { axes, factors, output, expr, algebra, onto, pinned: false };
        let moves = c.is_map() && c.factors.len() == 1 && c.expr.is_none();
        let dtype = self.rounded.filter(|_| moves).unwrap_or(self.dtype);
        let place = self.ground.c.span;
        self.nodes.push(self.mistakes, place, self.label.clone(), (dtype, self.shape), c)
    }

    fn element(&self, space: &Space, read: usize, conj: bool) -> Access<NodeId> {
        self.ground.access(space, &self.ground.c.reads[read], conj)
    }

    /// Whether it pays to compute the parts of a product by themselves: then the product is a contraction, which can be
    /// ordered, or functions are computed for fewer points. Not where a point can be dropped, since it drops the whole product,
    /// and not where there is no point, since then no id is looked at.
    pub(super) fn contracts(&self, space: &Space, product: &Product<'_>, add: BinaryOp) -> bool {
        let (ground, c) = (&self.ground, self.ground.c);
        let laws = product.algebra(add).laws(self.dtype);
        let mut drops = false;
        product
            .parts
            .iter()
            .for_each(|part| part.value.for_each_read(&mut |read| drops |= ground.read_drops(&c.reads[read])));
        let points = |part: Part<'_>| ground.points(&ground.axes_of(part.value));
        let operands: Vec<(Part<'_>, usize)> = product.operands().map(|part| (part, points(part))).collect();
        if !laws.distributive || drops || ground.empty() || operands.len() < 2 {
            return false;
        }
        let kept = c.kept();
        let reduces = space.axes.iter().any(|axis| kept.binary_search(axis).is_err() && ground.extents[*axis] > 1);
        let all = ground.points(&space.axes);
        let smaller = |points: usize| points <= all / 2;
        let contraction = reduces && operands.iter().any(|&(_, points)| smaller(points));
        let complex = |part: &Part<'_>| !matches!(part.value.kind, ValueKind::Read { .. });
        let mut dear = operands.iter().filter(|(part, _)| complex(part)).peekable();
        let hoists = dear.peek().is_some() && dear.all(|&(part, points)| calls(part.value) && smaller(points));
        contraction || hoists
    }

    /// The operands of a product, with its numbers, sign and divisors; `None` if a divisor runs along axes of several.
    fn operands<'v>(&self, product: &Product<'v>) -> Option<Vec<Operand<'v>>> {
        let ground = &self.ground;
        let operand =
            |part: Part<'v>| Operand { part, axes: ground.axes_of(part.value), scalars: Vec::new(), negative: false };
        let mut operands: Vec<Operand<'v>> = product.operands().map(operand).collect();
        let points = |operand: &Operand<'_>| ground.points(&operand.axes);
        for scalar in product.scalars() {
            let needs = ground.axes_of(scalar.value);
            let holds = |operand: &&mut Operand<'_>| needs.iter().all(|axis| operand.axes.binary_search(axis).is_ok());
            operands.iter_mut().filter(holds).min_by_key(|operand| points(operand))?.scalars.push(scalar);
        }
        if product.negative {
            operands.iter_mut().min_by_key(|operand| points(operand))?.negative = true;
        }
        Some(operands)
    }

    /// An operand as it is read in `space`: an element, or of a node made for it.
    fn operand(&mut self, space: &Space, operand: &Operand<'_>, mul: BinaryOp) -> Result<Access<NodeId>, Error> {
        if let Some((read, conj)) = operand.element() {
            return Ok(self.element(space, read, conj));
        }
        let ground = self.ground;
        let own = Space::new(operand.axes.clone());
        let (apply, undo) = match mul {
            BinaryOp::Add => (Function::Add, Function::Sub),
            BinaryOp::Max => (Function::Max, Function::Max),
            BinaryOp::Min => (Function::Min, Function::Min),
            _ => (Function::Mul, Function::Div),
        };
        let mut point = Point::new(&ground, self.types, &own);
        match mul {
            BinaryOp::Max | BinaryOp::Min => point.argument(operand.part.value, self.dtype)?,
            _ => point.sum([(operand.part.inverse, operand.part.value)], self.dtype)?,
        }
        for scalar in &operand.scalars {
            point.value(scalar.value, self.dtype)?;
            point.apply(if scalar.inverse { undo } else { apply }, self.dtype);
        }
        if operand.negative {
            point.apply(Function::Neg, self.dtype);
        }
        let (factors, expr) = point.finish();
        let (axes, algebra) = (ground.axes(&own), Algebra::SUM_PRODUCT);
        let shape: Vec<usize> = axes.iter().map(|axis| axis.extent).collect();
        let output = (0..shape.len() as u32).map(Index::axis).collect();
        let c = Contraction { axes, factors, output, expr, algebra, onto: None, pinned: false };
        let label = format!("t{}", self.nodes.ir.nodes().len()).into();
        let node = self.nodes.push(self.mistakes, operand.part.value.span, label, (self.dtype, &shape), c)?;
        Ok(ground.plain(space, node, &operand.axes))
    }
}
