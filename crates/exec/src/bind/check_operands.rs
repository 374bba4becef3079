//! Checks that operands and outputs have the dtypes and shapes of the plan.

use einfold_ir::{Buffer, Plan};

use super::BindOptions;
use crate::error::{BindError, PlanSlot};
use crate::view::{AnyView, AnyViewMut};

pub(super) fn check(
    plan: &Plan,
    ins: &[AnyView<'_>],
    outs: &[AnyViewMut<'_>],
    options: &BindOptions<'_>,
) -> Result<(), BindError> {
    if ins.len() != plan.inputs.len() {
        return Err(BindError::Operands { expected: plan.inputs.len(), found: ins.len() });
    }
    if outs.len() != plan.outputs.len() {
        return Err(BindError::Outputs { expected: plan.outputs.len(), found: outs.len() });
    }
    if let Some(buffer) = plan.buffers.iter().find(|b| b.dtype.align() > Plan::ALIGN) {
        return Err(BindError::Alignment { dtype: buffer.dtype });
    }
    for (k, (view, &id)) in ins.iter().zip(&plan.inputs).enumerate() {
        check_slot(PlanSlot::Operand(k), plan.buffer(id), view.dtype(), view.extents())?;
    }
    for (k, (view, &id)) in outs.iter().zip(&plan.outputs).enumerate() {
        check_slot(PlanSlot::Output(k), plan.buffer(id), view.dtype(), view.extents())?;
    }
    check_init(outs, options)
}

/// Checks that outputs that β multiplies hold values.
pub(super) fn check_init(outs: &[AnyViewMut<'_>], options: &BindOptions<'_>) -> Result<(), BindError> {
    match outs.iter().position(|view| options.beta.is_some() && !view.is_init()) {
        Some(output) => Err(BindError::Uninitialised { output }),
        None => Ok(()),
    }
}

fn check_slot(slot: PlanSlot, buffer: &Buffer, dtype: einfold_ir::Dtype, extents: &[usize]) -> Result<(), BindError> {
    if buffer.dtype != dtype {
        return Err(BindError::Dtype { slot, expected: buffer.dtype.into(), found: dtype.into() });
    }
    if buffer.extents[..] != *extents {
        return Err(BindError::Shape { slot, expected: buffer.extents[..].into(), found: extents.into() });
    }
    Ok(())
}
