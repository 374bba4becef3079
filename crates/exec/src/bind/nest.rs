//! Strided nests: the operands, what the kernel does, and in which order the loops run.

use einfold_ir::{AxisRef, Form};

use super::Binder;
use super::place::Freedom;
use super::step::{Start, Work};
use crate::error::BindError;
use crate::kernels::Kernels;
use crate::program::{Action, Home, Make, Nest, Op, Span};

/// What is done at the first position of the reduced loops, and at the others.
#[derive(Clone, Copy)]
pub(super) struct Actions {
    pub(super) first: Action,
    pub(super) rest: Action,
}

impl Actions {
    fn always(action: Action) -> Actions {
        Actions { first: action, rest: action }
    }

    /// One that writes and one that adds, where `start` has them.
    fn of(write: Action, add: Action, start: Start) -> Actions {
        match start {
            Start::Write | Start::Blend(_) => Actions::always(write),
            Start::Touch => Actions { first: write, rest: add },
            Start::Add => Actions::always(add),
        }
    }

    /// A single factor, of elements of `size` bytes.
    pub(super) fn sum(kernels: &Kernels, size: usize, start: Start) -> Actions {
        Actions::of(Action::Copy(size), Action::Unary(kernels.add), start)
    }
}

impl Binder<'_> {
    /// A step as a nest over its factors, α among them.
    pub(super) fn nest(&mut self, work: Work<'_>, start: Start) -> Result<(), BindError> {
        let first = self.program.operands.len();
        self.push_access(&work.step.write, work.loops, None);
        for read in &work.step.reads {
            // A direct conversion needs no detour through what the step is computed in, and an expression reads by itself.
            let load = if work.expr.is_some() || self.direct(work, start) { None } else { self.load(work, read)? };
            self.push_access(read, work.loops, load);
        }
        if let Some(expr) = work.expr {
            self.push_literals(work, expr)?;
        }
        if let Some(alpha) = work.alpha {
            self.push_home(alpha, work.loops);
        }
        if work.expr.is_none() && work.step.reads.is_empty() && work.alpha.is_none() && start != Start::Write {
            let one = self.step_kernels(work)?.fill_one;
            let one = Home::Constant(self.constant(work.compute.size(), Make::Fill(one))?);
            self.push_home(one, work.loops);
        }
        if let Start::Blend(beta) = start {
            self.push_home(beta, work.loops);
        }
        let operands = Span::since(first, &self.program.operands);
        self.gather_loops(work, operands);
        let (ordered, merged) = match &work.step.form {
            Form::Nest(nest) => (nest.ordered, !nest.merged.is_empty()),
            Form::Gemm(_) | Form::Fill => (true, true),
        };
        let split = work.coverage.injective;
        self.push_step(work, operands, Freedom { ordered, merged, split }, start)
    }

    /// Whether a single factor is copied or converted into the target, and nothing else.
    pub(super) fn direct(&self, work: Work<'_>, start: Start) -> bool {
        start == Start::Write && work.step.reads.len() == 1 && work.alpha.is_none() && work.expr.is_none()
    }

    /// The loops of a step over `operands`: those that ids depend on apart from the others.
    pub(super) fn gather_loops(&mut self, work: Work<'_>, operands: Span) {
        let mut loops = std::mem::take(&mut self.work.loops);
        let mut indexed = std::mem::take(&mut self.work.indexed);
        loops.reset(operands.len);
        indexed.reset(operands.len);
        self.work.indexed_axes.clear();
        for (axis, a) in work.step.axes.iter().enumerate().filter(|(_, a)| a.extent != 1) {
            let own = AxisRef::Own(axis as u32);
            let accesses = [&work.step.write].into_iter().chain(&work.step.reads);
            let depends = accesses.clone().any(|x| super::ids::depend(x, own));
            // Operands beyond the accesses are scalars.
            let strides = accesses.map(|x| self.stride(x, own)).chain(std::iter::repeat(0)).take(operands.len);
            match self.work.chunks.filter(|chunks| chunks.axis == axis) {
                Some(chunks) => {
                    let apart = strides.clone().skip(1).map(|s| s.wrapping_mul(chunks.len as isize));
                    if chunks.count > 1 {
                        indexed.push(chunks.count, [chunks.slot as isize].into_iter().chain(apart));
                    }
                    indexed.push(chunks.len, strides);
                    self.work.indexed_axes.extend(std::iter::repeat_n(axis, 1 + usize::from(chunks.count > 1)));
                }
                None if depends => {
                    indexed.push(a.extent, strides);
                    self.work.indexed_axes.push(axis);
                }
                None => loops.push(a.extent, strides),
            }
        }
        self.work.loops = loops;
        self.work.indexed = indexed;
    }

    /// What is done to the target of a step that starts with `start`.
    pub(super) fn actions(&mut self, work: Work<'_>, start: Start, operands: Span) -> Result<Actions, BindError> {
        if self.direct(work, start) {
            let read = &work.step.reads[0];
            let from = self.plan.buffer(read.tensor).dtype;
            let convert = self.conversion(work, from, work.dtype, read.conj && from.is_complex())?;
            return Ok(Actions::always(convert.map_or(Action::Copy(work.dtype.size()), Action::Unary)));
        }
        let kernels = self.step_kernels(work)?;
        let factors = operands.len - 1;
        let loads = self.program.operands[operands.range()].iter().any(|o| o.load.is_some());
        // What only multiplies needs no kernel that adds as well.
        let fused = match kernels.fused {
            Some(fused) => Some(Action::Binary(fused.mul_add)),
            None => (start == Start::Write).then_some(Action::Binary(kernels.mul)),
        };
        let direct = factors < 2 || (factors == 2 && fused.is_some());
        if work.expr.is_some() || loads || work.dtype != work.compute || !direct {
            let adds = start == Start::Add;
            let first = Action::Staged(self.stage(work, start, operands, adds, false)?);
            let rest = match start {
                Start::Touch => Action::Staged(self.stage(work, start, operands, true, false)?),
                _ => first,
            };
            return Ok(Actions { first, rest });
        }
        Ok(match factors {
            0 => Actions::always(Action::Fill(kernels.fill_one)),
            1 => Actions::sum(&kernels, work.compute.size(), start),
            _ => Actions::of(Action::Binary(kernels.mul), fused.unwrap_or(Action::Binary(kernels.mul)), start),
        })
    }

    /// Writes the identity of ⊕ to the whole target.
    pub(super) fn fill(&mut self, work: Work<'_>) -> Result<(), BindError> {
        if work.dtype == work.compute {
            let fill = Action::Fill(self.step_kernels(work)?.fill_zero);
            return self.over_target(work, &[], Actions::always(fill));
        }
        let zero = self.zero(work)?;
        self.over_target(work, &[zero], Actions::always(Action::Copy(work.dtype.size())))
    }

    /// Multiplies the whole target by β.
    pub(super) fn scale(&mut self, work: Work<'_>, beta: Home) -> Result<(), BindError> {
        if work.dtype == work.compute {
            let scale = Action::Unary(self.step_kernels(work)?.scale);
            return self.over_target(work, &[beta], Actions::always(scale));
        }
        let scale = Action::Staged(self.scaling(work)?);
        self.over_target(work, &[beta], Actions::always(scale))
    }

    /// A nest over every element of the target, and over scalars.
    fn over_target(&mut self, work: Work<'_>, scalars: &[Home], actions: Actions) -> Result<(), BindError> {
        let buffer = work.step.write.tensor;
        let extents = &self.plan.buffer(buffer).extents;
        if extents.contains(&0) {
            return Ok(());
        }
        let first = self.program.operands.len();
        self.push_home(self.home(buffer), work.loops);
        scalars.iter().for_each(|&home| {
            self.push_home(home, work.loops);
        });
        let operands = Span::since(first, &self.program.operands);
        self.work.loops.reset(operands.len);
        for (dim, &extent) in extents.iter().enumerate() {
            let stride = self.buffer_stride(buffer, dim);
            self.work.loops.push(extent, [stride].into_iter().chain(std::iter::repeat(0)).take(operands.len));
        }
        self.push_plain(work, operands, actions)
    }

    /// A nest over `work.loops` that touches every element of its target once, in any order.
    pub(super) fn push_plain(&mut self, work: Work<'_>, operands: Span, actions: Actions) -> Result<(), BindError> {
        self.work.indexed.reset(operands.len);
        self.work.indexed_axes.clear();
        self.arrange(Freedom::ALL);
        self.push_nest(work, operands, Freedom::ALL, actions, None)
    }

    /// A nest over `work.loops`, which are arranged, and, around them, `work.indexed`; `own` if it is the step itself and no preparation of it.
    pub(super) fn push_nest(
        &mut self,
        work: Work<'_>,
        operands: Span,
        freedom: Freedom,
        actions: Actions,
        own: Option<Start>,
    ) -> Result<(), BindError> {
        let loops = self.place_loops(operands, freedom);
        let inner = loops.kept + loops.reduced;
        let sizes = &self.program.sizes[loops.sizes.range()];
        let sums = |l: usize| sizes[l] > 1 && self.program.strides[loops.strides + l * operands.len] == 0;
        // Where a kernel itself reduces, its target is cleared first.
        let (clear, first) = if own == Some(Start::Touch) && (sums(inner) || sums(inner + 1)) {
            (Some(self.step_kernels(work)?.fill_zero), actions.rest)
        } else {
            (None, actions.first)
        };
        let grid = self.grid(loops, freedom.split, work.dtype.size());
        self.program.points = self.program.points.saturating_add(grid.points);
        let ids = if own.is_some() { self.bind_ids(work, loops)? } else { Span::default() };
        let carry = match own {
            Some(start) => self.carry(work, start)?,
            None => None,
        };
        let strip = self.strip(loops, grid, freedom.split, actions, carry.is_some());
        let mut nest = Nest { loops, grid, strip, clear, first, rest: actions.rest, ids, batch: None, sums: None };
        if let (Some(start), 1..) = (own, ids.len) {
            nest.batch = self.batch(work, start, freedom, &nest)?;
        }
        if let Some(carry) = carry {
            self.sums(work, carry, freedom.split, &mut nest)?;
        }
        self.program.ops.push(Op::Nest(nest));
        Ok(())
    }
}
