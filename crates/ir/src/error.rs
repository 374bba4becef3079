//! The violation of an invariant of a module or plan.

/// A broken invariant of an `Ir` or a `Plan`: a defect of its builder, not a mistake of a user.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Violation(
    /// A description of the broken invariant.
    pub String,
);

pub(crate) fn ensure(holds: bool, what: impl FnOnce() -> String) -> Result<(), Violation> {
    if holds { Ok(()) } else { Err(Violation(what())) }
}
