//! Scratch memory that the calls of a thread share.

use einfold_exec::Scratch;
use einfold_ir::{Form, Plan};
use std::cell::RefCell;

thread_local! {
    /// Scratch memory for calls whose caller passes none. Each is bound to the last plan that used it; the most
    /// recently used is last.
    #[expect(clippy::vec_box, reason = "each call moves a scratch memory, which has some kilobytes of lists")]
    static SPARE: RefCell<Vec<Box<Scratch>>> = const { RefCell::new(Vec::new()) };
}

/// The most scratch memories of a thread, and so the most plans that can alternate without being bound again.
const SPARES: usize = 8;
/// The largest scratch memory that is reused, in bytes. For larger runs the allocation is a small part of the time.
const MAX_BYTES: usize = 1 << 16;
/// The most [`parts`] of a plan that runs in shared scratch memory; a larger plan gets scratch memory for one call.
const MAX_PARTS: usize = 1 << 10;

/// Calls `run` with scratch memory of this thread: that which is bound to `plan`, if there is any.
pub(crate) fn with_spare<R>(plan: &Plan, run: impl FnOnce(&mut Scratch) -> R) -> R {
    if parts(plan) > MAX_PARTS {
        return run(&mut Scratch::new());
    }
    let take = |spare: &RefCell<Vec<Box<Scratch>>>| {
        let mut spare = spare.borrow_mut();
        let bound = spare.iter().rposition(|scratch| scratch.is_bound_to(plan));
        bound.or((spare.len() >= SPARES).then_some(0)).map(|at| spare.remove(at))
    };
    // The thread-local value may already be destroyed while the thread ends.
    let mut scratch = SPARE.try_with(take).ok().flatten().unwrap_or_default();
    let result = run(&mut scratch);
    if scratch.bytes() <= MAX_BYTES {
        _ = SPARE.try_with(|spare| spare.borrow_mut().push(scratch));
    }
    result
}

/// The number of parts of a plan: its steps, their axes and their reads. Eight operations of a pointwise expression
/// count as one part. The memory of a plan and of its bound program is proportional to this number.
pub(crate) fn parts(plan: &Plan) -> usize {
    if let Some(step) = plan.product() {
        return 1 + step.axis_order.len() + step.product.factors.len();
    }
    let operations = |form: &Form| match form {
        Form::Nest(Some(expr)) => expr.ops().len() / 8,
        _ => 0,
    };
    plan.steps().map(|(_, step)| 1 + step.axes.len() + step.reads.len() + operations(&step.form)).sum()
}
