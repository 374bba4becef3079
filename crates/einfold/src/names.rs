//! Operands by name: which of those that are given are those that a program reads.

use crate::error::{Error, ErrorKind, NamesProblem};
use crate::expression::Expression;
use crate::operand::Arguments;
use einfold_exec::{AnyView, BindError};
use einfold_ir::TensorType;
use einfold_syntax::{Ast, Options, Program};
use smallvec::SmallVec;

/// Positions in a list of operands.
type Positions = SmallVec<[usize; 8]>;

impl Expression {
    /// Brings named operands into the order in which the program first names them, without those that it does not name, and
    /// calls `then` with them. Operands without names are in order.
    pub(crate) fn arrange<R>(
        &self,
        arguments: Arguments<'_>,
        then: impl FnOnce(Arguments<'_>) -> Result<R, Error>,
    ) -> Result<R, Error> {
        let names = arguments.names;
        if names.iter().all(Option::is_none) {
            return then(arguments);
        }
        let order = self.order_of(names, || arguments.types())?;
        let views: SmallVec<[AnyView<'_>; 8]> = order.iter().map(|&k| arguments.views[k].clone()).collect();
        let conj: SmallVec<[bool; 16]> = order.iter().map(|&k| arguments.conj[k]).collect();
        let names: SmallVec<[Option<&str>; 8]> = order.iter().map(|&k| names[k]).collect();
        then(Arguments { views: &views, conj: &conj, names: &names })
    }

    /// As [`arrange`](Expression::arrange), for types. Those of a program come back with their names.
    pub(crate) fn arrange_types(&self, mut types: Vec<TensorType>) -> Result<Vec<TensorType>, Error> {
        if types.iter().any(|ty| ty.name.is_some()) {
            let names: SmallVec<[Option<&str>; 8]> = types.iter().map(|ty| ty.name.as_deref()).collect();
            let order = self.order_of(&names, || types.clone())?;
            let arranged = order.iter().map(|&k| types[k].clone()).collect();
            drop(names);
            types = arranged;
        }
        let Ast::Program(program) = &self.ast else { return Ok(types) };
        let inputs = program.names().inputs();
        if types.len() == inputs.len() {
            types.iter_mut().zip(inputs).for_each(|(ty, &id)| ty.name = Some(program.name(id).into()));
        }
        Ok(types)
    }

    /// Where each input of the program is among operands of these names.
    fn order_of(&self, names: &[Option<&str>], types: impl FnOnce() -> Vec<TensorType>) -> Result<Positions, Error> {
        let Ast::Program(program) = &self.ast else {
            let named = names.iter().flatten().next().copied().unwrap_or_default();
            return Err(NamesProblem::NotAProgram { name: named.into() }.into());
        };
        if let Some(operand) = names.iter().position(Option::is_none) {
            return Err(NamesProblem::Unnamed { operand }.into());
        }
        if let Some(twice) = (1..names.len()).find(|&k| names[..k].contains(&names[k])) {
            return Err(NamesProblem::Twice { name: names[twice].unwrap_or_default().into() }.into());
        }
        let inputs = program.names().inputs();
        let position = |&id: &u32| names.iter().position(|name| *name == Some(program.name(id)));
        let order: Positions = inputs.iter().filter_map(position).collect();
        if order.len() == inputs.len() && !clashes(program, names, &order) {
            return Ok(order);
        }
        // An operand that is missing, or whose name is something else in the program: what that is, the resolver says.
        match self.resolve(&types()) {
            Err(error) => Err(error),
            Ok(_) => Err(BindError::Operands { expected: inputs.len(), found: names.len() }.into()),
        }
    }
}

impl crate::program::Program {
    /// As [`Expression::arrange`], where some operands of the program may be given already.
    pub(crate) fn arrange<R>(
        &self,
        expression: &Expression,
        arguments: Arguments<'_>,
        then: impl FnOnce(Arguments<'_>) -> Result<R, Error>,
    ) -> Result<R, Error> {
        let Arguments { views, conj, names } = arguments;
        if !self.is_fixed() || names.iter().all(Option::is_none) {
            return expression.arrange(arguments, then);
        }
        let inputs = self.inputs();
        let place = |ty: &TensorType| names.iter().position(|name| name.is_some() && *name == ty.name.as_deref());
        let order: Positions = inputs.iter().filter_map(place).collect();
        if order.len() < inputs.len() {
            return Err(BindError::Operands { expected: inputs.len(), found: order.len() }.into());
        }
        let views: SmallVec<[AnyView<'_>; 8]> = order.iter().map(|&k| views[k].clone()).collect();
        let conj: SmallVec<[bool; 16]> = order.iter().map(|&k| conj[k]).collect();
        let names: SmallVec<[Option<&str>; 8]> = order.iter().map(|&k| names[k]).collect();
        then(Arguments { views: &views, conj: &conj, names: &names })
    }

    /// An error of a run, with the place of the operand that it is about. Where some operands are given already, the others are
    /// counted without them, and have no place.
    pub(crate) fn point(&self, expression: &Expression, error: Error) -> Error {
        if self.is_fixed() { error } else { expression.point(error) }
    }
}

impl Expression {
    /// Refuses options about names where there are none: a program checks its own.
    pub(crate) fn check_options(&self) -> Result<(), Error> {
        let Options { sizes, policy, fill, outputs, .. } = &self.settings.options;
        if matches!(self.ast, Ast::Program(_)) {
            return Ok(());
        }
        if let Some(name) = policy.keys().chain(fill.keys()).chain(outputs.iter().flatten()).next() {
            return Err(NamesProblem::NoTensor { name: name.clone() }.into());
        }
        match sizes.keys().next() {
            Some(name) if matches!(self.ast, Ast::Letters(_)) => {
                Err(ErrorKind::Expression(einfold_syntax::ErrorKind::UnknownSize { name: name.clone() }).into())
            }
            _ => Ok(()),
        }
    }
}

/// Whether the program has the name of an operand that is none of its inputs.
fn clashes(program: &Program, names: &[Option<&str>], inputs: &[usize]) -> bool {
    let known = |name: &str| (0..program.names().classes().len() as u32).any(|id| program.name(id) == name);
    names.iter().enumerate().any(|(k, name)| !inputs.contains(&k) && name.is_some_and(known))
}
