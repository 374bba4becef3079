//! Name analysis of programs from the text alone.

mod errors;
mod uses;

use crate::ast::{Assign, Definition, NameClass, NameTable, Names, Statement};
use crate::error::Error;
use crate::span::Span;
use errors::NameErrors;
use uses::{NameRole, NameUse, uses};

/// Determines the classes of the names in `statements`, and which of them are defined, inputs, size parameters and
/// outputs. `table` and `text` are those of the statements; `text` is for error messages.
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
    let mut collector = DefinitionCollector { errors: NameErrors { text, table }, facts, definitions: Vec::new() };
    let classes = collector.facts.iter().map(|facts| facts.class(&collector.errors)).collect::<Result<Vec<_>, _>>()?;
    // Every statement has uses, at least that of the name that it defines, and they are in the order of the statements.
    for (k, (statement, uses)) in statements.iter().zip(uses.chunk_by(|a, b| a.statement == b.statement)).enumerate() {
        collector.add_reads(uses)?;
        collector.add_statement(k, statement, statements)?;
    }
    let DefinitionCollector { facts, definitions, .. } = collector;
    let ids = |class: NameClass| (0..).zip(&classes).filter(move |(_, c)| **c == class).map(|(id, _): (u32, _)| id);
    let inputs = ids(NameClass::Tensor).filter(|&id| facts[id as usize].definition.is_none()).collect();
    let sizes = ids(NameClass::Size).collect();
    let defined = definitions.iter().map(|definition| definition.name);
    let outputs = defined.filter(|&id| facts[id as usize].read.is_none()).collect();
    Ok(Names { classes, inputs, sizes, definitions, outputs })
}

/// The uses and the definition of one name.
#[derive(Clone, Default)]
struct NameFacts<'u> {
    /// The first use as an axis.
    axis: Option<&'u NameUse>,
    /// The first use that only a tensor can have.
    tensor: Option<&'u NameUse>,
    /// The first use that only a size parameter can have.
    size: Option<&'u NameUse>,
    /// The first use without indices in an expression: a tensor or a size parameter.
    bare: Option<&'u NameUse>,
    /// The span of the first left side with the name, among all statements.
    written: Option<Span>,
    /// The span of the first read, among the statements so far.
    read: Option<Span>,
    /// The number of its definition in `DefinitionCollector::definitions`, if a statement so far has defined it.
    definition: Option<usize>,
}

impl<'u> NameFacts<'u> {
    /// Adds a use of the name. The uses come in the order of the text.
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

    /// The class that the uses have in common. A bare use is one of a size parameter if another use is, otherwise one
    /// of a tensor.
    fn class(&self, errors: &NameErrors<'_>) -> Result<NameClass, Error> {
        let bare = if self.size.is_some() { None } else { self.bare };
        match (self.axis, self.tensor.or(bare), self.size) {
            (Some(axis), Some(tensor), _) => Err(errors.axis_and_tensor(axis, tensor)),
            (Some(axis), None, Some(size)) => Err(errors.class((NameClass::Axis, axis), (NameClass::Size, size))),
            (None, Some(tensor), Some(size)) => Err(errors.class((NameClass::Tensor, tensor), (NameClass::Size, size))),
            (Some(_), None, None) => Ok(NameClass::Axis),
            (None, None, Some(_)) => Ok(NameClass::Size),
            // A tensor: every name of the table has a use, so all three are never `None`.
            (None, _, None) => Ok(NameClass::Tensor),
        }
    }
}

/// Collects the definitions, statement by statement.
struct DefinitionCollector<'a, 'u> {
    errors: NameErrors<'a>,
    /// By the ids of the names.
    facts: Vec<NameFacts<'u>>,
    /// One for each defined tensor, in the order of the text.
    definitions: Vec<Definition>,
}

impl DefinitionCollector<'_, '_> {
    /// Adds the reads among the `uses` of one statement. Checks that each tensor that the statement reads is an input
    /// or defined by an earlier statement, and that index tensors are inputs.
    fn add_reads(&mut self, uses: &[NameUse]) -> Result<(), Error> {
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

    /// Adds `statement`, number `k` of `statements`, to the definition of the name on its left side.
    fn add_statement(&mut self, k: usize, statement: &Statement, statements: &[Statement]) -> Result<(), Error> {
        let (name, assign) = (statement.name, statement.assign);
        let facts = &mut self.facts[name.id as usize];
        let Some(number) = facts.definition else {
            facts.definition = Some(self.definitions.len());
            self.definitions.push(Definition { name: name.id, assign, statements: vec![k] });
            return Ok(());
        };
        let definition = &mut self.definitions[number];
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
