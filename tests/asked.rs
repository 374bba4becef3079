//! Runs a question through the library: parses, resolves, plans and runs it.

use einfold::{
    AnyView, Error, Expression, Outputs, Results,
    algebra::{ALGEBRAS, IntoAlgebra},
    explain::PassSet,
    named,
};
use einfold_ir::Algebra;
use einfold_syntax::{Ast, parse};

use crate::layout::{Array, hold};
use crate::library::tensor;
use crate::num::Tensor;
use crate::sketch::Question;

/// How a question is run. Results must not depend on it.
#[derive(Clone, Debug)]
pub(crate) struct Way {
    pub(crate) passes: PassSet,
    /// The number of threads; 0 means all.
    pub(crate) threads: usize,
}

/// The expression of a question with its options.
fn expression(question: &Question) -> Result<Expression, Error> {
    let options = &question.options;
    let mut expression = Expression::new(&question.text)?.strict(options.strict).out_of_range(options.out_of_range);
    if options.algebra != Algebra::SUM_PRODUCT {
        let algebra = ALGEBRAS.iter().find(|a| a.into_algebra().0 == options.algebra).unwrap();
        expression = expression.algebra(*algebra);
    }
    if let Some(acc) = options.acc {
        expression = expression.acc(acc);
    }
    expression = expression.sizes(options.sizes.iter().map(|(name, size)| (name.as_str(), *size)));
    for (ids, policy) in &options.policy {
        expression = expression.out_of_range_in(ids, *policy);
    }
    for (name, value) in &options.fill {
        expression = expression.fill(name, *value);
    }
    match &options.outputs {
        Some(asked) => Ok(expression.outputs(asked.iter().map(String::as_str))),
        None => Ok(expression),
    }
}

/// The results of a question, run in a given way.
pub(crate) fn run_so<A: Outputs>(question: &Question, way: &Way) -> Result<A, Error> {
    let expression = expression(question)?.passes(way.passes);
    let arrays: Vec<Box<dyn Array>> = question.operands.iter().map(|(_, t, layout)| hold(t, layout)).collect();
    let views = arrays.iter().map(|a| a.view());
    let names: Vec<&str> = question.operands.iter().map(|(name, ..)| name.as_str()).collect();
    let named_operands = matches!(parse(&question.text), Ok(Ast::Program(_))) && !names.contains(&"");
    if named_operands {
        let operands: Vec<_> = names.into_iter().zip(views).map(|(name, view)| named(name, view)).collect();
        expression.plan_with(&operands)?.call(&operands).threads(way.threads).run()
    } else {
        let operands: Vec<AnyView<'_>> = views.collect();
        expression.plan_with(&operands)?.call(&operands).threads(way.threads).run()
    }
}

/// The results of a question.
pub(crate) fn run<A: Outputs>(question: &Question) -> Result<A, Error> {
    run_so(question, &Way { passes: PassSet::ALL, threads: 0 })
}

/// All results by name.
pub(crate) fn tensors(results: Results) -> Vec<(String, Tensor)> {
    let arrays = results.into_arrays().unwrap();
    arrays.into_iter().map(|(name, array)| (name, tensor(&array))).collect()
}
