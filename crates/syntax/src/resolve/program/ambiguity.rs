//! Checks that a statement has only one reading.

use super::desugar::common_and_any;
use super::errors::ProgramErrors;
use super::hir::{Contribution, HirExpr, HirExprKind, IndexForm, set};
use crate::ast::{Assign, Sign};
use crate::edit::Edit;
use crate::error::{Error, ErrorKind};
use crate::render::Note;
use crate::span::Span;
use einfold_ir::Function;

/// Checks that the positions written and the axes summed over are unambiguous.
pub(super) fn check(errors: &ProgramErrors<'_>, name: &str, c: &Contribution) -> Result<(), Error> {
    match c.assign {
        Assign::Equal => {
            positions(errors, name, c)?;
            let kept = c.kept();
            terms(&c.right).into_iter().try_for_each(|(_, term)| equal(errors, c, &kept, term))
        }
        Assign::Add => add(errors, c),
        _ => Ok(()),
    }
}

/// The terms of a sum, nested sums included, each with whether it is subtracted.
pub(super) fn terms(value: &HirExpr) -> Vec<(bool, &HirExpr)> {
    let mut list = Vec::new();
    collect(value, false, &mut list);
    list
}

fn collect<'v>(value: &'v HirExpr, minus: bool, list: &mut Vec<(bool, &'v HirExpr)>) {
    match &value.kind {
        HirExprKind::Sum(terms) => {
            terms.iter().for_each(|(sign, term)| collect(term, minus != (*sign == Sign::Minus), list));
        }
        HirExprKind::Negation(inner) => collect(inner, !minus, list),
        _ => list.push((minus, value)),
    }
}

/// Checks that each left index of `=` is an axis or merged axes, and that no axis occurs twice.
fn positions(errors: &ProgramErrors<'_>, name: &str, c: &Contribution) -> Result<(), Error> {
    let error = |span: Span, note: &str| {
        let kind = ErrorKind::ScatterNeedsReduction { name: name.to_string() };
        errors
            .error(kind, span, note)
            .help("choose how to combine values at one position: `+=`, `max=` or another reduction")
            .candidate("to add them", Edit::new(errors.text).replace(c.operator, "+=").finish())
    };
    let mut seen: Vec<Option<Span>> = vec![None; c.axes.len()];
    for position in &c.left {
        let axes = match &position.index {
            IndexForm::Axis(axis) => std::slice::from_ref(axis),
            IndexForm::Merged(axes) => axes,
            IndexForm::Affine(_) => return Err(error(position.span, "not an axis")),
        };
        for &axis in axes {
            if let Some(first) = seen[axis].replace(position.span) {
                return Err(error(position.span, "again here").note(Note::new(first, "first here")));
            }
        }
    }
    Ok(())
}

/// Checks that a reduced axis of a term of `=` occurs in no function, no nested sum and no denominator.
fn equal(errors: &ProgramErrors<'_>, c: &Contribution, kept: &[usize], term: &HirExpr) -> Result<(), Error> {
    let reduced: Vec<usize> = c.axes_of(term).into_iter().filter(|axis| kept.binary_search(axis).is_err()).collect();
    let Some((inside, place)) = unclear(c, term, &reduced) else { return Ok(()) };
    let axis = c.axes_of(inside).into_iter().find(|axis| reduced.contains(axis)).unwrap_or(0);
    let label = &c.axes[axis].label;
    let kind = ErrorKind::AmbiguousSum { axis: label.to_string() };
    Err(errors
        .error(kind, inside.span, format!("`{label}` is in {place}, and not on the left"))
        .candidate("to sum the whole right side", Edit::new(errors.text).replace(c.operator, "+=").finish())
        .help("to sum inside first, define that sum by a statement before"))
}

/// A part of a term in which a reduced axis is ambiguous, with its description.
fn unclear<'v>(c: &Contribution, value: &'v HirExpr, reduced: &[usize]) -> Option<(&'v HirExpr, &'static str)> {
    let has = |value: &HirExpr| c.axes_of(value).iter().any(|axis| reduced.binary_search(axis).is_ok());
    if reduced.is_empty() || !has(value) {
        return None;
    }
    match &value.kind {
        HirExprKind::Number(_) | HirExprKind::Read { .. } => None,
        HirExprKind::Sum(_) => Some((value, "a sum in parentheses")),
        HirExprKind::Product(factors) => factors.iter().find_map(|(divides, factor)| match divides {
            true if has(factor) => Some((factor, "a denominator")),
            true => None,
            false => unclear(c, factor, reduced),
        }),
        HirExprKind::Negation(inner) => unclear(c, inner, reduced),
        HirExprKind::Call(Function::Conj | Function::Re | Function::Im, arguments) => {
            arguments.iter().find_map(|argument| unclear(c, argument, reduced))
        }
        HirExprKind::Call(..) => Some((value, "a function")),
    }
}

/// Checks that all terms of `+=`, with products distributed over sums, reduce the same axes.
fn add(errors: &ProgramErrors<'_>, c: &Contribution) -> Result<(), Error> {
    let kept = c.kept();
    let (common, any) = spread(c, &c.right);
    let differs = any.into_iter().find(|axis| common.binary_search(axis).is_err() && kept.binary_search(axis).is_err());
    let Some(axis) = differs else { return Ok(()) };
    let label = &c.axes[axis].label;
    let (with, without) = disagreement(c, &c.right, axis).unwrap_or((c.right.span, c.operator));
    let kind = ErrorKind::AmbiguousSum { axis: label.to_string() };
    Err(errors
        .error(kind, without, format!("does not have `{label}`: added once, or for each `{label}`?"))
        .note(Note::new(with, format!("summed over `{label}`")))
        .candidate("to sum each term over its own axes", Edit::new(errors.text).replace(c.operator, "=").finish())
        .help("to add the terms one by one, write a statement with `+=` for each"))
}

/// The axes that all terms of an expression have, and those that at least one has.
fn spread(c: &Contribution, value: &HirExpr) -> (Vec<usize>, Vec<usize>) {
    match &value.kind {
        HirExprKind::Sum(terms) => common_and_any(terms.iter().map(|(_, term)| spread(c, term))),
        HirExprKind::Product(factors) => {
            let (mut common, mut any) = (Vec::new(), Vec::new());
            for (divides, factor) in factors {
                let (c, a) = if *divides { (c.axes_of(factor), c.axes_of(factor)) } else { spread(c, factor) };
                common.extend(c);
                any.extend(a);
            }
            (set(common), set(any))
        }
        HirExprKind::Negation(inner) => spread(c, inner),
        HirExprKind::Call(Function::Conj | Function::Re | Function::Im, arguments) if arguments.len() == 1 => {
            spread(c, &arguments[0])
        }
        _ => (c.axes_of(value), c.axes_of(value)),
    }
}

/// The spans of two terms of one sum, one with the axis in all its parts and one without.
fn disagreement(c: &Contribution, value: &HirExpr, axis: usize) -> Option<(Span, Span)> {
    let (common, any) = spread(c, value);
    if common.contains(&axis) || !any.contains(&axis) {
        return None;
    }
    match &value.kind {
        HirExprKind::Sum(terms) => {
            let deeper = terms.iter().find_map(|(_, term)| disagreement(c, term, axis));
            let has = |wanted: bool| terms.iter().find(|(_, term)| spread(c, term).1.contains(&axis) == wanted);
            deeper.or_else(|| Some((has(true)?.1.span, has(false)?.1.span)))
        }
        HirExprKind::Product(factors) => factors.iter().find_map(|(_, factor)| disagreement(c, factor, axis)),
        HirExprKind::Negation(inner) => disagreement(c, inner, axis),
        HirExprKind::Call(_, arguments) => arguments.iter().find_map(|argument| disagreement(c, argument, axis)),
        _ => None,
    }
}
