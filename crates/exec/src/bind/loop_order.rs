//! Orders and merges the loops of a nest by their real strides.

use super::{BindLists, Binder};
use crate::bound_program::{BoundProgram, ChunkedAxis, ListRange, LoopNest};
use crate::loops::Loops;

impl Binder<'_> {
    /// Orders the collected loops, and merges neighbours where all strides nest.
    pub(super) fn arrange(&mut self) {
        let loops = &mut self.lists.loops;
        loops.drop_units();
        loops.order();
        loops.merge();
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
fn inner_loops(loops: &Loops, may_split: bool) -> [Option<usize>; 2] {
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
