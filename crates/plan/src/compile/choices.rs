//! The contractions whose order can be chosen.

use einfold_ir::{Access, Contraction, Cost, IdVec, Ir, Network, NodeId, Tree};
use einfold_order::FoundOrder;

use crate::error::PlanError;
use crate::lift::Lifted;
use crate::named::axis_names;
use crate::network::{Treatment, network_of, treatment};

/// A contraction whose order can be chosen.
pub(super) struct Choice<'i> {
    pub(super) id: NodeId,
    pub(super) c: &'i Contraction,
    /// The shape of its result.
    pub(super) shape: &'i [usize],
    /// The contraction with selections, as the search sees it; `None` without index tensors.
    pub(super) lifted: Option<Lifted>,
}

/// Lists the contractions whose order can be chosen.
pub(super) fn choices(ir: &Ir) -> Vec<Choice<'_>> {
    let choice = |(id, c)| {
        let node = ir.node(id);
        let shape = &node.shape[..];
        match treatment(node, c) {
            Treatment::Factored => Some(Choice { id, c, shape, lifted: None }),
            Treatment::ThroughIds => {
                Lifted::of(ir, node, c).map(|lifted| Choice { id, c, shape, lifted: Some(lifted) })
            }
            _ => None,
        }
    };
    ir.contractions().filter_map(choice).collect()
}

/// The contraction that a path applies to: the only one without index tensors, or, if all have index tensors, the only
/// one.
pub(super) fn only<'c, 'i>(choices: &'c [Choice<'i>]) -> Option<&'c Choice<'i>> {
    match (&factored(choices)[..], choices) {
        ([only], _) => Some(only),
        ([], [only]) => Some(only),
        _ => None,
    }
}

/// The contractions without index tensors.
pub(super) fn factored<'c, 'i>(choices: &'c [Choice<'i>]) -> Vec<&'c Choice<'i>> {
    choices.iter().filter(|choice| choice.lifted.is_none()).collect()
}

impl Choice<'_> {
    /// Whether a tree with this number of leaves can belong to the contraction.
    pub(super) fn takes(&self, leaves: usize) -> bool {
        leaves == self.c.factors.len() || self.lifted.as_ref().is_some_and(|lifted| leaves == lifted.leaves())
    }

    /// The network that a tree with this number of leaves belongs to, and the names of its axes.
    pub(super) fn network(&self, leaves: usize) -> (Network, Vec<String>) {
        let Some(lifted) = self.lifted.as_ref().filter(|lifted| leaves == lifted.leaves()) else {
            return (network_of(self.c, self.shape), axis_names(&self.c.axes));
        };
        let selected = &lifted.selected.network;
        let network = Network::new(lifted.leaf_axes(), selected.output().to_vec(), selected.extents().to_vec());
        (network.expect("axes of a checked contraction exist"), axis_names(&lifted.c.axes))
    }

    /// The order of a contraction with index tensors along a tree; `None` if the tree is one step. Its cost is computed
    /// after expansion.
    pub(super) fn along(&self, lifted: &Lifted, tree: &Tree) -> Result<Option<FoundOrder>, PlanError> {
        let (node, factors) = (self.id, self.c.factors.len());
        let several = if tree.leaves() == lifted.leaves() {
            if !lifted.selected.accepts(tree) {
                return Err(PlanError::Ids { node });
            }
            true
        } else if tree.leaves() == factors {
            tree.steps().len() > 1
        } else {
            return Err(PlanError::Leaves { node, leaves: tree.leaves(), factors: lifted.leaves() });
        };
        Ok(several.then(|| unpriced(tree.clone(), "path")))
    }

    /// The factors that depend on constant operands alone. `constant` marks the nodes that do.
    pub(super) fn constant_factors(&self, constant: &IdVec<NodeId, bool>) -> Vec<u32> {
        let is_constant = |(_, f): &(u32, &Access<NodeId>)| constant[f.tensor];
        (0..).zip(&self.c.factors).filter(is_constant).map(|(k, _)| k).collect()
    }
}

/// An order whose cost is computed after expansion.
pub(super) fn unpriced(tree: Tree, strategy: &'static str) -> FoundOrder {
    FoundOrder { tree, slices: Vec::new(), cost: Cost::default(), strategy, record: None }
}
