//! The Rust types that can be elements.

use std::any::TypeId;

use einfold_ir::Dtype;
use half::{bf16, f16};
use num_complex::Complex;

/// A type whose values can be elements of a tensor: any `Copy` type that threads may share and that borrows nothing.
///
/// The trait is implemented for all such types, and [`Element::dtype`] follows from the `TypeId` alone. No implementation
/// can claim the dtype of another type, so unsafe code may trust the dtype of a view.
pub trait Element: Copy + Send + Sync + 'static {
    /// The dtype of this type: a built-in one for the 17 numeric types (and for `usize` and `isize`, which are the
    /// integers of their width), [`Dtype::custom`] for all others.
    fn dtype() -> Dtype;
}

impl<T: Copy + Send + Sync + 'static> Element for T {
    #[inline]
    fn dtype() -> Dtype {
        builtin(TypeId::of::<T>()).unwrap_or_else(Dtype::custom::<T>)
    }
}

#[cfg(target_pointer_width = "64")]
const WORDS: [Dtype; 2] = [Dtype::U64, Dtype::I64];
#[cfg(target_pointer_width = "32")]
const WORDS: [Dtype; 2] = [Dtype::U32, Dtype::I32];

/// The built-in dtype of a Rust type. A dtype stands for one memory layout: types with the same dtype are exchangeable in
/// memory.
#[inline]
fn builtin(id: TypeId) -> Option<Dtype> {
    macro_rules! table {
        ($($rust:ty => $dtype:expr),* $(,)?) => {
            $(if id == TypeId::of::<$rust>() { return Some($dtype); })*
        };
    }
    table! {
        f64 => Dtype::F64,
        f32 => Dtype::F32,
        i64 => Dtype::I64,
        i32 => Dtype::I32,
        bool => Dtype::Bool,
        Complex<f64> => Dtype::C64,
        Complex<f32> => Dtype::C32,
        u8 => Dtype::U8,
        i8 => Dtype::I8,
        u16 => Dtype::U16,
        i16 => Dtype::I16,
        u32 => Dtype::U32,
        u64 => Dtype::U64,
        f16 => Dtype::F16,
        bf16 => Dtype::BF16,
        Complex<i32> => Dtype::CI32,
        Complex<i64> => Dtype::CI64,
        usize => WORDS[0],
        isize => WORDS[1],
    }
    None
}

#[cfg(test)]
mod tests {
    use super::Element;
    use einfold_ir::Dtype;
    use half::{bf16, f16};
    use num_complex::Complex;

    #[test]
    fn every_builtin_dtype_has_its_rust_type() {
        fn row<T: Element>() -> (Dtype, usize, usize) {
            (T::dtype(), size_of::<T>(), align_of::<T>())
        }
        let rows = [
            row::<bool>(),
            row::<i8>(),
            row::<i16>(),
            row::<i32>(),
            row::<i64>(),
            row::<u8>(),
            row::<u16>(),
            row::<u32>(),
            row::<u64>(),
            row::<f16>(),
            row::<bf16>(),
            row::<f32>(),
            row::<f64>(),
            row::<Complex<f32>>(),
            row::<Complex<f64>>(),
            row::<Complex<i32>>(),
            row::<Complex<i64>>(),
        ];
        assert_eq!(rows.map(|r| r.0), Dtype::BUILTIN);
        assert!(rows.iter().all(|&(d, size, align)| d.size() == size && d.align() == align));
        for (dtype, size, align) in [row::<usize>(), row::<isize>()] {
            assert!(dtype.is_integer() && dtype.size() == size && dtype.align() == align);
        }
    }

    #[test]
    fn other_types_are_custom_and_differ() {
        #[derive(Clone, Copy)]
        struct Pair(#[expect(dead_code, reason = "only the layout matters")] u8, u32);
        assert_eq!(Pair::dtype(), Dtype::custom::<Pair>());
        assert_eq!((Pair::dtype().size(), Pair::dtype().align()), (8, 4));
        assert_ne!(Pair::dtype(), <(u8, u32)>::dtype());
        assert_eq!(Pair(0, 7).1, 7);
    }
}
