//! The kernels of the built-in algebras.

use einfold_ir::{Algebra, BinaryOp, Dtype};
use num_complex::Complex;

use super::isa::PerIsa;
use super::op::{Bit, Max, Min, Plus, Times};
use super::table::Tables;
use super::{Isa, Kernels, blas};

macro_rules! ordered {
    ($add:ident, $mul:ident, $dtype:expr, $isa:expr) => {
        match $dtype {
            Dtype::F32 => Some($isa.select(&Tables::<$add<f32>, $mul<f32>>::ALL)),
            Dtype::F64 => Some($isa.select(&Tables::<$add<f64>, $mul<f64>>::ALL)),
            Dtype::I32 => Some($isa.select(&Tables::<$add<i32>, $mul<i32>>::ALL)),
            Dtype::I64 => Some($isa.select(&Tables::<$add<i64>, $mul<i64>>::ALL)),
            _ => None,
        }
    };
}

/// (+, ×) over one type.
type SumProduct<T> = Tables<Plus<T>, Times<T>>;

static F32: PerIsa<Kernels> = blas::with_gemm(SumProduct::<f32>::ALL, blas::f32_product);
static F64: PerIsa<Kernels> = blas::with_gemm(SumProduct::<f64>::ALL, blas::f64_product);
static C32: PerIsa<Kernels> = blas::with_gemm(SumProduct::<Complex<f32>>::ALL, blas::c32_product);
static C64: PerIsa<Kernels> = blas::with_gemm(SumProduct::<Complex<f64>>::ALL, blas::c64_product);

/// The kernels of a built-in algebra whose sums and products are kept in `dtype`; none where the executor has no such
/// kernels, nor for a user's algebra. Elements are lifted and finished by [`convert`](super::convert), not by these kernels.
/// Wrapping arithmetic does not see signs: unsigned integers use the kernels of signed ones.
pub fn builtin(algebra: Algebra, dtype: Dtype, isa: Isa) -> Option<&'static Kernels> {
    let Algebra::Builtin { add, mul } = algebra else { return None };
    match (add, mul) {
        (BinaryOp::Add, BinaryOp::Mul) => sum_product(dtype, isa),
        (BinaryOp::Or, BinaryOp::And) if dtype == Dtype::Bool => sum_product(dtype, isa),
        (BinaryOp::Max, BinaryOp::Add) => ordered!(Max, Plus, dtype, isa),
        (BinaryOp::Min, BinaryOp::Add) => ordered!(Min, Plus, dtype, isa),
        (BinaryOp::Max, BinaryOp::Mul) => ordered!(Max, Times, dtype, isa),
        (BinaryOp::Min, BinaryOp::Mul) => ordered!(Min, Times, dtype, isa),
        (BinaryOp::Max, BinaryOp::Min) => ordered!(Max, Min, dtype, isa),
        _ => None,
    }
}

fn sum_product(dtype: Dtype, isa: Isa) -> Option<&'static Kernels> {
    Some(isa.select(match dtype {
        Dtype::Bool => &SumProduct::<Bit>::ALL,
        Dtype::I8 | Dtype::U8 => &SumProduct::<i8>::ALL,
        Dtype::I16 | Dtype::U16 => &SumProduct::<i16>::ALL,
        Dtype::I32 | Dtype::U32 => &SumProduct::<i32>::ALL,
        Dtype::I64 | Dtype::U64 => &SumProduct::<i64>::ALL,
        Dtype::F32 => &F32,
        Dtype::F64 => &F64,
        Dtype::C32 => &C32,
        Dtype::C64 => &C64,
        Dtype::CI32 => &SumProduct::<Complex<i32>>::ALL,
        Dtype::CI64 => &SumProduct::<Complex<i64>>::ALL,
        // The 16-bit floats are kept in f32.
        _ => return None,
    }))
}
