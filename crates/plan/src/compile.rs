//! Compiles a module to a plan: runs the pipeline, and repeats the order search with a smaller limit if the plan
//! exceeds the memory limit.

mod build;
mod choices;
mod direct;
mod orders;
mod saved;

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use einfold_ir::{Cost, Count, IdVec, Ir, Machine, NodeId, Plan};
use smallvec::SmallVec;

use einfold_order::{Budget, Effort, FoundOrder, Order, OrderError, SavedOrder, Task, order_task};

use self::build::{Builder, PlannedPart};
use self::orders::Finder;
use crate::cost::{Orders, expansion_cost, total_cost};
use crate::error::{MemoryExcess, PlanError, WhyNotSliced};
use crate::evaluation::Evaluation;
use crate::expand::{Expanded, Expansion};
use crate::hoist::{ModulePart, constant_nodes};
use crate::lower::Hints;
use crate::memory::Memory;
use crate::pipeline::PassSet;

pub use self::choices::{NamedNetwork, named_network};
pub use self::direct::compile_product;
pub use self::saved::saved_order;

/// The options of a compilation besides the order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct PlanOptions {
    /// The layout hints of the caller's arrays.
    pub hints: Hints,
    /// The rewrites and passes that run.
    pub passes: PassSet,
    /// Constant operands: what depends on them alone gets a plan of its own.
    pub constants: Vec<u32>,
}

/// The computation that depends on constant operands alone, run once.
#[derive(Clone, Debug)]
pub struct ConstantPlan {
    /// The plan. Its results are the last operands of the main plan.
    pub plan: Plan,
    /// The operands of the plan, as positions among the operands of the expression.
    pub operands: Vec<u32>,
}

/// A plan with its cost and memory, and the forms that led to it.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// The plan. The origins of its steps are nodes of the expanded module.
    pub plan: Plan,
    /// The operands of the plan, as positions among the operands of the expression, without the results of
    /// `constant_plan`. Without constant operands, all.
    pub operands: SmallVec<[u32; 4]>,
    /// The plan that computes constant subexpressions once; not part of `cost`, `memory` and the forms.
    pub constant_plan: Option<Box<ConstantPlan>>,
    /// The cost of the expression, independent of the machine.
    pub cost: Cost,
    /// The memory that a run needs.
    pub memory: Memory,
    /// The rewrites and passes that ran. With the module that was compiled and the forms they give every form in
    /// between, which [`Explain`](crate::Explain) shows.
    pub passes: PassSet,
    /// Made on first use if the plan was made directly.
    forms: OnceLock<Box<Forms>>,
}

/// The forms between the module and the plan, with the orders.
#[derive(Clone, Debug, Default)]
pub struct Forms {
    /// The module after the rewrites and before the order search, without the nodes of `constant_plan`.
    pub rewritten: Arc<Ir>,
    /// The expanded module: one node for each step of each tree.
    pub ir: Ir,
    /// For each node of `rewritten`, the nodes of `ir` that replace it.
    pub expansions: IdVec<NodeId, Expansion, 0>,
    /// The chosen orders, by node of `rewritten`. A contraction with index tensors has an order only if one step is not
    /// cheapest; the leaves of its tree are the factors, or the factors and the [selections](einfold_order::Selection).
    pub orders: BTreeMap<NodeId, FoundOrder>,
    /// The layout hints of the operands and results of the plan.
    pub hints: Hints,
}

impl Compiled {
    /// The forms between `ir`, the module that was compiled, and the plan.
    pub fn forms(&self, ir: &Ir) -> &Forms {
        self.forms.get_or_init(|| direct::forms(ir, &self.plan))
    }
}

impl Forms {
    /// The orders of contractions without index tensors.
    pub fn without_selections(&self) -> impl Iterator<Item = &FoundOrder> {
        let selects = |id: NodeId| self.expansions[id].evaluation == Some(Evaluation::WithSelections);
        self.orders.iter().filter(move |(id, _)| !selects(**id)).map(|(_, ordered)| ordered)
    }
}

/// The most searches for an order within the memory limit.
const ATTEMPTS: u32 = 4;
/// The largest ratio of the limit of one search to the limit of the search before.
const LESS: f64 = 0.9;

/// Plans an expression: rewrites it, orders every contraction that can be factored, expands, lowers, and runs the
/// passes.
///
/// The memory limit of the budget has room for results and intermediates; a run packs the factors of products in what
/// is left. The order search knows the sizes of tensors, not their offsets in memory; if the plan exceeds the limit
/// nevertheless, the search is repeated with a smaller limit.
///
/// # Errors
/// [`PlanError::Order`] as for [`order_task`], and for a saved order that does not fit; [`PlanError::OnePath`] for a
/// path if several contractions have an order; [`PlanError::TooLarge`] if the memory limit or the address space is
/// exceeded. The others are defects.
pub fn compile(ir: &Ir, how: &Order, budget: &Budget, options: &PlanOptions) -> Result<Compiled, PlanError> {
    direct::compile(ir, how, budget, options).map_or_else(|| fully(ir, how, budget, options), Ok)
}

/// Compiles with all stages.
fn fully(ir: &Ir, how: &Order, budget: &Budget, options: &PlanOptions) -> Result<Compiled, PlanError> {
    compile_by(ir, how, budget, options, &|task, how, budget| order_task(task, how, budget, &()))
}

/// A function that finds the order of a task.
type Search<'s> = dyn Fn(&Task<'_>, &Order, &Budget) -> Result<FoundOrder, OrderError> + 's;

/// Compiles as [`compile`] does, with any search.
fn compile_by(
    ir: &Ir,
    how: &Order,
    budget: &Budget,
    options: &PlanOptions,
    search: &Search<'_>,
) -> Result<Compiled, PlanError> {
    let (rewritten, passes) = orders::rewritten(ir, how, options.passes)?;
    let rewritten = &Arc::new(rewritten);
    let constant = &constant_nodes(rewritten, &options.constants);
    let limit = budget.memory_bytes;
    let builder = Builder { passes, limit };
    let mut planner = Planner { options, builder, rewritten, constant, machine: &budget.machine };
    if let Order::Saved(saved) = how {
        return planner.follow(saved, budget);
    }
    let mut finder = Finder::new(rewritten, constant, (how, budget), search)?;
    let searched = matches!(how, Order::Strategy(_));
    let mut budgets = SearchBudgets::new(budget);
    let mut least: Option<(Count, PlanError)> = None;
    loop {
        let part = match finder.all(&budgets.next()) {
            Ok(orders) => planner.part(orders)?,
            // A retry with a smaller limit failed: the smallest plan found so far is reported.
            Err(error) => return Err(least.map_or(error, |(_, least)| least)),
        };
        let built = builder.build(&part)?;
        let least_bytes = built.memory.least();
        let Some(excess) = built.excess else { return planner.finish(part, built) };
        let error = with_reason(excess, &built.expanded.expansions, searched);
        let found = least.filter(|(bytes, _)| *bytes <= least_bytes).unwrap_or((least_bytes, error));
        let has_orders = !part.orders.is_empty();
        if !searched || !(finder.drop_selections() || (has_orders && budgets.reduce_limit(least_bytes))) {
            return Err(found.1);
        }
        least = Some(found);
    }
}

/// Makes plans of a rewritten module whose orders are known.
struct Planner<'a> {
    options: &'a PlanOptions,
    builder: Builder,
    rewritten: &'a Arc<Ir>,
    constant: &'a IdVec<NodeId, bool>,
    machine: &'a Machine,
}

impl Planner<'_> {
    /// The module with these orders; without what depends on constant operands alone, which is a part of its own.
    fn part(&self, orders: Orders) -> Result<ModulePart, PlanError> {
        let whole = ModulePart::whole(self.rewritten.clone(), orders, self.options.hints.clone(), *self.machine);
        if self.options.constants.is_empty() { Ok(whole) } else { whole.hoist(&self.options.constants, self.constant) }
    }

    /// Makes the plan of a saved order.
    fn follow(&mut self, saved: &SavedOrder, budget: &Budget) -> Result<Compiled, PlanError> {
        let part = self.part(saved::follow(self.rewritten, self.constant, saved, budget)?)?;
        // Without a limit in the budget, the limit of the saved order's search applies.
        self.builder.limit = budget.memory_bytes.or(saved.memory_bytes);
        let built = self.builder.build(&part)?;
        if built.excess.is_some() {
            // With operands of a wider dtype, the plan may exceed the limit of the saved order.
            saved.check_memory(built.memory.least(), budget).map_err(OrderError::from)?;
        }
        self.finish(part, built)
    }

    /// Assembles the result and plans the constant part.
    fn finish(&mut self, part: ModulePart, built: PlannedPart) -> Result<Compiled, PlanError> {
        let ModulePart { ir: rewritten, mut orders, operands, constant, hints, .. } = part;
        let constant_plan = constant.map(|part| {
            let PlannedPart { plan, .. } = Builder { limit: None, ..self.builder }.build(&part)?;
            Ok::<_, PlanError>(Box::new(ConstantPlan { plan, operands: part.operands }))
        });
        let constant_plan = constant_plan.transpose()?;
        let PlannedPart { expanded: Expanded { ir, expansions }, plan, memory, .. } = built;
        for (id, ordered) in &mut orders {
            if expansions[*id].evaluation == Some(Evaluation::WithSelections) {
                ordered.cost = expansion_cost(&ir, &expansions[*id]);
            }
        }
        let (cost, passes) = (total_cost(&rewritten, &orders), self.builder.passes);
        let forms = OnceLock::from(Box::new(Forms { rewritten, ir, expansions, orders, hints }));
        Ok(Compiled { plan, operands: operands.into(), constant_plan, cost, memory, passes, forms })
    }
}

/// The error for a plan that exceeds the limit, with the reason why slices do not help.
fn with_reason(mut excess: MemoryExcess, expansions: &[Expansion], searched: bool) -> PlanError {
    let evaluations = || expansions.iter().filter_map(|expansion| expansion.evaluation);
    if excess.why == WhyNotSliced::Sliced {
        excess.why = match evaluations().next() {
            Some(first) if evaluations().all(|other| other != Evaluation::Factored) => WhyNotSliced::OneStep(first),
            Some(_) if !searched => WhyNotSliced::GivenOrder,
            _ => WhyNotSliced::Sliced,
        };
    }
    PlanError::TooLarge(Box::new(excess))
}

/// The budgets of successive searches.
struct SearchBudgets {
    budget: Budget,
    /// The memory limit of the plan.
    limit: Option<u64>,
    attempts: u32,
}

impl SearchBudgets {
    fn new(budget: &Budget) -> SearchBudgets {
        SearchBudgets { budget: *budget, limit: budget.memory_bytes, attempts: ATTEMPTS }
    }

    /// The budget of the next search: of a time budget half of the remaining time, or all of it in the last attempt or
    /// if there is no limit.
    fn next(&mut self) -> Budget {
        let mut budget = self.budget;
        self.attempts -= 1;
        if let (Effort::Time(left), Some(_), 1..) = (self.budget.effort, self.limit, self.attempts) {
            budget.effort = Effort::Time(left / 2);
            self.budget.effort = Effort::Time(left - left / 2);
        }
        budget
    }

    /// Reduces the memory limit of the search by the ratio of the limit to `total`. Returns whether another attempt is
    /// allowed.
    fn reduce_limit(&mut self, total: Count) -> bool {
        let (Some(limit), Some(asked)) = (self.limit, self.budget.memory_bytes) else { return false };
        let total = total.exact().map_or(f64::INFINITY, |total| total as f64);
        let next = (asked as f64 * (limit as f64 / total).min(LESS)) as u64;
        self.budget.memory_bytes = Some(next);
        self.attempts > 0 && next > 0
    }
}

#[cfg(test)]
mod tests;
