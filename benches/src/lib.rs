//! Functions that the benchmarks share.

use std::time::{Duration, Instant};

use einfold::ndarray::{Array, IntoDimension};

/// An array of pseudo-random values in −1 … 1, equal in every run.
pub fn filled<I: IntoDimension>(shape: I, seed: u64) -> Array<f64, I::Dim> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    Array::from_shape_simple_fn(shape.into_dimension(), || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    })
}

/// Times of two functions that run alternately, so that a change of the CPU frequency affects both equally.
#[derive(Clone, Debug)]
pub struct Pair {
    /// The ratio first / second in each round, sorted.
    pub ratios: Vec<f64>,
    /// The median time of the first function.
    pub first: Duration,
    /// The median time of the second function.
    pub second: Duration,
}

impl Pair {
    /// Runs both functions alternately for `turns` rounds, after two rounds that are not counted.
    pub fn measure(turns: usize, mut first: impl FnMut(), mut second: impl FnMut()) -> Pair {
        let mut times = [Vec::new(), Vec::new()];
        for turn in 0..turns + 2 {
            let spent = [time(&mut first), time(&mut second)];
            if turn >= 2 {
                times.iter_mut().zip(spent).for_each(|(list, t)| list.push(t));
            }
        }
        let mut ratios: Vec<f64> =
            times[0].iter().zip(&times[1]).map(|(a, b)| a.as_secs_f64() / b.as_secs_f64()).collect();
        ratios.sort_by(f64::total_cmp);
        let [first, second] = times.map(median);
        Pair { ratios, first, second }
    }

    /// The median ratio.
    pub fn ratio(&self) -> f64 {
        self.ratios[self.ratios.len() / 2]
    }
}

/// Measures the time of one call.
pub fn time(work: &mut impl FnMut()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
