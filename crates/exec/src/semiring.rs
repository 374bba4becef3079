//! Semirings: the two operations that kernels are made of.

use std::any::TypeId;
use std::marker::PhantomData;

use einfold_ir::{Laws, UserAlgebra};
use half::{bf16, f16};
use num_complex::Complex;

use crate::element::Element;

/// A commutative semiring over `Acc`, with operands and results of type `Elem`.
///
/// ⊕ ([`add`](Semiring::add)) and ⊗ ([`mul`](Semiring::mul)) must be commutative and associative, [`zero`](Semiring::zero)
/// the identity of ⊕ and [`one`](Semiring::one) that of ⊗; [`LAWS`](Semiring::LAWS) says what else holds. An implementation
/// that breaks its laws gives wrong numbers, never undefined behaviour. An operation that panics makes the run panic.
pub trait Semiring: Copy + Send + Sync + 'static {
    /// The type of operands and results.
    type Elem: Element;
    /// The type in which products and sums are kept, intermediate tensors included.
    type Acc: Element;
    /// What a planner may assume.
    const LAWS: Laws;
    /// An operand's element as a factor.
    fn lift(x: Self::Elem) -> Self::Acc;
    /// The identity of ⊕: the sum of nothing.
    fn zero() -> Self::Acc;
    /// The identity of ⊗: the product of nothing.
    fn one() -> Self::Acc;
    /// ⊕.
    fn add(a: Self::Acc, b: Self::Acc) -> Self::Acc;
    /// ⊗.
    fn mul(a: Self::Acc, b: Self::Acc) -> Self::Acc;
    /// A sum as an element of the result.
    fn finish(x: Self::Acc) -> Self::Elem;
}

/// What the compiler is told of the semiring `S`.
pub fn algebra<S: Semiring>() -> UserAlgebra {
    UserAlgebra {
        id: TypeId::of::<S>(),
        name: std::any::type_name::<S>(),
        element: S::Elem::dtype(),
        accumulator: S::Acc::dtype(),
        laws: S::LAWS,
    }
}

const fn laws(distributive: bool, idempotent: bool) -> Laws {
    Laws { distributive, idempotent, absorbing: distributive }
}

macro_rules! marker {
    ($($(#[$doc:meta])* $name:ident;)*) => { $(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
        pub struct $name<T>(PhantomData<fn() -> T>);
    )* };
}

marker! {
    /// (+, ×): (or, and) on `bool`, wrapping on integers, in `f32` for the 16-bit floats.
    SumProduct;
    /// (max, +). NaN wins; −0 is below +0; integers wrap.
    MaxPlus;
    /// (min, +). NaN wins; −0 is below +0; integers wrap.
    MinPlus;
    /// (max, ×). NaN wins; −0 is below +0; integers wrap.
    MaxTimes;
    /// (min, ×). NaN wins; −0 is below +0; integers wrap.
    MinTimes;
    /// (max, min). NaN wins; −0 is below +0.
    MaxMin;
}

/// A semiring over one type, whose elements are its accumulators.
macro_rules! ring {
    ($ring:ty, $acc:ty, $laws:expr, $zero:expr, $one:expr, $add:expr, $mul:expr) => {
        ring!($ring, $acc => $acc, $laws, |x| x, $zero, $one, $add, $mul, |x| x);
    };
    ($ring:ty, $elem:ty => $acc:ty, $laws:expr, $lift:expr, $zero:expr, $one:expr, $add:expr, $mul:expr, $finish:expr) => {
        impl Semiring for $ring {
            type Elem = $elem;
            type Acc = $acc;
            const LAWS: Laws = $laws;
            #[inline(always)]
            fn lift(x: $elem) -> $acc {
                let f: fn($elem) -> $acc = $lift;
                f(x)
            }
            #[inline(always)]
            fn zero() -> $acc {
                $zero
            }
            #[inline(always)]
            fn one() -> $acc {
                $one
            }
            #[inline(always)]
            fn add(a: $acc, b: $acc) -> $acc {
                let f: fn($acc, $acc) -> $acc = $add;
                f(a, b)
            }
            #[inline(always)]
            fn mul(a: $acc, b: $acc) -> $acc {
                let f: fn($acc, $acc) -> $acc = $mul;
                f(a, b)
            }
            #[inline(always)]
            fn finish(x: $acc) -> $elem {
                let f: fn($acc) -> $elem = $finish;
                f(x)
            }
        }
    };
}
pub(crate) use ring;

ring!(SumProduct<bool>, bool, laws(true, true), false, true, |a, b| a | b, |a, b| a & b);
ring!(SumProduct<f32>, f32, laws(true, false), 0.0, 1.0, |a, b| a + b, |a, b| a * b);
ring!(SumProduct<f64>, f64, laws(true, false), 0.0, 1.0, |a, b| a + b, |a, b| a * b);

macro_rules! narrow_floats {
    ($($t:ident),*) => { $(
        ring!(
            SumProduct<$t>, $t => f32, laws(true, false), $t::to_f32, 0.0, 1.0, |a, b| a + b, |a, b| a * b, $t::from_f32
        );
    )* };
}
narrow_floats!(f16, bf16);

macro_rules! integers {
    ($($t:ident),*) => { $(
        ring!(SumProduct<$t>, $t, laws(true, false), 0, 1, |a, b| a.wrapping_add(b), |a, b| a.wrapping_mul(b));
    )* };
}
integers!(i8, i16, i32, i64, u8, u16, u32, u64);

macro_rules! complex {
    ($($t:ident),*) => { $(
        ring!(
            SumProduct<Complex<$t>>,
            Complex<$t>,
            laws(true, false),
            Complex::new(0.0, 0.0),
            Complex::new(1.0, 0.0),
            |a, b| a + b,
            // Four products, as NumPy: no fused or scaled variant, so infinities and NaN come out alike.
            |a, b| Complex::new(a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re)
        );
    )* };
}
complex!(f32, f64);

macro_rules! gaussian {
    ($($t:ident),*) => { $(
        ring!(
            SumProduct<Complex<$t>>,
            Complex<$t>,
            laws(true, false),
            Complex::new(0, 0),
            Complex::new(1, 0),
            |a, b| Complex::new(a.re.wrapping_add(b.re), a.im.wrapping_add(b.im)),
            |a, b| Complex::new(
                a.re.wrapping_mul(b.re).wrapping_sub(a.im.wrapping_mul(b.im)),
                a.re.wrapping_mul(b.im).wrapping_add(a.im.wrapping_mul(b.re))
            )
        );
    )* };
}
gaussian!(i32, i64);

/// The total order of max and min: NaN wins over every number, −0 is below +0.
trait Ordered: Copy {
    /// The greatest value, the identity of min.
    const TOP: Self;
    /// The least value, the identity of max.
    const BOTTOM: Self;
    fn larger(self, other: Self) -> Self;
    fn smaller(self, other: Self) -> Self;
}

macro_rules! ordered_integers {
    ($($t:ident),*) => { $(
        impl Ordered for $t {
            const TOP: $t = $t::MAX;
            const BOTTOM: $t = $t::MIN;
            #[inline(always)]
            fn larger(self, other: $t) -> $t {
                if self > other { self } else { other }
            }
            #[inline(always)]
            fn smaller(self, other: $t) -> $t {
                if self < other { self } else { other }
            }
        }
    )* };
}
ordered_integers!(i32, i64);

/// Selects without branches, so that loops vectorise: the strict comparison gives `other` when they tie or when either is
/// NaN. A tie of unlike zeros is settled by the sign bits; a NaN in `self` is put back.
macro_rules! ordered_floats {
    ($($t:ident),*) => { $(
        impl Ordered for $t {
            const TOP: $t = $t::INFINITY;
            const BOTTOM: $t = $t::NEG_INFINITY;
            #[inline(always)]
            fn larger(self, other: $t) -> $t {
                let strict = if self > other { self } else { other };
                let tied = $t::from_bits(self.to_bits() & other.to_bits());
                let value = if self == other { tied } else { strict };
                if self.is_nan() { self } else { value }
            }
            #[inline(always)]
            fn smaller(self, other: $t) -> $t {
                let strict = if self < other { self } else { other };
                let tied = $t::from_bits(self.to_bits() | other.to_bits());
                let value = if self == other { tied } else { strict };
                if self.is_nan() { self } else { value }
            }
        }
    )* };
}
ordered_floats!(f32, f64);

/// The semirings of an ordered type. `$exact` says whether + is monotone: on wrapping integers it is not.
macro_rules! tropical {
    ($($t:ident, $zero:expr, $one:expr, $exact:expr, $plus:expr, $times:expr;)*) => { $(
        ring!(MaxPlus<$t>, $t, laws($exact, true), $t::BOTTOM, $zero, |a, b| a.larger(b), $plus);
        ring!(MinPlus<$t>, $t, laws($exact, true), $t::TOP, $zero, |a, b| a.smaller(b), $plus);
        ring!(MaxTimes<$t>, $t, laws(false, true), $t::BOTTOM, $one, |a, b| a.larger(b), $times);
        ring!(MinTimes<$t>, $t, laws(false, true), $t::TOP, $one, |a, b| a.smaller(b), $times);
        ring!(MaxMin<$t>, $t, laws(true, true), $t::BOTTOM, $t::TOP, |a, b| a.larger(b), |a, b| a.smaller(b));
    )* };
}
tropical! {
    f32, 0.0, 1.0, true, |a, b| a + b, |a, b| a * b;
    f64, 0.0, 1.0, true, |a, b| a + b, |a, b| a * b;
    i32, 0, 1, false, |a, b| a.wrapping_add(b), |a, b| a.wrapping_mul(b);
    i64, 0, 1, false, |a, b| a.wrapping_add(b), |a, b| a.wrapping_mul(b);
}
