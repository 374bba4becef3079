//! The product of operands that caches hold: tiles read both operands where they lie.

use std::mem::MaybeUninit;
use std::ptr::NonNull;

use super::block::scattered;
use super::micro::{MAX_LANES, Tile};
use super::pack::Panel;
use super::side::Panels;
use super::vector::Number;
use super::{DEPTH, ProductType};
use crate::kernels::{Batch, Dst, GemmArgs, Src, map};

/// The bytes of the widest panel of lanes with `DEPTH` positions of k.
const MOST_BYTES: usize = 192 * DEPTH;
/// The bytes that panels of small products fit in: a large array on the stack takes time, because each of its pages is touched.
const FEW_BYTES: usize = 16 << 10;

/// Memory for a packed panel of lanes.
#[repr(align(64))]
struct PanelMemory<const BYTES: usize>([MaybeUninit<u8>; BYTES]);

/// Calls `run` with memory on the stack.
#[inline(never)]
fn with_memory<const BYTES: usize>(run: &dyn Fn(*mut u8)) {
    let mut memory = PanelMemory([MaybeUninit::uninit(); BYTES]);
    run(memory.0.as_mut_ptr().cast());
}

/// Products with C's lanes along its columns.
struct Direct<T> {
    c: Dst,
    a: Src,
    b: Src,
    extents: [usize; 3],
    alpha: Option<T>,
    batch: Batch,
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
        Direct { c: p.c, a: p.a, b: p.b, extents: [m, n, k], alpha, batch: p.batch }
    } else {
        let [c, a, b] = p.batch.strides;
        let batch = Batch { strides: [c, b, a], ..p.batch };
        Direct { c: p.c.transposed(), a: p.b.transposed(), b: p.a.transposed(), extents: [n, m, k], alpha, batch }
    };
    if m == 0 || n == 0 {
        return;
    }
    // SAFETY: the caller upholds the contract.
    unsafe {
        if k == 0 && !p.accumulate {
            for number in 0..p.batch.count {
                let ptr = p.c.ptr.wrapping_offset(p.batch.at(number)[0]);
                map::fill([m, n], Dst { ptr, ..p.c }, K::Element::ZERO);
            }
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
        const { assert!(K::VECTORS * K::LANES * size_of::<T>() * DEPTH <= MOST_BYTES, "room for the widest panel") }
        let widest = self.extents[1].next_multiple_of(K::LANES).min(K::VECTORS * K::LANES);
        // SAFETY: the caller promises the elements.
        let run = |memory: *mut u8| unsafe { self.panels::<K>(start, depth, accumulate, memory.cast()) };
        if widest * depth * size_of::<T>() <= FEW_BYTES {
            with_memory::<FEW_BYTES>(&run);
        } else {
            with_memory::<MOST_BYTES>(&run);
        }
    }

    /// Multiplies `depth` positions of k from `start` on, for all products of the batch.
    #[inline]
    unsafe fn panels<K: ProductType<Element = T>>(&self, start: usize, depth: usize, accumulate: bool, memory: *mut T) {
        let size = size_of::<T>() as isize;
        let (a, b) = (self.a.at(0, start), self.b.at(start, 0));
        let mut tile = Tile {
            k: depth,
            lanes: memory.cast_const(),
            lanes_k: b.strides[0],
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
        let panels = [Panels::new(self.extents[0], 1, K::ROWS), Panels::new(self.extents[1], K::LANES, K::VECTORS)];
        for number in 0..self.batch.count {
            let [of_c, of_a, of_b] = self.batch.at(number);
            let c = Src { ptr: self.c.ptr.wrapping_offset(of_c), strides: self.c.strides };
            let a = Src { ptr: a.ptr.wrapping_offset(of_a), ..a };
            let b = Src { ptr: b.ptr.wrapping_offset(of_b), ..b };
            // SAFETY: the caller promises the elements of each product.
            unsafe { tiles::<K>(&mut tile, panels, [c, a, b], memory) }
        }
    }
}

/// Runs the tiles of one product over C, A and B, all of `tile.k` positions of k.
#[inline]
unsafe fn tiles<K: ProductType>(
    tile: &mut Tile<K::Element>,
    [rows, lanes]: [Panels; 2],
    [c, a, b]: [Src; 3],
    memory: *mut K::Element,
) {
    let size = size_of::<K::Element>() as isize;
    for panel in 0..lanes.count {
        let range = lanes.range(panel);
        let (width, vectors) = (range.len(), range.len().div_ceil(K::LANES));
        let from = b.at(0, range.start);
        tile.last = width - (vectors - 1) * K::LANES;
        if memory.is_null() {
            tile.lanes = from.ptr.cast();
        } else {
            let mut offsets = [0; MAX_LANES];
            (0..width).for_each(|x| offsets[x] = b.strides[1].wrapping_mul(x as isize));
            let to = Panel {
                from: from.ptr.cast(),
                k: tile.k,
                stride: b.strides[0],
                offsets: &offsets[..width],
                width: vectors * K::LANES,
                to: memory,
            };
            // SAFETY: the caller promises the elements; the memory holds the widest panel of `DEPTH` positions.
            unsafe { (K::PACK)(&to) };
            (tile.lanes, tile.lanes_k) = (memory, (vectors * K::LANES) as isize * size);
        }
        for panel in 0..rows.count {
            let rows = rows.range(panel);
            tile.rows = a.at(rows.start, 0).ptr.cast();
            tile.c = c.at(rows.start, range.start).ptr.cast_mut().cast();
            // SAFETY: the caller promises the elements of these rows and lanes.
            unsafe {
                if c.strides[1] == size {
                    (K::TILES[vectors - 1][rows.len() - 1])(tile);
                } else {
                    let mut lanes = [0; MAX_LANES];
                    (0..width).for_each(|x| lanes[x] = c.strides[1].wrapping_mul(x as isize));
                    scattered::<K>(tile, rows.len(), &lanes[..width]);
                }
            }
        }
    }
}
