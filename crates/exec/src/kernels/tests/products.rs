//! The matrix products.

use super::blocks::in_blocks;
use super::rings::{Check, Ring, every_ring};
use super::{Plane, Rng, Sample, positions};
use crate::kernels::{Batch, Fused, GemmArgs, Kernels, Src};

struct Products;

impl Check for Products {
    fn check<T: Sample>(&mut self, ring: &Ring<T>, kernels: &Kernels, rng: &mut Rng) {
        let Some(fused) = kernels.fused else { return };
        for _ in 0..12 {
            let extents = [rng.extent(), rng.extent(), rng.extent()];
            compare(ring, &fused, rng, extents);
        }
        // Past the width of a packed panel (1024 bytes) and its depth (64 positions), on either side.
        compare(ring, &fused, rng, [3, 1030 / size_of::<T>(), 66]);
        compare(ring, &fused, rng, [1030 / size_of::<T>(), 17, 5]);
    }
}

/// Multiplies in place if there is a kernel for it and `in_place` is set, else in blocks.
///
/// # Safety
/// The contract of [`Kernels`].
pub(super) unsafe fn multiply(fused: &Fused, p: &GemmArgs, in_place: bool) {
    // SAFETY: the caller upholds the contract.
    unsafe {
        match fused.gemm {
            Some(gemm) if in_place => (gemm.run)(p),
            _ if p.extents.contains(&0) => {}
            _ => in_blocks(fused.product, p, p.extents),
        }
    }
}

/// One product of a random layout, with and without α, into or onto C; in place and in blocks.
fn compare<T: Sample>(ring: &Ring<T>, fused: &Fused, rng: &mut Rng, extents: [usize; 3]) {
    let [m, n, k] = extents;
    for in_place in [false, true] {
        if !in_place && extents.contains(&0) || in_place && fused.gemm.is_none() {
            continue;
        }
        let (a, b) = (Plane::<T>::random(rng, [m, k], true), Plane::<T>::random(rng, [k, n], true));
        let mut c = Plane::<T>::random(rng, [m, n], false);
        let mut want = c.clone();
        let mut alpha = T::sample(rng);
        let (scaled, accumulate) = (rng.below(2) == 0 && ring.absorbing, rng.below(2) == 0);
        let product = GemmArgs {
            extents,
            c: c.dst(),
            a: a.src(),
            b: b.src(),
            alpha: scaled.then_some(std::ptr::NonNull::from(&mut alpha).cast()),
            accumulate,
            batch: Batch::ONE,
        };
        // SAFETY: the planes hold the extents, and no other thread sees them.
        unsafe { multiply(fused, &product, in_place) };
        for (i, j) in positions([m, n]) {
            let sum = (0..k).map(|l| (ring.mul)(a.get(i, l), b.get(l, j))).reduce(ring.add).unwrap_or(ring.zero);
            let sum = if scaled { (ring.mul)(alpha, sum) } else { sum };
            want.set(i, j, if accumulate { (ring.add)(want.get(i, j), sum) } else { sum });
        }
        assert_eq!(c.data, want.data, "{}, {extents:?}, α {scaled}, onto {accumulate}", ring.name);
    }
}

/// All edges of tiles: rows and columns up to twice the largest tile, and more than one step of the loop over k.
struct Edges;

impl Check for Edges {
    fn check<T: Sample>(&mut self, ring: &Ring<T>, kernels: &Kernels, rng: &mut Rng) {
        let Some(fused) = kernels.fused.filter(|fused| fused.product.vectors.is_some()) else { return };
        let [rows, lanes] = fused.product.panels.map(|shape| shape.unit * shape.most);
        for m in 0..=2 * rows {
            for n in 0..=2 * lanes {
                let k = rng.below(10);
                compare(ring, &fused, rng, [m, n, k]);
                compare(ring, &fused, rng, [n, m, k]);
            }
        }
        // Panels of lanes are packed before many rows run over them, and k is divided.
        compare(ring, &fused, rng, [300, lanes + 5, 260]);
    }
}

#[test]
fn edges_of_tiles_match_plain_loops() {
    every_ring(&mut Edges);
}

struct Identity;

impl Check for Identity {
    fn check<T: Sample>(&mut self, ring: &Ring<T>, kernels: &Kernels, rng: &mut Rng) {
        let Some(fused) = kernels.fused.filter(|_| ring.absorbing) else { return };
        for n in [1, 5, 16, 33] {
            let a = Plane::<T>::random(rng, [7, n], false);
            let mut eye = Plane::<T>::random(rng, [n, n], false);
            positions([n, n]).for_each(|(i, j)| eye.set(i, j, if i == j { ring.one } else { ring.zero }));
            let mut c = Plane::<T>::random(rng, [7, n], false);
            let (extents, alpha, accumulate) = ([7, n, n], None, false);
            let args = GemmArgs { extents, c: c.dst(), a: a.src(), b: eye.src(), alpha, accumulate, batch: Batch::ONE };
            // SAFETY: the planes hold the extents, and no other thread sees them.
            unsafe { multiply(&fused, &args, true) };
            assert!(positions([7, n]).all(|(i, j)| c.get(i, j) == a.get(i, j)), "{}, {n}", ring.name);
        }
    }
}

struct SmallProducts;

/// The bytes from the origin of a matrix to a position.
fn offset(matrix: Src, i: usize, j: usize) -> isize {
    matrix.at(i, j).ptr.addr().wrapping_sub(matrix.ptr.addr()) as isize
}

impl Check for SmallProducts {
    fn check<T: Sample>(&mut self, ring: &Ring<T>, kernels: &Kernels, rng: &mut Rng) {
        let Some(Fused { small, .. }) = kernels.fused else { return };
        for [m, n, k] in [[1, 1, 1], [2, 2, 2], [3, 1, 5], [1, 4, 3], [4, 4, 4], [5, 2, 0]] {
            let (a, b) = (Plane::<T>::random(rng, [m, k], true), Plane::<T>::random(rng, [k, n], true));
            let mut c = Plane::<T>::random(rng, [m, n], false);
            let (mut want, adds) = (c.clone(), rng.below(2) == 0);
            let mut offsets = Vec::new();
            for (i, j) in positions([m, n]) {
                offsets.push(offset(c.src(), i, j));
                offsets.extend((0..k).flat_map(|l| [offset(a.src(), i, l), offset(b.src(), l, j)]));
                let sum = (0..k).map(|l| (ring.mul)(a.get(i, l), b.get(l, j))).reduce(ring.add).unwrap_or(ring.zero);
                want.set(i, j, if adds { (ring.add)(want.get(i, j), sum) } else { sum });
            }
            let ptrs = [c.dst().ptr, a.src().ptr.cast_mut(), b.src().ptr.cast_mut()];
            // SAFETY: the planes hold the positions, and no other thread sees them.
            unsafe { small(&offsets, k, ptrs, adds) };
            assert_eq!(c.data, want.data, "{}, {m}x{n}x{k}, onto {adds}", ring.name);
        }
    }
}

#[test]
fn small_products_match_plain_loops() {
    every_ring(&mut SmallProducts);
}

#[test]
fn products_match_plain_loops() {
    every_ring(&mut Products);
}

#[test]
fn a_times_identity_is_a() {
    every_ring(&mut Identity);
}
