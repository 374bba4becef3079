//! One step as operations: what its target starts from, and what is then written or added.

use einfold_ir::{Access, Algebra, Axis, BufferId, Dtype, Expr, Form, Mode, Nest, OutOfRange, Step};

use super::Binder;
use super::access::Coverage;
use crate::error::BindError;
use crate::kernels::{self, Kernels, Unary};
use crate::program::{Home, Make, Scalar};

/// A step with what all its operations share.
#[derive(Clone, Copy)]
pub(super) struct Work<'p> {
    pub(super) step: &'p Step,
    /// What each point contributes, where that is not the product of the factors.
    pub(super) expr: Option<&'p Expr>,
    /// The loops of the region.
    pub(super) loops: &'p [Axis],
    /// The dtype of the target.
    pub(super) dtype: Dtype,
    /// What it is computed in.
    pub(super) compute: Dtype,
    /// α in `compute`, if it is an output of which α ⊗ is asked.
    pub(super) alpha: Option<Home>,
    pub(super) coverage: Coverage,
}

/// What a step finds in its target, and leaves there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    /// Each element is written by one point, or holds what it shall where no point comes.
    Write,
    /// As `Write`, with β ⊗ what was there added to it.
    Blend(Home),
    /// The first point of each element writes, the others add.
    Touch,
    /// Every point adds.
    Add,
}

impl Binder<'_> {
    /// Adds the operations of a step; only those that start its target, if the region has no turns.
    pub(super) fn bind_step(&mut self, loops: &[Axis], step: &Step, turns: bool) -> Result<(), BindError> {
        let target = self.plan.buffer(step.write.tensor);
        let compute = step.algebra.accumulator(target.dtype);
        // Ids are looked at even if no place is theirs.
        let ids = step.write.has_ids() || step.reads.iter().any(|read| read.has_ids());
        let none = (target.extents.contains(&0) && !ids) || step.form == Form::Fill;
        let empty = none || !turns || step.axes.iter().any(|a| a.extent == 0);
        self.check_points(step)?;
        let coverage = self.coverage(step);
        let expr = match &step.form {
            Form::Nest(Nest { expr, .. }) => expr.as_deref(),
            Form::Fill | Form::Gemm(_) => None,
        };
        let mut work = Work { step, expr, loops, dtype: target.dtype, compute, alpha: None, coverage };
        let output = self.is_output(step.write.tensor);
        let beta = match self.options.beta {
            Some(beta) if output && step.mode == Mode::Overwrite => Some(self.scalar(Scalar::Beta, beta, work)?),
            _ => None,
        };
        if empty {
            return if step.mode == Mode::Overwrite { self.start(work, beta) } else { Ok(()) };
        }
        if let (true, Some(alpha)) = (output, self.options.alpha) {
            let single = coverage.injective && !coverage.reduces && step.mode == Mode::Overwrite;
            if !single && !step.algebra.laws(compute).distributive {
                return Err(BindError::NotDistributive { algebra: step.algebra.into(), dtype: compute });
            }
            work.alpha = self.scalar(Scalar::Alpha, alpha, work)?;
        }
        let start = self.prepare(work, beta)?;
        match &step.form {
            Form::Gemm(gemm) if coverage.injective => self.product(work, gemm, start),
            _ => self.nest(work, start),
        }
    }

    /// Refuses a step whose points cannot be counted: all loops of its operations have no more, so no product of their extents
    /// overflows, nor one of the extents of a target, of which [`Plan`](einfold_ir::Plan) says so.
    fn check_points(&self, step: &Step) -> Result<(), BindError> {
        let points = step.axes.iter().try_fold(1usize, |n, a| n.checked_mul(a.extent.max(1)));
        let counted = points.is_some_and(|n| isize::try_from(n).is_ok());
        if counted { Ok(()) } else { Err(BindError::TooManyPoints { step: self.step }) }
    }

    /// Decides from what the target starts; fills or scales it where the step does not do so itself.
    fn prepare(&mut self, work: Work<'_>, beta: Option<Option<Home>>) -> Result<Start, BindError> {
        let Coverage { injective, whole, reduces } = work.coverage;
        let single = injective && !reduces;
        let drops = drops(work.step);
        if work.step.mode == Mode::Accumulate {
            return Ok(Start::Add);
        }
        match beta {
            // Only a map has a target of another type; its sum is rounded once.
            Some(Some(beta)) if single && whole && !drops && work.dtype != work.compute => {
                return Ok(Start::Blend(beta));
            }
            None if single && whole && !drops => return Ok(Start::Write),
            None if whole && !drops => return Ok(Start::Touch),
            _ => {}
        }
        self.start(work, beta)?;
        Ok(if single && beta.is_none() { Start::Write } else { Start::Add })
    }

    /// Gives the whole target what it starts from: the identity of ⊕, or β ⊗ what it holds.
    fn start(&mut self, work: Work<'_>, beta: Option<Option<Home>>) -> Result<(), BindError> {
        match beta {
            None => self.fill(work),
            Some(None) => Ok(()),
            Some(Some(beta)) => self.scale(work, beta),
        }
    }

    /// How values of a factor become what a step computes in: none if they are that already.
    pub(super) fn load(&self, work: Work<'_>, access: &Access<BufferId>) -> Result<Option<Unary>, BindError> {
        let from = self.plan.buffer(access.tensor).dtype;
        let conj = access.conj && from.is_complex();
        self.conversion(work, from, work.compute, conj)
    }

    /// The kernel that turns `from` into `to`; none where nothing changes.
    pub(super) fn conversion(
        &self,
        work: Work<'_>,
        from: Dtype,
        to: Dtype,
        conj: bool,
    ) -> Result<Option<Unary>, BindError> {
        if from == to && !conj {
            return Ok(None);
        }
        let user = match work.step.algebra {
            Algebra::User(user) if !conj => self.semiring(user).and_then(|s| match (from, to) {
                pair if pair == (user.element, user.accumulator) => Some(s.lift()),
                pair if pair == (user.accumulator, user.element) => Some(s.finish()),
                _ => None,
            }),
            _ => None,
        };
        let kernel = user.or_else(|| kernels::convert(from, to, conj));
        kernel.map(Some).ok_or_else(|| BindError::Conversion { step: self.step, from: from.into(), to: to.into() })
    }

    pub(super) fn step_kernels(&self, work: Work<'_>) -> Result<Kernels, BindError> {
        self.kernels(work.step.algebra, work.compute)
    }

    /// The identity of ⊕ as a constant of the target's dtype.
    pub(super) fn zero(&mut self, work: Work<'_>) -> Result<Home, BindError> {
        let zero = self.step_kernels(work)?.fill_zero;
        let at = self.constant(work.compute.size(), Make::Fill(zero))?;
        match self.conversion(work, work.compute, work.dtype, false)? {
            None => Ok(Home::Constant(at)),
            Some(convert) => Ok(Home::Constant(self.constant(work.dtype.size(), Make::Convert(at, convert))?)),
        }
    }
}

/// Whether a point may contribute nothing.
fn drops(step: &Step) -> bool {
    fn any(access: &Access<BufferId>) -> bool {
        let mut ids = access.indices.iter().flat_map(|i| i.ids());
        ids.any(|i| i.policy == OutOfRange::Drop || any(&i.access))
    }
    step.reads.iter().chain([&step.write]).any(any)
}
