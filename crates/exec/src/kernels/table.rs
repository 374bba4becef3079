//! The kernel tables: the kernels of a scalar operation as ⊕, of one as ⊗, and of a pair (⊕, ⊗), each compiled for
//! several instruction sets. The bodies are plain Rust, the same for all. Loops without a unit stride, and stores
//! alone, gain nothing from wider vectors and are compiled once.

use std::marker::PhantomData;
use std::ops::Range;

use super::isa::PerIsa;
#[cfg(target_arch = "x86_64")]
use super::isa::with_features;
use super::op::ScalarOp;
use super::{
    BinaryFn, Block, BlockFn, Dst, FillFn, Fused, Isa, Kernels, ProductKernels, ScatterFn, Src, UnaryFn, map, product,
    reduce, scatter, small,
};

/// The kernels of ⊕ alone.
#[derive(Clone, Copy)]
pub(super) struct AddKernels {
    /// Writes the identity of ⊕.
    pub(super) fill_zero: FillFn,
    /// `c = c ⊕ a`.
    pub(super) add: UnaryFn,
    /// `c = c ⊕ a`, row by row, each row of the target displaced.
    pub(super) scatter: ScatterFn,
}

/// The kernels of ⊗ alone.
#[derive(Clone, Copy)]
pub(super) struct MulKernels {
    /// Writes the identity of ⊗.
    pub(super) fill_one: FillFn,
    /// `c = c ⊗ a`.
    pub(super) scale: UnaryFn,
    /// `c = a ⊗ b`.
    pub(super) mul: BinaryFn,
}

/// The kernels of the algebra whose ⊕ is `A` and whose ⊗ is `M`, for one instruction set.
pub(super) fn kernels<A: ScalarOp, M: ScalarOp<T = A::T>>(isa: Isa) -> Kernels {
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
        compensate: None,
    }
}

/// A table with one value for the portable kernels and one for AVX2 and all wider instruction sets.
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

/// The tables of the scalar operation `O`. Its kernels are bound by memory with 32-byte vectors already, so they are
/// not compiled for wider ones.
pub(super) struct OpTable<O>(PhantomData<O>);

impl<O: ScalarOp> OpTable<O> {
    const fn adds(add: UnaryFn, scatter: ScatterFn) -> AddKernels {
        AddKernels { fill_zero: fill::<O>, add, scatter }
    }

    const fn muls(mul: BinaryFn) -> MulKernels {
        MulKernels { fill_one: fill::<O>, scale: scale::<O>, mul }
    }

    const PORTABLE_ADDS: AddKernels = Self::adds(portable::add::<O>, portable::scatter::<O>);
    const PORTABLE_MULS: MulKernels = Self::muls(portable::mul::<O>);
    /// The kernels of `O` as ⊕.
    pub(super) const ADDS: PerIsa<AddKernels> = since_avx2(
        Self::PORTABLE_ADDS,
        if O::WIDENS { Self::adds(avx2::add::<O>, avx2::scatter::<O>) } else { Self::PORTABLE_ADDS },
    );
    /// The kernels of `O` as ⊗.
    pub(super) const MULS: PerIsa<MulKernels> =
        since_avx2(Self::PORTABLE_MULS, if O::WIDENS { Self::muls(avx2::mul::<O>) } else { Self::PORTABLE_MULS });
}

/// The tables of the pair whose ⊕ is `A` and whose ⊗ is `M`.
pub(super) struct PairTable<A, M>(PhantomData<(A, M)>);

impl<A: ScalarOp, M: ScalarOp<T = A::T>> PairTable<A, M> {
    const fn fused(mul_add: BinaryFn, product: ProductKernels) -> Fused {
        Fused { mul_add, small: small::product::<A, M>, product, gemm: None }
    }

    /// The product that runs `rows` rows at a time.
    const fn strips(rows: usize, multiply: BlockFn) -> ProductKernels {
        product::strips::kernels::<A::T>(rows, multiply, fill::<A>)
    }

    /// The product for every CPU.
    pub(super) const PORTABLE_PRODUCT: ProductKernels = Self::strips(portable::ROWS, portable::multiply::<A, M>);
    /// The product for AVX2.
    #[cfg(target_arch = "x86_64")]
    const AVX2_PRODUCT: ProductKernels = Self::strips(avx2::ROWS, avx2::multiply::<A, M>);
    #[cfg(not(target_arch = "x86_64"))]
    const AVX2_PRODUCT: ProductKernels = Self::PORTABLE_PRODUCT;

    /// `c = c ⊕ a ⊗ b`.
    const PORTABLE_MUL_ADD: BinaryFn = portable::mul_add::<A, M>;
    const AVX2_MUL_ADD: BinaryFn = if A::WIDENS { avx2::mul_add::<A, M> } else { Self::PORTABLE_MUL_ADD };

    /// Compiled for every instruction set.
    pub(super) const EVERY: PerIsa<Fused> = PerIsa {
        portable: Self::fused(Self::PORTABLE_MUL_ADD, Self::PORTABLE_PRODUCT),
        #[cfg(target_arch = "x86_64")]
        avx2: Self::fused(Self::AVX2_MUL_ADD, Self::AVX2_PRODUCT),
        #[cfg(target_arch = "x86_64")]
        avx512: Self::fused(Self::MUL_ADD.avx512, Self::strips(avx512::ROWS, avx512::multiply::<A, M>)),
    };
    /// Compiled for all but the widest instruction set, which is not worth the compile time for rare pairs.
    pub(super) const COMMON: PerIsa<Fused> = since_avx2(
        Self::fused(Self::PORTABLE_MUL_ADD, Self::PORTABLE_PRODUCT),
        Self::fused(Self::AVX2_MUL_ADD, Self::AVX2_PRODUCT),
    );
    /// The kernel `mul_add` alone, compiled for every instruction set.
    pub(super) const MUL_ADD: PerIsa<BinaryFn> = PerIsa {
        portable: Self::PORTABLE_MUL_ADD,
        #[cfg(target_arch = "x86_64")]
        avx2: Self::AVX2_MUL_ADD,
        #[cfg(target_arch = "x86_64")]
        avx512: if A::WIDENS { avx512::mul_add::<A, M> } else { Self::PORTABLE_MUL_ADD },
    };
}

/// Writes the identity of `O`.
pub(super) unsafe fn fill<O: ScalarOp>(n: [usize; 2], c: Dst) {
    // SAFETY: the caller upholds the contract of `Kernels`.
    unsafe { map::fill(n, c, O::identity()) }
}

/// `c = c ⊗ a`.
unsafe fn scale<M: ScalarOp>(n: [usize; 2], c: Dst, a: Src) {
    // SAFETY: the caller upholds the contract of `Kernels`.
    unsafe { map::scale::<M>(n, c, a) }
}

/// The kernels that are bound by memory, over two loops of extents `n` with the target `c` and the sources `a` and `b`;
/// `$feature` are the CPU features that they are compiled for. All bodies are `inline(always)`, because only inlined
/// code inherits the target features.
macro_rules! streams {
    ($($feature:tt)*) => {
        $(#[target_feature(enable = $feature)])*
        pub(super) unsafe fn add<A: ScalarOp>(n: [usize; 2], c: Dst, a: Src) {
            // SAFETY: the caller upholds the contract of `Kernels`.
            unsafe { reduce::add::<A>(n, c, a) }
        }

        $(#[target_feature(enable = $feature)])*
        pub(in crate::kernels) unsafe fn scatter<A: ScalarOp>(n: [usize; 2], c: Dst, offsets: *const isize, a: Src) {
            // SAFETY: the caller upholds the contract of `Kernels`.
            unsafe { scatter::add::<A>(n, c, offsets, a) }
        }

        $(#[target_feature(enable = $feature)])*
        pub(super) unsafe fn mul<M: ScalarOp>(n: [usize; 2], c: Dst, a: Src, b: Src) {
            // SAFETY: the caller upholds the contract of `Kernels`.
            unsafe { map::mul::<M>(n, c, a, b) }
        }
    };
}

/// The kernels that are bound by arithmetic. The product runs `$rows` rows at a time.
macro_rules! products {
    ($rows:literal $($feature:tt)*) => {
        $(#[target_feature(enable = $feature)])*
        pub(super) unsafe fn mul_add<A: ScalarOp, M: ScalarOp<T = A::T>>(n: [usize; 2], c: Dst, a: Src, b: Src) {
            // SAFETY: the caller upholds the contract of `Kernels`.
            unsafe { reduce::mul_add::<A, M>(n, c, a, b) }
        }

        $(#[target_feature(enable = $feature)])*
        pub(super) unsafe fn multiply<A: ScalarOp, M: ScalarOp<T = A::T>>(block: &Block<'_>, panels: Range<usize>) {
            // SAFETY: the caller upholds the contract of `strips::multiply`.
            unsafe { product::strips::multiply::<A, M, ROWS>(block, panels) }
        }

        pub(super) const ROWS: usize = $rows;
    };
}

pub(super) mod portable {
    use super::*;
    streams!();
    products!(2);
}

// `since_avx2` takes two values on every target, and drops the second one here.
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
