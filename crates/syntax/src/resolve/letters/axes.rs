//! Numbers the axes of subscripts and checks their sizes.

use super::Options;
use super::errors::LettersErrors;
use crate::ast::{Subscripts, Term};
use crate::error::{Error, LabeledAxis, SizeRule};
use einfold_ir::{TensorType, few};
use smallvec::SmallVec;

/// The axis of each dimension of a term.
pub(super) type Dims = SmallVec<[usize; 4]>;

/// The axes of an expression: first the labels in ascending order, then the axes of `...`, from left to right.
pub(super) struct Axes {
    /// The distinct labels, ascending; the position is the number of the axis.
    labels: SmallVec<[u32; 8]>,
    /// The number of axes of `...`: the maximum over the operands.
    covered: usize,
    /// The axis of each dimension of each operand.
    pub(super) operands: SmallVec<[Dims; 2]>,
    /// The axes of the output.
    pub(super) output: Dims,
}

impl Axes {
    /// Numbers the axes, and checks ranks and sizes.
    pub(super) fn new(errors: &LettersErrors<'_>, options: &Options) -> Result<Axes, Error> {
        let LettersErrors { s, inputs } = *errors;
        let mut covered = 0;
        for (operand, (term, input)) in s.terms().iter().zip(inputs).enumerate() {
            let (labels, rank) = (s.labels(term).len(), input.shape.len());
            if rank < labels || (rank > labels && term.ellipsis.is_none()) {
                return Err(errors.rank(operand));
            }
            covered = covered.max(rank - labels);
        }
        let mut labels: SmallVec<[u32; 8]> = few(s.input_labels().iter().map(|label| label.id));
        labels.sort_unstable();
        let mut once: SmallVec<[u32; 8]> = SmallVec::new();
        if s.output().is_none() {
            let uses = labels.chunk_by(|a, b| a == b).filter(|uses| uses.len() == 1);
            uses.for_each(|uses| once.push(uses[0]));
        }
        labels.dedup();

        let mut axes = Axes { labels, covered, operands: SmallVec::new(), output: Dims::new() };
        for (term, input) in s.terms().iter().zip(inputs) {
            let dims = axes.dims(s, term, input.shape.len() - s.labels(term).len());
            axes.operands.push(dims);
        }
        axes.output = axes.output_dims(errors, &once)?;
        axes.check_sizes(errors, options)?;
        Ok(axes)
    }

    /// The number of axes.
    pub(super) fn len(&self) -> usize {
        self.labels.len() + self.covered
    }

    /// The label of an axis; `Err(k)` for axis `k` of `...`.
    pub(super) fn label(&self, axis: usize) -> Result<u32, usize> {
        self.labels.get(axis).copied().ok_or_else(|| axis - self.labels.len())
    }

    /// The axes of a term whose ellipsis covers `covered` axes.
    fn dims(&self, s: &Subscripts, term: &Term, covered: usize) -> Dims {
        let number = |id: u32| self.labels.partition_point(|&label| label < id);
        let mut dims = Dims::new();
        s.labels(term).iter().for_each(|label| dims.push(number(label.id)));
        if let Some(ellipsis) = term.ellipsis {
            dims.insert_many(ellipsis.before, self.len() - covered..self.len());
        }
        dims
    }

    /// The axes of the output: as written, or those of `...` and the labels used `once`.
    fn output_dims(&self, errors: &LettersErrors<'_>, once: &[u32]) -> Result<Dims, Error> {
        let s = errors.s;
        match s.output() {
            Some(output) if output.term.ellipsis.is_none() && self.covered > 0 => Err(errors.ellipsis_dropped()),
            Some(output) => Ok(self.dims(s, &output.term, self.covered)),
            None => {
                let number = |id: &u32| self.labels.partition_point(|label| label < id);
                Ok((self.labels.len()..self.len()).chain(once.iter().map(number)).collect())
            }
        }
    }

    /// Whether each axis has the same size everywhere.
    fn sizes_are_equal(&self, inputs: &[TensorType]) -> bool {
        let mut sizes: SmallVec<[Option<usize>; 8]> = SmallVec::from_elem(None, self.len());
        let mut same = |(&axis, &size): (&usize, &usize)| *sizes[axis].get_or_insert(size) == size;
        self.operands.iter().zip(inputs).all(|(dims, input)| dims.iter().zip(&input.shape).all(&mut same))
    }

    /// Checks that each axis has one size: equal within an operand, equal or broadcast between operands.
    fn check_sizes(&self, errors: &LettersErrors<'_>, options: &Options) -> Result<(), Error> {
        if self.sizes_are_equal(errors.inputs) {
            return Ok(());
        }
        // The first axis with each size, and the last axis of each label.
        let mut holders: SmallVec<[Option<LabeledAxis>; 4]> = SmallVec::from_elem(None, self.len());
        let mut seen = holders.clone();
        for (operand, dims) in self.operands.iter().enumerate() {
            for (axis, &number) in dims.iter().enumerate() {
                let here = LabeledAxis { operand, axis, size: errors.inputs[operand].shape[axis] };
                let twin = seen[number].replace(here).filter(|twin| twin.operand == operand);
                if let Some(twin) = twin.filter(|twin| twin.size != here.size) {
                    return Err(errors.size(self.label(number), twin, here, SizeRule::Diagonal));
                }
                match holders[number] {
                    Some(held) if held.size == here.size => {}
                    Some(held) if options.strict => {
                        return Err(errors.size(self.label(number), held, here, SizeRule::Strict));
                    }
                    Some(_) if here.size == 1 => {}
                    Some(held) if held.size != 1 => {
                        return Err(errors.size(self.label(number), held, here, SizeRule::Broadcast));
                    }
                    _ => holders[number] = Some(here),
                }
            }
        }
        Ok(())
    }
}
