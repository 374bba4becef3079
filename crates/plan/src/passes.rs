//! The passes: from draft to draft, with the same results and the same number of flops. Each is a stage of the
//! pipeline.

pub(crate) mod gemm;
pub(crate) mod layout;
pub(crate) mod loop_order;
pub(crate) mod merge_axes;
pub(crate) mod views;

use einfold_ir::{Draft, Step};

use crate::strides::step_loops;

/// Edits each step, and returns the number of those that changed. `edit` gets the draft without its regions and the
/// step, and returns whether it changed the step.
fn edit_steps(draft: &mut Draft, mut edit: impl FnMut(&Draft, &mut Step) -> bool) -> usize {
    let mut regions = std::mem::take(&mut draft.regions);
    let steps = regions.iter_mut().flat_map(|region| &mut region.steps);
    let changes = steps.map(|step| usize::from(edit(draft, step))).sum();
    draft.regions = regions;
    changes
}

/// Runs `gemm`, `loop_order` and `merge_axes` on the only step of a draft without intermediates, to which no other pass
/// applies. The strides are computed once for all three.
pub(crate) fn finish_steps(draft: &mut Draft) {
    edit_steps(draft, |draft, step| {
        if gemm::multiply(draft, step, &mut None) || step.axes.len() < 2 {
            return true;
        }
        let mut loops = step_loops(draft, step);
        loop_order::order(step, &mut loops);
        merge_axes::merge(step, &loops)
    });
}

#[cfg(test)]
pub(crate) mod tests;
