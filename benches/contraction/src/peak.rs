//! The rate of fused multiply-adds from registers: the bound of all products.

use std::hint::black_box;
use std::time::Instant;

/// GFLOP/s of all measured threads together.
#[derive(Clone, Copy, Default)]
pub struct Peak {
    pub f32: f64,
    pub f64: f64,
}

impl Peak {
    /// Measures `threads` threads at once: the largest of several short measurements of each.
    pub fn measure(threads: usize) -> Peak {
        let thread = || Peak { f32: largest(run_f32), f64: largest(run_f64) };
        std::thread::scope(|scope| {
            let others: Vec<_> = (1..threads).map(|_| scope.spawn(thread)).collect();
            let first = thread();
            let rates = others.into_iter().map(|other| other.join().expect("a thread that does not panic"));
            rates.fold(first, |sum, rate| Peak { f32: sum.f32 + rate.f32, f64: sum.f64 + rate.f64 })
        })
    }
}

/// The largest rate of a loop, in GFLOP/s.
fn largest(run: fn(usize) -> f64) -> f64 {
    const STEPS: usize = 100_000;
    let rate = |_| {
        let start = Instant::now();
        run(STEPS) * 1e-9 / start.elapsed().as_secs_f64()
    };
    (0..40).map(rate).fold(0.0, f64::max)
}

/// The number of independent chains of multiply-adds: more than latency times throughput of known CPUs, and few enough
/// for the registers of AVX2.
const CHAINS: usize = 12;

/// A loop of `steps` multiply-adds in each chain. It returns its number of flops.
macro_rules! multiply_adds {
    ($name:ident, $scalar:ty, $lanes:literal, $feature:literal, $broadcast:path, $multiply_add:path) => {
        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = $feature)]
        fn $name(steps: usize) -> f64 {
            // A fixed point of about 1: values stay normal.
            let (factor, summand) = ($broadcast(black_box(0.5 as $scalar)), $broadcast(black_box(0.5 as $scalar)));
            let mut sums = [$broadcast(black_box(1.0 as $scalar)); CHAINS];
            for _ in 0..steps {
                for sum in &mut sums {
                    *sum = $multiply_add(*sum, factor, summand);
                }
            }
            black_box(sums);
            (2 * steps * CHAINS * $lanes) as f64
        }
    };
}

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{
    _mm256_fmadd_pd, _mm256_fmadd_ps, _mm256_set1_pd, _mm256_set1_ps, _mm512_fmadd_pd, _mm512_fmadd_ps, _mm512_set1_pd,
    _mm512_set1_ps,
};
multiply_adds!(avx512_f64, f64, 8, "avx512f", _mm512_set1_pd, _mm512_fmadd_pd);
multiply_adds!(avx512_f32, f32, 16, "avx512f", _mm512_set1_ps, _mm512_fmadd_ps);
multiply_adds!(avx2_f64, f64, 4, "avx2,fma", _mm256_set1_pd, _mm256_fmadd_pd);
multiply_adds!(avx2_f32, f32, 8, "avx2,fma", _mm256_set1_ps, _mm256_fmadd_ps);

/// The loop for the widest vectors of the CPU.
macro_rules! widest {
    ($name:ident, $scalar:ty, $avx512:ident, $avx2:ident) => {
        fn $name(steps: usize) -> f64 {
            #[cfg(target_arch = "x86_64")]
            if is_x86_feature_detected!("avx512f") {
                // SAFETY: the CPU has the feature.
                return unsafe { $avx512(steps) };
            } else if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                // SAFETY: the CPU has both features.
                return unsafe { $avx2(steps) };
            }
            const LANES: usize = 4 * CHAINS;
            let factor = black_box(0.5 as $scalar);
            let mut sums = [black_box(1.0 as $scalar); LANES];
            for _ in 0..steps {
                for sum in &mut sums {
                    *sum = *sum * factor + factor;
                }
            }
            black_box(sums);
            (2 * steps * LANES) as f64
        }
    };
}

widest!(run_f64, f64, avx512_f64, avx2_f64);
widest!(run_f32, f32, avx512_f32, avx2_f32);
