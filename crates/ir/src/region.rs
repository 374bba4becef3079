//! Regions of a plan: in which iterations each step runs, and the lifetimes of buffers.

use std::collections::{HashMap, HashSet};

use smallvec::SmallVec;

use crate::count::Count;
use crate::draft::{BufferId, Depths, Draft, Region, Step, Storage, WriteMode};
use crate::id_vec::IdVec;

impl Region {
    /// The depth of each step: the number of loops, outermost first, that it depends on. A step runs again when the
    /// position of one of these loops changes; its result stays valid while only loops inside them advance. Steps that
    /// compute one buffer together, or write a buffer from outside, depend on all loops; every partition runs every
    /// step.
    pub fn depths(&self) -> Depths {
        let all = self.loops.len();
        if all == 0 {
            return SmallVec::from_elem(0, self.steps.len());
        }
        let mut made: HashMap<BufferId, usize> = self.shared().into_iter().map(|b| (b, all)).collect();
        let depth = |step: &Step| {
            let mut depth = usize::from(self.partitions.is_some());
            let accesses = step.reads.iter().chain([&step.write]);
            accesses.for_each(|access| depth = depth.max(access.depth().min(all)));
            step.for_each_buffer(&mut |b| depth = depth.max(made.get(&b).copied().unwrap_or(0)));
            made.insert(step.write.tensor, depth);
            depth
        };
        self.steps.iter().map(depth).collect()
    }

    /// The buffers that are not overwritten by a single step before all other steps that touch them.
    fn shared(&self) -> HashSet<BufferId> {
        let (mut seen, mut shared) = (HashSet::new(), HashSet::new());
        for step in &self.steps {
            if step.mode == WriteMode::Accumulate || seen.contains(&step.write.tensor) {
                shared.insert(step.write.tensor);
            }
            step.for_each_buffer(&mut |b| _ = seen.insert(b));
        }
        shared
    }

    /// The number of runs of a step of this depth.
    pub fn runs(&self, depth: usize) -> Count {
        Count::product(self.loops.iter().take(depth).map(|axis| axis.extent as u64))
    }

    /// The number of partitions.
    pub fn partition_count(&self) -> usize {
        self.loops.first().filter(|_| self.partitions.is_some()).map_or(1, |axis| axis.extent)
    }
}

/// The lifetime of a buffer: the first and the last step that need its contents, both included; steps are counted
/// through all regions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetime {
    /// The first step that writes it, or that runs in an iteration in which it is not overwritten.
    pub first: usize,
    /// The last step that reads or writes it; the last step of a looped region, if it outlives an iteration of the
    /// loop.
    pub last: usize,
}

impl Lifetime {
    /// Whether two lifetimes share a step.
    pub fn overlaps(&self, other: &Lifetime) -> bool {
        self.first <= other.last && other.first <= self.last
    }
}

/// The state of a buffer while the steps are traversed.
#[derive(Clone, Copy)]
struct Followed {
    life: Lifetime,
    /// The region and the depth in which it is computed.
    region: usize,
    depth: usize,
    /// The first step of that region that runs more often.
    oftener: usize,
}

impl Draft {
    /// The flops of the whole plan: those of each step times the number of its runs.
    pub fn flops(&self) -> Count {
        let of = |region: &Region| -> Count {
            if region.loops.is_empty() {
                return region.steps.iter().map(Step::flops).sum();
            }
            region.steps.iter().zip(region.depths()).map(|(step, depth)| step.flops() * region.runs(depth)).sum()
        };
        self.regions.iter().map(of).sum()
    }

    /// The lifetime of every buffer that any step touches.
    pub fn lifetimes(&self) -> IdVec<BufferId, Option<Lifetime>> {
        let mut all: IdVec<BufferId, Option<Followed>> = IdVec::filled(self.buffers.len(), None);
        let mut start = 0;
        for (number, region) in self.regions.iter().enumerate() {
            let (depths, end) = (region.depths(), start + region.steps.len());
            let oftener = oftener(&depths, start);
            for (k, step) in region.steps.iter().enumerate() {
                let (at, depth) = (start + k, depths[k]);
                let life = Lifetime { first: at, last: at };
                let fresh = Followed { life, region: number, depth, oftener: oftener[depth] };
                step.for_each_buffer(&mut |b| {
                    let Some(buffer) = all.get_mut(b) else { return };
                    let buffer = buffer.get_or_insert(fresh);
                    let outlives = buffer.region != number || buffer.depth < depth;
                    if outlives {
                        buffer.life.first = buffer.life.first.min(buffer.oftener);
                    }
                    let last = if outlives && !region.loops.is_empty() { end - 1 } else { at };
                    buffer.life.last = buffer.life.last.max(last);
                });
            }
            start = end;
        }
        all.into_iter().map(|buffer| buffer.map(|b| b.life)).collect()
    }

    /// For every intermediate of which partitions have copies, the region of these partitions, the only one that
    /// touches it.
    pub fn partition_buffers(&self) -> IdVec<BufferId, Option<usize>> {
        if self.regions.iter().all(|region| region.partitions.is_none()) {
            return IdVec::filled(self.buffers.len(), None);
        }
        let mut only: IdVec<BufferId, Option<Option<usize>>> = IdVec::filled(self.buffers.len(), None);
        for (number, region) in self.regions.iter().enumerate() {
            let here = region.partitions.map(|_| number);
            let mut touch = |b| {
                let Some(known) = only.get_mut(b) else { return };
                let known = known.get_or_insert(here);
                *known = known.filter(|n| Some(*n) == here);
            };
            region.steps.iter().for_each(|step| step.for_each_buffer(&mut touch));
        }
        let scratch = self.buffers.iter().map(|b| matches!(b.storage, Storage::Scratch(_)));
        only.into_iter().zip(scratch).map(|(only, scratch)| only.flatten().filter(|_| scratch)).collect()
    }
}

/// For each depth, the first step that runs more often than the steps of that depth, or the end of the region; steps
/// are counted from `start`.
fn oftener(depths: &[usize], start: usize) -> Depths {
    let most = depths.iter().copied().max().unwrap_or(0);
    let mut first = Depths::from_elem(start + depths.len(), most + 2);
    depths.iter().enumerate().rev().for_each(|(k, &depth)| first[depth] = start + k);
    (0..=most).rev().for_each(|depth| first[depth] = first[depth].min(first[depth + 1]));
    first.remove(0);
    first
}

#[cfg(test)]
mod tests {
    use smallvec::smallvec;

    use super::Lifetime;
    use crate::Plan;
    use crate::access::{Access, Axis, AxisRef, Index};
    use crate::draft::{Buffer, BufferId, Draft, Form, Layout, Region, Step, Storage, WriteMode};
    use crate::{Algebra, Dtype, Machine, NodeId};

    const SUM: BufferId = BufferId(6);

    fn at(buffer: BufferId, index: Index<BufferId>) -> Access<BufferId> {
        Access::new(buffer, vec![index])
    }

    /// A step that computes the elements of one buffer from others.
    fn step(reads: Vec<Access<BufferId>>, write: Access<BufferId>, mode: WriteMode) -> Step {
        let (algebra, form) = (Algebra::SUM_PRODUCT, Form::Nest(None));
        Step { origin: NodeId(0), axes: Vec::new(), reads, write, mode, algebra, form }
    }

    /// A draft with an operand of 12 elements, five intermediates of one element, and a result of 12 or of 1. `t1` is
    /// computed before the loops, `t2` and from it `t3` in the outer of two loops, `t4` in the inner; `t5` is computed
    /// from `t1` alone; the result is accumulated.
    fn draft(partitions: Option<usize>, told: bool) -> Draft {
        let [zero, outer, both] = [
            Index::constant(0),
            Index::affine(0, [(4, AxisRef::Loop(0))]),
            Index::affine(0, [(4, AxisRef::Loop(0)), (1, AxisRef::Loop(1))]),
        ];
        let t = |k: u32| at(BufferId(k), zero.clone());
        let result = at(SUM, if told { both.clone() } else { zero.clone() });
        let start = Step { form: Form::Fill, ..step(vec![], at(SUM, zero.clone()), WriteMode::Overwrite) };
        let before = vec![start, step(vec![at(BufferId(0), zero.clone())], t(1), WriteMode::Overwrite)];
        let inside = vec![
            step(vec![at(BufferId(0), outer)], t(2), WriteMode::Overwrite),
            step(vec![t(2)], t(3), WriteMode::Overwrite),
            step(vec![at(BufferId(0), both), t(3)], t(4), WriteMode::Overwrite),
            step(vec![t(1)], t(5), WriteMode::Overwrite),
            step(vec![t(4), t(5)], result, WriteMode::Accumulate),
        ];
        let loops = vec![Axis::new("a", 3), Axis::new("b", 4)];
        let buffer = |k: usize| Buffer {
            label: "t".into(),
            dtype: Dtype::F64,
            extents: vec![if k == 0 || k == 6 { 12 } else { 1 }].into(),
            storage: match k {
                0 => Storage::Input(0),
                6 => Storage::Output(0),
                // The copies of partitions come last.
                _ => Storage::Scratch(Plan::ALIGN * (k - 1)),
            },
            layout: Layout::RowMajor,
        };
        let regions = smallvec![
            Region { loops: vec![], steps: before, partitions: None },
            Region { loops, steps: inside, partitions },
        ];
        let scratch = Plan::ALIGN * (1 + 4 * partitions.map_or(1, |_| 3));
        let (inputs, outputs) = (smallvec![BufferId(0)], smallvec![SUM]);
        Draft { buffers: (0..7).map(buffer).collect(), regions, inputs, outputs, scratch, machine: Machine::DEFAULT }
    }

    /// A search through all steps for each buffer would take minutes.
    #[test]
    fn lifetimes_of_many_buffers() {
        const MANY: usize = 1_000_000;
        let step = |k: usize| {
            let (origin, axes, reads, form) = (NodeId(0), Vec::new(), Vec::new(), Form::Fill);
            let write = Access::new(BufferId(k as u32), Vec::new());
            Step { origin, axes, reads, write, mode: WriteMode::Overwrite, algebra: Algebra::SUM_PRODUCT, form }
        };
        let buffer = || Buffer {
            label: "t".into(),
            dtype: Dtype::U8,
            extents: Default::default(),
            storage: Storage::Scratch(0),
            layout: Layout::RowMajor,
        };
        let buffers = std::iter::repeat_with(buffer).take(MANY).collect();
        let regions = smallvec![Region { loops: Vec::new(), steps: (0..MANY).map(step).collect(), partitions: None }];
        let lives = Draft {
            buffers,
            regions,
            inputs: smallvec![],
            outputs: smallvec![],
            scratch: 64,
            machine: Machine::DEFAULT,
        }
        .lifetimes();
        assert!((0..MANY).all(|k| lives[BufferId(k as u32)] == Some(Lifetime { first: k, last: k })));
    }

    #[test]
    fn a_step_depends_on_the_loops_of_what_it_reads() {
        assert_eq!(draft(None, true).regions[1].depths()[..], [1, 1, 2, 0, 2]);
        // Every partition computes all of it.
        assert_eq!(draft(Some(256), true).regions[1].depths()[..], [1, 1, 2, 1, 2]);
        // Two products in each iteration: 3·4 points of one element.
        assert_eq!(draft(None, true).flops(), crate::Count::from(24u64));
    }

    #[test]
    fn what_is_not_computed_in_every_iteration_lives_through_the_others() {
        let lives = draft(None, true).lifetimes();
        let life = |first, last| Some(Lifetime { first, last });
        // `t2` is last used where it is computed; `t3` stays alive for the inner loop, `t5` for both.
        assert_eq!(lives.as_slice()[1..6], [life(1, 6), life(2, 3), life(3, 6), life(4, 6), life(2, 6)]);
    }

    #[test]
    fn partitions_do_not_meet() {
        let refused = |draft: Draft| Plan::seal(draft).map(drop).map_err(|v| v.0);
        assert_eq!(
            draft(Some(256), true).partition_buffers().as_slice()[1..],
            [None, Some(1), Some(1), Some(1), Some(1), None]
        );
        let plan = Plan::seal(draft(Some(256), true)).unwrap();
        assert_eq!([1, 2, 3, 4, 5, 6].map(|k| plan.partition_stride(BufferId(k))), [0, 256, 256, 256, 256, 0]);
        assert_eq!(refused(draft(None, true)), Ok(()));
        assert_eq!(refused(draft(Some(256), true)), Ok(()));
        assert_eq!(refused(draft(None, false)), Ok(()));
        assert_eq!(refused(draft(Some(256), false)), Err("partitions meet in buffer 6".into()));
        assert_eq!(refused(draft(Some(192), true)), Err("the partitions of a region overlap".into()));
        assert_eq!(refused(draft(Some(320), true)), Err("the partitions of a region overlap".into()));
        let mut bare = draft(None, true);
        bare.regions[0].partitions = Some(0);
        assert_eq!(refused(bare), Err("partitions without a loop".into()));
    }
}
