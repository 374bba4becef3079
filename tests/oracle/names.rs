//! The meaning of names, and whether each has a value where it is read.

use std::collections::{BTreeMap, BTreeSet};

use einfold_syntax::Assign;

use super::Refusal;
use super::model::{Expr, Size, Statement};

/// The statements that contribute to a name.
pub(crate) struct Definition<'a> {
    pub(crate) name: &'a str,
    pub(crate) statements: Vec<&'a Statement>,
}

/// The names of a program.
pub(crate) struct Names<'a> {
    /// Tensors that no statement defines, in order of first occurrence.
    pub(crate) inputs: Vec<&'a str>,
    pub(crate) parameters: BTreeSet<&'a str>,
    /// Definitions in the order of their last statements.
    pub(crate) definitions: Vec<Definition<'a>>,
    /// Names that are defined and never read, in the order of the text.
    pub(crate) outputs: Vec<&'a str>,
}

/// Tensors whose sizes are read, and size parameters.
fn sizes(statement: &Statement) -> Vec<&Size> {
    fn of(e: &Expr) -> Vec<&Size> {
        let own = if let Expr::Size(size) = e { vec![size] } else { Vec::new() };
        own.into_iter().chain(e.parts().into_iter().flat_map(of)).collect()
    }
    let declared = statement.left.iter().filter_map(|l| l.size.as_ref());
    declared.chain(statement.sizes.iter().map(|(_, s)| s)).chain(of(&statement.right)).collect()
}

/// The tensors that a statement reads or whose sizes it reads, in the order of the text.
fn read(statement: &Statement) -> Vec<&str> {
    let left = statement.left.iter().flat_map(|l| l.index.ids());
    let right = statement.right.reads().into_iter().flat_map(|r| std::iter::once(r).chain(r.ids()));
    let accesses = left.chain(right).map(|a| a.tensor.as_str());
    let measured =
        sizes(statement).into_iter().filter_map(|s| if let Size::Of(t, _) = s { Some(t.as_str()) } else { None });
    accesses.chain(measured).collect()
}

impl Names<'_> {
    /// These names, and the names to which the points of a needed name refer.
    pub(crate) fn needed<'n>(
        &'n self,
        outputs: &[&'n str],
        refers: &'n BTreeMap<String, BTreeSet<String>>,
    ) -> BTreeSet<&'n str> {
        let mut needed: BTreeSet<&str> = outputs.iter().copied().collect();
        // A name is read only after its last statement.
        for definition in self.definitions.iter().rev() {
            if needed.contains(definition.name) {
                needed.extend(refers[definition.name].iter().map(String::as_str));
            }
        }
        needed
    }
}

pub(crate) fn names(program: &[Statement]) -> Result<Names<'_>, Refusal> {
    let written: BTreeSet<&str> = program.iter().map(|s| s.name.as_str()).collect();
    let axes: BTreeSet<&str> = program.iter().flat_map(Statement::axes).collect();
    let parameter = |s: &'_ Size| matches!(s, Size::Parameter(_));
    let parameters: BTreeSet<&str> = program.iter().flat_map(sizes).filter(|s| parameter(s)).map(named).collect();
    let tensors: BTreeSet<&str> = program.iter().flat_map(read).chain(written.iter().copied()).collect();
    if tensors.intersection(&axes).next().is_some() {
        return Err("index-is-tensor");
    }
    if parameters.iter().any(|p| tensors.contains(p) || axes.contains(p)) {
        return Err("name-class");
    }
    let mut inputs: Vec<&str> = Vec::new();
    program.iter().flat_map(read).for_each(|name| {
        if !written.contains(name) && !inputs.contains(&name) {
            inputs.push(name);
        }
    });
    order(program, &written)?;
    let mut definitions: Vec<Definition<'_>> = Vec::new();
    for statement in program.iter().rev().filter(|s| !s.name.is_empty()) {
        match definitions.iter_mut().find(|d| d.name == statement.name) {
            Some(definition) => definition.statements.insert(0, statement),
            None => definitions.push(Definition { name: &statement.name, statements: vec![statement] }),
        }
    }
    definitions.reverse();
    let mut outputs: Vec<&str> = Vec::new();
    for statement in program {
        let is_read = program.iter().flat_map(read).any(|name| name == statement.name);
        if !is_read && !outputs.contains(&statement.name.as_str()) {
            outputs.push(&statement.name);
        }
    }
    Ok(Names { inputs, parameters, definitions, outputs })
}

fn named(size: &Size) -> &str {
    match size {
        Size::Parameter(name) | Size::Of(name, _) => name,
        Size::Number(_) => "",
    }
}

/// Checks that no name is read before it has its value or written after it is read, and that `=` is the only definition
/// of a name.
fn order(program: &[Statement], written: &BTreeSet<&str>) -> Result<(), Refusal> {
    let mut so_far: Vec<(&str, Assign)> = Vec::new();
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    for statement in program {
        let ids = statement.reads().into_iter().flat_map(|r| r.ids()).map(|a| a.tensor.as_str());
        let left = statement.left.iter().flat_map(|l| l.index.ids()).map(|a| a.tensor.as_str());
        if ids.chain(left).any(|name| written.contains(name)) {
            return Err("index-computed");
        }
        for name in read(statement) {
            if written.contains(name) && so_far.iter().all(|(other, _)| *other != name) {
                return Err("unknown-name");
            }
            seen.insert(name);
        }
        let earlier = so_far.iter().find(|(name, _)| *name == statement.name);
        let again = earlier.is_some_and(|(_, a)| *a != statement.assign || *a == Assign::Equal);
        if again || seen.contains(statement.name.as_str()) {
            return Err("redefined");
        }
        so_far.push((&statement.name, statement.assign));
    }
    Ok(())
}
