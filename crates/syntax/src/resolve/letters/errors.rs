//! Errors of subscripts: message, spans, help, candidates.

use crate::ast::Subscripts;
use crate::edit::Edit;
use crate::error::{Error, ErrorKind, LabeledAxis, SizeRule, TypeProblem};
use crate::render::{Note, is_mark};
use crate::span::Span;
use crate::suggest;
use einfold_ir::{Algebra, Dtype, Label, TensorType};

mod rank;
use smol_str::format_smolstr;

/// The maximal number of shapes that the help lists.
const LISTED: usize = 16;

/// The context of errors: the subscripts and the types of the operands.
#[derive(Clone, Copy)]
pub(super) struct LettersErrors<'a> {
    pub(super) s: &'a Subscripts,
    pub(super) inputs: &'a [TensorType],
}

impl LettersErrors<'_> {
    fn error(&self, kind: ErrorKind, span: Span, note: impl Into<String>) -> Error {
        Error::new(kind, self.s.text()).note(Note::new(span, note))
    }

    /// The span of the output term, or the end of the text.
    pub(super) fn output_span(&self) -> Span {
        super::output_of(self.s)
    }

    /// The name of an axis: its label, or its position in `...`.
    pub(super) fn axis_name(&self, label: Result<u32, usize>) -> Label {
        match label {
            Ok(id) => self.s.name(id).label(),
            Err(k) => format_smolstr!("...{k}"),
        }
    }

    pub(super) fn operands(&self) -> Error {
        let (terms, given) = (self.s.terms(), self.inputs.len());
        let kind = ErrorKind::Operands { expected: terms.len(), given };
        let help = count_help(terms.len(), given);
        match (terms.get(given), terms.last()) {
            (Some(term), _) => self.error(kind, term.span, "no operand for this term").help(help),
            (None, last) => {
                let end = last.map_or(0, |term| term.span.end);
                self.error(kind, Span::point(end), format!("no term for operand {}", terms.len() + 1)).help(help)
            }
        }
    }

    pub(super) fn size(
        &self,
        label: Result<u32, usize>,
        first: LabeledAxis,
        second: LabeledAxis,
        rule: SizeRule,
    ) -> Error {
        let label = label.map_or("...".to_string(), |id| self.s.name(id).to_string());
        let here = |h: LabeledAxis| format!("{} here (operand {}, axis {})", h.size, h.operand + 1, h.axis + 1);
        let error = self
            .error(ErrorKind::Size { label, first, second, rule }, self.axis_span(first), here(first))
            .note(Note::new(self.axis_span(second), here(second)));
        let error = match rule {
            SizeRule::Broadcast => error,
            SizeRule::Diagonal => {
                error.help("a label repeated in one operand takes its diagonal: the sizes must be equal")
            }
            SizeRule::Strict => error.help("with `strict`, size 1 does not broadcast"),
            SizeRule::Declared => error.help("a declared size does not broadcast"),
        };
        error.help(format!("shapes given: {}", self.shapes()))
    }

    /// The span of an axis of an operand.
    fn axis_span(&self, holder: LabeledAxis) -> Span {
        let term = &self.s.terms()[holder.operand];
        let labels = self.s.labels(term);
        let covered = self.inputs[holder.operand].shape.len() - labels.len();
        match term.ellipsis {
            Some(e) if holder.axis >= e.before + covered => labels[holder.axis - covered].span,
            Some(e) if holder.axis >= e.before => e.span,
            _ => labels[holder.axis].span,
        }
    }

    pub(super) fn ellipsis_dropped(&self) -> Error {
        let covered = |operand: usize| self.inputs[operand].shape.len() - self.s.labels(&self.s.terms()[operand]).len();
        let operand = (0..self.inputs.len()).find(|&operand| covered(operand) > 0).unwrap_or(0);
        let dots = self.s.terms()[operand].ellipsis.map_or(Span::default(), |e| e.span);
        let shape = shape(&self.inputs[operand].shape);
        let kind = ErrorKind::EllipsisDropped { axes: covered(operand) };
        let kept = Edit::new(self.s.text()).replace(Span::point(self.output_span().start), "...").finish();
        let error = self
            .error(kind, dots, format!("operand {} has shape {shape}", operand + 1))
            .note(Note::new(self.output_span(), "no `...` here"))
            .candidate("to keep them", kept);
        let dots = self.s.terms().iter().enumerate().filter_map(|(k, term)| Some((term.ellipsis?.span, covered(k))));
        match suggest::summed(self.s.text(), &dots.collect::<Vec<_>>()) {
            Some(summed) => error.candidate("to sum over them", summed),
            None => error,
        }
    }

    pub(super) fn dtype(&self) -> Error {
        let (first, second) = self.clash();
        let note = |(operand, dtype): (usize, Dtype)| {
            Note::new(self.s.terms()[operand].span, format!("{dtype} here (operand {})", operand + 1))
        };
        Error::new(ErrorKind::DType { first, second }, self.s.text())
            .note(note(first))
            .note(note(second))
            .help("convert one of them to the type of the other first")
    }

    pub(super) fn algebra(&self, algebra: Algebra, dtype: Dtype) -> Error {
        let refused = |input: &TensorType| !algebra.accepts(input.dtype);
        let operand = self.inputs.iter().position(refused).unwrap_or(0);
        let here = self.inputs.get(operand).map_or(dtype, |input| input.dtype);
        let span = self.s.terms().get(operand).map_or(Span::default(), |term| term.span);
        self.error(ErrorKind::Algebra { algebra, dtype }, span, format!("{here} here (operand {})", operand + 1)).help(
            match algebra {
                Algebra::User(user) => format!("it takes operands of type {}", user.element),
                Algebra::Builtin { .. } => "convert the operands, or choose another algebra".into(),
            },
        )
    }

    pub(super) fn accumulator(&self, dtype: Dtype, acc: Dtype) -> Error {
        let problem = TypeProblem::Accumulator { dtype, acc };
        self.error(ErrorKind::Types { problem }, self.output_span(), format!("{dtype} operands"))
            .help("choose a type that holds all operands")
    }

    /// The first two operands whose dtypes have no common dtype.
    fn clash(&self) -> ((usize, Dtype), (usize, Dtype)) {
        let mut distinct: Vec<(usize, Dtype)> = Vec::new();
        for (operand, input) in self.inputs.iter().enumerate() {
            let here = (operand, input.dtype);
            if let Some(&other) = distinct.iter().find(|(_, dtype)| Dtype::promote(&[*dtype, here.1]).is_none()) {
                return (other, here);
            }
            if distinct.iter().all(|(_, dtype)| *dtype != here.1) {
                distinct.push(here);
            }
        }
        let ends = distinct.first().zip(distinct.last());
        ends.map_or(((0, Dtype::F64), (0, Dtype::F64)), |(first, last)| (*first, *last))
    }

    pub(super) fn too_large(&self, extents: &[usize], dtype: Dtype, place: Span) -> Error {
        let kind = ErrorKind::TooLarge { shape: extents.to_vec(), dtype };
        self.error(kind, place, format!("{dtype} elements in shape {}", shape(extents)))
            .help(format!("sum over an axis, or split the work; shapes given: {}", self.shapes()))
    }

    /// The shapes of the operands, up to the maximal number.
    fn shapes(&self) -> String {
        let shapes: Vec<String> = self.inputs.iter().take(LISTED).map(|input| shape(&input.shape)).collect();
        let more = if self.inputs.len() > LISTED { ", …" } else { "" };
        format!("{}{more}", shapes.join(", "))
    }
}

/// The help for a wrong number of operands.
pub(in super::super) fn count_help(terms: usize, given: usize) -> String {
    match terms.checked_sub(given) {
        None => format!("remove operand {}, or write a term for it", terms + 1),
        Some(0 | 1) => format!("operand {terms} is missing: give one for each term"),
        Some(_) => format!("operands {} to {terms} are missing: give one for each term", given + 1),
    }
}

/// `2x3`; `()` for a scalar.
fn shape(extents: &[usize]) -> String {
    if extents.is_empty() {
        return "()".to_string();
    }
    extents.iter().map(usize::to_string).collect::<Vec<_>>().join("x")
}
