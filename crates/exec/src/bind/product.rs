//! Binds products of packed blocks: their sides are lists of loops with the real strides, which blocks pack and store
//! through. No operand is copied as a whole; conversions happen while a block is packed.

use einfold_ir::{PACKED_SIDE, Plan, STACK_PACKED};

use super::Binder;
use super::compensated_sum::MAX_ADDITIONS;
use super::gemm::Sides;
use super::step::{StepContext, TargetInit};
use crate::bound_program::{BaseAddress, BoundProduct, CompensatedSum, ListRange, Op, PackedMemory};
use crate::error::BindError;
use crate::kernels::{MAX_BLOCK_LANES, ProductKernels, Side, SideLoop, quad_distance};
use crate::loops::{Loops, product};

/// The lanes in a block of the vector kernels: they stay in the second-level cache. A block of elements of 16 bytes has half
/// as many, and one with fewer contracted positions or smaller elements has more.
const BLOCK_LANES: usize = 144;
/// The bytes of the packed lanes of a block.
const BLOCK_BYTES: usize = BLOCK_LANES * PACKED_SIDE * 8;
/// The rows and lanes of a part of C for which operands are packed on the stack.
const STACK_PART: [usize; 2] = [256, 512];
/// The rows and lanes of a block on the stack, where an operand as a whole does not fit.
const STACK_BLOCK: [usize; 2] = [32, 48];

/// The most rows that read lanes in place.
const FEW_ROWS: usize = 64;
/// The most panels of lanes that read rows in place.
const FEW_PANELS: usize = 2;
/// The most bytes of rows that are read in place with any strides.
const NEAR_BYTES: usize = 256 << 10;

/// Where the blocks of a product are packed.
struct Packing {
    /// The most rows, lanes and contracted positions of a block.
    blocks: [usize; 3],
    /// The bytes of packed rows and lanes.
    areas: [usize; 2],
    /// Whether they are on the stack.
    stack: bool,
}

impl Packing {
    /// On the stack if the blocks fit there. `packs` says whether rows and lanes are packed.
    fn new(kernels: &ProductKernels, blocks: [usize; 3], packs: [bool; 2]) -> Packing {
        let area = |x: usize| {
            if !packs[x] {
                return 0;
            }
            let positions = kernels.panels[x].padded(blocks[x]);
            let bytes = product(&[positions, blocks[2], kernels.size]);
            bytes.checked_next_multiple_of(Plan::ALIGN).unwrap_or(usize::MAX)
        };
        let areas = [area(0), area(1)];
        Packing { blocks, areas, stack: areas[0].saturating_add(areas[1]) <= STACK_PACKED }
    }
}

impl Binder<'_> {
    /// Binds a step as a product of packed blocks. Returns whether it did: an element may be too large.
    pub(super) fn product(
        &mut self,
        context: StepContext<'_>,
        kernels: ProductKernels,
        sides: &Sides<'_>,
        init: TargetInit,
    ) -> Result<bool, BindError> {
        let extents = sides.extents();
        let before = self.program.sides.len();
        let [c, a, b] = sides.operands;
        let [rows, lanes, k] = sides.loops;
        let ranges = [self.push_side(rows, [a, c]), self.push_side(lanes, [b, c]), self.push_side(k, [a, b])];
        let in_place = self.in_place(&kernels, extents, ranges, sides);
        let packs = in_place.map(|strides| strides.is_none());
        let Some(packing) = self.packing(&kernels, extents, ranges[1], packs, sides.loads[1].is_none()) else {
            self.program.sides.truncate(before);
            return Ok(false);
        };
        let Packing { blocks, areas, stack } = packing;
        let operands = self.push_sides(context, sides);
        let loops = self.push_outer_loops(sides.batch, sides.operands, operands);
        let packed = if stack {
            PackedMemory::Stack(areas[0])
        } else {
            let [rows, lanes] = [self.pack(Some(areas[0]))?, self.pack(Some(areas[1]))?];
            PackedMemory::Scratch([rows, lanes].map(|at| self.push_base(BaseAddress::Packed(at), context.loops)))
        };
        let compensated = self.product_pairs(context, &kernels, extents, blocks[2], sides.batch.points())?;
        // A part of C is one task, and a compensated sum needs all of it.
        let part = if stack && compensated.is_none() { STACK_PART } else { [usize::MAX; 2] };
        let grid = self.product_grid(loops, extents, part);
        let product = BoundProduct {
            loops,
            grid,
            kernels,
            extents,
            blocks,
            sides: ranges,
            packed,
            in_place,
            alpha: context.alpha.map(|base| self.push_base(base, context.loops)),
            accumulate: init == TargetInit::Accumulate,
            stream: product(&[extents[0], extents[1], kernels.size]) as u64 >= self.plan.machine.far_bytes() / 2,
            compensated,
        };
        self.program.points = self.program.points.saturating_add(grid.points);
        self.program.ops.push(Op::Product(product));
        Ok(true)
    }

    /// For rows and for lanes: the strides along the side and along k, if tiles read the operand in place because packing
    /// would take longer. Rows: with few lanes, and contiguous k or few bytes; lanes: contiguous, with few rows.
    fn in_place(
        &self,
        kernels: &ProductKernels,
        [m, n, k]: [usize; 3],
        ranges: [ListRange; 3],
        sides: &Sides<'_>,
    ) -> [Option<[isize; 2]>; 2] {
        let Some(vectors) = kernels.vectors else { return [None; 2] };
        let side = |x: usize| Side::new(&self.program.sides[ranges[x].range()]);
        let strides = |x: usize| Some([side(x).single_stride(0)?, side(2).single_stride(x)?]);
        let strides = |x: usize| strides(x).filter(|_| sides.loads[x].is_none());
        let size = kernels.size as isize;
        let [_, lanes] = kernels.panels;
        let near = product(&[m, k, kernels.size]) <= NEAR_BYTES;
        let rows = strides(0).filter(|[_, k]| n <= FEW_PANELS * lanes.unit * lanes.most && (near || *k == size));
        let whole = vectors.masks || n.is_multiple_of(lanes.unit);
        [rows, strides(1).filter(|[along, _]| m <= FEW_ROWS && *along == size && whole)]
    }

    /// The blocks of a product, and where they are packed: on the stack if all fits there, in scratch memory if it may
    /// take more, else in smaller blocks on the stack. `None` if not even one element of each operand fits.
    fn packing(
        &self,
        kernels: &ProductKernels,
        [m, n, k]: [usize; 3],
        lanes: ListRange,
        packs: [bool; 2],
        plain_lanes: bool,
    ) -> Option<Packing> {
        let depth = k.min(PACKED_SIDE);
        let whole = Packing::new(kernels, [m.min(STACK_PART[0]), n.min(STACK_PART[1]), depth], packs);
        if whole.stack {
            return Some(whole);
        }
        let lanes = match kernels.vectors {
            Some(_) if !packs[1] => MAX_BLOCK_LANES,
            Some(_) => block_lanes(&self.program.sides[lanes.range()], kernels.size, depth, plain_lanes),
            None => kernels.panels[1].unit.min(MAX_BLOCK_LANES),
        };
        let large = Packing { stack: false, ..Packing::new(kernels, [m.min(PACKED_SIDE), n.min(lanes), depth], packs) };
        if self.can_pack(large.areas[0] + large.areas[1]) {
            return Some(large);
        }
        let mut blocks = [m.min(STACK_BLOCK[0]), n.min(STACK_BLOCK[1]), depth];
        loop {
            let small = Packing::new(kernels, blocks, packs);
            if small.stack {
                return Some(small);
            }
            // The depth first, since it costs least. A side that is not packed stays whole vectors.
            let sides = (0..3).filter(|&x| x == 2 || packs[x]);
            let at = if blocks[2] > 32 { 2 } else { sides.max_by_key(|&x| blocks[x]).filter(|&x| blocks[x] > 1)? };
            blocks[at] /= 2;
        }
    }

    /// The compensated sum of a product with a long contracted axis, computed `depth` positions at a time.
    fn product_pairs(
        &mut self,
        context: StepContext<'_>,
        kernels: &ProductKernels,
        [rows, lanes, k]: [usize; 3],
        depth: usize,
        batches: usize,
    ) -> Result<Option<CompensatedSum>, BindError> {
        let every = (MAX_ADDITIONS / depth.div_ceil(kernels.depth)).max(1);
        match self.step_kernels(context)?.compensate.filter(|_| k.div_ceil(depth) > every) {
            Some(kernel) => self.pairs(kernel, [batches, rows * lanes], context.compute.size(), every, context.loops),
            None => Ok(None),
        }
    }

    fn push_side(&mut self, side: &Loops, operands: [usize; 2]) -> ListRange {
        let first = self.program.sides.len();
        for l in 0..side.len() {
            let strides = operands.map(|x| side.strides(l)[x]);
            self.program.sides.push(SideLoop { extent: side.extents()[l], strides });
        }
        ListRange::since(first, &self.program.sides)
    }
}

/// The most lanes of a block: whole squares where they are packed in squares, with whole cache lines of the operand if the
/// panels then still fit the first-level cache.
fn block_lanes(lanes: &[SideLoop], size: usize, depth: usize, plain: bool) -> usize {
    const LINE: usize = 64;
    const NEAR: usize = 40 << 10;
    /// Whole panels and cache lines.
    const LANE_UNIT: usize = 24;
    let least = if size > 8 { BLOCK_LANES / 2 } else { BLOCK_LANES };
    let most = (BLOCK_BYTES / (depth * size).max(1)).clamp(least, MAX_BLOCK_LANES) / LANE_UNIT * LANE_UNIT;
    let Some(distance) = quad_distance(Side::new(lanes), size).filter(|_| plain) else { return most };
    let fits = |lanes: usize, bytes: usize| lanes <= MAX_BLOCK_LANES && lanes * depth * size <= bytes;
    let lines = [LINE / size, LINE / size / 2].map(|count| count.max(4) * distance);
    let squares = 4 * distance;
    match lines.into_iter().find(|&lanes| fits(lanes, NEAR)) {
        Some(lanes) => lanes,
        None if fits(squares, BLOCK_BYTES) => squares,
        None => most,
    }
}
