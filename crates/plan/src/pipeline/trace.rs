//! What the stages did: the number of changes of each, and, where that was asked for, the form after it.

use einfold_ir::{Draft, Ir};

use super::{Form, Program, Stage};

/// The stages that led to a plan, in order.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    /// Whether forms are kept.
    keeps: bool,
    /// The stages that ran.
    pub stages: Vec<TracedStage>,
}

/// A stage that ran.
#[derive(Clone, Debug)]
pub struct TracedStage {
    /// The stage.
    pub stage: &'static Stage,
    /// How often it changed something.
    pub changes: usize,
    /// What it gave, if it changed something and the trace keeps forms.
    pub after: Option<Snapshot>,
}

/// A form between two stages, as a trace keeps it.
#[derive(Clone, Debug)]
pub enum Snapshot {
    /// A module.
    Module(Ir),
    /// Steps over buffers.
    Draft(Draft),
}

impl Trace {
    /// A trace that keeps the form after each stage, or only counts changes.
    pub(crate) fn new(keeps: bool) -> Trace {
        Trace { keeps, stages: Vec::new() }
    }

    /// Whether the form after each stage that changed something is kept.
    pub fn keeps_forms(&self) -> bool {
        self.keeps
    }

    /// The stages that give a form.
    pub(crate) fn giving(&self, form: Form) -> impl Iterator<Item = &TracedStage> {
        self.stages.iter().filter(move |traced| traced.stage.gives == form)
    }

    pub(crate) fn record(&mut self, stage: &'static Stage, changes: usize, program: &Program<'_>) {
        let snapshot = || match program {
            Program::Module(ir) => Some(Snapshot::Module(ir.clone())),
            Program::Steps(_, draft) | Program::Assigned(_, draft) => Some(Snapshot::Draft(draft.clone())),
            Program::Ordered(..) | Program::Expanded(_) | Program::Plan(..) => None,
        };
        let after = if self.keeps && changes > 0 { snapshot() } else { None };
        self.stages.push(TracedStage { stage, changes, after });
    }
}
