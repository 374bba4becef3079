//! The built-in element types and the tuple sizes, as macros that call another macro with each of them.

/// Calls `$then!` with every built-in dtype: the name of its variant, then its Rust type.
macro_rules! for_each_builtin {
    ($then:ident) => {
        $then! {
            Bool: bool,
            I8: i8,
            I16: i16,
            I32: i32,
            I64: i64,
            U8: u8,
            U16: u16,
            U32: u32,
            U64: u64,
            F16: half::f16,
            BF16: half::bf16,
            F32: f32,
            F64: f64,
            C32: num_complex::Complex<f32>,
            C64: num_complex::Complex<f64>,
            CI32: num_complex::Complex<i32>,
            CI64: num_complex::Complex<i64>,
        }
    };
}

/// Calls `$then!` with the names in brackets and the first, the first two, ... of those after them: once for each size
/// of a tuple.
macro_rules! for_each_tuple {
    ($then:ident, [$($taken:ident)*]) => {};
    ($then:ident, [$($taken:ident)*] $next:ident $($rest:ident)*) => {
        $then!($($taken)* $next);
        crate::lists::for_each_tuple!($then, [$($taken)* $next] $($rest)*);
    };
}

pub(crate) use {for_each_builtin, for_each_tuple};
