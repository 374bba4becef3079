//! Numbers and tensors of any dtype for expected values. They favour exactness and simplicity over speed.

use einfold_ir::BinaryOp;
use einfold_ir::Dtype::{self, *};
use half::{bf16, f16};
use num_complex::Complex;

/// A number with real and imaginary part. Integers are represented modulo 2^128, which is consistent with narrower
/// wrapping.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Num {
    Int(i128, i128),
    Float(f64, f64),
}

impl Num {
    pub(crate) const ZERO: Num = Num::Int(0, 0);
    pub(crate) const ONE: Num = Num::Int(1, 0);

    /// Converts the number to `dtype`: wraps, rounds, or converts to a float.
    pub(crate) fn to(self, dtype: Dtype) -> Num {
        match (self, dtype) {
            (Num::Int(re, im), Bool | I8 | I16 | I32 | I64 | U8 | U16 | U32 | U64 | CI32 | CI64) => {
                Num::Int(wrap(re, dtype), wrap(im, dtype))
            }
            (Num::Int(re, im), _) => Num::Float(to_float(re), to_float(im)).to(dtype),
            (Num::Float(re, im), _) => Num::Float(round(re, dtype), round(im, dtype)),
        }
    }

    pub(crate) fn add(self, other: Num) -> Num {
        match (self, other) {
            (Num::Int(a, b), Num::Int(c, d)) => Num::Int(a.wrapping_add(c), b.wrapping_add(d)),
            _ => self.zip(other, |(a, b), (c, d)| (a + c, b + d)),
        }
    }

    pub(crate) fn mul(self, other: Num) -> Num {
        match (self, other) {
            (Num::Int(a, b), Num::Int(c, d)) => {
                let part = |p: i128, q: i128, r: i128, s: i128| p.wrapping_mul(q).wrapping_add(r.wrapping_mul(s));
                Num::Int(part(a, c, b.wrapping_neg(), d), part(a, d, b, c))
            }
            // The imaginary part of a real number is not multiplied, because 0 · inf would be NaN.
            (Num::Float(a, 0.0), Num::Float(c, 0.0)) => Num::Float(a * c, 0.0),
            _ => self.zip(other, |(a, b), (c, d)| (a * c - b * d, a * d + b * c)),
        }
    }

    pub(crate) fn conj(self) -> Num {
        match self {
            Num::Int(re, im) => Num::Int(re, im.wrapping_neg()),
            Num::Float(re, im) => Num::Float(re, -im),
        }
    }

    pub(crate) fn parts(self) -> (f64, f64) {
        match self {
            Num::Int(re, im) => (to_float(re), to_float(im)),
            Num::Float(re, im) => (re, im),
        }
    }

    /// Applies an operation of an algebra to two real numbers; + and × also apply to complex numbers.
    pub(crate) fn apply(self, op: BinaryOp, other: Num) -> Num {
        match (op, self, other) {
            (BinaryOp::Add, ..) => self.add(other),
            (BinaryOp::Mul, ..) => self.mul(other),
            (BinaryOp::Max, Num::Int(a, _), Num::Int(b, _)) => Num::Int(a.max(b), 0),
            (BinaryOp::Min, Num::Int(a, _), Num::Int(b, _)) => Num::Int(a.min(b), 0),
            (BinaryOp::Or, Num::Int(a, _), Num::Int(b, _)) => Num::Int(a | b, 0),
            (BinaryOp::And, Num::Int(a, _), Num::Int(b, _)) => Num::Int(a & b, 0),
            (BinaryOp::Max, ..) => self.zip(other, |(a, _), (b, _)| (if a.is_nan() || a > b { a } else { b }, 0.0)),
            (BinaryOp::Min, ..) => self.zip(other, |(a, _), (b, _)| (if a.is_nan() || a < b { a } else { b }, 0.0)),
            _ => unreachable!("{op} of {self:?} and {other:?}"),
        }
    }

    /// The identity of an operation on a real dtype; those of + and × on any dtype.
    pub(crate) fn identity(op: BinaryOp, dtype: Dtype) -> Num {
        let least = match dtype {
            I8 => Num::Int(i8::MIN.into(), 0),
            I16 => Num::Int(i16::MIN.into(), 0),
            I32 => Num::Int(i32::MIN.into(), 0),
            I64 => Num::Int(i64::MIN.into(), 0),
            F16 | BF16 | F32 | F64 => Num::Float(f64::NEG_INFINITY, 0.0),
            _ => Num::ZERO,
        };
        match (op, least) {
            (BinaryOp::Add | BinaryOp::Or, _) => Num::ZERO.to(dtype),
            (BinaryOp::Mul, _) => Num::ONE.to(dtype),
            (BinaryOp::Max, _) => least,
            (BinaryOp::Min | BinaryOp::And, Num::Int(low, _)) => {
                Num::Int(if low < 0 { -1 - low } else { -1 }, 0).to(dtype)
            }
            _ => Num::Float(f64::INFINITY, 0.0),
        }
    }

    fn zip(self, other: Num, f: impl Fn((f64, f64), (f64, f64)) -> (f64, f64)) -> Num {
        let (re, im) = f(self.parts(), other.parts());
        Num::Float(re, im)
    }
}

/// Not inlined: the compiler would hoist the conversion before the check of the variant, and valgrind would report it.
#[inline(never)]
fn to_float(x: i128) -> f64 {
    x as f64
}

#[inline(never)]
fn to_int(x: f64) -> i128 {
    x as i128
}

fn wrap(x: i128, dtype: Dtype) -> i128 {
    match dtype {
        Bool => (x != 0).into(),
        I8 => (x as i8).into(),
        I16 => (x as i16).into(),
        I32 | CI32 => (x as i32).into(),
        I64 | CI64 => (x as i64).into(),
        U8 => (x as u8).into(),
        U16 => (x as u16).into(),
        U32 => (x as u32).into(),
        _ => (x as u64).into(),
    }
}

fn round(x: f64, dtype: Dtype) -> f64 {
    match dtype {
        // Rounds through f32, because sums are accumulated in f32.
        F16 => f16::from_f32(x as f32).into(),
        BF16 => bf16::from_f32(x as f32).into(),
        F32 | C32 => (x as f32).into(),
        _ => x,
    }
}

/// An expected tensor: its elements in row-major order.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Tensor {
    pub(crate) dtype: Dtype,
    pub(crate) shape: Vec<usize>,
    pub(crate) data: Vec<Num>,
}

impl Tensor {
    pub(crate) fn full(dtype: Dtype, shape: &[usize], value: Num) -> Tensor {
        let data = vec![value.to(dtype); shape.iter().product()];
        Tensor { dtype, shape: shape.to_vec(), data }
    }

    pub(crate) fn ints(dtype: Dtype, shape: &[usize], values: impl IntoIterator<Item = i128>) -> Tensor {
        let data: Vec<Num> = values.into_iter().map(|v| Num::Int(v, 0).to(dtype)).collect();
        assert_eq!(data.len(), shape.iter().product::<usize>());
        Tensor { dtype, shape: shape.to_vec(), data }
    }

    /// The offset of the element at `position`; axes of size 1 broadcast.
    pub(crate) fn offset(&self, position: impl IntoIterator<Item = usize>) -> usize {
        position.into_iter().zip(&self.shape).fold(0, |at, (p, &n)| at * n + if n == 1 { 0 } else { p })
    }

    /// Describes the first difference of two tensors beyond `tolerance`.
    pub(crate) fn differs(&self, want: &Tensor, tolerance: f64) -> Option<String> {
        if (self.dtype, &self.shape) != (want.dtype, &want.shape) {
            return Some(format!("{}{:?}, want {}{:?}", self.dtype, self.shape, want.dtype, want.shape));
        }
        let near = |a: f64, b: f64| a == b || (a - b).abs() <= tolerance;
        let is_nan = |x: Num| x.parts().0.is_nan() || x.parts().1.is_nan();
        let same = |a: Num, b: Num| match (a, b) {
            (Num::Int(..), Num::Int(..)) => a == b,
            // A complex number is NaN if one part is; the other part depends on the order of operations.
            _ if is_nan(a) || is_nan(b) => is_nan(a) && is_nan(b),
            _ => near(a.parts().0, b.parts().0) && near(a.parts().1, b.parts().1),
        };
        let at = self.data.iter().zip(&want.data).position(|(&a, &b)| !same(a, b))?;
        Some(format!("element {at}: {:?}, want {:?}", self.data[at], want.data[at]))
    }
}

/// All positions of a box, the last axis fastest.
pub(crate) fn points(extents: &[usize]) -> impl Iterator<Item = Vec<usize>> + use<> {
    let extents = extents.to_vec();
    let total: usize = extents.iter().product();
    (0..total).map(move |flat| {
        let mut rest = flat;
        let mut point: Vec<usize> = extents
            .iter()
            .rev()
            .map(|&n| {
                let p = rest % n;
                rest /= n;
                p
            })
            .collect();
        point.reverse();
        point
    })
}

/// The Rust type of the elements of a built-in dtype.
pub(crate) trait Elem: Copy + Send + Sync + 'static {
    const DTYPE: Dtype;
    fn from_num(x: Num) -> Self;
    fn num(self) -> Num;
}

macro_rules! elem {
    ($($t:ty, $dtype:ident, $x:ident: $from:expr, $s:ident: $num:expr;)*) => {$(
        impl Elem for $t {
            const DTYPE: Dtype = $dtype;
            fn from_num($x: Num) -> Self {
                let $x = Parts::of($x);
                $from
            }
            fn num(self) -> Num {
                let $s = self;
                $num
            }
        }
    )*};
}

/// A number in several representations, from which each dtype takes the exact one.
struct Parts {
    int: (i128, i128),
    float: (f64, f64),
}

impl Parts {
    fn of(x: Num) -> Parts {
        match x {
            Num::Int(re, im) => Parts { int: (re, im), float: x.parts() },
            Num::Float(re, im) => Parts { int: (to_int(re), to_int(im)), float: (re, im) },
        }
    }
}

elem! {
    bool, Bool, x: x.int.0 != 0, s: Num::Int(s.into(), 0);
    i8, I8, x: x.int.0 as i8, s: Num::Int(s.into(), 0);
    i16, I16, x: x.int.0 as i16, s: Num::Int(s.into(), 0);
    i32, I32, x: x.int.0 as i32, s: Num::Int(s.into(), 0);
    i64, I64, x: x.int.0 as i64, s: Num::Int(s.into(), 0);
    u8, U8, x: x.int.0 as u8, s: Num::Int(s.into(), 0);
    u16, U16, x: x.int.0 as u16, s: Num::Int(s.into(), 0);
    u32, U32, x: x.int.0 as u32, s: Num::Int(s.into(), 0);
    u64, U64, x: x.int.0 as u64, s: Num::Int(s.into(), 0);
    f16, F16, x: f16::from_f32(x.float.0 as f32), s: Num::Float(s.into(), 0.0);
    bf16, BF16, x: bf16::from_f32(x.float.0 as f32), s: Num::Float(s.into(), 0.0);
    f32, F32, x: x.float.0 as f32, s: Num::Float(s.into(), 0.0);
    f64, F64, x: x.float.0, s: Num::Float(s, 0.0);
    Complex<f32>, C32, x: Complex::new(x.float.0 as f32, x.float.1 as f32), s: Num::Float(s.re.into(), s.im.into());
    Complex<f64>, C64, x: Complex::new(x.float.0, x.float.1), s: Num::Float(s.re, s.im);
    Complex<i32>, CI32, x: Complex::new(x.int.0 as i32, x.int.1 as i32), s: Num::Int(s.re.into(), s.im.into());
    Complex<i64>, CI64, x: Complex::new(x.int.0 as i64, x.int.1 as i64), s: Num::Int(s.re.into(), s.im.into());
}

/// Evaluates the body with `$t` as the Rust type of a built-in dtype.
macro_rules! with_elem {
    ($dtype:expr, $t:ident => $body:expr) => {{
        use einfold_ir::Dtype;
        macro_rules! run {
            ($e:ty) => {{
                type $t = $e;
                $body
            }};
        }
        match $dtype {
            Dtype::Bool => run!(bool),
            Dtype::I8 => run!(i8),
            Dtype::I16 => run!(i16),
            Dtype::I32 => run!(i32),
            Dtype::I64 => run!(i64),
            Dtype::U8 => run!(u8),
            Dtype::U16 => run!(u16),
            Dtype::U32 => run!(u32),
            Dtype::U64 => run!(u64),
            Dtype::F16 => run!(half::f16),
            Dtype::BF16 => run!(half::bf16),
            Dtype::F32 => run!(f32),
            Dtype::F64 => run!(f64),
            Dtype::C32 => run!(num_complex::Complex<f32>),
            Dtype::C64 => run!(num_complex::Complex<f64>),
            Dtype::CI32 => run!(num_complex::Complex<i32>),
            Dtype::CI64 => run!(num_complex::Complex<i64>),
            other => unreachable!("{other} is not built in"),
        }
    }};
}
pub(crate) use with_elem;
