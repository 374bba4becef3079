//! Stride algebra: edits of lists of loops with extents and strides, by which loops are ordered and merged, and the
//! nesting of strides: whether sums of strides are different for different positions. The planner uses it with the
//! strides of the layout hints, the executor with the real strides.

use std::cmp::Ordering;

use smallvec::SmallVec;

/// Nested loops over a fixed number of operands: the extent of each loop, outermost first, and for each loop the stride
/// of every operand. Operand 0 is written. Strides may be negative or 0, in any unit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Loops {
    operands: usize,
    extents: SmallVec<[usize; 6]>,
    strides: SmallVec<[isize; 18]>,
}

impl Loops {
    /// An empty list of loops over `operands` operands: a single point.
    pub fn new(operands: usize) -> Loops {
        Loops { operands, extents: SmallVec::new(), strides: SmallVec::new() }
    }

    /// Loops of these extents over `operands` operands, in which all strides are 0.
    pub fn of_extents(operands: usize, extents: impl IntoIterator<Item = usize>) -> Loops {
        let mut loops = Loops::new(operands);
        extents.into_iter().for_each(|extent| loops.extents.push(extent));
        loops.strides = SmallVec::from_elem(0, operands * loops.extents.len());
        loops
    }

    /// A function that adds to the stride of `operand` in a loop.
    pub fn add_strides(&mut self, operand: usize) -> impl FnMut(usize, isize) {
        let (operands, strides) = (self.operands, &mut self.strides[..]);
        move |k, stride| {
            let sum = &mut strides[k * operands + operand];
            *sum = sum.saturating_add(stride);
        }
    }

    /// Removes all loops and sets the number of operands, keeping the memory.
    pub fn reset(&mut self, operands: usize) {
        self.operands = operands;
        self.extents.clear();
        self.strides.clear();
    }

    /// Adds an innermost loop. `strides` has one entry for each operand.
    pub fn push(&mut self, extent: usize, strides: impl IntoIterator<Item = isize>) {
        self.extents.push(extent);
        self.strides.extend(strides);
        debug_assert_eq!(self.strides.len(), self.extents.len() * self.operands);
    }

    /// Adds loop `k` of `other` as the innermost loop.
    pub fn push_from(&mut self, other: &Loops, k: usize) {
        self.push(other.extents[k], other.strides(k).iter().copied());
    }

    /// Becomes a copy of `other`, keeping the memory.
    pub fn assign(&mut self, other: &Loops) {
        self.reset(other.operands);
        self.extents.extend_from_slice(&other.extents);
        self.strides.extend_from_slice(&other.strides);
    }

    /// The number of loops.
    pub fn len(&self) -> usize {
        self.extents.len()
    }

    /// Whether there are no loops: a single point.
    pub fn is_empty(&self) -> bool {
        self.extents.is_empty()
    }

    /// The number of operands.
    pub fn operands(&self) -> usize {
        self.operands
    }

    /// The extents, outermost first.
    pub fn extents(&self) -> &[usize] {
        &self.extents
    }

    /// The stride of each operand in loop `k`.
    pub fn strides(&self, k: usize) -> &[isize] {
        &self.strides[k * self.operands..(k + 1) * self.operands]
    }

    /// The stride of each operand in loop `k`, mutable.
    pub fn strides_mut(&mut self, k: usize) -> &mut [isize] {
        &mut self.strides[k * self.operands..(k + 1) * self.operands]
    }

    /// Removes loops of extent 1.
    pub fn drop_units(&mut self) {
        self.compact(|loops, _, k| loops.extents[k] != 1);
    }

    /// Orders the loops so that small strides are innermost: of two loops, the outer is the one with the larger stride
    /// in the first operand that both move, starting with the written one. Loops that move no common operand keep their
    /// order.
    pub fn order(&mut self) {
        self.order_with(|_, _| {});
    }

    /// Orders as [`Loops::order`] does, and calls `swapped` for each exchange of two loops, so that associated data can
    /// follow.
    pub fn order_with(&mut self, swapped: impl FnMut(usize, usize)) {
        self.sort(Loops::compare, swapped);
    }

    /// Orders the loops by their strides in one operand, the smallest innermost. Equal strides keep their order.
    pub fn order_by(&mut self, operand: usize) {
        let size = |l: &Loops, k: usize| l.strides(k)[operand].unsigned_abs();
        self.sort(|l, a, b| size(l, a).cmp(&size(l, b)), |_, _| {});
    }

    /// Moves a loop innermost.
    pub fn move_innermost(&mut self, k: usize) {
        (k + 1..self.len()).for_each(|l| self.swap(l - 1, l));
    }

    /// Merges neighbouring loops that have a single stride in every operand.
    pub fn merge(&mut self) {
        self.compact(|loops, kept, k| {
            let Some(outer) = kept.checked_sub(1).filter(|&outer| loops.joins(outer, k)) else { return true };
            let extent = loops.extents[outer] * loops.extents[k];
            loops.copy_loop(k, outer);
            loops.extents[outer] = extent;
            false
        });
    }

    /// Keeps the loops `k` for which `keep(self, kept, k)`, after `kept` loops that were kept before.
    fn compact(&mut self, mut keep: impl FnMut(&mut Loops, usize, usize) -> bool) {
        let mut kept = 0;
        for k in 0..self.len() {
            if keep(self, kept, k) {
                self.copy_loop(k, kept);
                kept += 1;
            }
        }
        self.extents.truncate(kept);
        self.strides.truncate(kept * self.operands);
    }

    /// Whether loops `outer` and `inner` can be merged in every operand.
    pub fn joins(&self, outer: usize, inner: usize) -> bool {
        let extent = self.extents[inner] as isize;
        let fits = |(o, i): (&isize, &isize)| i.checked_mul(extent) == Some(*o);
        self.extents[outer].checked_mul(self.extents[inner]).is_some()
            && self.strides(outer).iter().zip(self.strides(inner)).all(fits)
    }

    /// Compares two loops: `Greater` if loop `a` belongs outside loop `b`.
    fn compare(&self, a: usize, b: usize) -> Ordering {
        for (x, y) in self.strides(a).iter().zip(self.strides(b)) {
            if *x != 0 && *y != 0 && x.unsigned_abs() != y.unsigned_abs() {
                return x.unsigned_abs().cmp(&y.unsigned_abs());
            }
        }
        Ordering::Equal
    }

    /// Sorts the loops, stable: `compare(a, b)` is `Less` if loop `a`, now outside loop `b`, belongs inside.
    fn sort(&mut self, compare: impl Fn(&Loops, usize, usize) -> Ordering, mut swapped: impl FnMut(usize, usize)) {
        for k in 1..self.len() {
            let mut at = k;
            while at > 0 && compare(self, at - 1, at) == Ordering::Less {
                self.swap(at - 1, at);
                swapped(at - 1, at);
                at -= 1;
            }
        }
    }

    fn swap(&mut self, a: usize, b: usize) {
        self.extents.swap(a, b);
        for operand in 0..self.operands {
            self.strides.swap(a * self.operands + operand, b * self.operands + operand);
        }
    }

    fn copy_loop(&mut self, from: usize, to: usize) {
        self.extents[to] = self.extents[from];
        let n = self.operands;
        self.strides.copy_within(from * n..(from + 1) * n, to * n);
    }
}

/// An axis of a sum `Σ stride·position`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StridedAxis<A> {
    /// The absolute value of the stride.
    pub stride: u64,
    /// The number of positions.
    pub extent: usize,
    /// The axis.
    pub axis: A,
}

/// Compares, for each axis with two or more positions and the smallest stride first, the stride with the least stride
/// that is past all sums that the earlier axes reach.
///
/// An axis that is not `Less`, and that no `Less` axis follows, is a digit of a mixed-radix number: sums that differ in
/// it are different. If no axis is `Less`, all sums are different; if all are `Equal`, the sums are the numbers below
/// the product of the extents.
pub fn nesting<A: Copy>(axes: &mut [StridedAxis<A>]) -> impl Iterator<Item = (A, Ordering)> {
    axes.sort_by_key(|axis| axis.stride);
    let mut least = 1u64;
    axes.iter().filter(|axis| axis.extent > 1).map(move |axis| {
        let order = axis.stride.cmp(&least);
        least = least.saturating_add(axis.stride.saturating_mul(axis.extent as u64 - 1));
        (axis.axis, order)
    })
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering;
    use std::collections::BTreeSet;

    use super::{Loops, StridedAxis, nesting};

    fn loops(list: &[(usize, &[isize])]) -> Loops {
        let mut l = Loops::new(list.first().map_or(0, |x| x.1.len()));
        list.iter().for_each(|(n, s)| l.push(*n, s.iter().copied()));
        l
    }

    #[test]
    fn contiguous_loops_become_one() {
        let mut l = loops(&[(2, &[12, 12]), (3, &[4, 4]), (1, &[9, 9]), (4, &[1, 1])]);
        l.drop_units();
        l.merge();
        assert_eq!(l, loops(&[(24, &[1, 1])]));
    }

    #[test]
    fn a_stride_that_breaks_stays_a_loop() {
        let mut l = loops(&[(2, &[12, 4]), (3, &[4, 8]), (4, &[1, 1])]);
        l.merge();
        assert_eq!(l.extents(), [2, 3, 4]);
        let mut broadcast = loops(&[(5, &[3, 0]), (3, &[1, 0])]);
        broadcast.merge();
        assert_eq!(broadcast, loops(&[(15, &[1, 0])]));
    }

    #[test]
    fn the_written_unit_stride_goes_innermost_and_reductions_follow_the_operand() {
        let mut transpose = loops(&[(3, &[1, 4]), (4, &[3, 1])]);
        transpose.order();
        assert_eq!(transpose, loops(&[(4, &[3, 1]), (3, &[1, 4])]));
        let mut row_sums = loops(&[(5, &[0, 1]), (6, &[1, 5])]);
        let mut names = ["j", "i"];
        row_sums.order_with(|a, b| names.swap(a, b));
        assert_eq!(names, ["i", "j"]);
        assert_eq!(row_sums, loops(&[(6, &[1, 5]), (5, &[0, 1])]));
        let mut column_sums = loops(&[(5, &[1, 1]), (6, &[0, 5])]);
        column_sums.order();
        assert_eq!(column_sums, loops(&[(6, &[0, 5]), (5, &[1, 1])]));
        let mut reversed = loops(&[(5, &[1, -1]), (6, &[5, -5])]);
        reversed.order();
        reversed.merge();
        assert_eq!(reversed, loops(&[(30, &[1, -1])]));
    }

    #[test]
    fn what_nests_is_as_counting_says() {
        let (strides, extents) = ([0, 1, 2, 3, 4, 6, 12], [1, 2, 3, 4]);
        let mut told = [0; 2];
        for number in 0..(strides.len() * extents.len()).pow(3) {
            let axis = |axis: u32| {
                let number = number / (strides.len() * extents.len()).pow(axis);
                let (stride, extent) =
                    (strides[number % strides.len()], extents[number / strides.len() % extents.len()]);
                StridedAxis { stride, extent, axis: axis as usize }
            };
            let axes = [axis(0), axis(1), axis(2)];
            let found: Vec<(usize, Ordering)> = nesting(&mut axes.clone()).collect();
            let points: Vec<[usize; 3]> = (0..axes.iter().map(|s| s.extent).product::<usize>())
                .map(|k| [k % axes[0].extent, k / axes[0].extent % axes[1].extent, k / axes[0].extent / axes[1].extent])
                .collect();
            let sum = |point: &[usize; 3]| (0..3).map(|a| axes[a].stride * point[a] as u64).sum::<u64>();
            let sums: BTreeSet<u64> = points.iter().map(sum).collect();
            if found.iter().all(|(_, order)| order.is_ge()) {
                assert_eq!(sums.len(), points.len(), "{axes:?}");
                told[0] += 1;
            }
            if found.iter().all(|(_, order)| order.is_eq()) {
                assert!(sums.iter().copied().eq(0..points.len() as u64), "{axes:?}");
                told[1] += 1;
            }
            for (k, (axis, _)) in found.iter().enumerate().filter(|(k, _)| found[*k..].iter().all(|(_, o)| o.is_ge())) {
                let digits: BTreeSet<(u64, usize)> = points.iter().map(|point| (sum(point), point[*axis])).collect();
                assert_eq!(digits.len(), sums.len(), "axis {k} of {axes:?}");
            }
        }
        assert!(told.iter().all(|&count| count > 50), "{told:?}");
    }
}
