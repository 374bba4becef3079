//! Copies, by the size of an element alone.

use std::mem::MaybeUninit;

use super::{Dst, Src, Unary, map};

/// `c = a` for elements of `size` bytes, padding included.
///
/// # Safety
/// As [`Kernels`](super::Kernels) states, for elements of some type of that size.
pub unsafe fn copy(size: usize, n: [usize; 2], c: Dst, a: Src) {
    // SAFETY: the caller's promise.
    unsafe {
        match of_size(size) {
            Some(kernel) => kernel(n, c, a),
            None => bytes(size, n, c, a),
        }
    }
}

/// The kernel for elements of a common size.
pub(super) fn of_size(size: usize) -> Option<Unary> {
    Some(match size {
        1 => blocks::<1>,
        2 => blocks::<2>,
        4 => blocks::<4>,
        8 => blocks::<8>,
        16 => blocks::<16>,
        _ => return None,
    })
}

unsafe fn blocks<const SIZE: usize>(n: [usize; 2], c: Dst, a: Src) {
    // SAFETY: the caller's promise.
    unsafe { map::unary::<[MaybeUninit<u8>; SIZE], [MaybeUninit<u8>; SIZE]>(n, c, a, |x| x) }
}

unsafe fn bytes(size: usize, n: [usize; 2], c: Dst, a: Src) {
    for o in 0..n[0] as isize {
        for i in 0..n[1] as isize {
            // SAFETY: the caller's promise.
            unsafe {
                let to = c.ptr.offset(o * c.strides[0] + i * c.strides[1]);
                a.ptr.offset(o * a.strides[0] + i * a.strides[1]).copy_to_nonoverlapping(to, size);
            }
        }
    }
}
