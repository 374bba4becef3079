//! How far sums of floats are from the exact ones, for every way in which a sum is computed. Operands are integers times a power
//! of two, so that exact sums are sums of integers.

mod axes;
mod by_ids;

use std::num::NonZeroUsize;

use einfold_exec::{AnyView, AnyViewMut, BindOptions, Control, Element, Scratch, bind};
use einfold_ir::Plan;

use super::support::Random;

/// The most that a sum may be wrong by, in epsilons of its dtype times the sum of its terms' magnitudes: 2·10⁻⁶ for `f32`.
const EPSILONS: f64 = 16.7;
/// The same for matrix products, whose kernels add four times the number of consecutive products.
const PRODUCT_EPSILONS: f64 = 2.0 * EPSILONS;
/// Points of most sums.
const N: usize = 400_000;

/// A float that is `k · 2⁻ˢ`.
trait Float: Element + PartialEq {
    const EPSILON: f64;
    const SCALE: i32;
    /// 0.1, and the bits of a mantissa.
    const TENTH: i64;
    const MANTISSA: u32;
    fn of(k: i64) -> Self;
    /// As an integer, `2ˢ` times itself.
    fn scaled(self) -> i128;
}

impl Float for f32 {
    const EPSILON: f64 = f32::EPSILON as f64;
    const SCALE: i32 = 27;
    const TENTH: i64 = 13_421_773;
    const MANTISSA: u32 = 24;
    fn of(k: i64) -> f32 {
        k as f32 * 2f32.powi(-Self::SCALE)
    }
    fn scaled(self) -> i128 {
        f64::from(self).scaled() >> (f64::SCALE - Self::SCALE)
    }
}

impl Float for f64 {
    const EPSILON: f64 = f64::EPSILON;
    const SCALE: i32 = 55;
    const TENTH: i64 = 3_602_879_701_896_397;
    const MANTISSA: u32 = 53;
    fn of(k: i64) -> f64 {
        k as f64 * 2f64.powi(-Self::SCALE)
    }
    fn scaled(self) -> i128 {
        (self * 2f64.powi(Self::SCALE)) as i128
    }
}

/// The sums that are due, and those of magnitudes.
#[derive(Clone, Default)]
struct Exact(Vec<(i128, i128)>);

impl Exact {
    fn new(elements: usize) -> Exact {
        Exact(vec![(0, 0); elements])
    }

    fn add(&mut self, at: usize, term: i128) {
        self.0[at].0 += term;
        self.0[at].1 += term.abs();
    }

    fn check<T: Float>(&self, got: &[T], what: &str) {
        self.check_within(EPSILONS, got, what);
    }

    fn check_within<T: Float>(&self, most: f64, got: &[T], what: &str) {
        assert_eq!(got.len(), self.0.len());
        for (at, (&got, &(want, all))) in got.iter().zip(&self.0).enumerate() {
            let error = (got.scaled() - want).abs() as f64;
            let epsilons = error / (all as f64).max(1.0) / T::EPSILON;
            assert!(epsilons <= most, "{what} of {}, element {at}: {epsilons} epsilons", T::dtype());
        }
    }
}

/// Integers for the operands: 0.1, numbers of any mantissa, the same of either sign.
fn numbers<T: Float>(kind: usize, n: usize, random: &mut Random) -> Vec<i64> {
    let draw = |random: &mut Random| {
        let k = (random.next() << 20 ^ random.next()) as i64 & ((1 << T::MANTISSA) - 1);
        if kind == 2 && random.below(2) == 0 { -k } else { k }
    };
    (0..n).map(|_| if kind == 0 { T::TENTH } else { draw(random) }).collect()
}

fn dense<'a, T: Element>(data: &'a [T], shape: &[usize]) -> AnyView<'a> {
    AnyView::from_slice(data, 0, shape, &crate::support::row_major(shape)).unwrap()
}

/// Runs a plan with one output, which must have the same bits for every number of threads.
fn run<T: Float>(plan: &Plan, ins: &[AnyView<'_>], zero: T) -> Vec<T> {
    let shape = &plan.buffer(plan.outputs[0]).extents;
    let with = |threads| {
        let mut out = vec![zero; shape.iter().product()];
        let mut outs = [AnyViewMut::from_slice(&mut out, 0, shape, &crate::support::row_major(shape)).unwrap()];
        let control = Control { threads: NonZeroUsize::new(threads), ..Control::default() };
        bind(plan, ins, &mut outs, &BindOptions::default(), &mut Scratch::new()).unwrap().run(&control).unwrap();
        out
    };
    let one = with(1);
    assert!(one == with(2));
    one
}
