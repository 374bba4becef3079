//! Orders of whole expressions as values.

use einfold_ir::{Contraction, Cost, IdVec, Ir, Network, NodeId, Tree};
use einfold_order::{Budget, FoundOrder, Order, OrderError, OrderMismatch, SavedOrder, SavedTree, Task};

use super::orders::constant_factors;
use super::{Compiled, contractions};
use crate::lift::Lifted;
use crate::named::axis_names;
use crate::network::network_of;
use crate::{PlanError, Treatment, treatment};

/// A contraction that has an order to choose.
pub(super) struct Choice<'i> {
    pub(super) id: NodeId,
    pub(super) c: &'i Contraction,
    /// The extents of its result.
    pub(super) shape: &'i [usize],
    /// One with ids, as the search sees it.
    pub(super) lifted: Option<Lifted>,
}

/// The contractions that have an order to choose.
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
    contractions(ir).filter_map(choice).collect()
}

/// The contraction that a path is for: the only one without ids, or if all have ids the only one.
pub(super) fn only<'c, 'i>(choices: &'c [Choice<'i>]) -> Option<&'c Choice<'i>> {
    match (&factored(choices)[..], choices) {
        ([only], _) => Some(only),
        ([], [only]) => Some(only),
        _ => None,
    }
}

fn factored<'c, 'i>(choices: &'c [Choice<'i>]) -> Vec<&'c Choice<'i>> {
    choices.iter().filter(|choice| choice.lifted.is_none()).collect()
}

impl Choice<'_> {
    /// Whether a tree of so many leaves can be one of it.
    pub(super) fn takes(&self, leaves: usize) -> bool {
        leaves == self.c.factors.len() || self.lifted.as_ref().is_some_and(|lifted| leaves == lifted.leaves())
    }

    /// The network that a tree of so many leaves is one of, and the names of its axes.
    fn network(&self, leaves: usize) -> (Network, Vec<String>) {
        let Some(lifted) = self.lifted.as_ref().filter(|lifted| leaves == lifted.leaves()) else {
            return (network_of(self.c, self.shape), axis_names(&self.c.axes));
        };
        let selected = &lifted.selected.network;
        let selections = (0..lifted.selected.selections.len()).map(|k| lifted.selection_axes(k));
        let inputs = selected.inputs().iter().cloned().chain(selections).collect();
        let network = Network::new(inputs, selected.output().to_vec(), selected.extents().to_vec());
        (network.expect("axes of a checked contraction exist"), axis_names(&lifted.c.axes))
    }
}

/// The orders of a plan as a value, which leads to the same plan without any search: with [`Order::Saved`]. `how` and `budget` are
/// those that the plan was made with.
pub fn saved_order(compiled: &Compiled, how: &Order, budget: &Budget) -> SavedOrder {
    let found = |id: NodeId| {
        let all = compiled.orders.iter().chain(&compiled.through_ids);
        all.filter(|(at, _)| *at == id).map(|(_, ordered)| ordered).next()
    };
    let saved = |choice: &Choice<'_>| {
        let at_once = || Tree::from_ssa(choice.c.factors.len(), &[(0..choice.c.factors.len() as u32).collect()]);
        let (tree, slices) = match found(choice.id) {
            Some(ordered) => (ordered.tree.clone(), &ordered.slices[..]),
            None => (at_once().expect("one step uses each factor once"), &[][..]),
        };
        let (network, names) = choice.network(tree.leaves());
        SavedTree::new(&network, &names, &tree, slices)
    };
    let contractions = choices(&compiled.rewritten).iter().map(saved).collect();
    // What was followed was found for limits of its own.
    let (objective, memory_bytes, largest) = match how {
        Order::Saved(followed) => (followed.objective, followed.memory_bytes, followed.largest),
        _ => (budget.objective, None, None),
    };
    SavedOrder {
        contractions,
        objective,
        memory_bytes: budget.memory_bytes.or(memory_bytes),
        largest: budget.largest.or(largest),
    }
}

/// What a saved order says.
pub(super) struct Followed {
    pub(super) factored: Vec<(NodeId, FoundOrder)>,
    /// None if it says nothing of contractions with ids.
    pub(super) through_ids: Option<Vec<(NodeId, FoundOrder)>>,
}

/// Whether a saved order is one of an expression.
pub(super) fn check(ir: &Ir, saved: &SavedOrder) -> Result<(), PlanError> {
    let choices = choices(ir);
    assigned(&choices, saved)?.iter().enumerate().try_for_each(|(k, (choice, tree))| {
        let (network, names) = choice.network(tree.tree.leaves());
        let fits = tree.slices_of(&network, &names).map(drop);
        Ok(fits.map_err(|what| what.in_contraction(k, saved.contractions.len()))?)
    })
}

/// Which tree is for which contraction. Trees for all contractions without ids are enough.
fn assigned<'c, 'i, 's>(
    choices: &'c [Choice<'i>],
    saved: &'s SavedOrder,
) -> Result<Vec<(&'c Choice<'i>, &'s SavedTree)>, OrderError> {
    let trees = &saved.contractions;
    let factored = factored(choices);
    if trees.len() == choices.len() {
        Ok(choices.iter().zip(trees).collect())
    } else if trees.len() == factored.len() {
        Ok(factored.into_iter().zip(trees).collect())
    } else {
        Err(OrderMismatch::Contractions { saved: trees.len(), given: choices.len() }.into())
    }
}

/// The orders of a saved order for an expression. `constant` tells which nodes are made of constant operands alone.
pub(super) fn follow(
    ir: &Ir,
    constant: &IdVec<NodeId, bool>,
    saved: &SavedOrder,
    budget: &Budget,
) -> Result<Followed, PlanError> {
    let (choices, of) = (choices(ir), saved.contractions.len());
    let assigned = assigned(&choices, saved)?;
    let (mut factored, mut through_ids) = (Vec::new(), Vec::new());
    for (k, (choice, saved_tree)) in assigned.iter().enumerate() {
        let Choice { id, c, lifted, .. } = choice;
        let (network, names) = choice.network(saved_tree.tree.leaves());
        let constants = constant_factors(c, constant);
        let element_bytes = ir.node(*id).dtype.size() as u64;
        let task = Task { element_bytes, constants: &constants, ..Task::new(&network) };
        let ordered = match lifted {
            None => saved_tree.follow(&task, &names),
            Some(_) if !saved_tree.slices.is_empty() => Err(OrderMismatch::Sliced),
            Some(lifted) => {
                through_ids.extend(through(*id, c, lifted, &saved_tree.tree)?.map(|ordered| (*id, ordered)));
                continue;
            }
        };
        let within = ordered.and_then(|ordered| saved.check_largest(ordered.cost.size, budget).map(|()| ordered));
        factored.push((*id, within.map_err(|what| what.in_contraction(k, of))?));
    }
    let all = assigned.len() == choices.len();
    Ok(Followed { factored, through_ids: all.then_some(through_ids) })
}

/// The order of a contraction with ids along a tree; none if that is one step. What it costs is known when it is written out.
pub(super) fn through(
    id: NodeId,
    c: &Contraction,
    lifted: &Lifted,
    tree: &Tree,
) -> Result<Option<FoundOrder>, PlanError> {
    let several = if tree.leaves() == lifted.leaves() {
        if !lifted.selected.accepts(tree) {
            return Err(PlanError::Ids { node: id });
        }
        true
    } else if tree.leaves() == c.factors.len() {
        tree.steps().len() > 1
    } else {
        return Err(PlanError::Leaves { node: id, leaves: tree.leaves(), factors: lifted.leaves() });
    };
    let ordered =
        || FoundOrder { tree: tree.clone(), slices: Vec::new(), cost: Cost::default(), strategy: "path", record: None };
    Ok(several.then(ordered))
}
