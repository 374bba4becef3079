//! The choice of optional stages.

use super::{FIRST_PASS, Form, PASSES, PIPELINE, Stage};

/// A set of optional stages; by default all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PassSet(u32);

impl Default for PassSet {
    fn default() -> PassSet {
        PassSet::ALL
    }
}

impl PassSet {
    /// All rewrites and passes.
    pub const ALL: PassSet = PassSet(optional(PIPELINE));
    /// No optional stage.
    pub const NONE: PassSet = PassSet(0);

    /// All subsets of [`PASSES`], each with all rewrites, in a fixed order.
    pub fn subsets() -> impl Iterator<Item = PassSet> {
        let (first, all) = (FIRST_PASS as u32, (1 << PASSES.len()) - 1);
        (0..=all).map(move |chosen: u32| PassSet(PassSet::ALL.0 & !(all << first) | chosen << first))
    }

    /// Adds the stage with this name; `None` if it does not exist or is not optional.
    #[must_use]
    pub fn with(self, name: &str) -> Option<PassSet> {
        position(name).map(|k| PassSet(self.0 | 1 << k))
    }

    /// Removes the stage with this name; `None` if it does not exist or is not optional.
    #[must_use]
    pub fn without(self, name: &str) -> Option<PassSet> {
        position(name).map(|k| PassSet(self.0 & !(1 << k)))
    }

    /// The chosen stages, in the order in which they run.
    pub fn iter(self) -> impl Iterator<Item = &'static Stage> {
        PIPELINE.iter().enumerate().filter(move |(k, _)| self.has(*k)).map(|(_, stage)| stage)
    }

    /// The names of the chosen stages: passes, then rewrites.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        let of = move |form| self.iter().filter(move |stage| stage.takes == form).map(|stage| stage.name);
        of(Form::Steps).chain(of(Form::Module))
    }

    /// Whether the stage at this position of the pipeline is chosen.
    pub(crate) fn has(self, position: usize) -> bool {
        self.0 >> position & 1 == 1
    }
}

/// The optional stages, as bits.
const fn optional(stages: &[Stage]) -> u32 {
    let (mut bits, mut k) = (0, 0);
    while k < stages.len() {
        bits |= (stages[k].is_optional() as u32) << k;
        k += 1;
    }
    bits
}

fn position(name: &str) -> Option<usize> {
    PIPELINE.iter().position(|stage| stage.is_optional() && stage.name == name)
}
