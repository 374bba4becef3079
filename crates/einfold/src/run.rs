//! The connection between the facade and the executor.

use crate::dynamic::{Arguments, Arrays, CallOptions};
use crate::error::{Error, ErrorKind};
use crate::plan::{Plan, parts};
use crate::scalar::{Element, Scalar};
use einfold_exec as exec;
use einfold_exec::{AnyView, AnyViewMut, BindError, NewArray, Scratch};
use einfold_ir::Algebra;
use smallvec::SmallVec;
use std::cell::RefCell;

impl Plan {
    /// Runs into new arrays.
    pub(crate) fn evaluate(&self, arguments: Arguments<'_>, options: CallOptions<'_>) -> Result<Arrays, Error> {
        let mut arrays = Arrays::new();
        for output in self.outputs() {
            arrays.push(NewArray::new(output.dtype, output.shape, options.order).map_err(BindError::Memory)?);
        }
        // New results count towards the memory limit.
        let taken = self.compiled().memory.outputs as u64;
        self.bound(arguments, options, taken, |ins, options, scratch, control| {
            Ok(exec::evaluate(&self.compiled().plan, ins, &mut arrays, options, scratch, control)?)
        })?;
        Ok(arrays)
    }

    /// Runs, and writes the results to memory of the caller.
    pub(crate) fn evaluate_into(
        &self,
        arguments: Arguments<'_>,
        outs: &mut [AnyViewMut<'_>],
        options: CallOptions<'_>,
    ) -> Result<(), Error> {
        self.bound(arguments, options, 0, |ins, options, scratch, control| {
            Ok(exec::bind(&self.compiled().plan, ins, outs, options, scratch)?.run(control)?)
        })
    }

    /// Calls `go` with the arguments of `bind`. `taken` bytes of the memory limit are already in use.
    fn bound(
        &self,
        arguments: Arguments<'_>,
        options: CallOptions<'_>,
        taken: u64,
        go: impl FnOnce(&[AnyView<'_>], &exec::BindOptions<'_>, &mut Scratch, &exec::Control<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let arranged = self.arrange(arguments)?;
        let arguments = arranged.as_ref().map_or(arguments, |list| list.arguments());
        if let Some(operand) = arguments.conj_mismatch(self.input_types()) {
            let planned = self.input_types()[operand].conj;
            return Err(self.point(ErrorKind::Conj { operand, planned }.into()));
        }
        let settings = &self.expression().settings;
        let CallOptions { alpha, beta, scratch, control, order: _ } = options;
        if (alpha.is_some() || beta.is_some()) && !self.expression().is_scalable() {
            return Err(ErrorKind::NotScalable.into());
        }
        let (alpha, beta) = (self.scalar("alpha", alpha)?, self.scalar("beta", beta)?);
        let (alpha, beta) = (alpha.as_ref().map(Element::view), beta.as_ref().map(Element::view));
        let left = |bytes: u64| usize::try_from(bytes.saturating_sub(taken)).unwrap_or(usize::MAX);
        let options = exec::BindOptions {
            alpha: alpha.as_ref(),
            beta: beta.as_ref(),
            semirings: settings.semiring.as_slice(),
            memory: settings.budget.memory_bytes.map(left),
            ..exec::BindOptions::default()
        };
        let mut all: SmallVec<[AnyView<'_>; 8]> = SmallVec::new();
        let views = match self.has_constants() {
            false => arguments.views(),
            true => {
                all.extend(arguments.views().iter().cloned().chain(self.cached_operands()));
                &all[..]
            }
        };
        let result = match scratch {
            Some(scratch) => go(views, &options, scratch, &control),
            None => with_spare(&self.compiled().plan, |scratch| go(views, &options, scratch, &control)),
        };
        result.map_err(|error| self.point(error))
    }

    /// Converts a scalar of a call to the dtype that it is multiplied in.
    fn scalar(&self, name: &'static str, value: Option<Scalar>) -> Result<Option<Element>, Error> {
        let Some(value) = value else { return Ok(None) };
        let wanted = match (self.expression().settings.options.algebra, self.outputs().next()) {
            (Algebra::User(user), _) => user.element,
            (Algebra::Builtin { .. }, Some(output)) => output.dtype.accumulator(),
            (Algebra::Builtin { .. }, None) => return Ok(None),
        };
        let refused = || BindError::Scalar { name, wanted };
        Ok(Some(value.as_element(wanted).ok_or_else(refused)?))
    }
}

thread_local! {
    /// Scratch memory of calls that do not pass any, each bound to the last plan that used it, the most recent last.
    static SPARE: RefCell<Vec<Box<Scratch>>> = const { RefCell::new(Vec::new()) };
}

/// The number of scratch memories of a thread, and so of plans that can alternate without being bound again.
const SPARES: usize = 8;
/// The largest scratch memory that is reused, in bytes. For larger runs the allocation is a small part of the time.
const MAX_BYTES: usize = 1 << 16;
/// The most [`parts`] of a plan whose bound program is reused; such a program takes about 0.5 MiB.
const MAX_PARTS: usize = 1 << 10;

/// Calls `go` with scratch memory of this thread, preferably with memory that is bound to the plan.
pub(crate) fn with_spare<R>(plan: &einfold_ir::Plan, go: impl FnOnce(&mut Scratch) -> R) -> R {
    let take = |spare: &RefCell<Vec<Box<Scratch>>>| {
        let mut spare = spare.borrow_mut();
        let bound = spare.iter().rposition(|scratch| scratch.is_bound_to(plan));
        match bound {
            Some(at) => Some(spare.remove(at)),
            None if spare.len() < SPARES => None,
            None => Some(spare.remove(0)),
        }
    };
    // The thread-local value may already be destroyed while the thread ends.
    let mut scratch = SPARE.try_with(take).ok().flatten().unwrap_or_default();
    let result = go(&mut scratch);
    if scratch.bytes() <= MAX_BYTES && parts(plan) <= MAX_PARTS {
        _ = SPARE.try_with(|spare| spare.borrow_mut().push(scratch));
    }
    result
}
