//! Calls through slots: products of converted factors or of more than two, targets of another type, and expressions.

use einfold_ir::{Expr, Plan, PointOp};

use super::Binder;
use super::step::{Start, Work};
use crate::error::BindError;
use crate::program::{ARENA, Call, Code, Place, Span, Stage};

/// Bytes of a slot that are used where an element needs no more: several slots and the operands fit into the innermost cache.
const PART: usize = 8 << 10;
/// The target as it lies.
const TARGET: Place = Place::Operand(0);

/// Which slots are in use while the calls of a stage are made.
#[derive(Debug, Default)]
pub(super) struct Slots {
    count: usize,
    /// Those that may be used again.
    free: Vec<usize>,
    /// Bytes of the largest element in any of them.
    size: usize,
    /// Whether ids displace the rows of operands.
    batched: bool,
    /// Where among all calls those for each part start.
    parts: usize,
}

impl Slots {
    fn clear(&mut self) {
        self.free.clear();
        self.count = 0;
        self.size = 0;
        self.batched = false;
    }

    /// A slot for elements of `size` bytes.
    pub(super) fn take(&mut self, size: usize) -> usize {
        self.size = self.size.max(size);
        self.free.pop().unwrap_or_else(|| {
            self.count += 1;
            self.count - 1
        })
    }

    /// Gives the slot of a value back.
    pub(super) fn release(&mut self, place: Place) {
        if let Place::Slot { slot, .. } | Place::Near { slot, .. } = place {
            self.free.push(slot);
        }
    }
}

/// What a point contributes: a value, times another one if there is one.
type Ends = (Place, Option<Place>);

impl Binder<'_> {
    /// What is done for each point of a step over these operands, the last of which is β if `start` has one. `adds` if the
    /// target is added to; `batched` if the outer loop is one that ids depend on.
    pub(super) fn stage(
        &mut self,
        work: Work<'_>,
        start: Start,
        operands: Span,
        adds: bool,
        batched: bool,
    ) -> Result<Stage, BindError> {
        self.work.slots.clear();
        self.work.slots.batched = batched;
        let beta = matches!(start, Start::Blend(_)).then(|| operands.len - 1);
        let end = beta.unwrap_or(operands.len);
        let once = self.program.calls.len();
        if let Some(expr) = work.expr {
            self.keep_literals(work, expr);
        }
        let once = Span::since(once, &self.program.calls);
        let calls = self.program.calls.len();
        self.work.slots.parts = calls;
        // An expression that only has to be stored has the type of the target already.
        let stored = work.expr.is_some() && start == Start::Write && work.alpha.is_none();
        let ends = match work.expr {
            None if self.direct(work, start) => return self.direct_stage(work, once),
            None => self.factors(work, operands.start, end)?,
            Some(expr) => {
                let value = self.expression(work, expr, if stored { work.dtype } else { work.compute })?;
                (value, work.alpha.map(|_| Place::Operand(end - 1)))
            }
        };
        if stored || work.dtype == work.compute {
            self.write(work, TARGET, ends, adds)?;
        } else {
            self.write_converted(work, ends, adds, beta)?;
        }
        let calls = Span::since(calls, &self.program.calls);
        self.seal(once, calls)
    }

    /// A single factor that is written as it is or converted, in a batch.
    fn direct_stage(&mut self, work: Work<'_>, once: Span) -> Result<Stage, BindError> {
        let calls = self.program.calls.len();
        let read = &work.step.reads[0];
        let from = self.plan.buffer(read.tensor).dtype;
        let place = self.displaced(work, 1);
        match self.conversion(work, from, work.dtype, read.conj && from.is_complex())? {
            None => self.redirect(work.dtype.size(), TARGET, place),
            Some(convert) => self.call(Code::Unary(convert), TARGET, [place; 3]),
        }
        self.seal(once, Span::since(calls, &self.program.calls))
    }

    /// Operand `x`: as it lies or, where ids displace its rows, gathered.
    pub(super) fn displaced(&mut self, work: Work<'_>, x: usize) -> Place {
        let place = Place::Operand(x);
        match work.step.reads.get(x - 1) {
            Some(read) if self.work.slots.batched && read.has_ids() => {
                let size = self.plan.buffer(read.tensor).dtype.size();
                let to = self.slot(size);
                self.call(Code::Gather(size), to, [place; 3]);
                to
            }
            _ => place,
        }
    }

    /// Whether literals are copied to slots: for functions, and for rows that are scattered.
    pub(super) fn keeps_literals(&self, expr: &Expr) -> bool {
        self.work.slots.batched || expr.ops().iter().any(|(op, _)| matches!(op, PointOp::Call(_)))
    }

    /// A target of another type, multiplied by β, which is operand 1.
    pub(super) fn scaling(&mut self, work: Work<'_>) -> Result<Stage, BindError> {
        self.work.slots.clear();
        let calls = self.program.calls.len();
        let to = self.slot(work.compute.size());
        self.load_target(work, to, Some(1))?;
        self.store_target(work, to)?;
        self.seal(Span::default(), Span::since(calls, &self.program.calls))
    }

    /// The product of the operands from 1 to below `end`; ⊗'s identity if there is none. The operands start at `first`.
    fn factors(&mut self, work: Work<'_>, first: usize, end: usize) -> Result<Ends, BindError> {
        let size = work.compute.size();
        if end < 2 {
            let (fill, to) = (self.step_kernels(work)?.fill_one, self.slot(size));
            self.call(Code::Fill(fill), to, [to; 3]);
            return Ok((to, None));
        }
        let mut left = self.factor(work, first, 1);
        for x in 2..end {
            let right = self.factor(work, first, x);
            if x + 1 == end {
                return Ok((left, Some(right)));
            }
            left = self.multiply(work, left, right)?;
        }
        Ok((left, None))
    }

    /// A factor, converted.
    fn factor(&mut self, work: Work<'_>, first: usize, x: usize) -> Place {
        let from = self.displaced(work, x);
        let Some(load) = self.program.operands[first + x].load else { return from };
        let to = self.slot(work.compute.size());
        self.call(Code::Unary(load), to, [from; 3]);
        self.work.slots.release(from);
        to
    }

    /// `left ⊗ right`, whose slots are free afterwards.
    fn multiply(&mut self, work: Work<'_>, left: Place, right: Place) -> Result<Place, BindError> {
        let (mul, to) = (self.step_kernels(work)?.mul, self.slot(work.compute.size()));
        self.call(Code::Binary(mul), to, [left, right, left]);
        self.work.slots.release(left);
        self.work.slots.release(right);
        Ok(to)
    }

    /// Writes or adds what a point contributes.
    fn write(&mut self, work: Work<'_>, to: Place, (left, right): Ends, adds: bool) -> Result<(), BindError> {
        let kernels = self.step_kernels(work)?;
        if to == TARGET && self.work.slots.batched && work.step.write.has_ids() {
            let value = match right {
                None => left,
                Some(right) => self.multiply(work, left, right)?,
            };
            self.call(Code::Scatter(kernels.scatter), TARGET, [value; 3]);
            return Ok(());
        }
        match (right, adds, kernels.fused) {
            (None, false, _) => self.redirect(work.dtype.size(), to, left),
            (None, true, _) => self.call(Code::Unary(kernels.add), to, [left; 3]),
            (Some(right), false, _) => self.call(Code::Binary(kernels.mul), to, [left, right, left]),
            (Some(right), true, Some(fused)) => self.call(Code::Binary(fused.mul_add), to, [left, right, left]),
            (Some(right), true, None) => {
                let product = self.multiply(work, left, right)?;
                self.call(Code::Unary(kernels.add), to, [product; 3]);
            }
        }
        Ok(())
    }

    /// As [`Binder::write`], to a target of another type than what the step is computed in.
    fn write_converted(
        &mut self,
        work: Work<'_>,
        (left, right): Ends,
        adds: bool,
        beta: Option<usize>,
    ) -> Result<(), BindError> {
        if adds || beta.is_some() {
            let to = self.slot(work.compute.size());
            self.load_target(work, to, beta)?;
            self.write(work, to, (left, right), true)?;
            return self.store_target(work, to);
        }
        let value = match right {
            None => left,
            Some(right) => self.multiply(work, left, right)?,
        };
        self.store_target(work, value)
    }

    /// The target as the step computes, times β.
    fn load_target(&mut self, work: Work<'_>, to: Place, beta: Option<usize>) -> Result<(), BindError> {
        if let Some(load) = self.conversion(work, work.dtype, work.compute, false)? {
            self.call(Code::Unary(load), to, [TARGET; 3]);
        }
        if let Some(beta) = beta {
            let scale = self.step_kernels(work)?.scale;
            self.call(Code::Unary(scale), to, [Place::Operand(beta); 3]);
        }
        Ok(())
    }

    fn store_target(&mut self, work: Work<'_>, from: Place) -> Result<(), BindError> {
        if let Some(store) = self.conversion(work, work.compute, work.dtype, false)? {
            self.call(Code::Unary(store), TARGET, [from; 3]);
        }
        Ok(())
    }

    /// Has a value written to `to`: by the call that makes it, if one does, else by a copy. What is made once for all parts stays.
    fn redirect(&mut self, size: usize, to: Place, value: Place) {
        let copy = |value| Call { code: Code::Copy(size), to, from: [value; 3] };
        let parts = self.work.slots.parts;
        let calls = &mut self.program.calls;
        match (calls[parts..].last_mut().filter(|call| call.to == value), value, to) {
            // Functions want neighbours.
            (Some(last @ Call { code: Code::Flat(_), .. }), Place::Slot { slot, size }, Place::Operand(operand)) => {
                last.to = Place::Near { operand, slot, size };
                let near = last.to;
                calls.push(copy(near));
            }
            (Some(last), Place::Slot { .. }, _) => last.to = to,
            _ => calls.push(copy(value)),
        }
    }

    /// A new value in a slot.
    pub(super) fn slot(&mut self, size: usize) -> Place {
        Place::Slot { slot: self.work.slots.take(size), size }
    }

    pub(super) fn call(&mut self, code: Code, to: Place, from: [Place; 3]) {
        self.program.calls.push(Call { code, to, from });
    }

    /// Shares the arena out among the slots.
    fn seal(&mut self, once: Span, calls: Span) -> Result<Stage, BindError> {
        let Slots { count, size, .. } = self.work.slots;
        if count == 0 {
            return Ok(Stage { once, calls, slot: 0, points: usize::MAX });
        }
        let slot = ARENA / count / Plan::ALIGN * Plan::ALIGN;
        if slot < size.max(1) {
            let limit = ARENA / size.max(1).next_multiple_of(Plan::ALIGN);
            return Err(BindError::Expression { step: self.step, values: count, limit });
        }
        Ok(Stage { once, calls, slot, points: slot.min(PART.max(size)) / size.max(1) })
    }
}
