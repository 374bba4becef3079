//! The violation of an invariant of a module or plan.

use std::fmt;

/// A broken invariant of an `Ir` or a `Plan`: a defect of its builder, not a mistake of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation(
    /// A description of the broken invariant.
    pub String,
);

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Violation {}

pub(crate) fn ensure(holds: bool, what: impl FnOnce() -> String) -> Result<(), Violation> {
    if holds { Ok(()) } else { Err(Violation(what())) }
}
