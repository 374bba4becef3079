//! Unifies the sizes of the statements that contribute to one name.
//!
//! Each statement is solved separately, then gets the sizes that others found where its own are unknown or a 1 that
//! broadcasts. It is then solved again from the start with these sizes as declared, so that nothing derived from the 1
//! remains. The first rounds leave out sizes of 1 that remain for axes of windows; the last rounds include them.

use super::errors::SourcedSize;
use super::hir::{Contribution, IndexForm, LeftIndexForm};
use super::infer_extents::{InferredExtents, infer_extents};
use super::infer_shape::ShapeInference;
use crate::error::{Error, SizeRule};

/// A statement and its sizes.
struct StatementExtents<'a> {
    c: &'a Contribution,
    /// The sizes of its left side that are declared or come from other statements.
    given: Vec<Option<SourcedSize>>,
    found: InferredExtents,
}

/// The size of an axis of the result, or two sizes that disagree.
type UnifiedSize = Result<Option<SourcedSize>, (SourcedSize, SourcedSize)>;

/// The sizes of the axes of each statement, and of the axes of the result.
pub(super) type UnifiedExtents = (Vec<Vec<Option<usize>>>, Vec<Option<SourcedSize>>);

impl ShapeInference<'_> {
    /// Solves all statements together.
    pub(super) fn unify(&self, declared: &[Option<SourcedSize>]) -> Result<UnifiedExtents, Error> {
        let statement = |c| StatementExtents { c, given: declared.to_vec(), found: self.found(c, declared) };
        let mut statements: Vec<StatementExtents<'_>> = self.contributions.iter().map(statement).collect();
        for with_ones in [false, true] {
            let mut rounds = 2 * declared.len() + 2;
            while let Some(axis) = self.round(&mut statements, declared, with_ones) {
                if rounds == 0 {
                    return Err(self.errors.circular_sizes(self.name, axis, self.contributions[0].left[axis].span));
                }
                rounds -= 1;
            }
        }
        let shape = self.unified(&statements, declared, true);
        if let Some(wrong) = statements.iter_mut().find_map(|statement| statement.found.error.take()) {
            return Err(wrong);
        }
        let rule = if self.options.strict { SizeRule::Strict } else { SizeRule::Broadcast };
        let two = |axis, (first, second)| self.errors.result_sizes(self.name, axis, first, second, rule);
        let shape = shape.into_iter().enumerate().map(|(axis, size)| size.map_err(|sizes| two(axis, sizes)));
        let shape = shape.collect::<Result<_, Error>>()?;
        Ok((statements.into_iter().map(|statement| statement.found.with_ones).collect(), shape))
    }

    fn found(&self, c: &Contribution, given: &[Option<SourcedSize>]) -> InferredExtents {
        infer_extents(self.errors, self.tensors, c, self.options.strict, given)
    }

    /// Gives each statement the sizes that others found. Returns the first axis of the result that changed.
    fn round(
        &self,
        statements: &mut [StatementExtents<'_>],
        declared: &[Option<SourcedSize>],
        with_ones: bool,
    ) -> Option<usize> {
        let shape = self.unified(statements, declared, with_ones);
        let shape: Vec<Option<SourcedSize>> = shape.into_iter().map(|size| size.unwrap_or(None)).collect();
        let size = |held: &Option<SourcedSize>| held.map(|held| held.size);
        let mut first = None;
        for statement in statements {
            let updated = self.updated(statement, &shape, declared, with_ones);
            let mut pairs = updated.iter().zip(&statement.given);
            let Some(changed) = pairs.position(|(new, old)| size(new) != size(old)) else { continue };
            first = first.or(Some(changed));
            let mut found = self.found(statement.c, &updated);
            if found.error.is_some() {
                // The first error is the most specific.
                found.error = statement.found.error.take().or(found.error);
            }
            (statement.given, statement.found) = (updated, found);
        }
        first
    }

    /// The size of each axis of the result: the declared one, or that of the statements that found it themselves.
    fn unified(
        &self,
        statements: &[StatementExtents<'_>],
        declared: &[Option<SourcedSize>],
        with_ones: bool,
    ) -> Vec<UnifiedSize> {
        let mut unified: Vec<UnifiedSize> = declared.iter().copied().map(Ok).collect();
        for statement in statements {
            for (axis, position) in
                statement.c.left.iter().enumerate().filter(|(axis, _)| statement.given[*axis].is_none())
            {
                let Some(size) = own(&position.index, statement.sizes(with_ones)) else { continue };
                let here = SourcedSize { size, span: position.span, of: None };
                unified[axis] = unified[axis].and_then(|held| self.join(held, here));
            }
        }
        unified
    }

    /// Unifies two sizes: equal, or one of them is 1 and broadcasts.
    fn join(&self, held: Option<SourcedSize>, here: SourcedSize) -> UnifiedSize {
        let broadcasts = |size: usize| size == 1 && !self.options.strict;
        match held {
            None => Ok(Some(here)),
            Some(held) if held.size == here.size || broadcasts(here.size) => Ok(Some(held)),
            Some(held) if broadcasts(held.size) => Ok(Some(here)),
            Some(held) => Err((held, here)),
        }
    }

    /// The sizes to give to a statement: those of the result where it has none of its own, or a 1.
    fn updated(
        &self,
        statement: &StatementExtents<'_>,
        shape: &[Option<SourcedSize>],
        declared: &[Option<SourcedSize>],
        with_ones: bool,
    ) -> Vec<Option<SourcedSize>> {
        // An axis that is two left indices makes their axes of the result equal: a 1 among them broadcasts.
        let mut longer = vec![false; statement.c.axes.len()];
        for (position, held) in statement.c.left.iter().zip(shape) {
            if let (IndexForm::Axis(axis), Some(held)) = (&position.index, held) {
                longer[*axis] |= held.size != 1 && !self.options.strict;
            }
        }
        let updated = |(axis, position): (usize, &LeftIndexForm)| {
            if declared[axis].is_some() {
                return declared[axis];
            }
            let held = match &position.index {
                IndexForm::Affine(_) => None,
                IndexForm::Axis(own) if longer[*own] => shape[axis].filter(|held| held.size != 1),
                IndexForm::Axis(_) | IndexForm::Merged(_) => shape[axis],
            };
            let own = own(&position.index, statement.sizes(with_ones));
            held.filter(|held| statement.given[axis].is_some() || own != Some(held.size))
        };
        statement.c.left.iter().enumerate().map(updated).collect()
    }
}

impl StatementExtents<'_> {
    fn sizes(&self, with_ones: bool) -> &[Option<usize>] {
        if with_ones { &self.found.with_ones } else { &self.found.certain }
    }
}

/// The size of an axis or of merged axes with known sizes; saturates, since such a size is too large anyway.
fn own(index: &IndexForm, sizes: &[Option<usize>]) -> Option<usize> {
    match index {
        IndexForm::Axis(axis) => sizes[*axis],
        IndexForm::Merged(axes) => axes.iter().try_fold(1_usize, |size, &axis| Some(size.saturating_mul(sizes[axis]?))),
        IndexForm::Affine(_) => None,
    }
}
