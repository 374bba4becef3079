//! Runs plans: the connection to the executor.

use crate::arguments::{ArgumentList, Arguments};
use crate::error::{Error, ErrorKind};
use crate::output::Arrays;
use crate::plan::Plan;
use crate::scalar::{Element, Scalar};
use crate::scratch::with_spare;
use einfold_exec as exec;
use einfold_exec::{AnyView, AnyViewMut, BindError, CachedOperand, Control, MemoryOrder, NewArray, Scratch};
use einfold_ir::Algebra;
use smallvec::SmallVec;

/// The options of a call; [`Call`](crate::Call) has a method for each.
#[derive(Debug, Default)]
pub struct CallOptions<'a> {
    /// The factor of the value.
    pub alpha: Option<Scalar>,
    /// The factor of the previous values of the outputs.
    pub beta: Option<Scalar>,
    /// Memory for intermediates that calls reuse. Without it the call uses memory of earlier calls of its thread.
    pub scratch: Option<&'a mut Scratch>,
    /// Cancellation flag, progress callback, thread limit.
    pub control: Control<'a>,
    /// The memory order of new arrays.
    pub order: MemoryOrder,
}

/// Runs a plan into new arrays, as [`Call::run`](crate::Call::run).
///
/// # Errors
/// As [`Plan::run`], except for the errors about the type of the result.
pub fn call(plan: &Plan, arguments: Arguments<'_>, options: CallOptions<'_>) -> Result<Arrays, Error> {
    let compiled = plan.compiled();
    let mut arrays = Arrays::new();
    for (dtype, extents) in compiled.plan.output_types() {
        arrays.push(NewArray::new(dtype, extents, options.order).map_err(BindError::Memory)?);
    }
    // New results count towards the memory limit.
    run(plan, arguments, options, compiled.memory.outputs as u64, |views, options, scratch, control| {
        Ok(exec::evaluate(&compiled.plan, views, &mut arrays, options, scratch, control)?)
    })?;
    Ok(arrays)
}

/// Runs a plan and writes the results to memory of the caller, as [`Call::into`](crate::Call::into).
///
/// # Errors
/// As [`Call::into`](crate::Call::into).
pub fn call_into(
    plan: &Plan,
    arguments: Arguments<'_>,
    outs: &mut [AnyViewMut<'_>],
    options: CallOptions<'_>,
) -> Result<(), Error> {
    run(plan, arguments, options, 0, |views, options, scratch, control| {
        Ok(exec::bind(&plan.compiled().plan, views, outs, options, scratch)?.run(control)?)
    })
}

/// Calls `execute` with the arguments of `bind`. `taken` bytes of the memory limit are already in use.
fn run(
    plan: &Plan,
    arguments: Arguments<'_>,
    options: CallOptions<'_>,
    taken: u64,
    execute: impl FnOnce(&[AnyView<'_>], &exec::BindOptions<'_>, &mut Scratch, &Control<'_>) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut list = None;
    let arguments = match arguments.has_names() {
        true => plan.0.arrange(arguments, list.insert(ArgumentList::default()))?,
        false => arguments,
    };
    let (expected, found) = (plan.input_types().len(), arguments.views().len());
    if expected != found {
        return Err(plan.0.point(BindError::Operands { expected, found }.into()));
    }
    arguments.check_conj(plan.input_types()).map_err(|error| plan.0.point(error))?;
    let settings = &plan.expression().settings;
    let CallOptions { alpha, beta, scratch, control, order: _ } = options;
    let (alpha, beta) = match (alpha, beta) {
        (None, None) => (None, None),
        _ if !plan.expression().is_scalable() => return Err(ErrorKind::NotScalable.into()),
        (alpha, beta) => (factor(plan, "alpha", alpha)?, factor(plan, "beta", beta)?),
    };
    let (mut alpha_view, mut beta_view) = (None, None);
    let left = |bytes: u64| usize::try_from(bytes.saturating_sub(taken)).unwrap_or(usize::MAX);
    let options = exec::BindOptions {
        alpha: alpha.as_ref().map(|alpha| &*alpha_view.insert(alpha.view())),
        beta: beta.as_ref().map(|beta| &*beta_view.insert(beta.view())),
        semirings: settings.semiring.as_slice(),
        memory: settings.budget.memory_bytes.map(left),
        ..exec::BindOptions::default()
    };
    let all: SmallVec<[AnyView<'_>; 12]>;
    let views = match &plan.0.cached[..] {
        [] => arguments.views(),
        cached => {
            all = arguments.views().iter().cloned().chain(cached.iter().map(CachedOperand::view)).collect();
            &all[..]
        }
    };
    let result = match scratch {
        Some(scratch) => execute(views, &options, scratch, &control),
        None => with_spare(&plan.compiled().plan, |scratch| execute(views, &options, scratch, &control)),
    };
    result.map_err(|error| plan.0.point(error))
}

/// Converts a factor of a call to the dtype that it is multiplied in.
fn factor(plan: &Plan, name: &'static str, value: Option<Scalar>) -> Result<Option<Element>, Error> {
    let Some(value) = value else { return Ok(None) };
    let wanted = match (plan.expression().settings.options.algebra, plan.outputs().next()) {
        (Algebra::User(user), _) => user.element,
        (Algebra::Builtin { .. }, Some(output)) => output.dtype.accumulator(),
        (Algebra::Builtin { .. }, None) => return Ok(None),
    };
    Ok(Some(value.as_element(wanted).ok_or(BindError::Scalar { name, wanted })?))
}
