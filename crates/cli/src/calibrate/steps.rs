//! The times of the steps of plans, measured through the executor.

use crate::error::Failure;
use einfold::explain::PassSet;
use einfold::ndarray::{Array, IxDyn};
use einfold::order::Machine;
use einfold::{AnyArray, Control, Expression, Scratch};
use std::num::NonZeroUsize;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

/// The duration of one measurement, and the least and the greatest number of its samples.
const LONG: Duration = Duration::from_millis(60);
const SAMPLES: [usize; 2] = [3, 1000];
/// The least duration of a sample in nanoseconds: runs that are shorter than the resolution of the clock are timed
/// together.
const SAMPLE_NS: f64 = 20_000.0;

/// The extents of a large matrix product, and the extent of a short side.
const LARGE: usize = 384;
const SHORT: usize = 8;
/// The side of matrices that stay in the cache.
const NEAR: usize = 64;
/// The least and the greatest number of bytes that are read to measure the speed of memory.
const MEMORY: [u64; 2] = [64 << 20, 256 << 20];

/// Times steps of plans.
pub(super) struct Steps<'s> {
    stop: &'s AtomicBool,
    /// A machine for which matrix products of all sizes run as such, and work of all sizes is divided among threads.
    machine: Machine,
}

impl<'s> Steps<'s> {
    pub(super) fn new(stop: &'s AtomicBool) -> Steps<'s> {
        let least = super::time(0.0);
        Steps { stop, machine: Machine { product_setup: least, fork: least, ..Machine::DEFAULT } }
    }

    /// A multiply-add of a large product, and the extents of rows and of columns at which it has half its speed.
    pub(super) fn product(&self) -> Result<(f64, [u32; 2]), Failure> {
        let rate = |mnk: [usize; 3]| {
            let [m, n, k] = mnk;
            Ok::<_, Failure>(self.time("ij,jk->ik", &[ones(&[m, k]), ones(&[k, n])], 1)? / (m * n * k) as f64)
        };
        let large = rate([LARGE; 3])?;
        let (mut half, mut product) = ([0; 2], large);
        for (side, half) in half.iter_mut().enumerate() {
            let mut mnk = [LARGE; 3];
            mnk[side] = SHORT;
            let extent = half_speed(rate(mnk)? / large);
            *half = extent.round() as u32;
            product /= (LARGE as f64 + extent) / LARGE as f64;
        }
        Ok((product, half))
    }

    /// A multiply-add of loops over matrices that stay in the cache.
    pub(super) fn nest(&self) -> Result<f64, Failure> {
        Ok(self.as_loops(NEAR)? / NEAR.pow(3) as f64)
    }

    /// The time in which loops with `nest` nanoseconds per multiply-add compute the smallest product that is worth its
    /// setup, or one of side [`NEAR`] if no smaller one is.
    pub(super) fn product_setup(&self, nest: f64) -> Result<f64, Failure> {
        let mut side = 3;
        while side < NEAR {
            let operands = [ones(&[side, side]), ones(&[side, side])];
            if self.time("ij,jk->ik", &operands, 1)? <= self.as_loops(side)? {
                break;
            }
            side = (side + side.div_ceil(4)).min(NEAR);
        }
        Ok(side.pow(3) as f64 * nest)
    }

    /// A gathered element.
    pub(super) fn gather(&self) -> Result<f64, Failure> {
        let (positions, ids) = (1 << 12, 1 << 16);
        let scattered = Array::from_shape_fn(IxDyn(&[ids]), |k| (k[0] as i64 * 2_654_435_761) % positions);
        let operands = [ones(&[positions as usize]), scattered.into()];
        Ok(self.time("y[n] = x[g[n]]", &operands, 1)? / ids as f64)
    }

    /// A multiply-add of a contraction of matrices of medium size.
    pub(super) fn contraction(&self) -> Result<f64, Failure> {
        let sides = [30, 40, 20, 50, 30, 40];
        let operands: Vec<AnyArray> = sides.windows(2).map(ones).collect();
        let expression = self.expression("ij,jk,kl,lm,mn->in")?;
        let flops = expression.plan_for(&operands)?.cost().flops.exact().expect("five small matrices");
        Ok(self.time_of(&expression, &operands, 1)? / flops as f64)
    }

    /// A byte of a sum over `bytes` bytes.
    pub(super) fn memory_byte(&self, bytes: usize) -> Result<f64, Failure> {
        Ok(self.time("i->", &[ones(&[bytes / size_of::<f64>()])], 1)? / bytes as f64)
    }

    /// Twice the time that two threads of the pool need beyond half of the time of one, and at least a microsecond.
    pub(super) fn fork(&self) -> Result<f64, Failure> {
        let operands = [ones(&[1 << 17]), ones(&[1 << 17])];
        let [one, two] = [1, 2].map(|threads| self.time("i,i->i", &operands, threads));
        Ok((2.0 * two? - one?).max(1000.0))
    }

    /// A product of square matrices that runs as loops.
    fn as_loops(&self, side: usize) -> Result<f64, Failure> {
        let loops = PassSet::ALL.without("gemm").expect("a pass");
        let expression = self.expression("ij,jk->ik")?.passes(loops);
        self.time_of(&expression, &[ones(&[side, side]), ones(&[side, side])], 1)
    }

    fn expression(&self, text: &str) -> Result<Expression, Failure> {
        Ok(Expression::new(text)?.machine(self.machine))
    }

    fn time(&self, text: &str, operands: &[AnyArray], threads: usize) -> Result<f64, Failure> {
        self.time_of(&self.expression(text)?, operands, threads)
    }

    /// The nanoseconds of a run with this number of threads that writes to existing results.
    fn time_of(&self, expression: &Expression, operands: &[AnyArray], threads: usize) -> Result<f64, Failure> {
        let plan = expression.plan_for(operands)?;
        let control = Control { cancel: Some(self.stop), threads: NonZeroUsize::new(threads), ..Control::default() };
        let mut scratch = Scratch::new();
        let mut results: Vec<AnyArray> = plan.call(operands).control(&control).scratch(&mut scratch).run()?;
        let mut run = || {
            let call = plan.call(operands).control(&control).scratch(&mut scratch);
            Ok(call.into(results.iter_mut().collect::<Vec<_>>())?)
        };
        let once = least(SAMPLES[0], &mut run)?;
        let together = (SAMPLE_NS / once).ceil() as usize;
        let samples = ((LONG.as_nanos() as f64 / once) as usize / together).clamp(SAMPLES[0], SAMPLES[1]);
        Ok(least(samples, || (0..together).try_for_each(|_| run()))? / together as f64)
    }
}

/// The bytes to read for the speed of memory: twice the size of the largest cache, within [`MEMORY`].
pub(super) fn read_bytes(cache: u64) -> usize {
    cache.saturating_mul(2).clamp(MEMORY[0], MEMORY[1]) as usize
}

/// The minimum of the nanoseconds of `work` over a number of calls, and at least one.
pub(super) fn least(times: usize, mut work: impl FnMut() -> Result<(), Failure>) -> Result<f64, Failure> {
    let mut least = f64::INFINITY;
    for _ in 0..times {
        let start = Instant::now();
        work()?;
        least = least.min(start.elapsed().as_nanos() as f64);
    }
    Ok(least.max(1.0))
}

/// The extent at which a product has half its speed, if a multiply-add takes `slower` times as long with a short side
/// as with a long side: the solution of `slower = (1 + half / short) / (1 + half / long)`.
fn half_speed(slower: f64) -> f64 {
    let left = 1.0 / SHORT as f64 - slower / LARGE as f64;
    if left <= 0.0 { LARGE as f64 } else { ((slower - 1.0) / left).clamp(0.0, LARGE as f64) }
}

fn ones(shape: &[usize]) -> AnyArray {
    Array::<f64, _>::ones(IxDyn(shape)).into()
}

#[cfg(test)]
mod tests {
    use super::{LARGE, SHORT, half_speed};

    #[test]
    fn the_extent_of_half_speed_is_that_of_the_model() {
        for half in [0.0, 1.0, 8.0, 20.0, 100.0] {
            let slower = (1.0 + half / SHORT as f64) / (1.0 + half / LARGE as f64);
            assert!((half_speed(slower) - half).abs() < 1e-9, "{half}");
        }
        assert_eq!([half_speed(0.5), half_speed(1e9)], [0.0, LARGE as f64]);
    }
}
