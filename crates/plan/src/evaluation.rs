//! Evaluation strategies of contractions.

use std::fmt;

use einfold_ir::{Access, Contraction, Index, Node, NodeId, OutOfRange};

/// The evaluation strategy of a contraction, decided from its algebra and its shape before any order search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evaluation {
    /// A reduced axis is empty: no point contributes, and the result is the identity of ⊕. This is decided first,
    /// because an order could multiply the identity of an inner sum by a value that it does not absorb.
    Empty,
    /// One step, for this reason.
    Flat(FlatReason),
    /// Pair by pair, along a contraction tree.
    Factored,
    /// With index tensors: pair by pair along a tree whose selections determine where the gather and scatter indices
    /// are used, or in one step, whichever costs less.
    WithSelections,
}

/// The reason why a contraction is evaluated in one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlatReason {
    /// The contribution of a point is not a plain product.
    Expression,
    /// There are fewer than two factors.
    FewFactors,
    /// The iteration space is empty, and so is the result.
    NoPoints,
    /// ⊗ does not distribute over ⊕ on the dtype, so that no sum may be moved out of the product.
    NotDistributive,
    /// The dtype of the node cannot hold the accumulator, so that no partial sums can be stored.
    NoAccumulator,
    /// An out-of-range index drops the whole point, which only a single step can do.
    Drops,
}

impl fmt::Display for Evaluation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Evaluation::Empty => "empty: the result is the identity",
            Evaluation::Factored => "factored: the product distributes over the sum",
            Evaluation::Flat(FlatReason::Expression) => "one step: a pointwise expression",
            Evaluation::Flat(FlatReason::FewFactors) => "one step: there is no order to choose",
            Evaluation::Flat(FlatReason::NoPoints) => "one step: the iteration space is empty",
            Evaluation::Flat(FlatReason::NotDistributive) => "one step: the product does not distribute over the sum",
            Evaluation::Flat(FlatReason::NoAccumulator) => "one step: the dtype cannot hold partial sums",
            Evaluation::Flat(FlatReason::Drops) => "one step: an out-of-range index may drop a point",
            Evaluation::WithSelections => "positions come from an index tensor",
        })
    }
}

/// The evaluation strategy of the contraction of `node`.
pub fn evaluation(node: &Node, c: &Contraction) -> Evaluation {
    let empty = |a: u32| c.axes[a as usize].extent == 0;
    if c.axes.iter().any(|a| a.extent == 0) {
        let reduced = c.reduced().into_iter().any(empty);
        return if reduced { Evaluation::Empty } else { Evaluation::Flat(FlatReason::NoPoints) };
    }
    if c.expr.is_some() {
        Evaluation::Flat(FlatReason::Expression)
    } else if c.factors.len() < 2 {
        Evaluation::Flat(FlatReason::FewFactors)
    } else if !c.algebra.laws(node.dtype).distributive {
        Evaluation::Flat(FlatReason::NotDistributive)
    } else if c.algebra.accumulator(node.dtype) != node.dtype {
        Evaluation::Flat(FlatReason::NoAccumulator)
    } else if any_drops(c) {
        Evaluation::Flat(FlatReason::Drops)
    } else if c.factors.iter().any(Access::has_indirect) || c.output.iter().any(|i| i.has_indirect()) {
        Evaluation::WithSelections
    } else {
        Evaluation::Factored
    }
}

/// Whether an out-of-range index of the contraction drops points.
pub(crate) fn any_drops(c: &Contraction) -> bool {
    c.factors.iter().any(drops) || c.output.iter().any(index_drops)
}

/// Whether an out-of-range index of the access drops points. The recursion is as deep as gathers are nested.
pub(crate) fn drops(access: &Access<NodeId>) -> bool {
    access.indices.iter().any(index_drops)
}

fn index_drops(index: &Index<NodeId>) -> bool {
    index.indirect().iter().any(|term| term.policy == OutOfRange::Drop || drops(&term.access))
}
