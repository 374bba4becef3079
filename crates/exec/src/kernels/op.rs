//! The operations that kernels are compiled for: each ⊕ and ⊗ by itself, so that algebras share kernels.

use std::marker::PhantomData;

use num_complex::Complex;

use crate::element::Element;
use crate::semiring::Semiring;

/// A commutative, associative operation with an identity.
pub(super) trait ScalarOp: Copy + 'static {
    /// The type of its arguments and result.
    type T: Element;
    /// The number of accumulators of a reduction: 1 if the compiler may regroup the operation by itself, 8 or 16 in
    /// registers, or [`WIDE`], a row of them in memory, if the operation is too long for the compiler to vectorise.
    const ACCUMULATORS: usize;
    /// Whether it is an addition that rounds, so that long sums are more accurate in blocks.
    const ROUNDS: bool = false;
    /// Whether kernels that are bound by memory are compiled for vectors wider than those of the baseline. Operations that
    /// are rare on large tensors are not worth the compile time.
    const WIDENS: bool = true;
    /// The identity.
    fn identity() -> Self::T;
    /// The operation.
    fn apply(a: Self::T, b: Self::T) -> Self::T;
}

/// A number of accumulators that depends on the length of the sum.
pub(super) const WIDE: usize = usize::MAX;

/// ⊕ of a user's semiring.
#[derive(Clone, Copy)]
pub(super) struct AddOf<S>(PhantomData<S>);
/// ⊗ of a user's semiring.
#[derive(Clone, Copy)]
pub(super) struct MulOf<S>(PhantomData<S>);

impl<S: Semiring> ScalarOp for AddOf<S> {
    type T = S::Acc;
    const ACCUMULATORS: usize = 8;
    #[inline(always)]
    fn identity() -> S::Acc {
        S::zero()
    }
    #[inline(always)]
    fn apply(a: S::Acc, b: S::Acc) -> S::Acc {
        S::add(a, b)
    }
}

impl<S: Semiring> ScalarOp for MulOf<S> {
    type T = S::Acc;
    const ACCUMULATORS: usize = 8;
    #[inline(always)]
    fn identity() -> S::Acc {
        S::one()
    }
    #[inline(always)]
    fn apply(a: S::Acc, b: S::Acc) -> S::Acc {
        S::mul(a, b)
    }
}

macro_rules! ops {
    ($($(#[$doc:meta])* $name:ident;)*) => { $(
        $(#[$doc])*
        #[derive(Clone, Copy)]
        pub(super) struct $name<T>(PhantomData<T>);
    )* };
}

ops! {
    /// `a + b`, wrapping on integers; *or* on the byte of a `bool`.
    Plus;
    /// `a × b`, wrapping on integers; *and* on the byte of a `bool`.
    Times;
    /// The larger. NaN wins over every number, −0 is below +0.
    Max;
    /// The smaller. NaN wins over every number, −0 is below +0.
    Min;
    /// Bitwise *or*.
    Or;
    /// Bitwise *and*.
    And;
    /// `ln(exp a + exp b)`.
    LogAddExp;
}

/// The byte of a `bool`, 0 or 1. Its operations give only 0 and 1, and it is never a Rust `bool`, so no other byte is
/// undefined behaviour.
#[derive(Clone, Copy, PartialEq, Debug)]
#[repr(transparent)]
pub(super) struct Bit(u8);

macro_rules! op {
    ($op:ident<$t:ty>, $accumulators:expr, $identity:expr, |$a:ident, $b:ident| $apply:expr $(, $name:ident: $value:expr)*) => {
        impl ScalarOp for $op<$t> {
            type T = $t;
            const ACCUMULATORS: usize = $accumulators;
            $(const $name: bool = $value;)*
            #[inline(always)]
            fn identity() -> $t {
                $identity
            }
            #[inline(always)]
            fn apply($a: $t, $b: $t) -> $t {
                $apply
            }
        }
    };
}

op!(Plus<Bit>, 1, Bit(0), |a, b| Bit(a.0 | b.0), WIDENS: false);
op!(Times<Bit>, 1, Bit(1), |a, b| Bit(a.0 & b.0), WIDENS: false);

macro_rules! integers {
    ($($t:ident),*) => { $(
        op!(Plus<$t>, 1, 0, |a, b| a.wrapping_add(b));
        op!(Times<$t>, 1, 1, |a, b| a.wrapping_mul(b));
        op!(Or<$t>, 1, 0, |a, b| a | b, WIDENS: false);
        op!(And<$t>, 1, !0, |a, b| a & b, WIDENS: false);

        op!(Plus<Complex<$t>>, 64 / size_of::<$t>(), Complex::new(0, 0), |a, b| {
            Complex::new(a.re.wrapping_add(b.re), a.im.wrapping_add(b.im))
        }, WIDENS: false);
        op!(Times<Complex<$t>>, 64 / size_of::<$t>(), Complex::new(1, 0), |a, b| Complex::new(
            a.re.wrapping_mul(b.re).wrapping_sub(a.im.wrapping_mul(b.im)),
            a.re.wrapping_mul(b.im).wrapping_add(a.im.wrapping_mul(b.re))
        ), WIDENS: false);
    )* };
}
integers!(i8, i16, i32, i64);

macro_rules! ordered {
    ($($t:ident),*) => { $(
        op!(Max<$t>, 1, $t::MIN, |a, b| if a > b { a } else { b }, WIDENS: $t::MIN != 0 && size_of::<$t>() >= 4);
        op!(Min<$t>, 1, $t::MAX, |a, b| if a < b { a } else { b }, WIDENS: $t::MIN != 0 && size_of::<$t>() >= 4);
    )* };
}
ordered!(i8, i16, i32, i64, u8, u16, u32, u64);

macro_rules! floats {
    ($($t:ident),*) => { $(
        op!(Plus<$t>, 16, 0.0, |a, b| a + b, ROUNDS: true);
        op!(Times<$t>, 16, 1.0, |a, b| a * b);

        op!(Plus<Complex<$t>>, 64 / size_of::<$t>(), Complex::new(0.0, 0.0), |a, b| a + b, ROUNDS: true);
        op!(Times<Complex<$t>>, 64 / size_of::<$t>(), Complex::new(1.0, 0.0), |a, b| {
            Complex::new(a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re)
        });

        // The two strict selections differ only if the operands are equal or one is NaN: then each gives its last
        // operand. The or of their bits keeps a NaN a NaN and resolves unlike zeros: both signs are needed for max,
        // either for min. This takes no branch and three to six instructions.
        op!(Max<$t>, WIDE, $t::NEG_INFINITY, |a, b| {
            let x = if a > b { a } else { b }.to_bits();
            let y = if b > a { b } else { a }.to_bits();
            $t::from_bits((x | y) & (x & y | !(-0.0 as $t).to_bits()))
        });
        op!(Min<$t>, WIDE, $t::INFINITY, |a, b| {
            let x = if a < b { a } else { b }.to_bits();
            let y = if b < a { b } else { a }.to_bits();
            $t::from_bits(x | y)
        });

        op!(LogAddExp<$t>, WIDE, $t::NEG_INFINITY, |a, b| {
            // The difference of equal infinities is NaN.
            if a == b {
                return a + std::f64::consts::LN_2 as $t;
            }
            let (low, high) = if a < b { (a, b) } else { (b, a) };
            high + (low - high).exp().ln_1p()
        });
    )* };
}
floats!(f32, f64);
