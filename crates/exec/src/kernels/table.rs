//! The kernel tables: the kernels of one operation as ⊕, of one as ⊗, and of a pair, each compiled for several
//! instruction sets. The bodies are plain Rust, the same for all. Loops without a unit stride, and stores alone, gain
//! nothing from wider vectors and are compiled once.

use std::marker::PhantomData;

use super::isa::PerIsa;
#[cfg(target_arch = "x86_64")]
use super::isa::with_features;
use super::op::Op;
use super::{
    BinaryFn, Dst, FillFn, Fused, GemmArgs, Isa, Kernels, ScatterFn, Src, UnaryFn, gemm, map, reduce, scatter,
};

/// The kernels of ⊕ alone.
#[derive(Clone, Copy)]
pub(super) struct AddKernels {
    pub(super) fill_zero: FillFn,
    pub(super) add: UnaryFn,
    pub(super) scatter: ScatterFn,
}

/// The kernels of ⊗ alone.
#[derive(Clone, Copy)]
pub(super) struct MulKernels {
    pub(super) fill_one: FillFn,
    pub(super) scale: UnaryFn,
    pub(super) mul: BinaryFn,
}

/// The kernels of (A, M).
pub(super) fn kernels<A: Op, M: Op<T = A::T>>(isa: Isa) -> Kernels {
    let AddKernels { fill_zero, add, scatter } = *isa.select(&OpTable::<A>::ADDS);
    let MulKernels { fill_one, scale, mul } = *isa.select(&OpTable::<M>::MULS);
    Kernels {
        fill_zero,
        fill_one,
        add,
        scatter,
        scale,
        mul,
        fused: Some(*isa.select(&PairTable::<A, M>::EVERY)),
        carry: None,
    }
}

/// A table with one value for the portable kernels and one for AVX2 and all wider sets.
#[cfg_attr(not(target_arch = "x86_64"), expect(unused_variables, reason = "other targets have portable kernels only"))]
pub(super) const fn since_avx2<T: Copy>(portable: T, avx2: T) -> PerIsa<T> {
    PerIsa {
        portable,
        #[cfg(target_arch = "x86_64")]
        avx2,
        #[cfg(target_arch = "x86_64")]
        avx512: avx2,
    }
}

/// The tables of one operation. Its kernels are bound by memory with 32-byte vectors already, so they are not compiled
/// for wider ones.
pub(super) struct OpTable<O>(PhantomData<O>);

impl<O: Op> OpTable<O> {
    pub(super) const ADDS: PerIsa<AddKernels> = since_avx2(
        AddKernels { fill_zero: fill::<O>, add: portable::add::<O>, scatter: portable::scatter::<O> },
        AddKernels { fill_zero: fill::<O>, add: avx2::add::<O>, scatter: avx2::scatter::<O> },
    );
    pub(super) const MULS: PerIsa<MulKernels> = since_avx2(
        MulKernels { fill_one: fill::<O>, scale: portable::scale::<O>, mul: portable::mul::<O> },
        MulKernels { fill_one: fill::<O>, scale: avx2::scale::<O>, mul: avx2::mul::<O> },
    );
}

/// The tables of a pair.
pub(super) struct PairTable<A, M>(PhantomData<(A, M)>);

impl<A: Op, M: Op<T = A::T>> PairTable<A, M> {
    /// For every instruction set.
    pub(super) const EVERY: PerIsa<Fused> = PerIsa {
        portable: Fused { mul_add: portable::mul_add::<A, M>, gemm: portable::product::<A, M> },
        #[cfg(target_arch = "x86_64")]
        avx2: Fused { mul_add: avx2::mul_add::<A, M>, gemm: avx2::product::<A, M> },
        #[cfg(target_arch = "x86_64")]
        avx512: Fused { mul_add: avx512::mul_add::<A, M>, gemm: avx512::product::<A, M> },
    };
    /// For all but the widest instruction set, which is not worth the compile time here.
    pub(super) const COMMON: PerIsa<Fused> = since_avx2(
        Fused { mul_add: portable::mul_add::<A, M>, gemm: portable::product::<A, M> },
        Fused { mul_add: avx2::mul_add::<A, M>, gemm: avx2::product::<A, M> },
    );
    /// Without the matrix product.
    pub(super) const MUL_ADD: PerIsa<BinaryFn> = PerIsa {
        portable: portable::mul_add::<A, M>,
        #[cfg(target_arch = "x86_64")]
        avx2: avx2::mul_add::<A, M>,
        #[cfg(target_arch = "x86_64")]
        avx512: avx512::mul_add::<A, M>,
    };
}

pub(super) unsafe fn fill<O: Op>(n: [usize; 2], c: Dst) {
    // SAFETY: the caller upholds the contract of `Kernels`.
    unsafe { map::fill(n, c, O::identity()) }
}

/// Kernels that are bound by memory. All bodies are `inline(always)`, because only inlined code inherits the target
/// features.
macro_rules! streams {
    ($($feature:tt)*) => {
        $(#[target_feature(enable = $feature)])*
        pub(super) unsafe fn add<A: Op>(n: [usize; 2], c: Dst, a: Src) {
            // SAFETY: the caller upholds the contract of `Kernels`.
            unsafe { reduce::add::<A>(n, c, a) }
        }

        $(#[target_feature(enable = $feature)])*
        pub(in crate::kernels) unsafe fn scatter<A: Op>(n: [usize; 2], c: Dst, offsets: *const isize, a: Src) {
            // SAFETY: the caller upholds the contract of `Kernels`.
            unsafe { scatter::add::<A>(n, c, offsets, a) }
        }

        $(#[target_feature(enable = $feature)])*
        pub(super) unsafe fn scale<M: Op>(n: [usize; 2], c: Dst, a: Src) {
            // SAFETY: the caller upholds the contract of `Kernels`.
            unsafe { map::scale::<M>(n, c, a) }
        }

        $(#[target_feature(enable = $feature)])*
        pub(super) unsafe fn mul<M: Op>(n: [usize; 2], c: Dst, a: Src, b: Src) {
            // SAFETY: the caller upholds the contract of `Kernels`.
            unsafe { map::mul::<M>(n, c, a, b) }
        }
    };
}

/// Kernels that are bound by arithmetic. `$rows` rows of a matrix are multiplied at a time.
macro_rules! products {
    ($rows:literal $($feature:tt)*) => {
        $(#[target_feature(enable = $feature)])*
        pub(super) unsafe fn mul_add<A: Op, M: Op<T = A::T>>(n: [usize; 2], c: Dst, a: Src, b: Src) {
            // SAFETY: the caller upholds the contract of `Kernels`.
            unsafe { reduce::mul_add::<A, M>(n, c, a, b) }
        }

        $(#[target_feature(enable = $feature)])*
        pub(super) unsafe fn product<A: Op, M: Op<T = A::T>>(p: &GemmArgs) {
            // SAFETY: the caller upholds the contract of `Kernels`.
            unsafe { gemm::product::<A, M, $rows>(p) }
        }
    };
}

pub(super) mod portable {
    use super::*;
    streams!();
    products!(2);
}

#[cfg(not(target_arch = "x86_64"))]
use portable as avx2;

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use super::*;
    with_features!(avx2 => streams!());
    with_features!(avx2 => products!(2));
}

#[cfg(target_arch = "x86_64")]
mod avx512 {
    use super::*;
    with_features!(avx512 => products!(4));
}
