//! The matrix product over any semiring.

use super::{Dst, Product, Src, map, reduce};
use crate::semiring::Semiring;

/// `C = α ⊗ A ⊗ B`, or the same added.
///
/// # Safety
/// As [`Kernels`](super::Kernels) states.
#[inline(always)]
pub(super) unsafe fn product<S: Semiring, const VECTOR: usize>(p: &Product) {
    let [m, n, k] = p.extents;
    // SAFETY: the caller's promise.
    unsafe {
        if !p.accumulate {
            map::fill([m, n], p.c, S::zero());
        }
        for i in 0..m {
            let c = Dst { ptr: p.c.ptr.offset(i as isize * p.c.strides[0]), strides: [0, p.c.strides[1]] };
            for l in 0..k {
                let a =
                    p.a.ptr.offset(i as isize * p.a.strides[0] + l as isize * p.a.strides[1]).cast::<S::Acc>().read();
                let a = p.alpha.map_or(a, |alpha| S::mul(alpha.cast::<S::Acc>().read(), a));
                let b = Src { ptr: p.b.ptr.offset(l as isize * p.b.strides[0]), strides: [0, p.b.strides[1]] };
                let a = Src { ptr: (&raw const a).cast(), strides: [0, 0] };
                reduce::mul_add::<S>([1, n], c, b, a);
            }
        }
    }
}
