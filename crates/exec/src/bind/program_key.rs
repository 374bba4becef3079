//! The key of a bound program: `bind` reuses the program of its last call for a call of the same plan with the same
//! options and strides.
//!
//! `Scratch::bind` reads the dtypes and extents of the views, which are those of the plan, and their strides. It reads no
//! memory but the values of α and β, which are in the [`Key`]. So its program is the same for any two calls with one key
//! and the same views, except for addresses, which `relocate` sets in every call.

use einfold_ir::{Dtype, Plan, PlanId, UserAlgebra, few};
use smallvec::SmallVec;

use super::BindOptions;
use crate::kernels::Isa;
use crate::view::{AnyView, AnyViewMut};

/// What a bound program depends on besides the [views](BoundViews): the plan and the options.
#[derive(Debug)]
pub(super) struct Key {
    plan: PlanId,
    /// α and β.
    scalars: [Option<ScalarValue>; 2],
    /// The semirings of the caller; equal ones have the same kernels.
    semirings: SmallVec<[UserAlgebra; 1]>,
    /// The limit on scratch memory: `BindOptions::memory`.
    memory: Option<usize>,
    isa: Isa,
}

/// α or β: its dtype and its bytes.
type ScalarValue = (Dtype, [u8; 16]);

impl Key {
    /// The key of a call; `None` if α or β has a user's type, whose bytes cannot be compared, or is not of rank 0.
    pub(super) fn new(plan: &Plan, options: &BindOptions<'_>, isa: Isa) -> Option<Key> {
        let scalars = [options.alpha, options.beta].map(|scalar| scalar.map(scalar_value));
        let known = |scalar: Option<Option<ScalarValue>>| scalar.map_or(Some(None), |value| value.map(Some));
        let [alpha, beta] = scalars.map(known);
        Some(Key {
            plan: plan.id(),
            scalars: [alpha?, beta?],
            semirings: few(options.semirings.iter().map(|semiring| semiring.algebra())),
            memory: options.memory,
            isa,
        })
    }

    /// The plan that the program is bound for.
    pub(super) fn plan(&self) -> PlanId {
        self.plan
    }

    /// Whether a call has this key; compares its arguments without a second key.
    pub(super) fn matches(&self, plan: &Plan, options: &BindOptions<'_>, isa: Isa) -> bool {
        let Key { plan: id, scalars, semirings, memory, isa: kernels } = self;
        let same = |scalar: Option<&AnyView<'_>>, known: &Option<ScalarValue>| match (scalar, known) {
            (None, None) => true,
            (Some(view), Some(known)) => scalar_value(view).as_ref() == Some(known),
            _ => false,
        };
        (*id, *memory, *kernels) == (plan.id(), options.memory, isa)
            && same(options.alpha, &scalars[0])
            && same(options.beta, &scalars[1])
            && semirings.len() == options.semirings.len()
            && semirings.iter().zip(options.semirings).all(|(known, semiring)| *known == semiring.algebra())
    }
}

/// The value of α or β; `None` for a user's type and for other ranks than 0.
fn scalar_value(view: &AnyView<'_>) -> Option<ScalarValue> {
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
pub(super) struct BoundViews {
    /// The dtype and the rank of each operand, then of each output.
    types: SmallVec<[(Dtype, usize); 4]>,
    /// The number of operands.
    inputs: usize,
    /// The extent and the stride of each axis of all of them.
    axes: SmallVec<[(usize, isize); 12]>,
}

impl BoundViews {
    /// Stores the dtypes, extents and strides of the views of a call.
    pub(super) fn set(&mut self, ins: &[AnyView<'_>], outs: &[AnyViewMut<'_>]) {
        let BoundViews { types, inputs, axes } = self;
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

    /// Whether these views have the stored dtypes, extents and strides.
    pub(super) fn equal(&self, ins: &[AnyView<'_>], outs: &[AnyViewMut<'_>]) -> bool {
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
