//! The functions of pointwise expressions, over contiguous elements: an expression is evaluated in blocks of the
//! innermost cache, so its values are contiguous.

mod complex;
mod real;

use einfold_ir::{Dtype, Function};
use num_complex::Complex;

use super::Isa;
#[cfg(target_arch = "x86_64")]
use super::isa::with_features;
use super::op::{Bit, Max, Min, Plus, ScalarOp, Times};
use super::table::since_avx2;

/// `c[i] = f(a[i], …)` for `i` below `n`, over contiguous elements. Arguments beyond those of the function are not read.
///
/// # Safety
/// Each pointer is aligned for its type and is the first of `n` elements of it; those of the arguments hold values. No
/// other thread writes the arguments or touches the target during the call, and the target overlaps no argument.
pub type ContiguousFn = unsafe fn(n: usize, c: *mut u8, arguments: [*const u8; 3]);

/// The kernel of a function whose last argument has this dtype. It exists wherever [`Function::result`] has a dtype,
/// except for the 16-bit floats, which are computed in `f32`.
///
/// Integers wrap. The real `exp` and `log` are within a unit in the last place, `sigmoid` is computed from `exp`, and the
/// other real functions are those of the platform's mathematical library. The complex functions have the special values
/// of C99, Annex G, where NumPy has them; division is by Smith's method, and powers are NumPy's.
pub fn function(function: Function, dtype: Dtype, isa: Isa) -> Option<ContiguousFn> {
    if matches!(dtype, Dtype::F16 | Dtype::BF16 | Dtype::Custom(_)) {
        return None;
    }
    match function {
        Function::Where => select(dtype.size()),
        Function::Add => add(dtype, isa),
        Function::Mul => mul(dtype, isa),
        Function::Max => max(dtype, isa),
        Function::Min => min(dtype, isa),
        Function::Eq => equal(dtype, isa),
        Function::Neg | Function::Sub => difference(function, dtype, isa),
        Function::Abs | Function::Sign => magnitude(function, dtype, isa),
        Function::Conj | Function::Re | Function::Im => part(function, dtype),
        _ => real::function(function, dtype, isa).or_else(|| complex::function(function, dtype)),
    }
}

/// A function of elements.
trait Map: 'static {
    type In: Arguments;
    type Out: Copy;
    fn apply(arguments: Self::In) -> Self::Out;
}

/// The arguments of a function, one from each source.
trait Arguments: Copy {
    /// # Safety
    /// The contract of [`ContiguousFn`], for an `i` below its `n`.
    unsafe fn read(from: [*const u8; 3], i: usize) -> Self;
}

macro_rules! arguments {
    ($($t:ident $k:literal)*) => {
        impl<$($t: Copy),*> Arguments for ($($t,)*) {
            #[inline(always)]
            unsafe fn read(from: [*const u8; 3], i: usize) -> Self {
                // SAFETY: the caller upholds the contract of `ContiguousFn`.
                unsafe { ($(from[$k].cast::<$t>().add(i).read(),)*) }
            }
        }
    };
}
arguments!(A 0);
arguments!(A 0 B 1);
arguments!(A 0 B 1 C 2);

#[inline(always)]
unsafe fn each<M: Map>(n: usize, c: *mut u8, arguments: [*const u8; 3]) {
    for i in 0..n {
        // SAFETY: the caller upholds the contract of `ContiguousFn`.
        unsafe { c.cast::<M::Out>().add(i).write(M::apply(M::In::read(arguments, i))) }
    }
}

macro_rules! compiled {
    ($name:ident $($feature:tt)*) => {
        $(#[target_feature(enable = $feature)])*
        unsafe fn $name<M: Map>(n: usize, c: *mut u8, arguments: [*const u8; 3]) {
            // SAFETY: the caller upholds the contract of `ContiguousFn`.
            unsafe { each::<M>(n, c, arguments) }
        }
    };
}
compiled!(portable);
#[cfg(target_arch = "x86_64")]
with_features!(avx2 => compiled!(avx2));
#[cfg(not(target_arch = "x86_64"))]
use portable as avx2;

/// A function that gains from wide vectors, if its arguments are not tiny: they are rarely many.
/// Vectors wider than those of AVX2 gain nothing, because of the loads and stores.
fn vectors<M: Map>(isa: Isa) -> ContiguousFn {
    *isa.select(
        const {
            &since_avx2::<ContiguousFn>(portable::<M>, if align_of::<M::In>() < 4 { portable::<M> } else { avx2::<M> })
        },
    )
}

/// The kernel of a closure, as a [`Map`] of its own.
macro_rules! map {
    (|$($a:ident: $t:ty),*| -> $out:ty { $body:expr }) => {{
        struct This;
        impl crate::kernels::function::Map for This {
            type In = ($($t,)*);
            type Out = $out;
            #[inline(always)]
            fn apply(($($a,)*): ($($t,)*)) -> $out {
                $body
            }
        }
        crate::kernels::function::portable::<This> as crate::kernels::function::ContiguousFn
    }};
    ($isa:expr, |$($a:ident: $t:ty),*| -> $out:ty { $body:expr }) => {{
        struct This;
        impl crate::kernels::function::Map for This {
            type In = ($($t,)*);
            type Out = $out;
            #[inline(always)]
            fn apply(($($a,)*): ($($t,)*)) -> $out {
                $body
            }
        }
        crate::kernels::function::vectors::<This>($isa)
    }};
}
use map;

/// The operation of an algebra as a function.
struct Apply<O>(std::marker::PhantomData<O>);

impl<O: ScalarOp> Map for Apply<O> {
    type In = (O::T, O::T);
    type Out = O::T;
    #[inline(always)]
    fn apply((a, b): (O::T, O::T)) -> O::T {
        O::apply(a, b)
    }
}

/// The kernel of one of several cases, by dtype.
macro_rules! by_dtype {
    ($dtype:expr, $($pattern:pat => $kernel:expr,)*) => {
        Some(match $dtype {
            $($pattern => $kernel,)*
            _ => return None,
        })
    };
}
/// Wrapping arithmetic is the same with and without sign: unsigned integers use the kernels of signed ones.
macro_rules! arithmetic {
    ($dtype:expr, $isa:expr, $op:ident) => {
        by_dtype! { $dtype,
            Dtype::Bool => vectors::<Apply<$op<Bit>>>($isa),
            Dtype::I8 | Dtype::U8 => vectors::<Apply<$op<i8>>>($isa),
            Dtype::I16 | Dtype::U16 => vectors::<Apply<$op<i16>>>($isa),
            Dtype::I32 | Dtype::U32 => vectors::<Apply<$op<i32>>>($isa),
            Dtype::I64 | Dtype::U64 => vectors::<Apply<$op<i64>>>($isa),
            Dtype::F32 => vectors::<Apply<$op<f32>>>($isa),
            Dtype::F64 => vectors::<Apply<$op<f64>>>($isa),
            Dtype::C32 => vectors::<Apply<$op<Complex<f32>>>>($isa),
            Dtype::C64 => vectors::<Apply<$op<Complex<f64>>>>($isa),
            Dtype::CI32 => portable::<Apply<$op<Complex<i32>>>>,
            Dtype::CI64 => portable::<Apply<$op<Complex<i64>>>>,
        }
    };
}

fn add(dtype: Dtype, isa: Isa) -> Option<ContiguousFn> {
    arithmetic!(dtype, isa, Plus)
}

fn mul(dtype: Dtype, isa: Isa) -> Option<ContiguousFn> {
    arithmetic!(dtype, isa, Times)
}

macro_rules! ordered {
    ($dtype:expr, $isa:expr, $op:ident, $of_bool:ident) => {
        by_dtype! { $dtype,
            Dtype::Bool => vectors::<Apply<$of_bool<Bit>>>($isa),
            Dtype::I8 => vectors::<Apply<$op<i8>>>($isa),
            Dtype::I16 => vectors::<Apply<$op<i16>>>($isa),
            Dtype::I32 => vectors::<Apply<$op<i32>>>($isa),
            Dtype::I64 => vectors::<Apply<$op<i64>>>($isa),
            Dtype::U8 => vectors::<Apply<$op<u8>>>($isa),
            Dtype::U16 => vectors::<Apply<$op<u16>>>($isa),
            Dtype::U32 => vectors::<Apply<$op<u32>>>($isa),
            Dtype::U64 => vectors::<Apply<$op<u64>>>($isa),
            Dtype::F32 => vectors::<Apply<$op<f32>>>($isa),
            Dtype::F64 => vectors::<Apply<$op<f64>>>($isa),
        }
    };
}

fn max(dtype: Dtype, isa: Isa) -> Option<ContiguousFn> {
    ordered!(dtype, isa, Max, Plus)
}

fn min(dtype: Dtype, isa: Isa) -> Option<ContiguousFn> {
    ordered!(dtype, isa, Min, Times)
}

/// A `bool` is written as its byte.
fn equal(dtype: Dtype, isa: Isa) -> Option<ContiguousFn> {
    by_dtype! { dtype,
        Dtype::Bool | Dtype::I8 | Dtype::U8 => map!(isa, |a: u8, b: u8| -> u8 { u8::from(a == b) }),
        Dtype::I16 | Dtype::U16 => map!(isa, |a: u16, b: u16| -> u8 { u8::from(a == b) }),
        Dtype::I32 | Dtype::U32 => map!(isa, |a: u32, b: u32| -> u8 { u8::from(a == b) }),
        Dtype::I64 | Dtype::U64 => map!(isa, |a: u64, b: u64| -> u8 { u8::from(a == b) }),
        Dtype::F32 => map!(isa, |a: f32, b: f32| -> u8 { u8::from(a == b) }),
        Dtype::F64 => map!(isa, |a: f64, b: f64| -> u8 { u8::from(a == b) }),
        Dtype::C32 => map!(|a: Complex<f32>, b: Complex<f32>| -> u8 { u8::from(a == b) }),
        Dtype::C64 => map!(|a: Complex<f64>, b: Complex<f64>| -> u8 { u8::from(a == b) }),
        Dtype::CI32 => map!(|a: Complex<i32>, b: Complex<i32>| -> u8 { u8::from(a == b) }),
        Dtype::CI64 => map!(|a: Complex<i64>, b: Complex<i64>| -> u8 { u8::from(a == b) }),
    }
}

/// `where` does not depend on the type of the elements that it selects.
fn select(size: usize) -> Option<ContiguousFn> {
    macro_rules! sized {
        ($t:ty) => {
            map!(|condition: u8, b: $t, c: $t| -> $t { if condition != 0 { b } else { c } })
        };
    }
    Some(match size {
        1 => sized!(u8),
        2 => sized!(u16),
        4 => sized!(u32),
        8 => sized!(u64),
        // Alignment 8, as the complex types have it.
        16 => sized!([u64; 2]),
        _ => return None,
    })
}

fn difference(function: Function, dtype: Dtype, isa: Isa) -> Option<ContiguousFn> {
    macro_rules! pair {
        ($neg:expr, $sub:expr) => {
            if function == Function::Neg { $neg } else { $sub }
        };
    }
    macro_rules! wrapping {
        ($t:ty) => {
            pair!(map!(isa, |a: $t| -> $t { a.wrapping_neg() }), map!(isa, |a: $t, b: $t| -> $t { a.wrapping_sub(b) }))
        };
    }
    macro_rules! plain {
        ($t:ty) => {
            pair!(map!(isa, |a: $t| -> $t { -a }), map!(isa, |a: $t, b: $t| -> $t { a - b }))
        };
    }
    macro_rules! gaussian {
        ($t:ty) => {
            pair!(
                map!(|a: Complex<$t>| -> Complex<$t> { Complex::new(a.re.wrapping_neg(), a.im.wrapping_neg()) }),
                map!(|a: Complex<$t>, b: Complex<$t>| -> Complex<$t> {
                    Complex::new(a.re.wrapping_sub(b.re), a.im.wrapping_sub(b.im))
                })
            )
        };
    }
    by_dtype! { dtype,
        Dtype::I8 | Dtype::U8 => wrapping!(i8),
        Dtype::I16 | Dtype::U16 => wrapping!(i16),
        Dtype::I32 | Dtype::U32 => wrapping!(i32),
        Dtype::I64 | Dtype::U64 => wrapping!(i64),
        Dtype::F32 => plain!(f32),
        Dtype::F64 => plain!(f64),
        Dtype::C32 => plain!(Complex<f32>),
        Dtype::C64 => plain!(Complex<f64>),
        Dtype::CI32 => gaussian!(i32),
        Dtype::CI64 => gaussian!(i64),
    }
}

/// The identity function, by the size of an element.
fn identity(size: usize) -> Option<ContiguousFn> {
    Some(match size {
        1 => map!(|a: u8| -> u8 { a }),
        2 => map!(|a: u16| -> u16 { a }),
        4 => map!(|a: u32| -> u32 { a }),
        8 => map!(|a: u64| -> u64 { a }),
        _ => return None,
    })
}

fn magnitude(function: Function, dtype: Dtype, isa: Isa) -> Option<ContiguousFn> {
    let abs = function == Function::Abs;
    macro_rules! signed {
        ($t:ty) => {
            if abs { map!(isa, |a: $t| -> $t { a.wrapping_abs() }) } else { map!(isa, |a: $t| -> $t { a.signum() }) }
        };
    }
    macro_rules! unsigned {
        ($t:ty) => {
            if abs { return identity(size_of::<$t>()) } else { map!(isa, |a: $t| -> $t { <$t>::from(a != 0) }) }
        };
    }
    macro_rules! float {
        ($t:ty) => {
            if abs {
                map!(isa, |a: $t| -> $t { a.abs() })
            } else {
                // A NaN stays NaN; zeros lose their sign, as NumPy's do.
                map!(isa, |a: $t| -> $t {
                    if a > 0.0 {
                        1.0
                    } else if a < 0.0 {
                        -1.0
                    } else {
                        a + 0.0
                    }
                })
            }
        };
    }
    Some(match dtype {
        Dtype::Bool => return identity(1),
        Dtype::I8 => signed!(i8),
        Dtype::I16 => signed!(i16),
        Dtype::I32 => signed!(i32),
        Dtype::I64 => signed!(i64),
        Dtype::U8 => unsigned!(u8),
        Dtype::U16 => unsigned!(u16),
        Dtype::U32 => unsigned!(u32),
        Dtype::U64 => unsigned!(u64),
        Dtype::F32 => float!(f32),
        Dtype::F64 => float!(f64),
        _ => return complex::function(function, dtype),
    })
}

/// The conjugate, the real and the imaginary part.
fn part(function: Function, dtype: Dtype) -> Option<ContiguousFn> {
    macro_rules! parts {
        ($t:ty, $negative:expr) => {
            match function {
                Function::Conj => map!(|a: Complex<$t>| -> Complex<$t> { Complex::new(a.re, $negative(a.im)) }),
                Function::Re => map!(|a: Complex<$t>| -> $t { a.re }),
                _ => map!(|a: Complex<$t>| -> $t { a.im }),
            }
        };
    }
    match (dtype, function, dtype.size()) {
        (Dtype::C32, ..) => Some(parts!(f32, |x: f32| -x)),
        (Dtype::C64, ..) => Some(parts!(f64, |x: f64| -x)),
        (Dtype::CI32, ..) => Some(parts!(i32, i32::wrapping_neg)),
        (Dtype::CI64, ..) => Some(parts!(i64, i64::wrapping_neg)),
        (_, Function::Conj | Function::Re, size) => identity(size),
        // The zero of every type has zero bits only.
        (_, _, 1) => Some(map!(|_a: u8| -> u8 { 0 })),
        (_, _, 2) => Some(map!(|_a: u16| -> u16 { 0 })),
        (_, _, 4) => Some(map!(|_a: u32| -> u32 { 0 })),
        (_, _, 8) => Some(map!(|_a: u64| -> u64 { 0 })),
        _ => None,
    }
}
