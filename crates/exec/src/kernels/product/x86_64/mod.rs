//! The tiles of AVX2 and AVX-512, with the packing and the loops around them.

mod block;
mod complex;
mod direct;
mod micro;
mod pack;
mod rows;
mod vector;

use std::arch::x86_64::*;

use complex::{Interleaved, Parts};
use micro::{Scatter, ScatterFn, Tile, TileFn};
use num_complex::Complex;
use pack::{PackFn, Panel, Quads, QuadsFn};
use vector::{Number, Vector};

use super::{ProductKernels, VectorPacking, side};
use crate::kernels::isa::with_features;
use crate::kernels::{BinaryFn, Dst, InPlace, Src};

/// Contracted positions that a tile sums before it adds to C. It bounds the rounding error of a sum, and a product is
/// computed in the same way however its rows and lanes are divided.
const DEPTH: usize = 256;

/// An element type with the kernels of one instruction set.
trait ProductType {
    type Element: Number + 'static;
    /// Elements of a vector.
    const LANES: usize;
    /// Whether a tile reads only the elements of its last vectors that it writes.
    const MASKS: bool;
    /// Vectors of the largest tile.
    const VECTORS: usize;
    /// Rows of the largest tile.
    const ROWS: usize;
    /// Rows from which on packing a panel of lanes pays, although caches hold the operand.
    const PACKED_ROWS: usize;
    /// The tiles of 1, 2, … vectors, and of 1, 2, … rows.
    const TILES: &'static [&'static [TileFn<Self::Element>]];
    const PACK: PackFn<Self::Element>;
    const QUADS: QuadsFn<Self::Element>;
    const SCATTER: ScatterFn<Self::Element>;
    const STREAMED_ROWS: BinaryFn;
    const DOTS: Option<BinaryFn>;
}

macro_rules! compiled {
    ($($feature:tt)*) => {
        $(#[target_feature(enable = $feature)])*
        pub(super) unsafe fn tile<X: Vector, const V: usize, const R: usize>(t: &Tile<X::Element>) {
            // SAFETY: the caller upholds the contract of `micro::tile`.
            unsafe { super::micro::tile::<X, V, R>(t) }
        }

        $(#[target_feature(enable = $feature)])*
        pub(super) unsafe fn pack<X: Vector>(p: &Panel<'_, X::Element>) {
            // SAFETY: the caller upholds the contract of `pack::panel`.
            unsafe { super::pack::panel::<X>(p) }
        }

        $(#[target_feature(enable = $feature)])*
        pub(super) unsafe fn quads<T: Number>(q: &Quads<'_, T>) {
            // SAFETY: the caller upholds the contract of `pack::quads`.
            unsafe { super::pack::quads(q) }
        }

        $(#[target_feature(enable = $feature)])*
        pub(super) unsafe fn scatter<X: Vector>(s: &Scatter<'_, X::Element>) {
            // SAFETY: the caller upholds the contract of `micro::scatter`.
            unsafe { super::micro::scatter::<X>(s) }
        }

        $(#[target_feature(enable = $feature)])*
        pub(super) unsafe fn streamed_rows<X: Vector>(n: [usize; 2], c: Dst, a: Src, b: Src) {
            // SAFETY: the caller upholds the contract of `rows::stream`.
            unsafe { super::rows::stream::<X>(n, c, a, b) }
        }

        $(#[target_feature(enable = $feature)])*
        pub(super) unsafe fn dots<X: Parts>(n: [usize; 2], c: Dst, a: Src, b: Src) {
            // SAFETY: the caller upholds the contract of `rows::dots`.
            unsafe { super::rows::dots::<X>(n, c, a, b) }
        }
    };
}

mod avx2 {
    use super::*;
    with_features!(avx2 => compiled!());
}

mod avx512 {
    use super::*;
    with_features!(avx512 => compiled!());
}

macro_rules! product_type {
    ($name:ident $isa:ident $t:ty, $vector:ty; $vectors:literal: $($v:literal)*; $rows:literal: $r:tt; $packed:literal; $dots:expr) => {
        struct $name;

        impl ProductType for $name {
            type Element = $t;
            const LANES: usize = <$vector>::LANES;
            const MASKS: bool = <$vector>::MASKS;
            const VECTORS: usize = $vectors;
            const ROWS: usize = $rows;
            const PACKED_ROWS: usize = $packed;
            const TILES: &'static [&'static [TileFn<$t>]] = &[$(tiles!($isa $vector, $v, $r)),*];
            const PACK: PackFn<$t> = $isa::pack::<$vector>;
            const QUADS: QuadsFn<$t> = $isa::quads::<$t>;
            const SCATTER: ScatterFn<$t> = $isa::scatter::<$vector>;
            const STREAMED_ROWS: BinaryFn = $isa::streamed_rows::<$vector>;
            const DOTS: Option<BinaryFn> = $dots;
        }
    };
}
macro_rules! tiles {
    ($isa:ident $vector:ty, $v:literal, [$($r:literal)*]) => { &[$($isa::tile::<$vector, $v, $r>),*] };
}
product_type!(F64Avx512 avx512 f64, __m512d; 3: 1 2 3; 8: [1 2 3 4 5 6 7 8]; 256; Some(avx512::dots::<__m512d>));
product_type!(F32Avx512 avx512 f32, __m512; 3: 1 2 3; 8: [1 2 3 4 5 6 7 8]; 256; Some(avx512::dots::<__m512>));
product_type!(C64Avx512 avx512 Complex<f64>, Interleaved<__m512d>; 3: 1 2 3; 4: [1 2 3 4]; 256; None);
product_type!(C32Avx512 avx512 Complex<f32>, Interleaved<__m512>; 3: 1 2 3; 4: [1 2 3 4]; 256; None);
product_type!(C64Avx2 avx2 Complex<f64>, Interleaved<__m256d>; 2: 1 2; 2: [1 2]; 64; None);
product_type!(C32Avx2 avx2 Complex<f32>, Interleaved<__m256>; 2: 1 2; 2: [1 2]; 64; None);
product_type!(F64Avx2 avx2 f64, __m256d; 2: 1 2; 6: [1 2 3 4 5 6]; 64; Some(avx2::dots::<__m256d>));
product_type!(F32Avx2 avx2 f32, __m256; 2: 1 2; 6: [1 2 3 4 5 6]; 64; Some(avx2::dots::<__m256>));

const fn kernels<K: ProductType>() -> ProductKernels {
    ProductKernels {
        panels: block::shapes::<K>(),
        vectors: Some(VectorPacking {
            pack: [block::pack_rows::<K>, block::pack_lanes::<K>],
            lane_parts: block::lane_parts::<K>,
            masks: K::MASKS,
        }),
        multiply: block::multiply::<K>,
        zero: block::zero::<K>,
        depth: DEPTH,
        size: size_of::<K::Element>(),
    }
}

const fn in_place<K: ProductType>() -> InPlace {
    InPlace { run: direct::product::<K>, allocates: false, streamed_rows: Some(K::STREAMED_ROWS), dots: K::DOTS }
}

macro_rules! products {
    ($($name:ident: $avx2:ident, $avx512:ident;)*) => { $(
        /// For AVX2 and for AVX-512.
        pub(in crate::kernels) const $name: [(InPlace, ProductKernels); 2] =
            [(in_place::<$avx2>(), kernels::<$avx2>()), (in_place::<$avx512>(), kernels::<$avx512>())];
    )* };
}
products! {
    F32: F32Avx2, F32Avx512;
    F64: F64Avx2, F64Avx512;
    C32: C32Avx2, C32Avx512;
    C64: C64Avx2, C64Avx512;
}
