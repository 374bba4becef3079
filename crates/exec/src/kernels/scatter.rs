//! Kernels that write rows to, or read rows from, positions in a list.

use super::op::ScalarOp;
use super::reduce::{strided_add, together};
use super::{Dst, Src};

/// The number of neighbours that are examined together: enough to hide the additions to one element, few enough for short
/// runs.
const RUN: usize = 32;
/// The number of offsets at the start of a call that show how irregularly they change.
const SAMPLE: usize = 16;
/// The number of accumulators for such neighbours.
const ACCUMULATORS: usize = 8;

/// `c = c ⊕ a` row by row, in order; row `o` of the target is displaced by `offsets[o]` bytes.
///
/// # Safety
/// The contract of [`Kernels`](super::Kernels), for the displaced rows; `offsets` has a number for each row. Rows of the
/// target may overlap; within a row the address of the target may repeat through stride 0.
#[inline(always)]
pub(super) unsafe fn add<A: ScalarOp>(n: [usize; 2], c: Dst, offsets: *const isize, a: Src) {
    let size = size_of::<A::T>() as isize;
    // Several elements of more than 16 bytes do not fit in registers, and gain nothing together.
    let unit = const { size_of::<A::T>() <= 16 } && c.strides[1] == size && a.strides[1] == size;
    // SAFETY: the caller upholds the contract of `Kernels`.
    unsafe {
        if n[1] == 1 && c.strides[0] == 0 && a.strides[0] == size {
            elements::<A>(n[0], c.ptr, offsets, a.ptr.cast());
        } else if unit {
            for o in 0..n[0] {
                let to = c.at(o, 0).ptr.wrapping_offset(*offsets.add(o));
                neighbours::<A>(n[1], to.cast(), a.at(o, 0).ptr.cast());
            }
        } else {
            rows::<A>(n, c, offsets, a);
        }
    }
}

/// Adds rows that are not contiguous: without vectors, so it is compiled once for all instruction sets.
#[inline(never)]
unsafe fn rows<A: ScalarOp>(n: [usize; 2], c: Dst, offsets: *const isize, a: Src) {
    for o in 0..n[0] {
        // SAFETY: the caller upholds the contract of `Kernels`.
        unsafe {
            let (to, from) = (c.at(o, 0).ptr.wrapping_offset(*offsets.add(o)), a.at(o, 0).ptr);
            if c.strides[1] == 0 && n[1] > 1 {
                strided_add::<A>([1, n[1]], Dst { ptr: to, strides: [0, 0] }, Src { ptr: from, strides: a.strides });
            } else {
                row::<A>(n[1], to, from, [c.strides[1], a.strides[1]]);
            }
        }
    }
}

/// Adds a row of contiguous elements. Several are read before any is written, so that the compiler needs no check whether
/// the rows overlap.
#[inline(always)]
unsafe fn neighbours<A: ScalarOp>(n: usize, c: *mut A::T, a: *const A::T) {
    let whole = n - n % ACCUMULATORS;
    // SAFETY: all positions are below `n`, for which the caller promises the operands.
    unsafe {
        let mut i = 0;
        while i < whole {
            let target = c.add(i).cast::<[A::T; ACCUMULATORS]>();
            let (mut sums, terms) = (target.read(), a.add(i).cast::<[A::T; ACCUMULATORS]>().read());
            for l in 0..ACCUMULATORS {
                sums[l] = A::apply(sums[l], terms[l]);
            }
            target.write(sums);
            i += ACCUMULATORS;
        }
        // Counted to a constant, so that the compiler makes no vectors of these few.
        for l in 0..ACCUMULATORS - 1 {
            let i = whole + l;
            if i == n {
                break;
            }
            c.add(i).write(A::apply(c.add(i).read(), a.add(i).read()));
        }
    }
}

#[inline(always)]
unsafe fn row<A: ScalarOp>(n: usize, c: *mut u8, a: *const u8, strides: [isize; 2]) {
    for i in 0..n as isize {
        // SAFETY: the caller upholds the contract of `Kernels`.
        unsafe {
            let target = c.offset(i * strides[0]).cast::<A::T>();
            target.write(A::apply(target.read(), a.offset(i * strides[1]).cast::<A::T>().read()));
        }
    }
}

/// Adds contiguous elements, each to a target of its own. Consecutive elements with one target are summed before the
/// target is written, because reading it back each time would wait for the write. Long runs have several accumulators.
#[inline(always)]
unsafe fn elements<A: ScalarOp>(n: usize, c: *mut u8, offsets: *const isize, a: *const A::T) {
    if n == 0 {
        return;
    }
    // SAFETY: all positions are below `n`, for which the caller promises the operands.
    unsafe {
        if is_unforeseen(n.min(SAMPLE), offsets) {
            return one_by_one::<A>(n, c, offsets, a);
        }
        let mut at = *offsets;
        let mut sum = c.offset(at).cast::<A::T>().read();
        let mut k = 0;
        while k < n {
            let end = n.min(k + RUN);
            let run = end - k == RUN && *offsets.add(end - 1) == *offsets.add(k) && one_run(offsets.add(k));
            for k in k..if run { k + 1 } else { end } {
                let next = *offsets.add(k);
                if next != at {
                    c.offset(at).cast::<A::T>().write(sum);
                    at = next;
                    sum = c.offset(at).cast::<A::T>().read();
                }
                if !run {
                    sum = A::apply(sum, a.add(k).read());
                }
            }
            if run {
                sum = A::apply(sum, side_by_side::<A>(a.add(k)));
            }
            k = end;
        }
        c.offset(at).cast::<A::T>().write(sum);
    }
}

/// Adds each element by itself, without a branch on whether the next one has the same target.
#[inline(always)]
unsafe fn one_by_one<A: ScalarOp>(n: usize, c: *mut u8, offsets: *const isize, a: *const A::T) {
    for k in 0..n {
        // SAFETY: the caller upholds the contract of `Kernels`.
        unsafe {
            let target = c.offset(*offsets.add(k)).cast::<A::T>();
            target.write(A::apply(target.read(), a.add(k).read()));
        }
    }
}

/// The sum of a run.
#[inline(always)]
unsafe fn side_by_side<A: ScalarOp>(a: *const A::T) -> A::T {
    let mut accumulators = [A::identity(); ACCUMULATORS];
    for k in 0..RUN {
        let accumulator = &mut accumulators[k % ACCUMULATORS];
        // SAFETY: the caller promises a run of terms.
        *accumulator = A::apply(*accumulator, unsafe { a.add(k).read() });
    }
    together::<A, ACCUMULATORS>(accumulators)
}

/// Whether all offsets of a run are the same.
#[inline(always)]
unsafe fn one_run(offsets: *const isize) -> bool {
    let mut others = 0;
    for k in 1..RUN {
        // SAFETY: the caller promises a run of offsets.
        others |= unsafe { *offsets.add(k) ^ *offsets };
    }
    others == 0
}

/// Whether offsets change too irregularly for branch prediction: neither rarely nor nearly always.
#[inline(always)]
unsafe fn is_unforeseen(n: usize, offsets: *const isize) -> bool {
    // SAFETY: the caller promises `n` offsets.
    let changes = (1..n).filter(|&k| unsafe { *offsets.add(k) != *offsets.add(k - 1) }).count();
    (n / 8..=n - n / 8).contains(&changes) && n > 8
}

/// `c = a` for elements of `size` bytes, row by row; row `o` of the source is displaced by `offsets[o]` bytes.
///
/// # Safety
/// As [`copy`](super::copy()), for the displaced rows; `offsets` has a number for each row.
pub(crate) unsafe fn gather(size: usize, n: [usize; 2], c: Dst, offsets: *const isize, a: Src) {
    // SAFETY: the caller upholds the contract of `Kernels`.
    unsafe {
        match (size, n[1]) {
            (1, 1) => elements_of::<u8>(n[0], c, offsets, a),
            (2, 1) => elements_of::<u16>(n[0], c, offsets, a),
            (4, 1) => elements_of::<u32>(n[0], c, offsets, a),
            (8, 1) => elements_of::<u64>(n[0], c, offsets, a),
            _ if [c.strides[1], a.strides[1]] == [size as isize; 2] => runs(n[1] * size, n[0], c, offsets, a),
            _ => {
                for o in 0..n[0] {
                    let from = a.at(o, 0).ptr.wrapping_offset(*offsets.add(o));
                    super::copy(size, [1, n[1]], c.at(o, 0), Src { ptr: from, ..a });
                }
            }
        }
    }
}

/// Copies rows of `len` contiguous bytes, most of them too short for the call of a copying routine.
unsafe fn runs(len: usize, n: usize, c: Dst, offsets: *const isize, a: Src) {
    const PIECE: usize = 32;
    const LONG: usize = 512;
    type Piece = [std::mem::MaybeUninit<u8>; PIECE];
    for o in 0..n {
        // SAFETY: the caller promises the bytes of each row; the last piece of a row may overlap the one before.
        unsafe {
            let (to, from) = (c.at(o, 0).ptr, a.at(o, 0).ptr.wrapping_offset(*offsets.add(o)));
            if !(PIECE..=LONG).contains(&len) {
                from.copy_to_nonoverlapping(to, len);
                continue;
            }
            for at in (0..len - PIECE).step_by(PIECE).chain([len - PIECE]) {
                to.add(at).cast::<Piece>().write(from.add(at).cast::<Piece>().read());
            }
        }
    }
}

/// Copies elements as integers of their size, whose bytes may be uninitialised.
unsafe fn elements_of<T>(n: usize, c: Dst, offsets: *const isize, a: Src) {
    use std::mem::MaybeUninit;
    for o in 0..n {
        // SAFETY: the caller promises an element of this size at each displaced position; the access needs no alignment.
        unsafe {
            let from = a.at(o, 0).ptr.wrapping_offset(*offsets.add(o)).cast::<MaybeUninit<T>>();
            c.at(o, 0).ptr.cast::<MaybeUninit<T>>().write_unaligned(from.read_unaligned());
        }
    }
}
