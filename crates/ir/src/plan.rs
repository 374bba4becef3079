//! The plan: how it is computed, as steps over buffers. A plan depends on dtypes, extents, hinted layouts and a
//! [`Machine`], which is a value; never on where it is made or on a caller's strides.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use smallvec::SmallVec;

use crate::access::{Access, Axis, Label};
use crate::algebra::Algebra;
use crate::axis_set::AxisSet;
use crate::count::Count;
use crate::dtype::Dtype;
use crate::expr::Expr;
use crate::id_vec::{IdVec, id};
use crate::machine::Machine;
use crate::module::NodeId;

/// A buffer of a [`Plan`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub struct BufferId(pub u32);

id!(BufferId);

/// The order in which the axes of a tensor lie in memory.
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
    /// The strides, in elements, of a dense tensor of these extents in this layout; as if extents of 0 were 1.
    pub fn strides(&self, extents: &[usize]) -> Vec<isize> {
        let mut strides = vec![0; extents.len()];
        self.write_strides(extents, &mut strides);
        strides
    }

    /// As [`Layout::strides`], into `strides`, which has one entry an axis.
    pub fn write_strides(&self, extents: &[usize], strides: &mut [isize]) {
        let mut next = 1isize;
        let mut place = |axis: usize| {
            let (Some(stride), Some(&extent)) = (strides.get_mut(axis), extents.get(axis)) else { return };
            *stride = next;
            next = next.saturating_mul(isize::try_from(extent.max(1)).unwrap_or(isize::MAX));
        };
        match self {
            Layout::RowMajor => (0..extents.len()).rev().for_each(&mut place),
            Layout::ColumnMajor => (0..extents.len()).for_each(&mut place),
            Layout::Order(order) => order.iter().rev().for_each(|&a| place(a as usize)),
        }
    }
}

/// Where a buffer lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the caller's operand of this position. Read only.
    Input(u32),
    /// In the caller's output of this position. Written only.
    Output(u32),
    /// In scratch memory, at this byte offset.
    Scratch(usize),
}

/// A tensor in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Buffer {
    /// The name shown to people.
    pub label: Label,
    /// The dtype of its elements.
    pub dtype: Dtype,
    /// Its extents.
    pub extents: Vec<usize>,
    /// Where it lives.
    pub place: Place,
    /// In scratch, its layout; elsewhere what is expected of the caller's.
    pub layout: Layout,
}

impl Buffer {
    /// Its size in bytes when dense. `None` where strides overflow: where its elements, extents of 0 taken as 1, have more
    /// than `isize::MAX` bytes, or are more than so many.
    pub fn bytes(&self) -> Option<usize> {
        let size = self.dtype.size();
        let spanned = self.extents.iter().try_fold(size.max(1), |n, &e| n.checked_mul(e.max(1)));
        let spanned = spanned.filter(|&n| isize::try_from(n).is_ok())?;
        Some(if size == 0 || self.extents.contains(&0) { 0 } else { spanned })
    }
}

/// Whether a step starts from nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The whole buffer holds the identity of ⊕ first, whatever was in it.
    Overwrite,
    /// What the buffer holds is kept and added to.
    Accumulate,
}

/// One piece of work: `write ⊕= read ⊗ read ⊗ …` for every point of `axes`, in the dtype of the written buffer.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The node of the IR that this computes.
    pub origin: NodeId,
    /// The iteration space; for a nest in loop order, outer to inner.
    pub axes: Vec<Axis>,
    /// The factors. None: the empty product.
    pub reads: Vec<Access<BufferId>>,
    /// Where each point goes.
    pub write: Access<BufferId>,
    /// Whether the buffer is started anew.
    pub mode: Mode,
    /// ⊕ and ⊗.
    pub algebra: Algebra,
    /// How it is run.
    pub form: Form,
}

/// How a step is run.
#[derive(Clone, Debug, PartialEq)]
pub enum Form {
    /// Only the identity of ⊕ is written, everywhere: a step without axes and reads, whose written positions are all 0.
    Fill,
    /// Strided loops.
    Nest(Nest),
    /// A matrix product over groups of axes.
    Gemm(Gemm),
}

/// What was decided about the loops of a nest. The default, nothing, means the loops as they are written.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Nest {
    /// What each point contributes, where that is not the product of the reads.
    pub expr: Option<Arc<Expr>>,
    /// The loops are in an order chosen by strides; the executor may choose again by the real ones.
    pub ordered: bool,
    /// How many neighbouring axes each loop joins under the hinted layouts, outer to inner; empty where nothing was joined.
    /// Where it is not empty the executor joins by the real strides.
    pub merged: Vec<u32>,
}

/// The roles of the axes in `C[b,m,n] ⊕= A[b,m,k] ⊗ B[b,k,n]`, where A is read 0, B is read 1 and C is written. Each group
/// lists positions in the step's axes, slowest first, and every axis is in exactly one group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gemm {
    /// In all three.
    pub batch: Vec<u32>,
    /// In A and C.
    pub m: Vec<u32>,
    /// In B and C.
    pub n: Vec<u32>,
    /// In A and B: reduced.
    pub k: Vec<u32>,
    /// Which of A, B, C are copied into a dense matrix under the hinted layouts, because their groups do not fold into
    /// strides and looping would cost more. The executor decides again by the real strides.
    pub packed: [bool; 3],
}

/// For each step of a region a number of loops.
pub type Depths = SmallVec<[usize; 8]>;

/// Steps that are run in order, for every position of the loop axes (outer to inner).
#[derive(Clone, Debug, PartialEq)]
pub struct Region {
    /// The loop axes: sliced axes. Empty for steps that run once.
    pub loops: Vec<Axis>,
    /// The steps.
    pub steps: Vec<Step>,
    /// Whether the turns of the first loop are lanes, which may run at the same time: then each of them has a copy of the
    /// intermediates that only this region touches, so many bytes from that of the one before.
    pub lanes: Option<usize>,
}

/// A plan that is still being worked on: open to passes, not to the executor.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    /// All buffers.
    pub buffers: IdVec<BufferId, Buffer, 0>,
    /// The work, in order.
    pub regions: Vec<Region>,
    /// The buffer of each operand.
    pub inputs: Vec<BufferId>,
    /// The buffer of each result.
    pub outputs: Vec<BufferId>,
    /// Bytes of scratch memory.
    pub scratch: usize,
    /// The machine that it is made for.
    pub machine: Machine,
}

/// What is known of a draft that keeps to every invariant: the facts that its check has established, which the executor goes by.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Proof {
    /// The depths of the steps of each region.
    pub(crate) depths: Vec<Depths>,
    /// By buffer, the bytes from the one of a lane to that of the next; 0 for a buffer that exists once.
    pub(crate) lane_strides: IdVec<BufferId, usize>,
}

/// A verified plan.
///
/// Invariants, checked by [`Plan::seal`]: every buffer, axis and loop that a step names exists; positions without ids stay
/// inside their buffers; an operand is read only and an output written only; what is read was written before; a step does
/// not read what it writes; groups of a GEMM are roles of its axes; the bytes of intermediates and outputs can be counted;
/// scratch buffers that are alive at the same time do not overlap, are aligned and lie inside `scratch`, in every lane. The
/// executor relies on all of them.
#[derive(Clone, Debug)]
pub struct Plan {
    pub(crate) draft: Draft,
    pub(crate) proof: Proof,
    pub(crate) id: PlanId,
}

/// The identity of a [`Plan`] in this process: of two plans with one id, both are clones of the same sealed plan.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PlanId(u64);

impl PlanId {
    pub(crate) fn next() -> PlanId {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        PlanId(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// Plans are equal if their drafts are: the proof follows from the draft, and the id tells apart what is sealed twice.
impl PartialEq for Plan {
    fn eq(&self, other: &Plan) -> bool {
        self.draft == other.draft
    }
}

impl Plan {
    /// Alignment of scratch buffers in bytes.
    pub const ALIGN: usize = 64;

    /// Which sealed plan this is.
    pub fn id(&self) -> PlanId {
        self.id
    }

    /// As [`Region::depths`], of all regions.
    pub fn depths(&self) -> &[Depths] {
        &self.proof.depths
    }

    /// Bytes from a buffer as one lane has it to that of the next; 0 for a buffer that all lanes share.
    ///
    /// # Panics
    /// If the plan has no such buffer.
    pub fn lane_stride(&self, buffer: BufferId) -> usize {
        self.proof.lane_strides[buffer]
    }
}

impl Deref for Plan {
    type Target = Draft;

    fn deref(&self) -> &Draft {
        &self.draft
    }
}

impl Draft {
    /// The buffer with this id.
    ///
    /// # Panics
    /// If there is none.
    pub fn buffer(&self, id: BufferId) -> &Buffer {
        &self.buffers[id]
    }

    /// All steps in order, each with the loop axes around it.
    pub fn steps(&self) -> impl Iterator<Item = (&[Axis], &Step)> {
        self.regions.iter().flat_map(|r| r.steps.iter().map(|s| (&r.loops[..], s)))
    }
}

impl Step {
    /// Scalar multiply-adds of one run: the points of the iteration space where it multiplies, 0 where it only copies or
    /// adds up.
    pub fn flops(&self) -> Count {
        match self.reads.len() {
            0 | 1 => Count::ZERO,
            _ => Count::product(self.axes.iter().map(|a| a.extent as u64)),
        }
    }

    /// Calls `f` with every buffer that the step touches, those of ids included.
    pub fn for_each_buffer(&self, f: &mut impl FnMut(BufferId)) {
        self.reads.iter().chain([&self.write]).for_each(|a| a.for_each_tensor(&mut |b| f(*b)));
    }

    /// Whether the points and the positions of the written buffer, whose extents are given, are one to one: every written
    /// index is a plain axis of the same extent, each axis of the space exactly once.
    pub fn is_map(&self, extents: &[usize]) -> bool {
        let mut seen = AxisSet::default();
        let mut fresh = |a: u32| seen.insert(a);
        let whole = |a: u32, e: usize| self.axes.get(a as usize).is_some_and(|axis| axis.extent == e);
        let indices = &self.write.indices;
        indices.len() == self.axes.len()
            && indices.iter().zip(extents).all(|(i, &e)| i.as_axis().is_some_and(|a| whole(a, e) && fresh(a)))
    }
}
