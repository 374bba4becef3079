//! From a program to a module: statement by statement, all contributions to a name at its last one.

mod agree;
mod define;
mod form;
mod given;
mod literal;
mod mistakes;
mod named;
mod nodes;
mod point;
mod product;
mod query;
mod reading;
mod scope;
mod shape;
mod sizes;
mod space;
mod terms;
mod types;

pub(super) use named::named;

use super::{Options, Resolved, bools};
use crate::advice::Edit;
use crate::ast::Program;
use crate::error::{Error, ErrorKind};
use crate::names;
use crate::warning::Warning;
use define::Definition;
use einfold_ir::{Dtype, TensorType};
use form::{Contribution, Tensor};
use given::Given;
use mistakes::Mistakes;
use nodes::Nodes;
use scope::Scope;
use shape::{Asked, Shapes};
use types::Types;

/// A program while it is resolved.
struct Resolving<'a> {
    program: &'a Program,
    options: &'a Options,
    nodes: Nodes,
    tensors: Vec<Tensor>,
    /// The tensor of a name, once there is one.
    tensor_of: Vec<Option<usize>>,
    warnings: &'a mut Vec<Warning>,
}

/// The meaning of a program for inputs of these types.
pub(super) fn program(
    program: &Program,
    inputs: &[TensorType],
    options: &Options,
    warnings: &mut Vec<Warning>,
) -> Result<Resolved, Error> {
    let given = Given { program, inputs, options };
    given.check()?;
    let tensor_of = given.bind()?;
    let outputs = given.outputs()?;
    let mut nodes = Nodes::new();
    let tensors = given.tensors(&mut nodes)?;
    let mut resolving = Resolving { program, options, nodes, tensors, tensor_of, warnings };
    let mut definitions: Vec<&names::Definition> = program.names().definitions().iter().collect();
    definitions.sort_by_key(|definition| definition.statements.last());
    for definition in definitions {
        if let Some(asked) = resolving.define(definition)? {
            return Ok(needs(program.text(), program.name(definition.name), asked));
        }
    }
    for name in outputs {
        let tensor = resolving.tensor_of[name as usize].expect("an output is defined");
        let node = resolving.tensors[tensor].node;
        resolving.nodes.ir.output(node).expect("a name is a node of the top region");
    }
    Ok(Resolved::Ir(resolving.nodes.ir))
}

impl Resolving<'_> {
    /// Adds a name; or gives the questions that must be answered first.
    fn define(&mut self, definition: &names::Definition) -> Result<Option<Vec<Asked>>, Error> {
        let (program, options, tensors) = (self.program, self.options, &self.tensors[..]);
        let name = program.name(definition.name);
        let mistakes = &Mistakes { text: program.text(), tensors };
        let scope = Scope { program, mistakes, sizes: &options.sizes, tensors, tensor_of: &self.tensor_of };
        let statements = definition.statements.iter().map(|&k| scope.contribution(&program.statements()[k]));
        let contributions = statements.collect::<Result<Vec<Contribution>, Error>>()?;
        contributions.iter().try_for_each(|c| reading::check(mistakes, name, c))?;
        let shapes = Shapes { mistakes, tensors, options, contributions: &contributions, name };
        let shape = match shapes.solve()? {
            Ok(shape) => shape,
            Err(asked) => return Ok(Some(asked)),
        };
        let types = Types { mistakes, tensors, acc: options.acc };
        let dtype = types.of_name(&contributions)?;
        if dtype == Dtype::Bool && contributions.iter().any(Contribution::sums) {
            let statement = &program.statements()[definition.statements[0]];
            self.warnings.push(bools::in_statement(program.text(), name, statement));
        }
        let (label, fill) = (name.into(), options.fill.get(name).copied());
        let contributions = &contributions[..];
        let definition_ = Definition { mistakes, tensors, options, types, label, contributions, shape, dtype, fill };
        let node = definition_.build(&mut self.nodes)?;
        let (shown, shape) = (format!("`{name}`"), definition_.shape.shape);
        self.tensor_of[definition.name as usize] = Some(self.tensors.len());
        self.tensors.push(Tensor { name: name.into(), shown, dtype, shape, conj: false, node, input: false });
        Ok(None)
    }
}

/// The questions, and the error that they are where nobody can answer.
fn needs(text: &str, name: &str, asked: Vec<Asked>) -> Resolved {
    let refusal = asked.first().map(|first| {
        let kind = ErrorKind::DataDependentShape { tensor: name.to_string(), axis: first.axis };
        Mistakes { text, tensors: &[] }
            .error(kind, first.span, "one more than the greatest position")
            .help("declare the size after `:`, as in `Y[g[n]:10]`")
            .offer("with size 10", Edit::new(text).after(first.span, ":10").finish())
    });
    let queries = asked.into_iter().map(|asked| asked.query).collect();
    Resolved::Needs { queries, refusal: refusal.expect("there is a question") }
}

#[cfg(test)]
mod tests;
