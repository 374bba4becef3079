//! Finds the sizes of the axes of a statement.
//!
//! First the plain sizes, between which size 1 stretches; then groups with one unknown factor and rounds of windows, as in
//! Tensor Comprehensions: every axis that is the only unknown of a window gets the largest size that stays inside. An axis that
//! is in a window takes a plain size of 1 only when no window can tell it more. What is found is never changed, and the order of
//! operands does not matter.

mod propagate;

use super::errors::{ProgramErrors, SourcedSize};
use super::hir::{AffineForm, Contribution, IndexForm, Tensor, TensorRead};
use crate::error::{Error, SizeRule};
use crate::span::Span;
use propagate::Propagation;

/// What a statement says of the sizes of its axes; `None` where it does not tell.
#[derive(Default)]
pub(super) struct InferredExtents {
    /// Without the sizes of 1 that are left over where a window tells nothing.
    pub(super) firm: Vec<Option<usize>>,
    /// With them.
    pub(super) full: Vec<Option<usize>>,
    /// What is wrong; the sizes are then those of the last step without a mistake.
    pub(super) wrong: Option<Error>,
}

/// The sizes that are known of the axes of a statement, and the first holder of each.
struct KnownExtents<'a> {
    errors: &'a ProgramErrors<'a>,
    tensors: &'a [Tensor],
    c: &'a Contribution,
    strict: bool,
    /// The size and who says so.
    known: Vec<Option<SourcedSize>>,
}

/// The sizes of the axes of `c`. `shape` has the sizes of the positions on the left, as far as they are known.
pub(super) fn sizes(
    errors: &ProgramErrors<'_>,
    tensors: &[Tensor],
    c: &Contribution,
    strict: bool,
    shape: &[Option<SourcedSize>],
) -> InferredExtents {
    let known = vec![None; c.axes.len()];
    let mut sizes = KnownExtents { errors, tensors, c, strict, known };
    let mut found = InferredExtents { firm: vec![None; c.axes.len()], full: vec![None; c.axes.len()], wrong: None };
    found.wrong = sizes.solve(shape, &mut found).err();
    found
}

impl KnownExtents<'_> {
    /// All steps; after each of them `found` has what is known.
    fn solve(&mut self, shape: &[Option<SourcedSize>], found: &mut InferredExtents) -> Result<(), Error> {
        let reads = self.c.all_reads();
        self.fixed(shape)?;
        let postponed = self.plain(&reads)?;
        (found.firm, found.full) = (self.sizes(), self.sizes());
        let mut rounds = Propagation::new(self, &reads, shape);
        rounds.run()?;
        (found.firm, found.full) = (rounds.sizes.sizes(), rounds.sizes.sizes());
        if rounds.fill(postponed) {
            rounds.run()?;
        }
        rounds.told()?;
        self.inside(&reads)?;
        found.full = self.sizes();
        Ok(())
    }

    fn sizes(&self) -> Vec<Option<usize>> {
        self.known.iter().map(|held| held.map(|held| held.size)).collect()
    }

    fn size(&self, axis: usize) -> Option<usize> {
        self.known[axis].map(|held| held.size)
    }

    fn two(&self, axis: usize, first: SourcedSize, second: SourcedSize, rule: SizeRule) -> Error {
        self.errors.two_sizes(&self.c.axes[axis].label, first, second, rule)
    }

    /// KnownExtents that are declared: all others must agree or stretch to them.
    fn fixed(&mut self, shape: &[Option<SourcedSize>]) -> Result<(), Error> {
        let given = self.c.given.iter().map(|given| (given.axis, SourcedSize::declared(given.size, given.span)));
        let left = self.c.left.iter().zip(shape).filter_map(|(position, held)| match position.slot {
            IndexForm::Axis(axis) => held.map(|held| (axis, held)),
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

    /// KnownExtents of plain indices. Those of 1 that a window may change are returned.
    fn plain(&mut self, reads: &[&TensorRead]) -> Result<Vec<(usize, SourcedSize)>, Error> {
        let fixed = self.known.clone();
        let windowed = self.windowed(reads);
        let mut postponed = Vec::new();
        let mut seen: Vec<Option<(usize, SourcedSize)>> = vec![None; self.known.len()];
        for (number, read) in reads.iter().enumerate() {
            for (dim, (slot, span)) in read.dims.iter().enumerate() {
                let &IndexForm::Axis(axis) = slot else { continue };
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
    fn windowed(&self, reads: &[&TensorRead]) -> Vec<bool> {
        let mut windowed = vec![false; self.known.len()];
        let windows = reads.iter().flat_map(|read| &read.dims).filter_map(|(slot, _)| slot.window());
        windows.flat_map(|window| &window.terms).for_each(|(_, axis)| windowed[*axis] = true);
        windowed
    }

    fn held(&self, read: &TensorRead, dim: usize, span: Span) -> SourcedSize {
        SourcedSize { size: self.tensors[read.tensor].shape[dim], span, of: Some((read.tensor, dim)) }
    }

    /// One more holder of an axis: equal sizes, or one of them is 1 and stretches, though never one that is `fixed`.
    fn join(&mut self, axis: usize, here: SourcedSize, fixed: Option<SourcedSize>) -> Result<(), Error> {
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

    /// Windows whose axes are all known stay inside.
    fn inside(&self, reads: &[&TensorRead]) -> Result<(), Error> {
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
                    return Err(self.errors.outside(tensor, dim, (low, high), *span));
                }
            }
        }
        Ok(())
    }
}

/// The least and the greatest position, of the axes whose size is known; ids left out.
pub(super) fn range(window: &AffineForm, size: impl Fn(usize) -> Option<usize>) -> (i128, i128) {
    let offset = i128::from(window.offset);
    window.terms.iter().fold((offset, offset), |(low, high), &(coef, axis)| {
        let reach = size(axis).map_or(0, |size| i128::from(coef).saturating_mul(size as i128 - 1));
        if coef < 0 { (low.saturating_add(reach), high) } else { (low, high.saturating_add(reach)) }
    })
}
