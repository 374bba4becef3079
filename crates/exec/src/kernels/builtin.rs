//! The kernels of the built-in algebras: those of ⊕, of ⊗, and of the pairs that are compiled together.

use einfold_ir::{Algebra, BinaryOp, Dtype};
use num_complex::Complex;

use super::isa::PerIsa;
use super::op::{And, Bit, LogAddExp, Max, Min, Or, Plus, Times};
#[cfg(target_arch = "x86_64")]
use super::product;
use super::product::ProductKernels;
use super::table::{AddKernels, MulKernels, OpTable, PairTable};
use super::{CompensateFn, Fused, InPlace, Isa, Kernels, compensated, lse, matrixmultiply, small, table};

/// The kernels of a built-in algebra with accumulators of `dtype`; `None` if one of its operations is not defined there,
/// for the 16-bit floats and for the algebra of a user. [`convert`](super::convert) lifts and finishes elements, not
/// these kernels.
///
/// Every operation has kernels of its own. [`Kernels::fused`] exists for the semirings: (+, ×) on all types, on `bool`
/// with its dual; (max, +), (min, +), (max, min) and (min, max) on `f32`, `f64`, `i32` and `i64`; (max, ×) and (min, ×)
/// on `f32` and `f64`.
pub fn builtin(algebra: Algebra, dtype: Dtype, isa: Isa) -> Option<Kernels> {
    let Algebra::Builtin { add, mul } = algebra else { return None };
    let AddKernels { fill_zero, add: adds, scatter } = adds(add, dtype, isa)?;
    let MulKernels { fill_one, scale, mul: muls } = muls(mul, dtype, isa)?;
    let (fused, compensate) = (fused(add, mul, dtype, isa), compensate(add, dtype, isa));
    Some(Kernels { fill_zero, fill_one, add: adds, scatter, scale, mul: muls, fused, compensate })
}

fn compensate(add: BinaryOp, dtype: Dtype, isa: Isa) -> Option<CompensateFn> {
    macro_rules! of {
        ($t:ty) => {
            Some(*isa.select(
                const { &table::since_avx2::<CompensateFn>(compensated::portable::<$t>, compensated::avx2::<$t>) },
            ))
        };
    }
    match (add, dtype) {
        (BinaryOp::Add, Dtype::F32) => of!(f32),
        (BinaryOp::Add, Dtype::F64) => of!(f64),
        (BinaryOp::Add, Dtype::C32) => of!(Complex<f32>),
        (BinaryOp::Add, Dtype::C64) => of!(Complex<f64>),
        _ => None,
    }
}

macro_rules! arithmetic {
    ($dtype:expr, $op:ident, $of:ident) => {
        match $dtype {
            Dtype::I8 | Dtype::U8 => $of!($op<i8>),
            Dtype::I16 | Dtype::U16 => $of!($op<i16>),
            Dtype::I32 | Dtype::U32 => $of!($op<i32>),
            Dtype::I64 | Dtype::U64 => $of!($op<i64>),
            Dtype::F32 => $of!($op<f32>),
            Dtype::F64 => $of!($op<f64>),
            Dtype::C32 => $of!($op<Complex<f32>>),
            Dtype::C64 => $of!($op<Complex<f64>>),
            Dtype::CI32 => $of!($op<Complex<i32>>),
            Dtype::CI64 => $of!($op<Complex<i64>>),
            _ => None,
        }
    };
}

macro_rules! ordered {
    ($dtype:expr, $op:ident, $of:ident) => {
        match $dtype {
            Dtype::I8 => $of!($op<i8>),
            Dtype::I16 => $of!($op<i16>),
            Dtype::I32 => $of!($op<i32>),
            Dtype::I64 => $of!($op<i64>),
            Dtype::U8 => $of!($op<u8>),
            Dtype::U16 => $of!($op<u16>),
            Dtype::U32 => $of!($op<u32>),
            Dtype::U64 => $of!($op<u64>),
            Dtype::F32 => $of!($op<f32>),
            Dtype::F64 => $of!($op<f64>),
            _ => None,
        }
    };
}

macro_rules! bitwise {
    ($dtype:expr, $op:ident, $of:ident) => {
        match $dtype {
            Dtype::I8 | Dtype::U8 => $of!($op<i8>),
            Dtype::I16 | Dtype::U16 => $of!($op<i16>),
            Dtype::I32 | Dtype::U32 => $of!($op<i32>),
            Dtype::I64 | Dtype::U64 => $of!($op<i64>),
            _ => None,
        }
    };
}

/// Calls `$of` with the type of an operation on a dtype. Wrapping and bitwise arithmetic is the same with and without
/// sign, so unsigned integers use the kernels of signed ones. On `bool` all operations are *or* and *and*.
macro_rules! operation {
    ($op:expr, $dtype:expr, $of:ident) => {
        match ($op, $dtype) {
            (BinaryOp::Add | BinaryOp::Or | BinaryOp::Max, Dtype::Bool) => $of!(Plus<Bit>),
            (BinaryOp::Mul | BinaryOp::And | BinaryOp::Min, Dtype::Bool) => $of!(Times<Bit>),
            (BinaryOp::Add, _) => arithmetic!($dtype, Plus, $of),
            (BinaryOp::Mul, _) => arithmetic!($dtype, Times, $of),
            (BinaryOp::Max, _) => ordered!($dtype, Max, $of),
            (BinaryOp::Min, _) => ordered!($dtype, Min, $of),
            (BinaryOp::Or, _) => bitwise!($dtype, Or, $of),
            (BinaryOp::And, _) => bitwise!($dtype, And, $of),
            (BinaryOp::LogAddExp, Dtype::F32) => $of!(LogAddExp<f32>),
            (BinaryOp::LogAddExp, Dtype::F64) => $of!(LogAddExp<f64>),
            _ => None,
        }
    };
}

fn adds(op: BinaryOp, dtype: Dtype, isa: Isa) -> Option<AddKernels> {
    macro_rules! of {
        (LogAddExp<$t:ty>) => {
            Some(*isa.select(
                const {
                    let scatter = table::portable::scatter::<LogAddExp<$t>>;
                    let fill_zero = table::fill::<LogAddExp<$t>>;
                    &table::since_avx2(
                        AddKernels { fill_zero, add: lse::portable::<$t>, scatter },
                        AddKernels { fill_zero, add: lse::avx2::<$t>, scatter },
                    )
                },
            ))
        };
        ($op:ty) => {
            Some(*isa.select(&OpTable::<$op>::ADDS))
        };
    }
    operation!(op, dtype, of)
}

fn muls(op: BinaryOp, dtype: Dtype, isa: Isa) -> Option<MulKernels> {
    macro_rules! of {
        ($op:ty) => {
            Some(*isa.select(&OpTable::<$op>::MULS))
        };
    }
    operation!(op, dtype, of)
}

/// The fused kernels: most are compiled for every instruction set, the rarer ones not for the widest.
pub(crate) fn fused(add: BinaryOp, mul: BinaryOp, dtype: Dtype, isa: Isa) -> Option<Fused> {
    use BinaryOp as B;
    macro_rules! every {
        ($a:ident, $m:ident, $t:ty) => {
            Some(*isa.select(&PairTable::<$a<$t>, $m<$t>>::EVERY))
        };
    }
    macro_rules! common {
        ($a:ident, $m:ident, $t:ty) => {
            Some(*isa.select(&PairTable::<$a<$t>, $m<$t>>::COMMON))
        };
    }
    macro_rules! numbers {
        ($a:ident, $m:ident, $float:ident) => {
            match dtype {
                Dtype::F32 => $float!($a, $m, f32),
                Dtype::F64 => $float!($a, $m, f64),
                Dtype::I32 => common!($a, $m, i32),
                Dtype::I64 => common!($a, $m, i64),
                _ => None,
            }
        };
    }
    match (add, mul, dtype) {
        (B::Add | B::Or | B::Max, B::Mul | B::And | B::Min, Dtype::Bool) => every!(Plus, Times, Bit),
        (B::Mul | B::And | B::Min, B::Add | B::Or | B::Max, Dtype::Bool) => common!(Times, Plus, Bit),
        (B::Add, B::Mul, _) => sum_product(dtype, isa),
        (B::Max, B::Add, _) => numbers!(Max, Plus, every),
        (B::Min, B::Add, _) => numbers!(Min, Plus, every),
        (B::Max, B::Min, _) => numbers!(Max, Min, common),
        (B::Min, B::Max, _) => numbers!(Min, Max, common),
        (B::Max, B::Mul, Dtype::F32) => common!(Max, Times, f32),
        (B::Max, B::Mul, Dtype::F64) => common!(Max, Times, f64),
        (B::Min, B::Mul, Dtype::F32) => common!(Min, Times, f32),
        (B::Min, B::Mul, Dtype::F64) => common!(Min, Times, f64),
        _ => None,
    }
}

/// The products of floats: our own with vector instructions, else in place those of `matrixmultiply`.
type FloatProduct = (InPlace, ProductKernels);

macro_rules! float_products {
    ($t:ty, $gemm:path, $own:path) => {
        PerIsa {
            portable: (
                InPlace { run: $gemm, allocates: true, streamed_rows: None, dots: None },
                PairTable::<Plus<$t>, Times<$t>>::PORTABLE_PRODUCT,
            ),
            #[cfg(target_arch = "x86_64")]
            avx2: $own[0],
            #[cfg(target_arch = "x86_64")]
            avx512: $own[1],
        }
    };
}
const F32_PRODUCTS: PerIsa<FloatProduct> = float_products!(f32, matrixmultiply::f32_gemm, product::F32);
const F64_PRODUCTS: PerIsa<FloatProduct> = float_products!(f64, matrixmultiply::f64_gemm, product::F64);
const C32_PRODUCTS: PerIsa<FloatProduct> = float_products!(Complex<f32>, matrixmultiply::c32_gemm, product::C32);
const C64_PRODUCTS: PerIsa<FloatProduct> = float_products!(Complex<f64>, matrixmultiply::c64_gemm, product::C64);

fn sum_product(dtype: Dtype, isa: Isa) -> Option<Fused> {
    macro_rules! of {
        ($t:ty, $table:ident) => {
            isa.select(&PairTable::<Plus<$t>, Times<$t>>::$table)
        };
    }
    /// The kernels of a dtype that has a matrix product in place.
    macro_rules! with_gemm {
        ($t:ty, $product:expr) => {{
            let (gemm, product) = $product;
            let mul_add = *isa.select(&PairTable::<Plus<$t>, Times<$t>>::MUL_ADD);
            return Some(Fused { mul_add, small: small::product::<Plus<$t>, Times<$t>>, product, gemm: Some(gemm) });
        }};
    }
    Some(*match dtype {
        Dtype::I8 | Dtype::U8 => of!(i8, EVERY),
        Dtype::I16 | Dtype::U16 => of!(i16, EVERY),
        Dtype::I32 | Dtype::U32 => of!(i32, EVERY),
        Dtype::I64 | Dtype::U64 => of!(i64, EVERY),
        Dtype::CI32 => of!(Complex<i32>, COMMON),
        Dtype::CI64 => of!(Complex<i64>, COMMON),
        Dtype::F32 => with_gemm!(f32, *isa.select(&F32_PRODUCTS)),
        Dtype::F64 => with_gemm!(f64, *isa.select(&F64_PRODUCTS)),
        Dtype::C32 => with_gemm!(Complex<f32>, *isa.select(&C32_PRODUCTS)),
        Dtype::C64 => with_gemm!(Complex<f64>, *isa.select(&C64_PRODUCTS)),
        // The accumulator of the 16-bit floats is f32.
        _ => return None,
    })
}
