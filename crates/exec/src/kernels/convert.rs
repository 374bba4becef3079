//! Conversions between built-in element types, with the values that NumPy's `astype` gives.

use ::half::{bf16, f16};
use einfold_ir::Dtype;
use num_complex::Complex;

use super::{Dst, Src, UnaryFn, copy, half, map};

/// The kernel `c = a` from one built-in type to another, or `c = conj(a)`; the source and the target of the
/// [contract](super::Kernels) have these types.
///
/// It exists for each pair that [`Dtype::promote`] widens, for a type and itself, for any integer or float to any float
/// of 32 bits or more, real or complex, and for `f32` and `f64` to the 16-bit floats. Each conversion rounds once, to
/// nearest even. It does not exist from float to integer, from complex to real, to `bool` from another type, and for the
/// types of a user.
pub fn convert(from: Dtype, to: Dtype, conj: bool) -> Option<UnaryFn> {
    match conj && from.is_complex() {
        true => conjugate(from, to),
        false if from == to && !matches!(from, Dtype::Custom(_)) => copy::of_size(from.size()),
        false => plain(from, to),
    }
}

/// Conversion of a value to another type.
trait To<T>: Copy {
    fn to(self) -> T;
}

unsafe fn run<A: To<B>, B: Copy>(n: [usize; 2], c: Dst, a: Src) {
    // SAFETY: the caller upholds the contract of `Kernels`.
    unsafe { map::unary(n, c, a, <A as To<B>>::to) }
}

/// The Rust type that is read or written for a dtype. A `bool` is read as its byte, 0 or 1.
macro_rules! rust {
    (Bool) => { u8 };
    (I8) => { i8 };
    (I16) => { i16 };
    (I32) => { i32 };
    (I64) => { i64 };
    (U8) => { u8 };
    (U16) => { u16 };
    (U32) => { u32 };
    (U64) => { u64 };
    (F16) => { f16 };
    (BF16) => { bf16 };
    (F32) => { f32 };
    (F64) => { f64 };
    (C32) => { Complex<f32> };
    (C64) => { Complex<f64> };
    (CI32) => { Complex<i32> };
    (CI64) => { Complex<i64> };
}

/// A number that `as` converts, as a value of a dtype.
macro_rules! cast {
    (F16, $x:expr) => {
        $x.f16()
    };
    (BF16, $x:expr) => {
        $x.bf16()
    };
    (C32, $x:expr) => {
        Complex::new($x as f32, 0.0)
    };
    (C64, $x:expr) => {
        Complex::new($x as f64, 0.0)
    };
    (CI32, $x:expr) => {
        Complex::new($x as i32, 0)
    };
    (CI64, $x:expr) => {
        Complex::new($x as i64, 0)
    };
    ($to:ident, $x:expr) => {
        $x as rust!($to)
    };
}

/// Conversion of a number to the 16-bit floats with one rounding.
trait Narrow {
    fn f16(self) -> f16;
    fn bf16(self) -> bf16;
}

macro_rules! narrow {
    ($($from:ty: $f16:expr, $bf16:expr;)*) => { $(
        impl Narrow for $from {
            #[inline(always)]
            fn f16(self) -> f16 {
                $f16(self.into())
            }
            #[inline(always)]
            fn bf16(self) -> bf16 {
                $bf16(self.into())
            }
        }
    )* };
}

narrow! {
    u8: half::f16_of_f32, half::bf16_of_f32;
    i8: half::f16_of_f32, half::bf16_of_f32;
    f32: half::f16_of_f32, half::bf16_of_f32;
    f64: half::f16_of_f64, half::bf16_of_f64;
}

macro_rules! conversions {
    ($($from:ident($x:ident => $number:expr): $($to:ident)*;)*) => {
        fn plain(from: Dtype, to: Dtype) -> Option<UnaryFn> {
            match (from, to) {
                $($((Dtype::$from, Dtype::$to) => {
                    #[derive(Clone, Copy)]
                    #[repr(transparent)]
                    struct From(rust!($from));
                    impl To<rust!($to)> for From {
                        #[inline(always)]
                        #[allow(clippy::unnecessary_cast, reason = "the list decides which casts change nothing")]
                        fn to(self) -> rust!($to) {
                            let $x = self.0;
                            cast!($to, $number)
                        }
                    }
                    Some(run::<From, rust!($to)>)
                })*)*
                _ => complex(from, to),
            }
        }
    };
}

conversions! {
    Bool(x => x): I8 I16 I32 I64 U8 U16 U32 U64 F16 BF16 F32 F64 C32 C64 CI32 CI64;
    I8(x => x): I16 I32 I64 F16 BF16 F32 F64 C32 C64 CI32 CI64;
    I16(x => x): I32 I64 F32 F64 C32 C64 CI32 CI64;
    I32(x => x): I64 F32 F64 C32 C64 CI32 CI64;
    I64(x => x): F32 F64 C32 C64 CI64;
    U8(x => x): I16 I32 I64 U16 U32 U64 F16 BF16 F32 F64 C32 C64;
    U16(x => x): I32 I64 U32 U64 F32 F64 C32 C64;
    U32(x => x): I64 U64 F32 F64 C32 C64;
    U64(x => x): F32 F64 C32 C64;
    F16(x => half::from_f16(x)): F32 F64 C32 C64;
    BF16(x => half::from_bf16(x)): F32 F64 C32 C64;
    F32(x => x): F16 BF16 F64 C32 C64;
    F64(x => x): F16 BF16 F32 C32 C64;
}

macro_rules! complex_conversions {
    ($($from:ty => $to:ty, $part:ident, $negative:expr;)*) => { $(
        impl To<Complex<$to>> for Complex<$from> {
            #[inline(always)]
            fn to(self) -> Complex<$to> {
                Complex::new(self.re as $part, self.im as $part)
            }
        }

        impl To<Complex<$to>> for Conjugate<$from> {
            #[inline(always)]
            fn to(self) -> Complex<$to> {
                let negative: fn($part) -> $part = $negative;
                Complex::new(self.0.re as $part, negative(self.0.im as $part))
            }
        }
    )* };
}

/// A complex number that is conjugated by its conversion.
#[derive(Clone, Copy)]
#[repr(transparent)]
struct Conjugate<T>(Complex<T>);

complex_conversions! {
    f32 => f32, f32, |x| -x;
    f32 => f64, f64, |x| -x;
    f64 => f32, f32, |x| -x;
    f64 => f64, f64, |x| -x;
    i32 => i32, i32, |x| x.wrapping_neg();
    i32 => i64, i64, |x| x.wrapping_neg();
    i64 => i64, i64, |x| x.wrapping_neg();
}

fn complex(from: Dtype, to: Dtype) -> Option<UnaryFn> {
    Some(match (from, to) {
        (Dtype::C32, Dtype::C64) => run::<Complex<f32>, Complex<f64>>,
        (Dtype::C64, Dtype::C32) => run::<Complex<f64>, Complex<f32>>,
        (Dtype::CI32, Dtype::CI64) => run::<Complex<i32>, Complex<i64>>,
        _ => return None,
    })
}

fn conjugate(from: Dtype, to: Dtype) -> Option<UnaryFn> {
    Some(match (from, to) {
        (Dtype::C32, Dtype::C32) => run::<Conjugate<f32>, Complex<f32>>,
        (Dtype::C32, Dtype::C64) => run::<Conjugate<f32>, Complex<f64>>,
        (Dtype::C64, Dtype::C32) => run::<Conjugate<f64>, Complex<f32>>,
        (Dtype::C64, Dtype::C64) => run::<Conjugate<f64>, Complex<f64>>,
        (Dtype::CI32, Dtype::CI32) => run::<Conjugate<i32>, Complex<i32>>,
        (Dtype::CI32, Dtype::CI64) => run::<Conjugate<i32>, Complex<i64>>,
        (Dtype::CI64, Dtype::CI64) => run::<Conjugate<i64>, Complex<i64>>,
        _ => return None,
    })
}
