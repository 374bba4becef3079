//! Desugars statements: resolves names, expands `...`, evaluates constants.

use super::errors::ProgramErrors;
use super::hir::{
    AffineForm, AxisName, Contribution, GivenSize, HirExpr, HirExprKind, IndexForm, LeftIndexForm, Tensor, TensorRead,
    set,
};
use super::literal;
use crate::ast::{self, Expr, ExprKind, Index, IndexTermKind, NamedAxis, Program, Sign, Size, SizeOf, Statement};
use crate::error::{Error, NameClass};
use crate::span::Span;
use einfold_ir::{Function, Literal};
use std::collections::BTreeMap;

/// The context for resolving the names of a statement.
pub(super) struct Desugarer<'a> {
    pub(super) program: &'a Program,
    pub(super) errors: &'a ProgramErrors<'a>,
    pub(super) sizes: &'a BTreeMap<String, usize>,
    pub(super) tensors: &'a [Tensor],
    /// The tensor of each name that is defined or given.
    pub(super) tensor_of: &'a [Option<usize>],
}

/// Numbers the axes of one statement.
pub(super) struct StatementAxes {
    names: Vec<AxisName>,
    numbers: BTreeMap<AxisKey, usize>,
    /// The number of axes of `...`: the maximum over the accesses.
    pub(super) covered: usize,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum AxisKey {
    Name(u32),
    Covered(usize),
}

impl StatementAxes {
    pub(super) fn new(covered: usize) -> StatementAxes {
        StatementAxes { names: Vec::new(), numbers: BTreeMap::new(), covered }
    }

    pub(super) fn into_names(self) -> Vec<AxisName> {
        self.names
    }

    /// The number of a named axis.
    pub(super) fn name(&mut self, name: ast::Name, label: &str) -> usize {
        self.number(AxisKey::Name(name.id), name.span, || label.to_string())
    }

    fn number(&mut self, key: AxisKey, span: Span, label: impl FnOnce() -> String) -> usize {
        let names = &mut self.names;
        *self.numbers.entry(key).or_insert_with(|| {
            names.push(AxisName { label: label().into(), span });
            names.len() - 1
        })
    }

    /// The indices of an axis as written; `...` covers `covered` axes in this list.
    pub(super) fn indices<'t>(
        &mut self,
        axis: &NamedAxis,
        covered: usize,
        label: impl Fn(u32) -> &'t str,
    ) -> Vec<(IndexForm, Span)> {
        match axis {
            NamedAxis::Name(name) => vec![(IndexForm::Axis(self.name(*name, label(name.id))), name.span)],
            NamedAxis::Merged(merged) => {
                let axes = merged.names.iter().map(|name| self.name(*name, label(name.id))).collect();
                vec![(IndexForm::Merged(axes), merged.span)]
            }
            NamedAxis::Ellipsis(span) => (self.covered - covered..self.covered)
                .map(|k| (IndexForm::Axis(self.number(AxisKey::Covered(k), *span, || format!("...{k}"))), *span))
                .collect(),
        }
    }
}

impl Desugarer<'_> {
    /// The desugared statement.
    pub(super) fn contribution(&self, statement: &Statement) -> Result<Contribution, Error> {
        let mut axes = StatementAxes::new(self.covered(statement)?);
        let mut left = Vec::with_capacity(statement.left.len());
        for position in &statement.left {
            let declared = position.size.as_ref().map(|size| Ok((self.size(size)?, size.span()))).transpose()?;
            let covered = axes.covered;
            let indices = self.indices(&mut axes, &position.index, covered)?;
            left.extend(indices.into_iter().map(|(index, span)| LeftIndexForm { index, span, declared }));
        }
        let mut reads = Vec::new();
        let right = self.value(&mut axes, &mut reads, &statement.right)?;
        let mut given = Vec::with_capacity(statement.sizes.len());
        for size in &statement.sizes {
            let axis = axes.name(size.axis, self.program.name(size.axis.id));
            given.push(GivenSize { axis, size: self.size(&size.size)?, span: size.size.span() });
        }
        let (span, assign, operator) = (statement.span, statement.assign, statement.operator);
        Ok(Contribution { span, assign, operator, axes: axes.into_names(), left, reads, right, given })
    }

    /// The maximal number of axes that `...` covers; checks the ranks of all reads.
    fn covered(&self, statement: &Statement) -> Result<usize, Error> {
        let mut most: Option<(usize, Span)> = None;
        let mut wrong = None;
        let mut on_left = false;
        let mut visit = |access: &ast::Access| {
            let ellipsis = access.ellipsis();
            let Some(tensor) = self.tensor(access.name) else { return };
            let (rank, written) = (self.tensors[tensor].shape.len(), access.indices.len());
            let written = written - usize::from(ellipsis.is_some());
            if rank < written || (rank > written && ellipsis.is_none()) {
                wrong.get_or_insert_with(|| self.errors.rank(access, &self.tensors[tensor], written));
            } else if let Some(span) = ellipsis
                && most.is_none_or(|(covered, _)| covered < rank - written)
            {
                most = Some((rank - written, span));
            }
        };
        for_each_access(&statement.right, &mut visit);
        for position in &statement.left {
            on_left |= matches!(position.index, Index::Axis(NamedAxis::Ellipsis(_)));
            for_each_gather(&position.index, &mut |access| {
                on_left |= access.ellipsis().is_some();
                visit(access);
            });
        }
        match (wrong, most) {
            (Some(error), _) => Err(error),
            (None, Some((covered, span))) if covered > 0 && !on_left => {
                Err(self.errors.ellipsis_dropped(span, statement, covered))
            }
            (None, most) => Ok(most.map_or(0, |(covered, _)| covered)),
        }
    }

    /// The number of the tensor with this name; `None` if the name has another class.
    fn tensor(&self, name: ast::Name) -> Option<usize> {
        self.tensor_of.get(name.id as usize).copied().flatten()
    }

    fn read(&self, axes: &mut StatementAxes, access: &ast::Access) -> Result<TensorRead, Error> {
        let tensor = self.tensor(access.name).expect("a read tensor is an input or defined before");
        let written = access.indices.len() - usize::from(access.ellipsis().is_some());
        let covered = self.tensors[tensor].shape.len() - written;
        let mut dims = Vec::with_capacity(written + covered);
        for index in &access.indices {
            dims.extend(self.indices(axes, index, covered)?);
        }
        Ok(TensorRead { tensor, span: access.span, dims })
    }

    fn indices(
        &self,
        axes: &mut StatementAxes,
        index: &Index,
        covered: usize,
    ) -> Result<Vec<(IndexForm, Span)>, Error> {
        match index {
            Index::Axis(axis) => Ok(axes.indices(axis, covered, |id| self.program.name(id))),
            Index::Affine(affine) => Ok(vec![(IndexForm::Affine(self.affine(axes, affine)?), affine.span)]),
        }
    }

    fn affine(&self, axes: &mut StatementAxes, written: &ast::Affine) -> Result<AffineForm, Error> {
        let mut affine = AffineForm::default();
        // The term of each axis.
        let mut terms: BTreeMap<usize, usize> = BTreeMap::new();
        for part in &written.parts {
            let signed = |value: i64| if part.sign == Sign::Minus { -value } else { value };
            match &part.kind {
                IndexTermKind::Constant(integer) => affine.offset = affine.offset.saturating_add(signed(integer.value)),
                IndexTermKind::Multiple { coefficient, atom } => {
                    let coef = signed(coefficient.map_or(1, |c| c.value));
                    match atom {
                        ast::Atom::Axis(name) => {
                            let axis = axes.name(*name, self.program.name(name.id));
                            let at = *terms.entry(axis).or_insert(affine.terms.len());
                            match affine.terms.get_mut(at) {
                                Some((sum, _)) => *sum = sum.saturating_add(coef),
                                None => affine.terms.push((coef, axis)),
                            }
                        }
                        ast::Atom::Gather(access) => {
                            let read = self.read(axes, access)?;
                            let positions = &self.tensors[read.tensor];
                            if !positions.dtype.is_integer() {
                                return Err(self.errors.index_dtype(access, positions));
                            }
                            affine.gathers.push((coef, read));
                        }
                    }
                }
            }
        }
        Ok(affine)
    }

    fn value(&self, axes: &mut StatementAxes, reads: &mut Vec<TensorRead>, expr: &Expr) -> Result<HirExpr, Error> {
        let span = expr.span;
        let kind = match &expr.kind {
            ExprKind::Number(_) => HirExprKind::Number(self.number(span)?),
            ExprKind::Size(of) => HirExprKind::Number(Literal::Int(self.size_of(*of)? as i128)),
            ExprKind::Access(access) => self.access(axes, reads, access)?,
            ExprKind::Negation(inner) => {
                let inner = self.value(axes, reads, inner)?;
                match inner.number() {
                    Some(number) => self.folded(literal::negative(number), span)?,
                    None => HirExprKind::Negation(Box::new(inner)),
                }
            }
            ExprKind::Sum(terms) => {
                let terms = terms
                    .iter()
                    .map(|term| Ok((term.sign, self.value(axes, reads, &term.expr)?)))
                    .collect::<Result<Vec<_>, Error>>()?;
                match numbers(&terms) {
                    Some(numbers) => self.folded(literal::sum(&numbers), span)?,
                    None => HirExprKind::Sum(terms),
                }
            }
            ExprKind::Product(factors) => {
                let factors = factors
                    .iter()
                    .map(|factor| Ok((factor.divides, self.value(axes, reads, &factor.expr)?)))
                    .collect::<Result<Vec<_>, Error>>()?;
                match numbers(&factors) {
                    Some(numbers) => self.folded(literal::product(&numbers), span)?,
                    None => HirExprKind::Product(factors),
                }
            }
            ExprKind::Call(call) => self.call(axes, reads, call)?,
        };
        Ok(HirExpr { span, kind })
    }

    fn access(
        &self,
        axes: &mut StatementAxes,
        reads: &mut Vec<TensorRead>,
        access: &ast::Access,
    ) -> Result<HirExprKind, Error> {
        if self.program.names().classes()[access.name.id as usize] == NameClass::Size {
            return Ok(HirExprKind::Number(Literal::Int(self.parameter(access.name)? as i128)));
        }
        let read = self.read(axes, access)?;
        let conj = self.tensors[read.tensor].conj;
        reads.push(read);
        Ok(HirExprKind::Read { read: reads.len() - 1, conj })
    }

    fn call(
        &self,
        axes: &mut StatementAxes,
        reads: &mut Vec<TensorRead>,
        call: &ast::Call,
    ) -> Result<HirExprKind, Error> {
        let arguments = call
            .arguments
            .iter()
            .map(|argument| self.value(axes, reads, argument))
            .collect::<Result<Vec<HirExpr>, Error>>()?;
        let numbers: Option<Vec<Literal>> = arguments.iter().map(HirExpr::number).collect();
        if let Some(number) = numbers.and_then(|numbers| literal::call(call.function, &numbers)) {
            return Ok(HirExprKind::Number(number));
        }
        // The conjugate of an element is a property of the access, so that a product of conjugates is a product.
        match (call.function, &arguments[..]) {
            (Function::Conj, &[HirExpr { kind: HirExprKind::Read { read, conj }, .. }]) => {
                Ok(HirExprKind::Read { read, conj: !conj })
            }
            _ => Ok(HirExprKind::Call(call.function, arguments)),
        }
    }

    fn number(&self, span: Span) -> Result<Literal, Error> {
        let text = self.program.source(span);
        let integer = text.bytes().all(|b| b.is_ascii_digit());
        let parsed = if integer {
            text.parse().ok().map(Literal::Int)
        } else {
            text.parse().ok().filter(|x: &f64| x.is_finite()).map(Literal::Float)
        };
        parsed.ok_or_else(|| self.errors.number(span))
    }

    fn folded(&self, number: Option<Literal>, span: Span) -> Result<HirExprKind, Error> {
        number.map(HirExprKind::Number).ok_or_else(|| self.errors.number(span))
    }

    fn size(&self, size: &Size) -> Result<usize, Error> {
        match size {
            Size::Integer(integer) => Ok(usize::try_from(integer.value).unwrap_or(usize::MAX)),
            Size::Parameter(name) => self.parameter(*name),
            Size::Of(of) => self.size_of(*of),
        }
    }

    fn parameter(&self, name: ast::Name) -> Result<usize, Error> {
        let label = self.program.name(name.id);
        self.sizes.get(label).copied().ok_or_else(|| self.errors.unknown_size(label, name.span, self.sizes))
    }

    fn size_of(&self, of: SizeOf) -> Result<usize, Error> {
        let tensor = self.tensor(of.tensor).expect("the tensor of a size is an input or defined before");
        let tensor = &self.tensors[tensor];
        let size = usize::try_from(of.axis.value).ok().and_then(|axis| tensor.shape.get(axis));
        size.copied().ok_or_else(|| self.errors.no_axis(of, tensor))
    }
}

/// The values of a list of numbers; `None` if it contains anything else.
fn numbers<T: Copy>(list: &[(T, HirExpr)]) -> Option<Vec<(T, Literal)>> {
    list.iter().map(|(tag, value)| Some((*tag, value.number()?))).collect()
}

/// Calls `f` with every access, each followed by those in its indices.
fn for_each_access<'e>(expr: &'e Expr, f: &mut impl FnMut(&'e ast::Access)) {
    match &expr.kind {
        ExprKind::Sum(terms) => terms.iter().for_each(|term| for_each_access(&term.expr, f)),
        ExprKind::Product(factors) => factors.iter().for_each(|factor| for_each_access(&factor.expr, f)),
        ExprKind::Negation(inner) => for_each_access(inner, f),
        ExprKind::Number(_) | ExprKind::Size(_) => {}
        ExprKind::Access(access) => {
            f(access);
            access.indices.iter().for_each(|index| for_each_gather(index, f));
        }
        ExprKind::Call(call) => call.arguments.iter().for_each(|argument| for_each_access(argument, f)),
    }
}

/// Calls `f` with every access to an index tensor in an index, each followed by those in its own indices.
fn for_each_gather<'e>(index: &'e Index, f: &mut impl FnMut(&'e ast::Access)) {
    let Index::Affine(affine) = index else { return };
    for part in &affine.parts {
        if let IndexTermKind::Multiple { atom: ast::Atom::Gather(access), .. } = &part.kind {
            f(access);
            access.indices.iter().for_each(|index| for_each_gather(index, f));
        }
    }
}

/// The axes that all lists have, and those that at least one has.
pub(super) fn common_and_any(lists: impl IntoIterator<Item = (Vec<usize>, Vec<usize>)>) -> (Vec<usize>, Vec<usize>) {
    let mut lists = lists.into_iter();
    let Some((mut common, mut any)) = lists.next() else { return (Vec::new(), Vec::new()) };
    for (c, a) in lists {
        common.retain(|axis| c.binary_search(axis).is_ok());
        any.extend(a);
    }
    any = set(any);
    (common, any)
}
