//! The sides of a product: groups of axes that are read and written as they lie, without being folded into one axis.

use std::ops::Range;

/// One loop of a side: its extent, and its strides in bytes in two operands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SideLoop {
    /// The number of positions, at least 1.
    pub extent: usize,
    /// The strides in the two operands that have the side.
    pub strides: [isize; 2],
}

/// The most loops of a side.
pub(crate) const MAX_LOOPS: usize = 32;
/// The loops of most sides: a cursor over them is cheap.
const FEW_LOOPS: usize = 4;

/// The rows, the lanes or the contracted axis of a product: nested loops, the last of which runs fastest, counted as one
/// axis.
#[derive(Clone, Copy, Debug)]
pub struct Side<'a> {
    loops: &'a [SideLoop],
}

impl<'a> Side<'a> {
    /// A side of at most `MAX_LOOPS` loops, each of at least one position.
    pub fn new(loops: &'a [SideLoop]) -> Side<'a> {
        debug_assert!(loops.len() <= MAX_LOOPS && loops.iter().all(|l| l.extent > 0));
        Side { loops }
    }

    pub(super) fn loops(self) -> &'a [SideLoop] {
        self.loops
    }

    /// The number of positions.
    #[cfg(test)]
    pub fn extent(self) -> usize {
        self.loops.iter().map(|l| l.extent).product()
    }

    /// The stride in operand `x` if the positions have a single one.
    pub(crate) fn single_stride(self, x: usize) -> Option<isize> {
        let inner = self.loops.last().map_or(0, |l| l.strides[x]);
        let nests =
            |next: isize, l: &SideLoop| (l.strides[x] == next).then(|| next.checked_mul(l.extent as isize)).flatten();
        self.loops.iter().rev().try_fold(inner, nests).map(|_| inner)
    }

    /// Calls `run` for each run of `positions` along the last loop: the offsets of its first position, its strides, and
    /// its length. One walk is compiled for all callers.
    pub(super) fn runs(self, positions: Range<usize>, run: &mut dyn FnMut([isize; 2], [isize; 2], usize)) {
        self.walk(positions, run);
    }

    fn walk(self, positions: Range<usize>, run: impl FnMut([isize; 2], [isize; 2], usize)) {
        if self.loops.len() <= FEW_LOOPS {
            self.walk_loops::<FEW_LOOPS>(positions, run);
        } else {
            self.walk_loops::<MAX_LOOPS>(positions, run);
        }
    }

    /// The same for a side of at most `N` loops.
    fn walk_loops<const N: usize>(self, positions: Range<usize>, mut run: impl FnMut([isize; 2], [isize; 2], usize)) {
        let Some((inner, outer)) = self.loops.split_last() else {
            return if positions.is_empty() {
            } else {
                run([0; 2], [0; 2], 1)
            };
        };
        let (mut at, mut left) = ([0; N], positions.len());
        let (mut start, mut rest) = (positions.start % inner.extent, positions.start / inner.extent);
        let mut base = [0isize; 2];
        let mut shift = |loops: &SideLoop, by: isize| {
            for (base, stride) in base.iter_mut().zip(loops.strides) {
                *base = base.wrapping_add(stride.wrapping_mul(by));
            }
            base
        };
        let mut offsets = shift(inner, 0);
        for (at, l) in at.iter_mut().zip(outer).rev() {
            *at = rest % l.extent;
            rest /= l.extent;
            offsets = shift(l, *at as isize);
        }
        while left > 0 {
            let len = left.min(inner.extent - start);
            let along = inner.strides.map(|s| s.wrapping_mul(start as isize));
            run([offsets[0].wrapping_add(along[0]), offsets[1].wrapping_add(along[1])], inner.strides, len);
            left -= len;
            start = 0;
            for (at, l) in at.iter_mut().zip(outer).rev() {
                *at += 1;
                if *at < l.extent {
                    offsets = shift(l, 1);
                    break;
                }
                offsets = shift(l, 1 - l.extent as isize);
                *at = 0;
            }
        }
    }

    /// Writes the offsets of the positions from `start` on in both operands.
    pub(super) fn offsets(self, start: usize, operands: [&mut [isize]; 2]) {
        let [first, second] = operands;
        let mut done = 0;
        self.walk(start..start + first.len(), |[a, b], [sa, sb], len| {
            for x in 0..len {
                first[done + x] = a.wrapping_add(sa.wrapping_mul(x as isize));
                second[done + x] = b.wrapping_add(sb.wrapping_mul(x as isize));
            }
            done += len;
        });
    }
}

/// The division of `extent` positions into panels of nearly equal widths, multiples of `unit` but the last.
#[derive(Clone, Copy, Debug)]
pub(super) struct Panels {
    extent: usize,
    unit: usize,
    units: usize,
    pub(super) count: usize,
}

impl Panels {
    /// As few panels of at most `most` units each as possible.
    pub(super) fn new(extent: usize, unit: usize, most: usize) -> Panels {
        let units = extent.div_ceil(unit);
        Panels { extent, unit, units, count: units.div_ceil(most) }
    }

    /// The first position of a panel; the extent, rounded up to a unit, for the number of panels.
    pub(super) fn start(self, panel: usize) -> usize {
        match panel {
            0 => 0,
            // Without a division, for products of one tile.
            _ if panel == self.count => self.units * self.unit,
            _ => panel * self.units / self.count * self.unit,
        }
    }

    /// The positions of a panel.
    pub(super) fn range(self, panel: usize) -> Range<usize> {
        self.start(panel)..self.start(panel + 1).min(self.extent)
    }
}
