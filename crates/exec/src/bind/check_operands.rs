//! Checks that operands and outputs have the dtypes and shapes of the plan.

use einfold_ir::{Dtype, Plan};

use super::BindOptions;
use crate::error::{BindError, PlanSlot};
use crate::view::{AnyView, AnyViewMut};

pub(super) fn check(
    plan: &Plan,
    ins: &[AnyView<'_>],
    outs: &[AnyViewMut<'_>],
    options: &BindOptions<'_>,
) -> Result<(), BindError> {
    let (operands, outputs) = (plan.operand_types(), plan.output_types());
    if ins.len() != operands.len() {
        return Err(BindError::Operands { expected: operands.len(), found: ins.len() });
    }
    if outs.len() != outputs.len() {
        return Err(BindError::Outputs { expected: outputs.len(), found: outs.len() });
    }
    // The dtypes of a product are aligned.
    let mut buffers = plan.product().is_none().then(|| plan.buffers.iter()).into_iter().flatten();
    if let Some(buffer) = buffers.find(|buffer| buffer.dtype.align() > Plan::ALIGN) {
        return Err(BindError::Alignment { dtype: buffer.dtype });
    }
    for (k, (view, planned)) in ins.iter().zip(operands).enumerate() {
        check_slot(PlanSlot::Operand(k), planned, view.dtype(), view.extents())?;
    }
    for (k, (view, planned)) in outs.iter().zip(outputs).enumerate() {
        check_slot(PlanSlot::Output(k), planned, view.dtype(), view.extents())?;
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

fn check_slot(
    slot: PlanSlot,
    (wanted, shape): (Dtype, &[usize]),
    dtype: Dtype,
    extents: &[usize],
) -> Result<(), BindError> {
    if wanted != dtype {
        return Err(BindError::Dtype { slot, expected: wanted.into(), found: dtype.into() });
    }
    if shape != extents {
        return Err(BindError::Shape { slot, expected: shape.into(), found: extents.into() });
    }
    Ok(())
}
