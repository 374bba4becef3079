//! The instructions of a bound program that turn gather and scatter indices into offsets of operands.

use einfold_ir::Dtype;

use super::{ListRange, TilePlan};
use crate::kernels::{FillFn, IndexReaders};

/// One instruction. The instructions of a nest run in order at every position of its outer loops.
#[derive(Clone, Copy, Debug)]
pub(crate) enum IndexOp {
    /// Reads a gather or scatter index.
    Read(IndexRead),
    /// Computes a position from indices that were read, checks it against the extent of its axis, and adds the offset
    /// of that position to an operand or to a later read.
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
    /// The start of its strides in the outer loops, in `BoundProgram::strides`.
    pub(crate) strides: usize,
    /// The number of the read among those of its nest, from 0.
    pub(crate) number: usize,
    /// The buffer that is read, for errors.
    pub(crate) buffer: u32,
    /// The position in the index tensor that is read, for errors, in `BoundProgram::terms`: for each axis a constant,
    /// then the terms of that axis.
    pub(crate) position_terms: ListRange,
}

/// A position along one axis that depends on an index tensor: `offset + Σ terms + Σ index_terms`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CheckedPosition {
    /// The access whose offset the position changes.
    pub(crate) access: DisplacedAccess,
    /// The stride of the axis in bytes.
    pub(crate) stride: isize,
    /// The extent of the axis.
    pub(crate) extent: usize,
    /// The constant term of the position.
    pub(crate) offset: i64,
    /// `coef · position` of loops, in `BoundProgram::terms`.
    pub(crate) terms: ListRange,
    /// `coef · index`, in `BoundProgram::terms`.
    pub(crate) index_terms: ListRange,
    /// Whether negative positions count from the end of the axis.
    pub(crate) wrap: bool,
    /// Whether a point with a position outside the axis contributes nothing.
    pub(crate) drop: bool,
    /// The buffer that the access reads or writes, for errors.
    pub(crate) buffer: u32,
    /// The axis of the buffer, for errors.
    pub(crate) axis: usize,
}

/// An access that gather or scatter indices displace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DisplacedAccess {
    /// The operand of the nest with this number.
    Operand(usize),
    /// The read of an index tensor with this number, whose position depends on indices itself.
    Read(usize),
}

/// A term of a position: `coef · variable`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PositionTerm {
    pub(crate) coef: i64,
    pub(crate) variable: TermVariable,
}

/// The variable of a [`PositionTerm`].
#[derive(Clone, Copy, Debug)]
pub(crate) enum TermVariable {
    /// The constant 1. In `IndexRead::position_terms` such a term begins the position along the next axis.
    NextAxis,
    /// The position of an outer loop of the nest, by the number of the loop.
    Loop(usize),
    /// The position along an axis that is divided into chunks.
    Chunked(ChunkedAxis),
    /// The position of a loop of the region, by the number of the loop.
    RegionLoop(usize),
    /// The index that the read with this number returned.
    Index(usize),
}

/// The loops over a part of an axis that is divided into chunks. The position along the axis is `start + outer · len +
/// inner`.
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

/// Index batches of a nest: positions of its last outer loop that run together, after all their gather and scatter
/// indices are read and checked. A row is the points of one of these positions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IndexBatch {
    /// The kernel calls for a batch. The last outer loop is the outer loop of the tile.
    pub(crate) tile_plan: TilePlan,
    /// Fills the target with the identity of ⊕ before contributions are added; `None` if it is initialised otherwise.
    pub(crate) clear: Option<FillFn>,
    /// The number of index reads for a row.
    pub(crate) reads: usize,
    /// The largest number of rows in a batch.
    pub(crate) rows: usize,
}
