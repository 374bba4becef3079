//! The parts that a large product runs in, and their arguments.

use std::ops::Range;
use std::ptr::NonNull;

use super::side::{Side, SideLoop};

/// The most lanes of a block.
pub(crate) const MAX_BLOCK_LANES: usize = 512;

/// A part of a side that is packed, or is being packed.
#[derive(Clone, Copy, Debug)]
pub struct BlockSide<'a> {
    /// The rows or lanes; strides in the operand, then in C.
    pub side: Side<'a>,
    /// The first position of the block.
    pub start: usize,
    /// The number of positions.
    pub len: usize,
    /// The packed panels, with memory for `len` positions, rounded up to a multiple of [`ProductKernels::lanes`] for lanes, at
    /// each position of k.
    pub packed: *mut u8,
}

/// The arguments that fill the panels of a block.
#[derive(Clone, Debug)]
pub struct PackArgs<'a> {
    /// The rows or lanes.
    pub block: BlockSide<'a>,
    /// The address of the operand at the first position of all sides.
    pub operand: *const u8,
    /// The contracted axis: strides in the operand of the rows, then of the lanes.
    pub k: Side<'a>,
    /// The positions of k.
    pub k_range: Range<usize>,
}

/// The arguments that multiply the packed panels of a block.
#[derive(Clone, Copy, Debug)]
pub struct MultiplyArgs<'a> {
    /// Rows and lanes, packed.
    pub sides: [BlockSide<'a>; 2],
    /// The number of positions of k.
    pub k: usize,
    /// The address of C at the first position of all sides.
    pub c: *mut u8,
    /// The address of α; `None` for 1.
    pub alpha: Option<NonNull<u8>>,
    /// Whether the product is added to C. If not, C is not read.
    pub accumulate: bool,
    /// Whether C is too large for the caches, so that it is better written past them.
    pub stream: bool,
}

/// Packs the panels of a block with the numbers in a range.
pub type PackBlockFn = unsafe fn(&PackArgs<'_>, Range<usize>);
/// Multiplies the panels of rows with the numbers in a range by all lanes of the block.
pub type MultiplyBlockFn = unsafe fn(&MultiplyArgs<'_>, Range<usize>);

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
    /// The numbers of panels that these numbers of rows and lanes are divided into.
    pub panels: fn([usize; 2]) -> [usize; 2],
    /// The elements of the largest panel of lanes at one position of k.
    pub lanes: usize,
    /// The rows of the largest tile.
    pub rows: usize,
    /// The bytes of an element.
    pub size: usize,
}

/// If the operand is contiguous along another loop than the last one, whose lanes are contiguous in C: the number of lanes
/// between neighbours in the operand. Both loops have multiples of four positions.
pub(crate) fn quad_distance(lanes: Side<'_>, size: usize) -> Option<usize> {
    let (inner, outer) = lanes.loops().split_last()?;
    let unit = |l: &&SideLoop| l.strides[0] == size as isize;
    let at = outer.iter().position(|l| unit(&l)).filter(|_| !unit(&inner))?;
    let fours = inner.extent % 4 == 0 && outer[at].extent % 4 == 0;
    fours.then(|| outer[at + 1..].iter().map(|l| l.extent).product::<usize>() * inner.extent)
}
