//! Finds the sizes of the axes of a statement.
//!
//! First the plain sizes, between which size 1 stretches; then, until nothing changes, groups with one unknown factor and one
//! round of windows, as in Tensor Comprehensions: every axis that is the only unknown of a window gets the largest size that
//! stays inside. An axis that is in a window takes a plain size of 1 only when no window can tell it more. What is found is
//! never changed, and the order of operands does not matter.

use super::form::{Affine, Contribution, Read, Slot, Tensor};
use super::mistakes::{Held, Mistakes};
use crate::error::{Error, SizeProblem, SizeRule};
use crate::span::Span;

/// The sizes that are known of the axes of a statement, and the first holder of each.
pub(super) struct Sizes<'a> {
    mistakes: &'a Mistakes<'a>,
    tensors: &'a [Tensor],
    c: &'a Contribution,
    strict: bool,
    /// The size and who says so.
    known: Vec<Option<Held>>,
}

/// The sizes of the axes of `c`; `None` where the statement alone does not tell. `shape` has the sizes of the positions on the
/// left, as far as they are known.
pub(super) fn sizes(
    mistakes: &Mistakes<'_>,
    tensors: &[Tensor],
    c: &Contribution,
    strict: bool,
    shape: &[Option<Held>],
) -> Result<Vec<Option<usize>>, Error> {
    let known = vec![None; c.axes.len()];
    let mut sizes = Sizes { mistakes, tensors, c, strict, known };
    let reads = c.all_reads();
    sizes.fixed(shape)?;
    let postponed = sizes.plain(&reads)?;
    sizes.rounds(&reads, shape)?;
    if sizes.fill(postponed) {
        sizes.rounds(&reads, shape)?;
    }
    sizes.each_group(&reads, shape, Sizes::tells)?;
    sizes.inside(&reads)?;
    Ok(sizes.known.iter().map(|held| held.map(|held| held.size)).collect())
}

impl Sizes<'_> {
    fn size(&self, axis: usize) -> Option<usize> {
        self.known[axis].map(|held| held.size)
    }

    fn two(&self, axis: usize, first: Held, second: Held, rule: SizeRule) -> Error {
        self.mistakes.two_sizes(&self.c.axes[axis].label, first, second, rule)
    }

    /// Sizes that are declared: all others must agree or stretch to them.
    fn fixed(&mut self, shape: &[Option<Held>]) -> Result<(), Error> {
        let given = self.c.given.iter().map(|given| (given.axis, Held::declared(given.size, given.span)));
        let left = self.c.left.iter().zip(shape).filter_map(|(position, held)| match position.slot {
            Slot::Axis(axis) => held.map(|held| (axis, held)),
            _ => None,
        });
        for (axis, held) in given.chain(left) {
            match self.known[axis] {
                Some(first) if first.size != held.size => {
                    return Err(self.two(axis, first, held, SizeRule::Declared));
                }
                _ => self.known[axis] = Some(held),
            }
        }
        Ok(())
    }

    /// Sizes of plain indices. Those of 1 that a window may change are returned.
    fn plain(&mut self, reads: &[&Read]) -> Result<Vec<(usize, Held)>, Error> {
        let fixed = self.known.clone();
        let windowed = self.windowed(reads);
        let mut postponed = Vec::new();
        let mut seen: Vec<Option<(usize, Held)>> = vec![None; self.known.len()];
        for (number, read) in reads.iter().enumerate() {
            for (dim, (slot, span)) in read.dims.iter().enumerate() {
                let &Slot::Axis(axis) = slot else { continue };
                let here = self.held(read, dim, *span);
                let twin = seen[axis].replace((number, here)).filter(|(other, _)| *other == number);
                if let Some((_, twin)) = twin.filter(|(_, twin)| twin.size != here.size) {
                    return Err(self.two(axis, twin, here, SizeRule::Diagonal));
                }
                if here.size == 1 && windowed[axis] && self.known[axis].is_none() && !self.strict {
                    postponed.push((axis, here));
                } else {
                    self.join(axis, here, fixed[axis])?;
                }
            }
        }
        Ok(postponed)
    }

    /// The axes that occur in windows.
    fn windowed(&self, reads: &[&Read]) -> Vec<bool> {
        let mut windowed = vec![false; self.known.len()];
        let windows = reads.iter().flat_map(|read| &read.dims).filter_map(|(slot, _)| slot.window());
        windows.flat_map(|window| &window.terms).for_each(|(_, axis)| windowed[*axis] = true);
        windowed
    }

    fn held(&self, read: &Read, dim: usize, span: Span) -> Held {
        Held { size: self.tensors[read.tensor].shape[dim], span, of: Some((read.tensor, dim)) }
    }

    /// One more holder of an axis: equal sizes, or one of them is 1 and stretches, though never one that is `fixed`.
    fn join(&mut self, axis: usize, here: Held, fixed: Option<Held>) -> Result<(), Error> {
        match self.known[axis] {
            None => self.known[axis] = Some(here),
            Some(held) if held.size == here.size => {}
            Some(held) if self.strict => return Err(self.two(axis, held, here, SizeRule::Strict)),
            Some(_) if here.size == 1 => {}
            Some(held) if fixed.is_some() => return Err(self.two(axis, held, here, SizeRule::Declared)),
            Some(held) if held.size == 1 => self.known[axis] = Some(here),
            Some(held) => return Err(self.two(axis, held, here, SizeRule::Stretch)),
        }
        Ok(())
    }

    /// Gives axes that nothing else fixed a size of 1. Whether there was one.
    fn fill(&mut self, postponed: Vec<(usize, Held)>) -> bool {
        let mut any = false;
        for (axis, held) in postponed {
            any |= self.known[axis].is_none();
            self.known[axis].get_or_insert(held);
        }
        any
    }

    fn rounds(&mut self, reads: &[&Read], shape: &[Option<Held>]) -> Result<(), Error> {
        loop {
            // No window tells what a group can.
            while self.each_group(reads, shape, Sizes::group)? {}
            if !self.windows(reads)? {
                return Ok(());
            }
        }
    }

    /// Calls `go` with every group whose size is known. Whether any call changed something.
    fn each_group(
        &mut self,
        reads: &[&Read],
        shape: &[Option<Held>],
        go: impl Fn(&mut Self, &[usize], Held) -> Result<bool, Error>,
    ) -> Result<bool, Error> {
        let mut changed = false;
        for read in reads {
            for (dim, (slot, span)) in read.dims.iter().enumerate() {
                if let Slot::Group(axes) = slot {
                    changed |= go(self, axes, self.held(read, dim, *span))?;
                }
            }
        }
        for (position, held) in self.c.left.iter().zip(shape) {
            if let (Slot::Group(axes), Some(held)) = (&position.slot, held) {
                changed |= go(self, axes, Held { span: position.span, ..*held })?;
            }
        }
        Ok(changed)
    }

    /// The only unknown factor of a group; or the check that the product is right. A product of 0 tells nothing, though another
    /// group may.
    fn group(&mut self, axes: &[usize], held: Held) -> Result<bool, Error> {
        let mut unknown = axes.iter().copied().filter(|&axis| self.known[axis].is_none());
        let (first, second) = (unknown.next(), unknown.next());
        let product = axes.iter().filter_map(|&axis| self.size(axis)).fold(1_usize, usize::saturating_mul);
        let wrong = |problem| Err(self.mistakes.group(axes, self.c, held, problem));
        let size = held.size;
        match (first, second) {
            (_, Some(_)) => Ok(false),
            (None, None) if size != product => wrong(SizeProblem::Group { product, size }),
            (None, None) => Ok(false),
            (Some(_), None) if product == 0 && size == 0 => Ok(false),
            (Some(_), None) if product == 0 || !size.is_multiple_of(product) => {
                wrong(SizeProblem::Factor { product, size })
            }
            (Some(axis), None) => {
                self.known[axis] = Some(Held { size: size / product, ..held });
                Ok(true)
            }
        }
    }

    /// A group does not lack a factor that a product of 0 cannot tell.
    fn tells(&mut self, axes: &[usize], held: Held) -> Result<bool, Error> {
        let sizes = axes.iter().map(|&axis| self.size(axis));
        let unknown = sizes.clone().filter(Option::is_none).count();
        match unknown {
            1 if held.size == 0 && sizes.flatten().any(|size| size == 0) => {
                Err(self.mistakes.group(axes, self.c, held, SizeProblem::Factor { product: 0, size: 0 }))
            }
            _ => Ok(false),
        }
    }

    /// One round of windows: all axes that are the only unknown of some window, together.
    fn windows(&mut self, reads: &[&Read]) -> Result<bool, Error> {
        let mut found: Vec<(usize, Held)> = Vec::new();
        for read in reads {
            for (dim, (slot, span)) in read.dims.iter().enumerate() {
                let Some(window) = slot.window() else { continue };
                if let Some((axis, size)) = self.window(window, read, dim, *span)? {
                    found.push((axis, Held { size, span: *span, of: Some((read.tensor, dim)) }));
                }
            }
        }
        let changed = !found.is_empty();
        for (axis, held) in found {
            let least = self.known[axis].filter(|known| known.size <= held.size).unwrap_or(held);
            self.known[axis] = Some(least);
        }
        Ok(changed)
    }

    /// The only unknown axis of a window, and the largest size of it that stays inside.
    fn window(&self, window: &Affine, read: &Read, dim: usize, span: Span) -> Result<Option<(usize, usize)>, Error> {
        let mut unknown = window.terms.iter().filter(|(coef, axis)| *coef != 0 && self.known[*axis].is_none());
        let (Some(&(coef, axis)), None) = (unknown.next(), unknown.next()) else { return Ok(None) };
        if coef < 0 {
            return Ok(None);
        }
        let (low, high) = range(window, |axis| self.size(axis));
        let size = self.tensors[read.tensor].shape[dim];
        if low < 0 {
            return Err(self.mistakes.outside(&self.tensors[read.tensor], dim, (low, high.max(low)), span));
        }
        let count = (size as i128 - 1 - high).div_euclid(i128::from(coef)) + 1;
        match usize::try_from(count) {
            Ok(count) => Ok(Some((axis, count))),
            Err(_) => {
                Err(self.mistakes.negative(&self.c.axes[axis].label, &self.tensors[read.tensor], dim, count, span))
            }
        }
    }

    /// Windows whose axes are all known stay inside.
    fn inside(&self, reads: &[&Read]) -> Result<(), Error> {
        for read in reads {
            for (dim, (slot, span)) in read.dims.iter().enumerate() {
                let Some(window) = slot.window() else { continue };
                let sizes = window.terms.iter().map(|(_, axis)| self.size(*axis));
                if sizes.into_iter().any(|size| size.is_none_or(|size| size == 0)) {
                    continue;
                }
                let (low, high) = range(window, |axis| self.size(axis));
                let tensor = &self.tensors[read.tensor];
                if low < 0 || high >= tensor.shape[dim] as i128 {
                    return Err(self.mistakes.outside(tensor, dim, (low, high), *span));
                }
            }
        }
        Ok(())
    }
}

/// The least and the greatest position, of the axes whose size is known; ids left out.
pub(super) fn range(window: &Affine, size: impl Fn(usize) -> Option<usize>) -> (i128, i128) {
    let offset = i128::from(window.offset);
    window.terms.iter().fold((offset, offset), |(low, high), &(coef, axis)| {
        let reach = size(axis).map_or(0, |size| i128::from(coef).saturating_mul(size as i128 - 1));
        if coef < 0 { (low.saturating_add(reach), high) } else { (low, high.saturating_add(reach)) }
    })
}
