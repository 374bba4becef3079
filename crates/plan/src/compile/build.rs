//! Builds the plan of given orders, and chooses the number of partitions within a memory limit.

use einfold_ir::{Count, Draft, IdVec, NodeId, Plan, WriteMode};
use einfold_order::FoundOrder;

use crate::error::{MemoryExcess, PlanError};
use crate::expand::{ChosenOrder, Expanded, Expansion};
use crate::hoist::ModulePart;
use crate::memory::{self, Memory};
use crate::pipeline::{Checks, PassSet, Program, run_stages, stuck};

/// The flops of one iteration, as a multiple of the fewest for which further threads pay, from which on the steps of an
/// iteration keep the threads busy by themselves and partitions would only take memory: a rough estimate.
const LARGE_ITERATION: u64 = 128;

/// A plan with its expanded module and memory.
pub(super) struct PlannedPart {
    pub(super) expanded: Expanded,
    pub(super) plan: Plan,
    pub(super) memory: Memory,
    /// The reason why the plan is refused, if it exceeds the memory limit.
    pub(super) excess: Option<MemoryExcess>,
}

/// Builds plans.
#[derive(Clone, Copy)]
pub(super) struct Builder {
    pub(super) passes: PassSet,
    /// The memory limit in bytes.
    pub(super) limit: Option<u64>,
}

impl Builder {
    /// Builds the plan with as many partitions as pay and keep to the limit, or with one if the limit allows no more.
    /// The plan is built once with the most partitions; if they exceed the limit, the memory of fewer partitions is
    /// computed from that plan, and a plan with the most that keep to the limit is built.
    pub(super) fn build(self, part: &ModulePart) -> Result<PlannedPart, PlanError> {
        let partitions_of = |most| -> Vec<u64> {
            part.orders.iter().map(|(id, ordered)| partition_count(part, *id, ordered, most)).collect()
        };
        let most = |counts: &[u64]| counts.iter().copied().max().unwrap_or(1);
        let mut counts = partitions_of(u64::from(part.machine.partitions));
        let built = self.with_partitions(part, &counts)?;
        if most(&counts) <= 1 || built.excess.is_none() {
            return Ok(built);
        }
        let share = self.passes.iter().any(|stage| stage.name == "buffers");
        let mut draft = (*built.plan).clone();
        loop {
            counts = partitions_of(most(&counts) - 1);
            if most(&counts) <= 1 {
                return self.with_partitions(part, &counts);
            }
            set_partitions(&mut draft, part, &built.expanded.expansions, &counts);
            memory::assign(&mut draft, share)?;
            if Memory::of(&draft).least() <= self.limit.map_or(Count::ZERO, Count::from) {
                let built = self.with_partitions(part, &counts)?;
                if built.excess.is_none() {
                    return Ok(built);
                }
            }
        }
    }

    fn with_partitions(self, part: &ModulePart, counts: &[u64]) -> Result<PlannedPart, PlanError> {
        #[cfg(test)]
        tests::BUILDS.set(tests::BUILDS.get() + 1);
        let mut orders = part.ir.per_node(None);
        for ((id, ordered), &partitions) in part.orders.iter().zip(counts) {
            orders[*id] = Some(ChosenOrder { partitions, least_side: part.machine.least_side(), ..ordered.into() });
        }
        let run = |checks| {
            let mut program = Program::Ordered(&part.ir, &orders, (&part.hints, &part.machine));
            run_stages(&mut program, self.passes, checks, &mut |_, _, _| ()).map(|()| program)
        };
        // A second run names the stage that broke an invariant.
        let first = if cfg!(debug_assertions) { Checks::Each } else { Checks::AtEnd };
        match run(first).or_else(|_| run(Checks::Each))? {
            Program::Plan(expanded, plan) => {
                let memory = Memory::of(&plan).within(self.limit);
                let excess = self.limit.and_then(|limit| memory::excess(&plan, &memory, limit));
                Ok(PlannedPart { expanded, plan, memory, excess })
            }
            other => Err(stuck(&other)),
        }
    }
}

/// Changes the extents that depend on the number of partitions: the first loop of each partitioned region, and the
/// results that each partition has for itself. `expansions` are the nodes of each contraction, `counts` the number of
/// partitions of each order.
fn set_partitions(draft: &mut Draft, part: &ModulePart, expansions: &IdVec<NodeId, Expansion, 0>, counts: &[u64]) {
    let Draft { regions, buffers, .. } = draft;
    for region in regions.iter_mut().filter(|region| region.partitions.is_some()) {
        let origin = region.steps[0].origin.0;
        let mut all = part.orders.keys().zip(counts);
        let Some((&id, &partitions)) = all.find(|(id, _)| expansions[**id].nodes.contains(&origin)) else { continue };
        let (partitions, rank) = (partitions as usize, part.ir.node(id).shape.len());
        region.loops[0].extent = partitions;
        // The partitions share the nodes to which iterations add, along a first axis if they would write the same
        // positions.
        let totals =
            region.steps.iter().filter(|step| step.mode == WriteMode::Accumulate).map(|step| step.write.tensor);
        for total in totals {
            let extents = &mut buffers[total].extents;
            if extents.len() > rank {
                extents[0] = partitions;
            }
        }
    }
}

/// The number of partitions that pay for a contraction: a divisor of the number of slices of its first sliced axis, at
/// most `most`. It depends only on the contraction and the machine model of the plan, not on the machine that plans.
fn partition_count(part: &ModulePart, id: NodeId, ordered: &FoundOrder, most: u64) -> u64 {
    let Some(first) = ordered.slices.first() else { return 1 };
    let flops = ordered.cost.flops;
    let iterations = Count::product(ordered.slices.iter().map(|slice| slice.parts));
    let start = Count::from(part.machine.least_shared_flops());
    if flops < start || flops > start * Count::from(LARGE_ITERATION) * iterations {
        return 1;
    }
    // Each partition may add to a result of its own.
    let elements = Count::elements(&part.ir.node(id).shape);
    let pays = |partitions: u64| elements * Count::from(4 * partitions) <= flops;
    (2..=most.min(first.parts)).rev().find(|&partitions| first.parts % partitions == 0 && pays(partitions)).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use einfold_order::{Budget, Order, SlicedAxis, order, sliced_cost};

    use einfold_ir::Machine;

    use super::{Builder, PlannedPart, partition_count};
    use crate::hoist::ModulePart;
    use crate::lower::Hints;
    use crate::network::network;
    use crate::pipeline::PassSet;
    use crate::testing::letters;
    use crate::testing::random::Rng;

    thread_local! {
        /// The number of plans built on this thread.
        pub(super) static BUILDS: Cell<usize> = const { Cell::new(0) };
    }

    /// A contraction with its order in these slices.
    fn sliced(text: &str, sizes: &[usize], path: &[[u32; 2]], slices: &[SlicedAxis]) -> ModulePart {
        let ir = letters(text, sizes);
        let id = ir.outputs()[0];
        let network = network(&ir, id).unwrap();
        let path = Order::Ssa(path.iter().map(|step| step.to_vec()).collect());
        let mut ordered = order(&network, &path, &Budget::default()).unwrap();
        ordered.cost = sliced_cost(&network, &ordered.tree, slices);
        ordered.slices = slices.to_vec();
        ModulePart::whole(ir.into(), [(id, ordered)].into(), Hints::default(), Machine::DEFAULT)
    }

    fn build(part: &ModulePart, passes: PassSet, limit: Option<u64>) -> PlannedPart {
        Builder { passes, limit }.build(part).unwrap()
    }

    /// The plan with the most partitions within the limit, found by building a plan for each number of partitions.
    fn by_building(part: &ModulePart, passes: PassSet, limit: u64) -> PlannedPart {
        let (id, ordered) = part.orders.first_key_value().unwrap();
        let mut most = u64::from(part.machine.partitions);
        loop {
            let counts = [partition_count(part, *id, ordered, most)];
            let built = Builder { passes, limit: Some(limit) }.with_partitions(part, &counts).unwrap();
            if counts == [1] || built.excess.is_none() {
                return built;
            }
            most = counts[0] - 1;
        }
    }

    #[test]
    fn two_builds_give_the_partitions_that_a_build_for_each_number_gives() {
        let mut rng = Rng(11);
        let mut fewer = 0;
        let parts = [
            // A scalar, of which every partition has its own partial sum; and results at positions that depend on the
            // partition.
            sliced("xab,xbc,xcd,xda->", &[48, 40, 40, 40, 40], &[[0, 1], [4, 2], [5, 3]], &[(0, 48)].map(slice)),
            sliced("xab,xbc,xcd->xad", &[48, 40, 40, 40, 40], &[[0, 1], [3, 2]], &[(0, 12)].map(slice)),
            // Two loops; the first step depends on the outer loop alone.
            sliced("ij,jk,kl,lm->im", &[64, 64, 96, 60, 32], &[[0, 1], [4, 2], [5, 3]], &[(0, 32), (4, 5)].map(slice)),
            sliced("ab,bc,cd->ad", &[48, 96, 64, 48], &[[0, 1], [3, 2]], &[(2, 16)].map(slice)),
        ];
        for part in &parts {
            for passes in [PassSet::ALL, PassSet::ALL.without("buffers").unwrap(), PassSet::NONE] {
                let all = build(part, passes, None).memory.total().exact().unwrap() as u64;
                for _ in 0..20 {
                    let limit = all / 8 + rng.below(all as usize) as u64;
                    let want = by_building(part, passes, limit);
                    BUILDS.set(0);
                    let built = build(part, passes, Some(limit));
                    assert!(BUILDS.get() <= 2, "{} plans", BUILDS.get());
                    assert_eq!(*built.plan, *want.plan, "{limit} of {all}");
                    fewer +=
                        usize::from(BUILDS.get() == 2 && built.plan.regions.iter().any(|r| r.partition_count() > 1));
                }
            }
        }
        assert!(fewer > 20, "{fewer} plans have fewer partitions than are of use");
    }

    fn slice((axis, parts): (u32, u64)) -> SlicedAxis {
        SlicedAxis { axis, parts }
    }
}
