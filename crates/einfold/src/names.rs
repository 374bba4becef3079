//! Named operands: finding the operands of a program by name.

use crate::arguments::{ArgumentList, Arguments};
use crate::error::{Error, ErrorKind, NamesProblem};
use crate::expression::Expression;
use einfold_exec::BindError;
use einfold_ir::TensorType;
use einfold_syntax::{Ast, Options, Program, resolve};
use smallvec::SmallVec;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Positions in a list of operands.
pub(crate) type Positions = SmallVec<[usize; 8]>;

/// The names of operands in ascending order, each with its position.
pub(crate) struct OperandNames<'n>(SmallVec<[(&'n str, usize); 8]>);

impl<'n> OperandNames<'n> {
    pub(crate) fn new(names: impl Iterator<Item = Option<&'n str>>) -> OperandNames<'n> {
        let mut sorted: SmallVec<_> = names.enumerate().filter_map(|(k, name)| Some((name?, k))).collect();
        sorted.sort_unstable();
        OperandNames(sorted)
    }

    /// The position of the first operand with this name.
    pub(crate) fn position(&self, name: &str) -> Option<usize> {
        let at = self.0.partition_point(|(other, _)| *other < name);
        self.0.get(at).filter(|(other, _)| *other == name).map(|(_, k)| *k)
    }

    /// The name of the first operand whose name an earlier operand already has.
    fn twice(&self) -> Option<&'n str> {
        let again = self.0.windows(2).filter(|pair| pair[0].0 == pair[1].0).map(|pair| pair[1]);
        again.min_by_key(|(_, k)| *k).map(|(name, _)| name)
    }

    /// Whether an operand that is not at one of the positions `inputs` has a name that occurs in the program.
    fn clash(&self, program: &Program, inputs: &[usize]) -> bool {
        let known: BTreeSet<&str> = (0..program.names().classes().len() as u32).map(|id| program.name(id)).collect();
        let inputs: BTreeSet<&usize> = inputs.iter().collect();
        self.0.iter().any(|(name, k)| !inputs.contains(k) && known.contains(name))
    }
}

impl Expression {
    /// Returns the operands in the order in which the program first names them, without operands that the program does
    /// not name: in `list`, or the arguments as they are if they have no names.
    pub(crate) fn arrange<'l, 'a: 'l>(
        &self,
        arguments: Arguments<'a>,
        list: &'l mut ArgumentList<'a>,
    ) -> Result<Arguments<'l>, Error> {
        if !arguments.has_names() {
            return Ok(arguments);
        }
        *list = arguments.pick(self.order_of(arguments.operand_names(), || arguments.types())?);
        Ok(list.arguments())
    }

    /// As [`arrange`](Expression::arrange), for types. The returned types of a program have names.
    pub(crate) fn arrange_types(&self, mut types: Arc<[TensorType]>) -> Result<Arc<[TensorType]>, Error> {
        let names = types.iter().map(|ty| ty.name.as_deref());
        if names.clone().any(|name| name.is_some()) {
            let order = self.order_of(names, || types.to_vec())?;
            types = order.iter().map(|&k| types[k].clone()).collect();
        }
        let Ast::Program(program) = &self.ast else { return Ok(types) };
        let inputs = program.names().inputs();
        if types.len() == inputs.len() {
            let named = |(ty, &id): (&TensorType, _)| TensorType { name: Some(program.name(id).into()), ..ty.clone() };
            types = types.iter().zip(inputs).map(named).collect();
        }
        Ok(types)
    }

    /// The program, and these names of all its operands, which must be distinct.
    pub(crate) fn operand_names<'n>(
        &self,
        mut names: impl Iterator<Item = Option<&'n str>> + Clone,
    ) -> Result<(&Program, OperandNames<'n>), Error> {
        let Ast::Program(program) = &self.ast else {
            let name = names.flatten().next().unwrap_or_default().into();
            return Err(NamesProblem::NotAProgram { name }.into());
        };
        let given = OperandNames::new(names.clone());
        if let Some(operand) = names.position(|name| name.is_none()) {
            return Err(NamesProblem::Unnamed { operand }.into());
        }
        if let Some(name) = given.twice() {
            return Err(NamesProblem::Twice { name: name.into() }.into());
        }
        Ok((program, given))
    }

    /// The position of each input of the program among operands with these names.
    fn order_of<'n>(
        &self,
        names: impl Iterator<Item = Option<&'n str>> + Clone,
        types: impl FnOnce() -> Vec<TensorType>,
    ) -> Result<Positions, Error> {
        let (program, given) = self.operand_names(names)?;
        let (inputs, found) = (program.names().inputs(), given.0.len());
        let order: Positions = inputs.iter().filter_map(|&id| given.position(program.name(id))).collect();
        if order.len() == inputs.len() && (order.len() == found || !given.clash(program, &order)) {
            return Ok(order);
        }
        // An operand is missing, or its name has another meaning in the program. The resolver reports which.
        resolve(&self.ast, &types(), &self.settings.options)?;
        Err(BindError::Operands { expected: inputs.len(), found }.into())
    }

    /// Checks that options of subscripts do not refer to tensor names. The resolver checks those of programs.
    pub(crate) fn check_options(&self) -> Result<(), Error> {
        let Options { sizes, policy, fill, outputs, .. } = &self.settings.options;
        let tensor = policy.keys().chain(fill.keys()).chain(outputs.iter().flatten()).next();
        match (&self.ast, tensor, sizes.keys().next()) {
            (Ast::Letters(_) | Ast::Named(_), Some(name), _) => {
                Err(NamesProblem::NoTensor { name: name.clone() }.into())
            }
            (Ast::Letters(_), None, Some(name)) => {
                let kind = einfold_syntax::ErrorKind::UnknownSize { name: name.clone(), given: true };
                Err(ErrorKind::Expression(kind).into())
            }
            _ => Ok(()),
        }
    }
}
