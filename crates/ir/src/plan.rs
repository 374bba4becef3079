//! The plan: how an expression is computed, as steps over buffers. A plan depends on dtypes, extents, layout hints and
//! a [`Machine`], which is a value; it does not depend on where it is made or on a caller's strides.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use smallvec::SmallVec;

use crate::access::{Access, Axis, Index, Label, Shape, is_one_to_one};
use crate::algebra::Algebra;
use crate::count::Count;
use crate::dtype::Dtype;
use crate::expr::Expr;
use crate::id_vec::{IdVec, id};
use crate::machine::Machine;
use crate::module::NodeId;

/// The number of a buffer of a [`Plan`].
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
        let size = self.dtype.size();
        let spanned = self.extents.iter().try_fold(size.max(1), |n, &e| n.checked_mul(e.max(1)));
        let spanned = spanned.filter(|&n| isize::try_from(n).is_ok())?;
        Some(if size == 0 || self.extents.contains(&0) { 0 } else { spanned })
    }
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

/// A verified plan.
///
/// Invariants, checked by [`Plan::seal`] or kept by [`Product::into_plan`](crate::Product::into_plan):
/// * each operand and each output has one buffer; the bytes of intermediates and outputs can be counted; an explicit
///   layout is a permutation of the axes of its buffer;
/// * every buffer, axis and loop that a step names exists; index tensors have an integer dtype; positions without
///   indirect terms stay inside their buffers;
/// * an operand is only read; an output is written and never read; a buffer is written before it is read or added to; a
///   step does not read the buffer that it writes; a written access is not conjugated;
/// * the algebra of a step is defined on the dtype that it writes, and the dtypes of its factors convert to it; a
///   pointwise expression reads factors that exist; a fill has no axes and no factors;
/// * the groups of a GEMM are the roles of its axes;
/// * partitions write to different elements of a buffer that they share, and only the step that writes it touches it in
///   their region;
/// * scratch buffers that are alive at the same time do not overlap, are aligned and lie inside `scratch`, in every
///   partition.
///
/// The executor relies on all of them. Clones share the plan.
#[derive(Clone, Debug)]
pub struct Plan(Arc<Sealed>);

/// What the clones of a plan share.
#[derive(Debug)]
struct Sealed {
    draft: Draft,
    /// The result of [`Region::depths`] for each region; empty if no region has loops.
    depths: Vec<Depths>,
    /// For each buffer, the byte stride from its copy in one partition to that in the next; 0 for a buffer that exists
    /// once; empty if no buffer has copies.
    partition_strides: IdVec<BufferId, usize, 0>,
    id: PlanId,
}

/// The identity of a [`Plan`] in this process: two plans with the same id are clones of the same sealed plan.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PlanId(u64);

impl Plan {
    /// The alignment of scratch buffers in bytes.
    pub const ALIGN: usize = 64;

    /// A plan of a draft that keeps the invariants, with the byte strides of its buffers from one partition to the next.
    #[inline]
    pub(crate) fn checked(draft: Draft, partition_strides: IdVec<BufferId, usize, 0>) -> Plan {
        static NEXT_ID: AtomicU64 = AtomicU64::new(0);
        let mut depths = Vec::new();
        if draft.regions.iter().any(|region| !region.loops.is_empty()) {
            depths.extend(draft.regions.iter().map(Region::depths));
        }
        Plan(Arc::new(Sealed { draft, depths, partition_strides, id: PlanId(NEXT_ID.fetch_add(1, Ordering::Relaxed)) }))
    }

    /// The identity of the sealed plan.
    pub fn id(&self) -> PlanId {
        self.0.id
    }

    /// The depth of a step of a region: see [`Region::depths`].
    pub fn depth(&self, region: usize, step: usize) -> usize {
        self.0.depths.get(region).and_then(|depths| depths.get(step)).copied().unwrap_or(0)
    }

    /// The byte stride of a buffer from one partition to the next; 0 for a buffer that all partitions share.
    ///
    /// # Panics
    /// If the plan does not have this buffer.
    pub fn partition_stride(&self, buffer: BufferId) -> usize {
        if self.0.partition_strides.is_empty() { 0 } else { self.0.partition_strides[buffer] }
    }
}

impl Deref for Plan {
    type Target = Draft;

    fn deref(&self) -> &Draft {
        &self.0.draft
    }
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
