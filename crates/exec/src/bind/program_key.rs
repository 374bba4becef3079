//! Decides whether the program of the last call can be reused: if the plan, the strides and the options are the same.
//!
//! `Scratch::bind` reads the dtypes and extents of the views, which
//! [`check_operands::check`](super::check_operands::check) compares with the plan in every call, and their strides. It
//! reads no memory but the values of α and β, which are in the [`Key`]. So its program is the same for any two calls with
//! one key and the same strides, except for addresses, which `relocate` sets in every call.

use einfold_ir::{BufferId, Plan, PlanId, UserAlgebra};
use smallvec::SmallVec;

use super::{BindLists, BindOptions};
use crate::kernels::Isa;
use crate::view::{AnyView, AnyViewMut};

/// What a program depends on besides the strides.
#[derive(Debug, PartialEq)]
pub(super) struct Key {
    plan: PlanId,
    factors: [Option<Value>; 2],
    /// The semirings of the caller; equal ones have the same kernels.
    semirings: SmallVec<[UserAlgebra; 1]>,
    memory: Option<usize>,
    isa: Isa,
}

/// α or β: its dtype and its bytes.
type Value = (einfold_ir::Dtype, [u8; 16]);

impl Key {
    /// The key of a call; `None` if α or β has a user's type, whose bytes cannot be compared, or is not of rank 0.
    pub(super) fn new(plan: &Plan, options: &BindOptions<'_>, isa: Isa) -> Option<Key> {
        let factors = [options.alpha, options.beta].map(|factor| factor.map(value));
        let known = |factor: Option<Option<Value>>| factor.map_or(Some(None), |value| value.map(Some));
        let [alpha, beta] = factors.map(known);
        Some(Key {
            plan: plan.id(),
            factors: [alpha?, beta?],
            semirings: options.semirings.iter().map(|semiring| semiring.algebra()).collect(),
            memory: options.memory,
            isa,
        })
    }

    pub(super) fn plan(&self) -> PlanId {
        self.plan
    }
}

fn value(view: &AnyView<'_>) -> Option<Value> {
    let dtype = view.dtype();
    let mut bytes = [0; 16];
    if matches!(dtype, einfold_ir::Dtype::Custom(_)) || !view.extents().is_empty() {
        return None;
    }
    // SAFETY: a view of rank 0 has one element. A built-in element has at most 16 bytes and no padding.
    unsafe { std::ptr::copy_nonoverlapping(view.ptr(), bytes.as_mut_ptr(), dtype.size()) };
    Some((dtype, bytes))
}

/// Whether the views, which were checked against `plan`, have the strides that `lists` holds for this plan.
pub(super) fn same_strides(plan: &Plan, lists: &BindLists, ins: &[AnyView<'_>], outs: &[AnyViewMut<'_>]) -> bool {
    let same = |&id: &BufferId, strides: &[isize]| lists.strides[lists.starts[id.0 as usize]..].starts_with(strides);
    plan.inputs.iter().zip(ins).all(|(id, view)| same(id, view.strides()))
        && plan.outputs.iter().zip(outs).all(|(id, view)| same(id, view.strides()))
}
