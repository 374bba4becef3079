//! The whole way from an expression to a plan.

mod build;
mod cost;
mod orders;
mod saved;

use einfold_ir::{Contraction, Cost, Count, Def, IdVec, Ir, NodeId, Plan};
use einfold_order::{Budget, Effort, FoundOrder, Order, OrderError, SavedOrder, Task, order_task};

use self::build::Built;
use self::cost::{made_cost, total_cost};
use crate::apply::{Applied, Made};
use crate::constants::{self, Part};
use crate::error::Unsliced;
use crate::passes::{Pass, PassSet};
use crate::{Hints, Memory, PlanError, Rewrite, Treatment, rewrite, treatment};

pub(crate) use cost::{naive_flops, node_flops, points};
pub use saved::saved_order;

/// What may be chosen beside the order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct PlanOptions {
    /// The layouts that are expected of the caller's arrays.
    pub hints: Hints,
    /// Which passes run.
    pub passes: PassSet,
    /// Operands that stay the same from run to run: what is made of them alone gets a plan of its own.
    pub constants: Vec<u32>,
}

/// What is computed once of constant operands.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// Its results are the last operands of the plan of the rest.
    pub plan: Plan,
    /// Which operands of the expression are its operands.
    pub operands: Vec<u32>,
}

/// A plan and how it came about.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// The plan. The origins of its steps are nodes of `ir`.
    pub plan: Plan,
    /// Which operands of the expression are its operands, before what is prepared: without constants all.
    pub operands: Vec<u32>,
    /// What is to be computed before of constants, if there are some. Nothing else tells of it.
    pub prepared: Option<Prepared>,
    /// The expression as it was rewritten before anything was ordered; without what is prepared.
    pub rewritten: Ir,
    /// How often each rewriting that ran changed something.
    pub rewrites: Vec<(&'static Rewrite, usize)>,
    /// The expression with its orders written out: one node a step.
    pub ir: Ir,
    /// By node of the rewritten expression: which nodes of `ir` it became.
    pub made: IdVec<NodeId, Made>,
    /// The orders that were chosen, by node of the rewritten expression.
    pub orders: Vec<(NodeId, FoundOrder)>,
    /// Those of contractions with ids for which one step is not cheapest, likewise. Their trees have the
    /// [selections](einfold_order::Selection) of the ids as further leaves, or the factors alone.
    pub through_ids: Vec<(NodeId, FoundOrder)>,
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
/// does not fold into matrices, packed by kernels included. The order search knows of the first two; where the plan takes more than
/// the limit after all, it is asked again for less.
///
/// # Errors
/// [`PlanError::Order`] as [`order_task`] has it, and for a saved order that does not fit; [`PlanError::OnePath`] for a path where several contractions have an order;
/// [`PlanError::TooLarge`] where the memory limit, or what can be addressed, is exceeded. The others are defects.
pub fn compile(ir: &Ir, how: &Order, budget: &Budget, options: &PlanOptions) -> Result<Compiled, PlanError> {
    compile_by(ir, how, budget, options, &|task, how, budget| order_task(task, how, budget, &()))
}

/// Finds the order of a task.
type Search<'s> = dyn Fn(&Task<'_>, &Order, &Budget) -> Result<FoundOrder, OrderError> + 's;

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
    let constant = match &options.constants[..] {
        [] => rewritten.per_node(false),
        operands => constants::constant_nodes(&rewritten, operands),
    };
    if let Order::Saved(saved) = how {
        return compile_saved(&rewritten, &constant, saved, budget, options, rewrites);
    }
    let mut through_ids = orders::through_ids(&rewritten, how, budget)?;
    let limit = budget.memory_bytes;
    let searched = matches!(how, Order::Strategy(_));
    let mut asked = Asked::new(budget);
    let mut least: Option<(Count, PlanError)> = None;
    let mut without_kernels = None;
    let refused = loop {
        let (before, rest) = match orders::all(&rewritten, &constant, how, &asked.budget(), search) {
            Ok(orders) => parts(&rewritten, orders, &through_ids, options)?,
            // A retry with a smaller limit failed: the smallest plan found so far is reported.
            Err(error) => break least.map_or(error, |(_, least)| least),
        };
        let built = Built::of(&rest, options, budget)?;
        let total = built.memory.total();
        let Err(error) = built.within(limit) else {
            // Slices that leave room for kernels may multiply far more.
            let flops = flops(&rest);
            if let Some(part) = without_kernels
                .take_if(|(_, first)| flops > self::flops(first) * Count::from(budget.machine.nest_ratio()))
                && let Some(compiled) = as_loops(part, &rewrites, options, budget)?
            {
                return Ok(compiled);
            }
            return finish(before, rest, built, rewrites, options);
        };
        let found = least.filter(|(bytes, _)| *bytes <= total).unwrap_or((total, why(error, &rest, searched)));
        let orders = rest.orders.len();
        if built.memory.fits_without_kernels(limit) {
            without_kernels.get_or_insert((before, rest));
        }
        if searched && !through_ids.is_empty() {
            // In one step nothing is made in between.
            through_ids.clear();
            least = Some(found);
            continue;
        }
        if !searched || orders == 0 || !asked.less(total) {
            break found.1;
        }
        least = Some(found);
    };
    let compiled = without_kernels.map(|part| as_loops(part, &rewrites, options, budget)).transpose()?;
    compiled.flatten().ok_or(refused)
}

/// Follows a saved order of a rewritten expression.
fn compile_saved(
    rewritten: &Ir,
    constant: &IdVec<NodeId, bool>,
    saved: &SavedOrder,
    budget: &Budget,
    options: &PlanOptions,
    rewrites: Vec<(&'static Rewrite, usize)>,
) -> Result<Compiled, PlanError> {
    let followed = saved::follow(rewritten, constant, saved, budget)?;
    let through_ids = match followed.through_ids {
        Some(known) => known,
        None => orders::through_ids(rewritten, &Order::default(), budget)?,
    };
    // It is followed within the limit that it was found for.
    let limit = budget.memory_bytes.or(saved.memory_bytes);
    let within = &Budget { memory_bytes: limit, ..*budget };
    let (before, rest) = parts(rewritten, followed.factored, &through_ids, options)?;
    let built = Built::of(&rest, options, within)?;
    if built.within(limit).is_err() {
        if built.memory.fits_without_kernels(limit)
            && let Some(compiled) = as_loops((before.clone(), rest.clone()), &rewrites, options, within)?
        {
            return Ok(compiled);
        }
        // Operands of a wider dtype may take more than the limit that it was found for.
        saved.check_memory(built.memory.total(), budget).map_err(OrderError::from)?;
    }
    finish(before, rest, built, rewrites, options)
}

/// The multiply-adds of all orders.
fn flops(part: &Part) -> Count {
    total_cost(&part.ir, part.orders.iter()).flops
}

/// The plan in which products run as loops, which need no room for what kernels pack but take longer; none if it exceeds the
/// limit too.
fn as_loops(
    (before, rest): (Option<Part>, Part),
    rewrites: &[(&'static Rewrite, usize)],
    options: &PlanOptions,
    budget: &Budget,
) -> Result<Option<Compiled>, PlanError> {
    let options = &PlanOptions { passes: options.passes.without("gemm").unwrap_or(options.passes), ..options.clone() };
    let built = Built::of(&rest, options, budget)?;
    match built.within(budget.memory_bytes) {
        Ok(()) => finish(before, rest, built, rewrites.to_vec(), options).map(Some),
        Err(_) => Ok(None),
    }
}

/// The error for a plan that takes too much, with why there is none in slices.
fn why(error: PlanError, part: &Part, searched: bool) -> PlanError {
    let PlanError::TooLarge(mut excess) = error else { return error };
    let sliceable = |(id, c): (NodeId, &Contraction)| treatment(part.ir.node(id), c) == Treatment::Factored;
    let first = contractions(&part.ir).next().map(|(id, c)| treatment(part.ir.node(id), c));
    if excess.why == Unsliced::Sliced {
        excess.why = match first {
            _ if contractions(&part.ir).any(sliceable) && searched => Unsliced::Sliced,
            _ if contractions(&part.ir).any(sliceable) => Unsliced::GivenOrder,
            Some(treatment) => Unsliced::OneStep(treatment),
            None => Unsliced::Sliced,
        };
    }
    PlanError::TooLarge(excess)
}

/// What is made of constants, if there are some, and the rest.
fn parts(
    ir: &Ir,
    mut orders: Vec<(NodeId, FoundOrder)>,
    through_ids: &[(NodeId, FoundOrder)],
    options: &PlanOptions,
) -> Result<(Option<Part>, Part), PlanError> {
    orders.extend(through_ids.iter().cloned());
    orders.sort_by_key(|(id, _)| *id);
    if options.constants.is_empty() {
        let operands = (0..ir.inputs().len() as u32).collect();
        let hints = options.hints.clone();
        return Ok((None, Part { ir: ir.clone(), orders, operands, hints }));
    }
    let (lifted, orders) = constants::lift(ir, &orders, &options.constants)?;
    let (mut before, mut rest) = constants::split(&lifted, &orders, &options.constants)?;
    (before.hints.inputs, rest.hints.inputs) =
        (before.layouts(&options.hints.inputs), rest.layouts(&options.hints.inputs));
    rest.hints.outputs.clone_from(&options.hints.outputs);
    Ok((Some(before), rest))
}

/// Puts together what was found.
fn finish(
    before: Option<Part>,
    rest: Part,
    built: Built,
    rewrites: Vec<(&'static Rewrite, usize)>,
    options: &PlanOptions,
) -> Result<Compiled, PlanError> {
    let unlimited = Budget { machine: built.plan.machine, ..Budget::default() };
    let prepare = |part: Part| {
        let Built { plan, .. } = Built::of(&part, options, &unlimited)?;
        Ok::<_, PlanError>(Prepared { plan, operands: part.operands })
    };
    let prepared = before.map(prepare).transpose()?;
    let Part { ir: rewritten, orders, operands, .. } = rest;
    let Built { applied: Applied { ir, made }, plan, memory, changes } = built;
    let has_ids = |(id, _): &(NodeId, FoundOrder)| match &rewritten.node(*id).def {
        Def::Contract(c) => treatment(rewritten.node(*id), c) == Treatment::ThroughIds,
        _ => false,
    };
    let (mut through_ids, orders): (Vec<_>, Vec<_>) = orders.into_iter().partition(has_ids);
    for (id, ordered) in &mut through_ids {
        ordered.cost = made_cost(&ir, &made[*id]);
    }
    let cost = total_cost(&rewritten, orders.iter().chain(&through_ids));
    Ok(Compiled { plan, operands, prepared, rewritten, rewrites, ir, made, orders, through_ids, cost, memory, changes })
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
        let total = total.exact().map_or(f64::INFINITY, |total| total as f64);
        let next = (asked as f64 * (limit as f64 / total).min(LESS)) as u64;
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
