//! The element types of the rows.

use crate::contender::Contender;
use crate::peak::Peak;
use crate::peers;
use crate::problem::Problem;
use ndarray::LinalgScalar;
use num_complex::Complex;
use std::fmt::Debug;

pub trait Scalar: LinalgScalar + Send + Sync + Debug {
    /// The flops of a multiply-add.
    const FLOPS: f64;
    /// The distance from 1 to the next number; 0 for integers, whose results are exact.
    const EPSILON: f64;
    /// The peak of the vectors that hold these elements.
    fn peak(peak: Peak) -> f64;
    fn random(random: &mut Random) -> Self;
    /// The absolute value of the difference.
    fn distance(self, other: Self) -> f64;
    /// The libraries with an interface for this type alone.
    fn libraries<'a>(problem: &'a Problem<'_, Self>) -> Vec<Contender<'a, Self>>;
    /// The peers for (min, +); none for types that have no order.
    fn min_plus<'a>(problem: &'a Problem<'_, Self>) -> Vec<Contender<'a, Self>>;
}

/// The xorshift generator of Marsaglia (2003).
pub struct Random(pub u64);

impl Random {
    /// A number of -1..1.
    fn unit(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 * (2.0 / (1u64 << 53) as f64) - 1.0
    }
}

macro_rules! reals {
    ($($t:ident, $peak:ident, $epsilon:expr, $scale:literal, $infinity:expr, [$($library:ident),*];)*) => { $(
        impl Scalar for $t {
            const FLOPS: f64 = 2.0;
            const EPSILON: f64 = $epsilon;
            fn peak(peak: Peak) -> f64 {
                peak.$peak
            }
            fn random(random: &mut Random) -> $t {
                (random.unit() * $scale) as $t
            }
            fn distance(self, other: $t) -> f64 {
                (self as f64 - other as f64).abs()
            }
            fn libraries<'a>(problem: &'a Problem<'_, $t>) -> Vec<Contender<'a, $t>> {
                [$(peers::$library(problem)),*].into_iter().flatten().collect()
            }
            fn min_plus<'a>(problem: &'a Problem<'_, $t>) -> Vec<Contender<'a, $t>> {
                peers::plain(problem, $infinity, |least, a, b| if a + b < least { a + b } else { least }).into_iter().collect()
            }
        }
    )* };
}

reals! {
    f32, f32, f32::EPSILON as f64, 1.0, f32::INFINITY, [sgemm, gemm, faer, permute_gemm, cpueinsum];
    f64, f64, f64::EPSILON, 1.0, f64::INFINITY, [dgemm, gemm, faer, permute_gemm, cpueinsum, strided];
    i32, f32, 0.0, 8.0, i32::MAX, [integers];
    i64, f64, 0.0, 8.0, i64::MAX, [integers];
}

macro_rules! complex {
    ($($part:ident, [$($library:ident),*];)*) => { $(
        impl Scalar for Complex<$part> {
            const FLOPS: f64 = 8.0;
            const EPSILON: f64 = $part::EPSILON as f64;
            fn peak(peak: Peak) -> f64 {
                peak.$part
            }
            fn random(random: &mut Random) -> Self {
                Complex::new($part::random(random), $part::random(random))
            }
            fn distance(self, other: Self) -> f64 {
                f64::from((self - other).norm())
            }
            fn libraries<'a>(problem: &'a Problem<'_, Self>) -> Vec<Contender<'a, Self>> {
                [$(peers::$library(problem)),*].into_iter().flatten().collect()
            }
            fn min_plus<'a>(_: &'a Problem<'_, Self>) -> Vec<Contender<'a, Self>> {
                Vec::new()
            }
        }
    )* };
}

complex! {
    f32, [cgemm, gemm, faer, permute_gemm, cpueinsum];
    f64, [zgemm, gemm, faer, permute_gemm, cpueinsum, strided];
}
