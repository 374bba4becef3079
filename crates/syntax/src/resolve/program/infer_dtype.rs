//! Infers the dtypes of expressions.
//!
//! Operands joined by `+ - *` and `/` form a promotion region, together with their reduction and all contributions to
//! one name; each argument of a function is a region of its own. The dtype of a region is NumPy's promotion of all its
//! operands at once. Numbers do not promote, and a quotient is a float.

use super::errors::{ProgramErrors, shown};
use super::hir::{Contribution, HirExpr, HirExprKind, Tensor};
use crate::ast::{Assign, Sign};
use crate::error::{Error, ErrorKind, TypeProblem};
use crate::render::Note;
use crate::span::Span;
use einfold_ir::{Dtype, DtypeKind, Function, Literal};

/// The context of the inference for one name.
#[derive(Clone, Copy)]
pub(super) struct DtypeInference<'a> {
    pub(super) errors: &'a ProgramErrors<'a>,
    pub(super) tensors: &'a [Tensor],
    /// The requested dtype of the computation.
    pub(super) acc: Option<Dtype>,
}

/// What determines the dtype of a region.
#[derive(Default)]
pub(super) struct PromotionRegion {
    /// The dtypes of all parts that are not numbers, with their spans.
    operands: Vec<(Dtype, Span)>,
    /// The spans of the first integer, the first real number, the first `/` and the first `-`.
    integer: Option<Span>,
    real: Option<Span>,
    quotient: Option<Span>,
    minus: Option<Span>,
}

impl DtypeInference<'_> {
    fn error(&self, problem: TypeProblem, span: Span, note: impl Into<String>, help: &str) -> Error {
        self.errors.error(ErrorKind::Types { problem }, span, note).help(help)
    }

    /// The dtype of a name with these contributions, before rounding to the type that [`Dtype::accumulator`] widens.
    pub(super) fn of_name(&self, contributions: &[Contribution]) -> Result<Dtype, Error> {
        let mut region = PromotionRegion::default();
        contributions.iter().try_for_each(|c| self.collect(c, &c.right, &mut region))?;
        let Some(first) = contributions.first() else { return Ok(Dtype::F64) };
        if matches!(first.assign, Assign::Mean | Assign::LogSumExp) {
            region.quotient.get_or_insert(first.operator);
        }
        let dtype = self.of_region(&region)?;
        let complex = dtype.is_complex();
        let float = dtype.kind() == DtypeKind::Float;
        let undefined = match first.assign {
            Assign::Max | Assign::Min | Assign::LogSumExp => complex,
            Assign::Or | Assign::And => complex || float,
            Assign::Equal | Assign::Add | Assign::Multiply | Assign::Mean => false,
        };
        if undefined {
            let help = if complex { "complex numbers have no order and no bits" } else { "floats have no bits" };
            let problem = TypeProblem::Assign { assign: first.assign, dtype };
            return Err(self.error(problem, first.operator, format!("reduces {dtype}"), help));
        }
        Ok(dtype)
    }

    /// Adds a part of a region.
    fn collect(&self, c: &Contribution, value: &HirExpr, region: &mut PromotionRegion) -> Result<(), Error> {
        match &value.kind {
            HirExprKind::Number(Literal::Int(_)) => _ = region.integer.get_or_insert(value.span),
            HirExprKind::Number(Literal::Float(_)) => _ = region.real.get_or_insert(value.span),
            HirExprKind::Read { read, .. } => {
                let dtype = self.tensors[c.reads[*read].tensor].dtype;
                if dtype.kind() == DtypeKind::Custom {
                    let problem = TypeProblem::Custom { dtype };
                    return Err(self.error(problem, value.span, "here", "use it with subscripts and its algebra"));
                }
                region.operands.push((dtype, value.span));
            }
            HirExprKind::Sum(terms) => {
                for (sign, term) in terms {
                    if *sign == Sign::Minus {
                        region.minus.get_or_insert(term.span);
                    }
                    self.collect(c, term, region)?;
                }
            }
            HirExprKind::Product(factors) => {
                for (divides, factor) in factors {
                    if *divides {
                        region.quotient.get_or_insert(factor.span);
                    }
                    self.collect(c, factor, region)?;
                }
            }
            HirExprKind::Negation(inner) => {
                region.minus.get_or_insert(value.span);
                self.collect(c, inner, region)?;
            }
            HirExprKind::Call(function, arguments) => {
                let (_, result) = self.of_call(c, value.span, *function, arguments)?;
                region.operands.push((result, value.span));
            }
        }
        Ok(())
    }

    /// The common dtype of the arguments of a call (without the condition of `where`), and the dtype of its result.
    pub(super) fn of_call(
        &self,
        c: &Contribution,
        span: Span,
        function: Function,
        arguments: &[HirExpr],
    ) -> Result<(Dtype, Dtype), Error> {
        use Function::{Cos, Exp, Log, Pow, Sigmoid, Sin, Sqrt, Tanh, Where};
        let (condition, values) = arguments.split_at(usize::from(function == Where));
        for condition in condition {
            let dtype = self.of_value(c, condition)?;
            if dtype != Dtype::Bool {
                let problem = TypeProblem::Condition { dtype };
                return Err(self.error(
                    problem,
                    condition.span,
                    "the condition",
                    "`eq(a, b)` compares, and gives bool",
                ));
            }
        }
        let mut together = PromotionRegion::default();
        for argument in values {
            match argument.number() {
                Some(_) => self.collect(c, argument, &mut together)?,
                None => together.operands.push((self.of_value(c, argument)?, argument.span)),
            }
        }
        if matches!(function, Exp | Log | Sqrt | Tanh | Sigmoid | Sin | Cos | Pow) {
            together.quotient.get_or_insert(span);
        }
        let dtype = self.of_region(&together)?;
        let same = match function {
            Where => vec![Dtype::Bool, dtype, dtype],
            _ => vec![dtype; function.arity()],
        };
        match function.result(&same) {
            Some(result) => Ok((dtype, result)),
            None => {
                let problem = TypeProblem::Function { function, dtype };
                Err(self.error(problem, span, format!("of {dtype}"), "convert the argument first"))
            }
        }
    }

    /// The dtype of an argument as a region.
    pub(super) fn of_value(&self, c: &Contribution, value: &HirExpr) -> Result<Dtype, Error> {
        let mut region = PromotionRegion::default();
        self.collect(c, value, &mut region)?;
        self.of_region(&region)
    }

    fn of_region(&self, region: &PromotionRegion) -> Result<Dtype, Error> {
        let dtypes: Vec<Dtype> = region.operands.iter().map(|(dtype, _)| *dtype).collect();
        let strong = Dtype::promote(&dtypes).ok_or_else(|| self.clash(region))?;
        let whole = matches!(strong.kind(), DtypeKind::Bool | DtypeKind::Unsigned | DtypeKind::Signed);
        let inexact = region.quotient.or(region.real);
        let mut dtype = strong;
        match inexact {
            _ if dtypes.is_empty() && inexact.is_none() => dtype = Dtype::I64,
            Some(_) if whole => dtype = Dtype::F64,
            Some(span) if strong.kind() == DtypeKind::ComplexInt => {
                let (first, second) = (strong, Dtype::F64);
                let note = Note::new(span, "floating here");
                let problem = TypeProblem::Mix { first, second };
                let help = "Gaussian integers promote with signed integers only";
                return Err(self.error(problem, region.operands[0].1, "here", help).note(note));
            }
            None if strong == Dtype::Bool && region.integer.is_some() => dtype = Dtype::I64,
            _ => {}
        }
        if let Some(acc) = self.acc {
            // Operands with a common dtype may still not convert to it one by one: i8 and u8 give i16, and u8 does not
            // convert to ci64.
            if dtypes.iter().chain([&dtype]).any(|&dtype| Dtype::promote(&[dtype, acc]) != Some(acc)) {
                let span = region.operands.first().map(|(_, span)| *span).or(inexact).or(region.integer);
                let problem = TypeProblem::Accumulator { dtype, acc };
                let help = "choose a type that holds all operands";
                return Err(self.error(problem, span.unwrap_or_default(), format!("{dtype} here"), help));
            }
            dtype = acc;
        }
        if let Some(span) = region.minus.filter(|_| dtype == Dtype::Bool) {
            let problem = TypeProblem::Function { function: Function::Sub, dtype };
            let help = "to count with bool, multiply by 1: `1*b`";
            return Err(self.error(problem, span, "subtracted or negated", help));
        }
        Ok(dtype)
    }

    /// The error of two operands of a region without a common dtype.
    fn clash(&self, region: &PromotionRegion) -> Error {
        let mut operands: Vec<(Dtype, Span)> = Vec::new();
        for &(dtype, span) in &region.operands {
            if operands.iter().all(|(other, _)| *other != dtype) {
                operands.push((dtype, span));
            }
        }
        let operands = &operands;
        let mut pairs = (0..operands.len()).flat_map(|b| (0..b).map(move |a| (operands[a], operands[b])));
        let clash = pairs.find(|(a, b)| Dtype::promote(&[a.0, b.0]).is_none());
        // Dtypes that have a common dtype pairwise have one together.
        let (first, second) = clash.unwrap_or((operands[0], operands[operands.len() - 1]));
        let problem = TypeProblem::Mix { first: first.0, second: second.0 };
        self.error(problem, first.1, format!("{} here", first.0), "convert one of them to the type of the other first")
            .note(Note::new(second.1, format!("{} here", second.0)))
    }

    /// A number in the dtype of the surrounding expression.
    pub(super) fn number(&self, number: Literal, dtype: Dtype, span: Span) -> Result<Literal, Error> {
        let held = match (number, dtype.kind()) {
            (Literal::Int(i), DtypeKind::Float | DtypeKind::Complex) => {
                let x = i as f64;
                let finite = if dtype.real() == Dtype::F64 { x.is_finite() } else { (x as f32).is_finite() };
                finite.then_some(Literal::Float(x))
            }
            (Literal::Int(i), _) => integer_range(dtype).filter(|range| range.contains(&i)).map(|_| number),
            (Literal::Float(_), DtypeKind::Float | DtypeKind::Complex) => Some(number),
            (Literal::Float(_), _) => None,
        };
        held.ok_or_else(|| {
            let problem = TypeProblem::Number { number: shown(number), dtype };
            self.error(
                problem,
                span,
                format!("in an expression of {dtype}"),
                "a number has the type of the operands around it",
            )
        })
    }
}

/// The range of integers of a dtype; 0 and 1 for `bool`.
fn integer_range(dtype: Dtype) -> Option<std::ops::RangeInclusive<i128>> {
    let bits = 8 * dtype.real().size() as u32;
    match dtype.kind() {
        DtypeKind::Bool => Some(0..=1),
        DtypeKind::Unsigned => Some(0..=(1 << bits) - 1),
        DtypeKind::Signed | DtypeKind::ComplexInt => Some(-(1 << (bits - 1))..=(1 << (bits - 1)) - 1),
        _ => None,
    }
}
