//! The matrix products in place that the crate `matrixmultiply` computes: the portable kernels of f32, f64, c32 and
//! c64.

use matrixmultiply::{CGemmOption, cgemm, dgemm, sgemm, zgemm};

use super::GemmArgs;

macro_rules! gemm {
    ($name:ident, $t:ty, $zero:expr, $one:expr, $call:ident($($options:expr),*)) => {
        /// A matrix product in place, a [`GemmFn`](super::GemmFn).
        ///
        /// # Safety
        /// The contract of [`Kernels`](super::Kernels). A complex type has the layout of two neighbouring reals.
        pub(super) unsafe fn $name(p: &GemmArgs) {
            let [m, n, k] = p.extents;
            // Strides in elements. Those in bytes are multiples of the size of an element, except along an axis of
            // extent 1, where the stride is not used.
            let [[rsa, csa], [rsb, csb], [rsc, csc]] =
                [p.a.strides, p.b.strides, p.c.strides].map(|s| s.map(|s| s / size_of::<$t>() as isize));
            let beta = if p.accumulate { $one } else { $zero };
            // SAFETY: the caller promises that α points to a value of the type, that every position below the extents
            // is an element, and that distinct positions of C are distinct elements.
            unsafe {
                let alpha = p.alpha.map_or($one, |alpha| alpha.cast::<$t>().read());
                for number in 0..p.batch.count {
                    let [c, a, b] = p.batch.at(number);
                    let c = p.c.ptr.wrapping_offset(c).cast();
                    let (a, b) = (p.a.ptr.wrapping_offset(a).cast(), p.b.ptr.wrapping_offset(b).cast());
                    $call($($options,)* m, k, n, alpha, a, rsa, csa, b, rsb, csb, beta, c, rsc, csc);
                }
            }
        }
    };
}

gemm!(f32_gemm, f32, 0.0, 1.0, sgemm());
gemm!(f64_gemm, f64, 0.0, 1.0, dgemm());
gemm!(c32_gemm, [f32; 2], [0.0; 2], [1.0, 0.0], cgemm(CGemmOption::Standard, CGemmOption::Standard));
gemm!(c64_gemm, [f64; 2], [0.0; 2], [1.0, 0.0], zgemm(CGemmOption::Standard, CGemmOption::Standard));
