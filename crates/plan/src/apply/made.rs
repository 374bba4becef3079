//! Expanded modules: the nodes that replace each contraction.

use std::ops::Range;

use einfold_ir::{IdVec, Ir, NodeId};

/// An expanded module.
#[derive(Clone, Debug, Default)]
pub(crate) struct Applied {
    /// The module with one node for each step.
    pub(crate) ir: Ir,
    /// The nodes that replace each node of the original module.
    pub(crate) made: IdVec<NodeId, Made>,
}

/// The nodes that replace one node. No other tensor of that node's contraction is in memory.
#[derive(Clone, Debug, Default)]
pub struct Made {
    /// All of them.
    pub nodes: Range<u32>,
    /// The nodes of each step of a tree with index tensors; none for a step that is computed in its reader. Empty if
    /// every step has a node.
    pub steps: Vec<Vec<NodeId>>,
}

impl Made {
    /// Whether the result of a step of the tree is a tensor in memory.
    pub(crate) fn is_written(&self, step: usize) -> bool {
        self.steps.get(step).is_none_or(|nodes| !nodes.is_empty())
    }
}
