//! Name analysis of programs from the text alone.

mod errors;
mod uses;

use crate::ast::{Assign, Definition, NameClass, NameTable, Names, Statement};
use crate::error::Error;
use crate::span::Span;
use errors::NameErrors;
use uses::{NameRole, NameUse, uses};

/// Analyses the names of these statements of `text`.
pub(crate) fn analyse(text: &str, table: &NameTable, statements: &[Statement]) -> Result<Names, Error> {
    let uses = uses(statements, table.len());
    let mut facts: Vec<NameFacts<'_>> = Vec::with_capacity(table.len());
    for use_ in &uses {
        let id = use_.name.id as usize;
        if id >= facts.len() {
            facts.resize_with(id + 1, NameFacts::default);
        }
        facts[id].add(use_);
    }
    let mut define = DefinitionCollector { errors: NameErrors { text, table }, facts, definitions: Vec::new() };
    let classes = define.facts.iter().map(|facts| facts.class(&define.errors)).collect::<Result<Vec<_>, _>>()?;
    for (k, (statement, uses)) in statements.iter().zip(uses.chunk_by(|a, b| a.statement == b.statement)).enumerate() {
        define.reads(uses)?;
        define.statement(k, statement, statements)?;
    }
    let DefinitionCollector { facts, definitions, .. } = define;
    let ids = |class: NameClass| (0..).zip(&classes).filter(move |(_, c)| **c == class).map(|(id, _): (u32, _)| id);
    let inputs = ids(NameClass::Tensor).filter(|&id| facts[id as usize].definition.is_none()).collect();
    let sizes = ids(NameClass::Size).collect();
    let defined = definitions.iter().map(|definition| definition.name);
    let outputs = defined.filter(|&id| facts[id as usize].read.is_none()).collect();
    Ok(Names { classes, inputs, sizes, definitions, outputs })
}

/// The uses of a name.
#[derive(Clone, Default)]
struct NameFacts<'u> {
    /// The first use as an axis.
    axis: Option<&'u NameUse>,
    /// The first use that only a tensor can have.
    tensor: Option<&'u NameUse>,
    /// The first use that only a size can have.
    size: Option<&'u NameUse>,
    /// The first use without indices in an expression: a tensor or a size.
    bare: Option<&'u NameUse>,
    /// The first definition in the text.
    written: Option<Span>,
    /// The first read in the statements so far.
    read: Option<Span>,
    /// The position of its definition, if a statement so far has defined it.
    definition: Option<usize>,
}

impl<'u> NameFacts<'u> {
    fn add(&mut self, use_: &'u NameUse) {
        let first = match use_.role {
            NameRole::Axis => &mut self.axis,
            NameRole::Written | NameRole::Element | NameRole::IndexTensor | NameRole::SizeOf => &mut self.tensor,
            NameRole::Parameter => &mut self.size,
            NameRole::Bare => &mut self.bare,
        };
        first.get_or_insert(use_);
        if use_.role == NameRole::Written {
            self.written.get_or_insert(use_.name.span);
        }
    }

    fn class(&self, errors: &NameErrors<'_>) -> Result<NameClass, Error> {
        let bare = if self.size.is_some() { None } else { self.bare };
        match (self.axis, self.tensor.or(bare), self.size) {
            (Some(axis), Some(tensor), _) => Err(errors.axis_and_tensor(axis, tensor)),
            (Some(axis), None, Some(size)) => Err(errors.class((NameClass::Axis, axis), (NameClass::Size, size))),
            (None, Some(tensor), Some(size)) => Err(errors.class((NameClass::Tensor, tensor), (NameClass::Size, size))),
            (Some(_), None, None) => Ok(NameClass::Axis),
            (None, None, Some(_)) => Ok(NameClass::Size),
            // Every name of the table has a use.
            (None, _, None) => Ok(NameClass::Tensor),
        }
    }
}

/// Collects the definitions, statement by statement.
struct DefinitionCollector<'a, 'u> {
    errors: NameErrors<'a>,
    /// By name.
    facts: Vec<NameFacts<'u>>,
    definitions: Vec<Definition>,
}

impl DefinitionCollector<'_, '_> {
    /// Checks that the tensors a statement reads are defined, and that index tensors are inputs.
    fn reads(&mut self, uses: &[NameUse]) -> Result<(), Error> {
        for use_ in uses.iter().filter(|use_| use_.role.reads()) {
            let facts = &mut self.facts[use_.name.id as usize];
            match facts.written {
                Some(written) if use_.role == NameRole::IndexTensor => {
                    return Err(self.errors.computed(use_.name, written));
                }
                Some(written) if facts.definition.is_none() => return Err(self.errors.undefined(use_.name, written)),
                _ => _ = facts.read.get_or_insert(use_.name.span),
            }
        }
        Ok(())
    }

    /// Adds statement `k` to the definition of its name.
    fn statement(&mut self, k: usize, statement: &Statement, statements: &[Statement]) -> Result<(), Error> {
        let (name, assign) = (statement.name, statement.assign);
        let facts = &mut self.facts[name.id as usize];
        let Some(at) = facts.definition else {
            facts.definition = Some(self.definitions.len());
            self.definitions.push(Definition { name: name.id, assign, statements: vec![k] });
            return Ok(());
        };
        let definition = &mut self.definitions[at];
        if definition.assign != assign || assign == Assign::Equal {
            return Err(self.errors.redefined(&statements[definition.statements[0]], statement));
        }
        if let Some(read) = facts.read {
            return Err(self.errors.late(statement, read));
        }
        definition.statements.push(k);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
