//! The whole way from an expression to a plan.

mod build;
mod cost;
mod orders;

use einfold_ir::{Contraction, Cost, Count, Def, Ir, NodeId, Plan};
use einfold_order::{Budget, Effort, Order, OrderError, Ordered, Task, order_task};

use self::build::Built;
use self::cost::total_cost;
use crate::passes::{Pass, PassSet};
use crate::{Hints, Memory, PlanError, Rewrite, rewrite};

pub(crate) use cost::{naive_flops, points};

/// What may be chosen beside the order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct PlanOptions {
    /// The layouts that are expected of the caller's arrays.
    pub hints: Hints,
    /// Which passes run.
    pub passes: PassSet,
}

/// A plan and how it came about.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// The plan. The origins of its steps are nodes of `ir`.
    pub plan: Plan,
    /// The expression as it was rewritten before anything was ordered.
    pub rewritten: Ir,
    /// How often each rewriting that ran changed something.
    pub rewrites: Vec<(&'static Rewrite, usize)>,
    /// The expression with its orders written out: one node a step.
    pub ir: Ir,
    /// The orders that were chosen, by node of the rewritten expression.
    pub orders: Vec<(NodeId, Ordered)>,
    /// Those of contractions with ids for which one step is not cheapest, likewise. Their trees have the
    /// [selections](einfold_order::Selection) of the ids as further leaves, or the factors alone.
    pub through_ids: Vec<(NodeId, Ordered)>,
    /// What it costs, whatever the machine.
    pub cost: Cost,
    /// What memory it takes.
    pub memory: Memory,
    /// How often each pass that ran changed something.
    pub changes: Vec<(&'static Pass, usize)>,
}

/// How often contractions are ordered until the plan keeps to the memory limit.
const ATTEMPTS: u32 = 4;
/// From one attempt to the next, the limit of the search goes down at least so much.
const LESS: f64 = 0.9;

/// Plans an expression: rewrites it, orders every contraction that may be factored, writes the orders back, lowers, runs the passes.
///
/// The memory limit of the budget counts what a run takes besides its operands: results, intermediates, and copies of what
/// does not fold into matrices. The order search knows of the first two; where the plan takes more than the limit after all, it is
/// asked again for less.
///
/// # Errors
/// [`PlanError::Order`] as [`order_task`] has it; [`PlanError::OnePath`] for a path where several contractions have an order;
/// [`PlanError::TooLarge`] where the memory limit, or what can be addressed, is exceeded. The others are defects.
pub fn compile(ir: &Ir, how: &Order, budget: &Budget, options: &PlanOptions) -> Result<Compiled, PlanError> {
    compile_by(ir, how, budget, options, &|task, how, budget| order_task(task, how, budget, &()))
}

/// Finds the order of a task.
type Search<'s> = dyn Fn(&Task<'_>, &Order, &Budget) -> Result<Ordered, OrderError> + 's;

/// As [`compile`], by any search.
fn compile_by(
    ir: &Ir,
    how: &Order,
    budget: &Budget,
    options: &PlanOptions,
    search: &Search<'_>,
) -> Result<Compiled, PlanError> {
    let mut rewrites = Vec::new();
    let choice = orders::choice(ir, how, options.passes)?;
    let rewritten = rewrite(ir, choice, &mut |rewrite, count, _| rewrites.push((rewrite, count)))?;
    let ir = &rewritten;
    let through_ids = orders::through_ids(ir, how, budget)?;
    let searched = matches!(how, Order::Strategy(_));
    let mut asked = Asked::new(budget);
    let mut least: Option<(Count, PlanError)> = None;
    loop {
        let orders = match orders::all(ir, how, &asked.budget(), search) {
            Ok(orders) => orders,
            // That the search cannot do with less is no news.
            Err(error) => return Err(least.map_or(error, |(_, least)| least)),
        };
        let built = Built::of(ir, orders.iter().chain(&through_ids), options, budget.memory_bytes)?;
        let total = built.memory.total();
        let Err(error) = built.within(budget.memory_bytes) else {
            let cost = total_cost(ir, orders.iter().chain(&through_ids));
            let Built { applied: ir, plan, memory, changes } = built;
            return Ok(Compiled { plan, rewritten, rewrites, ir, orders, through_ids, cost, memory, changes });
        };
        let found = least.filter(|(bytes, _)| *bytes <= total).unwrap_or((total, error));
        if !searched || orders.is_empty() || !asked.less(total) {
            return Err(found.1);
        }
        least = Some(found);
    }
}

/// What the search is asked for.
struct Asked {
    budget: Budget,
    /// The memory limit of the plan.
    limit: Option<u64>,
    attempts: u32,
}

impl Asked {
    fn new(budget: &Budget) -> Asked {
        Asked { budget: *budget, limit: budget.memory_bytes, attempts: ATTEMPTS }
    }

    /// What this attempt may use: of a given time half of what is left, unless it is the last attempt or there is but one.
    fn budget(&mut self) -> Budget {
        let mut budget = self.budget;
        self.attempts -= 1;
        if let (Effort::Time(left), Some(_), 1..) = (self.budget.effort, self.limit, self.attempts) {
            budget.effort = Effort::Time(left / 2);
            self.budget.effort = Effort::Time(left - left / 2);
        }
        budget
    }

    /// Asks for as much less as the plan took too much; whether there is another attempt.
    fn less(&mut self, total: Count) -> bool {
        let (Some(limit), Some(asked)) = (self.limit, self.budget.memory_bytes) else { return false };
        let share = (limit as f64).log2() - total.log2();
        let next = (asked as f64 * share.exp2().min(LESS)) as u64;
        self.budget.memory_bytes = Some(next);
        self.attempts > 0 && next > 0
    }
}

fn contractions(ir: &Ir) -> impl Iterator<Item = (NodeId, &Contraction)> {
    ir.ids().filter_map(|id| match &ir.node(id).def {
        Def::Contract(c) => Some((id, c)),
        _ => None,
    })
}

#[cfg(test)]
mod tests;
