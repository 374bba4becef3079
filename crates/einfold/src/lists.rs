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

/// Calls `$then!` once for each tuple size, with names for its elements: one to twelve, or two to eight.
macro_rules! for_each_tuple {
    (1..=12, $then:ident) => {
        $then!(A);
        crate::lists::for_each_tuple!(2..=8, $then);
        $then!(A B C D E F G H I);
        $then!(A B C D E F G H I J);
        $then!(A B C D E F G H I J K);
        $then!(A B C D E F G H I J K L);
    };
    (2..=8, $then:ident) => {
        $then!(A B);
        $then!(A B C);
        $then!(A B C D);
        $then!(A B C D E);
        $then!(A B C D E F);
        $then!(A B C D E F G);
        $then!(A B C D E F G H);
    };
}

pub(crate) use {for_each_builtin, for_each_tuple};
