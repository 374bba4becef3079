//! The order of the loops of a nest.

use einfold_ir::Loops as Given;

use super::{Binder, Work};
use crate::program::{Cut, Loops, Program, Span};

/// What the loops of a nest may be subjected to.
#[derive(Clone, Copy)]
pub(super) struct Freedom {
    /// Ordered by their strides.
    pub(super) ordered: bool,
    /// Joined where all operands go on.
    pub(super) merged: bool,
    /// Split among blocks where the target moves.
    pub(super) split: bool,
}

impl Freedom {
    /// For loops in which nothing depends on their order.
    pub(super) const ALL: Freedom = Freedom { ordered: true, merged: true, split: true };
}

impl Binder<'_> {
    /// Orders and joins `work.loops` as far as they may be.
    pub(super) fn arrange(&mut self, freedom: Freedom) {
        let loops = &mut self.work.loops;
        loops.drop_units();
        if freedom.ordered {
            loops.order();
        }
        if freedom.merged {
            loops.merge();
        }
    }

    /// Puts `work.loops` and `work.indexed` in the order they run in: kept, reduced, and inside the two of the kernel. Loops
    /// that ids depend on are never inside.
    pub(super) fn place_loops(&mut self, operands: Span, freedom: Freedom) -> Loops {
        let Work { loops, indexed, indexed_axes, places, chunks, cut, .. } = &mut *self.work;
        places.clear();
        *cut = None;
        places.resize(indexed_axes.iter().map(|a| a + 1).max().unwrap_or(0), None);
        let inside = inner_loops(loops, freedom);
        let program = &mut *self.program;
        let (start, strides) = (program.sizes.len(), program.strides.len());
        let kept = |from: &Given, l: usize| freedom.split && from.strides(l)[0] != 0;
        let mut counts = [0; 2];
        for (count, wanted) in counts.iter_mut().zip([true, false]) {
            let before = program.sizes.len();
            for l in (0..indexed.len()).filter(|&l| kept(indexed, l) == wanted) {
                // Of an axis that is cut there are two loops, that over the chunks first: it is kept.
                let place = &mut places[indexed_axes[l]];
                let outer = place.replace(program.sizes.len() - start);
                if let Some(chunks) = chunks.filter(|chunks| chunks.axis == indexed_axes[l]) {
                    let (start, len, inner) = (chunks.start, chunks.len, program.sizes.len() - start);
                    *cut = Some((chunks.axis, Cut { start, outer, len, inner }));
                }
                program.push_loop(indexed, l);
            }
            for l in (0..loops.len()).filter(|&l| !inside.contains(&Some(l)) && kept(loops, l) == wanted) {
                program.push_loop(loops, l);
            }
            *count = program.sizes.len() - before;
        }
        for l in inside {
            match l {
                Some(l) => program.push_loop(loops, l),
                None => program.push_unit(operands.len),
            }
        }
        let sizes = Span::since(start, &program.sizes);
        Loops { operands, kept: counts[0], reduced: counts[1], sizes, strides }
    }
}

impl Program {
    fn push_loop(&mut self, from: &Given, l: usize) {
        self.sizes.push(from.extents()[l]);
        self.strides.extend_from_slice(from.strides(l));
    }

    /// A loop of one position.
    fn push_unit(&mut self, operands: usize) {
        self.sizes.push(1);
        self.strides.extend(std::iter::repeat_n(0, operands));
    }
}

/// The outer and the inner loop that a kernel runs. The inner one is the innermost; the outer one is that along which some
/// factor moves least, if it moves less there than along the inner one (a transpose needs both), else the next.
fn inner_loops(loops: &Given, freedom: Freedom) -> [Option<usize>; 2] {
    let Some(last) = loops.len().checked_sub(1) else { return [None, None] };
    // Where targets may meet, a kernel may not have two loops in flight.
    if !freedom.split || last == 0 {
        return [None, Some(last)];
    }
    let size = |l: usize, operand: usize| loops.strides(l)[operand].unsigned_abs();
    let nearer = |operand: usize| {
        let moving = (0..last).filter(|&l| size(l, operand) != 0);
        let least = moving.min_by_key(|&l| (size(l, operand), std::cmp::Reverse(l)))?;
        (size(last, operand) != 0 && size(least, operand) < size(last, operand)).then_some(least)
    };
    let outer = if freedom.ordered { (1..loops.operands()).find_map(nearer) } else { None };
    [Some(outer.unwrap_or(last - 1)), Some(last)]
}
