//! The bound on the memory of packed operands of a matrix product. The planner counts it, and the executor never packs
//! more.

use crate::Dtype;

/// The bytes of packed operands up to which a product keeps them on the stack of a thread.
pub const STACK_PACKED: usize = 32 << 10;

/// The most rows, columns and contracted positions of a block of operands that a product packs.
pub const PACKED_SIDE: usize = 512;

/// The bytes of memory that a product of matrices with extents `m`, `n` and `k`, computed in `dtype`, takes for packed
/// blocks of both operands, at most. With less, it packs smaller blocks on the stack.
pub fn packed_bytes(dtype: Dtype, [m, n, k]: [usize; 3]) -> usize {
    // Blocks are padded to whole tiles.
    const TILE: usize = 64;
    let bytes = |sides: usize, depth: usize| sides.saturating_mul(depth).saturating_mul(dtype.size());
    let [rows, columns] = [m, n].map(|side| side.min(PACKED_SIDE).next_multiple_of(TILE));
    if bytes(m.saturating_add(n), k) <= STACK_PACKED { 0 } else { bytes(rows + columns, k.min(PACKED_SIDE)) }
}
