//! Running into a new array.

use einfold_ir::Plan;
use ndarray::ArrayD;

use crate::bind::{Options, Scratch, bind};
use crate::control::Control;
use crate::element::Element;
use crate::error::{BindError, Stopped};
use crate::memory::{MemoryOrder, UninitOutput};
use crate::view::AnyView;

/// Why [`evaluate`] gave no array.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    /// The plan does not fit the operands, or memory is short.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The run stopped.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

/// Binds a plan of one output to its operands and runs it into a new array, whose memory is never zeroed first.
///
/// # Errors
/// As [`bind`] and [`Bound::run`](crate::Bound::run); [`BindError::Dtype`] if `T` is not the element type of the output,
/// [`BindError::Memory`] if the memory of the array cannot be had.
pub fn evaluate<T: Element>(
    plan: &Plan,
    ins: &[AnyView<'_>],
    order: MemoryOrder,
    options: &Options<'_>,
    scratch: &mut Scratch,
    control: &Control<'_>,
) -> Result<ArrayD<T>, RunError> {
    let extents = plan.outputs.first().map_or(&[][..], |&id| &plan.buffer(id).extents);
    let mut out = UninitOutput::<T>::new(extents, order).map_err(BindError::Memory)?;
    bind(plan, ins, &mut [out.view_mut()], options, scratch)?.run(control)?;
    // SAFETY: `bind` accepted the view, so it is the one output of the plan, with its dtype, in which `T` is laid out, and its
    // extents. A plan that is sealed writes every element of its outputs, and the run came to its end.
    Ok(unsafe { out.assume_init() })
}
