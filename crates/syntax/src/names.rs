//! What the names of a program stand for: what the text alone says about them.

mod errors;
mod uses;

use crate::ast::{Assign, NameTable, Statement};
use crate::error::{Error, NameClass};
use crate::span::Span;
use errors::NameErrors;
use uses::{NameRole, NameUse, uses};

/// What the names of a program stand for, by their numbers.
///
/// A name is one thing in the whole program: an index by itself makes it an axis, a place after `:` a size parameter, anything
/// else a tensor. A tensor that no statement defines is an input. A name is defined by one `=`, or by several statements with
/// the same other assignment, all before it is read. Tensors whose elements are indices are inputs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    classes: Vec<NameClass>,
    inputs: Vec<u32>,
    sizes: Vec<u32>,
    definitions: Vec<Definition>,
    outputs: Vec<u32>,
}

/// A name and the statements that contribute to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definition {
    /// The number of the name.
    pub name: u32,
    /// The assignment of all its statements.
    pub assign: Assign,
    /// The positions of its statements, ascending; at least one, and with `=` no more.
    pub statements: Vec<usize>,
}

impl Names {
    /// What each name stands for; the position is the number of the name.
    pub fn classes(&self) -> &[NameClass] {
        &self.classes
    }

    /// The tensors that no statement defines, in order of first appearance.
    pub fn inputs(&self) -> &[u32] {
        &self.inputs
    }

    /// The size parameters, in order of first appearance.
    pub fn sizes(&self) -> &[u32] {
        &self.sizes
    }

    /// The names that statements define, in the order of their first statements.
    pub fn definitions(&self) -> &[Definition] {
        &self.definitions
    }

    /// The defined names that are never read, `size(…)` included, in the order of their first statements.
    pub fn outputs(&self) -> &[u32] {
        &self.outputs
    }

    /// Finds out what the names of these statements of `text` stand for.
    pub(crate) fn new(text: &str, table: &NameTable, statements: &[Statement]) -> Result<Names, Error> {
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
        for (k, (statement, uses)) in
            statements.iter().zip(uses.chunk_by(|a, b| a.statement == b.statement)).enumerate()
        {
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
}

/// What is known of a name.
#[derive(Clone, Default)]
struct NameFacts<'u> {
    /// Its first use as an axis.
    axis: Option<&'u NameUse>,
    /// Its first use as a tensor only.
    tensor: Option<&'u NameUse>,
    /// Its first use as a size only.
    size: Option<&'u NameUse>,
    /// Its first use without indices in an expression, as a tensor or a size.
    bare: Option<&'u NameUse>,
    /// Where the text defines it first.
    written: Option<Span>,
    /// Where it is read first, in the statements so far.
    read: Option<Span>,
    /// The position of its definition, if a statement so far has defined it.
    definition: Option<usize>,
}

impl<'u> NameFacts<'u> {
    fn add(&mut self, use_: &'u NameUse) {
        let first = match use_.role {
            NameRole::Axis => &mut self.axis,
            NameRole::Written | NameRole::Element | NameRole::Ids | NameRole::SizeOf => &mut self.tensor,
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
            // A name of the table has a use.
            (None, _, None) => Ok(NameClass::Tensor),
        }
    }
}

/// Goes through the statements in order.
struct DefinitionCollector<'a, 'u> {
    errors: NameErrors<'a>,
    /// By the numbers of names.
    facts: Vec<NameFacts<'u>>,
    definitions: Vec<Definition>,
}

impl DefinitionCollector<'_, '_> {
    /// Checks that what a statement reads has been defined, and is no index if a statement defines it.
    fn reads(&mut self, uses: &[NameUse]) -> Result<(), Error> {
        for use_ in uses.iter().filter(|use_| use_.role.reads()) {
            let facts = &mut self.facts[use_.name.id as usize];
            match facts.written {
                Some(written) if use_.role == NameRole::Ids => return Err(self.errors.computed(use_.name, written)),
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
