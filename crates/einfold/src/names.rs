//! Named operands: finding the operands of a program by name.

use crate::dynamic::{ArgumentList, Arguments};
use crate::error::{Error, ErrorKind, NamesProblem};
use crate::expression::Expression;
use crate::plan::Plan;
use einfold_exec::BindError;
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

    /// The number of the first operand with this name.
    fn position(&self, name: &str) -> Option<usize> {
        let at = self.0.partition_point(|(other, _)| *other < name);
        self.0.get(at).filter(|(other, _)| *other == name).map(|(_, k)| *k)
    }

    /// The number of the first operand whose name an earlier operand already has.
    fn twice(&self) -> Option<usize> {
        self.0.windows(2).filter(|pair| pair[0].0 == pair[1].0).map(|pair| pair[1].1).min()
    }
}

impl Expression {
    /// Returns the named operands in the order in which the program first names them, without operands that the program
    /// does not name. Returns `None` if the operands have no names, and so are already in order.
    pub(crate) fn arrange<'a>(&self, arguments: Arguments<'a>) -> Result<Option<ArgumentList<'a>>, Error> {
        let Some(names) = names(arguments) else { return Ok(None) };
        let order = self.order_of(&names, || arguments.types())?;
        Ok(Some(arguments.pick(order)))
    }

    /// As [`arrange`](Expression::arrange), for types. The returned types of a program have names.
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

    /// The position of each input of the program among operands with these names.
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
        // An operand is missing, or its name has another meaning in the program. The resolver reports which.
        match self.resolve(&types()) {
            Err(error) => Err(error),
            Ok(_) => Err(BindError::Operands { expected: inputs.len(), found: names.len() }.into()),
        }
    }
}

impl Plan {
    /// As [`Expression::arrange`], for plans that may have constant operands.
    pub(crate) fn arrange<'a>(&self, arguments: Arguments<'a>) -> Result<Option<ArgumentList<'a>>, Error> {
        if !self.has_constants() {
            return self.expression().arrange(arguments);
        }
        let Some(names) = names(arguments) else { return Ok(None) };
        let (given, inputs) = (Given::new(&names), self.input_types());
        let order: Positions = inputs.iter().filter_map(|ty| given.position(ty.name.as_deref()?)).collect();
        if order.len() < inputs.len() {
            return Err(BindError::Operands { expected: inputs.len(), found: order.len() }.into());
        }
        Ok(Some(arguments.pick(order)))
    }
}

/// The names of all operands, if at least one has a name.
fn names<'a>(arguments: Arguments<'a>) -> Option<SmallVec<[Option<&'a str>; 12]>> {
    let all = || (0..arguments.views().len()).map(|k| arguments.name(k)).collect();
    arguments.has_names().then(all)
}

impl Expression {
    /// Checks that options of subscripts do not refer to tensor names. The resolver checks those of programs.
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

/// Whether an operand that is not an input has a name that occurs in the program.
fn clashes(program: &Program, names: &[Option<&str>], inputs: &[usize]) -> bool {
    let known: BTreeSet<&str> = (0..program.names().classes().len() as u32).map(|id| program.name(id)).collect();
    let inputs: BTreeSet<usize> = inputs.iter().copied().collect();
    let mut others = names.iter().enumerate().filter(|(k, _)| !inputs.contains(k));
    others.any(|(_, name)| name.is_some_and(|name| known.contains(name)))
}
