//! Blocks of a large product: packed panels of rows and lanes, and the tiles over them.

use std::ops::Range;

use super::micro::{MAX_LANES, MAX_ROWS, MAX_VECTORS, Scatter, Tile};
use super::pack::{Panel, Quads, contiguous};
use super::side::Panels;
use super::vector::Number;
use super::{DEPTH, ProductType};
use crate::kernels::product::block::{Block, MAX_BLOCK_LANES, PanelShape, quad_distance};
use crate::kernels::{Dst, map};

/// The lanes of small blocks, whose lists of offsets are short.
const FEW_LANES: usize = 64;

/// The panels of rows and of lanes.
pub(super) const fn shapes<K: ProductType>() -> [PanelShape; 2] {
    [
        PanelShape { unit: 1, most: K::ROWS, multiple: 1, along_k: false },
        PanelShape { unit: K::LANES, most: K::VECTORS, multiple: K::LANES, along_k: false },
    ]
}

fn row_panels<K: ProductType>(rows: usize) -> Panels {
    shapes::<K>()[0].panels(rows)
}

fn lane_panels<K: ProductType>(lanes: usize) -> Panels {
    shapes::<K>()[1].panels(lanes)
}

/// # Safety
/// The CPU has the instruction set of `K`; all positions are elements of the operand; no other thread touches the panels.
pub(super) unsafe fn pack_rows<K: ProductType>(p: &Block<'_>, panels: Range<usize>) {
    let all = row_panels::<K>(p.sides[0].len);
    // SAFETY: the caller upholds the contract.
    panels.for_each(|panel| unsafe { pack::<K>(p, 0, all.range(panel), 1) });
}

/// # Safety
/// As [`pack_rows`].
pub(super) unsafe fn pack_lanes<K: ProductType>(p: &Block<'_>, parts: Range<usize>) {
    // SAFETY: the caller upholds the contract.
    unsafe {
        match quad_distance(p.sides[1].side, size_of::<K::Element>()) {
            Some(distance) if in_quads::<K>(p, distance) => pack_quads::<K>(p, distance, parts),
            _ if in_runs::<K>(p) => pack_runs::<K>(p, parts),
            _ => {
                let all = lane_panels::<K>(p.sides[1].len);
                parts.for_each(|panel| pack::<K>(p, 1, all.range(panel), K::LANES));
            }
        }
    }
}

/// The number of parts that a block of lanes is packed in.
pub(super) fn lane_parts<K: ProductType>(p: &Block<'_>) -> usize {
    match quad_distance(p.sides[1].side, size_of::<K::Element>()) {
        Some(distance) if in_quads::<K>(p, distance) => distance / 4,
        _ => lane_panels::<K>(p.sides[1].len).count,
    }
}

/// Whether a block consists of whole squares, and k is not contiguous.
fn in_quads<K: ProductType>(p: &Block<'_>, distance: usize) -> bool {
    let whole = |positions: usize| positions.is_multiple_of(4 * distance);
    let along_k = p.k.loops().last().is_some_and(|l| l.strides[1] == size_of::<K::Element>() as isize);
    whole(p.sides[1].start) && whole(p.sides[1].len) && p.sides[1].len <= MAX_BLOCK_LANES && !along_k
}

/// Packs four lanes of each `distance` lanes for each number in a range.
unsafe fn pack_quads<K: ProductType>(p: &Block<'_>, distance: usize, parts: Range<usize>) {
    let mut offsets = [[0; MAX_BLOCK_LANES]; 2];
    let [offsets, of_c] = &mut offsets;
    let (offsets, of_c) = (&mut offsets[..p.sides[1].len], &mut of_c[..p.sides[1].len]);
    p.sides[1].side.offsets(p.sides[1].start, [offsets, of_c]);
    let depth = p.k_range.len();
    let mut to = [(0, 0); MAX_BLOCK_LANES / 4];
    let panels = lane_panels::<K>(p.sides[1].len);
    for panel in 0..panels.count {
        // The lanes are a multiple of 16, so that all panels are whole vectors.
        let range = panels.range(panel);
        let (first, width) = (range.start, range.len());
        range.step_by(4).for_each(|lane| to[lane / 4] = (first * depth + lane - first, width));
    }
    for part in parts {
        let mut k_start = 0;
        p.k.runs(p.k_range.clone(), &mut |start, strides, len| {
            let quads = Quads {
                from: p.sides[1].operand.wrapping_offset(start[1]).cast::<K::Element>(),
                k: len,
                stride: strides[1],
                offsets,
                distance,
                to: &to,
                packed: p.sides[1].packed.cast::<K::Element>(),
                k_start,
                lane: part * 4,
            };
            // SAFETY: the caller promises the elements and memory for the panels; the block consists of whole squares,
            // and no four lanes of a multiple of four lie in two panels.
            unsafe { (K::QUADS)(&quads) };
            k_start += len;
        });
    }
}

/// Whether the lanes are contiguous in the operand, and its positions of k lie in different pages.
fn in_runs<K: ProductType>(p: &Block<'_>) -> bool {
    const PAGE: usize = 4096;
    let apart = p.k.loops().last().is_some_and(|l| l.strides[1].unsigned_abs() >= PAGE);
    apart && p.sides[1].side.single_stride(0) == Some(size_of::<K::Element>() as isize)
}

/// Packs panels of lanes a few positions of k at a time: memory delivers a few long runs faster than many short ones.
unsafe fn pack_runs<K: ProductType>(p: &Block<'_>, parts: Range<usize>) {
    const RUNS: usize = 16;
    let size = size_of::<K::Element>() as isize;
    let (side, depth) = (&p.sides[1], p.k_range.len());
    let offsets: [isize; MAX_LANES] = std::array::from_fn(|lane| lane as isize * size);
    let all = lane_panels::<K>(side.len);
    let mut done = 0;
    p.k.runs(p.k_range.clone(), &mut |start, strides, len| {
        for first in (0..len).step_by(RUNS) {
            let from = side.operand.wrapping_offset(start[1].wrapping_add(strides[1].wrapping_mul(first as isize)));
            for range in parts.clone().map(|panel| all.range(panel)) {
                let width = range.len().next_multiple_of(K::LANES);
                let panel = Panel {
                    from: from.cast::<K::Element>().wrapping_add(side.start + range.start),
                    k: RUNS.min(len - first),
                    stride: strides[1],
                    offsets: &offsets[..range.len()],
                    width,
                    to: side.packed.cast::<K::Element>().wrapping_add(range.start * depth + (done + first) * width),
                };
                // SAFETY: the caller promises the elements and memory for all panels, which lie one behind the other.
                unsafe { (K::PACK)(&panel) };
            }
        }
        done += len;
    });
}

/// Packs the positions `range` of a block as one panel, padded to a multiple of `unit`. `x` is the number of the operand
/// in the strides of k.
unsafe fn pack<K: ProductType>(p: &Block<'_>, x: usize, range: Range<usize>, unit: usize) {
    let side = &p.sides[x];
    let mut offsets = [[0; MAX_LANES]; 2];
    let [offsets, of_c] = &mut offsets;
    let (offsets, of_c) = (&mut offsets[..range.len()], &mut of_c[..range.len()]);
    side.side.offsets(side.start + range.start, [offsets, of_c]);
    let width = range.len().next_multiple_of(unit);
    let mut to = side.packed.cast::<K::Element>().wrapping_add(range.start * p.k_range.len());
    p.k.runs(p.k_range.clone(), &mut |start, strides, len| {
        let from = side.operand.wrapping_offset(start[x]).cast();
        let panel = Panel { from, k: len, stride: strides[x], offsets, width, to };
        // SAFETY: the caller promises the elements and memory for all panels, which lie one behind the other.
        unsafe { (K::PACK)(&panel) };
        to = to.wrapping_add(len * width);
    });
}

/// Writes zeros.
///
/// # Safety
/// The contract of [`Kernels`](crate::kernels::Kernels).
pub(super) unsafe fn zero<K: ProductType>(n: [usize; 2], c: Dst) {
    // SAFETY: the caller upholds the contract.
    unsafe { map::fill(n, c, K::Element::ZERO) }
}

/// Where the lanes of a panel lie in C.
#[derive(Clone, Copy)]
struct LanesOfC<'a> {
    offsets: &'a [isize],
    /// Whether each vector is contiguous.
    vectors: bool,
}

/// Where tiles read rows or lanes.
struct Source<T> {
    /// The first position of the block, at its first position of k.
    start: *const T,
    in_place: Option<[isize; 2]>,
}

impl<T> Source<T> {
    fn new(p: &Block<'_>, x: usize) -> Source<T> {
        let side = &p.sides[x];
        let along = |stride: isize, position: usize| stride.wrapping_mul(position as isize);
        let start = match side.in_place {
            Some([stride, k]) => {
                side.operand.wrapping_offset(along(stride, side.start)).wrapping_offset(along(k, p.k_range.start))
            }
            None => side.packed,
        };
        Source { start: start.cast(), in_place: side.in_place }
    }

    /// The address of the panel from position `first` on, which has `width` positions if it is packed with `depth`
    /// positions of k, and its strides in bytes along k and along its positions.
    #[inline]
    fn panel(&self, first: usize, width: usize, depth: usize) -> (*const T, [isize; 2]) {
        let size = size_of::<T>() as isize;
        match self.in_place {
            Some([stride, k]) => (self.start.wrapping_byte_offset(stride.wrapping_mul(first as isize)), [k, stride]),
            None => (self.start.wrapping_add(first * depth), [width as isize * size, size]),
        }
    }
}

/// # Safety
/// The CPU has the instruction set of `K`; all rows and lanes of the block are packed or read in place; all of their
/// positions in C are distinct elements, and no other thread touches those of the panels.
pub(super) unsafe fn multiply<K: ProductType>(p: &Block<'_>, panels: Range<usize>) {
    // SAFETY: the caller upholds the contract.
    unsafe {
        if p.sides[1].len <= FEW_LANES {
            multiply_lanes::<K>(p, panels, &mut [0; 2 * FEW_LANES], &mut [false; FEW_LANES]);
        } else {
            multiply_lanes::<K>(p, panels, &mut [0; 2 * MAX_BLOCK_LANES], &mut [false; MAX_BLOCK_LANES]);
        }
    }
}

/// The same, with memory for two offsets of each lane and for a flag for each panel of lanes.
///
/// # Safety
/// As [`multiply`].
unsafe fn multiply_lanes<K: ProductType>(
    p: &Block<'_>,
    panels: Range<usize>,
    offsets: &mut [isize],
    vectors: &mut [bool],
) {
    let [rows, lanes] = p.sides;
    let (row_panels, lane_panels) = (row_panels::<K>(rows.len), lane_panels::<K>(lanes.len));
    debug_assert!(K::MASKS || lanes.in_place.is_none() || lanes.len.is_multiple_of(K::LANES), "whole vectors");
    let sources: [Source<K::Element>; 2] = [Source::new(p, 0), Source::new(p, 1)];
    let (of_operand, of_c) = offsets[..2 * lanes.len].split_at_mut(lanes.len);
    lanes.side.offsets(lanes.start, [of_operand, of_c]);
    let is_vectors = |panel: &[isize]| panel.chunks(K::LANES).all(contiguous::<K::Element>);
    (0..lane_panels.count).for_each(|panel| vectors[panel] = is_vectors(&of_c[lane_panels.range(panel)]));
    // SAFETY: the caller promises α.
    let alpha = p.alpha.map(|alpha| unsafe { alpha.cast::<K::Element>().read() });
    // All sums are complete after one tile.
    let k = p.k_range.len();
    let stream = p.stream && k <= DEPTH && !p.accumulate;
    for panel in panels {
        let range = row_panels.range(panel);
        let count = range.len();
        let mut offsets = [[0; MAX_ROWS]; 2];
        rows.side.offsets(rows.start + range.start, offsets.each_mut().map(|list| &mut list[..count]));
        let (from, [rows_k, rows_r]) = sources[0].panel(range.start, count, k);
        if rows.in_place.is_some() && rows_k == size_of::<K::Element>() as isize {
            prefetch(from.wrapping_byte_offset(rows_r * K::ROWS as isize), K::ROWS, rows_r, k);
        }
        let mut tile = Tile {
            k,
            lanes: std::ptr::null(),
            lanes_k: 0,
            rows: from,
            rows_k,
            rows_r,
            c: p.c.cast(),
            c_rows: offsets[1],
            c_vectors: [0; MAX_VECTORS],
            last: K::LANES,
            alpha,
            accumulate: p.accumulate,
            stream: false,
        };
        for (panel, &vectors) in vectors.iter().enumerate().take(lane_panels.count) {
            let range = lane_panels.range(panel);
            let width = range.len().next_multiple_of(K::LANES);
            (tile.lanes, [tile.lanes_k, _]) = sources[1].panel(range.start, width, k);
            let of_c = LanesOfC { offsets: &of_c[range], vectors };
            // SAFETY: the caller promises packed panels and the elements of C.
            unsafe { column::<K>(tile, count, of_c, stream) };
        }
    }
    if stream {
        fence();
    }
}

/// Computes a tile over all positions of k. It adds to C after every `DEPTH` of them.
///
/// # Safety
/// As [`multiply`].
#[inline]
unsafe fn column<K: ProductType>(mut tile: Tile<K::Element>, rows: usize, lanes: LanesOfC<'_>, stream: bool) {
    let k = tile.k;
    for start in (0..k).step_by(DEPTH) {
        tile.k = DEPTH.min(k - start);
        // SAFETY: the caller upholds the contract.
        unsafe { run::<K>(&mut tile, rows, lanes, stream) };
        tile.lanes = tile.lanes.wrapping_byte_offset(tile.lanes_k * DEPTH as isize);
        tile.rows = tile.rows.wrapping_byte_offset(tile.rows_k * DEPTH as isize);
        tile.accumulate = true;
    }
}

/// Whether all vectors of a tile lie in C at multiples of their bytes.
fn is_aligned<K: ProductType>(tile: &Tile<K::Element>, vectors: usize, rows: usize) -> bool {
    let offsets = tile.c_vectors[..vectors].iter().chain(&tile.c_rows[..rows]);
    let all = offsets.fold(tile.c.addr(), |all, &offset| all | offset.cast_unsigned());
    all % (K::LANES * size_of::<K::Element>()) == 0
}

/// Computes a tile of `rows` rows.
#[inline]
unsafe fn run<K: ProductType>(tile: &mut Tile<K::Element>, rows: usize, lanes: LanesOfC<'_>, stream: bool) {
    let vectors = lanes.offsets.len().div_ceil(K::LANES);
    let kernel = K::TILES[vectors - 1][rows - 1];
    // SAFETY: the caller promises packed panels and the elements of C.
    unsafe {
        if lanes.vectors {
            (0..vectors).for_each(|v| tile.c_vectors[v] = lanes.offsets[v * K::LANES]);
            tile.last = lanes.offsets.len() - (vectors - 1) * K::LANES;
            tile.stream = stream && tile.last == K::LANES && is_aligned::<K>(tile, vectors, rows);
            return kernel(tile);
        }
        scattered::<K>(tile, rows, lanes.offsets);
    }
}

/// Computes a tile whose vectors are not contiguous in C.
#[inline(never)]
pub(super) unsafe fn scattered<K: ProductType>(tile: &Tile<K::Element>, rows: usize, lanes: &[isize]) {
    let mut sums = [K::Element::ZERO; MAX_ROWS * MAX_LANES];
    let vectors = lanes.len().div_ceil(K::LANES);
    let width = vectors * K::LANES;
    let size = size_of::<K::Element>();
    let dense = Tile {
        c: sums.as_mut_ptr(),
        c_rows: std::array::from_fn(|r| (r * width * size) as isize),
        c_vectors: std::array::from_fn(|v| (v * K::LANES * size) as isize),
        last: if K::MASKS { lanes.len() - (vectors - 1) * K::LANES } else { K::LANES },
        alpha: None,
        accumulate: false,
        stream: false,
        ..*tile
    };
    // SAFETY: the caller promises the operands and the elements of C; the sums have room for every tile.
    unsafe {
        (K::TILES[vectors - 1][rows - 1])(&dense);
        (K::SCATTER)(&Scatter {
            from: sums.as_ptr(),
            width,
            c: tile.c,
            offsets: [&tile.c_rows[..rows], lanes],
            alpha: tile.alpha,
            accumulate: tile.accumulate,
        });
    }
}

/// Asks for the lines of `n` contiguous elements in each of some rows, which are read next.
#[inline]
fn prefetch<T>(start: *const T, rows: usize, apart: isize, n: usize) {
    use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    const LINE: usize = 64;
    for row in 0..rows {
        let row = start.wrapping_byte_offset(apart.wrapping_mul(row as isize)).cast::<i8>();
        for at in (0..n * size_of::<T>()).step_by(LINE) {
            // SAFETY: a prefetch of any address is allowed.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(row.wrapping_add(at)) };
        }
    }
}

/// Orders streamed stores before what follows, as other stores are.
pub(super) fn fence() {
    // SAFETY: every CPU of this target has the instruction.
    unsafe {
        std::arch::x86_64::_mm_sfence();
    }
}
