//! The trace of a compilation: the number of changes of each stage and, on request, the form after it.

use einfold_ir::{Draft, Ir};

use super::{PIPELINE, Program, Stage};

/// The stages that led to a plan, in order.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    /// Whether the trace keeps forms.
    keeps: bool,
    /// The stages that ran.
    pub stages: Vec<TracedStage>,
}

/// A stage that ran.
#[derive(Clone, Debug)]
pub struct TracedStage {
    /// The stage.
    pub stage: &'static Stage,
    /// The number of its changes.
    pub changes: usize,
    /// The form after it, if it changed something and the trace keeps forms.
    pub after: Option<Snapshot>,
}

/// A form between two stages, kept in a trace.
#[derive(Clone, Debug)]
pub enum Snapshot {
    /// A module.
    Module(Ir),
    /// Steps over buffers.
    Draft(Draft),
}

impl Trace {
    /// An empty trace. With `keeps`, it keeps the form after each stage; otherwise only the number of changes.
    pub(crate) fn new(keeps: bool) -> Trace {
        Trace { keeps, stages: Vec::with_capacity(PIPELINE.len()) }
    }

    pub(crate) fn record(&mut self, stage: &'static Stage, changes: usize, program: &Program<'_>) {
        let after = match program {
            _ if !self.keeps || changes == 0 => None,
            Program::Module(ir) => Some(Snapshot::Module(ir.clone())),
            Program::Steps(_, draft) | Program::Assigned(_, draft) => Some(Snapshot::Draft(draft.clone())),
            Program::Ordered(..) | Program::Expanded(..) | Program::Plan(..) => None,
        };
        self.stages.push(TracedStage { stage, changes, after });
    }
}
