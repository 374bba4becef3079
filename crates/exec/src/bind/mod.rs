//! From a plan and real arrays to a program of operations: the one proof that a run stays inside its memory.
//!
//! `docs/unsafe.md` has the argument. In short: a [`Plan`](einfold_ir::Plan) is verified, so positions without ids are inside
//! the extents of their buffers; the views have exactly those extents, and a view says that every position inside its
//! extents is an element; so every address made of positions and strides is one. Ids are checked when they are read.

mod access;
mod batch;
mod expr;
mod grid;
mod ids;
mod nest;
mod partial;
mod place;
mod ports;
mod product;
mod region;
mod remembered;
mod scalar;
mod scattered;
mod stage;
mod step;
mod sums;

use remembered::Key;
pub(crate) use stage::ARENA;

use einfold_ir::{Algebra, BufferId, Dtype, Fold, Groups, Loops, Place, Plan, UserAlgebra};

use crate::error::BindError;
use crate::kernels::{self, Isa, Kernels, UserSemiring};
use crate::memory::AlignedMemory;
use crate::program::{Constant, Cut, Home, Make, Program, Ptr};
use crate::run::Bound;
use crate::view::{AnyView, AnyViewMut};

/// The largest element that a semiring's kernels can stage, in bytes.
pub(crate) const STAGE: usize = 16 << 10;

/// What a caller may ask for at [`bind`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Options<'a> {
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
    program: Program,
    areas: Areas,
    /// What `program` was bound for; none where that failed.
    bound: Option<Key>,
    work: Work,
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
struct Work {
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
    places: Vec<Option<usize>>,
    /// The axis of which the nest at hand runs a part in chunks.
    chunks: Option<scattered::Chunks>,
    /// The loops of that axis, and the axis.
    cut: Option<(usize, Cut)>,
    /// Written strides and extents, for `Coverage`.
    spans: Vec<(usize, usize)>,
    groups: Groups,
    fold: Fold,
    /// The values of an expression that wait for their function.
    values: Vec<expr::Value>,
    slots: stage::Slots,
}

/// Binds `plan` to its operands and outputs. Everything that can go wrong does so here, but for bad ids and cancellation.
///
/// # Errors
/// [`BindError`]: operands that are not those of the plan, an unsupported algebra or conversion, memory.
pub fn bind<'b>(
    plan: &'b Plan,
    ins: &'b [AnyView<'_>],
    outs: &'b mut [AnyViewMut<'_>],
    options: &Options<'_>,
    scratch: &'b mut Scratch,
) -> Result<Bound<'b>, BindError> {
    ports::check(plan, ins, outs, options)?;
    let isa = match options.isa {
        Some(isa) => isa,
        None => Isa::chosen()?,
    };
    let key = Key::new(plan, options, isa);
    if key.is_none() || scratch.bound != key || !remembered::same_strides(plan, &scratch.work, ins, outs) {
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
        options: &Options<'_>,
        isa: Isa,
    ) -> Result<(), BindError> {
        let Scratch { program, work, .. } = self;
        program.clear();
        let mut binder = Binder {
            plan,
            options,
            isa,
            program,
            work,
            step: 0,
            lanes: 1,
            packed: 0,
            most_packed: 0,
            kernels: 0,
            reserved: 0,
            constants: 0,
        };
        binder.reserve();
        binder.lay_out(ins, outs);
        for (region, depths) in plan.regions.iter().zip(plan.depths()) {
            binder.region(region, depths)?;
        }
        binder.leave()?;
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
    fn at(self, home: Home) -> Option<usize> {
        let packed = self.planned.next_multiple_of(Plan::ALIGN);
        match home {
            Home::Input(_) | Home::Output(_) => None,
            Home::Planned { at, .. } => Some(at),
            Home::Packed(at) => Some(packed + at),
            Home::Constant(at) => Some(packed + self.packed + at),
        }
    }
}

/// Gives every operand its address and makes the constants: all of a program that depends on addresses.
fn relocate(
    program: &mut Program,
    areas: Areas,
    base: *mut u8,
    ins: &[AnyView<'_>],
    outs: &mut [AnyViewMut<'_>],
    options: &Options<'_>,
) {
    for operand in &mut program.operands {
        let start = match (operand.home, areas.at(operand.home)) {
            (_, Some(at)) => base.wrapping_add(at),
            (Home::Input(k), _) => ins[k].ptr().cast_mut(),
            (Home::Output(k), _) => outs[k].ptr(),
            (Home::Planned { .. } | Home::Packed(_) | Home::Constant(_), None) => base,
        };
        operand.ptr = Ptr(start.wrapping_offset(operand.offset));
    }
    let at = |at: usize| base.wrapping_add(areas.at(Home::Constant(at)).unwrap_or(0));
    for constant in &program.constants {
        scalar::make(constant, options, at);
    }
}

/// The state of `bind`.
struct Binder<'b> {
    plan: &'b Plan,
    options: &'b Options<'b>,
    isa: Isa,
    program: &'b mut Program,
    work: &'b mut Work,
    /// The step at hand, counted through all regions.
    step: usize,
    /// How many lanes the region at hand has.
    lanes: usize,
    /// Bytes packed by the step at hand.
    packed: usize,
    /// The most that any step packs, in all lanes.
    most_packed: usize,
    /// The most bytes that a call of a kernel allocates, of the region at hand.
    kernels: usize,
    /// Those that a call of any product of the plan may allocate.
    reserved: usize,
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
    fn constant(&mut self, size: usize, make: Make) -> Result<usize, BindError> {
        let at = self.constants;
        let end = at.checked_add(size).and_then(|n| n.checked_next_multiple_of(Plan::ALIGN));
        self.constants = end.ok_or_else(|| self.overflow())?;
        self.program.constants.push(Constant { at, make });
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
        let fits = dtype.size() <= STAGE && dtype.align() <= Plan::ALIGN;
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
