//! Dtypes and their promotion.

use std::any::TypeId;
use std::fmt;

/// Defines [`Dtype`] by a table: kind, size, alignment, short name and NumPy's name of each built-in dtype.
macro_rules! dtypes {
    ($($(#[$doc:meta])* $dtype:ident: $kind:ident, $size:literal, $align:literal, $name:literal, $numpy:expr;)+) => {
        /// The dtype of the elements of a tensor: the compiler uses size, alignment and promotion of an element, never
        /// a Rust type.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        #[non_exhaustive]
        pub enum Dtype {
            $($(#[$doc])* $dtype,)+
            /// An element or accumulator type of a user's semiring.
            Custom(Custom),
        }

        impl Dtype {
            /// All built-in dtypes, in the order of the enumeration.
            pub const BUILTIN: [Dtype; 17] = [$(Dtype::$dtype),+];

            fn facts(self) -> Facts {
                let row = |kind, size, align, name, numpy| Facts { kind, size, align, name, numpy };
                match self {
                    $(Dtype::$dtype => row(DtypeKind::$kind, $size, $align, $name, $numpy),)+
                    Dtype::Custom(c) => row(DtypeKind::Custom, c.size, c.align, c.name, None),
                }
            }
        }
    };
}

dtypes! {
    /// `bool`: addition is *or*, multiplication is *and*.
    Bool: Bool, 1, 1, "bool", Some("bool");
    /// `i8`, wrapping.
    I8: Signed, 1, 1, "i8", Some("int8");
    /// `i16`, wrapping.
    I16: Signed, 2, 2, "i16", Some("int16");
    /// `i32`, wrapping.
    I32: Signed, 4, 4, "i32", Some("int32");
    /// `i64`, wrapping.
    I64: Signed, 8, 8, "i64", Some("int64");
    /// `u8`, wrapping.
    U8: Unsigned, 1, 1, "u8", Some("uint8");
    /// `u16`, wrapping.
    U16: Unsigned, 2, 2, "u16", Some("uint16");
    /// `u32`, wrapping.
    U32: Unsigned, 4, 4, "u32", Some("uint32");
    /// `u64`, wrapping.
    U64: Unsigned, 8, 8, "u64", Some("uint64");
    /// IEEE half precision, accumulated in `f32`.
    F16: Float, 2, 2, "f16", Some("float16");
    /// The upper half of an `f32`, accumulated in `f32`.
    BF16: Float, 2, 2, "bf16", None;
    /// `f32`.
    F32: Float, 4, 4, "f32", Some("float32");
    /// `f64`.
    F64: Float, 8, 8, "f64", Some("float64");
    /// `Complex<f32>` (NumPy's `complex64`).
    C32: Complex, 8, 4, "c32", Some("complex64");
    /// `Complex<f64>` (NumPy's `complex128`).
    C64: Complex, 16, 8, "c64", Some("complex128");
    /// `Complex<i32>`: Gaussian integers, wrapping.
    CI32: ComplexInt, 8, 4, "ci32", None;
    /// `Complex<i64>`: Gaussian integers, wrapping.
    CI64: ComplexInt, 16, 8, "ci64", None;
}

/// A type outside the built-in table, with the facts that the compiler needs to store it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Custom {
    id: TypeId,
    size: usize,
    align: usize,
    name: &'static str,
}

/// The families of dtypes, which decide promotion and the operations that are defined.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub enum DtypeKind {
    /// `bool`.
    Bool,
    /// Unsigned integers.
    Unsigned,
    /// Signed integers.
    Signed,
    /// Real floating-point numbers.
    Float,
    /// Complex floating-point numbers.
    Complex,
    /// Complex signed integers.
    ComplexInt,
    /// A user's type.
    Custom,
}

/// The facts about one dtype.
struct Facts {
    kind: DtypeKind,
    size: usize,
    align: usize,
    name: &'static str,
    numpy: Option<&'static str>,
}

impl Dtype {
    /// The dtype of a type outside the built-in table. Only `Copy` types that own nothing can be stored in scratch
    /// memory.
    pub fn custom<T: Copy + Send + Sync + 'static>() -> Dtype {
        Dtype::Custom(Custom {
            id: TypeId::of::<T>(),
            size: size_of::<T>(),
            align: align_of::<T>(),
            name: std::any::type_name::<T>(),
        })
    }

    /// The size of one element in bytes.
    pub fn size(self) -> usize {
        self.facts().size
    }

    /// The alignment of one element in bytes.
    pub fn align(self) -> usize {
        self.facts().align
    }

    /// The family of the dtype.
    pub fn kind(self) -> DtypeKind {
        self.facts().kind
    }

    /// Whether elements may be gather or scatter indices: any integer, `bool` excluded.
    pub fn is_integer(self) -> bool {
        matches!(self.kind(), DtypeKind::Unsigned | DtypeKind::Signed)
    }

    /// Whether conjugation changes values of this dtype.
    pub fn is_complex(self) -> bool {
        matches!(self.kind(), DtypeKind::Complex | DtypeKind::ComplexInt)
    }

    /// The dtype of sums of products: `f32` for the 16-bit floats, the dtype itself for all others.
    pub fn accumulator(self) -> Dtype {
        match self {
            Dtype::F16 | Dtype::BF16 => Dtype::F32,
            other => other,
        }
    }

    /// The dtype of a real or imaginary part; the dtype itself unless it is complex.
    pub fn real(self) -> Dtype {
        match self {
            Dtype::C32 => Dtype::F32,
            Dtype::C64 => Dtype::F64,
            Dtype::CI32 => Dtype::I32,
            Dtype::CI64 => Dtype::I64,
            other => other,
        }
    }

    /// The short name: `f32`, `c64`, `i8`, `bool`.
    pub fn name(self) -> &'static str {
        self.facts().name
    }

    /// NumPy's name, if NumPy has the dtype: `float32`, `complex128`, `int8`, `bool`.
    pub fn numpy_name(self) -> Option<&'static str> {
        self.facts().numpy
    }

    /// The built-in dtype with this short or NumPy name.
    pub fn from_name(name: &str) -> Option<Dtype> {
        Dtype::BUILTIN.into_iter().find(|d| d.name() == name || d.numpy_name() == Some(name))
    }

    /// The dtype of an arithmetic promotion region over operands of these dtypes: NumPy's n-ary `result_type`, which
    /// differs from folding pairs (`i8, u8, f16` is `f16`, although `i8, u8` is `i16` and `i16, f16` is `f32`). `None`
    /// if the dtypes do not mix: Gaussian integers with floats or unsigned integers, a user's type with any other.
    /// Without operands it is `f64`, NumPy's default.
    pub fn promote(operands: &[Dtype]) -> Option<Dtype> {
        let Some((&first, rest)) = operands.split_first() else { return Some(Dtype::F64) };
        if rest.iter().all(|&d| d == first) {
            return Some(first);
        }
        let has = |kind| operands.iter().any(|d| d.kind() == kind);
        if has(DtypeKind::Custom) {
            None
        } else if has(DtypeKind::ComplexInt) {
            promote_gaussian(operands)
        } else if has(DtypeKind::Float) || has(DtypeKind::Complex) {
            Some(promote_inexact(operands, has(DtypeKind::Complex)))
        } else {
            Some(promote_integers(operands))
        }
    }
}

/// Promotes Gaussian, signed and `bool` dtypes: `CI64` if any needs more than 32 bits.
fn promote_gaussian(operands: &[Dtype]) -> Option<Dtype> {
    let mixes = |d: &Dtype| matches!(d.kind(), DtypeKind::Bool | DtypeKind::Signed | DtypeKind::ComplexInt);
    let wide = operands.iter().any(|d| matches!(d, Dtype::I64 | Dtype::CI64));
    operands.iter().all(mixes).then_some(if wide { Dtype::CI64 } else { Dtype::CI32 })
}

/// Promotes floats: each operand requires a least float; the widest requirement applies, made complex if any operand
/// is.
fn promote_inexact(operands: &[Dtype], complex: bool) -> Dtype {
    let bits = |d: &Dtype| match d {
        Dtype::Bool | Dtype::I8 | Dtype::U8 | Dtype::F16 | Dtype::BF16 => 16,
        Dtype::I16 | Dtype::U16 | Dtype::F32 | Dtype::C32 => 32,
        _ => 64,
    };
    let widest = operands.iter().map(bits).max();
    let (half, brain) = (operands.contains(&Dtype::F16), operands.contains(&Dtype::BF16));
    match (widest, complex) {
        (Some(64), false) => Dtype::F64,
        (Some(64), true) => Dtype::C64,
        (_, true) => Dtype::C32,
        (Some(32), false) => Dtype::F32,
        _ if half && brain => Dtype::F32,
        _ if brain => Dtype::BF16,
        _ => Dtype::F16,
    }
}

/// Promotes integers of several kinds or sizes, and `bool`: the least integer that has all values of all operands, or
/// `F64`.
fn promote_integers(operands: &[Dtype]) -> Dtype {
    let widest = |kind| operands.iter().filter(|d| d.kind() == kind).max_by_key(|d| d.size());
    match (widest(DtypeKind::Signed), widest(DtypeKind::Unsigned)) {
        (Some(&only), None) | (None, Some(&only)) => only,
        (Some(signed), Some(unsigned)) => match signed.size().max(2 * unsigned.size()) {
            2 => Dtype::I16,
            4 => Dtype::I32,
            8 => Dtype::I64,
            _ => Dtype::F64,
        },
        (None, None) => Dtype::Bool,
    }
}

impl fmt::Display for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::Dtype::{self, *};

    #[test]
    fn promotion_is_numpys_and_n_ary() {
        let cases: &[(&[Dtype], Dtype)] = &[
            (&[], F64),
            (&[I8, U8, F16], F16),
            (&[I8, U8], I16),
            (&[I64, U64], F64),
            (&[I32, F32], F64),
            (&[I16, F16], F32),
            (&[Bool, U8], U8),
            (&[U8, C32], C32),
            (&[I32, C32], C64),
            (&[F64, C32], C64),
            (&[F16, BF16], F32),
            (&[BF16, I8], BF16),
            (&[BF16, I16], F32),
            (&[F16, C32], C32),
            (&[CI32, I64], CI64),
            (&[CI32, Bool], CI32),
            (&[I64, U64, U8], F64),
        ];
        for (operands, want) in cases {
            assert_eq!(Dtype::promote(operands), Some(*want), "{operands:?}");
        }
        assert_eq!(Dtype::promote(&[CI32, F32]), None);
        assert_eq!(Dtype::promote(&[CI32, U8]), None);
        assert_eq!(Dtype::promote(&[Dtype::custom::<(f32, f32)>(), F32]), None);
    }

    #[test]
    fn names_round_trip() {
        for d in Dtype::BUILTIN {
            assert_eq!(Dtype::from_name(d.name()), Some(d));
            assert!(d.numpy_name().is_none_or(|n| Dtype::from_name(n) == Some(d)));
        }
    }
}
