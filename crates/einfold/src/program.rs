//! Where the facade meets the compiler.

use crate::AnyArray;
use crate::call::{CallOptions, Run};
use crate::error::{Error, ErrorKind};
use crate::expression::Expression;
use crate::operand::Arguments;
use crate::output::Outputs;
use crate::settings::Settings;
use einfold_ir::{Buffer, Dtype, Ir, TensorType};
use einfold_order::Order;
use einfold_plan::{Compiled, PlanOptions, compile};
use einfold_syntax::{Resolved, SizeQuery, resolve, resolve_or_ask};

/// An expression compiled for operands of certain types.
#[derive(Debug)]
pub(crate) struct Program {
    inputs: Vec<TensorType>,
    /// What the expression means for them.
    ir: Ir,
    /// What the questions about ids were answered with, in their order.
    answers: Vec<i64>,
    compiled: Compiled,
}

impl Program {
    /// Resolves, orders and plans.
    pub(crate) fn compile(expression: &Expression, inputs: Vec<TensorType>) -> Result<Program, Error> {
        expression.check_options()?;
        let ir = expression.resolve(&inputs)?;
        Program::of(expression, ir, inputs, Vec::new())
    }

    /// As [`compile`](Program::compile), for operands that are at hand: sizes that only their ids tell are looked up.
    pub(crate) fn compile_with(expression: &Expression, arguments: &Arguments<'_>) -> Result<Program, Error> {
        let inputs = expression.arrange_types(arguments.types())?;
        Program::compile_asking(expression, inputs, |query, inputs| answer(expression, query, inputs, arguments))
    }

    /// As [`compile`](Program::compile), where `answer` knows the sizes that ids tell.
    pub(crate) fn compile_asking(
        expression: &Expression,
        inputs: Vec<TensorType>,
        mut answer: impl FnMut(&SizeQuery, &[TensorType]) -> Result<i64, Error>,
    ) -> Result<Program, Error> {
        expression.check_options()?;
        let mut resolved = resolve_or_ask(&expression.ast, &inputs, &expression.settings.options)?;
        let mut options = None;
        loop {
            let queries = match resolved {
                Resolved::Needs { queries, .. } => queries,
                Resolved::Ir(ir) => {
                    let answers = options.map_or_else(Vec::new, |options: einfold_syntax::Options| options.answers);
                    let answers = answers.into_iter().map(|(_, answer)| answer).collect();
                    return Program::of(expression, ir, inputs, answers);
                }
            };
            let options = options.get_or_insert_with(|| expression.settings.options.clone());
            for query in queries {
                let answer = answer(&query, &inputs)?;
                options.answers.push((query, answer));
            }
            resolved = resolve_or_ask(&expression.ast, &inputs, options)?;
        }
    }

    /// Orders and plans.
    fn of(expression: &Expression, ir: Ir, inputs: Vec<TensorType>, answers: Vec<i64>) -> Result<Program, Error> {
        let Settings { order, budget, .. } = &expression.settings;
        let compiled = compile(&ir, order, budget, &expression.plan_options())?;
        Ok(Program { inputs, ir, answers, compiled })
    }

    pub(crate) fn inputs(&self) -> &[TensorType] {
        &self.inputs
    }

    pub(crate) fn ir(&self) -> &Ir {
        &self.ir
    }

    pub(crate) fn answers(&self) -> &[i64] {
        &self.answers
    }

    pub(crate) fn compiled(&self) -> &Compiled {
        &self.compiled
    }

    /// The buffers of the results.
    pub(crate) fn outputs(&self) -> impl Iterator<Item = &Buffer> {
        let plan = &self.compiled.plan;
        plan.outputs.iter().map(|&id| plan.buffer(id))
    }

    /// The dtype of the first result.
    pub(crate) fn dtype(&self) -> Dtype {
        self.outputs().next().map_or(Dtype::F64, |buffer| buffer.dtype)
    }
}

impl Expression {
    /// What the expression means for operands of these types.
    pub(crate) fn resolve(&self, inputs: &[TensorType]) -> Result<Ir, Error> {
        Ok(resolve(&self.ast, inputs, &self.settings.options)?)
    }

    pub(crate) fn plan_options(&self) -> PlanOptions {
        PlanOptions { passes: self.settings.passes, ..PlanOptions::default() }
    }
}

/// Evaluates a question about ids on the operands. Values beyond `i64` are brought into its range: no array is that long.
fn answer(
    expression: &Expression,
    query: &SizeQuery,
    inputs: &[TensorType],
    arguments: &Arguments<'_>,
) -> Result<i64, Error> {
    // A path that the caller gives is one for the expression.
    let settings = Settings { order: Order::default(), ..Settings::default() };
    let asked = Expression { settings, ..expression.clone() };
    let program = Program::of(&asked, query.ir().clone(), inputs.to_vec(), Vec::new())?;
    let run = Run { expression: &asked, program: &program, arguments: *arguments, options: CallOptions::default() };
    Ok(match AnyArray::produce(run)? {
        AnyArray::I8(x) => x.sum().into(),
        AnyArray::I16(x) => x.sum().into(),
        AnyArray::I32(x) => x.sum().into(),
        AnyArray::I64(x) => x.sum(),
        AnyArray::U8(x) => x.sum().into(),
        AnyArray::U16(x) => x.sum().into(),
        AnyArray::U32(x) => x.sum().into(),
        AnyArray::U64(x) => i64::try_from(x.sum()).unwrap_or(i64::MAX),
        AnyArray::F64(x) => x.sum() as i64,
        other => return Err(ErrorKind::NotBuiltin { output: 0, given: other.dtype() }.into()),
    })
}
