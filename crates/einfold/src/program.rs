//! The two places where the facade meets the compiler and the executor.

use crate::AnyArray;
use crate::call::{CallOptions, Run};
use crate::error::{Error, ErrorKind};
use crate::expression::{Expression, Settings};
use crate::operand::Arguments;
use crate::output::Output;
use einfold_exec as exec;
use einfold_exec::{AnyView, AnyViewMut, BindError, Element, Scratch};
use einfold_ir::{Algebra, Buffer, Dtype, Ir, TensorType};
use einfold_plan::{Compiled, PlanOptions, compile};
use einfold_syntax::{Options, Resolved, SizeQuery, resolve_or_ask};
use ndarray::ArrayD;
use std::cell::Cell;

/// An expression compiled for operands of certain types.
#[derive(Debug)]
pub(crate) struct Program {
    inputs: Vec<TensorType>,
    compiled: Compiled,
}

impl Program {
    /// Resolves, orders and plans.
    pub(crate) fn compile(expression: &Expression, inputs: Vec<TensorType>) -> Result<Program, Error> {
        let ir = expression.resolve(&inputs)?;
        Program::of(expression, &ir, inputs)
    }

    /// As [`compile`](Program::compile), for operands that are at hand: sizes that only their ids tell are looked up.
    pub(crate) fn compile_for(expression: &Expression, arguments: &Arguments<'_>) -> Result<Program, Error> {
        let inputs = arguments.types();
        let mut options = expression.options();
        let ir = loop {
            match resolve_or_ask(&expression.ast, &inputs, &options)? {
                Resolved::Ir(ir) => break ir,
                Resolved::Needs { queries, .. } => {
                    for query in queries {
                        let answer = answer(expression, &query, arguments)?;
                        options.answers.push((query, answer));
                    }
                }
            }
        };
        Program::of(expression, &ir, inputs)
    }

    /// Orders and plans.
    fn of(expression: &Expression, ir: &Ir, inputs: Vec<TensorType>) -> Result<Program, Error> {
        let Settings { order, budget, .. } = &expression.settings;
        let compiled = compile(ir, order, budget, &expression.plan_options())?;
        Ok(Program { inputs, compiled })
    }

    pub(crate) fn inputs(&self) -> &[TensorType] {
        &self.inputs
    }

    pub(crate) fn compiled(&self) -> &Compiled {
        &self.compiled
    }

    /// The buffers of the results.
    pub(crate) fn outputs(&self) -> impl Iterator<Item = &Buffer> {
        let plan = &self.compiled.plan;
        plan.outputs.iter().map(|&id| plan.buffer(id))
    }
}

impl Expression {
    /// What the expression means for operands of these types.
    pub(crate) fn resolve(&self, inputs: &[TensorType]) -> Result<Ir, Error> {
        Ok(einfold_syntax::resolve(&self.ast, inputs, &self.options())?)
    }

    fn options(&self) -> Options {
        let Settings { strict, algebra, .. } = self.settings;
        Options { strict, algebra, ..Options::default() }
    }

    pub(crate) fn plan_options(&self) -> PlanOptions {
        PlanOptions { passes: self.settings.passes, ..PlanOptions::default() }
    }
}

impl Run<'_> {
    /// The dtype and the extents of the result.
    pub fn output(&self) -> (Dtype, &[usize]) {
        self.program.outputs().next().map_or((Dtype::F64, &[]), |buffer| (buffer.dtype, &buffer.extents))
    }

    /// Runs, and returns the result as a new array. Its memory is never zeroed first.
    ///
    /// # Errors
    /// As [`Plan::run`](crate::Plan::run).
    pub fn array<T: Element>(self) -> Result<ArrayD<T>, Error> {
        let order = self.options.order;
        self.bind(true, |plan, ins, options, scratch, control| {
            Ok(exec::evaluate(plan, ins, order, options, scratch, control)?)
        })
    }

    /// Runs, and writes the result to `out`.
    ///
    /// # Errors
    /// As [`Call::into`](crate::Call::into).
    pub fn into(self, out: &mut AnyViewMut<'_>) -> Result<(), Error> {
        self.bind(false, |plan, ins, options, scratch, control| {
            let outs = std::slice::from_mut(out);
            Ok(exec::bind(plan, ins, outs, options, scratch)?.run(control)?)
        })
    }

    /// Calls `go` with what `bind` takes. A result that is new counts against the memory limit.
    fn bind<R>(
        self,
        new: bool,
        go: impl FnOnce(
            &einfold_ir::Plan,
            &[AnyView<'_>],
            &exec::Options<'_>,
            &mut Scratch,
            &exec::Control<'_>,
        ) -> Result<R, Error>,
    ) -> Result<R, Error> {
        let Run { expression, program, arguments, options } = self;
        if let Some(operand) = arguments.conj_mismatch(&program.inputs) {
            let planned = program.inputs[operand].conj;
            return Err(expression.point(ErrorKind::Conj { operand, planned }.into()));
        }
        let plan = &program.compiled.plan;
        let settings = &expression.settings;
        let CallOptions { alpha, beta, scratch, control, order: _ } = options;
        let (alpha, beta) = (program.scalar("alpha", alpha, settings)?, program.scalar("beta", beta, settings)?);
        let (alpha, beta) = (alpha.as_ref().map(|x| x.view()), beta.as_ref().map(|x| x.view()));
        let taken = if new { program.compiled.memory.outputs as u64 } else { 0 };
        let left = |bytes: u64| usize::try_from(bytes.saturating_sub(taken)).unwrap_or(usize::MAX);
        let options = exec::Options {
            alpha: alpha.as_ref(),
            beta: beta.as_ref(),
            semirings: settings.semiring.as_slice(),
            memory: settings.budget.memory_bytes.map(left),
            ..exec::Options::default()
        };
        let go = |scratch: &mut Scratch| go(plan, arguments.views(), &options, scratch, &control);
        let result = match scratch {
            Some(scratch) => go(scratch),
            None => with_spare(go),
        };
        result.map_err(|e| expression.point(e))
    }
}

/// Evaluates a question about ids on the operands. Values beyond `i64` are brought into its range: no array is that long.
fn answer(expression: &Expression, query: &SizeQuery, arguments: &Arguments<'_>) -> Result<i64, Error> {
    let program = Program::of(expression, query.ir(), arguments.types())?;
    let run = Run { expression, program: &program, arguments: *arguments, options: CallOptions::default() };
    Ok(match AnyArray::produce(run)? {
        AnyArray::I8(x) => x.sum().into(),
        AnyArray::I16(x) => x.sum().into(),
        AnyArray::I32(x) => x.sum().into(),
        AnyArray::I64(x) => x.sum(),
        AnyArray::U8(x) => x.sum().into(),
        AnyArray::U16(x) => x.sum().into(),
        AnyArray::U32(x) => x.sum().into(),
        AnyArray::U64(x) => i64::try_from(x.sum()).unwrap_or(i64::MAX),
        other => return Err(ErrorKind::NotBuiltin { output: 0, given: other.dtype() }.into()),
    })
}

thread_local! {
    static SPARE: Cell<Option<Scratch>> = const { Cell::new(None) };
}

/// Bytes up to which the scratch memory of calls that bring none is kept for the next one on the thread. Small calls are
/// those that allocation would dominate.
const KEPT: usize = 1 << 16;

fn with_spare<R>(go: impl FnOnce(&mut Scratch) -> R) -> R {
    // While the thread ends there is no spare one.
    let mut scratch = SPARE.try_with(Cell::take).ok().flatten().unwrap_or_default();
    let result = go(&mut scratch);
    if scratch.bytes() <= KEPT {
        _ = SPARE.try_with(|spare| spare.set(Some(scratch)));
    }
    result
}

impl Program {
    /// A scalar of a call as an element of the dtype that it is multiplied in.
    fn scalar(
        &self,
        name: &'static str,
        value: Option<crate::Scalar>,
        settings: &Settings,
    ) -> Result<Option<crate::scalar::Element>, Error> {
        let Some(value) = value else { return Ok(None) };
        let dtype = self.outputs().next().map_or(Dtype::F64, |buffer| buffer.dtype);
        let wanted = match settings.algebra {
            Algebra::User(user) => user.element,
            Algebra::Builtin { .. } => dtype.accumulator(),
        };
        let refused = || BindError::Scalar { name, wanted };
        Ok(Some(value.as_element(wanted).ok_or_else(refused)?))
    }
}
