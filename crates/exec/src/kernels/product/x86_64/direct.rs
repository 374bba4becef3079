//! The product of operands that caches hold: tiles read both operands where they lie.

use std::mem::MaybeUninit;
use std::ptr::NonNull;

use super::block::scattered;
use super::micro::{MAX_LANES, Tile};
use super::pack::Panel;
use super::side::Panels;
use super::vector::Number;
use super::{DEPTH, ProductType};
use crate::kernels::{Dst, GemmArgs, Src};

/// Memory for a packed panel of lanes: `DEPTH` positions of k.
#[repr(align(64))]
struct PanelMemory {
    bytes: [MaybeUninit<u8>; 384 * DEPTH],
}

/// A product with C's lanes along its columns.
struct Direct<T> {
    c: Dst,
    a: Src,
    b: Src,
    extents: [usize; 3],
    alpha: Option<T>,
}

/// `C = α A B`, or the same added to C.
///
/// # Safety
/// The contract of [`Kernels`](crate::kernels::Kernels), on a CPU with the instruction set of `K`.
pub(super) unsafe fn product<K: ProductType>(p: &GemmArgs) {
    let size = size_of::<K::Element>() as isize;
    let [m, n, k] = p.extents;
    // The lanes are the axis in which C is contiguous.
    let upright = p.c.strides[1] == size || p.c.strides[0] != size;
    // SAFETY: the caller promises α.
    let alpha = p.alpha.map(|alpha: NonNull<u8>| unsafe { alpha.cast::<K::Element>().read() });
    let direct = if upright {
        Direct { c: p.c, a: p.a, b: p.b, extents: [m, n, k], alpha }
    } else {
        Direct { c: p.c.transposed(), a: p.b.transposed(), b: p.a.transposed(), extents: [n, m, k], alpha }
    };
    if m == 0 || n == 0 {
        return;
    }
    // SAFETY: the caller upholds the contract.
    unsafe {
        if k == 0 && !p.accumulate {
            crate::kernels::map::fill([m, n], p.c, K::Element::ZERO);
        }
        for start in (0..k).step_by(DEPTH) {
            direct.strip::<K>(start, DEPTH.min(k - start), p.accumulate || start > 0);
        }
    }
}

impl<T: Number> Direct<T> {
    /// Multiplies `depth` positions of k from `start` on.
    unsafe fn strip<K: ProductType<Element = T>>(&self, start: usize, depth: usize, accumulate: bool) {
        let size = size_of::<T>() as isize;
        let [m, n, _] = self.extents;
        let ragged = n % K::LANES != 0 && !K::MASKS;
        // SAFETY: the caller promises the elements.
        unsafe {
            if self.b.strides[1] != size || ragged || m >= K::PACKED_ROWS {
                self.packed_strip::<K>(start, depth, accumulate);
            } else {
                self.panels::<K>(start, depth, accumulate, std::ptr::null_mut());
            }
        }
    }

    /// As [`Direct::strip`], with memory for a panel of lanes.
    #[inline(never)]
    unsafe fn packed_strip<K: ProductType<Element = T>>(&self, start: usize, depth: usize, accumulate: bool) {
        let mut memory: PanelMemory = PanelMemory { bytes: [MaybeUninit::uninit(); 384 * DEPTH] };
        // SAFETY: the caller promises the elements.
        unsafe { self.panels::<K>(start, depth, accumulate, memory.bytes.as_mut_ptr().cast()) }
    }

    #[inline]
    unsafe fn panels<K: ProductType<Element = T>>(&self, start: usize, depth: usize, accumulate: bool, memory: *mut T) {
        let size = size_of::<T>() as isize;
        let [m, n, _] = self.extents;
        let (a, b) = (self.a.at(0, start), self.b.at(start, 0));
        let lanes = Panels::new(n, K::LANES, K::VECTORS);
        let rows = Panels::new(m, 1, K::ROWS);
        let mut tile = Tile {
            k: depth,
            lanes: memory.cast_const(),
            lanes_k: 0,
            rows: a.ptr.cast(),
            rows_k: a.strides[1],
            rows_r: a.strides[0],
            c: self.c.ptr.cast(),
            c_rows: std::array::from_fn(|r| self.c.strides[0].wrapping_mul(r as isize)),
            c_vectors: std::array::from_fn(|v| (v * K::LANES) as isize * size),
            last: K::LANES,
            alpha: self.alpha,
            accumulate,
            stream: false,
        };
        for panel in 0..lanes.count {
            let range = lanes.range(panel);
            let (width, vectors) = (range.len(), range.len().div_ceil(K::LANES));
            let from = b.at(0, range.start);
            if memory.is_null() {
                (tile.lanes, tile.lanes_k) = (from.ptr.cast(), b.strides[0]);
            } else {
                let mut offsets = [0; MAX_LANES];
                (0..width).for_each(|x| offsets[x] = b.strides[1].wrapping_mul(x as isize));
                let to = Panel {
                    from: from.ptr.cast(),
                    k: depth,
                    stride: b.strides[0],
                    offsets: &offsets[..width],
                    width: vectors * K::LANES,
                    to: memory,
                };
                // SAFETY: the caller promises the elements; the memory holds the widest panel of `DEPTH` positions.
                unsafe { (K::PACK)(&to) };
                (tile.lanes, tile.lanes_k) = (memory, (vectors * K::LANES) as isize * size);
            }
            tile.last = width - (vectors - 1) * K::LANES;
            for panel in 0..rows.count {
                let rows = rows.range(panel);
                tile.rows = a.at(rows.start, 0).ptr.cast();
                tile.c = self.c.at(rows.start, range.start).ptr.cast();
                // SAFETY: the caller promises the elements of these rows and lanes.
                unsafe {
                    if self.c.strides[1] == size {
                        (K::TILES[vectors - 1][rows.len() - 1])(&tile);
                    } else {
                        let mut lanes = [0; MAX_LANES];
                        (0..width).for_each(|x| lanes[x] = self.c.strides[1].wrapping_mul(x as isize));
                        scattered::<K>(&tile, rows.len(), &lanes[..width]);
                    }
                }
            }
        }
    }
}
