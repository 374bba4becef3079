//! Saved orders of whole expressions.

use einfold_ir::{IdVec, Ir, NodeId, Tree};
use einfold_order::{Budget, Order, OrderError, OrderMismatch, STRATEGIES, SavedOrder, SavedTree};

use super::Forms;
use super::choices::{Choice, choices, factored};
use crate::cost::Orders;
use crate::error::PlanError;

/// The orders of a plan as a value, from which [`Order::Saved`] makes the same plan without a search. `forms` are those
/// of the plan, `how` and `budget` what it was made with.
pub fn saved_order(forms: &Forms, how: &Order, budget: &Budget) -> SavedOrder {
    let saved = |choice: &Choice<'_>| {
        let at_once = || Tree::from_ssa(choice.c.factors.len(), &[Vec::from_iter(0..choice.c.factors.len() as u32)]);
        let (tree, slices) = match forms.orders.get(&choice.id) {
            Some(ordered) => (ordered.tree.clone(), &ordered.slices[..]),
            None => (at_once().expect("one step uses each factor once"), &[][..]),
        };
        let (network, names) = choice.network(tree.leaves());
        SavedTree::new(&network, &names, &tree, slices)
    };
    let contractions = choices(&forms.rewritten).iter().map(saved).collect();
    // A plan of a saved order keeps the limits of that saved order.
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

/// Checks that a saved order belongs to a module.
pub(super) fn check(ir: &Ir, saved: &SavedOrder) -> Result<(), PlanError> {
    let choices = choices(ir);
    assigned(&choices, saved)?.iter().enumerate().try_for_each(|(k, (choice, tree))| {
        let (network, names) = choice.network(tree.tree.leaves());
        let fits = tree.slices_of(&network, &names).map(drop);
        Ok(fits.map_err(|what| what.in_contraction(k, saved.contractions.len()))?)
    })
}

/// Assigns trees to contractions. It suffices that all contractions without index tensors have trees.
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

/// The orders of a module from a saved order. `constant` marks the nodes that depend on constant operands alone. A
/// contraction with index tensors for which the saved order has no tree gets the default strategy.
pub(super) fn follow(
    ir: &Ir,
    constant: &IdVec<NodeId, bool>,
    saved: &SavedOrder,
    budget: &Budget,
) -> Result<Orders, PlanError> {
    let choices = choices(ir);
    let of = saved.contractions.len();
    let mut assigned = assigned(&choices, saved)?.into_iter().enumerate().peekable();
    let mut orders = Orders::new();
    for choice in &choices {
        let ordered = match (assigned.next_if(|(_, (at, _))| at.id == choice.id), &choice.form) {
            (None, _) => choice.selection_order(&STRATEGIES[0], budget)?,
            (Some((k, (_, tree))), Some(_)) if !tree.slices.is_empty() => {
                return Err(OrderMismatch::Sliced.in_contraction(k, of).into());
            }
            (Some((_, (_, tree))), Some(form)) => choice.order_along(form, &tree.tree)?,
            (Some((k, (_, tree))), None) => {
                let (network, names) = choice.network(tree.tree.leaves());
                let ordered = tree.follow(&choice.task(&network, &choice.constant_factors(constant)), &names);
                let within =
                    ordered.and_then(|ordered| saved.check_largest(ordered.cost.size, budget).map(|()| ordered));
                Some(within.map_err(|what| what.in_contraction(k, of))?)
            }
        };
        orders.extend(ordered.map(|ordered| (choice.id, ordered)));
    }
    Ok(orders)
}
