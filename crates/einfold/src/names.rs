//! Operands by name: which of those that are given are those that a program reads.

use crate::error::{Error, ErrorKind, NamesProblem};
use crate::expression::Expression;
use crate::operand::Arguments;
use einfold_exec::{AnyView, BindError};
use einfold_ir::TensorType;
use einfold_syntax::{Ast, Options, Program};
use smallvec::SmallVec;
use std::collections::BTreeSet;

/// Positions in a list of operands.
type Positions = SmallVec<[usize; 8]>;

/// The names of operands in ascending order, each with its position.
struct Given<'n>(SmallVec<[(&'n str, usize); 8]>);

impl<'n> Given<'n> {
    fn new(names: &[Option<&'n str>]) -> Given<'n> {
        let mut given: SmallVec<_> = names.iter().enumerate().filter_map(|(k, name)| Some(((*name)?, k))).collect();
        given.sort_unstable();
        Given(given)
    }

    /// The first operand of this name.
    fn position(&self, name: &str) -> Option<usize> {
        let at = self.0.partition_point(|(other, _)| *other < name);
        self.0.get(at).filter(|(other, _)| *other == name).map(|(_, k)| *k)
    }

    /// The first operand whose name an operand before it has.
    fn twice(&self) -> Option<usize> {
        self.0.windows(2).filter(|pair| pair[0].0 == pair[1].0).map(|pair| pair[1].1).min()
    }
}

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
        let given = Given::new(names);
        if let Some(twice) = given.twice() {
            return Err(NamesProblem::Twice { name: names[twice].unwrap_or_default().into() }.into());
        }
        let inputs = program.names().inputs();
        let order: Positions = inputs.iter().filter_map(|&id| given.position(program.name(id))).collect();
        if order.len() == inputs.len() && (order.len() == names.len() || !clashes(program, names, &order)) {
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
        let given = Given::new(names);
        let order: Positions = inputs.iter().filter_map(|ty| given.position(ty.name.as_deref()?)).collect();
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
                Err(ErrorKind::Expression(einfold_syntax::ErrorKind::UnknownSize { name: name.clone(), given: true })
                    .into())
            }
            _ => Ok(()),
        }
    }
}

/// Whether the program has the name of an operand that is none of its inputs.
fn clashes(program: &Program, names: &[Option<&str>], inputs: &[usize]) -> bool {
    let known: BTreeSet<&str> = (0..program.names().classes().len() as u32).map(|id| program.name(id)).collect();
    let inputs: BTreeSet<usize> = inputs.iter().copied().collect();
    let mut others = names.iter().enumerate().filter(|(k, _)| !inputs.contains(k));
    others.any(|(_, name)| name.is_some_and(|name| known.contains(name)))
}
