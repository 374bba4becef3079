//! The kernels of every semiring, compiled once for each instruction set. The bodies are plain Rust, the same for all.

use super::{Dst, Kernels, Product, Src, gemm, map, reduce};
use crate::semiring::Semiring;

/// A module of kernels compiled with the given features. The bodies are `inline(always)`: only so do they inherit them.
macro_rules! instruction_set {
    ($name:ident, $vector:literal $(, $features:literal)?) => {
        pub(super) mod $name {
            use super::*;

            pub(in crate::kernels) const fn table<S: Semiring>() -> Kernels {
                Kernels {
                    fill_zero: fill_zero::<S>,
                    fill_one: fill_one::<S>,
                    add: add::<S>,
                    scale: scale::<S>,
                    mul: mul::<S>,
                    mul_add: mul_add::<S>,
                    gemm: product::<S>,
                    lift: lift::<S>,
                    finish: finish::<S>,
                }
            }

            $(#[target_feature(enable = $features)])?
            unsafe fn fill_zero<S: Semiring>(n: [usize; 2], c: Dst) {
                // SAFETY: the contract is that of the body.
                unsafe { map::fill(n, c, S::zero()) }
            }

            $(#[target_feature(enable = $features)])?
            unsafe fn fill_one<S: Semiring>(n: [usize; 2], c: Dst) {
                // SAFETY: the contract is that of the body.
                unsafe { map::fill(n, c, S::one()) }
            }

            $(#[target_feature(enable = $features)])?
            unsafe fn add<S: Semiring>(n: [usize; 2], c: Dst, a: Src) {
                // SAFETY: the contract is that of the body.
                unsafe { reduce::add::<S>(n, c, a) }
            }

            $(#[target_feature(enable = $features)])?
            unsafe fn scale<S: Semiring>(n: [usize; 2], c: Dst, a: Src) {
                // SAFETY: the contract is that of the body.
                unsafe { map::scale::<S>(n, c, a) }
            }

            $(#[target_feature(enable = $features)])?
            unsafe fn mul<S: Semiring>(n: [usize; 2], c: Dst, a: Src, b: Src) {
                // SAFETY: the contract is that of the body.
                unsafe { map::mul::<S>(n, c, a, b) }
            }

            $(#[target_feature(enable = $features)])?
            unsafe fn mul_add<S: Semiring>(n: [usize; 2], c: Dst, a: Src, b: Src) {
                // SAFETY: the contract is that of the body.
                unsafe { reduce::mul_add::<S>(n, c, a, b) }
            }

            $(#[target_feature(enable = $features)])?
            unsafe fn product<S: Semiring>(p: &Product) {
                // SAFETY: the contract is that of the body.
                unsafe { gemm::product::<S, $vector>(p) }
            }

            $(#[target_feature(enable = $features)])?
            unsafe fn lift<S: Semiring>(n: [usize; 2], c: Dst, a: Src) {
                // SAFETY: the contract is that of the body.
                unsafe { map::unary(n, c, a, S::lift) }
            }

            $(#[target_feature(enable = $features)])?
            unsafe fn finish<S: Semiring>(n: [usize; 2], c: Dst, a: Src) {
                // SAFETY: the contract is that of the body.
                unsafe { map::unary(n, c, a, S::finish) }
            }
        }
    };
}

instruction_set!(portable, 16);
#[cfg(target_arch = "x86_64")]
instruction_set!(avx2, 32, "avx2,fma");
#[cfg(target_arch = "x86_64")]
instruction_set!(avx512, 64, "avx2,fma,avx512f,avx512bw,avx512dq,avx512vl");
