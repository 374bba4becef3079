//! Effort, limits and objective of a search.

use std::num::NonZeroUsize;
use std::time::Duration;

use einfold_ir::Machine;

use crate::Objective;

/// Effort, limits and objective of a search.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Budget {
    /// The duration of the search.
    pub effort: Effort,
    /// The quantity that the search minimises.
    pub objective: Objective,
    /// The memory limit in bytes, without the operands: intermediates that are alive together, and the result. If no
    /// order meets it, the contraction is sliced.
    pub memory_bytes: Option<u64>,
    /// The limit for the elements of an intermediate. If no order meets it, the contraction is sliced.
    pub largest: Option<u64>,
    /// The number of threads of the search; one if absent.
    pub threads: Option<NonZeroUsize>,
    /// The seed of the random choices.
    pub seed: u64,
    /// The machine that the contraction is planned for.
    pub machine: Machine,
}

/// The effort of a search. Strategies that are quick ignore it; their documentation says so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Effort {
    /// The default of the strategy: `auto` searches no longer than the contraction is likely to run, `deep` makes one
    /// trial. The result is the same on every machine.
    #[default]
    Auto,
    /// A number of independent trials, of which the best is taken. The result is the same on every machine and for any
    /// number of threads.
    Trials(u32),
    /// One search with this amount of work, in units of [`Machine::search_work`]. The result is the same on
    /// every machine.
    Work(u64),
    /// A time limit. The quality of the result depends on the machine.
    Time(Duration),
}
