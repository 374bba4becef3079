//! Unifies the sizes of the statements that contribute to one name.
//!
//! Each statement is solved separately, then gets the sizes that others found where its own are unknown or a 1 that
//! broadcasts. It is then solved again from the start with these sizes as declared, so that nothing derived from the 1
//! remains. The first rounds leave out sizes of 1 that remain for axes of windows; the last rounds include them.

use super::errors::SourcedSize;
use super::hir::{Contribution, IndexForm, WrittenIndex};
use super::infer_extents::{InferredExtents, sizes};
use super::infer_shape::ShapeInference;
use crate::error::{Error, SizeRule};

/// A statement and its sizes.
struct StatementExtents<'a> {
    c: &'a Contribution,
    /// The sizes of its left side that are declared or come from other statements.
    told: Vec<Option<SourcedSize>>,
    found: InferredExtents,
}

/// The size of an axis of the result, or two sizes that disagree.
type Agreed = Result<Option<SourcedSize>, (SourcedSize, SourcedSize)>;

/// The sizes of the axes of each statement, and of the axes of the result.
pub(super) type UnifiedExtents = (Vec<Vec<Option<usize>>>, Vec<Option<SourcedSize>>);

impl ShapeInference<'_> {
    /// Solves all statements together.
    pub(super) fn agree(&self, declared: &[Option<SourcedSize>]) -> Result<UnifiedExtents, Error> {
        let voice = |c| StatementExtents { c, told: declared.to_vec(), found: self.found(c, declared) };
        let mut voices: Vec<StatementExtents<'_>> = self.contributions.iter().map(voice).collect();
        for with_ones in [false, true] {
            let mut rounds = 2 * declared.len() + 2;
            while let Some(axis) = self.round(&mut voices, declared, with_ones) {
                if rounds == 0 {
                    return Err(self.errors.circle(self.name, axis, self.contributions[0].left[axis].span));
                }
                rounds -= 1;
            }
        }
        let shape = self.agreed(&voices, declared, true);
        if let Some(wrong) = voices.iter_mut().find_map(|voice| voice.found.wrong.take()) {
            return Err(wrong);
        }
        let rule = if self.options.strict { SizeRule::Strict } else { SizeRule::Stretch };
        let two = |axis, (first, second)| self.errors.result_sizes(self.name, axis, first, second, rule);
        let shape = shape.into_iter().enumerate().map(|(axis, size)| size.map_err(|sizes| two(axis, sizes)));
        let shape = shape.collect::<Result<_, Error>>()?;
        Ok((voices.into_iter().map(|voice| voice.found.full).collect(), shape))
    }

    fn found(&self, c: &Contribution, told: &[Option<SourcedSize>]) -> InferredExtents {
        sizes(self.errors, self.tensors, c, self.options.strict, told)
    }

    /// Gives each statement the sizes that others found. Returns the first axis of the result that changed.
    fn round(
        &self,
        voices: &mut [StatementExtents<'_>],
        declared: &[Option<SourcedSize>],
        with_ones: bool,
    ) -> Option<usize> {
        let shape = self.agreed(voices, declared, with_ones);
        let shape: Vec<Option<SourcedSize>> = shape.into_iter().map(|size| size.unwrap_or(None)).collect();
        let size = |held: &Option<SourcedSize>| held.map(|held| held.size);
        let mut first = None;
        for voice in voices {
            let news = self.news(voice, &shape, declared, with_ones);
            let mut pairs = news.iter().zip(&voice.told);
            let Some(changed) = pairs.position(|(new, old)| size(new) != size(old)) else { continue };
            first = first.or(Some(changed));
            let mut found = self.found(voice.c, &news);
            if found.wrong.is_some() {
                // The first error is the most specific.
                found.wrong = voice.found.wrong.take().or(found.wrong);
            }
            (voice.told, voice.found) = (news, found);
        }
        first
    }

    /// The size of each axis of the result: the declared one, or that of the statements that found it themselves.
    fn agreed(
        &self,
        voices: &[StatementExtents<'_>],
        declared: &[Option<SourcedSize>],
        with_ones: bool,
    ) -> Vec<Agreed> {
        let mut agreed: Vec<Agreed> = declared.iter().copied().map(Ok).collect();
        for voice in voices {
            for (axis, position) in voice.c.left.iter().enumerate().filter(|(axis, _)| voice.told[*axis].is_none()) {
                let Some(size) = own(&position.slot, voice.sizes(with_ones)) else { continue };
                let here = SourcedSize { size, span: position.span, of: None };
                agreed[axis] = agreed[axis].and_then(|held| self.join(held, here));
            }
        }
        agreed
    }

    /// Unifies two sizes: equal, or one of them is 1 and broadcasts.
    fn join(&self, held: Option<SourcedSize>, here: SourcedSize) -> Agreed {
        let stretches = |size: usize| size == 1 && !self.options.strict;
        match held {
            None => Ok(Some(here)),
            Some(held) if held.size == here.size || stretches(here.size) => Ok(Some(held)),
            Some(held) if stretches(held.size) => Ok(Some(here)),
            Some(held) => Err((held, here)),
        }
    }

    /// The sizes to give to a statement: those of the result where it has none of its own, or a 1.
    fn news(
        &self,
        voice: &StatementExtents<'_>,
        shape: &[Option<SourcedSize>],
        declared: &[Option<SourcedSize>],
        with_ones: bool,
    ) -> Vec<Option<SourcedSize>> {
        // An axis that is two left indices makes their axes of the result equal: a 1 among them broadcasts.
        let mut longer = vec![false; voice.c.axes.len()];
        for (position, held) in voice.c.left.iter().zip(shape) {
            if let (IndexForm::Axis(axis), Some(held)) = (&position.slot, held) {
                longer[*axis] |= held.size != 1 && !self.options.strict;
            }
        }
        let news = |(axis, position): (usize, &WrittenIndex)| {
            if declared[axis].is_some() {
                return declared[axis];
            }
            let held = match &position.slot {
                IndexForm::Affine(_) => None,
                IndexForm::Axis(own) if longer[*own] => shape[axis].filter(|held| held.size != 1),
                IndexForm::Axis(_) | IndexForm::Group(_) => shape[axis],
            };
            let own = own(&position.slot, voice.sizes(with_ones));
            held.filter(|held| voice.told[axis].is_some() || own != Some(held.size))
        };
        voice.c.left.iter().enumerate().map(news).collect()
    }
}

impl StatementExtents<'_> {
    fn sizes(&self, with_ones: bool) -> &[Option<usize>] {
        if with_ones { &self.found.full } else { &self.found.firm }
    }
}

/// The size of an axis or of merged axes with known sizes; saturates, since such a size is too large anyway.
fn own(slot: &IndexForm, sizes: &[Option<usize>]) -> Option<usize> {
    match slot {
        IndexForm::Axis(axis) => sizes[*axis],
        IndexForm::Group(axes) => axes.iter().try_fold(1_usize, |size, &axis| Some(size.saturating_mul(sizes[axis]?))),
        IndexForm::Affine(_) => None,
    }
}
