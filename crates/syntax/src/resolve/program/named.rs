//! Level 2: lowers named subscripts to one contraction in the requested algebra.

use super::super::Options;
use super::super::letters::addressable;
use super::super::letters::count_help;
use super::desugar::StatementAxes;
use super::errors::ProgramErrors;
use super::hir::{Contribution, GivenSize, HirExpr, HirExprKind, LeftIndexForm, Tensor, TensorRead};
use super::infer_shape::{InferredShape, QueryAnswers, ShapeInference};
use super::iteration_space::StatementContext;
use super::nodes::Nodes;
use crate::ast::{Assign, Name, Named, NamedAxis, NamedTerm};
use crate::edit::Edit;
use crate::error::{Error, ErrorKind, TypeProblem};
use crate::render::Note;
use crate::span::Span;
use einfold_ir::{Access, Contraction, Dtype, Index, Ir, Label, TensorType};
use smol_str::format_smolstr;
use std::collections::BTreeMap;

/// Lowers named subscripts for operands of these types.
pub(in super::super) fn named(named: &Named, inputs: &[TensorType], options: &Options) -> Result<Ir, Error> {
    let mut nodes = Nodes::new();
    let tensors = tensors(named, inputs, &mut nodes)?;
    let errors = &ProgramErrors { text: named.text(), tensors: &tensors };
    let contribution = contribution(named, errors, options)?;
    let contributions = std::slice::from_ref(&contribution);
    let shapes = ShapeInference { errors, tensors: &tensors, options, contributions, name: "output" };
    // Named subscripts have no index tensors, so no query is possible.
    let Ok(InferredShape { shape, extents }) = shapes.solve(&QueryAnswers::new())? else { return Ok(nodes.ir) };
    let dtype = dtype(named, errors, options)?;
    let context = StatementContext { c: &contribution, extents: &extents[0], tensors: &tensors, options };
    let space = context.space((0..contribution.axes.len()).collect());
    let factors = contribution.reads.iter().zip(&tensors);
    let factors = factors.map(|(read, tensor)| context.access(&space, read, tensor.conj)).collect();
    let (axes, output, algebra) = (context.axes(&space), context.output(&space), options.algebra);
    let c = Contraction { axes, factors, output, expr: None, algebra, init: None, pinned: false };
    let moves = c.is_map() && c.factors.len() == 1;
    let wide = if moves { dtype } else { algebra.accumulator(dtype) };
    let label: Label = "y".into();
    let place = named.output().span;
    let mut result = nodes.push(errors, place, label.clone(), (wide, &shape), c)?;
    if wide != dtype {
        let all = 0..shape.len() as u32;
        let axis =
            |(position, &size): (&LeftIndexForm, &usize)| einfold_ir::Axis::new(contribution.label(position), size);
        let axes = contribution.left.iter().zip(&shape).map(axis).collect();
        let (factors, output) = (vec![Access::plain(result, all.clone())], all.map(Index::axis).collect());
        let c = Contraction { axes, factors, output, expr: None, algebra, init: None, pinned: false };
        result = nodes.push(errors, place, label, (dtype, &shape), c)?;
    }
    nodes.ir.output(result).expect("the result is a node of the top region");
    Ok(nodes.ir)
}

/// The operands as inputs of the module.
fn tensors(named: &Named, inputs: &[TensorType], nodes: &mut Nodes) -> Result<Vec<Tensor>, Error> {
    let errors = ProgramErrors { text: named.text(), tensors: &[] };
    if inputs.len() != named.terms().len() {
        let (terms, given) = (named.terms(), inputs.len());
        let kind = ErrorKind::Operands { expected: terms.len(), given };
        let error = match terms.get(given) {
            Some(term) => errors.error(kind, term.span, "no operand for this term"),
            None => errors.error(kind, named.arrow(), format!("no term for operand {}", terms.len() + 1)),
        };
        return Err(error.help(count_help(terms.len(), given)));
    }
    let tensor = |(k, input): (usize, &TensorType)| {
        if !addressable(&input.shape, input.dtype) {
            return Err(errors.too_large(&input.shape, input.dtype, named.terms()[k].span));
        }
        let name = input.name.clone().unwrap_or_else(|| format_smolstr!("x{k}"));
        let node = nodes.ir.input(name.clone(), input.dtype, input.shape.as_slice());
        let (shown, dtype, shape, conj) = (format!("operand {}", k + 1), input.dtype, input.shape.clone(), input.conj);
        Ok(Tensor { name, shown, dtype, shape, conj, node })
    };
    inputs.iter().enumerate().map(tensor).collect()
}

fn contribution(named: &Named, errors: &ProgramErrors<'_>, options: &Options) -> Result<Contribution, Error> {
    let mut covered: Option<(usize, Span)> = None;
    for (term, tensor) in named.terms().iter().zip(errors.tensors) {
        let (ellipsis, rank) = (ellipsis(term), tensor.shape.len());
        let written = term.axes.len() - usize::from(ellipsis.is_some());
        if rank < written || (rank > written && ellipsis.is_none()) {
            return Err(errors.tensor_rank(term.span, tensor, written, ellipsis.is_some()));
        }
        if let Some(span) = ellipsis
            && covered.is_none_or(|(axes, _)| axes < rank - written)
        {
            covered = Some((rank - written, span));
        }
    }
    if let Some((axes, span)) = covered.filter(|(axes, _)| *axes > 0 && ellipsis(named.output()).is_none()) {
        let kind = ErrorKind::EllipsisDropped { axes };
        let error = errors.error(kind, span, "covers axes here").note(Note::new(named.output().span, "no `...` here"));
        let error = error.help("write `...` in the output to keep the axes, or give them names to sum over them");
        let begin = named.output().span.start;
        if !named.text()[begin as usize..].starts_with('[') {
            return Err(error);
        }
        let kept = Edit::new(named.text()).after(Span::new(begin, begin + 1), "... ").finish();
        return Err(errors.summed(error.candidate("to keep them", kept), span, axes, " "));
    }
    let mut axes = StatementAxes::new(covered.map_or(0, |(axes, _)| axes));
    let all = axes.covered;
    let indices = |axes: &mut StatementAxes, term: &NamedTerm, covered: usize| {
        let indices = term.axes.iter().flat_map(|axis| axes.indices(axis, covered, |id| named.name(id)));
        indices.collect::<Vec<_>>()
    };
    let left = indices(&mut axes, named.output(), all);
    let left = left.into_iter().map(|(index, span)| LeftIndexForm { index, span, declared: None }).collect();
    let mut reads = Vec::with_capacity(named.terms().len());
    for (tensor, (term, of)) in named.terms().iter().zip(errors.tensors).enumerate() {
        let covered = (of.shape.len() + 1).saturating_sub(term.axes.len());
        reads.push(TensorRead { tensor, span: term.span, dims: indices(&mut axes, term, covered) });
    }
    let given = given(named, errors, options, &mut axes)?;
    let factor = |k: usize| (false, HirExpr { span: reads[k].span, kind: HirExprKind::Read { read: k, conj: false } });
    let right =
        HirExpr { span: named.output().span, kind: HirExprKind::Product((0..reads.len()).map(factor).collect()) };
    let (span, assign, operator) = (named.output().span, Assign::Add, named.arrow());
    Ok(Contribution { span, assign, operator, axes: axes.into_names(), left, reads, right, given })
}

/// The sizes of axes that the caller gives.
fn given(
    named: &Named,
    errors: &ProgramErrors<'_>,
    options: &Options,
    axes: &mut StatementAxes,
) -> Result<Vec<GivenSize>, Error> {
    let mut all: BTreeMap<&str, Name> = BTreeMap::new();
    if !options.sizes.is_empty() {
        named
            .terms()
            .iter()
            .flat_map(NamedTerm::names)
            .for_each(|name| _ = all.entry(named.name(name.id)).or_insert(name));
    }
    let given = |(name, &size): (&String, &usize)| match all.get(name.as_str()) {
        Some(&found) => Ok(GivenSize { axis: axes.name(found, name), size, span: found.span }),
        None => {
            let kind = ErrorKind::UnknownSize { name: name.clone(), given: true };
            let error = errors.error(kind, named.output().span, format!("`{name}` is in no term"));
            Err(error.help("give sizes by the names of axes in the text"))
        }
    };
    options.sizes.iter().map(given).collect()
}

/// The first two operands whose dtypes have no common dtype.
fn clash(dtypes: &[Dtype]) -> (usize, usize) {
    let mut distinct: Vec<usize> = Vec::new();
    for b in 0..dtypes.len() {
        if let Some(&a) = distinct.iter().find(|&&a| Dtype::promote(&[dtypes[a], dtypes[b]]).is_none()) {
            return (a, b);
        }
        if distinct.iter().all(|&a| dtypes[a] != dtypes[b]) {
            distinct.push(b);
        }
    }
    // Dtypes that have a common dtype pairwise have one together.
    (0, dtypes.len() - 1)
}

fn ellipsis(term: &NamedTerm) -> Option<Span> {
    term.axes.iter().find_map(|axis| match axis {
        NamedAxis::Ellipsis(span) => Some(*span),
        _ => None,
    })
}

/// The dtype of the result.
fn dtype(named: &Named, errors: &ProgramErrors<'_>, options: &Options) -> Result<Dtype, Error> {
    let dtypes: Vec<Dtype> = errors.tensors.iter().map(|tensor| tensor.dtype).collect();
    let place = |k: usize| named.terms()[k].span;
    let Some(dtype) = Dtype::promote(&dtypes) else {
        let (a, b) = clash(&dtypes);
        let problem = TypeProblem::Mix { first: dtypes[a], second: dtypes[b] };
        return Err(errors
            .error(ErrorKind::Types { problem }, place(a), format!("{} here", dtypes[a]))
            .note(Note::new(place(b), format!("{} here", dtypes[b])))
            .help("convert one of them to the type of the other first"));
    };
    let dtype = options.in_accumulator(&dtypes, dtype).map_err(|acc| {
        let problem = TypeProblem::Accumulator { dtype, acc };
        errors
            .error(ErrorKind::Types { problem }, named.arrow(), format!("{dtype} operands"))
            .help("choose a type that holds all operands")
    })?;
    if !options.algebra.accepts(dtype) {
        let k = dtypes.iter().position(|&dtype| !options.algebra.accepts(dtype)).unwrap_or(0);
        let kind = ErrorKind::Algebra { algebra: options.algebra, dtype };
        let error = errors.error(kind, place(k), format!("{} here (operand {})", dtypes[k], k + 1));
        return Err(error.help("convert the operands, or choose another algebra"));
    }
    Ok(dtype)
}
