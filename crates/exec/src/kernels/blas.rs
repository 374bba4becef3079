//! The matrix products that `matrixmultiply` has kernels for.

use matrixmultiply::{CGemmOption, cgemm, dgemm, sgemm, zgemm};

use super::GemmArgs;

macro_rules! product {
    ($name:ident, $t:ty, $zero:expr, $one:expr, $call:ident($($options:expr),*)) => {
        /// # Safety
        /// The contract of [`Kernels`](super::Kernels). A complex type has the layout of two neighbouring reals.
        pub(super) unsafe fn $name(p: &GemmArgs) {
            let [m, n, k] = p.extents;
            // Strides in elements. The stride of an axis with one position is not used; the others lead from element to
            // element.
            let [[rsa, csa], [rsb, csb], [rsc, csc]] =
                [p.a.strides, p.b.strides, p.c.strides].map(|s| s.map(|s| s / size_of::<$t>() as isize));
            let beta = if p.accumulate { $one } else { $zero };
            // SAFETY: the caller promises a value of the type behind α, that every position below the extents is valid, and
            // that C's are distinct.
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

product!(f32_product, f32, 0.0, 1.0, sgemm());
product!(f64_product, f64, 0.0, 1.0, dgemm());
product!(c32_product, [f32; 2], [0.0; 2], [1.0, 0.0], cgemm(CGemmOption::Standard, CGemmOption::Standard));
product!(c64_product, [f64; 2], [0.0; 2], [1.0, 0.0], zgemm(CGemmOption::Standard, CGemmOption::Standard));
