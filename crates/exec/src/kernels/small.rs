//! Products of two factors of few points: a whole nest in one call, with one addition to the target for each of its
//! positions.

use super::op::ScalarOp;

/// The most points of a small product. More points gain from the patterns and the vectors of other kernels.
pub(crate) const MAX_SMALL_POINTS: usize = 384;
/// The same under a memory limit, which does not count the table.
pub(crate) const MAX_LIMITED_POINTS: usize = 64;
/// The most terms of a sum, which are added one after another. More terms are more accurate with several accumulators.
pub(crate) const MAX_SMALL_TERMS: usize = 64;

/// Computes `c = Σ a ⊗ b`, or adds this sum to `c`. `ptrs` are the addresses of `c`, `a` and `b`. `offsets` has a row for
/// each position of the target: the bytes from `ptrs[0]` to it, then those from `ptrs[1]` and `ptrs[2]` to the factors of
/// each of the `terms` of its sum.
///
/// # Safety
/// As [`Kernels`](super::Kernels) states, for these positions; `c` needs values only if `adds`.
pub(super) unsafe fn product<A: ScalarOp, M: ScalarOp<T = A::T>>(
    offsets: &[isize],
    terms: usize,
    [c, a, b]: [*mut u8; 3],
    adds: bool,
) {
    let factor = |ptr: *mut u8, offset| ptr.wrapping_offset(offset).cast::<A::T>();
    let mut rows = offsets;
    while let Some((row, rest)) = rows.split_at_checked(1 + 2 * terms) {
        rows = rest;
        let target = factor(c, row[0]);
        // SAFETY: the caller promises elements at the positions of the factors, and at that of the target, which has a
        // value if `adds`.
        unsafe {
            let term = |pair: &[isize]| M::apply(factor(a, pair[0]).read(), factor(b, pair[1]).read());
            let mut pairs = row[1..].chunks_exact(2);
            let first = pairs.next().map_or_else(A::identity, term);
            let sum = pairs.fold(first, |sum, pair| A::apply(sum, term(pair)));
            target.write(if adds { A::apply(target.read(), sum) } else { sum });
        }
    }
}
