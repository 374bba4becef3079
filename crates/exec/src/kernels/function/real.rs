//! Functions of real numbers.

use einfold_ir::{Dtype, Function};

use super::{ContiguousFn, map};
use crate::kernels::Isa;
use crate::kernels::elementary::Elementary;

/// The kernel of a function that only floating-point types have.
pub(super) fn function(function: Function, dtype: Dtype, isa: Isa) -> Option<ContiguousFn> {
    macro_rules! functions {
        ($t:ty) => {
            match function {
                Function::Div => map!(isa, |a: $t, b: $t| -> $t { a / b }),
                Function::Sqrt => map!(isa, |a: $t| -> $t { a.sqrt() }),
                Function::Exp => map!(isa, |a: $t| -> $t { Elementary::exp(a) }),
                Function::Log => map!(isa, |a: $t| -> $t { Elementary::ln(a) }),
                Function::Tanh => map!(|a: $t| -> $t { a.tanh() }),
                Function::Sigmoid => map!(isa, |a: $t| -> $t { 1.0 / (1.0 + Elementary::exp(-a)) }),
                Function::Sin => map!(|a: $t| -> $t { a.sin() }),
                Function::Cos => map!(|a: $t| -> $t { a.cos() }),
                Function::Pow => map!(|a: $t, b: $t| -> $t { a.powf(b) }),
                _ => return None,
            }
        };
    }
    Some(match dtype {
        Dtype::F32 => functions!(f32),
        Dtype::F64 => functions!(f64),
        _ => return None,
    })
}
