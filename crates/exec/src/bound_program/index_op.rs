//! How gather and scatter indices become offsets of operands.

use einfold_ir::Dtype;

use super::{ListRange, TilePlan};
use crate::kernels::{FillFn, IndexReaders};

/// One instruction that turns gather or scatter indices into offsets. The instructions of a nest run at every position of its
/// outer loops.
#[derive(Clone, Copy, Debug)]
pub(crate) enum IndexOp {
    /// Reads an index.
    Read(IndexRead),
    /// Checks a position and adds its offset to an operand or to a later read.
    Check(CheckedPosition),
}

/// A read of an index tensor.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IndexRead {
    /// The operand, in `BoundProgram::operands`.
    pub(crate) operand: usize,
    pub(crate) dtype: Dtype,
    /// The kernels that read many indices in one call.
    pub(crate) read: IndexReaders,
    /// Index in `BoundProgram::strides` of its strides in the outer loops.
    pub(crate) strides: usize,
    /// The number of the read in its nest.
    pub(crate) number: usize,
    /// The buffer that is read, for errors.
    pub(crate) buffer: u32,
    /// The position that is read, for errors, in `BoundProgram::terms`: for each axis a constant, then the terms of that axis.
    pub(crate) position_terms: ListRange,
}

/// A position along one axis that depends on an index tensor.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CheckedPosition {
    /// The access that the position belongs to.
    pub(crate) target: IndexTarget,
    pub(crate) stride: isize,
    pub(crate) extent: usize,
    pub(crate) offset: i64,
    /// `coef · position` of loops, in `BoundProgram::terms`.
    pub(crate) terms: ListRange,
    /// `coef · index`, in `BoundProgram::terms`.
    pub(crate) index_terms: ListRange,
    /// Whether negative positions count from the end of the axis.
    pub(crate) wrap: bool,
    /// Whether a point with a position outside the axis contributes nothing.
    pub(crate) drop: bool,
    /// The buffer, for errors.
    pub(crate) buffer: u32,
    /// The axis of the buffer, for errors.
    pub(crate) axis: usize,
}

/// The access that a position belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IndexTarget {
    /// The operand of the nest with this number.
    Operand(usize),
    /// The index read with this number.
    Read(usize),
}

/// `coef · variable`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PositionTerm {
    pub(crate) coef: i64,
    pub(crate) variable: TermVariable,
}

/// The variable of a [`PositionTerm`].
#[derive(Clone, Copy, Debug)]
pub(crate) enum TermVariable {
    /// No variable: the term is the constant that begins the position along the next axis.
    NextAxis,
    /// The position of an outer loop of the nest.
    Loop(usize),
    /// The position along an axis that is divided into chunks.
    Chunked(ChunkedAxis),
    /// The position of a loop of the region.
    RegionLoop(usize),
    /// The index that the read with this number returned.
    Index(usize),
}

/// The loops over a part of an axis that runs in chunks. The position is `start + outer · len + inner`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ChunkedAxis {
    /// The first position of the part.
    pub(crate) start: usize,
    /// The loop over the chunks; `None` if there is one chunk.
    pub(crate) outer: Option<usize>,
    /// Positions in a chunk.
    pub(crate) len: usize,
    /// The loop inside a chunk.
    pub(crate) inner: usize,
}

/// Positions of a loop that run together, with all their gather and scatter indices read and checked first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IndexBatch {
    /// The calls for a batch; the outer loop of a part is the batched loop.
    pub(crate) tile_plan: TilePlan,
    /// Initialises the target, if this nest does so.
    pub(crate) clear: Option<FillFn>,
    /// The number of index reads per position.
    pub(crate) reads: usize,
    /// The largest number of positions in one call.
    pub(crate) rows: usize,
}
