//! Plans kernel calls that pass values through temporaries: products of converted factors or of more than two, targets of
//! another dtype, and pointwise expressions.

use einfold_ir::{Expr, Plan, PointOp};

use super::Binder;
use super::step::{StepContext, TargetInit};
use crate::bound_program::{CallArg, CallKernel, KernelCall, ListRange, TEMPORARY_BYTES, TilePlan};
use crate::error::BindError;

/// Bytes of a temporary if its elements are not larger: several temporaries and the operands then fit the innermost
/// cache.
const PREFERRED_BYTES: usize = 8 << 10;
/// The target as an argument of a call.
const TARGET: CallArg = CallArg::Operand(0);

/// The allocation of temporaries while the calls of a tile plan are appended.
#[derive(Debug, Default)]
pub(super) struct Temporaries {
    /// The number of temporaries, free or not.
    count: usize,
    /// Temporaries that are free.
    free: Vec<usize>,
    /// Bytes of the largest element in any temporary.
    size: usize,
    /// As [`TileMode::batched`].
    batched: bool,
    /// The first call that is made for each part, among all calls.
    first_call: usize,
}

impl Temporaries {
    fn clear(&mut self) {
        self.free.clear();
        self.count = 0;
        self.size = 0;
        self.batched = false;
    }

    /// Allocates a temporary for elements of `size` bytes.
    pub(super) fn take(&mut self, size: usize) -> usize {
        self.size = self.size.max(size);
        self.free.pop().unwrap_or_else(|| {
            self.count += 1;
            self.count - 1
        })
    }

    /// Frees the temporary of a value.
    pub(super) fn release(&mut self, arg: CallArg) {
        if let CallArg::Temporary { temporary, .. } | CallArg::Contiguous { temporary, .. } = arg {
            self.free.push(temporary);
        }
    }
}

/// The properties of a tile that decide which calls compute it.
#[derive(Clone, Copy)]
pub(super) struct TileMode {
    /// Whether the calls add to the target.
    pub(super) adds: bool,
    /// Whether the outer loop of a tile is an index batch: gather and scatter indices displace each of its rows, the
    /// points at one position of the outer loop.
    pub(super) batched: bool,
}

/// What a point adds to the target: a value, or the product of two values.
type Summand = (CallArg, Option<CallArg>);

impl Binder<'_> {
    /// Plans the kernel calls for a tile of a step. `operands` are those of its nest: the target, the reads, literals
    /// and α, and at the end β if `init` is `WriteBeta`.
    pub(super) fn tile_plan(
        &mut self,
        context: StepContext<'_>,
        init: TargetInit,
        operands: ListRange,
        TileMode { adds, batched }: TileMode,
    ) -> Result<TilePlan, BindError> {
        self.lists.temporaries.clear();
        self.lists.temporaries.batched = batched;
        let beta = matches!(init, TargetInit::WriteBeta(_)).then(|| operands.len - 1);
        let end = beta.unwrap_or(operands.len);
        let once = self.program.calls.len();
        if let Some(expr) = context.expr {
            self.keep_literals(context, expr);
        }
        let once = ListRange::since(once, &self.program.calls);
        let calls = self.program.calls.len();
        self.lists.temporaries.first_call = calls;
        // An expression whose value is written as it is has the dtype of the target.
        let stored = context.expr.is_some() && init == TargetInit::Write && context.alpha.is_none();
        let summand = match context.expr {
            None if self.only_converts(context, init) => return self.conversion_tile_plan(context, once),
            None => self.factors(context, operands.start, end)?,
            Some(expr) => {
                let value = self.expression(context, expr, if stored { context.dtype } else { context.compute })?;
                (value, context.alpha.map(|_| CallArg::Operand(end - 1)))
            }
        };
        if stored || context.dtype == context.compute {
            self.write(context, TARGET, summand, adds)?;
        } else {
            self.write_converted(context, summand, adds, beta)?;
        }
        let calls = ListRange::since(calls, &self.program.calls);
        self.finish_tile_plan(once, calls)
    }

    /// Plans the call of a step that only copies or converts its factor ([`Binder::only_converts`]), in an index batch.
    fn conversion_tile_plan(&mut self, context: StepContext<'_>, once: ListRange) -> Result<TilePlan, BindError> {
        let calls = self.program.calls.len();
        let read = &context.step.reads[0];
        let from = self.plan.buffer(read.tensor).dtype;
        let arg = self.displaced(context, 1);
        match self.conversion(context, from, context.dtype, read.conj && from.is_complex())? {
            None => self.redirect(context.dtype.size(), TARGET, arg),
            Some(convert) => self.push_call(CallKernel::Unary(convert), TARGET, [arg; 3]),
        }
        self.finish_tile_plan(once, ListRange::since(calls, &self.program.calls))
    }

    /// Operand `x` as an argument: by its strides or, if gather indices displace its rows, copied to a temporary.
    pub(super) fn displaced(&mut self, context: StepContext<'_>, x: usize) -> CallArg {
        let arg = CallArg::Operand(x);
        match context.step.reads.get(x - 1) {
            Some(read) if self.lists.temporaries.batched && read.has_indirect() => {
                let size = self.plan.buffer(read.tensor).dtype.size();
                let to = self.temporary(size);
                self.push_call(CallKernel::Gather(size), to, [arg; 3]);
                to
            }
            _ => arg,
        }
    }

    /// Whether literals are copied to temporaries: for functions, and in an index batch.
    pub(super) fn keeps_literals(&self, expr: &Expr) -> bool {
        self.lists.temporaries.batched || expr.ops().iter().any(|(op, _)| matches!(op, PointOp::Call(_)))
    }

    /// Plans the calls that multiply a target, whose dtype is not the one that the step computes in, by β, operand 1.
    pub(super) fn scaling(&mut self, context: StepContext<'_>) -> Result<TilePlan, BindError> {
        self.lists.temporaries.clear();
        let calls = self.program.calls.len();
        let to = self.temporary(context.compute.size());
        self.load_target(context, to, Some(1))?;
        self.store_target(context, to)?;
        self.finish_tile_plan(ListRange::default(), ListRange::since(calls, &self.program.calls))
    }

    /// The product of operands 1 to `end - 1`, or the identity of ⊗ if there are none. Operand 0 is `first` among all
    /// operands.
    fn factors(&mut self, context: StepContext<'_>, first: usize, end: usize) -> Result<Summand, BindError> {
        let size = context.compute.size();
        if end < 2 {
            let (fill, to) = (self.step_kernels(context)?.fill_one, self.temporary(size));
            self.push_call(CallKernel::Fill(fill), to, [to; 3]);
            return Ok((to, None));
        }
        let mut left = self.factor(context, first, 1);
        for x in 2..end {
            let right = self.factor(context, first, x);
            if x + 1 == end {
                return Ok((left, Some(right)));
            }
            left = self.multiply(context, left, right)?;
        }
        Ok((left, None))
    }

    /// Operand `x`, a factor, converted to the dtype that the step computes in.
    fn factor(&mut self, context: StepContext<'_>, first: usize, x: usize) -> CallArg {
        let from = self.displaced(context, x);
        let Some(load) = self.program.operands[first + x].load else { return from };
        let to = self.temporary(context.compute.size());
        self.push_call(CallKernel::Unary(load), to, [from; 3]);
        self.lists.temporaries.release(from);
        to
    }

    /// `left ⊗ right`; frees their temporaries.
    fn multiply(&mut self, context: StepContext<'_>, left: CallArg, right: CallArg) -> Result<CallArg, BindError> {
        let (mul, to) = (self.step_kernels(context)?.mul, self.temporary(context.compute.size()));
        self.push_call(CallKernel::Binary(mul), to, [left, right, left]);
        self.lists.temporaries.release(left);
        self.lists.temporaries.release(right);
        Ok(to)
    }

    /// Appends the calls that write a summand to `to`, or add it.
    fn write(
        &mut self,
        context: StepContext<'_>,
        to: CallArg,
        (left, right): Summand,
        adds: bool,
    ) -> Result<(), BindError> {
        let kernels = self.step_kernels(context)?;
        if to == TARGET && self.lists.temporaries.batched && context.step.write.has_indirect() {
            let value = match right {
                None => left,
                Some(right) => self.multiply(context, left, right)?,
            };
            self.push_call(CallKernel::Scatter(kernels.scatter), TARGET, [value; 3]);
            return Ok(());
        }
        match (right, adds, kernels.fused) {
            (None, false, _) => self.redirect(context.dtype.size(), to, left),
            (None, true, _) => self.push_call(CallKernel::Unary(kernels.add), to, [left; 3]),
            (Some(right), false, _) => self.push_call(CallKernel::Binary(kernels.mul), to, [left, right, left]),
            (Some(right), true, Some(fused)) => {
                self.push_call(CallKernel::Binary(fused.mul_add), to, [left, right, left])
            }
            (Some(right), true, None) => {
                let product = self.multiply(context, left, right)?;
                self.push_call(CallKernel::Unary(kernels.add), to, [product; 3]);
            }
        }
        Ok(())
    }

    /// As [`Binder::write`], for a target whose dtype is not the one that the step computes in.
    fn write_converted(
        &mut self,
        context: StepContext<'_>,
        (left, right): Summand,
        adds: bool,
        beta: Option<usize>,
    ) -> Result<(), BindError> {
        if adds || beta.is_some() {
            let to = self.temporary(context.compute.size());
            self.load_target(context, to, beta)?;
            self.write(context, to, (left, right), true)?;
            return self.store_target(context, to);
        }
        let value = match right {
            None => left,
            Some(right) => self.multiply(context, left, right)?,
        };
        self.store_target(context, value)
    }

    /// Appends the calls that load the target into `to` in the dtype that the step computes in, and multiply it by β.
    fn load_target(&mut self, context: StepContext<'_>, to: CallArg, beta: Option<usize>) -> Result<(), BindError> {
        if let Some(load) = self.conversion(context, context.dtype, context.compute, false)? {
            self.push_call(CallKernel::Unary(load), to, [TARGET; 3]);
        }
        if let Some(beta) = beta {
            let scale = self.step_kernels(context)?.scale;
            self.push_call(CallKernel::Unary(scale), to, [CallArg::Operand(beta); 3]);
        }
        Ok(())
    }

    /// Appends the call that converts a value to the dtype of the target and writes it there.
    fn store_target(&mut self, context: StepContext<'_>, from: CallArg) -> Result<(), BindError> {
        if let Some(store) = self.conversion(context, context.compute, context.dtype, false)? {
            self.push_call(CallKernel::Unary(store), TARGET, [from; 3]);
        }
        Ok(())
    }

    /// Writes a value to `to`: changes the target of the call that computes it, if that is the last call of a part;
    /// otherwise appends a copy. A value that is computed once per tile keeps its temporary.
    fn redirect(&mut self, size: usize, to: CallArg, value: CallArg) {
        let copy = |value| KernelCall { kernel: CallKernel::Copy(size), to, from: [value; 3] };
        let first = self.lists.temporaries.first_call;
        let calls = &mut self.program.calls;
        match (calls[first..].last_mut().filter(|call| call.to == value), value, to) {
            // Functions need contiguous elements.
            (
                Some(last @ KernelCall { kernel: CallKernel::Contiguous(_), .. }),
                CallArg::Temporary { temporary, size },
                CallArg::Operand(operand),
            ) => {
                last.to = CallArg::Contiguous { operand, temporary, size };
                let contiguous = last.to;
                calls.push(copy(contiguous));
            }
            (Some(last), CallArg::Temporary { .. }, _) => last.to = to,
            _ => calls.push(copy(value)),
        }
    }

    /// Allocates a temporary for a value.
    pub(super) fn temporary(&mut self, size: usize) -> CallArg {
        CallArg::Temporary { temporary: self.lists.temporaries.take(size), size }
    }

    /// Appends a kernel call.
    pub(super) fn push_call(&mut self, kernel: CallKernel, to: CallArg, from: [CallArg; 3]) {
        self.program.calls.push(KernelCall { kernel, to, from });
    }

    /// The plan of these calls: divides the memory among the temporaries, which limits the points of a part.
    fn finish_tile_plan(&mut self, once: ListRange, calls: ListRange) -> Result<TilePlan, BindError> {
        let Temporaries { count, size, .. } = self.lists.temporaries;
        if count == 0 {
            return Ok(TilePlan { once, calls, temporary_bytes: 0, points: usize::MAX });
        }
        let temporary_bytes = TEMPORARY_BYTES / count / Plan::ALIGN * Plan::ALIGN;
        if temporary_bytes < size.max(1) {
            let limit = TEMPORARY_BYTES / size.max(1).next_multiple_of(Plan::ALIGN);
            return Err(BindError::Expression { step: self.step, values: count, limit });
        }
        Ok(TilePlan {
            once,
            calls,
            temporary_bytes,
            points: temporary_bytes.min(PREFERRED_BYTES.max(size)) / size.max(1),
        })
    }
}
