//! The products of rows that are bound by memory.

use super::rings::{Check, Ring, every_ring};
use super::{Plane, Rng, Sample, positions};
use crate::kernels::{InPlace, Kernels};

struct Rows;

/// Extents around the width of a vector, of several rows, and of a block of additions.
fn extents(rng: &mut Rng, size: usize) -> [usize; 2] {
    let lanes = 64 / size;
    let lengths = [0, 1, lanes - 1, lanes, 2 * lanes + 1, 64 * lanes, 64 * lanes + 3, 333, 5 * 64 * lanes + lanes / 2];
    [rng.below(20), lengths[rng.below(lengths.len())]]
}

/// A matrix whose rows are contiguous, at any distance.
fn contiguous<T: Sample>(rng: &mut Rng, n: [usize; 2], repeating: bool) -> Plane<T> {
    let apart = (n[1].max(1) + rng.below(5)) as isize;
    let apart = [apart, -apart, if repeating { 0 } else { apart }][rng.below(3)];
    Plane::with([apart, 1], n, || T::sample(rng))
}

/// A matrix with the same element in each position of a row.
fn constant<T: Sample>(rng: &mut Rng, n: [usize; 2], repeating: bool) -> Plane<T> {
    let apart = [1, -2, if repeating { 0 } else { 3 }][rng.below(3)];
    Plane::with([apart, 0], n, || T::sample(rng))
}

impl Check for Rows {
    fn check<T: Sample>(&mut self, ring: &Ring<T>, kernels: &Kernels, rng: &mut Rng) {
        let Some(InPlace { streamed_rows, dots, .. }) = kernels.fused.and_then(|fused| fused.gemm) else { return };
        for _ in 0..60 {
            let n = extents(rng, size_of::<T>());
            if let Some(stream) = streamed_rows {
                let (a, b) = (contiguous::<T>(rng, n, true), constant::<T>(rng, n, true));
                let mut c = contiguous::<T>(rng, n, false);
                let mut want = c.clone();
                positions(n).for_each(|(i, j)| want.set(i, j, (ring.mul)(a.get(i, j), b.get(i, j))));
                let (a, b) = if rng.below(2) == 0 { (a, b) } else { (b, a) };
                // SAFETY: the planes hold the extents, and no other thread sees them.
                unsafe { stream(n, c.dst(), a.src(), b.src()) };
                assert_eq!(c.data, want.data, "{}, {n:?}", ring.name);
            }
            if let Some(dots) = dots {
                let (a, b) = (contiguous::<T>(rng, n, true), contiguous::<T>(rng, n, true));
                let mut c = constant::<T>(rng, n, false);
                let mut want = c.clone();
                for (i, j) in positions(n) {
                    want.set(i, j, (ring.add)(want.get(i, j), (ring.mul)(a.get(i, j), b.get(i, j))));
                }
                // SAFETY: as above.
                unsafe { dots(n, c.dst(), a.src(), b.src()) };
                assert_eq!(c.data, want.data, "{}, {n:?}", ring.name);
            }
        }
    }
}

#[test]
fn rows_match_plain_loops() {
    every_ring(&mut Rows);
}
