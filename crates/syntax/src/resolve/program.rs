//! Lowers programs and named subscripts to a module. A name is lowered at its last statement, from all contributions.

mod ambiguity;
mod desugar;
mod errors;
mod factors;
mod hir;
mod infer_dtype;
mod infer_extents;
mod infer_shape;
mod inputs;
mod iteration_space;
mod literal;
mod lower_definition;
mod lower_terms;
mod named;
mod nodes;
mod pointwise;
mod size_query;
mod unify_extents;

pub(super) use named::named;

use super::{AnswerQuery, Options, bool_sums};
use crate::ast::Definition;
use crate::ast::Program;
use crate::edit::Edit;
use crate::error::{Error, ErrorKind};
use crate::warning::Warning;
use desugar::Desugarer;
use einfold_ir::{Dtype, Ir, TensorType};
use errors::ProgramErrors;
use hir::{Contribution, Tensor};
use infer_dtype::DtypeInference;
use infer_shape::{QueriedSize, QueryAnswers, ShapeInference};
use inputs::ProgramInputs;
use lower_definition::NameLowering;
use nodes::Nodes;
use std::collections::HashMap;

/// The state of the lowering of a program.
struct ProgramResolver<'a> {
    program: &'a Program,
    options: &'a Options,
    nodes: Nodes,
    tensors: Vec<Tensor>,
    /// The tensor of each name that is defined or given.
    tensor_of: Vec<Option<usize>>,
    warnings: &'a mut Vec<Warning>,
    answer: &'a mut AnswerQuery<'a>,
    answers: QueryAnswers,
}

/// Lowers a program for inputs of these types.
pub(super) fn program<'a>(
    program: &'a Program,
    inputs: &[TensorType],
    options: &'a Options,
    answer: &'a mut AnswerQuery<'a>,
    warnings: &'a mut Vec<Warning>,
) -> Result<Ir, Error> {
    let given = ProgramInputs { program, inputs, options };
    given.check()?;
    let tensor_of = given.bind()?;
    let outputs = given.outputs()?;
    let mut nodes = Nodes::new();
    let tensors = given.tensors(&mut nodes)?;
    let answers = HashMap::new();
    let mut resolving = ProgramResolver { program, options, nodes, tensors, tensor_of, warnings, answer, answers };
    let mut definitions: Vec<&Definition> = program.names().definitions().iter().collect();
    definitions.sort_by_key(|definition| definition.statements.last());
    for definition in definitions {
        resolving.define(definition)?;
    }
    for name in outputs {
        let tensor = resolving.tensor_of[name as usize].expect("an output is defined");
        let node = resolving.tensors[tensor].node;
        resolving.nodes.ir.output(node).expect("a name is a node of the top region");
    }
    Ok(resolving.nodes.ir)
}

impl ProgramResolver<'_> {
    /// Lowers one name, after answers to the size queries of its shape.
    fn define(&mut self, definition: &Definition) -> Result<(), Error> {
        let (program, options, tensors) = (self.program, self.options, &self.tensors[..]);
        let name = program.name(definition.name);
        let errors = &ProgramErrors { text: program.text(), tensors };
        let desugarer = Desugarer { program, errors, sizes: &options.sizes, tensors, tensor_of: &self.tensor_of };
        let statements = definition.statements.iter().map(|&k| desugarer.contribution(&program.statements()[k]));
        let contributions = statements.collect::<Result<Vec<Contribution>, Error>>()?;
        contributions.iter().try_for_each(|c| ambiguity::check(errors, name, c))?;
        let shapes = ShapeInference { errors, tensors, options, contributions: &contributions, name };
        let shape = loop {
            match shapes.solve(&self.answers)? {
                Ok(shape) => break shape,
                Err(queried) => {
                    for queried in queried {
                        let answer =
                            (self.answer)(&queried.query).ok_or_else(|| errors.data_dependent(name, &queried))?;
                        self.answers.insert(queried.query.key(), answer);
                    }
                }
            }
        };
        let types = DtypeInference { errors, tensors, acc: options.acc };
        let dtype = types.of_name(&contributions)?;
        if dtype == Dtype::Bool && contributions.iter().any(Contribution::sums) {
            let statement = &program.statements()[definition.statements[0]];
            self.warnings.push(bool_sums::in_statement(program.text(), name, statement));
        }
        let (label, fill) = (name.into(), options.fill.get(name).copied());
        let contributions = &contributions[..];
        let lowering = NameLowering { errors, tensors, options, types, label, contributions, shape, dtype, fill };
        let node = lowering.build(&mut self.nodes)?;
        let (shown, shape) = (format!("`{name}`"), lowering.shape.shape);
        self.tensor_of[definition.name as usize] = Some(self.tensors.len());
        self.tensors.push(Tensor { name: name.into(), shown, dtype, shape, conj: false, node });
        Ok(())
    }
}

impl ProgramErrors<'_> {
    /// The error of a size that depends on an index tensor whose values are unknown.
    fn data_dependent(&self, name: &str, queried: &QueriedSize) -> Error {
        let kind = ErrorKind::DataDependentShape { tensor: name.to_string(), axis: queried.axis };
        self.error(kind, queried.span, "one more than the greatest position")
            .help("declare the size after `:`, as in `Y[g[n]:10]`")
            .candidate("with size 10", Edit::new(self.text).after(queried.span, ":10").finish())
    }
}

#[cfg(test)]
mod tests;
