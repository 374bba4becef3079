//! Which pair comes next.

use std::sync::LazyLock;

use crate::random::Random;

/// Which pair comes next: the one of the least score.
#[derive(Clone, Debug)]
pub(crate) struct PairScoring {
    pub(crate) score: Score,
    /// How much the scores are blurred, as a temperature of Boltzmann sampling, and the random numbers to do it with.
    pub(crate) noise: Option<(f64, Random)>,
}

impl Default for PairScoring {
    fn default() -> PairScoring {
        PairScoring { score: Score::Shrink(1.0), noise: None }
    }
}

/// A score of a pair by the sizes of the result and of both.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Score {
    /// How much larger all tensors together become; with a weight above 1, what is given up counts more than what is made.
    Shrink(f64),
    /// How many times larger the result is than the larger of both.
    Growth,
    /// The size of the result over that of both.
    Ratio,
    /// The size of the result.
    Result,
}

impl Score {
    /// Finite for finite sizes of 1 or more.
    #[inline]
    fn of(self, result: f64, a: f64, b: f64) -> f64 {
        match self {
            Score::Shrink(weight) => result / weight - weight * (a + b),
            Score::Growth => result / a.max(b),
            Score::Ratio => result / a / b,
            Score::Result => result,
        }
    }
}

impl PairScoring {
    /// The score of a pair as a number that orders as it does.
    ///
    /// Boltzmann sampling multiplies the score by the `temperature`-th power of an exponentially distributed number, or
    /// divides it where it is negative: the least of such numbers are drawn with Boltzmann probabilities. Since the bits of a
    /// floating-point number are, piecewise linear, its logarithm, that is an addition to the bits.
    #[inline]
    pub(super) fn rank(&mut self, result: f64, a: f64, b: f64) -> u64 {
        let bits = total_order_key(self.score.of(result, a, b));
        let noise = match &mut self.noise {
            None => 0,
            Some((temperature, random)) => {
                let quantile = random.next() as usize % QUANTILES;
                (*temperature * f64::from(LOG_EXPONENTIAL[quantile]) * BITS_PER_OCTAVE) as i64
            }
        };
        bits.saturating_add(noise) as u64 ^ 1 << 63
    }
}

/// The rank of a score without noise.
pub(super) fn rank_of(score: f64) -> u64 {
    total_order_key(score) as u64 ^ 1 << 63
}

/// A floating-point number by its total order.
#[inline]
fn total_order_key(value: f64) -> i64 {
    let bits = value.to_bits() as i64;
    bits ^ ((bits >> 63) as u64 >> 1) as i64
}

/// How much larger the bits of a number are than those of half of it.
const BITS_PER_OCTAVE: f64 = (1_u64 << 52) as f64;
const QUANTILES: usize = 4096;

/// Quantiles of the binary logarithm of an exponentially distributed number.
static LOG_EXPONENTIAL: LazyLock<Box<[f32; QUANTILES]>> =
    LazyLock::new(|| Box::new(std::array::from_fn(|i| (-((i as f64 + 0.5) / QUANTILES as f64).ln()).log2() as f32)));
