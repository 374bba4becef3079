//! Every kernel of every algebra and instruction set against plain loops. The values are small integers, so that sums are
//! exact in any order; rounding, NaN and signed zeros have tests of their own.

mod blocks;
mod conversions;
mod functions;
mod products;
mod rings;
mod rows;
mod special;

use std::fmt::Debug;

use num_complex::Complex;

use super::{Dst, Src};

/// A small generator of numbers (xorshift, Marsaglia 2003): reproducible, and good enough to draw strides.
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) fn new(seed: u64) -> Rng {
        Rng(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A number below `n`.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        (self.next() >> 16) as usize % n
    }

    /// An extent: mostly short, often 0 or 1 or around the width of a vector or a block.
    fn extent(&mut self) -> usize {
        const EDGES: [usize; 12] = [0, 1, 2, 3, 7, 8, 9, 16, 17, 64, 65, 70];
        if self.below(3) == 0 { EDGES[self.below(EDGES.len())] } else { self.below(24) }
    }
}

/// A type of test values.
pub(super) trait Sample: Copy + PartialEq + Debug + 'static {
    fn sample(rng: &mut Rng) -> Self;
}

macro_rules! samples {
    ($($t:ty = $f:expr;)*) => { $(
        impl Sample for $t {
            fn sample(rng: &mut Rng) -> $t {
                let f: fn(&mut Rng) -> $t = $f;
                f(rng)
            }
        }
    )* };
}

samples! {
    bool = |rng| rng.below(2) == 0;
    i8 = |rng| rng.below(256) as i8;
    i16 = |rng| rng.below(1 << 16) as i16;
    i32 = |rng| rng.next() as i32;
    i64 = |rng| rng.next() as i64;
    u8 = |rng| rng.below(256) as u8;
    u16 = |rng| rng.below(1 << 16) as u16;
    u32 = |rng| rng.next() as u32;
    u64 = |rng| rng.next();
    f32 = |rng| rng.below(7) as f32 - 3.0;
    f64 = |rng| rng.below(7) as f64 - 3.0;
    Complex<f32> = |rng| Complex::new(f32::sample(rng), f32::sample(rng));
    Complex<f64> = |rng| Complex::new(f64::sample(rng), f64::sample(rng));
    Complex<i32> = |rng| Complex::new(i32::sample(rng), i32::sample(rng));
    Complex<i64> = |rng| Complex::new(i64::sample(rng), i64::sample(rng));
}

/// A matrix somewhere in a larger buffer, with any strides.
#[derive(Clone)]
pub(super) struct Plane<T> {
    pub(super) data: Vec<T>,
    origin: usize,
    strides: [isize; 2],
}

impl<T: Sample> Plane<T> {
    /// Random values all over the buffer. Positions are distinct, unless `repeating` allows strides of 0.
    pub(super) fn random(rng: &mut Rng, n: [usize; 2], repeating: bool) -> Plane<T> {
        let inner = rng.below(4) != 0;
        let first = if rng.below(3) == 0 { 2 + rng.below(40) as isize } else { 1 };
        let gap = if rng.below(2) == 0 { rng.below(5) as isize } else { 0 };
        let second = first * n[usize::from(inner)].max(1) as isize + gap;
        let mut strides = if inner { [second, first] } else { [first, second] };
        for stride in &mut strides {
            match rng.below(5) {
                0 => *stride = -*stride,
                1 if repeating => *stride = 0,
                _ => {}
            }
        }
        Plane::with(strides, n, || T::sample(rng))
    }

    /// A buffer that these strides (in elements) fit in, with a margin that nobody may touch.
    pub(super) fn with(strides: [isize; 2], n: [usize; 2], mut value: impl FnMut() -> T) -> Plane<T> {
        const MARGIN: usize = 3;
        let reach = |negative: bool| -> usize {
            let parts = strides.iter().zip(n).filter(|(s, _)| (**s < 0) == negative);
            parts.map(|(s, n)| s.unsigned_abs() * n.saturating_sub(1)).sum()
        };
        let origin = MARGIN + reach(true);
        let data = (0..origin + reach(false) + 1 + MARGIN).map(|_| value()).collect();
        Plane { data, origin, strides }
    }

    pub(super) fn src(&self) -> Src {
        Src { ptr: self.data.as_ptr().wrapping_add(self.origin).cast(), strides: self.bytes() }
    }

    pub(super) fn dst(&mut self) -> Dst {
        // From the whole buffer, so that the pointer may go back from the origin as well.
        let ptr = self.data.as_mut_ptr().wrapping_add(self.origin).cast();
        Dst { ptr, strides: self.bytes() }
    }

    fn bytes(&self) -> [isize; 2] {
        self.strides.map(|s| s * size_of::<T>() as isize)
    }

    fn index(&self, i: usize, j: usize) -> usize {
        self.origin.wrapping_add_signed(i as isize * self.strides[0] + j as isize * self.strides[1])
    }

    pub(super) fn get(&self, i: usize, j: usize) -> T {
        self.data[self.index(i, j)]
    }

    pub(super) fn set(&mut self, i: usize, j: usize, value: T) {
        let index = self.index(i, j);
        self.data[index] = value;
    }
}

/// All positions of a matrix, row by row.
pub(super) fn positions(n: [usize; 2]) -> impl Iterator<Item = (usize, usize)> {
    (0..n[0]).flat_map(move |i| (0..n[1]).map(move |j| (i, j)))
}
