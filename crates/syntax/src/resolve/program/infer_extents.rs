//! Infers the sizes of the axes of one statement.
//!
//! First come axes that are indices without brackets, between which size 1 broadcasts; then merged axes with one
//! unknown factor and rounds of windows, as in Tensor Comprehensions: each axis that is the only unknown of a window
//! gets the largest size that keeps the window inside its axis. An axis that occurs in a window takes size 1 from an
//! index only if no window gives it a size. A size never changes once it is known, so the order of operands does not
//! matter.

mod propagate;

use super::errors::{ProgramErrors, SourcedSize};
use super::hir::{AffineForm, Contribution, IndexForm, Tensor, TensorRead};
use crate::error::{Error, SizeRule};
use crate::span::Span;
use propagate::Propagation;

/// The inferred sizes of a statement; `None` for an unknown size.
#[derive(Default)]
pub(super) struct InferredExtents {
    /// Without sizes of 1 that remain for axes of windows.
    pub(super) certain: Vec<Option<usize>>,
    /// With them.
    pub(super) with_ones: Vec<Option<usize>>,
    /// The first error; the sizes are then those of the last complete step.
    pub(super) error: Option<Error>,
}

/// The known sizes of the axes of a statement, each with its origin.
struct KnownExtents<'a> {
    errors: &'a ProgramErrors<'a>,
    tensors: &'a [Tensor],
    c: &'a Contribution,
    strict: bool,
    /// The size and its origin.
    known: Vec<Option<SourcedSize>>,
}

/// Infers the sizes of the axes of `c`. `shape` has the known sizes of the left side.
pub(super) fn infer_extents(
    errors: &ProgramErrors<'_>,
    tensors: &[Tensor],
    c: &Contribution,
    strict: bool,
    shape: &[Option<SourcedSize>],
) -> InferredExtents {
    let known = vec![None; c.axes.len()];
    let mut sizes = KnownExtents { errors, tensors, c, strict, known };
    let mut found =
        InferredExtents { certain: vec![None; c.axes.len()], with_ones: vec![None; c.axes.len()], error: None };
    found.error = sizes.solve(shape, &mut found).err();
    found
}

impl KnownExtents<'_> {
    /// Runs all steps, and stores the known sizes in `found` after each.
    fn solve(&mut self, shape: &[Option<SourcedSize>], found: &mut InferredExtents) -> Result<(), Error> {
        let reads = self.c.all_reads();
        self.declared_sizes(shape)?;
        let postponed = self.axis_sizes(&reads)?;
        (found.certain, found.with_ones) = (self.sizes(), self.sizes());
        let mut propagation = Propagation::new(self, &reads, shape);
        propagation.run()?;
        (found.certain, found.with_ones) = (propagation.sizes.sizes(), propagation.sizes.sizes());
        if propagation.fill(postponed) {
            propagation.run()?;
        }
        propagation.check_zero_products()?;
        self.check_windows(&reads)?;
        found.with_ones = self.sizes();
        Ok(())
    }

    fn sizes(&self) -> Vec<Option<usize>> {
        self.known.iter().map(|held| held.map(|held| held.size)).collect()
    }

    fn size(&self, axis: usize) -> Option<usize> {
        self.known[axis].map(|held| held.size)
    }

    fn conflict(&self, axis: usize, first: SourcedSize, second: SourcedSize, rule: SizeRule) -> Error {
        self.errors.two_sizes(&self.c.axes[axis].label, first, second, rule)
    }

    /// Takes the given sizes of the left side and of `for`: all others must be equal or broadcast to them.
    fn declared_sizes(&mut self, shape: &[Option<SourcedSize>]) -> Result<(), Error> {
        let given = self.c.given.iter().map(|given| (given.axis, SourcedSize::declared(given.size, given.span)));
        let left = self.c.left.iter().zip(shape).filter_map(|(position, held)| match position.index {
            IndexForm::Axis(axis) => held.map(|held| (axis, held)),
            _ => None,
        });
        for (axis, held) in given.chain(left) {
            match self.known[axis] {
                Some(first) if first.size != held.size => {
                    return Err(self.conflict(axis, first, held, SizeRule::Declared));
                }
                _ => self.known[axis] = Some(held),
            }
        }
        Ok(())
    }

    /// Takes the sizes of indices that are one axis. Returns the sizes of 1 that a window may replace.
    fn axis_sizes(&mut self, reads: &[&TensorRead]) -> Result<Vec<(usize, SourcedSize)>, Error> {
        let fixed = self.known.clone();
        let windowed = self.windowed(reads);
        let mut postponed = Vec::new();
        let mut seen: Vec<Option<(usize, SourcedSize)>> = vec![None; self.known.len()];
        for (number, read) in reads.iter().enumerate() {
            for (dim, (index, span)) in read.dims.iter().enumerate() {
                let &IndexForm::Axis(axis) = index else { continue };
                let here = self.held(read, dim, *span);
                let twin = seen[axis].replace((number, here)).filter(|(other, _)| *other == number);
                if let Some((_, twin)) = twin.filter(|(_, twin)| twin.size != here.size) {
                    return Err(self.conflict(axis, twin, here, SizeRule::Diagonal));
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
        let windows = reads.iter().flat_map(|read| &read.dims).filter_map(|(index, _)| index.window());
        windows.flat_map(|window| &window.terms).for_each(|(_, axis)| windowed[*axis] = true);
        windowed
    }

    fn held(&self, read: &TensorRead, dim: usize, span: Span) -> SourcedSize {
        SourcedSize { size: self.tensors[read.tensor].shape[dim], span, of: Some((read.tensor, dim)) }
    }

    /// Unifies a size with the known one: equal, or one of them is 1 and broadcasts, except a `fixed` one.
    fn join(&mut self, axis: usize, here: SourcedSize, fixed: Option<SourcedSize>) -> Result<(), Error> {
        match self.known[axis] {
            None => self.known[axis] = Some(here),
            Some(held) if held.size == here.size => {}
            Some(held) if self.strict => return Err(self.conflict(axis, held, here, SizeRule::Strict)),
            Some(_) if here.size == 1 => {}
            Some(held) if fixed.is_some() => return Err(self.conflict(axis, held, here, SizeRule::Declared)),
            Some(held) if held.size == 1 => self.known[axis] = Some(here),
            Some(held) => return Err(self.conflict(axis, held, here, SizeRule::Broadcast)),
        }
        Ok(())
    }

    /// Checks that windows with known axes stay inside their axis.
    fn check_windows(&self, reads: &[&TensorRead]) -> Result<(), Error> {
        for read in reads {
            for (dim, (index, span)) in read.dims.iter().enumerate() {
                let Some(window) = index.window() else { continue };
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

/// The least and the greatest position over the axes with known sizes, without index tensors.
pub(super) fn range(window: &AffineForm, size: impl Fn(usize) -> Option<usize>) -> (i128, i128) {
    let offset = i128::from(window.offset);
    window.terms.iter().fold((offset, offset), |(low, high), &(coef, axis)| {
        let reach = size(axis).map_or(0, |size| i128::from(coef).saturating_mul(size as i128 - 1));
        if coef < 0 { (low.saturating_add(reach), high) } else { (low, high.saturating_add(reach)) }
    })
}
