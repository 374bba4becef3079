//! The plan under construction: steps over buffers, open to passes.

use std::sync::Arc;

use smallvec::SmallVec;

use crate::access::{Access, Axis, Index, Label, Shape, is_one_to_one};
use crate::algebra::Algebra;
use crate::count::Count;
use crate::dtype::Dtype;
use crate::expr::Expr;
use crate::id_vec::{IdVec, id};
use crate::machine::Machine;
use crate::module::NodeId;

/// The alignment of scratch buffers in bytes.
pub(crate) const ALIGN: usize = 64;

/// The number of a buffer of a plan.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub struct BufferId(pub u32);

id!(BufferId);

/// The layout of a tensor: the order of its axes in memory.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Layout {
    /// The last axis is contiguous: C order.
    RowMajor,
    /// The first axis is contiguous: Fortran order.
    ColumnMajor,
    /// The axes from the slowest to the fastest.
    Order(Vec<u32>),
}

impl Layout {
    /// Writes the strides, in elements, of a dense tensor with these extents in this layout to `strides`, which has one
    /// entry for each axis. Extents of 0 count as 1.
    pub fn write_strides(&self, extents: &[usize], strides: &mut [isize]) {
        self.for_each_stride(extents, |axis, stride| strides.get_mut(axis).into_iter().for_each(|s| *s = stride));
    }

    /// Calls `f` with each axis and its stride as in [`write_strides`](Layout::write_strides), the fastest axis first.
    pub fn for_each_stride(&self, extents: &[usize], mut f: impl FnMut(usize, isize)) {
        let mut next = 1isize;
        let mut place = |axis: usize| {
            let Some(&extent) = extents.get(axis) else { return };
            f(axis, next);
            next = next.saturating_mul(isize::try_from(extent.max(1)).unwrap_or(isize::MAX));
        };
        match self {
            Layout::RowMajor => (0..extents.len()).rev().for_each(&mut place),
            Layout::ColumnMajor => (0..extents.len()).for_each(&mut place),
            Layout::Order(order) => order.iter().rev().for_each(|&a| place(a as usize)),
        }
    }
}

/// The storage of a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Storage {
    /// The caller's operand at this position. Read only.
    Input(u32),
    /// The caller's output at this position. Written only.
    Output(u32),
    /// Scratch memory at this byte offset.
    Scratch(usize),
}

/// A buffer: memory for one tensor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Buffer {
    /// The name for display.
    pub label: Label,
    /// The dtype of the elements.
    pub dtype: Dtype,
    /// The extents.
    pub extents: Shape,
    /// The storage.
    pub storage: Storage,
    /// The layout in scratch memory, or the layout hint of the caller's array.
    pub layout: Layout,
}

impl Buffer {
    /// The size in bytes when dense; `None` if strides may overflow, because the elements, with extents of 0 counted as
    /// 1, have more than `isize::MAX` bytes or number more than that.
    pub fn bytes(&self) -> Option<usize> {
        dense_bytes(self.dtype, &self.extents)
    }

    pub(crate) fn dtype_and_extents(&self) -> (Dtype, &[usize]) {
        (self.dtype, &self.extents)
    }
}

/// [`Buffer::bytes`] of a buffer with this dtype and these extents.
pub(crate) fn dense_bytes(dtype: Dtype, extents: &[usize]) -> Option<usize> {
    let size = dtype.size();
    let spanned = extents.iter().try_fold(size.max(1), |n, &e| n.checked_mul(e.max(1)));
    let spanned = spanned.filter(|&n| isize::try_from(n).is_ok())?;
    Some(if size == 0 || extents.contains(&0) { 0 } else { spanned })
}

/// Whether a step overwrites its buffer or accumulates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteMode {
    /// Every element of the buffer is initialised with the identity of ⊕.
    Overwrite,
    /// The buffer keeps its values, and the step accumulates into them.
    Accumulate,
}

/// A step: `write ⊕= read ⊗ read ⊗ …` for every point of `axes`, in the dtype of the written buffer.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The node of the module that the step computes.
    pub origin: NodeId,
    /// The iteration space.
    pub axes: Vec<Axis>,
    /// The factors; empty for the empty product.
    pub reads: Vec<Access<BufferId>>,
    /// The position that each point contributes to.
    pub write: Access<BufferId>,
    /// Whether the step overwrites or accumulates.
    pub mode: WriteMode,
    /// ⊕ and ⊗.
    pub algebra: Algebra,
    /// The form in which the step runs.
    pub form: Form,
}

/// The form in which a step runs.
#[derive(Clone, Debug, PartialEq)]
pub enum Form {
    /// Writes the identity of ⊕ to every element: a step without axes and reads, whose written positions are all 0.
    Fill,
    /// Nested loops; with the pointwise expression that each point contributes, if it is not the product of the reads.
    Nest(Option<Arc<Expr>>),
    /// A matrix product of axis groups.
    Gemm(Gemm),
}

/// The roles of the axes in `C[b,m,n] ⊕= A[b,m,k] ⊗ B[b,k,n]`, where A is read 0, B is read 1 and C is written. Each
/// group lists positions in the step's axes, slowest first, and every axis is in exactly one group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gemm {
    /// In all three tensors.
    pub batch: Vec<u32>,
    /// In A and C.
    pub m: Vec<u32>,
    /// In B and C.
    pub n: Vec<u32>,
    /// In A and B: reduced.
    pub k: Vec<u32>,
}

/// The number of loops that each step of a region depends on.
pub type Depths = SmallVec<[usize; 8]>;

/// A region: steps that run in order, once for every position of the loop axes (outermost first).
#[derive(Clone, Debug, PartialEq)]
pub struct Region {
    /// The loop axes: sliced axes. Empty for steps that run once.
    pub loops: Vec<Axis>,
    /// The steps.
    pub steps: Vec<Step>,
    /// The byte stride between the copies of a private intermediate in neighbouring partitions; `None` without
    /// partitions. The iterations of the first loop are the partitions, which may run in parallel, and each has its own
    /// copy of the intermediates that only this region touches.
    pub partitions: Option<usize>,
}

/// A plan under construction: open to passes, not to the executor.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Draft {
    /// All buffers.
    pub buffers: IdVec<BufferId, Buffer, 0>,
    /// The regions with the steps, in order.
    pub regions: SmallVec<[Region; 1]>,
    /// The buffer of each operand.
    pub inputs: SmallVec<[BufferId; 4]>,
    /// The buffer of each result.
    pub outputs: SmallVec<[BufferId; 4]>,
    /// The bytes of scratch memory.
    pub scratch: usize,
    /// The machine that the plan is made for.
    pub machine: Machine,
}

impl Draft {
    /// The buffer with this id.
    ///
    /// # Panics
    /// If the buffer does not exist.
    #[inline]
    pub fn buffer(&self, id: BufferId) -> &Buffer {
        &self.buffers[id]
    }

    /// Whether any buffer is in scratch memory.
    pub fn has_intermediates(&self) -> bool {
        self.buffers.iter().any(|buffer| matches!(buffer.storage, Storage::Scratch(_)))
    }

    /// All steps in order, each with the loop axes around it.
    pub fn steps(&self) -> impl Iterator<Item = (&[Axis], &Step)> {
        self.regions.iter().flat_map(|r| r.steps.iter().map(|s| (&r.loops[..], s)))
    }
}

impl Step {
    /// The flops of one run: the points of the iteration space if the step multiplies, 0 if it only copies or sums.
    pub fn flops(&self) -> Count {
        match self.reads.len() {
            0 | 1 => Count::ZERO,
            _ => Count::product(self.axes.iter().map(|a| a.extent as u64)),
        }
    }

    /// The product of the extents of a group of axes, at most `usize::MAX`.
    ///
    /// # Panics
    /// If an axis does not exist.
    pub fn extent(&self, group: &[u32]) -> usize {
        group.iter().fold(1, |n, &axis| n.saturating_mul(self.axes[axis as usize].extent))
    }

    /// Calls `f` with every buffer that the step touches, index tensors included.
    pub fn for_each_buffer(&self, f: &mut impl FnMut(BufferId)) {
        self.reads.iter().chain([&self.write]).for_each(|a| a.for_each_tensor(&mut |b| f(*b)));
    }

    /// Whether the points and the positions of the written buffer, whose extents are given, are one to one: every
    /// written index is a plain axis of the same extent, and each axis of the iteration space occurs exactly once.
    pub fn is_map(&self, extents: &[usize]) -> bool {
        let whole = |(index, &extent): (&Index<BufferId>, &usize)| {
            index.as_axis().is_some_and(|axis| self.axes[axis as usize].extent == extent)
        };
        is_one_to_one(&self.write.indices, &self.axes) && self.write.indices.iter().zip(extents).all(whole)
    }
}
