//! The bound program: the operations of a plan over the pointers and strides of its operands, in flat lists whose memory is
//! reused. `bind` writes it, a run executes it.

mod index_op;
mod tile_plan;

pub(crate) use index_op::{
    CheckedPosition, ChunkedAxis, DisplacedAccess, IndexBatch, IndexOp, IndexRead, PositionTerm, TermVariable,
};
pub(crate) use tile_plan::{CallArg, CallKernel, KernelCall, MAX_ELEMENT_BYTES, TEMPORARY_BYTES, TileAction, TilePlan};

use std::ops::Range;

use crate::kernels::{CompensateFn, FillFn, GemmFn, ProductKernels, SideLoop, SmallFn, UnaryFn};

/// A range of one of the lists of a [`BoundProgram`].
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ListRange {
    pub(crate) start: usize,
    pub(crate) len: usize,
}

impl ListRange {
    /// From `start` to the end of `list`.
    pub(crate) fn since<T>(start: usize, list: &[T]) -> ListRange {
        ListRange { start, len: list.len() - start }
    }

    pub(crate) fn range(self) -> Range<usize> {
        self.start..self.start + self.len
    }
}

/// The storage that the address of an operand is relative to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BaseAddress {
    /// The caller's operand of this position.
    Input(usize),
    /// The caller's output of this position.
    Output(usize),
    /// A buffer in the scratch memory that the plan lays out: its first byte, and the distance in bytes between the copies of
    /// two neighbouring partitions.
    Planned { at: usize, partition_stride: usize },
    /// Packed matrices and partial sums, at this byte of their area. Each step uses the area from its start.
    Packed(usize),
    /// A constant, at this byte of the area of constants.
    Constant(usize),
}

/// A pointer that threads may share.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ptr(pub(crate) *mut u8);

// SAFETY: a pointer is a number until it is dereferenced. That happens only while `Bound` holds the borrows of all memory that
// the pointers of its program lead to, and blocks that run at the same time have disjoint targets (docs/unsafe.md).
unsafe impl Send for Ptr {}
// SAFETY: as for `Send`.
unsafe impl Sync for Ptr {}

/// An operand of an operation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BoundOperand {
    pub(crate) base: BaseAddress,
    /// Bytes from the base address to the element at position 0 of all loops.
    pub(crate) offset: isize,
    /// The address of that element; null until the scratch memory is allocated.
    pub(crate) ptr: Ptr,
    /// Index in `BoundProgram::strides` of its strides in the loops of the region.
    pub(crate) region_strides: usize,
    /// Bytes between the copies of two neighbouring partitions; 0 for memory that all partitions share.
    pub(crate) partition_stride: usize,
    /// The conversion to the dtype that the operation computes in; `None` if the dtypes are equal.
    pub(crate) load: Option<UnaryFn>,
}

/// Operations that run in order in each iteration of the loops.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BoundRegion {
    /// The extents, outermost first, in `BoundProgram::extents`.
    pub(crate) loops: ListRange,
    /// The operations, in `BoundProgram::ops`.
    pub(crate) ops: ListRange,
    /// Whether iterations of the first loop may run in parallel.
    pub(crate) partitioned: bool,
    /// Points of all iterations.
    pub(crate) points: u64,
}

/// One operation.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Op {
    Nest(BoundNest),
    Gemm(BoundGemm),
    Small(SmallProduct),
    Product(BoundProduct),
}

/// A loop nest over operands, outermost loop first: the kept loops, along which the target moves; the reduced loops; and the
/// inner loops, two of a kernel in a nest and none in a product.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LoopNest {
    /// The operands, the target first.
    pub(crate) operands: ListRange,
    /// The number of kept loops.
    pub(crate) kept: usize,
    /// The number of reduced loops.
    pub(crate) reduced: usize,
    /// The extents of all loops, in `BoundProgram::extents`.
    pub(crate) extents: ListRange,
    /// Index in `BoundProgram::strides` of the strides: for each loop one of each operand.
    pub(crate) strides: usize,
}

/// The division of an operation into blocks. It follows from the shape alone, so that results do not depend on the number of
/// threads.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grid {
    /// Extents of a block along the two divided axes.
    pub(crate) block_extents: [usize; 2],
    /// The number of blocks along each of the two divided axes.
    pub(crate) block_counts: [usize; 2],
    /// The number of neighbouring blocks in a task.
    pub(crate) blocks_per_task: usize,
    /// The number of all blocks: `block_counts` for each position of the kept loops.
    pub(crate) blocks: usize,
    /// Points of the iteration space in all blocks.
    pub(crate) points: u64,
}

/// A strided loop nest.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BoundNest {
    /// The loops, with the two of the kernel inside.
    pub(crate) loops: LoopNest,
    pub(crate) grid: Grid,
    /// The largest extents of the two loops of the kernel in one call.
    pub(crate) strip: [usize; 2],
    /// Initialises the target before `rest` is added to it; `None` if `first` writes the target.
    pub(crate) clear: Option<FillFn>,
    /// The action at the first position of the reduced loops.
    pub(crate) first: TileAction,
    /// The action at all other positions.
    pub(crate) rest: TileAction,
    /// The operations that compute gather and scatter positions, in `BoundProgram::index_ops`.
    pub(crate) index_ops: ListRange,
    /// How positions of the last outer loop run in batches, if they do.
    pub(crate) index_batch: Option<IndexBatch>,
    /// The compensated sum of blocks; `None` where a plain sum is short or exact.
    pub(crate) compensated: Option<CompensatedSum>,
}

/// How an operation adds up the sums of blocks. Each element of the target has a pair, *high* and *low*, that holds its sum in
/// twice the precision.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CompensatedSum {
    pub(crate) kernel: CompensateFn,
    /// The operand at the first *high*. The pairs are dense: for each position of the kept loops the swept axes, then the loops
    /// of the kernel.
    pub(crate) pairs: usize,
    /// Bytes from *high* to *low*.
    pub(crate) low: usize,
    /// Bytes of *high* for one position of the kept loops.
    pub(crate) row: usize,
    /// Bytes of an element.
    pub(crate) size: usize,
    /// Extents of the axes of the target that no loop of the kernel moves along, in `BoundProgram::extents`.
    pub(crate) swept: ListRange,
    /// Index in `BoundProgram::strides` of the strides of the target along these axes.
    pub(crate) strides: usize,
    /// The operand at the start of the target, where a block is not a part of it; all its axes are then swept.
    pub(crate) whole: Option<usize>,
    /// Kernel calls per block.
    pub(crate) calls: usize,
}

/// A product of matrices in place, in kept loops. The operands are C, that of the rows and that of the lanes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BoundGemm {
    pub(crate) loops: LoopNest,
    /// Divides rows and lanes.
    pub(crate) grid: Grid,
    /// Whether one kernel call computes everything.
    pub(crate) single: bool,
    pub(crate) gemm: GemmFn,
    /// Rows, lanes and contracted positions.
    pub(crate) extents: [usize; 3],
    /// The strides of C for rows and lanes, of the rows for rows and k, of the lanes for k and lanes.
    pub(crate) strides: [[isize; 2]; 3],
    /// The operand that holds α.
    pub(crate) alpha: Option<usize>,
    /// Whether the product is added to C.
    pub(crate) accumulate: bool,
    /// The largest extent of k in one call.
    pub(crate) k_strip: usize,
    /// The compensated sum of blocks; `None` where a plain sum is short or exact.
    pub(crate) compensated: Option<CompensatedSum>,
}

/// Products of few points, one in each position of the kept loops: a kernel call for each. The operands are the target and
/// the two factors.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SmallProduct {
    pub(crate) loops: LoopNest,
    /// A block is one product.
    pub(crate) grid: Grid,
    pub(crate) kernel: SmallFn,
    /// Whether the products are added to the target.
    pub(crate) adds: bool,
    /// The number of terms of the sum at each position of the target.
    pub(crate) terms: usize,
    /// The offsets of the target and of the factors of one product, in `BoundProgram::strides`.
    pub(crate) offsets: ListRange,
}

/// The memory that a product packs its blocks in.
#[derive(Clone, Copy, Debug)]
pub(crate) enum PackedMemory {
    /// The stack of each thread; the lanes begin after this number of bytes.
    Stack(usize),
    /// The operands at the packed rows and at the packed lanes, which threads share.
    Scratch([usize; 2]),
}

/// A matrix product in packed blocks, in the kept loops of `loops`. The operands are C, that of the rows and that of the lanes, along
/// which C is contiguous if it is along one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BoundProduct {
    pub(crate) loops: LoopNest,
    /// Divides C into tasks.
    pub(crate) grid: Grid,
    pub(crate) kernels: ProductKernels,
    /// Rows, lanes and contracted positions.
    pub(crate) extents: [usize; 3],
    /// The most of each in one block.
    pub(crate) blocks: [usize; 3],
    /// The loops of each, in `BoundProgram::sides`. The strides are those of the operand and of C; those of k are of the
    /// operand of the rows and of the operand of the lanes.
    pub(crate) sides: [ListRange; 3],
    pub(crate) packed: PackedMemory,
    /// For rows and lanes that are not packed, the strides of the operand along them and along k.
    pub(crate) in_place: [Option<[isize; 2]>; 2],
    /// The operand that holds α.
    pub(crate) alpha: Option<usize>,
    /// Whether the product is added to C.
    pub(crate) accumulate: bool,
    /// Whether C is written past the caches.
    pub(crate) stream: bool,
    /// The compensated sum of blocks; `None` where a plain sum is short.
    pub(crate) compensated: Option<CompensatedSum>,
}

/// A value that `bind` computes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Constant {
    /// The byte among the constants where it lies.
    pub(crate) at: usize,
    pub(crate) source: ConstantSource,
}

/// Where the value of a constant comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ConstantSource {
    /// A kernel that writes it.
    Fill(FillFn),
    /// An earlier constant at this byte, converted.
    Convert(usize, UnaryFn),
    /// A factor of the caller, converted.
    Load(Scalar, UnaryFn),
    /// A factor of the caller, of this number of bytes.
    Copy(Scalar, usize),
    /// The first bytes of this array, by their number.
    Bytes([u8; 16], usize),
}

/// A factor that the caller passes to `bind`.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Scalar {
    Alpha,
    Beta,
}

/// All operations of a bound plan.
#[derive(Debug, Default)]
pub(crate) struct BoundProgram {
    pub(crate) regions: Vec<BoundRegion>,
    pub(crate) ops: Vec<Op>,
    /// For each of `ops` the number of loops of its region that it depends on, outermost first: it runs again when one of them
    /// advances.
    pub(crate) depths: Vec<usize>,
    pub(crate) operands: Vec<BoundOperand>,
    pub(crate) extents: Vec<usize>,
    pub(crate) strides: Vec<isize>,
    /// The loops of the sides of products.
    pub(crate) sides: Vec<SideLoop>,
    pub(crate) constants: Vec<Constant>,
    pub(crate) index_ops: Vec<IndexOp>,
    pub(crate) terms: Vec<PositionTerm>,
    pub(crate) calls: Vec<KernelCall>,
    /// Points of all operations in all iterations of their regions.
    pub(crate) points: u64,
}

impl BoundProgram {
    /// Empties all lists and keeps their memory.
    pub(crate) fn clear(&mut self) {
        self.regions.clear();
        self.ops.clear();
        self.depths.clear();
        self.operands.clear();
        self.extents.clear();
        self.strides.clear();
        self.sides.clear();
        self.constants.clear();
        self.index_ops.clear();
        self.terms.clear();
        self.calls.clear();
        self.points = 0;
    }
}
