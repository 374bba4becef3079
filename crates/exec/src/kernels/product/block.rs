//! The blocks that a product runs in: packed panels of rows and of lanes, and the part of C that they give.

use std::ops::Range;
use std::ptr::NonNull;

use super::side::{Panels, Side, SideLoop};
use crate::kernels::{Dst, FillFn, Src, UnaryFn, copy};

/// The most lanes of a block.
pub(crate) const MAX_BLOCK_LANES: usize = 512;

/// The rows or the lanes of a block.
#[derive(Clone, Copy, Debug)]
pub struct BlockSide<'a> {
    /// All rows or lanes; strides in the operand, then in C.
    pub side: Side<'a>,
    /// The address of the operand at the first position of all sides.
    pub operand: *const u8,
    /// The conversion of its elements to those of the product; `None` if they are the same.
    pub load: Option<UnaryFn>,
    /// The first position of the block.
    pub start: usize,
    /// The number of positions.
    pub len: usize,
    /// If tiles read the operand where it lies: its strides in bytes along the rows or lanes, counted as one axis, and
    /// along k. Lanes are then contiguous, and whole vectors unless tiles mask their last ones
    /// ([`VectorPacking::masks`]). Only vector kernels allow this.
    pub in_place: Option<[isize; 2]>,
    /// The memory for packed panels: [`PanelShape::padded`] positions at each position of k.
    pub packed: *mut u8,
}

/// A block of a product: some rows times some lanes, summed over some positions of k.
#[derive(Clone, Debug)]
pub struct Block<'a> {
    /// Rows and lanes.
    pub sides: [BlockSide<'a>; 2],
    /// The contracted axis: strides in the operand of the rows, then of the lanes.
    pub k: Side<'a>,
    /// The positions of k.
    pub k_range: Range<usize>,
    /// The address of C at the first position of all sides.
    pub c: *mut u8,
    /// The address of α; `None` for the identity of ⊗.
    pub alpha: Option<NonNull<u8>>,
    /// Whether the product is added to C. If not, C is not read.
    pub accumulate: bool,
    /// Whether C is too large for the caches, so that it is better written past them.
    pub stream: bool,
}

/// How rows or lanes are divided into panels.
#[derive(Clone, Copy, Debug)]
pub struct PanelShape {
    /// The positions in a unit; each panel but the last has whole units.
    pub unit: usize,
    /// The most units in a panel.
    pub most: usize,
    /// The widths of packed panels are multiples of this.
    pub multiple: usize,
    /// Whether the positions of k are neighbours in a packed panel, not the rows or lanes.
    pub along_k: bool,
}

impl PanelShape {
    pub(super) fn panels(self, extent: usize) -> Panels {
        Panels::new(extent, self.unit, self.most)
    }

    /// The packed positions of a block of `len` positions.
    pub fn padded(self, len: usize) -> usize {
        len.next_multiple_of(self.multiple)
    }
}

/// Packs or multiplies parts of a block with the numbers in a range.
pub type BlockFn = unsafe fn(&Block<'_>, Range<usize>);

/// Packing with vector instructions, for operands without a conversion.
#[derive(Clone, Copy, Debug)]
pub struct VectorPacking {
    /// Packs panels of rows and parts of lanes.
    pub pack: [BlockFn; 2],
    /// The number of parts that the lanes of a block are packed in.
    pub lane_parts: fn(&Block<'_>) -> usize,
    /// Whether tiles read only the elements of their last vectors that they need.
    pub masks: bool,
}

/// The products of one pair of operations.
#[derive(Clone, Copy, Debug)]
pub struct ProductKernels {
    /// The panels of rows and of lanes.
    pub panels: [PanelShape; 2],
    /// Packing with vector instructions; `None` if the copy kernels pack all operands.
    pub vectors: Option<VectorPacking>,
    /// Multiplies the panels of rows with the numbers in a range by all lanes of the block.
    pub multiply: BlockFn,
    /// Writes the identity of ⊕, with which panels are padded.
    pub zero: FillFn,
    /// The contracted positions that are summed before the sum is added to C.
    pub depth: usize,
    /// The bytes of an element.
    pub size: usize,
}

impl ProductKernels {
    fn vectors(&self, side: &BlockSide<'_>) -> Option<VectorPacking> {
        self.vectors.filter(|_| side.load.is_none())
    }

    /// The number of panels of rows, for [`ProductKernels::multiply`].
    pub fn row_panels(&self, block: &Block<'_>) -> usize {
        self.panels[0].panels(block.sides[0].len).count
    }

    /// The number of parts that rows (`x` is 0) or lanes (1) of a block are packed in.
    pub fn parts(&self, block: &Block<'_>, x: usize) -> usize {
        match self.vectors(&block.sides[x]) {
            _ if block.sides[x].in_place.is_some() => 0,
            Some(vectors) if x == 1 => (vectors.lane_parts)(block),
            _ => self.panels[x].panels(block.sides[x].len).count,
        }
    }

    /// Packs parts of the rows or lanes of a block.
    ///
    /// # Safety
    /// The CPU has the instructions of the kernels; all positions are elements of the operand; there is memory for the
    /// panels, and no other thread touches these parts.
    pub unsafe fn pack(&self, block: &Block<'_>, x: usize, parts: Range<usize>) {
        if parts.is_empty() {
            return;
        }
        // SAFETY: the caller upholds the contract.
        unsafe {
            match self.vectors(&block.sides[x]) {
                Some(vectors) => (vectors.pack[x])(block, parts),
                None => parts.for_each(|panel| self.pack_panel(block, x, panel)),
            }
        }
    }

    /// Packs a panel with the kernels that copy and convert.
    unsafe fn pack_panel(&self, block: &Block<'_>, x: usize, panel: usize) {
        let BlockSide { side, operand, load, start, len, packed, .. } = block.sides[x];
        let range = self.panels[x].panels(len).range(panel);
        let (width, depth) = (self.panels[x].padded(range.len()), block.k_range.len());
        let to = packed.wrapping_add(range.start * depth * self.size);
        let [per_k, per_position] = if self.panels[x].along_k { [1, depth] } else { [width, 1] };
        let target = |k: usize, position: usize| Dst {
            ptr: to.wrapping_add((k * per_k + position * per_position) * self.size),
            strides: [per_k, per_position].map(|elements| (elements * self.size) as isize),
        };
        let mut position = 0;
        side.runs(start + range.start..start + range.end, &mut |[offset, _], [stride, _], len| {
            let mut k = 0;
            block.k.runs(block.k_range.clone(), &mut |along, strides, depth| {
                let ptr = operand.wrapping_offset(offset.wrapping_add(along[x]));
                let (n, from) = ([depth, len], Src { ptr, strides: [strides[x], stride] });
                // SAFETY: the caller promises the elements, and memory for the panel.
                unsafe {
                    match load {
                        Some(load) => load(n, target(k, position), from),
                        None => copy(self.size, n, target(k, position), from),
                    }
                }
                k += depth;
            });
            position += len;
        });
        if position < width {
            // SAFETY: the caller promises memory for the panel.
            unsafe { (self.zero)([depth, width - position], target(0, position)) }
        }
    }
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
