//! When the program of the last call is that of the next one: the same plan, strides and options.
//!
//! `Scratch::bind` reads of views their dtypes and extents, which [`ports::check`](super::ports::check) compares with the plan in
//! every call, and their strides. It reads no address but those of α and β, whose values [`Key`] has. What it makes is thus the
//! same for any two calls with one key and the same strides, but for addresses, which `relocate` sets in every call.

use einfold_ir::{BufferId, Plan, PlanId, UserAlgebra};
use smallvec::SmallVec;

use super::{Options, Work};
use crate::kernels::Isa;
use crate::view::{AnyView, AnyViewMut};

/// What a program depends on besides strides.
#[derive(Debug, PartialEq)]
pub(super) struct Key {
    plan: PlanId,
    factors: [Option<Value>; 2],
    /// Those that the caller brings. Equal ones have the same kernels.
    semirings: SmallVec<[UserAlgebra; 1]>,
    memory: Option<usize>,
    isa: Isa,
}

/// α or β: its dtype and its bytes.
type Value = (einfold_ir::Dtype, [u8; 16]);

impl Key {
    /// None where a factor is of a user's type, whose bytes cannot be compared, or has axes.
    pub(super) fn new(plan: &Plan, options: &Options<'_>, isa: Isa) -> Option<Key> {
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
    // SAFETY: a view without axes has one element. Built-in ones have at most 16 bytes, none of which is padding.
    unsafe { std::ptr::copy_nonoverlapping(view.ptr(), bytes.as_mut_ptr(), dtype.size()) };
    Some((dtype, bytes))
}

/// Whether operands and outputs, which `ports::check` has accepted for `plan`, have the strides that `work` has noted for this plan.
pub(super) fn same_strides(plan: &Plan, work: &Work, ins: &[AnyView<'_>], outs: &[AnyViewMut<'_>]) -> bool {
    let same = |&id: &BufferId, strides: &[isize]| work.strides[work.starts[id.0 as usize]..].starts_with(strides);
    plan.inputs.iter().zip(ins).all(|(id, view)| same(id, view.strides()))
        && plan.outputs.iter().zip(outs).all(|(id, view)| same(id, view.strides()))
}
