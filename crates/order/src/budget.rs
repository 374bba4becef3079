//! What a search may use.

use std::num::NonZeroUsize;
use std::time::Duration;

use einfold_ir::Machine;

use crate::Objective;

/// What a search may use, and what it makes small.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Budget {
    /// How long it may go on.
    pub effort: Effort,
    /// What it makes small.
    pub objective: Objective,
    /// How much memory the contraction may take, in bytes, besides its operands: intermediates that are alive together, and
    /// the result. Where no order keeps to it, the contraction is sliced.
    pub memory_bytes: Option<u64>,
    /// How many elements an intermediate may have; kept to by slicing likewise.
    pub largest: Option<u64>,
    /// How many threads may search. Without it, one.
    pub threads: Option<NonZeroUsize>,
    /// The seed of random choices.
    pub seed: u64,
    /// The machine that the contraction runs on: what the search weighs steps and its own effort by.
    pub machine: Machine,
}

/// How long a search may go on. Strategies that are quick use nothing of it; each says so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Effort {
    /// As the strategy has it: `auto` no longer than the contraction is likely to run, `deep` one trial. The same on every
    /// machine.
    #[default]
    Auto,
    /// So many independent searches, of which the best is taken. The same on every machine, for any number of threads.
    Trials(u32),
    /// One search of so much work, in units of [`Machine::search_work`]. The same on every machine.
    Work(u64),
    /// So long. How good the answer is depends on the machine.
    Time(Duration),
}
