//! Decides whether the program of the last call can be reused: if the plan, the strides and the options are the same.
//!
//! `Scratch::bind` reads the dtypes and extents of the views, which are those of the plan, and their strides. It reads no
//! memory but the values of α and β, which are in the [`Key`]. So its program is the same for any two calls with one key
//! and the same strides, except for addresses, which `relocate` sets in every call.

use einfold_ir::{Dtype, Plan, PlanId, UserAlgebra, few};
use smallvec::SmallVec;

use super::BindOptions;
use crate::kernels::Isa;
use crate::view::{AnyView, AnyViewMut};

/// What a program depends on besides the strides.
#[derive(Debug)]
pub(super) struct Key {
    plan: PlanId,
    factors: [Option<Value>; 2],
    /// The semirings of the caller; equal ones have the same kernels.
    semirings: SmallVec<[UserAlgebra; 1]>,
    memory: Option<usize>,
    isa: Isa,
}

/// α or β: its dtype and its bytes.
type Value = (Dtype, [u8; 16]);

impl Key {
    /// The key of a call; `None` if α or β has a user's type, whose bytes cannot be compared, or is not of rank 0.
    pub(super) fn new(plan: &Plan, options: &BindOptions<'_>, isa: Isa) -> Option<Key> {
        let factors = [options.alpha, options.beta].map(|factor| factor.map(value));
        let known = |factor: Option<Option<Value>>| factor.map_or(Some(None), |value| value.map(Some));
        let [alpha, beta] = factors.map(known);
        Some(Key {
            plan: plan.id(),
            factors: [alpha?, beta?],
            semirings: few(options.semirings.iter().map(|semiring| semiring.algebra())),
            memory: options.memory,
            isa,
        })
    }

    pub(super) fn plan(&self) -> PlanId {
        self.plan
    }

    /// Whether a call has this key. This compares the parts of the call, and does not make a second key.
    pub(super) fn is_of(&self, plan: &Plan, options: &BindOptions<'_>, isa: Isa) -> bool {
        let Key { plan: id, factors, semirings, memory, isa: kernels } = self;
        let same = |factor: Option<&AnyView<'_>>, known: &Option<Value>| match (factor, known) {
            (None, None) => true,
            (Some(view), Some(known)) => value(view).as_ref() == Some(known),
            _ => false,
        };
        (*id, *memory, *kernels) == (plan.id(), options.memory, isa)
            && same(options.alpha, &factors[0])
            && same(options.beta, &factors[1])
            && semirings.len() == options.semirings.len()
            && semirings.iter().zip(options.semirings).all(|(known, semiring)| *known == semiring.algebra())
    }
}

fn value(view: &AnyView<'_>) -> Option<Value> {
    let dtype = view.dtype();
    let mut bytes = [0; 16];
    if matches!(dtype, Dtype::Custom(_)) || !view.extents().is_empty() {
        return None;
    }
    // SAFETY: a view of rank 0 has one element. A built-in element has at most 16 bytes and no padding.
    unsafe { std::ptr::copy_nonoverlapping(view.ptr(), bytes.as_mut_ptr(), dtype.size()) };
    Some((dtype, bytes))
}

/// The dtypes, extents and strides of the operands and outputs that a program is bound for.
#[derive(Debug, Default)]
pub(super) struct KnownViews {
    /// The dtype and the rank of each operand, then of each output.
    types: SmallVec<[(Dtype, usize); 4]>,
    inputs: usize,
    /// The extent and the stride of each axis of all of them.
    axes: SmallVec<[(usize, isize); 12]>,
}

impl KnownViews {
    /// Stores the views of a call.
    pub(super) fn set(&mut self, ins: &[AnyView<'_>], outs: &[AnyViewMut<'_>]) {
        let KnownViews { types, inputs, axes } = self;
        types.clear();
        axes.clear();
        *inputs = ins.len();
        macro_rules! push_all {
            ($views:expr) => {
                for view in $views {
                    types.push((view.dtype(), view.extents().len()));
                    axes.extend(view.extents().iter().copied().zip(view.strides().iter().copied()));
                }
            };
        }
        push_all!(ins);
        push_all!(outs);
    }

    /// Whether these views are equal to the stored ones, except for their addresses.
    pub(super) fn are(&self, ins: &[AnyView<'_>], outs: &[AnyViewMut<'_>]) -> bool {
        let (mut types, mut axes) = (self.types.iter(), &self.axes[..]);
        macro_rules! all_fit {
            ($views:expr) => {
                $views.iter().zip(&mut types).all(|(view, &(dtype, rank))| {
                    let (extents, strides) = (view.extents(), view.strides());
                    let Some((known, rest)) = axes.split_at_checked(rank) else { return false };
                    axes = rest;
                    let same = known.iter().zip(extents.iter().zip(strides)).all(|(k, (e, s))| (k.0, k.1) == (*e, *s));
                    same && extents.len() == rank && view.dtype() == dtype
                })
            };
        }
        ins.len() == self.inputs && ins.len() + outs.len() == self.types.len() && all_fit!(ins) && all_fit!(outs)
    }
}
