//! Orders and merges the loops of a nest by their real strides.

use super::{BindLists, Binder};
use crate::bound_program::{BoundProgram, ChunkedAxis, ListRange, LoopNest};
use crate::loops::Loops;

/// The fewest rows whose sum in one kernel call is worth the clearing of the target before it.
const LEAST_ROWS: usize = 8;
/// The fewest and the most positions of a part of a batch.
const LEAST_PART: usize = 64;
const MOST_PART: usize = 1024;

impl Binder<'_> {
    /// Orders the collected loops, and merges neighbours where all strides nest.
    pub(super) fn arrange(&mut self) {
        let loops = &mut self.lists.loops;
        loops.drop_units();
        loops.order();
        loops.merge();
    }

    /// Arranges the collected loops of a sum of products of two factors, if the innermost loop is a batch that is
    /// contiguous in the target: a reduced loop next to it, so that the kernel sums rows of the batch, and a loop over
    /// parts of the batch outside of all others, so that all operands of a part stay in the cache.
    pub(super) fn arrange_batch(&mut self, size: usize) {
        let BindLists { loops, indexed, spare, .. } = &mut *self.lists;
        let Some(last) = loops.len().checked_sub(1).filter(|_| loops.operands() == 3 && indexed.is_empty()) else {
            return;
        };
        let inner = loops.strides(last);
        let reduced = (0..last).rfind(|&l| loops.strides(l)[0] == 0 && loops.extents()[l] >= LEAST_ROWS);
        let Some(reduced) = reduced.filter(|_| inner[0] == size as isize && !inner.contains(&0)) else { return };
        loops.move_innermost(reduced);
        loops.move_innermost(last - 1);
        let extent = loops.extents()[last];
        let elements = |x: usize| {
            let extent = |l: usize| if loops.strides(l)[x] != 0 { loops.extents()[l] } else { 1 };
            (0..last).map(extent).fold(1, usize::saturating_mul)
        };
        let bytes = (0..3).map(elements).fold(0, usize::saturating_add).saturating_mul(size);
        let most = (usize::try_from(self.plan.machine.near_bytes()).unwrap_or(usize::MAX) / 2 / bytes).max(LEAST_PART);
        let Some(part) = (LEAST_PART..=most.min(MOST_PART).min(extent / 2)).rev().find(|part| extent % part == 0)
        else {
            return;
        };
        spare.reset(3);
        spare.push(extent / part, loops.strides(last).iter().map(|stride| stride.wrapping_mul(part as isize)));
        (0..last).for_each(|l| spare.push(loops.extents()[l], loops.strides(l).iter().copied()));
        spare.push(part, loops.strides(last).iter().copied());
        std::mem::swap(loops, spare);
    }

    /// Appends the collected loops in the order in which they run: kept loops, reduced loops, then the two inner loops
    /// of the kernel. A loop that indirect positions depend on is never an inner loop. `may_split`: loops along which the
    /// target moves may be divided into blocks, because different positions have different targets.
    pub(super) fn order_loops(&mut self, operands: ListRange, may_split: bool) -> LoopNest {
        let BindLists { loops, indexed, indexed_axes, loop_of_axis, chunks, chunked, .. } = &mut *self.lists;
        loop_of_axis.clear();
        *chunked = None;
        loop_of_axis.resize(indexed_axes.iter().map(|a| a + 1).max().unwrap_or(0), None);
        let inside = inner_loops(loops, may_split);
        let program = &mut *self.program;
        let (start, strides) = (program.extents.len(), program.strides.len());
        let kept = |from: &Loops, l: usize| may_split && from.strides(l)[0] != 0;
        let mut counts = [0; 2];
        for (count, wanted) in counts.iter_mut().zip([true, false]) {
            let before = program.extents.len();
            for l in (0..indexed.len()).filter(|&l| kept(indexed, l) == wanted) {
                // A chunked axis has two loops; the one over the chunks comes first and is kept.
                let entry = &mut loop_of_axis[indexed_axes[l]];
                let outer = entry.replace(program.extents.len() - start);
                if let Some(chunks) = chunks.filter(|chunks| chunks.axis == indexed_axes[l]) {
                    let (start, len, inner) = (chunks.start, chunks.len, program.extents.len() - start);
                    *chunked = Some((chunks.axis, ChunkedAxis { start, outer, len, inner }));
                }
                program.push_loop(indexed, l);
            }
            for l in (0..loops.len()).filter(|&l| !inside.contains(&Some(l)) && kept(loops, l) == wanted) {
                program.push_loop(loops, l);
            }
            *count = program.extents.len() - before;
        }
        for l in inside {
            match l {
                Some(l) => program.push_loop(loops, l),
                None => program.push_unit(operands.len),
            }
        }
        let extents = ListRange::since(start, &program.extents);
        LoopNest { operands, kept: counts[0], reduced: counts[1], extents, strides }
    }
}

impl BoundProgram {
    fn push_loop(&mut self, from: &Loops, l: usize) {
        self.extents.push(from.extents()[l]);
        self.strides.extend_from_slice(from.strides(l));
    }

    /// Appends a loop of extent 1.
    fn push_unit(&mut self, operands: usize) {
        self.extents.push(1);
        self.strides.extend(std::iter::repeat_n(0, operands));
    }
}

/// The outer and the inner loop of the kernel. The inner one is the innermost loop. The outer one is the loop with the
/// smallest stride in some factor, if that is smaller than the stride of the factor in the inner loop (a transpose needs
/// both), else the next loop outside.
pub(super) fn inner_loops(loops: &Loops, may_split: bool) -> [Option<usize>; 2] {
    let Some(last) = loops.len().checked_sub(1) else { return [None, None] };
    // Where different points may write one element, a kernel runs one loop.
    if !may_split || last == 0 {
        return [None, Some(last)];
    }
    let size = |l: usize, operand: usize| loops.strides(l)[operand].unsigned_abs();
    let with_smaller_stride = |operand: usize| {
        let moving = (0..last).filter(|&l| size(l, operand) != 0);
        let least = moving.min_by_key(|&l| (size(l, operand), std::cmp::Reverse(l)))?;
        (size(last, operand) != 0 && size(least, operand) < size(last, operand)).then_some(least)
    };
    let outer = (1..loops.operands()).find_map(with_smaller_stride);
    [Some(outer.unwrap_or(last - 1)), Some(last)]
}
