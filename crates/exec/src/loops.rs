//! Stride algebra: edits of lists of loops with extents and strides, by which loops are ordered and merged.

use std::cmp::Ordering;

use smallvec::SmallVec;

/// Nested loops over a fixed number of operands: the extent of each loop, outermost first, and for each loop the stride
/// of every operand. Operand 0 is written. Strides may be negative or 0, in any unit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Loops {
    operands: usize,
    extents: SmallVec<[usize; 6]>,
    strides: SmallVec<[isize; 18]>,
}

/// The product of extents; the largest number if it overflows.
pub(crate) fn product(extents: &[usize]) -> usize {
    extents.iter().fold(1usize, |n, &e| n.saturating_mul(e))
}

impl Loops {
    /// An empty list of loops over `operands` operands: a single point.
    pub(crate) fn new(operands: usize) -> Loops {
        Loops { operands, extents: SmallVec::new(), strides: SmallVec::new() }
    }

    /// Removes all loops and sets the number of operands, keeping the memory.
    pub(crate) fn reset(&mut self, operands: usize) {
        self.operands = operands;
        self.extents.clear();
        self.strides.clear();
    }

    /// Adds an innermost loop. `strides` has one entry for each operand.
    pub(crate) fn push(&mut self, extent: usize, strides: impl IntoIterator<Item = isize>) {
        self.extents.push(extent);
        self.strides.extend(strides);
        debug_assert_eq!(self.strides.len(), self.extents.len() * self.operands);
    }

    /// The number of loops.
    pub(crate) fn len(&self) -> usize {
        self.extents.len()
    }

    /// Whether there are no loops: a single point.
    pub(crate) fn is_empty(&self) -> bool {
        self.extents.is_empty()
    }

    /// The number of operands.
    pub(crate) fn operands(&self) -> usize {
        self.operands
    }

    /// The extents, outermost first.
    pub(crate) fn extents(&self) -> &[usize] {
        &self.extents
    }

    /// The number of points.
    pub(crate) fn points(&self) -> usize {
        product(&self.extents)
    }

    /// The stride of each operand in loop `k`.
    pub(crate) fn strides(&self, k: usize) -> &[isize] {
        &self.strides[k * self.operands..(k + 1) * self.operands]
    }

    /// Removes loops of extent 1.
    pub(crate) fn drop_units(&mut self) {
        self.compact(|loops, _, k| loops.extents[k] != 1);
    }

    /// Orders the loops so that small strides are innermost: of two loops, the outer is the one with the larger stride
    /// in the first operand that both move, starting with the written one. Loops that move no common operand keep their
    /// order.
    pub(crate) fn order(&mut self) {
        self.sort(Loops::compare);
    }

    /// Orders the loops by their strides in one operand, the smallest innermost. Equal strides keep their order.
    pub(crate) fn order_by(&mut self, operand: usize) {
        let size = |l: &Loops, k: usize| l.strides(k)[operand].unsigned_abs();
        self.sort(|l, a, b| size(l, a).cmp(&size(l, b)));
    }

    /// Moves a loop innermost.
    pub(crate) fn move_innermost(&mut self, k: usize) {
        (k + 1..self.len()).for_each(|l| self.swap(l - 1, l));
    }

    /// Merges neighbouring loops that have a single stride in every operand.
    pub(crate) fn merge(&mut self) {
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
    fn joins(&self, outer: usize, inner: usize) -> bool {
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
    fn sort(&mut self, compare: impl Fn(&Loops, usize, usize) -> Ordering) {
        for k in 1..self.len() {
            let mut at = k;
            while at > 0 && compare(self, at - 1, at) == Ordering::Less {
                self.swap(at - 1, at);
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

#[cfg(test)]
mod tests {
    use super::Loops;

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
        row_sums.order();
        assert_eq!(row_sums, loops(&[(6, &[1, 5]), (5, &[0, 1])]));
        let mut column_sums = loops(&[(5, &[1, 1]), (6, &[0, 5])]);
        column_sums.order();
        assert_eq!(column_sums, loops(&[(6, &[0, 5]), (5, &[1, 1])]));
        let mut reversed = loops(&[(5, &[1, -1]), (6, &[5, -5])]);
        reversed.order();
        reversed.merge();
        assert_eq!(reversed, loops(&[(30, &[1, -1])]));
    }
}
