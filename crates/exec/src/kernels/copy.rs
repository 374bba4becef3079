//! Copies, by the size of an element alone.

use std::mem::MaybeUninit;

use super::{Dst, Src, UnaryFn, fuse, map};

/// `c = a` for elements of `size` bytes, padding included.
///
/// # Safety
/// As [`Kernels`](super::Kernels) states, for elements of some type of that size.
pub unsafe fn copy(size: usize, n: [usize; 2], c: Dst, a: Src) {
    // SAFETY: the caller's promise.
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

/// An element as bytes that may be anything, with no alignment asked for.
type Raw<const SIZE: usize> = [MaybeUninit<u8>; SIZE];

/// Copies elements of `SIZE` bytes; where the two sides disagree on which loop is contiguous, in tiles of `TILE` by `TILE`
/// elements: a cache line of either side.
unsafe fn blocks<const SIZE: usize, const TILE: usize>(n: [usize; 2], c: Dst, a: Src) {
    let size = SIZE as isize;
    let n = fuse(n, [c.strides, a.strides]);
    // SAFETY: the caller's promise.
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

/// Row by row, each as one run of bytes.
unsafe fn runs<const SIZE: usize>(n: [usize; 2], c: Dst, a: Src) {
    for o in 0..n[0] as isize {
        // SAFETY: the caller's promise; the elements of a row are neighbours.
        unsafe {
            let to = c.ptr.wrapping_offset(o * c.strides[0]);
            a.ptr.wrapping_offset(o * a.strides[0]).copy_to_nonoverlapping(to, n[1] * SIZE);
        }
    }
}

/// Rows and columns of a block of tiles: so few that the page tables of both sides stay at hand.
const BLOCK: usize = 256;

/// Transposes: the target's inner and the source's outer loop go along neighbours.
unsafe fn tiles<const SIZE: usize, const TILE: usize>(n: [usize; 2], c: Dst, a: Src) {
    parts(n, BLOCK, |o, i, n| {
        let (c, a) = (c.at(o, i), a.at(o, i));
        parts(n, TILE, |o, i, n| {
            // SAFETY: each part holds some of the positions that the caller promises.
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

/// A whole tile: each line of the target is put together in registers and written at once. Reading the source line by line
/// instead, through a square on the stack, was up to seven times slower in place: the square spills.
unsafe fn tile<const SIZE: usize, const TILE: usize>(c: Dst, a: Src) {
    for o in 0..TILE {
        let mut row = [[MaybeUninit::uninit(); SIZE]; TILE];
        // SAFETY: the caller's promise, for a tile of positions.
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

/// Element by element.
#[inline(always)]
unsafe fn each<const SIZE: usize>(n: [usize; 2], c: Dst, a: Src) {
    // SAFETY: the caller's promise.
    unsafe { map::unary::<Raw<SIZE>, Raw<SIZE>>(n, c, a, |x| x) }
}

unsafe fn any_size(size: usize, n: [usize; 2], c: Dst, a: Src) {
    for o in 0..n[0] {
        for i in 0..n[1] {
            // SAFETY: the caller's promise.
            unsafe { a.at(o, i).ptr.copy_to_nonoverlapping(c.at(o, i).ptr, size) };
        }
    }
}
