//! Kernels that ⊕-add to their target.
//!
//! A sum has several independent accumulators, and the blocks of a long sum are added pairwise, so that the rounding
//! error of floating-point sums grows with the logarithm of the number of blocks (Higham, Accuracy and Stability of
//! Numerical Algorithms, 2002, section 4.2). Rows that are added to rows are added in blocks. For sums over many calls
//! see `compensated.rs`.

#![expect(clippy::needless_range_loop, reason = "counted loops over arrays vectorise most reliably")]

use std::mem::MaybeUninit;
use std::ops::Range;

use super::access_pattern::{Fixed, Pattern, RowPattern, Strided, Unit, products};
use super::op::ScalarOp;
use super::{Dst, Src, fuse};

/// The number of terms of a sum that the accumulators take before they are added pairwise.
const BLOCK: usize = 1024;
/// Bytes of the target that stay in the innermost cache while many rows are added to them: memory delivers long runs of
/// rows faster than short ones.
const TILE: usize = 24 << 10;
/// The same for sums of blocks of rows, on the stack.
const STACK_TILE: usize = 4096;
/// The shortest inner loop that is worth its overhead.
const SHORT: usize = 8;
/// The number of consecutive additions to one element, where they round, before the sum is added to the target.
const DEEP: usize = 64;
/// The largest element in bytes of which several copies fit on the stack.
const LARGE: usize = 256;

/// `c = c ⊕ a`.
///
/// # Safety
/// As [`Kernels`](super::Kernels) states.
#[inline(always)]
pub(super) unsafe fn add<A: ScalarOp>(n: [usize; 2], c: Dst, a: Src) {
    let (n, [s, t]) = arrange(n, [c.strides, a.strides]);
    let (c, a) = (Dst { strides: s, ..c }, Src { strides: t, ..a });
    let size = size_of::<A::T>() as isize;
    // SAFETY: the caller upholds the contract of `Kernels`; the patterns of the match check the strides.
    unsafe {
        match [c.strides[1], a.strides[1]] {
            s if s == [0, size] => fold::<A, _>(n, c, Unit::of(a)),
            s if s == [size, size] => spread::<A, _, true, 4>(n, c, Unit::of(a)),
            _ => strided_add::<A>(n, c, a),
        }
    }
}

/// `c = c ⊕ a ⊗ b`.
///
/// # Safety
/// As [`Kernels`](super::Kernels) states.
#[inline(always)]
pub(super) unsafe fn mul_add<A: ScalarOp, M: ScalarOp<T = A::T>>(n: [usize; 2], c: Dst, a: Src, b: Src) {
    let (n, [s, t, u]) = arrange(n, [c.strides, a.strides, b.strides]);
    let (c, a, b) = (Dst { strides: s, ..c }, Src { strides: t, ..a }, Src { strides: u, ..b });
    let size = size_of::<A::T>() as isize;
    // ⊗ commutes: a factor with inner stride 0 goes last.
    let (a, b) = if a.strides[1] == 0 { (b, a) } else { (a, b) };
    // SAFETY: the caller upholds the contract of `Kernels`; the patterns of the match check the strides.
    unsafe {
        match [c.strides[1], a.strides[1], b.strides[1]] {
            s if s == [0, size, size] => fold::<A, _>(n, c, products::<M, _, _>(Unit::of(a), Unit::of(b))),
            s if s == [size; 3] => spread::<A, _, true, 1>(n, c, products::<M, _, _>(Unit::of(a), Unit::of(b))),
            s if s == [size, size, 0] => spread::<A, _, true, 4>(n, c, products::<M, _, _>(Unit::of(a), Fixed::of(b))),
            _ => strided_mul_add::<A, M>(n, c, a, b),
        }
    }
}

/// `c = c ⊕ a`, element by element.
#[inline(never)]
pub(super) unsafe fn strided_add<A: ScalarOp>(n: [usize; 2], c: Dst, a: Src) {
    let pattern = Strided::of(a);
    // SAFETY: the caller upholds the contract of `Kernels`.
    unsafe { if c.strides[1] == 0 { fold::<A, _>(n, c, pattern) } else { spread::<A, _, false, 1>(n, c, pattern) } }
}

/// `c = c ⊕ a ⊗ b`, element by element.
#[inline(never)]
unsafe fn strided_mul_add<A: ScalarOp, M: ScalarOp<T = A::T>>(n: [usize; 2], c: Dst, a: Src, b: Src) {
    let pattern = products::<M, _, _>(Strided::of(a), Strided::of(b));
    // SAFETY: the caller upholds the contract of `Kernels`.
    unsafe { if c.strides[1] == 0 { fold::<A, _>(n, c, pattern) } else { spread::<A, _, false, 1>(n, c, pattern) } }
}

/// Merges both loops if possible, else exchanges them if the inner one is very short.
#[inline(always)]
fn arrange<const N: usize>(n: [usize; 2], strides: [[isize; 2]; N]) -> ([usize; 2], [[isize; 2]; N]) {
    let n = fuse(n, strides);
    if n[1] >= SHORT || n[0] <= n[1] {
        return (n, strides);
    }
    let mut transposed = strides;
    for k in 0..N {
        transposed[k].swap(0, 1);
    }
    ([n[1], n[0]], transposed)
}

/// Adds the sum of each row to one element; to the same element for all rows if the outer stride is 0.
#[inline(always)]
unsafe fn fold<A: ScalarOp, G: Pattern<A::T>>(n: [usize; 2], c: Dst, pattern: G) {
    if const { size_of::<A::T>() > LARGE } {
        // SAFETY: the caller upholds the contract of `Kernels`.
        return unsafe { spread::<A, G, false, 1>(n, c, pattern) };
    }
    if n[1] == 0 {
        return;
    }
    let same = c.strides[0] == 0;
    let mut sum = Cascade::<A>::new();
    for o in 0..n[0] {
        // SAFETY: `o` is below `n[0]`, and all positions read are below `n[1]`.
        unsafe {
            let row = pattern.row(o);
            let mut start = 0;
            while start < n[1] {
                sum.push(block::<A, _>(row, start, BLOCK.min(n[1] - start)));
                start += BLOCK;
            }
            if !same || o + 1 == n[0] {
                let target = c.ptr.offset(o as isize * c.strides[0]).cast::<A::T>();
                target.write(A::apply(target.read(), sum.take()));
            }
        }
    }
}

/// The sum of a part of a row.
#[inline(always)]
unsafe fn block<A: ScalarOp, R: RowPattern<A::T>>(row: R, start: usize, len: usize) -> A::T {
    // SAFETY: all positions are in `start..start + len`, which the caller promises.
    unsafe {
        match const { A::ACCUMULATORS } {
            1 => accumulate::<A, R, 1>(row, start, len),
            8 => accumulate::<A, R, 8>(row, start, len),
            16 => accumulate::<A, R, 16>(row, start, len),
            _ => wide::<A, R>(row, start, len),
        }
    }
}

#[inline(always)]
unsafe fn accumulate<A: ScalarOp, R: RowPattern<A::T>, const L: usize>(row: R, start: usize, len: usize) -> A::T {
    let mut accumulators = [A::identity(); L];
    let whole = len - len % L;
    // SAFETY: all positions are in `start..start + len`, which the caller promises.
    unsafe {
        let mut i = 0;
        while i < whole {
            for l in 0..L {
                accumulators[l] = A::apply(accumulators[l], row.get(start + i + l));
            }
            i += L;
        }
        // Not `0..len - whole`: the compiler would unroll it, and take the accumulators apart.
        for (l, i) in (whole..len).enumerate() {
            accumulators[l] = A::apply(accumulators[l], row.get(start + i));
        }
    }
    together::<A, L>(accumulators)
}

/// Adds accumulators in halves; their number is a power of two.
#[inline(always)]
pub(super) fn together<A: ScalarOp, const L: usize>(mut accumulators: [A::T; L]) -> A::T {
    let mut width = L;
    while width > 1 {
        width /= 2;
        for l in 0..width {
            accumulators[l] = A::apply(accumulators[l], accumulators[l + width]);
        }
    }
    accumulators[0]
}

/// As [`accumulate`], with a number of accumulators by the length of the part, in memory.
#[inline(always)]
unsafe fn wide<A: ScalarOp, R: RowPattern<A::T>>(row: R, start: usize, len: usize) -> A::T {
    const MOST: usize = 128;
    let mut sums = [A::identity(); MOST];
    let mut width = (len / 4).clamp(1, MOST).next_power_of_two();
    // SAFETY: all positions are in `start..start + len`, which the caller promises.
    unsafe {
        for from in (0..len).step_by(width) {
            for i in from..len.min(from + width) {
                sums[i - from] = A::apply(sums[i - from], row.get(start + i));
            }
        }
    }
    while width > 1 {
        width /= 2;
        let (low, high) = sums[..2 * width].split_at_mut(width);
        for (a, b) in low.iter_mut().zip(high) {
            *a = A::apply(*a, *b);
        }
    }
    sums[0]
}

/// Adds terms pairwise as they arrive: level `k` holds the sum of `2^k` terms if bit `k` of the count is set.
struct Cascade<A: ScalarOp> {
    levels: [MaybeUninit<A::T>; usize::BITS as usize],
    count: usize,
}

impl<A: ScalarOp> Cascade<A> {
    #[inline(always)]
    fn new() -> Self {
        Cascade { levels: [MaybeUninit::uninit(); usize::BITS as usize], count: 0 }
    }

    #[inline(always)]
    fn push(&mut self, term: A::T) {
        if self.count == 0 {
            self.levels[0] = MaybeUninit::new(term);
        } else {
            self.carry(term);
        }
        self.count += 1;
    }

    #[inline(never)]
    fn carry(&mut self, mut term: A::T) {
        let full = self.count.trailing_ones() as usize;
        for level in &self.levels[..full] {
            // SAFETY: the bit of this level is set, so it has been written.
            term = A::apply(unsafe { level.assume_init() }, term);
        }
        self.levels[full] = MaybeUninit::new(term);
    }

    /// Returns the sum so far, and starts again.
    #[inline(always)]
    fn take(&mut self) -> A::T {
        // SAFETY: one term was pushed, and it is at level 0.
        let sum = if self.count == 1 { unsafe { self.levels[0].assume_init() } } else { self.total() };
        self.count = 0;
        sum
    }

    #[inline(never)]
    fn total(&self) -> A::T {
        let (mut sum, mut rest) = (A::identity(), self.count);
        while rest != 0 {
            // SAFETY: the bit of this level is set, so it has been written.
            sum = A::apply(unsafe { self.levels[rest.trailing_zeros() as usize].assume_init() }, sum);
            rest &= rest - 1;
        }
        sum
    }
}

/// Adds each row to a row of the target; to the same row for all if the outer stride is 0, `R` at a time.
#[inline(always)]
unsafe fn spread<A: ScalarOp, G: Pattern<A::T>, const UNIT: bool, const R: usize>(n: [usize; 2], c: Dst, pattern: G) {
    let size = size_of::<A::T>();
    let same = c.strides[0] == 0;
    // Rows that are added to one row are summed apart, in blocks.
    let deep = const { A::ROUNDS && size_of::<A::T>() <= LARGE } && same && n[0] > DEEP * R;
    let tile = if same { (if deep { STACK_TILE } else { TILE } / size.max(1)).max(1) } else { n[1].max(1) };
    let block = if deep { DEEP * R } else { n[0].max(1) };
    let mut sums = Tile([MaybeUninit::uninit(); STACK_TILE]);
    let apart = Dst { ptr: sums.0.as_mut_ptr().cast(), strides: [0, size as isize] };
    let mut start = 0;
    while start < n[1] {
        let columns = start..n[1].min(start + tile);
        let (target, width) = (c.at(0, start), columns.len());
        let to = if deep { apart } else { target };
        let mut row = 0;
        while row < n[0] {
            // SAFETY: rows are below `n[0]` and columns below `n[1]`, for which the caller promises the operands; a tile
            // has memory for its columns.
            unsafe {
                if const { A::ROUNDS } && deep {
                    for i in 0..width {
                        to.ptr.cast::<A::T>().add(i).write(A::identity());
                    }
                }
                rows::<A, G, UNIT, R>(row..n[0].min(row + block), columns.clone(), to, pattern);
                if const { A::ROUNDS } && deep {
                    let sums = Src { ptr: to.ptr, strides: to.strides };
                    rows::<A, _, UNIT, 1>(0..1, 0..width, target, Unit::of(sums));
                }
            }
            row += block;
        }
        start += tile;
    }
}

/// Memory for the sums of a tile, in the innermost cache.
#[repr(align(64))]
struct Tile([MaybeUninit<u8>; STACK_TILE]);

/// Adds the columns of some rows to `c`, where the first column goes to the start of a row.
#[inline(always)]
unsafe fn rows<A: ScalarOp, G: Pattern<A::T>, const UNIT: bool, const R: usize>(
    range: Range<usize>,
    columns: Range<usize>,
    c: Dst,
    pattern: G,
) {
    let stride = if UNIT { size_of::<A::T>() as isize } else { c.strides[1] };
    let groups = if const { R > 1 } && c.strides[0] == 0 { range.len() / R } else { 0 };
    // SAFETY: the caller promises the rows and columns of all operands.
    unsafe {
        if const { R > 1 } {
            for group in 0..groups {
                let first = range.start + R * group;
                let mut rows = [pattern.row(first); R];
                for r in 1..R {
                    rows[r] = pattern.row(first + r);
                }
                for i in columns.clone() {
                    let mut sum = rows[0].get(i);
                    for r in 1..R {
                        sum = A::apply(sum, rows[r].get(i));
                    }
                    let target = c.ptr.offset((i - columns.start) as isize * stride).cast::<A::T>();
                    target.write(A::apply(target.read(), sum));
                }
            }
        }
        for o in range.start + R * groups..range.end {
            let row = pattern.row(o);
            let target = c.ptr.wrapping_offset(o as isize * c.strides[0]);
            for i in columns.clone() {
                let target = target.offset((i - columns.start) as isize * stride).cast::<A::T>();
                target.write(A::apply(target.read(), row.get(i)));
            }
        }
    }
}
