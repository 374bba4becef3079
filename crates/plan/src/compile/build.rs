//! From orders to a plan: in how many lanes slices run, and whether that keeps to a memory limit.

use einfold_ir::{Count, Draft, IdVec, Ir, Machine, NodeId, Plan};
use einfold_order::{Budget, FoundOrder};

use crate::apply::{Applied, write_out};
use crate::constants::Part;
use crate::passes::{Pass, optimize};
use crate::{Memory, PlanError, PlanOptions, Route, lower, memory};

/// Where one turn is as much work as starting threads this many times, its steps keep threads busy, and lanes would only take
/// memory.
const LARGE_TURN: u64 = 128;

/// A plan of an expression whose orders are written out.
pub(super) struct Built {
    pub(super) applied: Applied,
    pub(super) plan: Plan,
    pub(super) memory: Memory,
    pub(super) changes: Vec<(&'static Pass, usize)>,
}

impl Built {
    /// The plan, for the machine of the budget, with as many lanes as are of use and keep to the memory limit; with one lane if
    /// none do.
    pub(super) fn of(part: &Part, options: &PlanOptions, budget: &Budget) -> Result<Built, PlanError> {
        let Budget { machine, memory_bytes: limit, .. } = budget;
        let mut most = u64::from(machine.partitions);
        loop {
            let mut routes = part.ir.per_node(None);
            let mut used = 1;
            for (id, ordered) in &part.orders {
                let lanes = lanes(machine, &part.ir, (*id, ordered), most);
                used = used.max(lanes);
                routes[*id] = Some(Route { lanes, least_side: machine.least_side(), ..ordered.into() });
            }
            let built = Built::along(part, &routes, options, machine)?;
            if used == 1 || built.within(*limit).is_ok() {
                return Ok(built);
            }
            most = used - 1;
        }
    }

    fn along(
        part: &Part,
        routes: &IdVec<NodeId, Option<Route<'_>>>,
        options: &PlanOptions,
        machine: &Machine,
    ) -> Result<Built, PlanError> {
        let applied = write_out(&part.ir, routes)?;
        let draft = Draft { machine: *machine, ..lower(&applied.ir, &part.hints)? };
        let mut changes = Vec::with_capacity(options.passes.iter().count());
        let plan = optimize(draft, options.passes, &mut |pass, count, _| changes.push((pass, count)))?;
        let memory = Memory::of(&plan);
        Ok(Built { applied, plan, memory, changes })
    }

    /// Refuses a plan that takes more than the limit.
    ///
    /// # Errors
    /// [`PlanError::TooLarge`].
    pub(super) fn within(&self, limit: Option<u64>) -> Result<(), PlanError> {
        limit.map_or(Ok(()), |limit| memory::within(&self.plan, &self.memory, limit))
    }
}

/// How many lanes are of use for a contraction: a divisor of the pieces of its first slice, at most `most`. It follows from the
/// contraction and the machine of the plan, wherever the plan is made.
fn lanes(machine: &Machine, ir: &Ir, (id, ordered): (NodeId, &FoundOrder), most: u64) -> u64 {
    let Some(first) = ordered.slices.first() else { return 1 };
    let flops = ordered.cost.flops;
    let turns = Count::product(ordered.slices.iter().map(|slice| slice.parts));
    let start = Count::from(machine.least_shared_flops());
    if flops < start || flops > start * Count::from(LARGE_TURN) * turns {
        return 1;
    }
    // Each lane may add to a result of its own.
    let elements = Count::product(ir.node(id).shape.iter().map(|&extent| extent as u64));
    let pays = |lanes: u64| elements * Count::from(4 * lanes) <= flops;
    (1..=most).rev().find(|&lanes| first.parts % lanes == 0 && (lanes == 1 || pays(lanes))).unwrap_or(1)
}
