//! Products that are bound by memory: rows times a vector, several rows at a time, because memory delivers them faster than
//! one after another; and rows times numbers, written past the caches.

use std::ops::Range;

use super::block::fence;
use super::complex::Parts;
use super::vector::{Number, Vector};
use crate::kernels::{Dst, Src};

/// The rows that are multiplied at the same time.
const ROWS: usize = 8;
/// The additions to a lane after which sums are added pairwise.
const ADDITIONS: usize = 64;

/// `c = a ⊗ b`, where C and one factor are contiguous in the inner loop, and the other factor does not move there.
///
/// # Safety
/// The contract of [`Kernels`](crate::kernels::Kernels), on a CPU with the instruction set of `X`.
#[inline(always)]
pub(super) unsafe fn stream<X: Vector>(n: [usize; 2], c: Dst, a: Src, b: Src) {
    let (a, b) = if a.strides[1] == 0 { (b, a) } else { (a, b) };
    for o in 0..if n[1] == 0 { 0 } else { n[0] } {
        // SAFETY: the caller promises the instruction set and the elements of each row.
        unsafe {
            let factor = X::splat(b.at(o, 0).ptr.cast::<X::Element>().read());
            row::<X>(n[1], c.at(o, 0).ptr.cast(), a.at(o, 0).ptr.cast(), factor);
        }
    }
    fence();
}

/// Multiplies a row of `n` elements by a number.
#[inline(always)]
unsafe fn row<X: Vector>(n: usize, c: *mut X::Element, a: *const X::Element, factor: X::Factor) {
    // Elements before the first whole vector that C has at a multiple of its bytes; all if there is none.
    let head = c.align_offset(X::LANES * size_of::<X::Element>()).min(n);
    let whole = head + (n - head) / X::LANES * X::LANES;
    // SAFETY: the caller promises the instruction set and the elements.
    unsafe {
        part::<X>(0..head, c, a, factor);
        let mut i = head;
        while i < whole {
            X::load(a.add(i)).mul(factor).stream(c.add(i));
            i += X::LANES;
        }
        part::<X>(whole..n, c, a, factor);
    }
}

/// Multiplies the elements in a range, and writes them as usual.
#[inline(always)]
unsafe fn part<X: Vector>(range: Range<usize>, c: *mut X::Element, a: *const X::Element, factor: X::Factor) {
    for i in range.clone().step_by(X::LANES) {
        let mask = X::mask(0, X::LANES.min(range.end - i));
        // SAFETY: the caller promises the instruction set and the elements of the mask.
        unsafe { X::load_masked(a.add(i), mask).mul(factor).store_masked(c.add(i), mask) }
    }
}

/// `c = c + a · b` in each row, where both factors are contiguous in the inner loop, along which C does not move.
///
/// # Safety
/// The contract of [`Kernels`](crate::kernels::Kernels), on a CPU with the instruction set of `X`.
#[inline(always)]
pub(super) unsafe fn dots<X: Parts>(n: [usize; 2], c: Dst, a: Src, b: Src) {
    // The last rows are computed with those before them; fewer rows one by one, as if each were there several times.
    let group = if n[0] < ROWS { 1 } else { ROWS };
    for first in (0..n[0]).step_by(group) {
        let start = first.min(n[0] - group);
        let stride = |x: &Src| if group == 1 { 0 } else { x.strides[0] };
        let rows = [a, b].map(|x| (x.at(start, 0).ptr.cast(), stride(&x)));
        // SAFETY: the caller promises the instruction set and the elements.
        let sums = unsafe { products::<X>(n[1], rows) };
        for (r, sum) in sums.into_iter().enumerate().take(group).skip(first - start) {
            let to = c.at(start + r, 0).ptr.cast::<X::Element>();
            // SAFETY: the caller promises the element.
            unsafe { to.write(to.read() + sum) }
        }
    }
}

/// The first element of the first row of each factor, and the bytes from one row to the next.
type Rows<T> = [(*const T, isize); 2];

/// The products of rows of `n` elements.
#[inline(always)]
unsafe fn products<X: Parts>(n: usize, rows: Rows<X::Element>) -> [X::Element; ROWS] {
    let step = X::LANES * ADDITIONS;
    // The sums of 2^level blocks, where the count of blocks has the bit of the level: blocks are added pairwise.
    let mut levels = [[X::Element::ZERO; ROWS]; usize::BITS as usize];
    let mut count = 0usize;
    for start in (0..n).step_by(step) {
        // SAFETY: the caller promises the elements.
        let mut sums = unsafe { block::<X>(start..n.min(start + step), rows) };
        for level in &levels[..count.trailing_ones() as usize] {
            add(&mut sums, level);
        }
        levels[count.trailing_ones() as usize] = sums;
        count += 1;
    }
    let mut sums = [X::Element::ZERO; ROWS];
    for level in (0..usize::BITS as usize).filter(|level| count >> level & 1 == 1) {
        add(&mut sums, &levels[level]);
    }
    sums
}

/// Adds sums of earlier positions.
#[inline(always)]
fn add<T: Number>(sums: &mut [T; ROWS], earlier: &[T; ROWS]) {
    for (sum, earlier) in sums.iter_mut().zip(earlier) {
        *sum = *earlier + *sum;
    }
}

/// The products of a range of positions: each lane by itself, then the lanes together.
#[inline(always)]
unsafe fn block<X: Parts>(range: Range<usize>, [(a, a_rows), (b, b_rows)]: Rows<X::Element>) -> [X::Element; ROWS] {
    let row = |r: usize, i: usize| {
        let along = |from: *const X::Element, rows: isize| from.wrapping_byte_offset(rows * r as isize).wrapping_add(i);
        [along(a, a_rows), along(b, b_rows)]
    };
    // SAFETY: the caller promises the instruction set and the elements.
    unsafe {
        let mut sums = [X::zero(); ROWS];
        let mut i = range.start;
        while i + X::LANES <= range.end {
            let mut r = 0;
            while r < ROWS {
                let [x, y] = row(r, i);
                sums[r] = X::load(x).mul_add(X::load(y), sums[r]);
                r += 1;
            }
            i += X::LANES;
        }
        if i < range.end {
            let mask = X::mask(0, range.end - i);
            let mut r = 0;
            while r < ROWS {
                let [x, y] = row(r, i);
                sums[r] = X::load_masked(x, mask).mul_add(X::load_masked(y, mask), sums[r]);
                r += 1;
            }
        }
        let mut totals = [X::Element::ZERO; ROWS];
        let mut r = 0;
        while r < ROWS {
            totals[r] = together(sums[r]);
            r += 1;
        }
        totals
    }
}

/// The sum of the lanes of a vector, added pairwise.
#[inline(always)]
unsafe fn together<X: Parts>(sum: X) -> X::Element {
    let mut lanes = [X::Element::ZERO; 16];
    // SAFETY: the caller promises the instruction set; no vector has more lanes.
    unsafe { sum.store(lanes.as_mut_ptr()) };
    let mut width = X::LANES;
    while width > 1 {
        width /= 2;
        (0..width).for_each(|l| lanes[l] = lanes[l] + lanes[l + width]);
    }
    lanes[0]
}
