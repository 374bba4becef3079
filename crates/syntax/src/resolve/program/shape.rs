//! The shape of a tensor, from all contributions to it together.

use super::super::{Options, SizeQuery};
use super::form::{Affine, Contribution, Slot, Tensor, set};
use super::mistakes::{Held, Mistakes};
use super::query;
use super::sizes::{range, sizes};
use super::space::Ground;
use crate::error::{Error, SizeRule};
use crate::span::Span;

/// What decides the sizes of a definition.
#[derive(Clone, Copy)]
pub(super) struct Shapes<'a> {
    pub(super) mistakes: &'a Mistakes<'a>,
    pub(super) tensors: &'a [Tensor],
    pub(super) options: &'a Options,
    pub(super) contributions: &'a [Contribution],
    pub(super) name: &'a str,
}

/// A shape that is known.
pub(super) struct Shape {
    pub(super) shape: Vec<usize>,
    /// For each contribution the sizes of its axes.
    pub(super) extents: Vec<Vec<usize>>,
}

/// A size that only the ids tell.
pub(super) struct Asked {
    pub(super) query: SizeQuery,
    pub(super) axis: usize,
    pub(super) span: Span,
}

impl Shapes<'_> {
    /// The shape; or the questions that must be answered first.
    pub(super) fn solve(&self) -> Result<Result<Shape, Vec<Asked>>, Error> {
        let rank = self.contributions.first().map_or(0, |c| c.left.len());
        if let Some(other) = self.contributions.iter().find(|c| c.left.len() != rank) {
            return Err(self.mistakes.left_rank(self.name, &self.contributions[0], other));
        }
        let declared = (0..rank).map(|axis| self.declared(axis)).collect::<Result<Vec<_>, _>>()?;
        let (extents, mut shape) = self.agree(declared)?;
        let extents = self.complete(extents)?;
        let mut asked = Vec::new();
        for (axis, held) in shape.iter_mut().enumerate().filter(|(_, held)| held.is_none()) {
            let size = self.reach(axis, &extents, &mut asked)?;
            *held = Some(Held { size, span: self.contributions[0].left[axis].span, of: None });
        }
        if !asked.is_empty() {
            return Ok(Err(asked));
        }
        let shape: Vec<usize> = shape.into_iter().flatten().map(|held| held.size).collect();
        self.inside(&shape, &extents)?;
        Ok(Ok(Shape { shape, extents }))
    }

    /// The declared size of an axis; all declarations agree.
    fn declared(&self, axis: usize) -> Result<Option<Held>, Error> {
        let mut declared = self.contributions.iter().filter_map(|c| c.left[axis].declared);
        let Some(first) = declared.next() else { return Ok(None) };
        match declared.find(|other| other.0 != first.0) {
            Some(other) => Err(self.mistakes.declared(self.name, axis, first, other)),
            None => Ok(Some(Held::declared(first.0, first.1))),
        }
    }

    /// Solves each contribution, and again where another one tells more about an axis of the result.
    #[allow(clippy::type_complexity, reason = "sizes by contribution, and sizes of the result")]
    fn agree(&self, declared: Vec<Option<Held>>) -> Result<(Vec<Vec<Option<usize>>>, Vec<Option<Held>>), Error> {
        let solve = |c: &Contribution, shape: &[Option<Held>]| {
            sizes(self.mistakes, self.tensors, c, self.options.strict, shape)
        };
        let mut extents = self.contributions.iter().map(|c| solve(c, &declared)).collect::<Result<Vec<_>, Error>>()?;
        loop {
            let mut shape = declared.clone();
            for (axis, held) in shape.iter_mut().enumerate().filter(|(_, held)| held.is_none()) {
                *held = self.plain(axis, &extents)?;
            }
            self.tie(&mut shape, &declared);
            let mut changed = false;
            for (c, extents) in self.contributions.iter().zip(&mut extents) {
                if tells_more(c, extents, &shape) {
                    let solved = solve(c, &shape)?;
                    changed |= solved != *extents;
                    *extents = solved;
                }
            }
            if !changed {
                return Ok((extents, shape));
            }
        }
    }

    /// The size of an axis of the result from plain axes and groups; between contributions, size 1 stretches.
    fn plain(&self, axis: usize, extents: &[Vec<Option<usize>>]) -> Result<Option<Held>, Error> {
        let mut known: Option<Held> = None;
        for (c, extents) in self.contributions.iter().zip(extents) {
            let position = &c.left[axis];
            let size = match &position.slot {
                Slot::Axis(axis) => extents[*axis],
                Slot::Group(axes) => product(axes, extents),
                Slot::Affine(_) => None,
            };
            let Some(size) = size else { continue };
            let here = Held { size, span: position.span, of: None };
            known = match known {
                Some(held) if held.size == size || (size == 1 && !self.options.strict) => Some(held),
                Some(held) if held.size != 1 || self.options.strict => {
                    let rule = if self.options.strict { SizeRule::Strict } else { SizeRule::Stretch };
                    return Err(self.mistakes.result_sizes(self.name, axis, held, here, rule));
                }
                _ => Some(here),
            };
        }
        Ok(known)
    }

    /// An axis that is repeated on a left ties axes of the result: where one of them is 1 and another is not, the 1 stretches.
    fn tie(&self, shape: &mut [Option<Held>], declared: &[Option<Held>]) {
        if self.options.strict {
            return;
        }
        for c in self.contributions {
            for (k, position) in c.left.iter().enumerate() {
                let Slot::Axis(axis) = position.slot else { continue };
                let own = |other: &usize| matches!(c.left[*other].slot, Slot::Axis(other) if other == axis);
                let longer = (0..shape.len()).filter(own).find_map(|other| shape[other].filter(|held| held.size != 1));
                if declared[k].is_none() && shape[k].is_some_and(|held| held.size == 1) && longer.is_some() {
                    shape[k] = longer;
                }
            }
        }
    }

    /// Every axis has a size now, or it never gets one.
    fn complete(&self, extents: Vec<Vec<Option<usize>>>) -> Result<Vec<Vec<usize>>, Error> {
        let complete = |(c, extents): (&Contribution, Vec<Option<usize>>)| {
            if let Some(axis) = extents.iter().position(Option::is_none) {
                return Err(self.mistakes.unresolved(c, axis, self.tensors));
            }
            Ok(extents.into_iter().flatten().collect())
        };
        self.contributions.iter().zip(extents).map(complete).collect()
    }

    /// One more than the greatest position that any contribution writes along an axis.
    fn reach(&self, axis: usize, extents: &[Vec<usize>], asked: &mut Vec<Asked>) -> Result<usize, Error> {
        let mut size = 0_i128;
        for (c, extents) in self.contributions.iter().zip(extents) {
            let position = &c.left[axis];
            let Slot::Affine(affine) = &position.slot else { continue };
            let ground = Ground { c, extents, tensors: self.tensors, options: self.options };
            if ground.empty() {
                continue;
            }
            let (low, mut high) = range(affine, |axis| Some(extents[axis]));
            if affine.ids.is_empty() && low < 0 {
                return Err(self.mistakes.writes_outside(self.name, axis, (low, high), None, position.span));
            }
            if !affine.ids.is_empty() {
                let query = query::greatest(&ground, affine)
                    .ok_or_else(|| self.mistakes.undeclared(self.name, axis, position.span))?;
                match self.options.answers.iter().find(|(other, _)| *other == query) {
                    Some((_, greatest)) => high = high.saturating_add(i128::from(*greatest)),
                    None => {
                        if asked.iter().all(|asked| asked.query != query) {
                            asked.push(Asked { query, axis, span: position.span });
                        }
                        continue;
                    }
                }
            }
            size = size.max(high.saturating_add(1));
        }
        Ok(usize::try_from(size).unwrap_or(usize::MAX))
    }

    /// Positions without ids stay inside the result.
    fn inside(&self, shape: &[usize], extents: &[Vec<usize>]) -> Result<(), Error> {
        for (c, extents) in self.contributions.iter().zip(extents) {
            if extents.contains(&0) {
                continue;
            }
            for (axis, position) in c.left.iter().enumerate() {
                let Slot::Affine(affine) = &position.slot else { continue };
                let (low, high) = range(affine, |axis| Some(extents[axis]));
                let inside = match affine {
                    Affine { ids, .. } if ids.is_empty() => low >= 0 && high < shape[axis] as i128,
                    _ => i64::try_from(low).is_ok() && i64::try_from(high).is_ok(),
                };
                if !inside {
                    let span = position.span;
                    return Err(self.mistakes.writes_outside(self.name, axis, (low, high), Some(shape[axis]), span));
                }
            }
        }
        Ok(())
    }
}

/// Whether the sizes of the result differ from those of the axes on the left.
fn tells_more(c: &Contribution, extents: &[Option<usize>], shape: &[Option<Held>]) -> bool {
    c.left.iter().zip(shape).any(|(position, held)| match (&position.slot, held) {
        (Slot::Axis(axis), Some(held)) => extents[*axis] != Some(held.size),
        (Slot::Group(axes), Some(held)) => product(axes, extents) != Some(held.size),
        _ => false,
    })
}

/// The size of a group whose axes are all known; what no `usize` holds is too large in any case.
fn product(axes: &[usize], extents: &[Option<usize>]) -> Option<usize> {
    axes.iter().try_fold(1_usize, |product, &axis| Some(product.saturating_mul(extents[axis]?)))
}

/// The axes of reads of ids, each once.
pub(super) fn axes_of_ids(affine: &Affine) -> Vec<usize> {
    let mut axes = Vec::new();
    affine.ids.iter().for_each(|(_, read)| read.for_each_axis(&mut |axis| axes.push(axis)));
    set(axes)
}
