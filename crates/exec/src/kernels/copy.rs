//! Copies elements, by their size alone.

use std::mem::MaybeUninit;

use super::{Dst, Src, UnaryFn, fuse, map};

/// `c = a` for elements of `size` bytes, with their padding.
///
/// # Safety
/// The contract of [`Kernels`](super::Kernels), for elements of some type of that size.
pub unsafe fn copy(size: usize, n: [usize; 2], c: Dst, a: Src) {
    // SAFETY: the caller upholds the contract of `Kernels`.
    unsafe {
        match of_size(size) {
            Some(kernel) => kernel(n, c, a),
            None => any_size(size, n, c, a),
        }
    }
}

/// The kernel for elements of a common size.
pub(super) fn of_size(size: usize) -> Option<UnaryFn> {
    Some(match size {
        1 => blocks::<1, 64>,
        2 => blocks::<2, 32>,
        4 => blocks::<4, 16>,
        8 => blocks::<8, 8>,
        16 => blocks::<16, 8>,
        _ => return None,
    })
}

/// An element as bytes that may be uninitialised, without alignment.
type Raw<const SIZE: usize> = [MaybeUninit<u8>; SIZE];

/// Copies elements of `SIZE` bytes. If different loops are contiguous on the two sides, it copies tiles of `TILE` by
/// `TILE` elements: a cache line of either side.
unsafe fn blocks<const SIZE: usize, const TILE: usize>(n: [usize; 2], c: Dst, a: Src) {
    let size = SIZE as isize;
    let n = fuse(n, [c.strides, a.strides]);
    // SAFETY: the caller upholds the contract of `Kernels`.
    unsafe {
        match [c.strides[0], c.strides[1], a.strides[0], a.strides[1]] {
            [_, cs, _, s] if [cs, s] == [size; 2] => runs::<SIZE>(n, c, a),
            [cs, _, s, _] if [cs, s] == [size; 2] => runs::<SIZE>([n[1], n[0]], c.transposed(), a.transposed()),
            [_, cs, s, _] if [cs, s] == [size; 2] => tiles::<SIZE, TILE>(n, c, a),
            [cs, _, _, s] if [cs, s] == [size; 2] => tiles::<SIZE, TILE>([n[1], n[0]], c.transposed(), a.transposed()),
            _ => each::<SIZE>(n, c, a),
        }
    }
}

/// Copies row by row, each as one run of bytes.
unsafe fn runs<const SIZE: usize>(n: [usize; 2], c: Dst, a: Src) {
    for o in 0..n[0] as isize {
        // SAFETY: the caller promises the positions below `n` and contiguous rows.
        unsafe {
            let to = c.ptr.wrapping_offset(o * c.strides[0]);
            a.ptr.wrapping_offset(o * a.strides[0]).copy_to_nonoverlapping(to, n[1] * SIZE);
        }
    }
}

/// Rows and columns of a block of tiles: few enough that the page table entries of both sides stay cached.
const BLOCK: usize = 256;

/// Transposes: the inner loop of the target and the outer loop of the source are contiguous.
unsafe fn tiles<const SIZE: usize, const TILE: usize>(n: [usize; 2], c: Dst, a: Src) {
    parts(n, BLOCK, |o, i, n| {
        let (c, a) = (c.at(o, i), a.at(o, i));
        parts(n, TILE, |o, i, n| {
            // SAFETY: the caller promises the positions below `n`, of which each part has some.
            unsafe {
                if n == [TILE; 2] {
                    tile::<SIZE, TILE>(c.at(o, i), a.at(o, i));
                } else {
                    each::<SIZE>(n, c.at(o, i), a.at(o, i));
                }
            }
        });
    });
}

/// Copies a whole tile: each line of the target is assembled in registers and written at once. Reading the source line by
/// line through a square on the stack was up to seven times slower, because the square spills.
unsafe fn tile<const SIZE: usize, const TILE: usize>(c: Dst, a: Src) {
    for o in 0..TILE {
        let mut row = [[MaybeUninit::uninit(); SIZE]; TILE];
        // SAFETY: the caller promises a tile of positions; `Raw` needs no alignment and may be uninitialised.
        unsafe {
            for (i, element) in row.iter_mut().enumerate() {
                *element = a.at(o, i).ptr.cast::<Raw<SIZE>>().read();
            }
            c.at(o, 0).ptr.cast::<[Raw<SIZE>; TILE]>().write(row);
        }
    }
}

/// Calls `f` with the first position and the extents of each square of `side` by `side` positions, cut off at the ends.
fn parts(n: [usize; 2], side: usize, f: impl Fn(usize, usize, [usize; 2])) {
    for o in (0..n[0]).step_by(side) {
        for i in (0..n[1]).step_by(side) {
            f(o, i, [side.min(n[0] - o), side.min(n[1] - i)]);
        }
    }
}

/// Copies element by element.
#[inline(always)]
unsafe fn each<const SIZE: usize>(n: [usize; 2], c: Dst, a: Src) {
    // SAFETY: the caller upholds the contract of `Kernels`.
    unsafe { map::unary::<Raw<SIZE>, Raw<SIZE>>(n, c, a, |x| x) }
}

unsafe fn any_size(size: usize, n: [usize; 2], c: Dst, a: Src) {
    for o in 0..n[0] {
        for i in 0..n[1] {
            // SAFETY: the caller upholds the contract of `Kernels`.
            unsafe { a.at(o, i).ptr.copy_to_nonoverlapping(c.at(o, i).ptr, size) };
        }
    }
}
