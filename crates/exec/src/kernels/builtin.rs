//! The kernels of the built-in algebras.

use einfold_ir::{Algebra, BinaryOp, Dtype, Laws};
use num_complex::Complex;

use super::isa::PerIsa;
use super::{Isa, Kernels, Tables, blas};
use crate::semiring::{MaxMin, MaxPlus, MaxTimes, MinPlus, MinTimes, Semiring, SumProduct, ring};

/// (or, and) on the bytes of `bool`s: of 0 and 1 both make only 0 and 1.
#[derive(Clone, Copy)]
struct OrAnd;

ring!(OrAnd, u8, Laws { distributive: true, idempotent: true, absorbing: true }, 0, 1, |a, b| a | b, |a, b| a & b);

macro_rules! ordered {
    ($ring:ident, $dtype:expr, $isa:expr) => {
        match $dtype {
            Dtype::F32 => Some(Kernels::of::<$ring<f32>>($isa)),
            Dtype::F64 => Some(Kernels::of::<$ring<f64>>($isa)),
            Dtype::I32 => Some(Kernels::of::<$ring<i32>>($isa)),
            Dtype::I64 => Some(Kernels::of::<$ring<i64>>($isa)),
            _ => None,
        }
    };
}

static F32: PerIsa<Kernels> = blas::with_gemm(Tables::<SumProduct<f32>>::ALL, blas::f32_product);
static F64: PerIsa<Kernels> = blas::with_gemm(Tables::<SumProduct<f64>>::ALL, blas::f64_product);
static C32: PerIsa<Kernels> = blas::with_gemm(Tables::<SumProduct<Complex<f32>>>::ALL, blas::c32_product);
static C64: PerIsa<Kernels> = blas::with_gemm(Tables::<SumProduct<Complex<f64>>>::ALL, blas::c64_product);

/// The kernels of a built-in algebra whose sums and products are kept in `dtype`; none where the executor has no such
/// kernels, nor for a user's algebra. Wrapping arithmetic does not see signs: unsigned integers use the kernels of signed
/// ones.
pub fn builtin(algebra: Algebra, dtype: Dtype, isa: Isa) -> Option<&'static Kernels> {
    let Algebra::Builtin { add, mul } = algebra else { return None };
    match (add, mul) {
        (BinaryOp::Add, BinaryOp::Mul) => sum_product(dtype, isa),
        (BinaryOp::Or, BinaryOp::And) if dtype == Dtype::Bool => sum_product(dtype, isa),
        (BinaryOp::Max, BinaryOp::Add) => ordered!(MaxPlus, dtype, isa),
        (BinaryOp::Min, BinaryOp::Add) => ordered!(MinPlus, dtype, isa),
        (BinaryOp::Max, BinaryOp::Mul) => ordered!(MaxTimes, dtype, isa),
        (BinaryOp::Min, BinaryOp::Mul) => ordered!(MinTimes, dtype, isa),
        (BinaryOp::Max, BinaryOp::Min) => ordered!(MaxMin, dtype, isa),
        _ => None,
    }
}

fn sum_product(dtype: Dtype, isa: Isa) -> Option<&'static Kernels> {
    Some(match dtype {
        Dtype::Bool => Kernels::of::<OrAnd>(isa),
        Dtype::I8 | Dtype::U8 => Kernels::of::<SumProduct<i8>>(isa),
        Dtype::I16 | Dtype::U16 => Kernels::of::<SumProduct<i16>>(isa),
        Dtype::I32 | Dtype::U32 => Kernels::of::<SumProduct<i32>>(isa),
        Dtype::I64 | Dtype::U64 => Kernels::of::<SumProduct<i64>>(isa),
        Dtype::F32 => isa.select(&F32),
        Dtype::F64 => isa.select(&F64),
        Dtype::C32 => isa.select(&C32),
        Dtype::C64 => isa.select(&C64),
        Dtype::CI32 => Kernels::of::<SumProduct<Complex<i32>>>(isa),
        Dtype::CI64 => Kernels::of::<SumProduct<Complex<i64>>>(isa),
        // The 16-bit floats are kept in f32.
        _ => return None,
    })
}
