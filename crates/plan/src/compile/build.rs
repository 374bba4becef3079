//! From orders to a plan: in how many lanes slices run, and whether that keeps to a memory limit.

use einfold_ir::{Count, IdVec, Ir, NodeId, Plan};
use einfold_order::FoundOrder;

use crate::apply::{Applied, write_out};
use crate::constants::Part;
use crate::passes::{Pass, optimize};
use crate::{Memory, PlanError, PlanOptions, Route, lower, memory};

/// The most lanes: more threads than this share the work within lanes.
const MOST_LANES: u64 = 16;
/// Fewest flops for which lanes are worth their start.
const LEAST_FLOPS: u64 = 1 << 20;
/// From so many flops a turn on, the steps of one turn keep threads busy, and lanes would only take memory.
const LARGE_TURN: u64 = 1 << 27;

/// A plan of an expression whose orders are written out.
pub(super) struct Built {
    pub(super) applied: Applied,
    pub(super) plan: Plan,
    pub(super) memory: Memory,
    pub(super) changes: Vec<(&'static Pass, usize)>,
}

impl Built {
    /// The plan with as many lanes as are of use and keep to the limit; with one lane if none do.
    pub(super) fn of(part: &Part, options: &PlanOptions, limit: Option<u64>) -> Result<Built, PlanError> {
        let mut most = MOST_LANES;
        loop {
            let mut routes = part.ir.per_node(None);
            let mut used = 1;
            for (id, ordered) in &part.orders {
                let lanes = lanes(&part.ir, *id, ordered, most);
                used = used.max(lanes);
                routes[*id] = Some(Route { lanes, ..ordered.into() });
            }
            let built = Built::along(part, &routes, options)?;
            if used == 1 || built.within(limit).is_ok() {
                return Ok(built);
            }
            most = used - 1;
        }
    }

    fn along(
        part: &Part,
        routes: &IdVec<NodeId, Option<Route<'_>>>,
        options: &PlanOptions,
    ) -> Result<Built, PlanError> {
        let applied = write_out(&part.ir, routes)?;
        let draft = lower(&applied.ir, &part.hints)?;
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
/// contraction alone, whatever the machine.
fn lanes(ir: &Ir, id: NodeId, ordered: &FoundOrder, most: u64) -> u64 {
    let Some(first) = ordered.slices.first() else { return 1 };
    let flops = ordered.cost.flops;
    let turns = Count::product(ordered.slices.iter().map(|slice| slice.parts));
    if flops < Count::from(LEAST_FLOPS) || flops > Count::from(LARGE_TURN) * turns {
        return 1;
    }
    // Each lane may add to a result of its own.
    let elements = Count::product(ir.node(id).shape.iter().map(|&extent| extent as u64));
    let pays = |lanes: u64| elements * Count::from(4 * lanes) <= flops;
    (1..=most).rev().find(|&lanes| first.parts % lanes == 0 && (lanes == 1 || pays(lanes))).unwrap_or(1)
}
