//! The choice of the next pair.

use std::sync::LazyLock;

use crate::random::Random;

/// The scoring of pairs: the pair with the least score is next.
#[derive(Clone, Debug)]
pub(crate) struct PairScoring {
    pub(crate) score: Score,
    /// The temperature of Boltzmann sampling, and its random numbers; the scores are exact if absent.
    pub(crate) noise: Option<(f64, Random)>,
}

impl Default for PairScoring {
    fn default() -> PairScoring {
        PairScoring { score: Score::Shrink(1.0), noise: None }
    }
}

/// The score of a pair as a function of the sizes of the result and of both tensors.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Score {
    /// The growth of the total size of all tensors; with a weight above 1, removed elements count more than new ones.
    Shrink(f64),
    /// The ratio of the size of the result to that of the larger tensor.
    Growth,
    /// The ratio of the size of the result to the product of the sizes of both.
    Ratio,
    /// The size of the result.
    Result,
}

impl Score {
    /// Returns the score, which is finite for finite sizes of 1 or more.
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
    /// Returns the score of a pair as an integer with the same order.
    ///
    /// Boltzmann sampling multiplies the score by the `temperature`-th power of an exponentially distributed number, or
    /// divides it if it is negative: the least of such numbers is drawn with Boltzmann probabilities. Since the bits of
    /// a floating-point number are a piecewise linear function of its logarithm, this is an addition to the bits.
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

/// Returns the rank of a score without noise.
pub(super) fn rank_of(score: f64) -> u64 {
    total_order_key(score) as u64 ^ 1 << 63
}

/// Maps a floating-point number to an integer with the same order.
#[inline]
fn total_order_key(value: f64) -> i64 {
    let bits = value.to_bits() as i64;
    bits ^ ((bits >> 63) as u64 >> 1) as i64
}

/// The difference of the bits of a number and of half of it.
const BITS_PER_OCTAVE: f64 = (1_u64 << 52) as f64;
const QUANTILES: usize = 4096;

/// Quantiles of the binary logarithm of an exponentially distributed number.
static LOG_EXPONENTIAL: LazyLock<Box<[f32; QUANTILES]>> =
    LazyLock::new(|| Box::new(std::array::from_fn(|i| (-((i as f64 + 0.5) / QUANTILES as f64).ln()).log2() as f32)));

/// A pair of tensors. From the most to the least significant bits: the rank of its score, the older and the younger
/// tensor.
pub(super) type Candidate = u128;

pub(super) fn candidate(rank: u64, older: u32, younger: u32) -> Candidate {
    u128::from(rank) << 64 | u128::from(older) << 32 | u128::from(younger)
}

pub(super) fn older(candidate: Candidate) -> u32 {
    (candidate >> 32) as u32
}

pub(super) fn younger(candidate: Candidate) -> u32 {
    candidate as u32
}
