//! Why there is no plan.

use einfold_ir::{Count, Label, NodeId, Violation};
use einfold_order::OrderError;

/// Why an expression got no plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// The order search refused.
    #[error(transparent)]
    Order(#[from] OrderError),
    /// A contraction tree is not one of the contraction that it is given for.
    #[error("the tree of %{} contracts {leaves} tensors, but there are {factors} factors", node.0)]
    Leaves {
        /// The contraction.
        node: NodeId,
        /// How many tensors the tree has.
        leaves: usize,
        /// How many factors the contraction has.
        factors: usize,
    },
    /// A contraction tree uses ids where their positions are not those of a tensor or of the result.
    #[error("the tree of %{} uses ids too early or too late", node.0)]
    Ids {
        /// The contraction.
        node: NodeId,
    },
    /// Slices are not axes of the contraction that they are given for, or it cannot be sliced.
    #[error("%{} does not fall into the slices that are given for it", node.0)]
    Slices {
        /// The contraction.
        node: NodeId,
    },
    /// One path was given for several contractions.
    #[error("a path fits one contraction, but the expression has {contractions}")]
    OnePath {
        /// How many contractions have an order to choose.
        contractions: usize,
    },
    /// The run would need more memory than is allowed, or than can be addressed.
    #[error("step %{} ({label}) brings the memory in use to {bytes} bytes, more than {limit}", step.0)]
    TooLarge {
        /// The step that needs it, by the node that it computes.
        step: NodeId,
        /// The name of that node.
        label: Label,
        /// The bytes.
        bytes: Count,
        /// How many bytes there may be.
        limit: Count,
    },
    /// A pass broke the plan: a defect of the pass.
    #[error("pass `{name}` broke the plan: {violation}")]
    Pass {
        /// The pass.
        name: &'static str,
        /// What it broke.
        violation: Violation,
    },
    /// The expression or a hint breaks an invariant: a defect of whoever built it.
    #[error(transparent)]
    Invalid(#[from] Violation),
}
