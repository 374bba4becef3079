//! Binds a plan to arrays: from accesses, views and scratch memory to the operations of a bound program. This is the one
//! proof that a run stays inside its memory.
//!
//! `docs/unsafe.md` has the argument. In short: a [`Plan`](einfold_ir::Plan) is verified, so positions without indirect
//! terms are inside the extents of their buffers; `bind` checks that the views have exactly those extents; and every
//! position inside the extents of a view is an element. So every address computed from positions and strides is that of
//! an element. Gather and scatter indices are checked when they are read.

mod access;
mod check_operands;
mod compensated_sum;
mod expr;
mod gemm;
mod grid;
mod index_batch;
mod indirect;
mod loop_order;
mod nest;
mod product;
mod program_key;
mod region;
mod scalar;
mod scatter_chunks;
mod small;
mod split_product;
mod split_reduction;
mod step;
mod tile_plan;

use program_key::{BoundViews, Key};

use einfold_ir::{Algebra, BufferId, Dtype, Plan, Storage, StridedAxis, UserAlgebra};

use crate::bound_program::{
    BaseAddress, BoundProgram, ChunkedAxis, Constant, ConstantSource, MAX_ELEMENT_BYTES, Op, Ptr,
};
use crate::error::BindError;
use crate::kernels::{self, Fused, Isa, Kernels, UserSemiring};
use crate::loops::Loops;
use crate::memory::AlignedMemory;
use crate::run::Bound;
use crate::view::{AnyView, AnyViewMut};

/// Options of [`bind`].
#[derive(Clone, Copy, Debug, Default)]
pub struct BindOptions<'a> {
    /// α in `out = α ⊗ e ⊕ β ⊗ out`: a tensor of rank 0, converted to the dtype that the output is computed in.
    pub alpha: Option<&'a AnyView<'a>>,
    /// β. Without it no output is read.
    pub beta: Option<&'a AnyView<'a>>,
    /// The user's semirings that the plan uses.
    pub semirings: &'a [UserSemiring],
    /// The limit on scratch memory in bytes, with packed matrices and without constants.
    pub memory: Option<usize>,
    /// The instruction set; the best one of the CPU if `None`.
    pub isa: Option<Isa>,
}

/// Memory that runs reuse, and the program of the last call: a call of the same plan with the same strides and options
/// only sets addresses. After the first run, binding and running on one thread allocates nothing.
#[derive(Debug, Default)]
pub struct Scratch {
    memory: AlignedMemory,
    program: BoundProgram,
    areas: Areas,
    /// The key that `program` was bound for; `None` after an error, or if the program cannot be reused.
    bound: Option<Key>,
    /// The views that `program` was bound for.
    views: BoundViews,
    lists: BindLists,
}

impl Scratch {
    /// Scratch that holds no memory.
    pub fn new() -> Scratch {
        Scratch::default()
    }

    /// Bytes held for intermediates, packed matrices and constants.
    pub fn bytes(&self) -> usize {
        self.memory.len()
    }

    /// Whether the last call was of this plan, so that another one binds quickly.
    pub fn is_bound_to(&self, plan: &Plan) -> bool {
        self.bound.as_ref().is_some_and(|key| key.plan() == plan.id())
    }
}

/// Lists that only `bind` needs, kept for their memory.
#[derive(Debug, Default)]
struct BindLists {
    /// For each buffer the start of its strides in `strides`.
    starts: Vec<usize>,
    /// Strides of all buffers in bytes.
    strides: Vec<isize>,
    /// The loops of the current nest that no indirect position depends on.
    loops: Loops,
    /// Memory for a second list of loops.
    spare: Loops,
    /// The loops of the current nest that indirect positions depend on.
    indexed: Loops,
    /// The axis of each loop in `indexed`.
    indexed_axes: Vec<usize>,
    /// For each axis its outer loop, if indirect positions depend on it and it has more than one position.
    loop_of_axis: Vec<Option<usize>>,
    /// The part of an axis that the current nest runs in chunks.
    chunks: Option<scatter_chunks::ScatterChunks>,
    /// The chunked axis and its loops.
    chunked: Option<(usize, ChunkedAxis)>,
    /// Strides and extents of the written positions, for `Coverage`.
    strided: Vec<StridedAxis<()>>,
    groups: gemm::Groups,
    /// The stack of values of an expression.
    values: Vec<expr::PendingValue>,
    temporaries: tile_plan::Temporaries,
}

/// Binds `plan` to its operands and outputs. All errors occur here, except gather and scatter indices out of range and a
/// cancellation.
///
/// # Errors
/// [`BindError`]: the operands or outputs do not match the plan, an algebra or conversion is unsupported, or memory is
/// short.
pub fn bind<'b>(
    plan: &'b Plan,
    ins: &'b [AnyView<'_>],
    outs: &'b mut [AnyViewMut<'_>],
    options: &BindOptions<'_>,
    scratch: &'b mut Scratch,
) -> Result<Bound<'b>, BindError> {
    let isa = match options.isa {
        Some(isa) => isa,
        None => Isa::chosen()?,
    };
    let known = scratch.bound.as_ref().is_some_and(|key| key.matches(plan, options, isa));
    if known && scratch.views.equal(ins, outs) {
        check_operands::check_init(outs, options)?;
    } else {
        scratch.bind(plan, ins, outs, options, isa)?;
    }
    let Scratch { memory, program, areas, .. } = scratch;
    let base = memory.ensure(areas.total())?.as_mut_ptr().cast();
    relocate(program, *areas, base, ins, outs, options);
    Ok(Bound::new(plan, program))
}

impl Scratch {
    /// Checks the operands and outputs, and binds the program without their addresses.
    #[inline(never)]
    fn bind(
        &mut self,
        plan: &Plan,
        ins: &[AnyView<'_>],
        outs: &[AnyViewMut<'_>],
        options: &BindOptions<'_>,
        isa: Isa,
    ) -> Result<(), BindError> {
        check_operands::check(plan, ins, outs, options)?;
        // An error leaves an incomplete program.
        self.bound = None;
        let mut binder = self.binder(plan, options, isa);
        let whole = plan.product().filter(|_| options.alpha.is_none() && options.beta.is_none());
        let bound = whole.map_or(Ok(false), |step| binder.small_step(step, ins, outs))?;
        self.areas = if bound { Areas::default() } else { binder.regions(ins, outs)? };
        self.views.set(ins, outs);
        self.bound = Key::new(plan, options, isa);
        Ok(())
    }

    /// Binds each step of a plan by itself to arrays of the planned layouts, and calls `see` with the operations that it
    /// appended to the program.
    pub(crate) fn schedule(
        &mut self,
        plan: &Plan,
        options: &BindOptions<'_>,
        mut see: impl FnMut(Result<&[Op], BindError>, &BoundProgram),
    ) {
        // The schedule is that of the portable kernels, so that it is the same on every CPU.
        let mut binder = self.binder(plan, options, Isa::PORTABLE);
        binder.store_strides(|_| None);
        for region in &plan.regions {
            let has_iterations = region.loops.iter().all(|axis| axis.extent > 0);
            for step in &region.steps {
                let first = binder.program.ops.len();
                let bound = binder.bind_step(&region.loops, step, has_iterations);
                see(bound.map(|()| &binder.program.ops[first..]), binder.program);
                binder.packed = 0;
            }
        }
    }

    /// A binder with an empty program.
    fn binder<'b>(&'b mut self, plan: &'b Plan, options: &'b BindOptions<'b>, isa: Isa) -> Binder<'b> {
        let Scratch { program, lists, .. } = self;
        program.clear();
        Binder { plan, options, isa, program, lists, step: 0, partitions: 1, packed: 0, most_packed: 0, constants: 0 }
    }
}

/// The areas of scratch memory, in bytes.
#[derive(Clone, Copy, Debug, Default)]
struct Areas {
    planned: usize,
    packed: usize,
    constants: usize,
}

impl Areas {
    fn total(self) -> usize {
        let planned = self.planned.checked_next_multiple_of(Plan::ALIGN);
        planned
            .and_then(|n| n.checked_add(self.packed))
            .and_then(|n| n.checked_add(self.constants))
            .unwrap_or(usize::MAX)
    }

    /// The first bytes of scratch memory of the packed matrices and of the constants.
    fn starts(self) -> [usize; 2] {
        let packed = self.planned.next_multiple_of(Plan::ALIGN);
        [packed, packed + self.packed]
    }
}

/// Sets the address of every operand and computes the constants: everything in a program that depends on addresses.
fn relocate(
    program: &mut BoundProgram,
    areas: Areas,
    base: *mut u8,
    ins: &[AnyView<'_>],
    outs: &mut [AnyViewMut<'_>],
    options: &BindOptions<'_>,
) {
    let [packed, constants] = areas.starts();
    for operand in &mut program.operands {
        let start = match operand.base {
            BaseAddress::Input(k) => ins[k].ptr().cast_mut(),
            BaseAddress::Output(k) => outs[k].ptr(),
            BaseAddress::Planned { at, .. } => base.wrapping_add(at),
            BaseAddress::Packed(at) => base.wrapping_add(packed + at),
            BaseAddress::Constant(at) => base.wrapping_add(constants + at),
        };
        operand.ptr = Ptr(start.wrapping_offset(operand.offset));
    }
    for constant in &program.constants {
        scalar::write_constant(constant, options, |at| base.wrapping_add(constants + at));
    }
}

/// The state of `bind`.
struct Binder<'b> {
    plan: &'b Plan,
    options: &'b BindOptions<'b>,
    isa: Isa,
    program: &'b mut BoundProgram,
    lists: &'b mut BindLists,
    /// The number of the current step, counted through all regions.
    step: usize,
    /// The number of partitions of the current region.
    partitions: usize,
    /// Bytes packed by the current step.
    packed: usize,
    /// The largest number of bytes that a step packs, in all partitions.
    most_packed: usize,
    /// Bytes of all constants.
    constants: usize,
}

impl Binder<'_> {
    /// Reserves `bytes` of packed memory for the current step, and returns their start.
    fn pack(&mut self, bytes: Option<usize>) -> Result<usize, BindError> {
        let at = self.packed;
        let end = bytes.and_then(|n| at.checked_add(n)?.checked_next_multiple_of(Plan::ALIGN));
        self.packed = end.ok_or_else(|| self.overflow())?;
        Ok(at)
    }

    /// Reserves memory for a constant, and returns its start.
    fn constant(&mut self, size: usize, source: ConstantSource) -> Result<usize, BindError> {
        let at = self.constants;
        let end = at.checked_add(size).and_then(|n| n.checked_next_multiple_of(Plan::ALIGN));
        self.constants = end.ok_or_else(|| self.overflow())?;
        self.program.constants.push(Constant { at, source });
        Ok(at)
    }

    /// The error for a number of bytes that overflows.
    fn overflow(&self) -> BindError {
        let limit = self.options.memory.unwrap_or(isize::MAX as usize);
        BindError::TooLarge { step: self.step, bytes: usize::MAX, limit }
    }

    /// The kernels that compute `algebra` in `dtype`.
    fn kernels(&self, algebra: Algebra, dtype: Dtype) -> Result<Kernels, BindError> {
        let found = match algebra {
            Algebra::User(user) => {
                self.semiring(user).filter(|_| user.accumulator == dtype).map(|s| s.kernels(self.isa))
            }
            Algebra::Builtin { .. } => kernels::builtin(algebra, dtype, self.isa),
        };
        let fits = dtype.size() <= MAX_ELEMENT_BYTES && dtype.align() <= Plan::ALIGN;
        let unsupported = || BindError::Unsupported { step: self.step, algebra: algebra.into(), dtype };
        found.filter(|_| fits).ok_or_else(unsupported)
    }

    /// The fused kernels of `algebra` in `dtype`, if it has some.
    fn fused(&self, algebra: Algebra, dtype: Dtype) -> Result<Option<Fused>, BindError> {
        match algebra {
            Algebra::Builtin { add, mul } => Ok(kernels::fused(add, mul, dtype, self.isa)),
            Algebra::User(_) => Ok(self.kernels(algebra, dtype)?.fused),
        }
    }

    /// The caller's semiring for an algebra of the plan.
    fn semiring(&self, user: UserAlgebra) -> Option<&UserSemiring> {
        self.options.semirings.iter().find(|s| s.algebra() == user)
    }

    fn is_output(&self, buffer: BufferId) -> bool {
        matches!(self.plan.buffer(buffer).storage, Storage::Output(_))
    }
}
