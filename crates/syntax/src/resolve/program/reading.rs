//! Whether a statement can be read in one way only.

use super::form::{Contribution, Slot, Value, ValueKind, set};
use super::mistakes::Mistakes;
use super::scope::common_and_any;
use crate::advice::Edit;
use crate::ast::{Assign, Sign};
use crate::error::{Error, ErrorKind};
use crate::render::Note;
use crate::span::Span;
use einfold_ir::Function;

/// Checks that what the statement writes and sums over is clear.
pub(super) fn check(mistakes: &Mistakes<'_>, name: &str, c: &Contribution) -> Result<(), Error> {
    match c.assign {
        Assign::Equal => {
            positions(mistakes, name, c)?;
            let kept = c.kept();
            terms(&c.right).into_iter().try_for_each(|(_, term)| equal(mistakes, c, &kept, term))
        }
        Assign::Add => add(mistakes, c),
        _ => Ok(()),
    }
}

/// The terms of a sum, in parentheses or not, and whether they are subtracted.
pub(super) fn terms(value: &Value) -> Vec<(bool, &Value)> {
    let mut list = Vec::new();
    collect(value, false, &mut list);
    list
}

fn collect<'v>(value: &'v Value, minus: bool, list: &mut Vec<(bool, &'v Value)>) {
    match &value.kind {
        ValueKind::Sum(terms) => {
            terms.iter().for_each(|(sign, term)| collect(term, minus != (*sign == Sign::Minus), list));
        }
        ValueKind::Negation(inner) => collect(inner, !minus, list),
        _ => list.push((minus, value)),
    }
}

/// `=` has every axis on its left exactly once, in a group or not, and nothing else.
fn positions(mistakes: &Mistakes<'_>, name: &str, c: &Contribution) -> Result<(), Error> {
    let error = |span: Span, note: &str| {
        let kind = ErrorKind::ScatterNeedsReduction { name: name.to_string() };
        mistakes
            .error(kind, span, note)
            .help("say how values that meet are combined, by `+=`, `max=` or another")
            .offer("to add them up", Edit::new(mistakes.text).replace(c.operator, "+=").finish())
    };
    let mut seen: Vec<Option<Span>> = vec![None; c.axes.len()];
    for position in &c.left {
        let axes = match &position.slot {
            Slot::Axis(axis) => std::slice::from_ref(axis),
            Slot::Group(axes) => axes,
            Slot::Affine(_) => return Err(error(position.span, "no plain axis")),
        };
        for &axis in axes {
            if let Some(first) = seen[axis].replace(position.span) {
                return Err(error(position.span, "again here").note(Note::new(first, "first here")));
            }
        }
    }
    Ok(())
}

/// A reduced axis of a term of `=` occurs in no function, parenthesis with a sum, or denominator.
fn equal(mistakes: &Mistakes<'_>, c: &Contribution, kept: &[usize], term: &Value) -> Result<(), Error> {
    let reduced: Vec<usize> = c.axes_of(term).into_iter().filter(|axis| kept.binary_search(axis).is_err()).collect();
    let Some((inside, place)) = unclear(c, term, &reduced) else { return Ok(()) };
    let axis = c.axes_of(inside).into_iter().find(|axis| reduced.contains(axis)).unwrap_or(0);
    let label = &c.axes[axis].label;
    let kind = ErrorKind::AmbiguousSum { axis: label.to_string() };
    Err(mistakes
        .error(kind, inside.span, format!("`{label}` is in {place}, and not on the left"))
        .offer("to sum the whole right side", Edit::new(mistakes.text).replace(c.operator, "+=").finish())
        .help("to sum inside first, give that sum a name in a statement before"))
}

/// A part of a term that a reduced axis may not be in, and what it is.
fn unclear<'v>(c: &Contribution, value: &'v Value, reduced: &[usize]) -> Option<(&'v Value, &'static str)> {
    let has = |value: &Value| c.axes_of(value).iter().any(|axis| reduced.binary_search(axis).is_ok());
    if reduced.is_empty() || !has(value) {
        return None;
    }
    match &value.kind {
        ValueKind::Number(_) | ValueKind::Read { .. } => None,
        ValueKind::Sum(_) => Some((value, "a sum in parentheses")),
        ValueKind::Product(factors) => factors.iter().find_map(|(divides, factor)| match divides {
            true if has(factor) => Some((factor, "a denominator")),
            true => None,
            false => unclear(c, factor, reduced),
        }),
        ValueKind::Negation(inner) => unclear(c, inner, reduced),
        ValueKind::Call(Function::Conj | Function::Re | Function::Im, arguments) => {
            arguments.iter().find_map(|argument| unclear(c, argument, reduced))
        }
        ValueKind::Call(..) => Some((value, "a function")),
    }
}

/// All terms of `+=`, products distributed over sums in parentheses, reduce the same axes.
fn add(mistakes: &Mistakes<'_>, c: &Contribution) -> Result<(), Error> {
    let kept = c.kept();
    let (common, any) = spread(c, &c.right);
    let differs = any.into_iter().find(|axis| common.binary_search(axis).is_err() && kept.binary_search(axis).is_err());
    let Some(axis) = differs else { return Ok(()) };
    let label = &c.axes[axis].label;
    let (with, without) = disagreement(c, &c.right, axis).unwrap_or((c.right.span, c.operator));
    let kind = ErrorKind::AmbiguousSum { axis: label.to_string() };
    Err(mistakes
        .error(kind, without, format!("does not have `{label}`: added once, or for each `{label}`?"))
        .note(Note::new(with, format!("summed over `{label}`")))
        .offer("to sum each term over its own axes", Edit::new(mistakes.text).replace(c.operator, "=").finish())
        .help("to add the terms one by one, write a statement with `+=` for each"))
}

/// The axes that all terms of an expression have, and those that any has.
fn spread(c: &Contribution, value: &Value) -> (Vec<usize>, Vec<usize>) {
    match &value.kind {
        ValueKind::Sum(terms) => common_and_any(terms.iter().map(|(_, term)| spread(c, term))),
        ValueKind::Product(factors) => {
            let (mut common, mut any) = (Vec::new(), Vec::new());
            for (divides, factor) in factors {
                let (c, a) = if *divides { (c.axes_of(factor), c.axes_of(factor)) } else { spread(c, factor) };
                common.extend(c);
                any.extend(a);
            }
            (set(common), set(any))
        }
        ValueKind::Negation(inner) => spread(c, inner),
        ValueKind::Call(Function::Conj | Function::Re | Function::Im, arguments) if arguments.len() == 1 => {
            spread(c, &arguments[0])
        }
        _ => (c.axes_of(value), c.axes_of(value)),
    }
}

/// The places of two terms of one sum of which all parts, and not all parts, have an axis.
fn disagreement(c: &Contribution, value: &Value, axis: usize) -> Option<(Span, Span)> {
    let (common, any) = spread(c, value);
    if common.contains(&axis) || !any.contains(&axis) {
        return None;
    }
    match &value.kind {
        ValueKind::Sum(terms) => {
            let deeper = terms.iter().find_map(|(_, term)| disagreement(c, term, axis));
            let has = |wanted: bool| terms.iter().find(|(_, term)| spread(c, term).1.contains(&axis) == wanted);
            deeper.or_else(|| Some((has(true)?.1.span, has(false)?.1.span)))
        }
        ValueKind::Product(factors) => factors.iter().find_map(|(_, factor)| disagreement(c, factor, axis)),
        ValueKind::Negation(inner) => disagreement(c, inner, axis),
        ValueKind::Call(_, arguments) => arguments.iter().find_map(|argument| disagreement(c, argument, axis)),
        _ => None,
    }
}
