//! Infers the shape of a tensor from all contributions to it.

use super::super::{Options, SizeQuery};
use super::errors::{ProgramErrors, SourcedSize};
use super::hir::{AffineForm, Contribution, IndexForm, Tensor};
use super::infer_extents::range;
use super::iteration_space::StatementContext;
use super::size_query;
use crate::error::Error;
use crate::span::Span;
use einfold_ir::Shape;
use std::collections::{HashMap, HashSet};

/// The context of the inference for one name.
#[derive(Clone, Copy)]
pub(super) struct ShapeInference<'a> {
    pub(super) errors: &'a ProgramErrors<'a>,
    pub(super) tensors: &'a [Tensor],
    pub(super) options: &'a Options,
    pub(super) contributions: &'a [Contribution],
    pub(super) name: &'a str,
}

/// A known shape.
pub(super) struct InferredShape {
    pub(super) shape: Shape,
    /// The sizes of the axes of each contribution.
    pub(super) extents: Vec<Vec<usize>>,
}

/// The answers to size queries, by their keys.
pub(super) type QueryAnswers = HashMap<String, i64>;

/// A size that depends on index tensors, with its query.
pub(super) struct QueriedSize {
    pub(super) query: SizeQuery,
    pub(super) axis: usize,
    pub(super) span: Span,
}

impl ShapeInference<'_> {
    /// The shape, or the size queries to answer first.
    pub(super) fn solve(&self, answers: &QueryAnswers) -> Result<Result<InferredShape, Vec<QueriedSize>>, Error> {
        let rank = self.contributions.first().map_or(0, |c| c.left.len());
        if let Some(other) = self.contributions.iter().find(|c| c.left.len() != rank) {
            return Err(self.errors.left_rank(self.name, &self.contributions[0], other));
        }
        let declared = (0..rank).map(|axis| self.declared(axis)).collect::<Result<Vec<_>, _>>()?;
        let (extents, mut shape) = self.unify(&declared)?;
        let extents = self.complete(extents)?;
        let (mut queried, mut keys) = (Vec::new(), HashSet::new());
        for (axis, held) in shape.iter_mut().enumerate().filter(|(_, held)| held.is_none()) {
            let mut known = |query: SizeQuery, span| {
                let key = query.key();
                let answer = answers.get(&key).copied();
                if answer.is_none() && keys.insert(key) {
                    queried.push(QueriedSize { query, axis, span });
                }
                answer
            };
            let size = self.written_size(axis, &extents, &mut known)?;
            *held = Some(SourcedSize { size, span: self.contributions[0].left[axis].span, of: None });
        }
        if !queried.is_empty() {
            return Ok(Err(queried));
        }
        let shape: Shape = shape.into_iter().flatten().map(|held| held.size).collect();
        self.check_written(&shape, &extents)?;
        Ok(Ok(InferredShape { shape, extents }))
    }

    /// The declared size of an axis; all declarations must agree.
    fn declared(&self, axis: usize) -> Result<Option<SourcedSize>, Error> {
        let mut declared = self.contributions.iter().filter_map(|c| c.left[axis].declared);
        let Some(first) = declared.next() else { return Ok(None) };
        match declared.find(|other| other.0 != first.0) {
            Some(other) => Err(self.errors.declared(self.name, axis, first, other)),
            None => Ok(Some(SourcedSize::declared(first.0, first.1))),
        }
    }

    /// Requires a size for every axis.
    fn complete(&self, extents: Vec<Vec<Option<usize>>>) -> Result<Vec<Vec<usize>>, Error> {
        let complete = |(c, extents): (&Contribution, Vec<Option<usize>>)| {
            if let Some(axis) = extents.iter().position(Option::is_none) {
                return Err(self.errors.unresolved(c, axis, self.tensors));
            }
            Ok(extents.into_iter().flatten().collect())
        };
        self.contributions.iter().zip(extents).map(complete).collect()
    }

    /// One more than the greatest position that a contribution writes along an axis. `known` gives the answer to a
    /// query, if there is one.
    fn written_size(
        &self,
        axis: usize,
        extents: &[Vec<usize>],
        known: &mut dyn FnMut(SizeQuery, Span) -> Option<i64>,
    ) -> Result<usize, Error> {
        let mut size = 0_i128;
        for (c, extents) in self.contributions.iter().zip(extents) {
            let position = &c.left[axis];
            let IndexForm::Affine(affine) = &position.index else { continue };
            let context = StatementContext { c, extents, tensors: self.tensors, options: self.options };
            if context.empty() {
                continue;
            }
            let (low, mut high) = range(affine, |axis| Some(extents[axis]));
            if affine.gathers.is_empty() && low < 0 {
                return Err(self.errors.writes_outside(self.name, axis, (low, high), None, position.span));
            }
            if !affine.gathers.is_empty() {
                let query = size_query::greatest(&context, affine)
                    .ok_or_else(|| self.errors.undeclared(self.name, axis, position.span))?;
                let Some(greatest) = known(query, position.span) else { continue };
                high = high.saturating_add(i128::from(greatest));
            }
            size = size.max(high.saturating_add(1));
        }
        Ok(usize::try_from(size).unwrap_or(usize::MAX))
    }

    /// Checks that positions without index tensors stay inside the result.
    fn check_written(&self, shape: &[usize], extents: &[Vec<usize>]) -> Result<(), Error> {
        for (c, extents) in self.contributions.iter().zip(extents) {
            if extents.contains(&0) {
                continue;
            }
            for (axis, position) in c.left.iter().enumerate() {
                let IndexForm::Affine(affine) = &position.index else { continue };
                let (low, high) = range(affine, |axis| Some(extents[axis]));
                let inside = match affine {
                    AffineForm { gathers, .. } if gathers.is_empty() => low >= 0 && high < shape[axis] as i128,
                    _ => i64::try_from(low).is_ok() && i64::try_from(high).is_ok(),
                };
                if !inside {
                    let span = position.span;
                    return Err(self.errors.writes_outside(self.name, axis, (low, high), Some(shape[axis]), span));
                }
            }
        }
        Ok(())
    }
}
