//! Builds pointwise expressions.

use super::hir::{Contribution, HirExpr, HirExprKind};
use super::infer_dtype::DtypeInference;
use super::iteration_space::{IterationSpace, StatementContext};
use crate::ast::Sign;
use crate::error::Error;
use crate::span::Span;
use einfold_ir::{Access, Dtype, Expr, Function, Literal, NodeId, PointOp};
use std::sync::Arc;

/// The number of last factors searched for a duplicate: bounded, so that long sums take linear time.
const RECENT: usize = 32;

/// Builds an expression over the factors of one node, operation by operation.
pub(super) struct ExprBuilder<'a> {
    context: &'a StatementContext<'a>,
    types: &'a DtypeInference<'a>,
    space: &'a IterationSpace,
    factors: Vec<Access<NodeId>>,
    ops: Vec<(PointOp, Dtype)>,
}

impl<'a> ExprBuilder<'a> {
    pub(super) fn new(
        context: &'a StatementContext<'a>,
        types: &'a DtypeInference<'a>,
        space: &'a IterationSpace,
    ) -> ExprBuilder<'a> {
        ExprBuilder { context, types, space, factors: Vec::new(), ops: Vec::new() }
    }

    /// The factors and the expression over them.
    pub(super) fn finish(self) -> (Vec<Access<NodeId>>, Option<Arc<Expr>>) {
        let expr = Expr::new(self.ops).expect("every operation is given its arguments, in their dtype");
        (self.factors, Some(Arc::new(expr)))
    }

    /// Reads an element of a tensor of dtype `own` in dtype `dtype`.
    pub(super) fn read(&mut self, access: Access<NodeId>, own: Dtype, dtype: Dtype) {
        let recent = self.factors.len().saturating_sub(RECENT);
        let known = self.factors[recent..].iter().position(|factor| *factor == access).map(|k| recent + k);
        let factor = known.unwrap_or(self.factors.len());
        if known.is_none() {
            self.factors.push(access);
        }
        let read = PointOp::Read(factor as u32);
        if Dtype::promote(&[own, dtype]) == Some(dtype) {
            self.ops.push((read, dtype));
        } else {
            self.ops.extend([(read, own), (PointOp::Convert, dtype)]);
        }
    }

    pub(super) fn apply(&mut self, function: Function, dtype: Dtype) {
        self.ops.push((PointOp::Call(function), dtype));
    }

    pub(super) fn number(&mut self, number: Literal, dtype: Dtype, span: Span) -> Result<(), Error> {
        let number = self.types.number(number, dtype, span)?;
        self.ops.push((PointOp::Literal(number), dtype));
        Ok(())
    }

    /// A sum of terms, each with whether it is subtracted.
    pub(super) fn sum<'v>(
        &mut self,
        terms: impl IntoIterator<Item = (bool, &'v HirExpr)>,
        dtype: Dtype,
    ) -> Result<(), Error> {
        for (k, (minus, term)) in terms.into_iter().enumerate() {
            self.value(term, dtype)?;
            match (k, minus) {
                (0, false) => {}
                (0, true) => self.apply(Function::Neg, dtype),
                (_, false) => self.apply(Function::Add, dtype),
                (_, true) => self.apply(Function::Sub, dtype),
            }
        }
        Ok(())
    }

    /// The value in `dtype`, the dtype of its region.
    pub(super) fn value(&mut self, value: &HirExpr, dtype: Dtype) -> Result<(), Error> {
        match &value.kind {
            HirExprKind::Number(number) => self.number(*number, dtype, value.span)?,
            HirExprKind::Read { read, conj } => {
                let read = &self.contribution().reads[*read];
                let access = self.context.access(self.space, read, *conj);
                self.read(access, self.context.tensors[read.tensor].dtype, dtype);
            }
            HirExprKind::Sum(terms) => {
                self.sum(terms.iter().map(|(sign, term)| (*sign == Sign::Minus, term)), dtype)?
            }
            HirExprKind::Product(factors) => {
                for (k, (divides, factor)) in factors.iter().enumerate() {
                    self.value(factor, dtype)?;
                    match (k, divides) {
                        (0, _) => {}
                        (_, false) => self.apply(Function::Mul, dtype),
                        (_, true) => self.apply(Function::Div, dtype),
                    }
                }
            }
            HirExprKind::Negation(inner) => {
                self.value(inner, dtype)?;
                self.apply(Function::Neg, dtype);
            }
            HirExprKind::Call(function, arguments) => self.call(value.span, *function, arguments, dtype)?,
        }
        Ok(())
    }

    fn contribution(&self) -> &'a Contribution {
        self.context.c
    }

    fn call(&mut self, span: Span, function: Function, arguments: &[HirExpr], dtype: Dtype) -> Result<(), Error> {
        let (own, _) = self.types.of_call(self.contribution(), span, function, arguments)?;
        let own = own.accumulator();
        let mut dtypes = vec![own; function.arity()];
        if function == Function::Where {
            dtypes[0] = Dtype::Bool;
        }
        let result = function.result(&dtypes).expect("the dtypes of a call are checked");
        for (k, argument) in arguments.iter().enumerate() {
            self.argument(argument, if k == 0 { dtypes[0] } else { own })?;
            // The maximum of many is that of pairs, from left to right.
            if function.arity() == 2 && k > 0 {
                self.apply(function, result);
            }
        }
        if function.arity() != 2 {
            self.apply(function, result);
        }
        if result != dtype {
            self.ops.push((PointOp::Convert, dtype));
        }
        Ok(())
    }

    /// An argument, which is a region of its own: its arithmetic precedes the conversion to `wanted`.
    pub(super) fn argument(&mut self, value: &HirExpr, wanted: Dtype) -> Result<(), Error> {
        let arithmetic = matches!(value.kind, HirExprKind::Sum(_) | HirExprKind::Product(_) | HirExprKind::Negation(_));
        if !arithmetic {
            return self.value(value, wanted);
        }
        let own = self.types.of_value(self.contribution(), value)?.accumulator();
        self.value(value, own)?;
        if own != wanted {
            self.ops.push((PointOp::Convert, wanted));
        }
        Ok(())
    }
}
