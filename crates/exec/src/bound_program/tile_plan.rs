//! What a nest does with one tile: a single kernel, or kernel calls that pass values through temporaries.

use super::ListRange;
use crate::kernels::{BinaryFn, ContiguousFn, FillFn, ScatterFn, UnaryFn};

/// The largest element in bytes that fits a temporary.
pub(crate) const MAX_ELEMENT_BYTES: usize = 16 << 10;
/// Bytes of all temporaries: three of the largest element, as a product needs.
pub(crate) const TEMPORARY_BYTES: usize = 3 * MAX_ELEMENT_BYTES;

/// What runs over the two inner loops.
#[derive(Clone, Copy, Debug)]
pub(crate) enum TileAction {
    /// Writes a constant of the algebra.
    Fill(FillFn),
    /// Copies elements of this number of bytes.
    Copy(usize),
    /// A kernel of one factor.
    Unary(UnaryFn),
    /// A kernel of two factors.
    Binary(BinaryFn),
    /// Kernel calls that pass values through temporaries.
    WithTemporaries(TilePlan),
}

/// Kernel calls for a tile, one part of the tile after another. Values between calls lie in temporaries: dense blocks in the
/// innermost cache, each with memory for all points of a part.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TilePlan {
    /// Calls made once per tile, for temporaries that keep their values, in `BoundProgram::calls`.
    pub(crate) once: ListRange,
    /// Calls made for each part, in `BoundProgram::calls`.
    pub(crate) calls: ListRange,
    /// Bytes of a temporary.
    pub(crate) temporary_bytes: usize,
    /// The largest number of points of a part.
    pub(crate) points: usize,
}

/// One kernel call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KernelCall {
    pub(crate) kernel: CallKernel,
    pub(crate) to: CallArg,
    /// The arguments. A kernel of fewer arguments has the first one repeated.
    pub(crate) from: [CallArg; 3],
}

/// The kernel of a call.
#[derive(Clone, Copy, Debug)]
pub(crate) enum CallKernel {
    /// Writes a constant of the algebra.
    Fill(FillFn),
    /// Copies elements of this number of bytes; does nothing if source and target are one.
    Copy(usize),
    /// A kernel of one argument.
    Unary(UnaryFn),
    /// A kernel of two arguments.
    Binary(BinaryFn),
    /// Copies rows of elements of this number of bytes from an operand that gather indices displace.
    Gather(usize),
    /// Adds rows to an operand that scatter indices displace.
    Scatter(ScatterFn),
    /// A function whose arguments and target are temporaries or contiguous operands.
    Contiguous(ContiguousFn),
}

/// An argument or the target of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CallArg {
    /// The operand of the nest with this number, by its strides.
    Operand(usize),
    /// A temporary with elements of `size` bytes.
    Temporary { temporary: usize, size: usize },
    /// The operand itself if its elements are contiguous, else a copy of it in a temporary.
    Contiguous { operand: usize, temporary: usize, size: usize },
}
