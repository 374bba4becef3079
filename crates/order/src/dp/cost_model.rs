//! The cost of a step as a function of the sets of tensors that it multiplies.

use std::cell::OnceCell;
use std::ops::Add;

use einfold_ir::Count;

use super::{Set, bits};
use crate::graph::{Graph, ListPool};

/// An axis, by the set of tensors that have it.
pub(super) struct Leg {
    pub(super) members: Set,
    /// Whether the output has it.
    pub(super) kept: bool,
    pub(super) extent: u64,
}

impl Leg {
    /// Returns the axes of `graph`, whose tensors must fit a set.
    pub(super) fn all(graph: &Graph) -> Vec<Leg> {
        let leg = |(&kept, &extent)| Leg { members: 0, kept, extent };
        let mut legs: Vec<Leg> = graph.kept.iter().zip(&graph.extents).map(leg).collect();
        for (tensor, axes) in graph.legs.iter().enumerate() {
            axes.iter().for_each(|&axis| legs[axis as usize].members |= 1 << tensor);
        }
        legs.retain(|leg| leg.members != 0);
        legs
    }

    /// Returns whether the axis is summed once the tensors in `set` are contracted.
    fn summed_in(&self, set: Set) -> bool {
        !self.kept && self.members & !set == 0
    }
}

/// A representation of the flops of steps.
pub(super) trait CostModel {
    /// A number of flops. The default is 0.
    type Flops: Copy + Default + PartialOrd + Add<Output = Self::Flops>;
    /// A number above the flops of any tree.
    const INFINITE: Self::Flops;
    /// The data of a set of tensors.
    type SetInfo: Copy;
    /// The data of a set of tensors that a step needs to use it.
    type HalfInfo: Copy;

    /// Returns the data of one set.
    fn info(&self, set: Set) -> Self::SetInfo;

    /// Returns the data of the union of `grown`, whose data are `info`, and `added`, which must not be larger.
    fn extend(&self, info: Self::SetInfo, grown: Set, added: Set) -> Self::SetInfo;

    fn half(info: Self::SetInfo) -> Self::HalfInfo;

    /// Returns the flops of the step that computes `whole` from two halves.
    fn flops(&self, whole: Self::SetInfo, halves: [Self::HalfInfo; 2]) -> Self::Flops;

    /// Returns a lower bound of the flops of the step that uses the result of a set.
    fn min_use(&self, info: Self::SetInfo) -> Self::Flops;

    /// Returns lower bounds of the elements of the result of any set but that of all tensors, and of the flops of the
    /// step that computes it. `table` has the data of all sets.
    fn least(&self, table: &[Self::SetInfo]) -> [Self::Flops; 2];

    /// Returns the data of all sets of the first `tensors` tensors, indexed by set.
    fn table(&self, tensors: usize) -> Vec<Self::SetInfo> {
        (0..1 << tensors).map(|set| self.info(set)).collect()
    }
}

/// The product of all extents must be below 2^1000, so that no partial product overflows.
const MAX_LOG2: f64 = 1000.0;

/// Flops in f64: exact below 2^53; orders that differ by less than the rounding error count as equal.
///
/// A step visits all axes of its tensors but those summed before, so its flops are a product of three numbers that
/// depend on one set each.
pub(super) struct FloatCosts<'a> {
    pub(super) legs: &'a [Leg],
    tensors: usize,
    /// The axes of each tensor, for a search that extends sets.
    of_tensor: OnceCell<ListPool>,
}

impl FloatCosts<'_> {
    /// Returns a lower bound of the flops of any step but the last, if no result of one has less than `size` elements:
    /// if each axis belongs to two tensors, or to one and the output, a step sums over an axis or multiplies tensors
    /// without common axes.
    pub(super) fn least_step(&self, size: f64) -> f64 {
        let is_edge = |leg: &Leg| leg.members.count_ones() + u32::from(leg.kept) == 2;
        let summed = self.legs.iter().map(|leg| leg.extent as f64).fold(size, f64::min);
        if self.legs.iter().all(is_edge) { size * summed } else { size }
    }

    /// Returns `None` if an extent is 0 or the product is too large for f64.
    pub(super) fn of(legs: &[Leg], tensors: usize) -> Option<FloatCosts<'_>> {
        let all = Count::product(legs.iter().map(|leg| leg.extent));
        if all == Count::ZERO || all.log2() >= MAX_LOG2 {
            return None;
        }
        Some(FloatCosts { legs, tensors, of_tensor: OnceCell::new() })
    }

    fn axes(&self, tensor: usize) -> &[u32] {
        let members = || self.legs.iter().map(|leg| bits(leg.members).map(|tensor| tensor as u32));
        &self.of_tensor.get_or_init(|| members().collect::<ListPool>().transposed(self.tensors))[tensor]
    }
}

/// The product of the extents of all axes of a set, and the inverse product of those summed within it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct LegProducts {
    points: f64,
    per_summed: f64,
}

impl CostModel for FloatCosts<'_> {
    type Flops = f64;
    type SetInfo = LegProducts;
    type HalfInfo = f64;
    const INFINITE: f64 = f64::INFINITY;

    fn info(&self, set: Set) -> LegProducts {
        let (mut points, mut summed) = (1.0, 1.0);
        for leg in self.legs.iter().filter(|leg| leg.members & set != 0) {
            points *= leg.extent as f64;
            if leg.summed_in(set) {
                summed *= leg.extent as f64;
            }
        }
        LegProducts { points, per_summed: 1.0 / summed }
    }

    fn extend(&self, mut info: LegProducts, grown: Set, added: Set) -> LegProducts {
        let mut summed = 1.0;
        for tensor in bits(added) {
            let below = !(Set::MAX << tensor);
            for &number in self.axes(tensor) {
                let leg = &self.legs[number as usize];
                // An axis of several added tensors is counted at the first of them.
                if leg.members & added & below != 0 {
                    continue;
                }
                if leg.members & grown == 0 {
                    info.points *= leg.extent as f64;
                }
                if leg.summed_in(grown | added) {
                    summed *= leg.extent as f64;
                }
            }
        }
        info.per_summed /= summed;
        info
    }

    fn half(info: LegProducts) -> f64 {
        info.per_summed
    }

    #[inline]
    fn flops(&self, whole: LegProducts, [a, b]: [f64; 2]) -> f64 {
        whole.points * (a * b)
    }

    fn min_use(&self, info: LegProducts) -> f64 {
        info.points * info.per_summed
    }

    fn least(&self, table: &[LegProducts]) -> [f64; 2] {
        let sizes = table[1..table.len() - 1].iter().map(|&info| self.min_use(info));
        let size = sizes.fold(f64::INFINITY, f64::min);
        [size, self.least_step(size)]
    }

    fn table(&self, tensors: usize) -> Vec<LegProducts> {
        let sets = 1 << tensors;
        // Products over the axes that no tensor outside of a set has, in the output or not, and over those summed
        // there.
        let (mut within, mut summed) = (vec![1.0; sets], vec![1.0; sets]);
        for leg in self.legs {
            let extent = leg.extent as f64;
            within[leg.members as usize] *= extent;
            if !leg.kept {
                summed[leg.members as usize] *= extent;
            }
        }
        subset_products(&mut within);
        subset_products(&mut summed);
        let all = within[sets - 1];
        // The axes of a set are those that its complement does not enclose.
        let points = within.iter().rev().map(|outside| all / outside);
        points.zip(summed).map(|(points, summed)| LegProducts { points, per_summed: 1.0 / summed }).collect()
    }
}

/// Replaces each entry by the product of the entries of all subsets of its index.
pub(crate) fn subset_products(entries: &mut [f64]) {
    let mut half = 1;
    if entries.len() > 2 {
        // The first two rounds, whose blocks are short.
        half = 4;
        for block in entries.chunks_exact_mut(4) {
            block[1] *= block[0];
            block[3] *= block[2];
            block[2] *= block[0];
            block[3] *= block[1];
        }
    }
    while half < entries.len() {
        for block in entries.chunks_exact_mut(2 * half) {
            let (without, with) = block.split_at_mut(half);
            with.iter_mut().zip(without).for_each(|(with, without)| *with *= *without);
        }
        half *= 2;
    }
}

/// Exact flops, for extents that [`FloatCosts`] does not represent: slower, but correct for 0 and for any size.
pub(super) struct ExactCosts<'a>(pub(super) &'a [Leg]);

impl CostModel for ExactCosts<'_> {
    type Flops = Count;
    type SetInfo = Set;
    type HalfInfo = Set;
    const INFINITE: Count = Count::MAX;

    fn info(&self, set: Set) -> Set {
        set
    }

    fn extend(&self, _: Set, grown: Set, added: Set) -> Set {
        grown | added
    }

    fn half(info: Set) -> Set {
        info
    }

    /// An axis of extent 0 may follow, so the bound is 0.
    fn min_use(&self, _: Set) -> Count {
        Count::ZERO
    }

    fn least(&self, _: &[Set]) -> [Count; 2] {
        [Count::ZERO; 2]
    }

    fn flops(&self, whole: Set, [a, b]: [Set; 2]) -> Count {
        let visited = |leg: &&Leg| leg.members & whole != 0 && !leg.summed_in(a) && !leg.summed_in(b);
        Count::product(self.0.iter().filter(visited).map(|leg| leg.extent))
    }
}
