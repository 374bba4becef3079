//! Errors of named subscripts and programs: message, spans, help, candidates.

use super::hir::{Contribution, IndexForm, LeftIndexForm, Tensor};
use crate::ast::{self, SizeOf, Statement};
use crate::edit::{self, Edit};
use crate::error::{Error, ErrorKind, SizeProblem, SizeRule};
use crate::render::Note;
use crate::span::Span;
use einfold_ir::{Dtype, Literal};
use std::collections::BTreeMap;

/// The context of errors: the text and the tensors so far.
#[derive(Clone, Copy)]
pub(super) struct ProgramErrors<'a> {
    pub(super) text: &'a str,
    pub(super) tensors: &'a [Tensor],
}

/// A size and its origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SourcedSize {
    pub(super) size: usize,
    /// The span that gives the size.
    pub(super) span: Span,
    /// The tensor and its axis; `None` for a size in the text.
    pub(super) of: Option<(usize, usize)>,
}

impl SourcedSize {
    pub(super) fn declared(size: usize, span: Span) -> SourcedSize {
        SourcedSize { size, span, of: None }
    }
}

impl ProgramErrors<'_> {
    pub(super) fn error(&self, kind: ErrorKind, span: Span, note: impl Into<String>) -> Error {
        Error::new(kind, self.text).note(Note::new(span, note))
    }

    fn held(&self, held: SourcedSize) -> Note {
        let text = match held.of {
            Some((tensor, dim)) => format!("{} here ({}, axis {})", held.size, self.tensors[tensor].shown, dim + 1),
            None => format!("{} here", held.size),
        };
        Note::new(held.span, text)
    }

    /// The shapes of the tensors of these sizes.
    fn shapes(&self, held: &[SourcedSize]) -> Option<String> {
        let mut tensors: Vec<usize> = held.iter().filter_map(|held| held.of).map(|(tensor, _)| tensor).collect();
        tensors.dedup();
        let shown = |&tensor: &usize| format!("{} has shape {}", self.tensors[tensor].shown, self.shape(tensor));
        let shown: Vec<String> = tensors.iter().map(shown).collect();
        (!shown.is_empty()).then(|| shown.join(", "))
    }

    fn shape(&self, tensor: usize) -> String {
        shape(&self.tensors[tensor].shape)
    }

    pub(super) fn two_sizes(&self, axis: &str, first: SourcedSize, second: SourcedSize, rule: SizeRule) -> Error {
        let problem = SizeProblem::Two { axis: axis.to_string(), first: first.size, second: second.size, rule };
        let mut error = Error::new(ErrorKind::Sizes { problem }, self.text).note(self.held(first));
        error = error.note(self.held(second));
        if let Some(help) = rule_help(rule) {
            error = error.help(help);
        }
        match self.shapes(&[first, second]) {
            Some(shapes) => error.help(shapes),
            None => error.help("an axis has one size"),
        }
    }

    pub(super) fn result_sizes(
        &self,
        tensor: &str,
        axis: usize,
        first: SourcedSize,
        second: SourcedSize,
        rule: SizeRule,
    ) -> Error {
        let (a, b) = (first.size, second.size);
        let problem = SizeProblem::Result { tensor: tensor.to_string(), axis, first: a, second: b, rule };
        let help = "all statements that contribute to a name write the same axes; merged axes do not broadcast";
        Error::new(ErrorKind::Sizes { problem }, self.text)
            .note(self.held(first))
            .note(self.held(second))
            .help(rule_help(rule).unwrap_or(help))
    }

    pub(super) fn declared(&self, tensor: &str, axis: usize, first: (usize, Span), second: (usize, Span)) -> Error {
        let [first, second] = [first, second].map(|(size, span)| SourcedSize::declared(size, span));
        self.result_sizes(tensor, axis, first, second, SizeRule::Declared)
    }

    pub(super) fn group(&self, axes: &[usize], c: &Contribution, held: SourcedSize, problem: SizeProblem) -> Error {
        let names: Vec<&str> = axes.iter().map(|&axis| &*c.axes[axis].label).collect();
        let help = format!("the size of ({}) is the product of the sizes of its axes, exactly", names.join(" "));
        let error = Error::new(ErrorKind::Sizes { problem }, self.text).note(self.held(held)).help(help);
        match self.shapes(&[held]) {
            Some(shapes) => error.help(shapes),
            None => error,
        }
    }

    pub(super) fn negative(&self, axis: &str, tensor: &Tensor, dim: usize, size: i128, span: Span) -> Error {
        let problem = SizeProblem::Negative { axis: axis.to_string(), size };
        self.error(ErrorKind::Sizes { problem }, span, self.extent(tensor, dim))
            .help("the index starts beyond the end of the axis")
    }

    fn extent(&self, tensor: &Tensor, dim: usize) -> String {
        format!("axis {} of {} has size {}", dim + 1, tensor.shown, tensor.shape[dim])
    }

    pub(super) fn no_axis(&self, of: SizeOf, tensor: &Tensor) -> Error {
        let rank = tensor.shape.len();
        let problem = SizeProblem::NoAxis { tensor: tensor.shown.clone(), rank, axis: of.axis.value };
        self.error(
            ErrorKind::Sizes { problem },
            of.axis.span,
            format!("{} has shape {}", tensor.shown, shape(&tensor.shape)),
        )
        .help("`size` counts axes from 0: `size(x, 0)` is the size of axis 1")
    }

    pub(super) fn outside(&self, tensor: &Tensor, axis: usize, range: (i128, i128), span: Span) -> Error {
        let (low, high) = range;
        let kind =
            ErrorKind::IndexOutOfRange { tensor: tensor.shown.clone(), axis, low, high, size: tensor.shape[axis] };
        let error = self
            .error(kind, span, self.extent(tensor, axis))
            .help("declare smaller sizes for the axes of the index, or shift it; positions are counted from 0");
        self.suggest_gather(error, span, "reads 0 outside, and `--oor {}=wrap` counts negative positions from the end")
    }

    /// Adds a candidate that gathers through an index tensor, for which a policy can be set.
    fn suggest_gather(&self, error: Error, span: Span, drop: &str) -> Error {
        let index = self.text.get(span.range()).unwrap_or_default();
        let Some(axis) = edit::names(index).next().filter(|_| !index.contains('[')) else { return error };
        let gather = edit::free(self.text, "t");
        let at = span.start + index.find(axis).unwrap_or(0) as u32;
        let place = Span::new(at, at + axis.len() as u32);
        let text = Edit::new(self.text).replace(place, format!("{gather}[{axis}]")).finish();
        let words = format!(
            "with positions `{gather}` = 0, 1, 2, … as an operand, `--oor {gather}=drop` {}",
            drop.replace("{}", &gather)
        );
        error.candidate(words + " (in the library `out_of_range_in`)", text)
    }

    /// The error of written positions outside the axis; without a size, of negative positions.
    pub(super) fn writes_outside(
        &self,
        tensor: &str,
        axis: usize,
        (low, high): (i128, i128),
        size: Option<usize>,
        span: Span,
    ) -> Error {
        let needed = || usize::try_from(high.saturating_add(1)).unwrap_or(0);
        let tensor = format!("`{tensor}`");
        let kind = ErrorKind::IndexOutOfRange { tensor, axis, low, high, size: size.unwrap_or_else(needed) };
        let error = self.error(kind, span, "written here");
        match size {
            Some(_) => {
                let error =
                    error.help("declare a larger size after `:`, or none: the size then follows from the positions");
                self.suggest_gather(error, span, "skips positions outside")
            }
            None => error.help("shift the index: positions are counted from 0"),
        }
    }

    pub(super) fn rank(&self, access: &ast::Access, tensor: &Tensor, written: usize) -> Error {
        let with_ellipsis = access.ellipsis().is_some();
        self.tensor_rank(access.span, tensor, written, with_ellipsis)
    }

    pub(super) fn tensor_rank(&self, span: Span, tensor: &Tensor, written: usize, ellipsis: bool) -> Error {
        let (name, given) = (tensor.shown.clone(), tensor.shape.len());
        let kind = ErrorKind::TensorRank { tensor: name, expected: written, given, ellipsis };
        let help = if given > written && !ellipsis {
            "write one index for each axis, or `...` for those without a name"
        } else {
            "write one index for each axis"
        };
        self.error(kind, span, format!("{} has shape {}", tensor.shown, shape(&tensor.shape))).help(help)
    }

    pub(super) fn left_rank(&self, name: &str, first: &Contribution, other: &Contribution) -> Error {
        let (expected, given) = (other.left.len(), first.left.len());
        let kind = ErrorKind::TensorRank { tensor: format!("`{name}`"), expected, given, ellipsis: false };
        self.error(kind, other.span, "here")
            .note(Note::new(first.span, "first here"))
            .help("all statements that contribute to a name write the same number of axes")
    }

    pub(super) fn ellipsis_dropped(&self, span: Span, statement: &Statement, axes: usize) -> Error {
        let kind = ErrorKind::EllipsisDropped { axes };
        let kept = match statement.left.first() {
            None => Edit::new(self.text).after(statement.name.span, "[...]"),
            Some(first) => Edit::new(self.text).replace(Span::point(first.index.span().start), "...,"),
        };
        let error = self
            .error(kind, span, "covers axes here")
            .note(Note::new(statement.name.span, "no `...` here"))
            .help("write `...` on the left to keep the axes, or give them names to sum over them")
            .candidate("to keep them", kept.finish());
        self.summed(error, span, axes, ",")
    }

    /// Adds a candidate with names in place of the only `...`, which covers this number of axes.
    pub(super) fn summed(&self, error: Error, dots: Span, axes: usize, between: &str) -> Error {
        if self.text.matches("...").count() > 1 || axes > 8 {
            return error;
        }
        let fresh = ('a'..='z').map(String::from).filter(|name| edit::names(self.text).all(|taken| taken != name));
        let names: Vec<String> = fresh.take(axes).collect();
        error.candidate("to sum over them", Edit::new(self.text).replace(dots, names.join(between)).finish())
    }

    pub(super) fn unresolved(&self, c: &Contribution, axis: usize, tensors: &[Tensor]) -> Error {
        let name = &c.axes[axis];
        let kind = ErrorKind::Unresolved { axis: format!("axis `{}`", name.label) };
        let mut grouped = None;
        for read in c.all_reads() {
            for (index, span) in &read.dims {
                if matches!(index, IndexForm::Merged(axes) if axes.contains(&axis)) {
                    grouped.get_or_insert((*span, &tensors[read.tensor].shown));
                }
            }
        }
        let help = format!("declare it: `{0}:10` on the left, or `for {0}:10` after the statement", name.label);
        match grouped {
            Some((span, tensor)) => self
                .error(kind, span, format!("of this axis of {tensor}, more than one factor is unknown"))
                .help("give the size of all but one of them"),
            None => {
                let error = self.error(kind, name.span, "no operand has this axis by itself").help(help);
                self.declared_size(error, c, axis, tensors)
            }
        }
    }

    /// Adds a candidate with a size for the axis: one that fits if the axis runs backwards through a tensor.
    fn declared_size(&self, error: Error, c: &Contribution, axis: usize, tensors: &[Tensor]) -> Error {
        let label = &c.axes[axis].label;
        let mut uses = Vec::new();
        for read in c.all_reads() {
            for ((index, span), &extent) in read.dims.iter().zip(&tensors[read.tensor].shape) {
                index.for_each_axis(&mut |other| {
                    if other == axis {
                        uses.push((index, *span, extent));
                    }
                });
            }
        }
        let edit = Edit::new(self.text);
        match uses[..] {
            [] => error.candidate("with a size, here 10", sized(edit, c, axis, 10).finish()),
            [(IndexForm::Affine(window), span, extent @ 1..)]
                if window.gathers.is_empty() && window.terms == [(-1, axis)] =>
            {
                let begin =
                    usize::try_from(window.offset).ok().filter(|&at| at > 0 && at < extent).unwrap_or(extent - 1);
                let edit = edit.replace(span, format!("{begin}-{label}"));
                error.candidate(format!("backwards from position {begin}"), sized(edit, c, axis, begin + 1).finish())
            }
            _ => error,
        }
    }

    /// The error of a size that depends on itself through axes of the result.
    pub(super) fn circular_sizes(&self, name: &str, axis: usize, span: Span) -> Error {
        let kind = ErrorKind::Unresolved { axis: format!("axis {} of `{name}`", axis + 1) };
        self.error(kind, span, "the sizes of the statements depend on each other")
            .help("declare the size of the axis after `:`")
    }

    pub(super) fn undeclared(&self, name: &str, axis: usize, span: Span) -> Error {
        let kind = ErrorKind::Unresolved { axis: format!("axis {} of `{name}`", axis + 1) };
        self.error(kind, span, "an axis is used both inside and outside the index tensor")
            .help("declare the size of the axis after `:`")
    }

    pub(super) fn unknown_size(&self, name: &str, span: Span, sizes: &BTreeMap<String, usize>) -> Error {
        let given: Vec<String> = sizes.keys().map(|name| format!("`{name}`")).collect();
        let error = self.error(ErrorKind::UnknownSize { name: name.to_string(), given: false }, span, "used here");
        match given.is_empty() {
            true => error.help(format!("give its value: `--size {name}=10`, in the library `Expression::size`")),
            false => error.help(format!("sizes given: {}", given.join(", "))),
        }
    }

    pub(super) fn index_dtype(&self, access: &ast::Access, tensor: &Tensor) -> Error {
        let kind = ErrorKind::IndexDType { tensor: tensor.shown.clone(), dtype: tensor.dtype };
        let help = match tensor.dtype {
            Dtype::Bool => "indices are integers; a mask of bool does not list the positions where it is true",
            _ => "indices are integers: convert them first",
        };
        self.error(kind, access.span, format!("{} elements", tensor.dtype)).help(help)
    }

    pub(super) fn number(&self, span: Span) -> Error {
        let problem = crate::error::TypeProblem::LargeNumber;
        let error = self.error(ErrorKind::Types { problem }, span, "here");
        let infinite = |digits: &str| !digits.bytes().all(|b| b.is_ascii_digit());
        let number = self.text.get(span.range()).filter(|text| infinite(text) && text.parse::<f64>().is_ok());
        if number.is_none() {
            return error.help("write a large number with an exponent, as in `1e30`");
        }
        // A quotient alone needs no parentheses.
        let (before, after) = (&self.text[..span.range().start], &self.text[span.range().end..]);
        let before = before.trim_end();
        let alone = before.strip_suffix('-').unwrap_or(before).trim_end().ends_with(['=', ',', '('])
            && after.trim_start().chars().next().is_none_or(|c| matches!(c, ',' | ')' | ';'));
        let quotient = if alone { "1/0" } else { "(1/0)" };
        error
            .help("infinity is `1/0`, and minus infinity `-1/0`")
            .candidate("with infinity", Edit::new(self.text).replace(span, quotient).finish())
    }

    pub(super) fn too_large(&self, extents: &[usize], dtype: Dtype, place: Span) -> Error {
        let kind = ErrorKind::TooLarge { shape: extents.to_vec(), dtype };
        self.error(kind, place, format!("{dtype} elements in shape {}", shape(extents)))
            .help("sum over an axis, or split the work")
    }
}

/// A statement that declares the size of an axis: on the left if the axis is an index there, else after the statement.
fn sized<'t>(edit: Edit<'t>, c: &Contribution, axis: usize, size: usize) -> Edit<'t> {
    let plain = |position: &&LeftIndexForm| position.declared.is_none() && position.index == IndexForm::Axis(axis);
    let label = &c.axes[axis].label;
    match c.left.iter().find(plain) {
        Some(position) => edit.after(position.span, format!(":{size}")),
        None if c.given.is_empty() => edit.after(c.span, format!(" for {label}:{size}")),
        None => edit.after(c.span, format!(", {label}:{size}")),
    }
}

fn rule_help(rule: SizeRule) -> Option<&'static str> {
    match rule {
        SizeRule::Broadcast => None,
        SizeRule::Diagonal => Some("an axis repeated in one tensor takes its diagonal: the sizes must be equal"),
        SizeRule::Strict => Some("with `strict`, size 1 does not broadcast"),
        SizeRule::Declared => Some("a declared size does not broadcast"),
    }
}

/// `2x3`; `()` for a scalar.
pub(super) fn shape(extents: &[usize]) -> String {
    if extents.is_empty() {
        return "()".to_string();
    }
    extents.iter().map(usize::to_string).collect::<Vec<_>>().join("x")
}

/// A number as written.
pub(super) fn shown(number: Literal) -> String {
    number.to_string()
}
