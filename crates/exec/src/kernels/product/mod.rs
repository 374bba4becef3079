//! Products of packed blocks: for floats with vector instructions, for every other pair of operations in plain Rust.

mod block;
mod side;
pub(super) mod strips;
#[cfg(target_arch = "x86_64")]
mod x86_64;

pub use block::{Block, BlockFn, BlockSide, PanelShape, ProductKernels, VectorPacking};
pub(crate) use block::{MAX_BLOCK_LANES, quad_distance};
pub(crate) use side::MAX_LOOPS as MAX_SIDE_LOOPS;
pub use side::{Side, SideLoop};
#[cfg(target_arch = "x86_64")]
pub(super) use x86_64::{C32, C64, F32, F64};
