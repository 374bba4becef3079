//! Compiles expressions: the connection to the resolver and the planner.

use crate::arguments::{ArgumentList, Arguments};
use crate::array::AnyArray;
use crate::error::{Error, ErrorKind};
use crate::expression::{Expression, Settings};
use crate::names::Positions;
use crate::output::Output;
use crate::scratch::{parts, with_spare};
use einfold_exec as exec;
use einfold_exec::{AnyView, BindError, CachedOperand, Control, MemoryOrder, NewArray};
use einfold_ir::{Ir, Plan, TensorType};
use einfold_order::{Budget, Order};
use einfold_plan::{Compiled, PlanError, PlanOptions, compile, compile_product};
use einfold_syntax::{SizeQuery, Warning, resolve_to_product, resolve_with_queries};
use smallvec::SmallVec;
use std::sync::{Arc, OnceLock};

/// An expression compiled for operands of certain types.
#[derive(Debug)]
pub(crate) struct CompiledExpression {
    pub(crate) expression: Expression,
    /// The types of the operands, without constants.
    pub(crate) inputs: Arc<[TensorType]>,
    /// The module that the expression resolves to; made on first use if the plan was made without it.
    pub(crate) ir: OnceLock<Ir>,
    /// The values of the size queries, in order.
    pub(crate) answers: Vec<i64>,
    /// The size queries, if they were evaluated on operands.
    pub(crate) queries: Vec<Query>,
    pub(crate) compiled: Compiled,
    /// Values computed from constants, which a run reads after the other operands.
    pub(crate) cached: Vec<CachedOperand>,
    /// The same expression without constants, if some operands are constants.
    pub(crate) whole: Option<Arc<CompiledExpression>>,
}

/// A size query that can be evaluated on other operands.
#[derive(Debug)]
pub(crate) struct Query {
    plan: Plan,
    /// The operands that the query reads, by position.
    operands: Vec<u32>,
}

impl CompiledExpression {
    /// Resolves, orders and plans for operands of these types, with `answer` evaluating size queries: to the value,
    /// and the query if it was evaluated on operands. Without an answer, a shape that depends on values is an error.
    pub(crate) fn new(
        expression: Expression,
        types: Arc<[TensorType]>,
        mut answer: impl FnMut(&Expression, &SizeQuery) -> Result<Option<(i64, Option<Query>)>, Error>,
    ) -> Result<Arc<CompiledExpression>, Error> {
        let inputs = expression.arrange_types(types)?;
        expression.check_options()?;
        let (mut answers, mut queries, mut failed, mut ir) = (Vec::new(), Vec::new(), None, OnceLock::new());
        let compiled = match expression.compile_product(&inputs) {
            Some(compiled) => compiled,
            None => {
                let mut ask = |query: &SizeQuery| {
                    let answer = answer(&expression, query).map_err(|error| failed = Some(error)).ok().flatten()?;
                    answers.push(answer.0);
                    queries.extend(answer.1);
                    Some(answer.0)
                };
                let options = &expression.settings.options;
                let resolved = resolve_with_queries(&expression.ast, &inputs, options, &mut ask, &mut Vec::new());
                failed.map_or(Ok(()), Err)?;
                let module = resolved?;
                let compiled = expression.compile(&module, Vec::new())?;
                ir = module.into();
                compiled
            }
        };
        let (cached, whole) = (Vec::new(), None);
        Ok(Arc::new(CompiledExpression { expression, inputs, ir, answers, queries, compiled, cached, whole }))
    }

    /// As [`new`](CompiledExpression::new), for given operands: size queries are evaluated on them.
    pub(crate) fn for_arguments(expression: Expression, arguments: Arguments<'_>) -> Result<Arc<Self>, Error> {
        let mut list = ArgumentList::default();
        let arguments = expression.arrange(arguments, &mut list)?;
        CompiledExpression::new(expression, arguments.shared_types(), |expression, query| {
            let query = Query::compile(query).map_err(|error| expression.unplanned(error))?;
            let answer = query.evaluate(arguments).map_err(|error| expression.point(error))?;
            Ok(Some((answer, Some(query))))
        })
    }

    /// As [`Expression::arrange`], without the constants.
    pub(crate) fn arrange<'l, 'a: 'l>(
        &self,
        arguments: Arguments<'a>,
        list: &'l mut ArgumentList<'a>,
    ) -> Result<Arguments<'l>, Error> {
        if self.whole.is_none() || !arguments.has_names() {
            return self.expression.arrange(arguments, list);
        }
        let (given, inputs) = (self.expression.operand_names(arguments.operand_names())?.1, &self.inputs);
        let order: Positions = inputs.iter().filter_map(|ty| given.position(ty.name.as_deref()?)).collect();
        if order.len() < inputs.len() {
            return Err(BindError::Operands { expected: inputs.len(), found: order.len() }.into());
        }
        *list = arguments.pick(order);
        Ok(list.arguments())
    }

    /// The module that the expression resolves to.
    pub(crate) fn ir(&self) -> &Ir {
        self.ir.get_or_init(|| self.resolve_again(&mut Vec::new()))
    }

    /// Whether these operands lead to the sizes that the expression was compiled for.
    pub(crate) fn has_sizes_of(&self, arguments: Arguments<'_>) -> Result<bool, Error> {
        if self.answers.is_empty() {
            return Ok(true);
        }
        let mut list = ArgumentList::default();
        let arguments = self.arrange(arguments, &mut list)?;
        for (query, &answer) in self.queries.iter().zip(&self.answers) {
            if query.evaluate(arguments).map_err(|error| self.point(error))? != answer {
                return Ok(false);
            }
        }
        Ok(self.queries.len() == self.answers.len())
    }

    /// Adds the span of the operand to an error of a run. With constants, operands are counted without the constants,
    /// and errors have no span.
    pub(crate) fn point(&self, error: Error) -> Error {
        if self.whole.is_some() { error } else { self.expression.point(error) }
    }

    /// The warnings of the expression.
    pub(crate) fn warnings(&self) -> Vec<Warning> {
        let mut warnings = Vec::new();
        self.resolve_again(&mut warnings);
        warnings
    }

    /// Resolves the expression with the same sizes.
    fn resolve_again(&self, warnings: &mut Vec<Warning>) -> Ir {
        let (mut answers, Expression { ast, settings, .. }) = (self.answers.iter(), &self.expression);
        let mut again = |_: &SizeQuery| answers.next().copied();
        let resolved = resolve_with_queries(ast, &self.inputs, &settings.options, &mut again, warnings);
        debug_assert!(resolved.is_ok(), "a planned expression resolves");
        resolved.unwrap_or_default()
    }

    /// The number of [`parts`] of the plan and of the plans of the size queries.
    pub(crate) fn parts(&self) -> usize {
        parts(&self.compiled.plan) + self.queries.iter().map(|query| parts(&query.plan)).sum::<usize>()
    }
}

impl Expression {
    /// Plans without a module, if the expression is one product and its plan has no choices.
    fn compile_product(&self, inputs: &Arc<[TensorType]>) -> Option<Compiled> {
        let Settings { options, order, budget, passes, .. } = &*self.settings;
        let product = resolve_to_product(&self.ast, inputs, options)?;
        compile_product(product, order, budget, &PlanOptions { passes: *passes, ..PlanOptions::default() })
    }

    /// Orders and plans a module of this expression, with constant operands.
    pub(crate) fn compile(&self, ir: &Ir, constants: Vec<u32>) -> Result<Compiled, Error> {
        let Settings { order, budget, passes, .. } = &*self.settings;
        let options = PlanOptions { passes: *passes, constants, ..PlanOptions::default() };
        compile(ir, order, budget, &options).map_err(|error| self.unplanned(error))
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
        let options = exec::BindOptions::default();
        let mut results = [NewArray::new(output.dtype, &output.extents, MemoryOrder::C).map_err(BindError::Memory)?];
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
