//! Running into new arrays.

use einfold_ir::Plan;
use smallvec::SmallVec;

use crate::bind::{BindOptions, Scratch, bind};
use crate::control::Control;
use crate::error::{BindError, RunStopped};
use crate::output_array::NewArray;
use crate::view::{AnyView, AnyViewMut};

/// Why [`evaluate`] did not come to its end.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    /// The plan does not fit the operands, or memory is short.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The run stopped.
    #[error(transparent)]
    Stopped(#[from] RunStopped),
}

/// Binds a plan to its operands and runs it into new arrays, whose memory is never zeroed first. Afterwards they have values.
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
    let mut views: SmallVec<[AnyViewMut<'_>; 1]> = outs.iter_mut().map(NewArray::view_mut).collect();
    bind(plan, ins, &mut views, options, scratch)?.run(control)?;
    drop(views);
    // SAFETY: `bind` accepted the views, so they are all outputs of the plan, with their dtypes and extents. A plan that is
    // sealed writes every element of its outputs, and the run came to its end.
    outs.iter_mut().for_each(|out| unsafe { out.assume_written() });
    Ok(())
}
