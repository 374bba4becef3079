//! The matrix product of floats with vector instructions. CPUs without them have the kernels of `blas`.

#[cfg_attr(not(target_arch = "x86_64"), allow(dead_code, reason = "other targets have no vector instructions"))]
mod args;
#[cfg_attr(not(target_arch = "x86_64"), allow(dead_code, reason = "other targets have no vector instructions"))]
mod side;
#[cfg(target_arch = "x86_64")]
mod x86_64;

pub use args::{BlockSide, MultiplyArgs, MultiplyBlockFn, PackArgs, PackBlockFn, ProductKernels};
pub(crate) use args::{MAX_BLOCK_LANES, quad_distance};
pub(crate) use side::MAX_LOOPS as MAX_SIDE_LOOPS;
pub use side::{Side, SideLoop};
#[cfg(target_arch = "x86_64")]
pub(super) use x86_64::{C32, C64, F32, F64};

/// Contracted positions that a tile sums before it adds to C. It bounds the rounding error of a sum, and a product is
/// computed in the same way however its rows and lanes are divided.
pub(crate) const DEPTH: usize = 256;
