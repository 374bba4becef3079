//! Binds one step: the initialisation of its target, then the operation that writes or adds.

use einfold_ir::{Access, Algebra, Axis, BufferId, Dtype, Expr, Form, OutOfRange, Step, WriteMode};

use super::Binder;
use super::access::Coverage;
use crate::bound_program::{BaseAddress, ConstantSource, Scalar};
use crate::error::BindError;
use crate::kernels::{self, Kernels, UnaryFn};

/// A step and the facts that its operations share.
#[derive(Clone, Copy)]
pub(super) struct StepContext<'p> {
    pub(super) step: &'p Step,
    /// The pointwise expression, if the step is not a product of its factors.
    pub(super) expr: Option<&'p Expr>,
    /// The loops of the region.
    pub(super) loops: &'p [Axis],
    /// The dtype of the target.
    pub(super) dtype: Dtype,
    /// The dtype that the step computes in.
    pub(super) compute: Dtype,
    /// α in the dtype `compute`, if the target is an output that is multiplied by α.
    pub(super) alpha: Option<BaseAddress>,
    pub(super) coverage: Coverage,
    /// Whether any position has an indirect term.
    pub(super) indirect: bool,
}

/// How the target of a step is initialised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TargetInit {
    /// Each element is written by one point, or was filled before if no point writes it.
    Write,
    /// As `Write`, and the point adds β ⊗ the value that the element had.
    WriteBeta(BaseAddress),
    /// The first point of each element writes, the others add.
    WriteFirst,
    /// Every point adds.
    Accumulate,
}

impl Binder<'_> {
    /// Appends the operations of a step; only the initialisation of its target if the region has no iterations.
    pub(super) fn bind_step(&mut self, loops: &[Axis], step: &Step, has_iterations: bool) -> Result<(), BindError> {
        let target = self.plan.buffer(step.write.tensor);
        let compute = step.algebra.accumulator(target.dtype);
        // Gather and scatter indices are checked even if the target has no elements.
        let indirect = step.write.has_indirect() || step.reads.iter().any(Access::has_indirect);
        let none = (target.extents.contains(&0) && !indirect) || matches!(step.form, Form::Fill);
        let empty = none || !has_iterations || step.axes.iter().any(|a| a.extent == 0);
        self.check_points(step)?;
        let coverage = self.coverage(step);
        let expr = match &step.form {
            Form::Nest(expr) => expr.as_deref(),
            Form::Fill | Form::Gemm(_) => None,
        };
        let mut context =
            StepContext { step, expr, loops, dtype: target.dtype, compute, alpha: None, coverage, indirect };
        let output = self.is_output(step.write.tensor);
        let beta = match self.options.beta {
            Some(beta) if output && step.mode == WriteMode::Overwrite => {
                Some(self.scalar(Scalar::Beta, beta, context)?)
            }
            _ => None,
        };
        if empty {
            return if step.mode == WriteMode::Overwrite { self.initialize(context, beta) } else { Ok(()) };
        }
        if let (true, Some(alpha)) = (output, self.options.alpha) {
            let single = coverage.injective && !coverage.reduces && step.mode == WriteMode::Overwrite;
            if !single && !step.algebra.laws(compute).distributive {
                return Err(BindError::NotDistributive { algebra: step.algebra.into(), dtype: compute });
            }
            context.alpha = self.scalar(Scalar::Alpha, alpha, context)?;
        }
        let init = self.prepare(context, beta)?;
        if self.small_product(context, init)? {
            return Ok(());
        }
        match &step.form {
            Form::Gemm(gemm) if coverage.injective => self.gemm(context, gemm, init),
            _ => self.nest(context, init),
        }
    }

    /// Checks that the number of points of a step fits `isize`. The loops of its operations have no more points, so no
    /// product of their extents overflows; for the extents of a target, [`Plan`](einfold_ir::Plan) guarantees the same.
    fn check_points(&self, step: &Step) -> Result<(), BindError> {
        let points = step.axes.iter().try_fold(1usize, |n, a| n.checked_mul(a.extent.max(1)));
        let counted = points.is_some_and(|n| isize::try_from(n).is_ok());
        if counted { Ok(()) } else { Err(BindError::TooManyPoints { step: self.step }) }
    }

    /// Chooses the initialisation of the target, and fills or scales it if the step does not do so itself.
    fn prepare(
        &mut self,
        context: StepContext<'_>,
        beta: Option<Option<BaseAddress>>,
    ) -> Result<TargetInit, BindError> {
        let Coverage { injective, whole, reduces } = context.coverage;
        let single = injective && !reduces;
        let drops = context.indirect && drops(context.step);
        if context.step.mode == WriteMode::Accumulate {
            return Ok(TargetInit::Accumulate);
        }
        match beta {
            // Only a step without reduction has a target of another dtype; its sum with β is rounded once.
            Some(Some(beta)) if single && whole && !drops && context.dtype != context.compute => {
                return Ok(TargetInit::WriteBeta(beta));
            }
            None if single && whole && !drops => return Ok(TargetInit::Write),
            None if whole && !drops => return Ok(TargetInit::WriteFirst),
            _ => {}
        }
        self.initialize(context, beta)?;
        Ok(if single && beta.is_none() { TargetInit::Write } else { TargetInit::Accumulate })
    }

    /// Initialises the whole target: to the identity of ⊕, or to β ⊗ its values.
    fn initialize(&mut self, context: StepContext<'_>, beta: Option<Option<BaseAddress>>) -> Result<(), BindError> {
        match beta {
            None => self.fill(context),
            Some(None) => Ok(()),
            Some(Some(beta)) => self.scale(context, beta),
        }
    }

    /// The conversion of a factor to the dtype that the step computes in; `None` if it has that dtype.
    #[inline]
    pub(super) fn load(
        &self,
        context: StepContext<'_>,
        access: &Access<BufferId>,
    ) -> Result<Option<UnaryFn>, BindError> {
        let from = self.plan.buffer(access.tensor).dtype;
        let conj = access.conj && from.is_complex();
        if from == context.compute && !conj {
            return Ok(None);
        }
        self.conversion(context, from, context.compute, conj)
    }

    /// The kernel that converts `from` to `to`; `None` if there is nothing to convert.
    pub(super) fn conversion(
        &self,
        context: StepContext<'_>,
        from: Dtype,
        to: Dtype,
        conj: bool,
    ) -> Result<Option<UnaryFn>, BindError> {
        if from == to && !conj {
            return Ok(None);
        }
        let user = match context.step.algebra {
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

    pub(super) fn step_kernels(&self, context: StepContext<'_>) -> Result<Kernels, BindError> {
        self.kernels(context.step.algebra, context.compute)
    }

    /// The identity of ⊕ as a constant of the dtype of the target.
    pub(super) fn zero(&mut self, context: StepContext<'_>) -> Result<BaseAddress, BindError> {
        let zero = self.step_kernels(context)?.fill_zero;
        let at = self.constant(context.compute.size(), ConstantSource::Fill(zero))?;
        match self.conversion(context, context.compute, context.dtype, false)? {
            None => Ok(BaseAddress::Constant(at)),
            Some(convert) => {
                Ok(BaseAddress::Constant(self.constant(context.dtype.size(), ConstantSource::Convert(at, convert))?))
            }
        }
    }
}

/// Whether an out-of-range index may drop a point.
fn drops(step: &Step) -> bool {
    fn any(access: &Access<BufferId>) -> bool {
        let mut ids = access.indices.iter().flat_map(|i| i.indirect());
        ids.any(|i| i.policy == OutOfRange::Drop || any(&i.access))
    }
    step.reads.iter().chain([&step.write]).any(any)
}
