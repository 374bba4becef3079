//! From a plan and real arrays to a program of operations: the one proof that a run stays inside its memory.
//!
//! `docs/unsafe.md` has the argument. In short: a [`Plan`](einfold_ir::Plan) is verified, so positions without ids are inside
//! the extents of their buffers; the views have exactly those extents, and a view says that every position inside its
//! extents is an element; so every address made of positions and strides is one. Ids are checked when they are read.

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
mod program_key;
mod region;
mod scalar;
mod scatter_chunks;
mod split_reduction;
mod step;
mod tile_plan;

use program_key::Key;
pub(crate) use tile_plan::TEMPORARY_BYTES;

use einfold_ir::{Algebra, BufferId, Dtype, Fold, Groups, Loops, Place, Plan, UserAlgebra};

use crate::bound_program::{BaseAddress, BoundProgram, ChunkedAxis, Constant, ConstantSource, Ptr};
use crate::error::BindError;
use crate::kernels::{self, Isa, Kernels, UserSemiring};
use crate::memory::AlignedMemory;
use crate::run::Bound;
use crate::view::{AnyView, AnyViewMut};

/// The largest element that a semiring's kernels can stage, in bytes.
pub(crate) const MAX_ELEMENT_BYTES: usize = 16 << 10;

/// What a caller may ask for at [`bind`].
#[derive(Clone, Copy, Debug, Default)]
pub struct BindOptions<'a> {
    /// α in `out = α ⊗ e ⊕ β ⊗ out`: a tensor without axes, converted to the dtype an output is computed in.
    pub alpha: Option<&'a AnyView<'a>>,
    /// β. Without it an output is never read.
    pub beta: Option<&'a AnyView<'a>>,
    /// The user's semirings that the plan names.
    pub semirings: &'a [UserSemiring],
    /// The most bytes of scratch memory that may be used, packed matrices included, constants not.
    pub memory: Option<usize>,
    /// The instruction set, instead of the best.
    pub isa: Option<Isa>,
}

/// Memory that runs use again, and the program that the last call was bound to: a call of the same plan with the same
/// strides and options only changes its addresses. Once warm, binding and running on one thread allocates nothing.
#[derive(Debug, Default)]
pub struct Scratch {
    memory: AlignedMemory,
    program: BoundProgram,
    areas: Areas,
    /// What `program` was bound for; none where that failed.
    bound: Option<Key>,
    lists: BindLists,
}

impl Scratch {
    /// No memory yet.
    pub fn new() -> Scratch {
        Scratch::default()
    }

    /// Bytes that are held for intermediates, packed matrices and constants.
    pub fn bytes(&self) -> usize {
        self.memory.len()
    }

    /// Whether the last call was one of this plan, so that another one is quick.
    pub fn is_bound_to(&self, plan: &Plan) -> bool {
        self.bound.as_ref().is_some_and(|key| key.plan() == plan.id())
    }
}

/// Lists that only `bind` needs, kept for their memory.
#[derive(Debug, Default)]
struct BindLists {
    /// Of every buffer, where its strides start in `strides`.
    starts: Vec<usize>,
    /// Strides of all buffers in bytes.
    strides: Vec<isize>,
    /// The loops of the nest at hand that no id depends on.
    loops: Loops,
    /// Memory for a second list of loops.
    spare: Loops,
    /// The loops that ids depend on.
    indexed: Loops,
    /// The axis of each loop in `indexed`.
    indexed_axes: Vec<usize>,
    /// For each axis the outer loop that it is, if ids depend on it and it has more than one position.
    loop_of_axis: Vec<Option<usize>>,
    /// The axis of which the nest at hand runs a part in chunks.
    chunks: Option<scatter_chunks::ScatterChunks>,
    /// The loops of that axis, and the axis.
    chunked: Option<(usize, ChunkedAxis)>,
    /// Written strides and extents, for `Coverage`.
    spans: Vec<(usize, usize)>,
    groups: Groups,
    fold: Fold,
    /// The values of an expression that wait for their function.
    values: Vec<expr::PendingValue>,
    temporaries: tile_plan::Temporaries,
}

/// Binds `plan` to its operands and outputs. Everything that can go wrong does so here, but for bad ids and cancellation.
///
/// # Errors
/// [`BindError`]: operands that are not those of the plan, an unsupported algebra or conversion, memory.
pub fn bind<'b>(
    plan: &'b Plan,
    ins: &'b [AnyView<'_>],
    outs: &'b mut [AnyViewMut<'_>],
    options: &BindOptions<'_>,
    scratch: &'b mut Scratch,
) -> Result<Bound<'b>, BindError> {
    check_operands::check(plan, ins, outs, options)?;
    let isa = match options.isa {
        Some(isa) => isa,
        None => Isa::chosen()?,
    };
    let key = Key::new(plan, options, isa);
    if key.is_none() || scratch.bound != key || !program_key::same_strides(plan, &scratch.lists, ins, outs) {
        // A program that is bound half way is none.
        scratch.bound = None;
        scratch.bind(plan, ins, outs, options, isa)?;
        scratch.bound = key;
    }
    let Scratch { memory, program, areas, .. } = scratch;
    let base = memory.ensure(areas.total())?.as_mut_ptr().cast();
    relocate(program, *areas, base, ins, outs, options);
    Ok(Bound::new(plan, program))
}

impl Scratch {
    /// Makes the program, without any address of an operand or an output.
    fn bind(
        &mut self,
        plan: &Plan,
        ins: &[AnyView<'_>],
        outs: &[AnyViewMut<'_>],
        options: &BindOptions<'_>,
        isa: Isa,
    ) -> Result<(), BindError> {
        let Scratch { program, lists, .. } = self;
        program.clear();
        let mut binder = Binder {
            plan,
            options,
            isa,
            program,
            lists,
            step: 0,
            partitions: 1,
            packed: 0,
            most_packed: 0,
            kernel_bytes: 0,
            max_kernel_bytes: 0,
            constants: 0,
        };
        binder.note_kernel_memory();
        binder.lay_out(ins, outs);
        for (region, depths) in plan.regions.iter().zip(plan.depths()) {
            binder.region(region, depths)?;
        }
        binder.set_kernel_allowance()?;
        self.areas = Areas { planned: plan.scratch, packed: binder.most_packed, constants: binder.constants };
        Ok(())
    }
}

/// How scratch memory is shared out.
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

    /// Where `home` starts in scratch memory.
    fn at(self, base: BaseAddress) -> Option<usize> {
        let packed = self.planned.next_multiple_of(Plan::ALIGN);
        match base {
            BaseAddress::Input(_) | BaseAddress::Output(_) => None,
            BaseAddress::Planned { at, .. } => Some(at),
            BaseAddress::Packed(at) => Some(packed + at),
            BaseAddress::Constant(at) => Some(packed + self.packed + at),
        }
    }
}

/// Gives every operand its address and makes the constants: all of a program that depends on addresses.
fn relocate(
    program: &mut BoundProgram,
    areas: Areas,
    base: *mut u8,
    ins: &[AnyView<'_>],
    outs: &mut [AnyViewMut<'_>],
    options: &BindOptions<'_>,
) {
    for operand in &mut program.operands {
        let start = match (operand.base, areas.at(operand.base)) {
            (_, Some(at)) => base.wrapping_add(at),
            (BaseAddress::Input(k), _) => ins[k].ptr().cast_mut(),
            (BaseAddress::Output(k), _) => outs[k].ptr(),
            (BaseAddress::Planned { .. } | BaseAddress::Packed(_) | BaseAddress::Constant(_), None) => base,
        };
        operand.ptr = Ptr(start.wrapping_offset(operand.offset));
    }
    let at = |at: usize| base.wrapping_add(areas.at(BaseAddress::Constant(at)).unwrap_or(0));
    for constant in &program.constants {
        scalar::write_constant(constant, options, at);
    }
}

/// The state of `bind`.
struct Binder<'b> {
    plan: &'b Plan,
    options: &'b BindOptions<'b>,
    isa: Isa,
    program: &'b mut BoundProgram,
    lists: &'b mut BindLists,
    /// The step at hand, counted through all regions.
    step: usize,
    /// How many lanes the region at hand has.
    partitions: usize,
    /// Bytes packed by the step at hand.
    packed: usize,
    /// The most that any step packs, in all lanes.
    most_packed: usize,
    /// The most bytes that a call of a kernel allocates, of the region at hand.
    kernel_bytes: usize,
    /// Those that a call of any product of the plan may allocate.
    max_kernel_bytes: usize,
    /// Bytes of constants.
    constants: usize,
}

impl Binder<'_> {
    /// Room for `bytes` for this step: where it is among what the step packs.
    fn pack(&mut self, bytes: Option<usize>) -> Result<usize, BindError> {
        let at = self.packed;
        let end = bytes.and_then(|n| at.checked_add(n)?.checked_next_multiple_of(Plan::ALIGN));
        self.packed = end.ok_or_else(|| self.overflow())?;
        Ok(at)
    }

    /// A new constant.
    fn constant(&mut self, size: usize, source: ConstantSource) -> Result<usize, BindError> {
        let at = self.constants;
        let end = at.checked_add(size).and_then(|n| n.checked_next_multiple_of(Plan::ALIGN));
        self.constants = end.ok_or_else(|| self.overflow())?;
        self.program.constants.push(Constant { at, source });
        Ok(at)
    }

    /// More bytes than can be counted.
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

    /// The caller's semiring that the plan speaks of.
    fn semiring(&self, user: UserAlgebra) -> Option<&UserSemiring> {
        self.options.semirings.iter().find(|s| s.algebra() == user)
    }

    fn is_output(&self, buffer: BufferId) -> bool {
        matches!(self.plan.buffer(buffer).place, Place::Output(_))
    }
}
