//! Kernels that ⊕-add to their target.
//!
//! Sums are kept in several independent accumulators, and blocks of a long sum are added pairwise, so that the rounding
//! error of floating-point sums grows with the logarithm of the number of blocks (Higham, Accuracy and Stability of
//! Numerical Algorithms, 2002, section 4.2).

use std::marker::PhantomData;
use std::mem::MaybeUninit;

use super::walk::{Fixed, Grid, Row, Strided, Times, Unit};
use super::{Dst, Src, fuse};
use crate::semiring::Semiring;

/// Terms of a sum that go into the lanes before they are added to the rest pairwise.
const BLOCK: usize = 1024;
/// Bytes of the target that stay in the innermost cache while many rows are added to them.
const TILE: usize = 4096;
/// Below this an inner loop is too short to be worth its start.
const SHORT: usize = 8;

/// `c = c ⊕ a`.
///
/// # Safety
/// As [`Kernels`](super::Kernels) states.
#[inline(always)]
pub(super) unsafe fn add<S: Semiring>(n: [usize; 2], c: Dst, a: Src) {
    let (n, [c_strides, strides]) = arrange(n, [c.strides, a.strides]);
    let (c, a) = (Dst { strides: c_strides, ..c }, Src { strides, ..a });
    let size = size_of::<S::Acc>() as isize;
    // SAFETY: the caller's promise, and the strides that the patterns check.
    unsafe {
        match (c.strides[1], a.strides[1]) {
            (0, s) if s == size => fold::<S, _>(n, c, Unit::of(a)),
            (0, _) => fold::<S, _>(n, c, Strided::of(a)),
            (cs, s) if cs == size && s == size => spread::<S, _, true>(n, c, Unit::of(a)),
            _ => spread::<S, _, false>(n, c, Strided::of(a)),
        }
    }
}

/// `c = c ⊕ a ⊗ b`.
///
/// # Safety
/// As [`Kernels`](super::Kernels) states.
#[inline(always)]
pub(super) unsafe fn mul_add<S: Semiring>(n: [usize; 2], c: Dst, a: Src, b: Src) {
    let (n, [c_strides, s, t]) = arrange(n, [c.strides, a.strides, b.strides]);
    let (c, a, b) = (Dst { strides: c_strides, ..c }, Src { strides: s, ..a }, Src { strides: t, ..b });
    let size = size_of::<S::Acc>() as isize;
    // ⊗ commutes: a factor that stays fixed along the rows goes last.
    let (a, b) = if a.strides[1] == 0 { (b, a) } else { (a, b) };
    let unit = a.strides[1] == size;
    // SAFETY: the caller's promise, and the strides that the patterns check.
    unsafe {
        match (c.strides[1], b.strides[1]) {
            (0, s) if unit && s == size => fold::<S, _>(n, c, times::<S, _, _>(Unit::of(a), Unit::of(b))),
            (0, _) => fold::<S, _>(n, c, times::<S, _, _>(Strided::of(a), Strided::of(b))),
            (cs, s) if cs == size && unit && s == size => {
                spread::<S, _, true>(n, c, times::<S, _, _>(Unit::of(a), Unit::of(b)));
            }
            (cs, 0) if cs == size && unit => {
                spread::<S, _, true>(n, c, times::<S, _, _>(Unit::of(a), Fixed::of(b)));
            }
            _ => spread::<S, _, false>(n, c, times::<S, _, _>(Strided::of(a), Strided::of(b))),
        }
    }
}

#[inline(always)]
fn times<S, A, B>(a: A, b: B) -> Times<S, A, B> {
    Times(a, b, PhantomData)
}

/// Both loops as one if possible, else the longer one inside where the inner one is very short.
#[inline(always)]
fn arrange<const N: usize>(n: [usize; 2], strides: [[isize; 2]; N]) -> ([usize; 2], [[isize; 2]; N]) {
    let n = fuse(n, strides);
    if n[1] < SHORT && n[0] > n[1] { ([n[1], n[0]], strides.map(|[o, i]| [i, o])) } else { (n, strides) }
}

/// Adds each row, all of it, to one element; to the same element for all rows if the outer stride is 0.
#[inline(always)]
unsafe fn fold<S: Semiring, G: Grid<S::Acc>>(n: [usize; 2], c: Dst, grid: G) {
    if n[1] == 0 {
        return;
    }
    let mut sum = Cascade::<S>::new();
    for o in 0..n[0] {
        // SAFETY: `o` is below `n[0]`, and all positions read are below `n[1]`.
        unsafe {
            let row = grid.row(o);
            for start in (0..n[1]).step_by(BLOCK) {
                sum.push(block::<S, _>(row, start, BLOCK.min(n[1] - start)));
            }
            if c.strides[0] != 0 || o + 1 == n[0] {
                let target = c.ptr.offset(o as isize * c.strides[0]).cast::<S::Acc>();
                target.write(S::add(target.read(), sum.take()));
            }
        }
    }
}

/// The sum of a part of a row.
#[inline(always)]
unsafe fn block<S: Semiring, R: Row<S::Acc>>(row: R, start: usize, len: usize) -> S::Acc {
    // SAFETY: all positions are in `start..start + len`, which the caller promises.
    unsafe {
        match size_of::<S::Acc>() {
            0..=4 => lanes::<S, R, 32>(row, start, len),
            5..=8 => lanes::<S, R, 16>(row, start, len),
            _ => lanes::<S, R, 8>(row, start, len),
        }
    }
}

#[inline(always)]
unsafe fn lanes<S: Semiring, R: Row<S::Acc>, const L: usize>(row: R, start: usize, len: usize) -> S::Acc {
    let mut lanes = [S::zero(); L];
    let whole = len - len % L;
    // SAFETY: all positions are in `start..start + len`, which the caller promises.
    unsafe {
        for i in (0..whole).step_by(L) {
            for l in 0..L {
                lanes[l] = S::add(lanes[l], row.get(start + i + l));
            }
        }
        for (l, i) in (whole..len).enumerate() {
            lanes[l] = S::add(lanes[l], row.get(start + i));
        }
    }
    let mut width = L;
    while width > 1 {
        width /= 2;
        for l in 0..width {
            lanes[l] = S::add(lanes[l], lanes[l + width]);
        }
    }
    lanes[0]
}

/// Adds terms pairwise as they come: level `k` holds the sum of `2^k` of them where bit `k` of their number is set.
struct Cascade<S: Semiring> {
    levels: [MaybeUninit<S::Acc>; usize::BITS as usize],
    count: usize,
}

impl<S: Semiring> Cascade<S> {
    #[inline(always)]
    fn new() -> Self {
        Cascade { levels: [MaybeUninit::uninit(); usize::BITS as usize], count: 0 }
    }

    #[inline(always)]
    fn push(&mut self, mut term: S::Acc) {
        let full = self.count.trailing_ones() as usize;
        for level in &self.levels[..full] {
            // SAFETY: the bit of this level is set, so it has been written.
            term = S::add(unsafe { level.assume_init() }, term);
        }
        self.levels[full] = MaybeUninit::new(term);
        self.count += 1;
    }

    /// The sum so far, which is then forgotten.
    #[inline(always)]
    fn take(&mut self) -> S::Acc {
        let mut sum = S::zero();
        while self.count != 0 {
            // SAFETY: the bit of this level is set, so it has been written.
            sum = S::add(unsafe { self.levels[self.count.trailing_zeros() as usize].assume_init() }, sum);
            self.count &= self.count - 1;
        }
        sum
    }
}

/// Adds each row to a row of the target; to the same row for all if the outer stride is 0, four at a time.
#[inline(always)]
unsafe fn spread<S: Semiring, G: Grid<S::Acc>, const UNIT: bool>(n: [usize; 2], c: Dst, grid: G) {
    if n[0] == 0 {
        return;
    }
    let same = c.strides[0] == 0;
    let tile = if same { (TILE / size_of::<S::Acc>().max(1)).max(1) } else { n[1].max(1) };
    let quads = if same { n[0] / 4 } else { 0 };
    let stride = if UNIT { size_of::<S::Acc>() as isize } else { c.strides[1] };
    for start in (0..n[1]).step_by(tile) {
        let end = n[1].min(start + tile);
        // SAFETY: `o` is below `n[0]` and `i` below `n[1]` throughout.
        unsafe {
            for q in 0..quads {
                let rows = [grid.row(4 * q), grid.row(4 * q + 1), grid.row(4 * q + 2), grid.row(4 * q + 3)];
                for i in start..end {
                    let target = c.ptr.offset(i as isize * stride).cast::<S::Acc>();
                    let low = S::add(rows[0].get(i), rows[1].get(i));
                    let high = S::add(rows[2].get(i), rows[3].get(i));
                    target.write(S::add(target.read(), S::add(low, high)));
                }
            }
            for o in 4 * quads..n[0] {
                let row = grid.row(o);
                let target = c.ptr.offset(o as isize * c.strides[0]);
                for i in start..end {
                    let target = target.offset(i as isize * stride).cast::<S::Acc>();
                    target.write(S::add(target.read(), row.get(i)));
                }
            }
        }
    }
}
