//! What `bind` makes of a plan and its operands, and a run executes: operations over pointers and strides, in flat lists
//! that are used again.

use std::ops::Range;

use einfold_ir::Dtype;

use crate::kernels::{Binary, Carry, Fill, Flat, Gemm, ReadIds, Scatter, Unary};

/// A part of one of the lists of a [`Program`].
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Span {
    pub(crate) start: usize,
    pub(crate) len: usize,
}

impl Span {
    /// From `start` to the end of `list`.
    pub(crate) fn since<T>(start: usize, list: &[T]) -> Span {
        Span { start, len: list.len() - start }
    }

    pub(crate) fn range(self) -> Range<usize> {
        self.start..self.start + self.len
    }
}

/// The memory in which an operand lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Home {
    /// The caller's operand.
    Input(usize),
    /// The caller's output.
    Output(usize),
    /// Scratch memory as the plan lays it out, at this byte, and so many bytes further on for each lane.
    Planned { at: usize, lane: usize },
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
pub(crate) struct Operand {
    pub(crate) home: Home,
    /// Bytes from the start of its home to the element at position 0 of all loops.
    pub(crate) offset: isize,
    /// That element's address; known once all memory is there.
    pub(crate) ptr: Ptr,
    /// Where in `Program::strides` its strides in the loops of the region start.
    pub(crate) turns: usize,
    /// Bytes from what a lane has for itself to that of the next; 0 for what is there once.
    pub(crate) lane: usize,
    /// How it becomes what the operation computes in; none where it is that already.
    pub(crate) load: Option<Unary>,
}

/// Operations that are run in order for each position of the loops.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Region {
    /// Extents, outer to inner, in `Program::sizes`.
    pub(crate) loops: Span,
    /// In `Program::ops`.
    pub(crate) ops: Span,
    /// Whether turns of the first loop may run at the same time.
    pub(crate) lanes: bool,
    /// Points of all turns.
    pub(crate) points: u64,
    /// The most bytes that a call of a kernel allocates.
    pub(crate) bytes: usize,
}

/// One operation.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Op {
    Nest(Nest),
    Product(Product),
}

/// Loops over operands, in `Program`'s lists: first the kept ones, which lead to targets of their own, then the reduced ones,
/// then the loops inside, of which a kernel runs two.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Loops {
    /// The operands, the written one first.
    pub(crate) operands: Span,
    /// How many loops are kept.
    pub(crate) kept: usize,
    /// How many loops are reduced.
    pub(crate) reduced: usize,
    /// The extents of all loops, in `Program::sizes`.
    pub(crate) sizes: Span,
    /// Where in `Program::strides` the strides start: one of each operand for each loop.
    pub(crate) strides: usize,
}

/// Which part of an operation is one block. The grid follows from the shape alone, so that results do not depend on threads.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grid {
    /// Positions of each of the two cut axes in one block.
    pub(crate) piece: [usize; 2],
    /// How many pieces each of the two cut axes has.
    pub(crate) pieces: [usize; 2],
    /// How many neighbouring blocks are one task.
    pub(crate) grain: usize,
    /// How many blocks there are.
    pub(crate) blocks: usize,
    /// Points of the iteration space in all blocks.
    pub(crate) points: u64,
}

/// A strided nest.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Nest {
    /// The loops; inside are the two of the kernel.
    pub(crate) loops: Loops,
    pub(crate) grid: Grid,
    /// The most positions of each loop of the kernel in one call.
    pub(crate) strip: [usize; 2],
    /// What a target starts from before `rest` is added to it; none where `first` writes it.
    pub(crate) clear: Option<Fill>,
    /// At the first position of the reduced loops.
    pub(crate) first: Action,
    /// At all others.
    pub(crate) rest: Action,
    /// The positions that come from ids, in `Program::ids`.
    pub(crate) ids: Span,
    /// How many positions of the last outer loop are run at once.
    pub(crate) batch: Option<Batch>,
    /// How sums of blocks are added up; none where a plain sum is short or exact.
    pub(crate) sums: Option<Sums>,
}

/// How an operation adds up sums of blocks. Each element of the target has a pair: *high* and *low*, which hold their sum in twice
/// the precision.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sums {
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
    /// Extents of the axes of the target that no loop of the kernel runs along, in `Program::sizes`.
    pub(crate) swept: Span,
    /// Where in `Program::strides` the target's strides along them start.
    pub(crate) strides: usize,
    /// The operand at the start of the target where blocks are not parts of it: then all of its axes are swept.
    pub(crate) whole: Option<usize>,
    /// Calls of the kernel for one block.
    pub(crate) calls: usize,
}

/// How many positions of a loop that ids depend on are run at once, where all ids are inside their axes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Batch {
    /// What is done: the outer loop of a part is that loop.
    pub(crate) stage: Stage,
    /// What the target starts from, if this nest starts it.
    pub(crate) clear: Option<Fill>,
    /// How many ids are read for a position.
    pub(crate) lookups: usize,
    /// The most positions in one call.
    pub(crate) rows: usize,
}

/// What is done with the two loops inside.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Action {
    /// Writes a constant of the algebra.
    Fill(Fill),
    /// Copies elements of this size.
    Copy(usize),
    /// One factor.
    Unary(Unary),
    /// Two factors.
    Binary(Binary),
    /// Through small blocks of memory.
    Staged(Stage),
}

/// Calls that are made for one part of a tile after another. Values between calls lie in slots: dense blocks in the innermost
/// cache, each with room for all points of a part.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stage {
    /// Made once a tile, for slots that keep their values, in `Program::calls`.
    pub(crate) once: Span,
    /// Made for each part.
    pub(crate) calls: Span,
    /// Bytes of a slot.
    pub(crate) slot: usize,
    /// The most points of a part.
    pub(crate) points: usize,
}

/// One call of a kernel.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call {
    pub(crate) code: Code,
    pub(crate) to: Place,
    /// The arguments; those that the kernel does not take repeat the first.
    pub(crate) from: [Place; 3],
}

/// The kernel of a call.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Code {
    /// Writes a constant of the algebra.
    Fill(Fill),
    /// Copies elements of this size; nothing where source and target are one.
    Copy(usize),
    /// One argument.
    Unary(Unary),
    /// Two arguments.
    Binary(Binary),
    /// Copies rows of elements of this size from an operand that ids displace.
    Gather(usize),
    /// Adds rows to an operand that ids displace.
    Scatter(Scatter),
    /// A function, whose arguments and target are slots or near.
    Flat(Flat),
}

/// Where a call finds an argument or leaves its result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// The operand of the nest, as it lies.
    Operand(usize),
    /// A slot, with elements of this size.
    Slot { slot: usize, size: usize },
    /// The operand itself where its elements are neighbours, else a copy of it in a slot.
    Near { operand: usize, slot: usize, size: usize },
}

/// A matrix product in loops. The operands are C, A and B; inside are no loops.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Product {
    pub(crate) loops: Loops,
    /// Cuts m and n.
    pub(crate) grid: Grid,
    pub(crate) gemm: Gemm,
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
    pub(crate) slab: usize,
    /// How sums of blocks are added up; none where a plain sum is short or exact.
    pub(crate) sums: Option<Sums>,
}

/// A value that is made at `bind`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Constant {
    /// At this byte among the constants.
    pub(crate) at: usize,
    pub(crate) make: Make,
}

/// How a constant is made.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Make {
    /// By a kernel.
    Fill(Fill),
    /// From an earlier constant, at this byte.
    Convert(usize, Unary),
    /// From a caller's value.
    Load(Scalar, Unary),
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
pub(crate) enum Id {
    /// Reads an id.
    Read(Lookup),
    /// Adds a checked position to the offset of an operand or of a later lookup.
    At(Position),
}

/// An id tensor that is read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lookup {
    /// Among all operands of the program.
    pub(crate) operand: usize,
    pub(crate) dtype: Dtype,
    /// Reads many at once.
    pub(crate) read: ReadIds,
    /// Where in `Program::strides` its strides in the outer loops start.
    pub(crate) strides: usize,
    /// The number of the lookup in its nest.
    pub(crate) number: usize,
    /// For errors: the buffer that is read, and where, in `Program::terms`: a constant for each axis, then what is added.
    pub(crate) buffer: u32,
    pub(crate) place: Span,
}

/// A position along one axis that ids have a part in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Position {
    /// What is indexed.
    pub(crate) of: Indexed,
    pub(crate) stride: isize,
    pub(crate) extent: usize,
    pub(crate) offset: i64,
    /// `coef · position` of loops, in `Program::terms`.
    pub(crate) terms: Span,
    /// `coef · id`, in `Program::terms`: the numbers of lookups.
    pub(crate) ids: Span,
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
pub(crate) enum Indexed {
    /// An operand of the nest, by its place among them.
    Operand(usize),
    /// The lookup of this number.
    Lookup(usize),
}

/// `coef` times something.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    pub(crate) coef: i64,
    pub(crate) what: Factor,
}

/// What is multiplied in [`Times`].
#[derive(Clone, Copy, Debug)]
pub(crate) enum Factor {
    /// Nothing: the constant with which the position along the next axis begins.
    Axis,
    /// The position of an outer loop of the nest.
    Loop(usize),
    /// The position of an axis that is cut into chunks.
    Cut(Cut),
    /// The position of a loop of the region.
    Turn(usize),
    /// The id that a lookup read.
    Id(usize),
}

/// The loops of an axis of which a nest runs a part in chunks: its position is `start + outer · len + inner`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cut {
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
pub(crate) struct Program {
    pub(crate) regions: Vec<Region>,
    pub(crate) ops: Vec<Op>,
    /// For each of `ops` how many loops of its region it depends on, outermost first: it is run when one of them has moved.
    pub(crate) depths: Vec<usize>,
    pub(crate) operands: Vec<Operand>,
    pub(crate) sizes: Vec<usize>,
    pub(crate) strides: Vec<isize>,
    pub(crate) constants: Vec<Constant>,
    pub(crate) ids: Vec<Id>,
    pub(crate) terms: Vec<Times>,
    pub(crate) calls: Vec<Call>,
    /// Points of all operations in all turns of their regions.
    pub(crate) points: u64,
    /// Bytes that the kernels may allocate at the same time; none where memory is not limited.
    pub(crate) left: Option<usize>,
}

impl Program {
    /// Forgets everything, keeping the memory.
    pub(crate) fn clear(&mut self) {
        self.regions.clear();
        self.ops.clear();
        self.depths.clear();
        self.operands.clear();
        self.sizes.clear();
        self.strides.clear();
        self.constants.clear();
        self.ids.clear();
        self.terms.clear();
        self.calls.clear();
        self.points = 0;
        self.left = None;
    }
}
