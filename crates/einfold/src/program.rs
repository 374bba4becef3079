//! The connection between the facade and the compiler.

use crate::AnyArray;
use crate::dynamic::Arguments;
use crate::error::{Error, ErrorKind};
use crate::expression::Expression;
use crate::output::Output;
use crate::run::with_spare;
use crate::settings::Settings;
use einfold_exec as exec;
use einfold_exec::{AnyView, BindError, CachedOperand, Control, MemoryOrder, NewArray, Scratch};
use einfold_ir::{Ir, Plan, TensorType};
use einfold_order::{Budget, Order};
use einfold_plan::{Compiled, ConstantPlan, PlanError, PlanOptions, Trace, compile, saved_order};
use einfold_syntax::{SizeQuery, Warning, resolve, resolve_with_queries};
use smallvec::SmallVec;
use std::collections::BTreeMap;

/// An expression compiled for operands of certain types.
#[derive(Debug)]
pub(crate) struct Program {
    inputs: Vec<TensorType>,
    /// The module that the expression resolves to.
    ir: Ir,
    /// The values of the size queries, in order.
    answers: Vec<i64>,
    /// The size queries, if they were evaluated on operands.
    queries: Vec<Query>,
    compiled: Compiled,
    /// Cached operands: values computed from constants, which a run reads after the other operands.
    cached: Vec<CachedOperand>,
}

/// A size query that can be evaluated on other operands.
#[derive(Debug)]
struct Query {
    plan: Plan,
    /// The operands that the query reads, by position.
    operands: Vec<u32>,
}

impl Program {
    /// Resolves, orders and plans.
    pub(crate) fn compile(expression: &Expression, inputs: Vec<TensorType>) -> Result<Program, Error> {
        expression.check_options()?;
        let ir = expression.resolve(&inputs)?;
        Program::of(expression, ir, inputs, Vec::new())
    }

    /// As [`compile`](Program::compile), for given operands in order: size queries are evaluated on them.
    pub(crate) fn compile_with(expression: &Expression, arguments: Arguments<'_>) -> Result<Program, Error> {
        let inputs = expression.arrange_types(arguments.types())?;
        let mut queries = Vec::new();
        let program = Program::compile_with_queries(expression, inputs, |query| {
            let query = Query::compile(query).map_err(|error| expression.unplanned(error))?;
            let answer = query.evaluate(arguments).map_err(|error| expression.point(error))?;
            queries.push(query);
            Ok(answer)
        })?;
        Ok(Program { queries, ..program })
    }

    /// As [`compile`](Program::compile), with `answer` evaluating size queries.
    pub(crate) fn compile_with_queries(
        expression: &Expression,
        inputs: Vec<TensorType>,
        mut answer: impl FnMut(&SizeQuery) -> Result<i64, Error>,
    ) -> Result<Program, Error> {
        expression.check_options()?;
        let (mut answers, mut failed) = (Vec::new(), None);
        let mut ask = |query: &SizeQuery| match answer(query) {
            Ok(answer) => {
                answers.push(answer);
                Some(answer)
            }
            Err(error) => {
                failed = Some(error);
                None
            }
        };
        let options = &expression.settings.options;
        let ir = resolve_with_queries(&expression.ast, &inputs, options, &mut ask, &mut Vec::new());
        if let Some(error) = failed {
            return Err(error);
        }
        Program::of(expression, ir?, inputs, answers)
    }

    /// Orders and plans.
    fn of(expression: &Expression, ir: Ir, inputs: Vec<TensorType>, answers: Vec<i64>) -> Result<Program, Error> {
        let Settings { order, budget, .. } = &expression.settings;
        let compiled = compile(&ir, order, budget, &expression.plan_options());
        let compiled = compiled.map_err(|error| expression.unplanned(error))?;
        Ok(Program { inputs, ir, answers, queries: Vec::new(), compiled, cached: Vec::new() })
    }

    /// The same program with the operands at the positions `at` bound as constants. Errors count operands among these.
    pub(crate) fn with_constants(
        &self,
        expression: &Expression,
        at: &[usize],
        arguments: Arguments<'_>,
    ) -> Result<Program, Error> {
        let Settings { order, budget, semiring, .. } = &expression.settings;
        let constants = at.iter().map(|&k| k as u32).collect();
        let options = PlanOptions { constants, trace: true, ..expression.plan_options() };
        let compiled = compile(&self.ir, order, budget, &options).map_err(|error| expression.unplanned(error))?;
        let mut cached = Vec::new();
        if let Some(ConstantPlan { plan, operands }) = &compiled.constant_plan {
            let given: BTreeMap<usize, usize> = at.iter().copied().zip(0..).collect();
            let places: Vec<usize> = operands.iter().filter_map(|&k| given.get(&(k as usize)).copied()).collect();
            let views: Vec<AnyView<'_>> = places.iter().map(|&k| arguments.views()[k].clone()).collect();
            let options = exec::BindOptions { semirings: semiring.as_slice(), ..exec::BindOptions::default() };
            let run = exec::compute_constants(plan, &views, &options, &mut Scratch::new(), &Control::default());
            cached = run.map_err(|error| Error::from(error).of_operand(|k| places[k]))?;
        }
        let inputs = compiled.operands.iter().map(|&k| self.inputs[k as usize].clone()).collect();
        let (ir, answers) = (self.ir.clone(), self.answers.clone());
        Ok(Program { inputs, ir, answers, queries: Vec::new(), compiled, cached })
    }

    /// Cached operands, which a run reads after the operands of the call.
    pub(crate) fn cached_operands(&self) -> impl Iterator<Item = AnyView<'_>> {
        self.cached.iter().map(CachedOperand::view)
    }

    /// The bytes of all cached operands.
    pub(crate) fn cached_bytes(&self) -> usize {
        self.cached.iter().map(CachedOperand::bytes).sum()
    }

    /// Whether the size queries have the same values for these operands.
    pub(crate) fn has_sizes_of(&self, arguments: Arguments<'_>) -> Result<bool, Error> {
        for (query, &answer) in self.queries.iter().zip(&self.answers) {
            if query.evaluate(arguments)? != answer {
                return Ok(false);
            }
        }
        Ok(self.queries.len() == self.answers.len())
    }

    /// The plans of the size queries.
    pub(crate) fn query_plans(&self) -> impl Iterator<Item = &Plan> {
        self.queries.iter().map(|query| &query.plan)
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

    /// The warnings of the expression. It is resolved again with the same sizes.
    pub(crate) fn warnings(&self, expression: &Expression) -> Vec<Warning> {
        let (mut answers, mut warnings) = (self.answers.iter(), Vec::new());
        let (options, mut again) = (&expression.settings.options, |_: &SizeQuery| answers.next().copied());
        let resolved = resolve_with_queries(&expression.ast, &self.inputs, options, &mut again, &mut warnings);
        debug_assert!(resolved.is_ok(), "it was resolved before");
        warnings
    }

    pub(crate) fn compiled(&self) -> &Compiled {
        &self.compiled
    }

    /// The trace of the stages with the form after each. The expression is compiled again along the orders of the plan,
    /// without a search. A plan with constants has orders that differ from those of the expression, so its trace was
    /// recorded when it was compiled.
    pub(crate) fn trace(&self, expression: &Expression, compiled: &Compiled) -> Result<Trace, Error> {
        if compiled.constant_plan.is_some() {
            return Ok(compiled.trace.clone());
        }
        let Settings { order, budget, .. } = &expression.settings;
        let order = Order::Saved(saved_order(compiled, order, budget));
        let options = PlanOptions { trace: true, ..expression.plan_options() };
        let compiled = compile(&self.ir, &order, budget, &options);
        Ok(compiled.map_err(|error| expression.unplanned(error))?.trace)
    }
}

impl Expression {
    /// Resolves the expression for operands of these types.
    pub(crate) fn resolve(&self, inputs: &[TensorType]) -> Result<Ir, Error> {
        Ok(resolve(&self.ast, inputs, &self.settings.options)?)
    }

    pub(crate) fn plan_options(&self) -> PlanOptions {
        PlanOptions { passes: self.settings.passes, ..PlanOptions::default() }
    }
}

impl Query {
    /// Plans with default options: those of the expression, such as a path, do not apply to its size queries.
    fn compile(query: &SizeQuery) -> Result<Query, PlanError> {
        let compiled = compile(query.ir(), &Order::default(), &Budget::default(), &PlanOptions::default())?;
        Ok(Query { plan: compiled.plan, operands: query.operands().to_vec() })
    }

    /// Evaluates the query on the operands. Values beyond `i64` are clamped: no array has such an extent.
    fn evaluate(&self, arguments: Arguments<'_>) -> Result<i64, Error> {
        let Query { plan, operands } = self;
        let ins: SmallVec<[AnyView<'_>; 8]> = operands.iter().map(|&k| arguments.views()[k as usize].clone()).collect();
        let output = plan.buffer(plan.outputs[0]);
        let result = NewArray::new(output.dtype, &output.extents, MemoryOrder::C).map_err(BindError::Memory)?;
        let (mut results, options) = ([result], exec::BindOptions::default());
        with_spare(plan, |scratch| exec::evaluate(plan, &ins, &mut results, &options, scratch, &Control::default()))?;
        let [result] = results;
        Ok(match AnyArray::receive(result, 0)? {
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
}
