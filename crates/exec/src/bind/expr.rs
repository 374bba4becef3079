//! Translates pointwise expressions into kernel calls.

use einfold_ir::{Dtype, DtypeKind, Expr, Function, Literal, PointOp};

use super::Binder;
use super::step::StepContext;
use crate::bound_program::{BaseAddress, CallArg, CallKernel, ConstantSource};
use crate::error::BindError;
use crate::kernels;

/// A value on the stack of an expression: an argument of a later function.
#[derive(Clone, Copy, Debug)]
pub(super) struct PendingValue {
    arg: CallArg,
    dtype: Dtype,
    /// Whether its temporary keeps the value for the whole tile.
    persistent: bool,
}

const BALANCED: &str = "`Expr::new` has checked that every operation finds its arguments";

impl Binder<'_> {
    /// Appends the literals of an expression as operands, after the reads.
    pub(super) fn push_literals(&mut self, context: StepContext<'_>, expr: &Expr) -> Result<(), BindError> {
        for &(op, dtype) in expr.ops() {
            if let PointOp::Literal(literal) = op {
                let refused = || BindError::Literal { step: self.step, literal: literal.to_string().into(), dtype };
                let bytes = bytes(literal, dtype).ok_or_else(refused)?;
                let base =
                    BaseAddress::Constant(self.constant(dtype.size(), ConstantSource::Bytes(bytes, dtype.size()))?);
                self.push_base(base, context.loops);
            }
        }
        Ok(())
    }

    /// Copies the literals of an expression to the first temporaries, once per tile, if the calls read them there.
    pub(super) fn keep_literals(&mut self, context: StepContext<'_>, expr: &Expr) {
        let keeps = self.keeps_literals(expr);
        let literals = expr.ops().iter().filter(|(op, _)| matches!(op, PointOp::Literal(_)));
        for (k, (_, dtype)) in literals.enumerate().filter(|_| keeps) {
            let to = self.temporary(dtype.size());
            self.push_call(CallKernel::Copy(dtype.size()), to, [literal_operand(context, k); 3]);
        }
    }

    /// Appends the calls that compute an expression in `wanted`, and returns its value.
    pub(super) fn expression(
        &mut self,
        context: StepContext<'_>,
        expr: &Expr,
        wanted: Dtype,
    ) -> Result<CallArg, BindError> {
        let mut values = std::mem::take(&mut self.lists.values);
        values.clear();
        let mut literals = 0;
        for &(op, dtype) in expr.ops() {
            let value = match op {
                PointOp::Read(k) => self.read(context, k as usize, dtype)?,
                PointOp::Literal(_) => {
                    let persistent = self.keeps_literals(expr);
                    let temporary = CallArg::Temporary { temporary: literals, size: dtype.size() };
                    let arg = if persistent { temporary } else { literal_operand(context, literals) };
                    literals += 1;
                    PendingValue { arg, dtype, persistent }
                }
                PointOp::Convert => {
                    let value = values.pop().expect(BALANCED);
                    self.convert(context, value, dtype)?
                }
                PointOp::Call(function) => {
                    let first = values.len().checked_sub(function.arity()).expect(BALANCED);
                    let arg = self.function(function, &mut values[first..], dtype)?;
                    values.truncate(first);
                    PendingValue { arg, dtype, persistent: false }
                }
            };
            values.push(value);
        }
        let value = values.pop().expect(BALANCED);
        self.lists.values = values;
        Ok(self.convert(context, value, wanted)?.arg)
    }

    /// The value of factor `k`, converted to `dtype`.
    fn read(&mut self, context: StepContext<'_>, k: usize, dtype: Dtype) -> Result<PendingValue, BindError> {
        let access = &context.step.reads[k];
        let from = self.plan.buffer(access.tensor).dtype;
        let load = self.conversion(context, from, dtype, access.conj && from.is_complex())?;
        let mut arg = self.displaced(context, k + 1);
        if let Some(load) = load {
            let to = self.temporary(dtype.size());
            self.push_call(CallKernel::Unary(load), to, [arg; 3]);
            self.lists.temporaries.release(arg);
            arg = to;
        }
        Ok(PendingValue { arg, dtype, persistent: false })
    }

    fn convert(
        &mut self,
        context: StepContext<'_>,
        value: PendingValue,
        dtype: Dtype,
    ) -> Result<PendingValue, BindError> {
        let Some(kernel) = self.conversion(context, value.dtype, dtype, false)? else { return Ok(value) };
        let arg = self.temporary(dtype.size());
        self.push_call(CallKernel::Unary(kernel), arg, [value.arg; 3]);
        self.release(value);
        Ok(PendingValue { arg, dtype, persistent: false })
    }

    /// Appends the call of a function with a result of `dtype`.
    fn function(
        &mut self,
        function: Function,
        arguments: &mut [PendingValue],
        dtype: Dtype,
    ) -> Result<CallArg, BindError> {
        let of = arguments.last().expect(BALANCED).dtype;
        let unsupported = BindError::Function { step: self.step, function, dtype: of };
        let kernel = kernels::function(function, of, self.isa).ok_or(unsupported)?;
        for argument in arguments.iter_mut() {
            if let CallArg::Operand(operand) = argument.arg {
                let size = argument.dtype.size();
                let temporary = self.lists.temporaries.take(size);
                let contiguous = CallArg::Contiguous { operand, temporary, size };
                self.push_call(CallKernel::Copy(size), contiguous, [argument.arg; 3]);
                argument.arg = contiguous;
            }
        }
        let to = self.temporary(dtype.size());
        let from = [0, 1, 2].map(|k| arguments.get(k).unwrap_or(&arguments[0]).arg);
        self.push_call(CallKernel::Contiguous(kernel), to, from);
        arguments.iter().for_each(|&argument| self.release(argument));
        Ok(to)
    }

    fn release(&mut self, value: PendingValue) {
        if !value.persistent {
            self.lists.temporaries.release(value.arg);
        }
    }
}

/// The operand that holds literal `k`.
fn literal_operand(context: StepContext<'_>, k: usize) -> CallArg {
    CallArg::Operand(1 + context.step.reads.len() + k)
}

/// The bytes of a literal as an element of `dtype`; `None` if it has no value there. Integers wrap, a float has no value
/// in an integer dtype, and a `bool` is true unless the number is 0.
fn bytes(literal: Literal, dtype: Dtype) -> Option<[u8; 16]> {
    let mut bytes = [0; 16];
    let mut put = |value: &[u8]| bytes[..value.len()].copy_from_slice(value);
    let inexact = matches!(dtype.kind(), DtypeKind::Float | DtypeKind::Complex);
    match (literal, inexact) {
        (_, true) => match (literal, dtype.real()) {
            (Literal::Int(i), Dtype::F32) => put(&(i as f32).to_ne_bytes()),
            (Literal::Int(i), Dtype::F64) => put(&(i as f64).to_ne_bytes()),
            (Literal::Float(x), Dtype::F32) => put(&(x as f32).to_ne_bytes()),
            (Literal::Float(x), Dtype::F64) => put(&x.to_ne_bytes()),
            (Literal::Int(i), Dtype::F16) => put(&half::f16::from_f64(i as f64).to_ne_bytes()),
            (Literal::Int(i), Dtype::BF16) => put(&half::bf16::from_f64(i as f64).to_ne_bytes()),
            (Literal::Float(x), Dtype::F16) => put(&half::f16::from_f64(x).to_ne_bytes()),
            (Literal::Float(x), Dtype::BF16) => put(&half::bf16::from_f64(x).to_ne_bytes()),
            _ => return None,
        },
        (Literal::Int(i), false) => match (dtype, dtype.real().size()) {
            (Dtype::Custom(_), _) => return None,
            (Dtype::Bool, _) => put(&[u8::from(i != 0)]),
            (_, 1) => put(&(i as u8).to_ne_bytes()),
            (_, 2) => put(&(i as u16).to_ne_bytes()),
            (_, 4) => put(&(i as u32).to_ne_bytes()),
            (_, 8) => put(&(i as u64).to_ne_bytes()),
            _ => return None,
        },
        (Literal::Float(_), false) => return None,
    }
    Some(bytes)
}
