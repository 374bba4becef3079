//! The contractions whose order can be chosen.

use std::collections::HashMap;

use einfold_ir::{Access, Axis, Contraction, Cost, Dtype, IdVec, Ir, Label, Network, Node, NodeId, Tree};
use einfold_order::{Budget, FoundOrder, Order, OrderError, Strategy, Task, order, order_with_selections};

use crate::cost::points;
use crate::error::PlanError;
use crate::evaluation::{Evaluation, evaluation};
use crate::network::network_of;
use crate::pipeline::{PassSet, run_rewrites};
use crate::selections::SelectionForm;

/// A contraction whose order can be chosen.
pub(super) struct Choice<'i> {
    pub(super) id: NodeId,
    pub(super) node: &'i Node,
    pub(super) c: &'i Contraction,
    /// The contraction with selections, as the search sees it; `None` without index tensors.
    pub(super) form: Option<SelectionForm>,
}

/// Lists the contractions whose order can be chosen.
pub(super) fn choices(ir: &Ir) -> Vec<Choice<'_>> {
    let choice = |(id, c)| {
        let node = ir.node(id);
        let form = match evaluation(node, c) {
            Evaluation::Factored => None,
            Evaluation::WithSelections => Some(SelectionForm::of(ir, node, c)?),
            _ => return None,
        };
        Some(Choice { id, node, c, form })
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
    choices.iter().filter(|choice| choice.form.is_none()).collect()
}

/// The first contraction that has factors.
pub(super) fn first_with_factors(ir: &Ir) -> Option<(NodeId, &Contraction)> {
    ir.contractions().find(|(_, c)| !c.factors.is_empty())
}

impl Choice<'_> {
    /// Whether a tree with this number of leaves can belong to the contraction.
    pub(super) fn takes(&self, leaves: usize) -> bool {
        leaves == self.c.factors.len() || self.form.as_ref().is_some_and(|form| leaves == form.leaves())
    }

    /// The network that a tree with this number of leaves belongs to, and the names of its axes.
    pub(super) fn network(&self, leaves: usize) -> (Network, Vec<String>) {
        let Some(form) = self.form.as_ref().filter(|form| leaves == form.leaves()) else {
            return (network_of(self.c, &self.node.shape), axis_names(&self.c.axes));
        };
        let selected = &form.selected.network;
        let network = Network::new(form.leaf_axes(), selected.output().to_vec(), selected.extents().to_vec());
        (network.expect("axes of a checked contraction exist"), axis_names(&form.c.axes))
    }

    /// The order of a contraction with index tensors along a tree; `None` if the tree is one step. Its cost is computed
    /// after expansion.
    pub(super) fn order_along(&self, form: &SelectionForm, tree: &Tree) -> Result<Option<FoundOrder>, PlanError> {
        let several = form.selects(self.id, tree)? || tree.steps().len() > 1;
        Ok(several.then(|| without_cost(tree.clone(), "path")))
    }

    /// The order of a contraction with index tensors; `None` if one step is as cheap.
    pub(super) fn selection_order(
        &self,
        strategy: &'static Strategy,
        budget: &Budget,
    ) -> Result<Option<FoundOrder>, PlanError> {
        let (Some(form), how) = (&self.form, &Order::Strategy(strategy)) else { return Ok(None) };
        if form.selected.is_small() {
            let tree = order_with_selections(&form.selected, how, &budget.machine);
            return Ok(tree.map(|tree| without_cost(tree, strategy.name)));
        }
        // Each tensor can be gathered wherever it is used, and the last step can scatter into the result.
        let budget = &Budget { memory_bytes: None, ..*budget };
        let ordered = order(&network_of(self.c, &self.node.shape), how, budget)?;
        Ok(Some(ordered).filter(|ordered| ordered.cost.flops < points(&self.c.axes)))
    }

    /// The task to order this network of the contraction. `constants` are the tensors that depend on constant operands
    /// alone.
    pub(super) fn task<'t>(&self, network: &'t Network, constants: &'t [u32]) -> Task<'t> {
        Task { element_bytes: self.node.dtype.size() as u64, constants, ..Task::new(network) }
    }

    /// The factors that depend on constant operands alone. `constant` marks the nodes that do.
    pub(super) fn constant_factors(&self, constant: &IdVec<NodeId, bool>) -> Vec<u32> {
        let is_constant = |(_, f): &(u32, &Access<NodeId>)| constant[f.tensor];
        (0..).zip(&self.c.factors).filter(is_constant).map(|(k, _)| k).collect()
    }
}

/// An order whose cost is computed after expansion.
fn without_cost(tree: Tree, strategy: &'static str) -> FoundOrder {
    FoundOrder { tree, slices: Vec::new(), cost: Cost::default(), strategy, record: None }
}

/// The view of an expression that an order search has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedNetwork {
    /// The network. A path of it is a path of the expression.
    pub network: Network,
    /// The name of each axis, all distinct.
    pub labels: Vec<Label>,
    /// The dtype of intermediates.
    pub dtype: Dtype,
}

/// The network of the only contraction of `ir` whose order can be chosen, after the rewrites in `passes`. If every
/// contraction is evaluated in one step, that of the first contraction.
///
/// # Errors
/// [`PlanError::OnePath`] if there are several, [`OrderError::NoTensors`] if there is none; the others are defects.
pub fn named_network(ir: &Ir, passes: PassSet) -> Result<NamedNetwork, PlanError> {
    let ir = run_rewrites(ir, passes, &mut |_, _, _| {})?;
    let (id, c) = match &factored(&choices(&ir))[..] {
        [] => first_with_factors(&ir).ok_or(OrderError::NoTensors)?,
        [only] => (only.id, only.c),
        several => return Err(PlanError::OnePath { contractions: several.len() }),
    };
    let labels = axis_names(&c.axes).into_iter().map(Into::into).collect();
    Ok(NamedNetwork { network: network_of(c, &ir.node(id).shape), labels, dtype: ir.node(id).dtype })
}

/// The labels of axes, with a number after a repeated one: `k`, `k#2`.
pub(crate) fn axis_names(axes: &[Axis]) -> Vec<String> {
    let mut seen: HashMap<&str, usize> = HashMap::new();
    axes.iter()
        .map(|axis| {
            let times = seen.entry(&axis.label).or_insert(0);
            *times += 1;
            if *times == 1 { axis.label.to_string() } else { format!("{}#{times}", axis.label) }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{contraction, letters, node};

    #[test]
    fn a_network_has_the_names_and_the_dtype_of_its_contraction() {
        let found = named_network(&letters("ij,jk,kl->il", &[2, 3, 4, 5]), PassSet::ALL).unwrap();
        let named = |legs: &[u32]| legs.iter().map(|&axis| &*found.labels[axis as usize]).collect::<String>();
        assert_eq!(found.network.inputs().iter().map(|legs| named(legs)).collect::<Vec<_>>(), ["ij", "jk", "kl"]);
        assert_eq!((named(found.network.output()), found.dtype), ("il".into(), Dtype::F64));
    }

    #[test]
    fn one_operand_is_a_network_and_none_is_not() {
        assert_eq!(named_network(&letters("ii->", &[4]), PassSet::ALL).unwrap().network.inputs(), [vec![0]]);
        let refused = named_network(&Ir::new(), PassSet::ALL);
        assert_eq!(refused, Err(PlanError::Order(OrderError::NoTensors)));
    }

    #[test]
    fn several_contractions_have_no_network_in_common() {
        let mut ir = Ir::new();
        let [a, b] = ["a", "b"].map(|name| ir.input(name, Dtype::F64, [4, 4]));
        for text in ["ij,jk->ik", "ij,ij->"] {
            let y = ir.push(node(text, Dtype::F64, contraction(text, &[a, b], |_| 4))).unwrap();
            ir.output(y).unwrap();
        }
        assert_eq!(named_network(&ir, PassSet::ALL), Err(PlanError::OnePath { contractions: 2 }));
    }
}
