//! Splits the value of a statement into factors of the algebra that reduces it.

use super::hir::{HirExpr, HirExprKind};
use crate::ast::Sign;
use einfold_ir::{Algebra, BinaryOp, Dtype, Function, Literal};

/// The factors of a value under ⊗: for (max, +) these are the terms of a sum.
pub(super) struct FactorList<'v> {
    /// ⊗.
    pub(super) mul: BinaryOp,
    pub(super) parts: Vec<ProductFactor<'v>>,
    /// Whether the product is negated; only if ⊗ is multiplication.
    pub(super) negative: bool,
}

#[derive(Clone, Copy)]
pub(super) struct ProductFactor<'v> {
    pub(super) value: &'v HirExpr,
    /// Whether the product is divided by it, or it is subtracted.
    pub(super) inverse: bool,
}

/// The algebra of a reduction whose value has a single factor.
pub(super) fn default_algebra(add: BinaryOp) -> Algebra {
    let mul = match add {
        BinaryOp::Max | BinaryOp::Min | BinaryOp::LogAddExp => BinaryOp::Add,
        BinaryOp::Or => BinaryOp::And,
        BinaryOp::And => BinaryOp::Or,
        _ => BinaryOp::Mul,
    };
    Algebra::Builtin { add, mul }
}

impl<'v> FactorList<'v> {
    /// Splits the value, negated if `minus`, into factors for the reduction `add` on `dtype`.
    pub(super) fn of(add: BinaryOp, dtype: Dtype, value: &'v HirExpr, minus: bool) -> FactorList<'v> {
        use BinaryOp::{Add, And, LogAddExp, Max, Min, Mul, Or};
        let mul = match (add, &value.kind) {
            (Max | Min | LogAddExp, HirExprKind::Sum(_)) => Add,
            (Max, HirExprKind::Call(Function::Min, _)) => Min,
            (Min, HirExprKind::Call(Function::Max, _)) => Max,
            (Max | Min, HirExprKind::Product(_)) => Mul,
            _ => match default_algebra(add) {
                Algebra::Builtin { mul, .. } => mul,
                Algebra::User(_) => Mul,
            },
        };
        let mut product = FactorList { mul, parts: Vec::new(), negative: minus };
        match (mul, dtype) {
            // On `bool`, a product is *and* and a sum is *or*; on integers they are not.
            (And, Dtype::Bool) => product.factors(value),
            (Or, Dtype::Bool) | (Add, _) => product.terms(value, false),
            (Max | Min, _) => product.arguments(value),
            (Mul, _) => product.factors(value),
            _ => product.parts.push(ProductFactor { value, inverse: false }),
        }
        product.drop_ones();
        product
    }

    pub(super) fn algebra(&self, add: BinaryOp) -> Algebra {
        Algebra::Builtin { add, mul: self.mul }
    }

    fn factors(&mut self, value: &'v HirExpr) {
        match &value.kind {
            HirExprKind::Product(factors) => factors.iter().for_each(|(divides, factor)| match divides {
                true => self.parts.push(ProductFactor { value: factor, inverse: true }),
                false => self.factors(factor),
            }),
            HirExprKind::Negation(inner) => {
                self.negative = !self.negative;
                self.factors(inner);
            }
            _ => self.parts.push(ProductFactor { value, inverse: false }),
        }
    }

    fn terms(&mut self, value: &'v HirExpr, minus: bool) {
        match &value.kind {
            HirExprKind::Sum(terms) => {
                terms.iter().for_each(|(sign, term)| self.terms(term, minus != (*sign == Sign::Minus)));
            }
            HirExprKind::Negation(inner) => self.terms(inner, !minus),
            _ => self.parts.push(ProductFactor { value, inverse: minus }),
        }
    }

    fn arguments(&mut self, value: &'v HirExpr) {
        let function = if self.mul == BinaryOp::Max { Function::Max } else { Function::Min };
        match &value.kind {
            HirExprKind::Call(f, arguments) if *f == function => {
                self.parts.extend(arguments.iter().map(|value| ProductFactor { value, inverse: false }));
            }
            _ => self.parts.push(ProductFactor { value, inverse: false }),
        }
    }

    /// Drops factors of 1 beside other factors. They only make `bool` count, which the dtype already reflects.
    fn drop_ones(&mut self) {
        let one = |part: &ProductFactor<'_>| match part.value.kind {
            HirExprKind::Number(Literal::Int(i)) => i == 1,
            HirExprKind::Number(Literal::Float(x)) => x == 1.0,
            _ => false,
        };
        if self.mul == BinaryOp::Mul && !self.parts.iter().all(one) {
            self.parts.retain(|part| !one(part));
        }
    }

    /// The factors as elements, each with whether it is conjugated; `None` if some factor is not an element.
    pub(super) fn plain(&self) -> Option<Vec<(usize, bool)>> {
        let plain = |part: &ProductFactor<'_>| match part.value.kind {
            HirExprKind::Read { read, conj } if !part.inverse => Some((read, conj)),
            _ => None,
        };
        self.parts.iter().map(plain).collect::<Option<_>>().filter(|_| !self.negative)
    }

    /// The factors that are not numbers and, for multiplication, not divisors.
    pub(super) fn operands(&self) -> impl Iterator<Item = ProductFactor<'v>> + '_ {
        let divides = |part: &ProductFactor<'_>| part.inverse && self.mul == BinaryOp::Mul;
        self.parts.iter().copied().filter(move |part| part.value.number().is_none() && !divides(part))
    }

    /// The other factors: numbers and divisors.
    pub(super) fn scalars(&self) -> impl Iterator<Item = ProductFactor<'v>> + '_ {
        let divides = |part: &ProductFactor<'_>| part.inverse && self.mul == BinaryOp::Mul;
        self.parts.iter().copied().filter(move |part| part.value.number().is_some() || divides(part))
    }
}

/// Whether a value is too expensive to compute more than once: it calls a function.
pub(super) fn is_expensive(value: &HirExpr) -> bool {
    match &value.kind {
        HirExprKind::Number(_) | HirExprKind::Read { .. } => false,
        HirExprKind::Sum(terms) => terms.iter().any(|(_, term)| is_expensive(term)),
        HirExprKind::Product(factors) => factors.iter().any(|(_, factor)| is_expensive(factor)),
        HirExprKind::Negation(inner) => is_expensive(inner),
        HirExprKind::Call(..) => true,
    }
}
