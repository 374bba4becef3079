//! Expressions as calls.

use einfold_ir::{Dtype, DtypeKind, Expr, Function, Literal, PointOp};

use super::Binder;
use super::step::Work;
use crate::error::BindError;
use crate::kernels;
use crate::program::{Code, Home, Make, Place};

/// A value of an expression that waits for its function.
#[derive(Clone, Copy, Debug)]
pub(super) struct Value {
    place: Place,
    dtype: Dtype,
    /// Whether its slot keeps it for the whole tile.
    kept: bool,
}

const BALANCED: &str = "`Expr::new` has checked that every operation finds its arguments";

impl Binder<'_> {
    /// Adds the literals of an expression as operands, after those that are read.
    pub(super) fn push_literals(&mut self, work: Work<'_>, expr: &Expr) -> Result<(), BindError> {
        for &(op, dtype) in expr.ops() {
            if let PointOp::Literal(literal) = op {
                let refused = || BindError::Literal { step: self.step, literal: literal.to_string().into(), dtype };
                let bytes = bytes(literal, dtype).ok_or_else(refused)?;
                let home = Home::Constant(self.constant(dtype.size(), Make::Bytes(bytes, dtype.size()))?);
                self.push_home(home, work.loops);
            }
        }
        Ok(())
    }

    /// Has the literals of an expression copied to slots, the first ones, once a tile; only where they are wanted there.
    pub(super) fn keep_literals(&mut self, work: Work<'_>, expr: &Expr) {
        let keeps = self.keeps_literals(expr);
        let literals = expr.ops().iter().filter(|(op, _)| matches!(op, PointOp::Literal(_)));
        for (k, (_, dtype)) in literals.enumerate().filter(|_| keeps) {
            let to = self.slot(dtype.size());
            self.call(Code::Copy(dtype.size()), to, [literal_operand(work, k); 3]);
        }
    }

    /// The value of an expression, in `wanted`.
    pub(super) fn expression(&mut self, work: Work<'_>, expr: &Expr, wanted: Dtype) -> Result<Place, BindError> {
        let mut values = std::mem::take(&mut self.work.values);
        values.clear();
        let mut literals = 0;
        for &(op, dtype) in expr.ops() {
            let value = match op {
                PointOp::Read(k) => self.read(work, k as usize, dtype)?,
                PointOp::Literal(_) => {
                    let kept = self.keeps_literals(expr);
                    let slot = Place::Slot { slot: literals, size: dtype.size() };
                    let place = if kept { slot } else { literal_operand(work, literals) };
                    literals += 1;
                    Value { place, dtype, kept }
                }
                PointOp::Convert => {
                    let value = values.pop().expect(BALANCED);
                    self.convert(work, value, dtype)?
                }
                PointOp::Call(function) => {
                    let first = values.len().checked_sub(function.arity()).expect(BALANCED);
                    let place = self.function(function, &mut values[first..], dtype)?;
                    values.truncate(first);
                    Value { place, dtype, kept: false }
                }
            };
            values.push(value);
        }
        let value = values.pop().expect(BALANCED);
        self.work.values = values;
        Ok(self.convert(work, value, wanted)?.place)
    }

    /// A factor in `dtype`.
    fn read(&mut self, work: Work<'_>, k: usize, dtype: Dtype) -> Result<Value, BindError> {
        let access = &work.step.reads[k];
        let from = self.plan.buffer(access.tensor).dtype;
        let load = self.conversion(work, from, dtype, access.conj && from.is_complex())?;
        let mut place = self.displaced(work, k + 1);
        if let Some(load) = load {
            let to = self.slot(dtype.size());
            self.call(Code::Unary(load), to, [place; 3]);
            self.work.slots.release(place);
            place = to;
        }
        Ok(Value { place, dtype, kept: false })
    }

    fn convert(&mut self, work: Work<'_>, value: Value, dtype: Dtype) -> Result<Value, BindError> {
        let Some(kernel) = self.conversion(work, value.dtype, dtype, false)? else { return Ok(value) };
        let place = self.slot(dtype.size());
        self.call(Code::Unary(kernel), place, [value.place; 3]);
        self.release(value);
        Ok(Value { place, dtype, kept: false })
    }

    /// The value of a function, of type `dtype`.
    fn function(&mut self, function: Function, arguments: &mut [Value], dtype: Dtype) -> Result<Place, BindError> {
        let of = arguments.last().expect(BALANCED).dtype;
        let unsupported = BindError::Function { step: self.step, function, dtype: of };
        let kernel = kernels::function(function, of, self.isa).ok_or(unsupported)?;
        for argument in arguments.iter_mut() {
            if let Place::Operand(operand) = argument.place {
                let size = argument.dtype.size();
                let slot = self.work.slots.take(size);
                let near = Place::Near { operand, slot, size };
                self.call(Code::Copy(size), near, [argument.place; 3]);
                argument.place = near;
            }
        }
        let to = self.slot(dtype.size());
        let from = [0, 1, 2].map(|k| arguments.get(k).unwrap_or(&arguments[0]).place);
        self.call(Code::Flat(kernel), to, from);
        arguments.iter().for_each(|&argument| self.release(argument));
        Ok(to)
    }

    fn release(&mut self, value: Value) {
        if !value.kept {
            self.work.slots.release(value.place);
        }
    }
}

/// The operand that the `k`th literal is.
fn literal_operand(work: Work<'_>, k: usize) -> Place {
    Place::Operand(1 + work.step.reads.len() + k)
}

/// The element of `dtype` that a literal is: integers wrap, and a number that is no integer has no integer element. A `bool` is
/// whether the number is not 0.
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
