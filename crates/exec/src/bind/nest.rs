//! Binds nests: their operands, the kernel, and the order of their loops.

use einfold_ir::AxisRef;

use super::Binder;
use super::loop_order::inner_loops;
use super::step::{StepContext, TargetInit};
use super::tile_plan::TileMode;
use crate::bound_program::{BaseAddress, BoundNest, ConstantSource, ListRange, Op, TileAction};
use crate::error::BindError;
use crate::kernels::{BinaryFn, Fused, Kernels};
use crate::loops::product;

/// The actions of a nest on its tiles: at the first position of the reduced loops, and at the others.
#[derive(Clone, Copy)]
pub(super) struct Actions {
    pub(super) first: TileAction,
    pub(super) rest: TileAction,
}

impl Actions {
    /// The same action at all positions.
    fn always(action: TileAction) -> Actions {
        Actions { first: action, rest: action }
    }

    /// The actions for an initialisation of the target, of an action that writes and one that adds.
    fn of(write: TileAction, add: TileAction, init: TargetInit) -> Actions {
        match init {
            TargetInit::Write | TargetInit::WriteBeta(_) => Actions::always(write),
            TargetInit::WriteFirst => Actions { first: write, rest: add },
            TargetInit::Accumulate => Actions::always(add),
        }
    }

    /// The actions that write or add a single factor of elements of `size` bytes.
    pub(super) fn sum(kernels: &Kernels, size: usize, init: TargetInit) -> Actions {
        Actions::of(TileAction::Copy(size), TileAction::Unary(kernels.add), init)
    }
}

impl Binder<'_> {
    /// Appends a step as a nest over its factors and α, whose target is initialised by `init`.
    pub(super) fn nest(&mut self, context: StepContext<'_>, init: TargetInit) -> Result<(), BindError> {
        let first = self.program.operands.len();
        self.push_access(&context.step.write, context.loops, None);
        for read in &context.step.reads {
            // A direct conversion does not go through the dtype that the step computes in, and an expression converts its
            // reads itself.
            let converts = context.expr.is_some() || self.only_converts(context, init);
            let load = if converts { None } else { self.load(context, read)? };
            self.push_access(read, context.loops, load);
        }
        if let Some(expr) = context.expr {
            self.push_literals(context, expr)?;
        }
        if let Some(alpha) = context.alpha {
            self.push_base(alpha, context.loops);
        }
        // A step without factors contributes the identity of ⊗. An action that writes it needs no operand.
        if context.expr.is_none()
            && context.step.reads.is_empty()
            && context.alpha.is_none()
            && init != TargetInit::Write
        {
            let one = self.step_kernels(context)?.fill_one;
            let one = BaseAddress::Constant(self.constant(context.compute.size(), ConstantSource::Fill(one))?);
            self.push_base(one, context.loops);
        }
        if let TargetInit::WriteBeta(beta) = init {
            self.push_base(beta, context.loops);
        }
        let operands = ListRange::since(first, &self.program.operands);
        self.collect_loops(context, operands);
        self.push_step(context, operands, init)
    }

    /// Whether the step only copies or converts a single factor into its target.
    pub(super) fn only_converts(&self, context: StepContext<'_>, init: TargetInit) -> bool {
        init == TargetInit::Write && context.step.reads.len() == 1 && context.alpha.is_none() && context.expr.is_none()
    }

    /// Collects the loops of a step over `operands` in `BindLists::loops`, or in `BindLists::indexed` if indirect terms
    /// depend on them. The axis of the scatter chunks becomes a loop over chunks and a loop inside a chunk.
    pub(super) fn collect_loops(&mut self, context: StepContext<'_>, operands: ListRange) {
        let mut loops = std::mem::take(&mut self.lists.loops);
        let mut indexed = std::mem::take(&mut self.lists.indexed);
        loops.reset(operands.len);
        indexed.reset(operands.len);
        self.lists.indexed_axes.clear();
        for (axis, a) in context.step.axes.iter().enumerate().filter(|(_, a)| a.extent != 1) {
            let own = AxisRef::Own(axis as u32);
            let accesses = [&context.step.write].into_iter().chain(&context.step.reads);
            let depends = accesses.clone().any(|access| super::indirect::depends(access, own));
            // Operands after the accesses are scalars.
            let strides =
                accesses.map(|access| self.stride(access, own)).chain(std::iter::repeat(0)).take(operands.len);
            match self.lists.chunks.filter(|chunks| chunks.axis == axis) {
                Some(chunks) => {
                    let chunk_strides = strides.clone().skip(1).map(|s| s.wrapping_mul(chunks.len as isize));
                    if chunks.count > 1 {
                        indexed.push(chunks.count, [chunks.copy_bytes as isize].into_iter().chain(chunk_strides));
                    }
                    indexed.push(chunks.len, strides);
                    self.lists.indexed_axes.extend(std::iter::repeat_n(axis, 1 + usize::from(chunks.count > 1)));
                }
                None if depends => {
                    indexed.push(a.extent, strides);
                    self.lists.indexed_axes.push(axis);
                }
                None => loops.push(a.extent, strides),
            }
        }
        self.lists.loops = loops;
        self.lists.indexed = indexed;
    }

    /// The actions of a step over `operands` with this initialisation of its target.
    pub(super) fn actions(
        &mut self,
        context: StepContext<'_>,
        init: TargetInit,
        operands: ListRange,
    ) -> Result<Actions, BindError> {
        if self.only_converts(context, init) {
            let read = &context.step.reads[0];
            let from = self.plan.buffer(read.tensor).dtype;
            let convert = self.conversion(context, from, context.dtype, read.conj && from.is_complex())?;
            return Ok(Actions::always(convert.map_or(TileAction::Copy(context.dtype.size()), TileAction::Unary)));
        }
        let kernels = self.step_kernels(context)?;
        let factors = operands.len - 1;
        let loads = self.program.operands[operands.range()].iter().any(|o| o.load.is_some());
        // An action that only multiplies needs no fused kernel.
        let fused = match kernels.fused {
            Some(fused) => Some(TileAction::Binary(self.dots(context, fused).unwrap_or(fused.mul_add))),
            None => (init == TargetInit::Write).then_some(TileAction::Binary(kernels.mul)),
        };
        let has_kernel = factors < 2 || (factors == 2 && fused.is_some());
        if context.expr.is_some() || loads || context.dtype != context.compute || !has_kernel {
            let mut with_temporaries = |adds| {
                let mode = TileMode { adds, batched: false };
                self.tile_plan(context, init, operands, mode).map(TileAction::WithTemporaries)
            };
            let first = with_temporaries(init == TargetInit::Accumulate)?;
            let rest = if init == TargetInit::WriteFirst { with_temporaries(true)? } else { first };
            return Ok(Actions { first, rest });
        }
        Ok(match factors {
            0 => Actions::always(TileAction::Fill(kernels.fill_one)),
            1 => Actions::sum(&kernels, context.compute.size(), init),
            _ => {
                let mul = TileAction::Binary(self.streamed_rows(context, init, &kernels).unwrap_or(kernels.mul));
                Actions::of(mul, fused.unwrap_or(mul), init)
            }
        })
    }

    /// The kernel that writes products of two factors past the caches, if the target is too large for them and a row of it is
    /// a contiguous row of one factor times one number of the other.
    fn streamed_rows(&self, context: StepContext<'_>, init: TargetInit, kernels: &Kernels) -> Option<BinaryFn> {
        let kernel = kernels.fused?.gemm?.streamed_rows?;
        let loops = &self.lists.loops;
        let row = loops.strides(loops.len().checked_sub(1)?);
        let size = context.compute.size() as isize;
        let scaled = row == [size, size, 0] || row == [size, 0, size];
        let bytes = product(&[loops.points(), context.compute.size()]) as u64;
        let once = init == TargetInit::Write && !context.indirect;
        (once && scaled && bytes >= self.plan.machine.far_bytes()).then_some(kernel)
    }

    /// The kernel that multiplies several rows at a time, if there are that many elements of the target next to each other that
    /// are products of two long rows.
    fn dots(&self, context: StepContext<'_>, fused: Fused) -> Option<BinaryFn> {
        const LONG: usize = 64;
        const SEVERAL: usize = 8;
        let kernel = fused.gemm?.dots?;
        let loops = &self.lists.loops;
        let [Some(outer), Some(inner)] = inner_loops(loops, context.coverage.injective) else { return None };
        let size = context.compute.size() as isize;
        let rows = loops.strides(inner) == [0, size, size] && loops.extents()[inner] >= LONG;
        (rows && loops.strides(outer)[0] != 0 && loops.extents()[outer] >= SEVERAL).then_some(kernel)
    }

    /// Appends a nest that writes the identity of ⊕ to the whole target.
    pub(super) fn fill(&mut self, context: StepContext<'_>) -> Result<(), BindError> {
        if context.dtype == context.compute {
            let fill = TileAction::Fill(self.step_kernels(context)?.fill_zero);
            return self.over_target(context, &[], Actions::always(fill));
        }
        let identity = self.zero(context)?;
        self.over_target(context, &[identity], Actions::always(TileAction::Copy(context.dtype.size())))
    }

    /// Appends a nest that multiplies the whole target by β.
    pub(super) fn scale(&mut self, context: StepContext<'_>, beta: BaseAddress) -> Result<(), BindError> {
        if context.dtype == context.compute {
            let scale = TileAction::Unary(self.step_kernels(context)?.scale);
            return self.over_target(context, &[beta], Actions::always(scale));
        }
        let scale = TileAction::WithTemporaries(self.scaling(context)?);
        self.over_target(context, &[beta], Actions::always(scale))
    }

    /// Appends a nest over all elements of the target with the operands at the base addresses `scalars`; none if the
    /// target has no elements.
    fn over_target(
        &mut self,
        context: StepContext<'_>,
        scalars: &[BaseAddress],
        actions: Actions,
    ) -> Result<(), BindError> {
        let buffer = context.step.write.tensor;
        let extents = &self.plan.buffer(buffer).extents;
        if extents.contains(&0) {
            return Ok(());
        }
        let first = self.program.operands.len();
        self.push_base(self.base(buffer), context.loops);
        scalars.iter().for_each(|&base| {
            self.push_base(base, context.loops);
        });
        let operands = ListRange::since(first, &self.program.operands);
        self.lists.loops.reset(operands.len);
        for (dim, &extent) in extents.iter().enumerate() {
            let stride = self.buffer_stride(buffer, dim);
            self.lists.loops.push(extent, [stride].into_iter().chain(std::iter::repeat(0)).take(operands.len));
        }
        self.push_plain(context, operands, actions)
    }

    /// Appends a nest over the collected loops in which each point writes its own element, so that they may run in any
    /// order.
    pub(super) fn push_plain(
        &mut self,
        context: StepContext<'_>,
        operands: ListRange,
        actions: Actions,
    ) -> Result<(), BindError> {
        self.lists.indexed.reset(operands.len);
        self.lists.indexed_axes.clear();
        self.arrange();
        self.push_nest(context, operands, actions, None)
    }

    /// Appends a nest over the collected loops, already ordered, inside the loops that indirect terms depend on.
    /// `step_init` is the initialisation of the target if the nest computes the step; it is `None` if the nest runs
    /// before or after it.
    pub(super) fn push_nest(
        &mut self,
        context: StepContext<'_>,
        operands: ListRange,
        actions: Actions,
        step_init: Option<TargetInit>,
    ) -> Result<(), BindError> {
        // A nest before or after the step visits each element of its target once.
        let may_split = step_init.is_none() || context.coverage.injective;
        let loops = self.order_loops(operands, may_split);
        let kernel_loop = loops.kept + loops.reduced;
        let extents = &self.program.extents[loops.extents.range()];
        let reduces = |l: usize| extents[l] > 1 && self.program.strides[loops.strides + l * operands.len] == 0;
        // A kernel that itself reduces adds to its target, so the target is cleared first.
        let (clear, first) =
            if step_init == Some(TargetInit::WriteFirst) && (reduces(kernel_loop) || reduces(kernel_loop + 1)) {
                (Some(self.step_kernels(context)?.fill_zero), actions.rest)
            } else {
                (None, actions.first)
            };
        let grid = self.grid(loops, may_split, context.dtype.size());
        self.program.points = self.program.points.saturating_add(grid.points);
        let index_ops = if step_init.is_some() { self.bind_indices(context, loops)? } else { ListRange::default() };
        let compensate = match step_init {
            Some(init) => self.compensate_kernel(context, init)?,
            None => None,
        };
        let strip = self.strip(loops, grid, may_split, actions, compensate.is_some());
        let mut nest = BoundNest {
            loops,
            grid,
            strip,
            clear,
            first,
            rest: actions.rest,
            index_ops,
            index_batch: None,
            compensated: None,
        };
        if let (Some(init), 1..) = (step_init, index_ops.len) {
            nest.index_batch = self.index_batch(context, init, &nest)?;
        }
        if let Some(kernel) = compensate {
            self.compensate(context, kernel, may_split, &mut nest)?;
        }
        self.program.ops.push(Op::Nest(nest));
        Ok(())
    }
}
