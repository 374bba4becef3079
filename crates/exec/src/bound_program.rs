//! What `bind` makes of a plan and its operands, and a run executes: operations over pointers and strides, in flat lists
//! that are used again.

use std::ops::Range;

use einfold_ir::Dtype;

use crate::kernels::{BinaryFn, Carry, ContiguousFn, FillFn, GemmFn, IndexReaders, ScatterFn, UnaryFn};

/// A part of one of the lists of a [`BoundProgram`].
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

/// The memory in which an operand lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BaseAddress {
    /// The caller's operand.
    Input(usize),
    /// The caller's output.
    Output(usize),
    /// Scratch memory as the plan lays it out, at this byte, and so many bytes further on for each lane.
    Planned { at: usize, partition_stride: usize },
    /// Packed matrices and partial sums, at this byte: each step starts anew.
    Packed(usize),
    /// Constants, at this byte.
    Constant(usize),
}

/// A pointer that threads may share.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ptr(pub(crate) *mut u8);

// SAFETY: a pointer is only a number until it is dereferenced, which happens while `Bound` holds the borrows of all memory
// that the pointers of its program lead to; kernels get disjoint targets.
unsafe impl Send for Ptr {}
// SAFETY: as above.
unsafe impl Sync for Ptr {}

/// An operand of an operation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BoundOperand {
    pub(crate) base: BaseAddress,
    /// Bytes from the start of its home to the element at position 0 of all loops.
    pub(crate) offset: isize,
    /// That element's address; known once all memory is there.
    pub(crate) ptr: Ptr,
    /// Where in `BoundProgram::strides` its strides in the loops of the region start.
    pub(crate) region_strides: usize,
    /// Bytes from what a lane has for itself to that of the next; 0 for what is there once.
    pub(crate) partition_stride: usize,
    /// How it becomes what the operation computes in; none where it is that already.
    pub(crate) load: Option<UnaryFn>,
}

/// Operations that are run in order for each position of the loops.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BoundRegion {
    /// Extents, outer to inner, in `BoundProgram::sizes`.
    pub(crate) loops: ListRange,
    /// In `BoundProgram::ops`.
    pub(crate) ops: ListRange,
    /// Whether turns of the first loop may run at the same time.
    pub(crate) partitioned: bool,
    /// Points of all turns.
    pub(crate) points: u64,
    /// The most bytes that a call of a kernel allocates.
    pub(crate) bytes: usize,
}

/// One operation.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Op {
    Nest(BoundNest),
    Gemm(BoundGemm),
}

/// LoopNest over operands, in `BoundProgram`'s lists: first the kept ones, which lead to targets of their own, then the reduced ones,
/// then the loops inside, of which a kernel runs two.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LoopNest {
    /// The operands, the written one first.
    pub(crate) operands: ListRange,
    /// How many loops are kept.
    pub(crate) kept: usize,
    /// How many loops are reduced.
    pub(crate) reduced: usize,
    /// The extents of all loops, in `BoundProgram::sizes`.
    pub(crate) sizes: ListRange,
    /// Where in `BoundProgram::strides` the strides start: one of each operand for each loop.
    pub(crate) strides: usize,
}

/// Which part of an operation is one block. The grid follows from the shape alone, so that results do not depend on threads.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grid {
    /// Positions of each of the two cut axes in one block.
    pub(crate) block_extents: [usize; 2],
    /// How many pieces each of the two cut axes has.
    pub(crate) block_counts: [usize; 2],
    /// How many neighbouring blocks are one task.
    pub(crate) blocks_per_task: usize,
    /// How many blocks there are.
    pub(crate) blocks: usize,
    /// Points of the iteration space in all blocks.
    pub(crate) points: u64,
}

/// A strided nest.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BoundNest {
    /// The loops; inside are the two of the kernel.
    pub(crate) loops: LoopNest,
    pub(crate) grid: Grid,
    /// The most positions of each loop of the kernel in one call.
    pub(crate) strip: [usize; 2],
    /// What a target starts from before `rest` is added to it; none where `first` writes it.
    pub(crate) clear: Option<FillFn>,
    /// At the first position of the reduced loops.
    pub(crate) first: TileAction,
    /// At all others.
    pub(crate) rest: TileAction,
    /// The positions that come from ids, in `BoundProgram::ids`.
    pub(crate) index_ops: ListRange,
    /// How many positions of the last outer loop are run at once.
    pub(crate) batch: Option<IndexBatch>,
    /// How sums of blocks are added up; none where a plain sum is short or exact.
    pub(crate) compensated: Option<CompensatedSum>,
}

/// How an operation adds up sums of blocks. Each element of the target has a pair: *high* and *low*, which hold their sum in twice
/// the precision.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CompensatedSum {
    pub(crate) kernel: Carry,
    /// The operand where *high* starts, dense elements: those of one position of the kept loops after those of another, in each
    /// the axes that are swept, then the loops of the kernel.
    pub(crate) pairs: usize,
    /// Bytes from *high* to *low*.
    pub(crate) low: usize,
    /// Bytes of *high* for one position of the kept loops.
    pub(crate) row: usize,
    /// Bytes of an element.
    pub(crate) size: usize,
    /// Extents of the axes of the target that no loop of the kernel runs along, in `BoundProgram::sizes`.
    pub(crate) swept: ListRange,
    /// Where in `BoundProgram::strides` the target's strides along them start.
    pub(crate) strides: usize,
    /// The operand at the start of the target where blocks are not parts of it: then all of its axes are swept.
    pub(crate) whole: Option<usize>,
    /// Calls of the kernel for one block.
    pub(crate) calls: usize,
}

/// How many positions of a loop that ids depend on are run at once, where all ids are inside their axes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IndexBatch {
    /// What is done: the outer loop of a part is that loop.
    pub(crate) tile_plan: TilePlan,
    /// What the target starts from, if this nest starts it.
    pub(crate) clear: Option<FillFn>,
    /// How many ids are read for a position.
    pub(crate) reads: usize,
    /// The most positions in one call.
    pub(crate) rows: usize,
}

/// What is done with the two loops inside.
#[derive(Clone, Copy, Debug)]
pub(crate) enum TileAction {
    /// Writes a constant of the algebra.
    Fill(FillFn),
    /// Copies elements of this size.
    Copy(usize),
    /// One factor.
    Unary(UnaryFn),
    /// Two factors.
    Binary(BinaryFn),
    /// Through small blocks of memory.
    WithTemporaries(TilePlan),
}

/// Calls that are made for one part of a tile after another. Values between calls lie in slots: dense blocks in the innermost
/// cache, each with room for all points of a part.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TilePlan {
    /// Made once a tile, for slots that keep their values, in `BoundProgram::calls`.
    pub(crate) once: ListRange,
    /// Made for each part.
    pub(crate) calls: ListRange,
    /// Bytes of a slot.
    pub(crate) temporary_bytes: usize,
    /// The most points of a part.
    pub(crate) points: usize,
}

/// One call of a kernel.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KernelCall {
    pub(crate) kernel: CallKernel,
    pub(crate) to: CallArg,
    /// The arguments; those that the kernel does not take repeat the first.
    pub(crate) from: [CallArg; 3],
}

/// The kernel of a call.
#[derive(Clone, Copy, Debug)]
pub(crate) enum CallKernel {
    /// Writes a constant of the algebra.
    Fill(FillFn),
    /// Copies elements of this size; nothing where source and target are one.
    Copy(usize),
    /// One argument.
    Unary(UnaryFn),
    /// Two arguments.
    Binary(BinaryFn),
    /// Copies rows of elements of this size from an operand that ids displace.
    Gather(usize),
    /// Adds rows to an operand that ids displace.
    Scatter(ScatterFn),
    /// A function, whose arguments and target are slots or near.
    Contiguous(ContiguousFn),
}

/// Where a call finds an argument or leaves its result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CallArg {
    /// The operand of the nest, as it lies.
    Operand(usize),
    /// A slot, with elements of this size.
    Temporary { temporary: usize, size: usize },
    /// The operand itself where its elements are neighbours, else a copy of it in a slot.
    Contiguous { operand: usize, temporary: usize, size: usize },
}

/// A matrix product in loops. The operands are C, A and B; inside are no loops.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BoundGemm {
    pub(crate) loops: LoopNest,
    /// Cuts m and n.
    pub(crate) grid: Grid,
    pub(crate) gemm: GemmFn,
    /// m, n, k.
    pub(crate) extents: [usize; 3],
    /// Of C for m and n, of A for m and k, of B for k and n.
    pub(crate) strides: [[isize; 2]; 3],
    /// α as an operand.
    pub(crate) alpha: Option<usize>,
    /// Whether C is added to.
    pub(crate) accumulate: bool,
    /// Bytes that a call of the kernel allocates at most.
    pub(crate) bytes: usize,
    /// The most positions of k in one call.
    pub(crate) k_strip: usize,
    /// How sums of blocks are added up; none where a plain sum is short or exact.
    pub(crate) compensated: Option<CompensatedSum>,
}

/// A value that is made at `bind`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Constant {
    /// At this byte among the constants.
    pub(crate) at: usize,
    pub(crate) source: ConstantSource,
}

/// How a constant is made.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ConstantSource {
    /// By a kernel.
    Fill(FillFn),
    /// From an earlier constant, at this byte.
    Convert(usize, UnaryFn),
    /// From a caller's value.
    Load(Scalar, UnaryFn),
    /// From a caller's value of this size.
    Copy(Scalar, usize),
    /// The first bytes of these, as many as this.
    Bytes([u8; 16], usize),
}

/// A value that the caller multiplies by.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Scalar {
    Alpha,
    Beta,
}

/// One instruction of the program that turns ids into offsets. It runs anew at every position of the outer loops.
#[derive(Clone, Copy, Debug)]
pub(crate) enum IndexOp {
    /// Reads an id.
    Read(IndexRead),
    /// Adds a checked position to the offset of an operand or of a later lookup.
    Check(CheckedPosition),
}

/// An id tensor that is read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IndexRead {
    /// Among all operands of the program.
    pub(crate) operand: usize,
    pub(crate) dtype: Dtype,
    /// Reads many at once.
    pub(crate) read: IndexReaders,
    /// Where in `BoundProgram::strides` its strides in the outer loops start.
    pub(crate) strides: usize,
    /// The number of the lookup in its nest.
    pub(crate) number: usize,
    /// For errors: the buffer that is read, and where, in `BoundProgram::terms`: a constant for each axis, then what is added.
    pub(crate) buffer: u32,
    pub(crate) position_terms: ListRange,
}

/// A position along one axis that ids have a part in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CheckedPosition {
    /// What is indexed.
    pub(crate) target: IndexTarget,
    pub(crate) stride: isize,
    pub(crate) extent: usize,
    pub(crate) offset: i64,
    /// `coef · position` of loops, in `BoundProgram::terms`.
    pub(crate) terms: ListRange,
    /// `coef · id`, in `BoundProgram::terms`: the numbers of lookups.
    pub(crate) index_terms: ListRange,
    /// Whether negative positions count from the end.
    pub(crate) wrap: bool,
    /// Whether a point outside contributes nothing.
    pub(crate) drop: bool,
    /// For errors: the buffer and its axis.
    pub(crate) buffer: u32,
    pub(crate) axis: usize,
}

/// What a position belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IndexTarget {
    /// An operand of the nest, by its place among them.
    Operand(usize),
    /// The lookup of this number.
    Read(usize),
}

/// `coef` times something.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PositionTerm {
    pub(crate) coef: i64,
    pub(crate) variable: TermVariable,
}

/// What is multiplied in [`PositionTerm`].
#[derive(Clone, Copy, Debug)]
pub(crate) enum TermVariable {
    /// Nothing: the constant with which the position along the next axis begins.
    NextAxis,
    /// The position of an outer loop of the nest.
    Loop(usize),
    /// The position of an axis that is cut into chunks.
    Chunked(ChunkedAxis),
    /// The position of a loop of the region.
    RegionLoop(usize),
    /// The id that a lookup read.
    Index(usize),
}

/// The loops of an axis of which a nest runs a part in chunks: its position is `start + outer · len + inner`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ChunkedAxis {
    /// The first position of the part.
    pub(crate) start: usize,
    /// The loop over the chunks, unless there is but one.
    pub(crate) outer: Option<usize>,
    /// Positions of a chunk.
    pub(crate) len: usize,
    /// The loop inside of a chunk.
    pub(crate) inner: usize,
}

/// All operations of a bound plan.
#[derive(Debug, Default)]
pub(crate) struct BoundProgram {
    pub(crate) regions: Vec<BoundRegion>,
    pub(crate) ops: Vec<Op>,
    /// For each of `ops` how many loops of its region it depends on, outermost first: it is run when one of them has moved.
    pub(crate) depths: Vec<usize>,
    pub(crate) operands: Vec<BoundOperand>,
    pub(crate) sizes: Vec<usize>,
    pub(crate) strides: Vec<isize>,
    pub(crate) constants: Vec<Constant>,
    pub(crate) index_ops: Vec<IndexOp>,
    pub(crate) terms: Vec<PositionTerm>,
    pub(crate) calls: Vec<KernelCall>,
    /// Points of all operations in all turns of their regions.
    pub(crate) points: u64,
    /// Bytes that the kernels may allocate at the same time; none where memory is not limited.
    pub(crate) kernel_allowance: Option<usize>,
}

impl BoundProgram {
    /// Forgets everything, keeping the memory.
    pub(crate) fn clear(&mut self) {
        self.regions.clear();
        self.ops.clear();
        self.depths.clear();
        self.operands.clear();
        self.sizes.clear();
        self.strides.clear();
        self.constants.clear();
        self.index_ops.clear();
        self.terms.clear();
        self.calls.clear();
        self.points = 0;
        self.kernel_allowance = None;
    }
}
