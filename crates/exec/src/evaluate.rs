//! Runs a plan once, with output arrays whose memory is uninitialised before the run.

use einfold_ir::Plan;
use smallvec::SmallVec;

use crate::bind::{BindOptions, Scratch, bind};
use crate::control::Control;
use crate::error::{BindError, RunStopped};
use crate::output_array::NewArray;
use crate::view::{AnyView, AnyViewMut};

/// Why [`evaluate`] failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    /// Binding failed: the operands or output arrays do not match the plan, or memory cannot be allocated.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The run stopped: a gather or scatter index is out of range, or the run was cancelled.
    #[error(transparent)]
    Stopped(#[from] RunStopped),
}

/// Binds a plan to its operands and runs it. The run writes every element of the output arrays `outs`, whose memory was
/// not zeroed before; a successful run marks them as initialised.
///
/// # Errors
/// As [`bind`] and [`Bound::run`](crate::Bound::run).
pub fn evaluate(
    plan: &Plan,
    ins: &[AnyView<'_>],
    outs: &mut [NewArray],
    options: &BindOptions<'_>,
    scratch: &mut Scratch,
    control: &Control<'_>,
) -> Result<(), RunError> {
    let mut views: SmallVec<[AnyViewMut<'_>; 1]> = SmallVec::new();
    outs.iter_mut().for_each(|out| views.push(out.view_mut()));
    bind(plan, ins, &mut views, options, scratch)?.run(control)?;
    drop(views);
    // SAFETY: `bind` accepted the views, so they are all outputs of the plan, with their dtypes and extents. A run of a
    // sealed plan that completes writes every element of its outputs, and this run completed.
    outs.iter_mut().for_each(|out| unsafe { out.assume_written() });
    Ok(())
}
