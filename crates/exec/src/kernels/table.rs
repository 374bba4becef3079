//! The tables: every kernel of a pair of operations, compiled for each instruction set. The bodies are plain Rust, the same
//! for all; loops without a unit stride, and stores alone, gain nothing from wider vectors and are compiled once.

use std::marker::PhantomData;

use super::isa::PerIsa;
use super::op::Op;
use super::{Dst, Kernels, Product, Src, gemm, map, reduce};

/// The tables of (A, M).
pub(super) struct Tables<A, M>(PhantomData<(A, M)>);

impl<A: Op, M: Op<T = A::T>> Tables<A, M> {
    pub(super) const ALL: PerIsa<Kernels> = PerIsa {
        portable: Kernels {
            fill_zero: fill::<A>,
            fill_one: fill::<M>,
            add: portable::add::<A>,
            scale: portable::scale::<M>,
            mul: portable::mul::<M>,
            mul_add: portable::mul_add::<A, M>,
            gemm: portable::product::<A, M>,
        },
        #[cfg(target_arch = "x86_64")]
        avx2: Kernels {
            fill_zero: fill::<A>,
            fill_one: fill::<M>,
            add: avx2::add::<A>,
            scale: avx2::scale::<M>,
            mul: avx2::mul::<M>,
            mul_add: avx2::mul_add::<A, M>,
            gemm: avx2::product::<A, M>,
        },
        // What is bound by memory with 32-byte vectors already is not compiled again.
        #[cfg(target_arch = "x86_64")]
        avx512: Kernels {
            fill_zero: fill::<A>,
            fill_one: fill::<M>,
            add: avx2::add::<A>,
            scale: avx2::scale::<M>,
            mul: avx2::mul::<M>,
            mul_add: avx512::mul_add::<A, M>,
            gemm: avx512::product::<A, M>,
        },
    };
}

unsafe fn fill<O: Op>(n: [usize; 2], c: Dst) {
    // SAFETY: the caller's promise.
    unsafe { map::fill(n, c, O::identity()) }
}

/// Kernels that move memory. The bodies are `inline(always)` throughout: only so do they inherit the features.
macro_rules! streams {
    ($($features:literal)?) => {
        $(#[target_feature(enable = $features)])?
        pub(super) unsafe fn add<A: Op>(n: [usize; 2], c: Dst, a: Src) {
            // SAFETY: the caller's promise.
            unsafe { reduce::add::<A>(n, c, a) }
        }

        $(#[target_feature(enable = $features)])?
        pub(super) unsafe fn scale<M: Op>(n: [usize; 2], c: Dst, a: Src) {
            // SAFETY: the caller's promise.
            unsafe { map::scale::<M>(n, c, a) }
        }

        $(#[target_feature(enable = $features)])?
        pub(super) unsafe fn mul<M: Op>(n: [usize; 2], c: Dst, a: Src, b: Src) {
            // SAFETY: the caller's promise.
            unsafe { map::mul::<M>(n, c, a, b) }
        }
    };
}

/// Kernels that compute. `$rows` of a matrix are multiplied at a time.
macro_rules! products {
    ($rows:literal $(, $features:literal)?) => {
        $(#[target_feature(enable = $features)])?
        pub(super) unsafe fn mul_add<A: Op, M: Op<T = A::T>>(n: [usize; 2], c: Dst, a: Src, b: Src) {
            // SAFETY: the caller's promise.
            unsafe { reduce::mul_add::<A, M>(n, c, a, b) }
        }

        $(#[target_feature(enable = $features)])?
        pub(super) unsafe fn product<A: Op, M: Op<T = A::T>>(p: &Product) {
            // SAFETY: the caller's promise.
            unsafe { gemm::product::<A, M, $rows>(p) }
        }
    };
}

mod portable {
    use super::*;
    streams!();
    products!(2);
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use super::*;
    streams!("avx2,fma");
    products!(2, "avx2,fma");
}

#[cfg(target_arch = "x86_64")]
mod avx512 {
    use super::*;
    products!(4, "avx2,fma,avx512f,avx512bw,avx512dq,avx512vl");
}
