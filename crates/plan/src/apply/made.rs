//! What of an expression is written out: the tensors that there are.

use std::ops::Range;

use einfold_ir::{IdVec, Ir, NodeId};

/// An expression whose trees are written out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Applied {
    /// One node a step.
    pub(crate) ir: Ir,
    /// What each node of the expression became.
    pub(crate) made: IdVec<NodeId, Made>,
}

/// The nodes that were written for a node. They are all that exists of it: what has no node is never in memory.
#[derive(Clone, Debug, Default)]
pub struct Made {
    /// All of them.
    pub nodes: Range<u32>,
    /// Those of each step of a tree through ids; none for a step that is left to the one that uses its result. Empty where all steps
    /// are written.
    pub steps: Vec<Vec<NodeId>>,
}

impl Made {
    /// Whether the result of a step of the tree is a tensor in memory.
    pub(crate) fn is_written(&self, step: usize) -> bool {
        self.steps.get(step).is_none_or(|nodes| !nodes.is_empty())
    }
}
