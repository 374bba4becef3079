//! The matrix product of floats with vector instructions.

mod block;
mod complex;
mod direct;
mod micro;
mod pack;
mod side;
mod vector;

use std::arch::x86_64::*;

pub use block::{BlockSide, MultiplyArgs, MultiplyBlockFn, PackArgs, PackBlockFn};
pub(crate) use block::{MAX_BLOCK_LANES, quad_distance};
use complex::Interleaved;
use micro::{Scatter, ScatterFn, Tile, TileFn};
use num_complex::Complex;
use pack::{PackFn, Panel, Quads, QuadsFn};
pub(crate) use side::MAX_LOOPS as MAX_SIDE_LOOPS;
pub use side::{Side, SideLoop};
use vector::{Number, Vector};

use super::GemmFn;
use super::isa::with_features;

/// Contracted positions that a tile sums before it adds to C. It bounds the rounding error of a sum, and a product is
/// computed in the same way however its rows and lanes are divided.
pub(crate) const DEPTH: usize = 256;

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
    ($name:ident $isa:ident $t:ty, $vector:ty; $vectors:literal: $($v:literal)*; $rows:literal: $r:tt; $packed:literal) => {
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
        }
    };
}
macro_rules! tiles {
    ($isa:ident $vector:ty, $v:literal, [$($r:literal)*]) => { &[$($isa::tile::<$vector, $v, $r>),*] };
}
product_type!(F64Avx512 avx512 f64, __m512d; 3: 1 2 3; 8: [1 2 3 4 5 6 7 8]; 256);
product_type!(F32Avx512 avx512 f32, __m512; 3: 1 2 3; 8: [1 2 3 4 5 6 7 8]; 256);
product_type!(C64Avx512 avx512 Complex<f64>, Interleaved<__m512d>; 3: 1 2 3; 4: [1 2 3 4]; 256);
product_type!(C32Avx512 avx512 Complex<f32>, Interleaved<__m512>; 3: 1 2 3; 4: [1 2 3 4]; 256);
product_type!(C64Avx2 avx2 Complex<f64>, Interleaved<__m256d>; 2: 1 2; 2: [1 2]; 64);
product_type!(C32Avx2 avx2 Complex<f32>, Interleaved<__m256>; 2: 1 2; 2: [1 2]; 64);
product_type!(F64Avx2 avx2 f64, __m256d; 2: 1 2; 6: [1 2 3 4 5 6]; 64);
product_type!(F32Avx2 avx2 f32, __m256; 2: 1 2; 6: [1 2 3 4 5 6]; 64);

/// The products of floats of one type.
#[derive(Clone, Copy, Debug)]
pub struct ProductKernels {
    /// Packs panels of rows.
    pub pack_rows: PackBlockFn,
    /// Packs panels of lanes.
    pub pack_lanes: PackBlockFn,
    /// Multiplies packed panels.
    pub multiply: MultiplyBlockFn,
    /// The number of parts that a block of lanes is packed in.
    pub lane_parts: fn(&PackArgs<'_>) -> usize,
    /// The numbers of panels of so many rows and lanes.
    pub panels: fn([usize; 2]) -> [usize; 2],
    /// The elements of the largest panel of lanes at one position of k.
    pub lanes: usize,
    /// The rows of the largest tile.
    pub rows: usize,
    /// The bytes of an element.
    pub size: usize,
}

const fn kernels<K: ProductType>() -> ProductKernels {
    ProductKernels {
        pack_rows: block::pack_rows::<K>,
        pack_lanes: block::pack_lanes::<K>,
        multiply: block::multiply::<K>,
        lane_parts: block::lane_parts::<K>,
        panels: block::panel_counts::<K>,
        lanes: K::VECTORS * K::LANES,
        rows: K::ROWS,
        size: size_of::<K::Element>(),
    }
}

macro_rules! products {
    ($($name:ident: $avx2:ident, $avx512:ident;)*) => { $(
        /// For AVX2 and for AVX-512.
        pub(super) const $name: [(GemmFn, ProductKernels); 2] =
            [(direct::product::<$avx2>, kernels::<$avx2>()), (direct::product::<$avx512>, kernels::<$avx512>())];
    )* };
}
products! {
    F32: F32Avx2, F32Avx512;
    F64: F64Avx2, F64Avx512;
    C32: C32Avx2, C32Avx512;
    C64: C64Avx2, C64Avx512;
}
