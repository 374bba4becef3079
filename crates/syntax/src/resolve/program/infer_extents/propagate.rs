//! Propagates sizes through merged axes and windows with one unknown axis.

use super::super::errors::SourcedSize;
use super::super::hir::{AffineForm, IndexForm, TensorRead};
use super::{KnownExtents, range};
use crate::error::{Error, SizeProblem};
use crate::span::Span;
use std::collections::VecDeque;
use std::mem::take;

/// The constraints of a statement, with the number of unknown axes of each.
pub(super) struct Propagation<'s, 'a> {
    pub(super) sizes: &'s mut KnownExtents<'a>,
    constraints: Vec<SizeConstraint<'s>>,
    /// The constraints of each axis, once for each occurrence.
    of_axis: Vec<Vec<usize>>,
    /// Merged axes with at most one unknown axis, to process.
    merged: VecDeque<usize>,
    /// Windows with one unknown axis, to process in the next round.
    windows: Vec<usize>,
}

/// A relation between the sizes of axes.
struct SizeConstraint<'s> {
    kind: ConstraintKind<'s>,
    /// The number of occurrences of unknown axes.
    unknown: usize,
}

#[derive(Clone, Copy)]
enum ConstraintKind<'s> {
    Merged(&'s [usize], SourcedSize),
    Window(&'s AffineForm, &'s TensorRead, usize, Span),
}

impl<'s, 'a> Propagation<'s, 'a> {
    pub(super) fn new(sizes: &'s mut KnownExtents<'a>, reads: &[&'s TensorRead], shape: &[Option<SourcedSize>]) -> Self
    where
        'a: 's,
    {
        let mut kinds = Vec::new();
        for read in reads {
            for (dim, (index, span)) in read.dims.iter().enumerate() {
                match (index, index.window()) {
                    (IndexForm::Merged(axes), _) => {
                        kinds.push(ConstraintKind::Merged(axes, sizes.held(read, dim, *span)))
                    }
                    (_, Some(window)) => kinds.push(ConstraintKind::Window(window, read, dim, *span)),
                    _ => {}
                }
            }
        }
        for (position, held) in sizes.c.left.iter().zip(shape) {
            if let (IndexForm::Merged(axes), Some(held)) = (&position.index, held) {
                kinds.push(ConstraintKind::Merged(axes, SourcedSize { span: position.span, ..*held }));
            }
        }
        let of_axis = vec![Vec::new(); sizes.known.len()];
        let (merged, windows) = Default::default();
        let mut propagation =
            Propagation { sizes, constraints: Vec::with_capacity(kinds.len()), of_axis, merged, windows };
        kinds.into_iter().for_each(|kind| propagation.add(kind));
        propagation
    }

    fn add(&mut self, kind: ConstraintKind<'s>) {
        let (known, of_axis, constraint) = (&self.sizes.known, &mut self.of_axis, self.constraints.len());
        let mut unknown = 0;
        let mut occurs = |axis: usize| {
            if known[axis].is_none() {
                unknown += 1;
                of_axis[axis].push(constraint);
            }
        };
        match kind {
            ConstraintKind::Merged(axes, _) => axes.iter().for_each(|&axis| occurs(axis)),
            ConstraintKind::Window(window, ..) => {
                window.terms.iter().filter(|(coef, _)| *coef != 0).for_each(|&(_, axis)| occurs(axis));
            }
        }
        self.constraints.push(SizeConstraint { kind, unknown });
        self.enqueue(constraint);
    }

    /// Queues a constraint that can give a size or be checked.
    fn enqueue(&mut self, constraint: usize) {
        match (&self.constraints[constraint].kind, self.constraints[constraint].unknown) {
            (ConstraintKind::Merged(..), 0 | 1) => self.merged.push_back(constraint),
            (ConstraintKind::Window(..), 1) => self.windows.push(constraint),
            _ => {}
        }
    }

    /// Sets the size of an unknown axis.
    fn set(&mut self, axis: usize, held: SourcedSize) {
        self.sizes.known[axis] = Some(held);
        for constraint in take(&mut self.of_axis[axis]) {
            self.constraints[constraint].unknown -= 1;
            self.enqueue(constraint);
        }
    }

    /// Processes all merged axes, then one round of windows, until nothing changes.
    pub(super) fn run(&mut self) -> Result<(), Error> {
        loop {
            // Merged axes are exact, so they come before windows.
            while let Some(constraint) = self.merged.pop_front() {
                if let ConstraintKind::Merged(axes, held) = self.constraints[constraint].kind {
                    self.group(axes, held)?;
                }
            }
            if self.windows.is_empty() {
                return Ok(());
            }
            self.round()?;
        }
    }

    /// Gives size 1 to the axes that are still unknown. Returns whether there was one.
    pub(super) fn fill(&mut self, postponed: Vec<(usize, SourcedSize)>) -> bool {
        let mut any = false;
        for (axis, held) in postponed {
            if self.sizes.known[axis].is_none() {
                self.set(axis, held);
                any = true;
            }
        }
        any
    }

    /// Computes the only unknown factor of merged axes, or checks the product. A product of 0 determines no factor, but
    /// another constraint may.
    fn group(&mut self, axes: &[usize], held: SourcedSize) -> Result<(), Error> {
        let mut unknown = axes.iter().copied().filter(|&axis| self.sizes.known[axis].is_none());
        let (first, second) = (unknown.next(), unknown.next());
        let product = axes.iter().filter_map(|&axis| self.sizes.size(axis)).fold(1_usize, usize::saturating_mul);
        let wrong = |problem| Err(self.sizes.errors.group(axes, self.sizes.c, held, problem));
        let size = held.size;
        match (first, second) {
            (_, Some(_)) => Ok(()),
            (None, None) if size != product => wrong(SizeProblem::Merged { product, size }),
            (None, None) => Ok(()),
            (Some(_), None) if product == 0 && size == 0 => Ok(()),
            (Some(_), None) if product == 0 || !size.is_multiple_of(product) => {
                wrong(SizeProblem::Factor { product, size })
            }
            (Some(axis), None) => {
                self.set(axis, SourcedSize { size: size / product, ..held });
                Ok(())
            }
        }
    }

    /// Checks that no factor of merged axes is unknown because the product is 0.
    pub(super) fn check_zero_products(&self) -> Result<(), Error> {
        for constraint in &self.constraints {
            let ConstraintKind::Merged(axes, held) = constraint.kind else { continue };
            let zero = || axes.iter().any(|&axis| self.sizes.size(axis) == Some(0));
            if constraint.unknown == 1 && held.size == 0 && zero() {
                let problem = SizeProblem::Factor { product: 0, size: 0 };
                return Err(self.sizes.errors.group(axes, self.sizes.c, held, problem));
            }
        }
        Ok(())
    }

    /// Processes one round of windows together; of several sizes of an axis the least counts.
    fn round(&mut self) -> Result<(), Error> {
        let mut windows = take(&mut self.windows);
        windows.sort_unstable();
        let mut found: Vec<(usize, SourcedSize)> = Vec::with_capacity(windows.len());
        for constraint in windows {
            let ConstraintKind::Window(window, read, dim, span) = self.constraints[constraint].kind else { continue };
            if let Some((axis, size)) = self.window(window, read, dim, span)? {
                found.push((axis, SourcedSize { size, span, of: Some((read.tensor, dim)) }));
            }
        }
        found.sort_by_key(|(axis, held)| (*axis, held.size));
        found.dedup_by_key(|(axis, _)| *axis);
        found.into_iter().for_each(|(axis, held)| self.set(axis, held));
        Ok(())
    }

    /// The only unknown axis of a window, with the largest size that keeps the window inside its axis.
    fn window(
        &self,
        window: &AffineForm,
        read: &TensorRead,
        dim: usize,
        span: Span,
    ) -> Result<Option<(usize, usize)>, Error> {
        let KnownExtents { errors, tensors, c, known, .. } = &*self.sizes;
        let mut unknown = window.terms.iter().filter(|(coef, axis)| *coef != 0 && known[*axis].is_none());
        let (Some(&(coef, axis)), None) = (unknown.next(), unknown.next()) else { return Ok(None) };
        if coef < 0 {
            return Ok(None);
        }
        let (low, high) = range(window, |axis| self.sizes.size(axis));
        let tensor = &tensors[read.tensor];
        if low < 0 {
            return Err(errors.outside(tensor, dim, (low, high.max(low)), span));
        }
        let count = (tensor.shape[dim] as i128 - 1 - high).div_euclid(i128::from(coef)) + 1;
        match usize::try_from(count) {
            Ok(count) => Ok(Some((axis, count))),
            Err(_) => Err(errors.negative(&c.axes[axis].label, tensor, dim, count, span)),
        }
    }
}
