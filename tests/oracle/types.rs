//! The dtypes of expressions (points 1 to 5 of the definition).

use einfold_ir::Dtype::{self, *};
use einfold_ir::{BinaryOp, Function, Literal};
use einfold_syntax::Assign;

use super::model::{Expr, Statement};
use super::{Env, Refusal};
use crate::promotion::result_type;

/// The dtype in which operations on a dtype are computed.
pub(crate) fn work(dtype: Dtype) -> Dtype {
    if matches!(dtype, F16 | BF16) { F32 } else { dtype }
}

fn is_whole(dtype: Dtype) -> bool {
    matches!(dtype, Bool | I8 | I16 | I32 | I64 | U8 | U16 | U32 | U64)
}

fn is_gaussian(dtype: Dtype) -> bool {
    matches!(dtype, CI32 | CI64)
}

fn has_order(dtype: Dtype) -> bool {
    !dtype.is_complex()
}

/// The dtypes and numbers of a promotion region.
#[derive(Default)]
struct Region {
    operands: Vec<Dtype>,
    integer: bool,
    real: bool,
    floating: bool,
    minus: bool,
}

impl Env<'_> {
    /// The dtype of a name with these contributions.
    pub(crate) fn dtype(&self, contributions: &[Statement]) -> Result<Dtype, Refusal> {
        let mut region = Region::default();
        contributions.iter().try_for_each(|c| self.collect(&c.right, &mut region))?;
        let assign = contributions[0].assign;
        region.floating |= matches!(assign, Assign::Mean | Assign::LogSumExp);
        let joined = contributions.iter().find_map(|c| if let Expr::Joined(op, _) = c.right { Some(op) } else { None });
        // An algebra computes in the dtype of its operands.
        region.floating &= joined.is_none();
        let dtype = self.region(&region)?;
        let bits = is_whole(dtype);
        let float = !bits && has_order(dtype);
        let defined = match assign {
            Assign::Max | Assign::Min => has_order(dtype),
            Assign::LogSumExp => float,
            Assign::Or | Assign::And => bits,
            _ => true,
        };
        let joins = match joined {
            Some(BinaryOp::Max | BinaryOp::Min) => has_order(dtype),
            Some(BinaryOp::Or | BinaryOp::And) => bits,
            _ => true,
        };
        match joined {
            _ if defined && joins => Ok(dtype),
            Some(_) => Err("algebra"),
            None => Err("dtype"),
        }
    }

    /// The dtype of an expression as a promotion region of its own.
    pub(crate) fn dtype_of(&self, e: &Expr) -> Result<Dtype, Refusal> {
        let mut region = Region::default();
        self.collect(e, &mut region)?;
        self.region(&region)
    }

    fn collect(&self, e: &Expr, region: &mut Region) -> Result<(), Refusal> {
        match e {
            Expr::Number(Literal::Int(_)) => region.integer = true,
            Expr::Number(Literal::Float(_)) => region.real = true,
            Expr::Size(_) => return Err("a size is a number by now"),
            Expr::Read(access) => region.operands.push(self.tensor(&access.tensor).dtype),
            Expr::Call(function, arguments) => region.operands.push(self.call(*function, arguments)?.1),
            Expr::Negation(_) => region.minus = true,
            Expr::Sum(list) => region.minus |= list.iter().any(|(minus, _)| *minus),
            Expr::Product(list) => region.floating |= list.iter().any(|(divides, _)| *divides),
            Expr::Joined(..) => {}
        }
        let inside = if matches!(e, Expr::Call(..)) { Vec::new() } else { e.parts() };
        inside.into_iter().try_for_each(|e| self.collect(e, region))
    }

    /// The common dtype of the arguments of a call, without the condition of `where`, and the dtype of its value.
    pub(crate) fn call(&self, function: Function, arguments: &[Expr]) -> Result<(Dtype, Dtype), Refusal> {
        use Function::{Abs, Cos, Eq, Exp, Im, Log, Max, Min, Pow, Re, Sigmoid, Sign, Sin, Sqrt, Tanh, Where};
        let (condition, values) = arguments.split_at(usize::from(function == Where));
        if condition.iter().map(|c| self.dtype_of(c)).collect::<Result<Vec<_>, _>>()?.iter().any(|d| *d != Bool) {
            return Err("dtype");
        }
        let floating = matches!(function, Exp | Log | Sqrt | Tanh | Sigmoid | Sin | Cos | Pow);
        let mut together = Region { floating, ..Region::default() };
        for value in values {
            match value {
                Expr::Number(_) => self.collect(value, &mut together)?,
                _ => together.operands.push(self.dtype_of(value)?),
            }
        }
        let dtype = self.region(&together)?;
        let defined = match function {
            Max | Min => has_order(dtype),
            Abs | Sign => !is_gaussian(dtype),
            _ => true,
        };
        let result = match function {
            Eq => Bool,
            Abs | Re | Im => real(dtype),
            _ => dtype,
        };
        if defined { Ok((dtype, result)) } else { Err("dtype") }
    }

    fn region(&self, region: &Region) -> Result<Dtype, Refusal> {
        let inexact = region.floating || region.real;
        let mut dtype = match result_type_or_none(&region.operands)? {
            None if inexact => F64,
            None => I64,
            Some(d) if is_whole(d) && inexact => F64,
            Some(d) if is_gaussian(d) && inexact => return Err("dtype"),
            Some(Bool) if region.integer => I64,
            Some(d) => d,
        };
        if let Some(acc) = self.options.acc {
            let all = region.operands.iter().chain([&dtype]);
            if all.copied().any(|d| result_type(&[d, acc]) != Some(acc)) {
                return Err("dtype");
            }
            dtype = acc;
        }
        if dtype == Bool && region.minus { Err("dtype") } else { Ok(dtype) }
    }
}

fn result_type_or_none(dtypes: &[Dtype]) -> Result<Option<Dtype>, Refusal> {
    if dtypes.is_empty() { Ok(None) } else { result_type(dtypes).map(Some).ok_or("dtype") }
}

fn real(dtype: Dtype) -> Dtype {
    match dtype {
        C32 => F32,
        C64 => F64,
        CI32 => I32,
        CI64 => I64,
        other => other,
    }
}
