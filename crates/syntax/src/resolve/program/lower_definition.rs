//! Lowers a name from all contributions to it.

use super::super::Options;
use super::ambiguity::terms;
use super::errors::ProgramErrors;
use super::factors::{FactorList, default_algebra};
use super::hir::{Contribution, Tensor, set};
use super::infer_dtype::DtypeInference;
use super::infer_shape::InferredShape;
use super::iteration_space::{IterationSpace, StatementContext};
use super::lower_terms::TermLowering;
use super::nodes::Nodes;
use super::pointwise::ExprBuilder;
use crate::ast::Assign;
use crate::error::Error;
use crate::span::Span;
use einfold_ir::{
    Access, Algebra, Axis, BinaryOp, Contraction, Dtype, Expr, Function, Index, Label, Literal, NodeId, PointOp,
};
use smol_str::format_smolstr;
use std::sync::Arc;

/// A name with known dtype and shape.
pub(super) struct NameLowering<'a> {
    pub(super) errors: &'a ProgramErrors<'a>,
    pub(super) tensors: &'a [Tensor],
    pub(super) options: &'a Options,
    pub(super) types: DtypeInference<'a>,
    pub(super) label: Label,
    pub(super) contributions: &'a [Contribution],
    pub(super) shape: InferredShape,
    pub(super) dtype: Dtype,
    /// The value where no point contributes, instead of the identity.
    pub(super) fill: Option<Literal>,
}

/// The number of points that contribute to each position of a result.
#[derive(Clone, Copy)]
enum PointCount {
    /// The same number everywhere.
    Same(u64),
    /// The elements of a node of `i64`.
    Node(NodeId),
}

/// The operations of the expression that finishes a result; the caller keeps its factors.
type Ops = Vec<(PointOp, Dtype)>;

impl NameLowering<'_> {
    /// Adds the nodes of the name and returns the last, which has its value.
    pub(super) fn build(&self, nodes: &mut Nodes) -> Result<NodeId, Error> {
        let assign = self.contributions[0].assign;
        let value = match assign {
            Assign::Equal | Assign::Add => self.chain(nodes, NameLowering::sum)?,
            Assign::Mean => self.chain(nodes, NameLowering::sum)?,
            Assign::Multiply => self.fold(nodes, BinaryOp::Mul)?,
            Assign::Max => self.fold(nodes, BinaryOp::Max)?,
            Assign::Min => self.fold(nodes, BinaryOp::Min)?,
            Assign::Or => self.fold(nodes, BinaryOp::Or)?,
            Assign::And => self.fold(nodes, BinaryOp::And)?,
            Assign::LogSumExp => self.log_sum_exp(nodes)?,
        };
        let value = self.finish(nodes, assign, value)?;
        self.round(nodes, value)
    }

    /// The dtype of the computation.
    fn wide(&self) -> Dtype {
        self.dtype.accumulator()
    }

    fn context(&self, k: usize) -> StatementContext<'_> {
        let (c, extents) = (&self.contributions[k], &self.shape.extents[k][..]);
        StatementContext { c, extents, tensors: self.tensors, options: self.options }
    }

    fn term_lowering<'s>(&'s self, nodes: &'s mut Nodes, k: usize) -> TermLowering<'s> {
        let several = self.contributions.len() > 1;
        let finished = self.fill.is_some() || matches!(self.contributions[0].assign, Assign::Mean | Assign::LogSumExp);
        TermLowering {
            nodes,
            errors: self.errors,
            types: &self.types,
            context: self.context(k),
            label: &self.label,
            shape: &self.shape.shape,
            dtype: self.wide(),
            several,
            rounded: Some(self.dtype).filter(|_| !several && !finished),
        }
    }

    /// Lowers the contributions in order, each with the one before as its initial value.
    fn chain(
        &self,
        nodes: &mut Nodes,
        add: impl Fn(&Self, &mut Nodes, usize, Option<NodeId>) -> Result<NodeId, Error>,
    ) -> Result<NodeId, Error> {
        let mut value = None;
        for k in 0..self.contributions.len() {
            value = Some(add(self, nodes, k, value)?);
        }
        Ok(value.expect("a definition has a statement"))
    }

    fn fold(&self, nodes: &mut Nodes, add: BinaryOp) -> Result<NodeId, Error> {
        self.chain(nodes, |this, nodes, k, init| {
            let right = &this.contributions[k].right;
            let space = this.context(k).whole();
            this.term_lowering(nodes, k).reduce(&space, add, (false, right), init)
        })
    }

    /// Lowers a contribution of `=`, `+=` or `mean=`: terms that are contractions become nodes, the others one
    /// expression.
    fn sum(&self, nodes: &mut Nodes, k: usize, init: Option<NodeId>) -> Result<NodeId, Error> {
        let c = &self.contributions[k];
        let context = self.context(k);
        let each = c.assign == Assign::Equal;
        let all = terms(&c.right);
        if all.len() == 1 {
            let space = if each { context.space(c.axes_of(&c.right)) } else { context.whole() };
            return self.term_lowering(nodes, k).reduce(&space, BinaryOp::Add, all[0], init);
        }
        let (kept, whole) = (c.kept(), context.whole());
        let any_drops = c.reads.iter().any(|read| context.read_drops(read));
        // Only the whole sum is rounded.
        let mut lowering = TermLowering { rounded: None, ..self.term_lowering(nodes, k) };
        let (mut together, mut apart) = (Vec::new(), Vec::new());
        for &(minus, term) in &all {
            let axes = c.axes_of(term);
            let reduces = axes.iter().any(|axis| kept.binary_search(axis).is_err());
            let mut drops = false;
            term.for_each_read(&mut |read| drops |= context.read_drops(&c.reads[read]));
            // With `=`, a dropped point is dropped from its term; otherwise from all terms.
            let alone = if each {
                reduces || drops
            } else {
                let product = FactorList::of(BinaryOp::Add, self.wide(), term, minus);
                !any_drops && lowering.contracts(&whole, &product, BinaryOp::Add)
            };
            let list = if alone { &mut apart } else { &mut together };
            list.push((minus, term, axes));
        }
        let mut value = init;
        if !together.is_empty() {
            let space = if each { &context.space(Vec::new()) } else { &whole };
            let terms: Vec<_> = together.into_iter().map(|(minus, term, _)| (minus, term)).collect();
            value = Some(match terms[..] {
                [term] => lowering.reduce(space, BinaryOp::Add, term, value)?,
                _ => lowering.point(space, BinaryOp::Add, &terms, value)?,
            });
        }
        for (minus, term, axes) in apart {
            let space = if each { &context.space(axes) } else { &whole };
            value = Some(lowering.reduce(space, BinaryOp::Add, (minus, term), value)?);
        }
        Ok(value.expect("a sum has a term"))
    }

    /// Lowers `lse=`: the maximum of each group, the sum of the exponentials of the differences to it, and the
    /// logarithm of that. A matrix product in the semiring (lse, +) is left to the order search.
    fn log_sum_exp(&self, nodes: &mut Nodes) -> Result<NodeId, Error> {
        let wide = self.wide();
        if let [c] = self.contributions {
            let space = self.context(0).whole();
            let product = FactorList::of(BinaryOp::LogAddExp, wide, &c.right, false);
            let mut lowering = self.term_lowering(nodes, 0);
            if lowering.contracts(&space, &product, BinaryOp::LogAddExp) {
                return lowering.reduce(&space, BinaryOp::LogAddExp, (false, &c.right), None);
            }
        }
        let greatest = self.fold(nodes, BinaryOp::Max)?;
        let sum = self.chain(nodes, |this, nodes, k, init| {
            let context = this.context(k);
            let space = context.whole();
            let mut builder = ExprBuilder::new(&context, &this.types, &space);
            builder.value(&this.contributions[k].right, wide)?;
            builder.read(Access::new(greatest, context.output(&space)), wide, wide);
            builder.apply(Function::Sub, wide);
            // The sum may be rounded differently from the value whose maximum was taken.
            builder.number(Literal::Float(0.0), wide, this.contributions[k].operator)?;
            builder.apply(Function::Min, wide);
            builder.apply(Function::Exp, wide);
            let factors = builder.finish();
            this.term_lowering(nodes, k).node(&space, factors, default_algebra(BinaryOp::Add), init)
        })?;
        use PointOp::{Call, Read};
        let zero = PointOp::Literal(Literal::Float(0.0));
        // Where the maximum m is infinite or NaN, m − m is NaN, and m is the result. Otherwise the sum is at least 1,
        // or slightly less for the reason above, or empty.
        let ops = vec![
            (Read(0), wide),
            (Read(0), wide),
            (Call(Function::Sub), wide),
            (zero, wide),
            (Call(Function::Eq), Dtype::Bool),
            (Read(0), wide),
            (Read(1), wide),
            (Call(Function::Log), wide),
            (zero, wide),
            (Call(Function::Max), wide),
            (Call(Function::Add), wide),
            (Read(0), wide),
            (Call(Function::Where), wide),
        ];
        self.map(nodes, &[greatest, sum], ops, wide)
    }

    /// Divides a sum by its count, and sets the value of empty groups.
    fn finish(&self, nodes: &mut Nodes, assign: Assign, value: NodeId) -> Result<NodeId, Error> {
        let fill = self.fill.map(|fill| self.literal(fill)).transpose()?;
        if assign != Assign::Mean && fill.is_none() {
            return Ok(value);
        }
        let wide = self.wide();
        let count = self.count(nodes)?;
        let mut reads = vec![value];
        let mut divide: Ops = vec![(PointOp::Read(0), wide)];
        if assign == Assign::Mean {
            match count {
                PointCount::Same(n) => divide.push((PointOp::Literal(Literal::Float(n as f64)), wide)),
                PointCount::Node(_) => divide.extend([(PointOp::Read(1), Dtype::I64), (PointOp::Convert, wide)]),
            }
            divide.push((PointOp::Call(Function::Div), wide));
        }
        let ops = match (fill, count) {
            (Some(fill), PointCount::Same(0)) => vec![fill],
            (Some(fill), PointCount::Node(_)) => {
                let zero = PointOp::Literal(Literal::Int(0));
                let empty = [(PointOp::Read(1), Dtype::I64), (zero, Dtype::I64)];
                let mut ops: Ops = empty.to_vec();
                ops.push((PointOp::Call(Function::Eq), Dtype::Bool));
                ops.push(fill);
                ops.extend(divide);
                ops.push((PointOp::Call(Function::Where), wide));
                ops
            }
            // No group is empty.
            (Some(_), PointCount::Same(_)) if assign != Assign::Mean => return Ok(value),
            _ => divide,
        };
        if let PointCount::Node(count) = count {
            reads.push(count);
        }
        self.map(nodes, &reads, ops, wide)
    }

    fn literal(&self, fill: Literal) -> Result<(PointOp, Dtype), Error> {
        let number = self.types.number(fill, self.wide(), self.contributions[0].operator)?;
        Ok((PointOp::Literal(number), self.wide()))
    }

    /// The number of points of each position: the same everywhere if each combination of the other axes writes a
    /// position and no point is dropped.
    fn count(&self, nodes: &mut Nodes) -> Result<PointCount, Error> {
        let same: Option<u64> = (0..self.contributions.len()).map(|k| self.same_count(k)).sum();
        if let Some(same) = same {
            return Ok(PointCount::Same(same));
        }
        let label = format_smolstr!("{} count", self.label);
        let count = self.chain(nodes, |this, nodes, k, init| {
            let context = this.context(k);
            let dropping: Vec<_> = context.c.reads.iter().filter(|read| context.read_drops(read)).collect();
            let mut axes = Vec::new();
            dropping.iter().for_each(|read| read.for_each_axis(&mut |axis| axes.push(axis)));
            let space = if context.empty() { context.whole() } else { context.space(axes) };
            let counted = set(space.axes.clone());
            let others = (0..context.extents.len()).filter(|axis| counted.binary_search(axis).is_err());
            let each = context.points(&others.collect::<Vec<_>>());
            // An access that may drop a point stays a factor, though its value is not used.
            let factors = dropping.iter().map(|read| context.access(&space, read, false)).collect();
            let number = PointOp::Literal(Literal::Int(i64::try_from(each).unwrap_or(i64::MAX).into()));
            let expr = Expr::new(vec![(number, Dtype::I64)]).expect("a number is an expression");
            let mut lowering =
                TermLowering { label: &label, dtype: Dtype::I64, rounded: None, ..this.term_lowering(nodes, k) };
            lowering.node(&space, (factors, Some(Arc::new(expr))), default_algebra(BinaryOp::Add), init)
        })?;
        Ok(PointCount::Node(count))
    }

    fn same_count(&self, k: usize) -> Option<u64> {
        let context = self.context(k);
        let c = context.c;
        let kept = c.kept();
        let plain = c.left.iter().map(|position| position.index.width()).sum::<Option<usize>>() == Some(kept.len());
        let drops = c.reads.iter().any(|read| context.read_drops(read));
        if !plain || drops {
            return None;
        }
        let reduced: Vec<usize> = (0..context.extents.len()).filter(|axis| kept.binary_search(axis).is_err()).collect();
        u64::try_from(context.points(&reduced)).ok()
    }

    /// Adds a pointwise expression over tensors of the shape of the result.
    fn map(&self, nodes: &mut Nodes, reads: &[NodeId], ops: Ops, dtype: Dtype) -> Result<NodeId, Error> {
        let expr = Some(Arc::new(Expr::new(ops).expect("the parts of the result have its dtype")));
        self.positions(nodes, reads, expr, dtype)
    }

    /// Rounds the result to the dtype of the name.
    fn round(&self, nodes: &mut Nodes, value: NodeId) -> Result<NodeId, Error> {
        if nodes.ir.node(value).dtype == self.dtype {
            return Ok(value);
        }
        self.positions(nodes, &[value], None, self.dtype)
    }

    fn positions(
        &self,
        nodes: &mut Nodes,
        reads: &[NodeId],
        expr: Option<Arc<Expr>>,
        dtype: Dtype,
    ) -> Result<NodeId, Error> {
        let shape = &self.shape.shape;
        let all = 0..shape.len() as u32;
        let labels = self.contributions[0].left.iter().map(|position| self.contributions[0].label(position));
        let axes = labels.zip(shape).map(|(label, &size)| Axis::new(label, size)).collect();
        let factors = reads.iter().map(|&read| Access::plain(read, all.clone())).collect();
        let output = all.map(Index::axis).collect();
        let algebra = Algebra::SUM_PRODUCT;
        let c = Contraction { axes, factors, output, expr, algebra, init: None, pinned: false };
        let place: Span = self.contributions[0].span;
        nodes.push(self.errors, place, self.label.clone(), (dtype, shape), c)
    }
}

impl StatementContext<'_> {
    /// The whole iteration space of the statement.
    fn whole(&self) -> IterationSpace {
        self.space((0..self.c.axes.len()).collect())
    }
}
