//! Which stages run.

use super::{Form, PASSES, PIPELINE, Stage};

/// A choice of the stages that can be left out; by default all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PassSet(u32);

impl Default for PassSet {
    fn default() -> PassSet {
        PassSet::ALL
    }
}

impl PassSet {
    /// Every rewrite and every pass.
    pub const ALL: PassSet = PassSet(optional(PIPELINE));
    /// None of them.
    pub const NONE: PassSet = PassSet(0);

    /// All choices of [`PASSES`], with all rewrites, in a fixed order.
    pub fn subsets() -> impl Iterator<Item = PassSet> {
        let passes = PASSES.iter().filter_map(|pass| position(pass.name)).fold(0, |set, k| set | 1 << k);
        let chosen = move |choice: u32| (0..PASSES.len()).filter(move |k| choice >> k & 1 == 1);
        let with = |set: PassSet, k: usize| set.with(PASSES[k].name).unwrap_or(set);
        (0..1 << PASSES.len()).map(move |choice| chosen(choice).fold(PassSet(PassSet::ALL.0 & !passes), with))
    }

    /// The same choice with the stage of this name; `None` if there is none that can be left out.
    #[must_use]
    pub fn with(self, name: &str) -> Option<PassSet> {
        position(name).map(|k| PassSet(self.0 | 1 << k))
    }

    /// The same choice without the stage of this name; `None` if there is none that can be left out.
    #[must_use]
    pub fn without(self, name: &str) -> Option<PassSet> {
        position(name).map(|k| PassSet(self.0 & !(1 << k)))
    }

    /// The stages of the choice, in the order in which they run.
    pub fn iter(self) -> impl Iterator<Item = &'static Stage> {
        PIPELINE.iter().filter(move |stage| self.has(stage.name))
    }

    /// The names of all that is chosen: passes, then rewrites.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        let of = move |form| self.iter().filter(move |stage| stage.takes == form).map(|stage| stage.name);
        of(Form::Steps).chain(of(Form::Module))
    }

    /// Whether the stage of this name is chosen.
    pub(crate) fn has(self, name: &str) -> bool {
        position(name).is_some_and(|k| self.0 >> k & 1 == 1)
    }
}

/// The stages that can be left out, as bits.
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
