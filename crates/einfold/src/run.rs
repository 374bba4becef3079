//! Where the facade meets the executor.

use crate::call::{CallOptions, Run};
use crate::error::{Error, ErrorKind};
use crate::output::Slot;
use crate::program::Program;
use crate::settings::Settings;
use einfold_exec as exec;
use einfold_exec::{AnyView, AnyViewMut, BindError, MemoryOrder, NewArray, Scratch};
use einfold_ir::Algebra;
use smallvec::SmallVec;
use std::cell::Cell;

/// The results of a run that are not there yet.
#[derive(Clone, Copy, Debug)]
pub struct Slots<'r> {
    expression: &'r crate::Expression,
    program: &'r Program,
    order: MemoryOrder,
}

impl<'r> Slots<'r> {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.program.compiled().plan.outputs.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The one at a position below [`len`](Slots::len).
    pub(crate) fn at(&self, index: usize) -> Slot<'r> {
        let plan = &self.program.compiled().plan;
        let buffer = plan.buffer(plan.outputs[index]);
        let name = self.expression.output_name(index);
        Slot { index, name, dtype: buffer.dtype, shape: &buffer.extents, order: self.order }
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Slot<'r>> + use<'r> {
        let slots = *self;
        (0..self.len()).map(move |index| slots.at(index))
    }
}

impl<'r> Run<'r> {
    /// What the run will give.
    pub fn all_slots(&self) -> Slots<'r> {
        Slots { expression: self.expression, program: self.program, order: self.options.order }
    }

    /// The same, which are to be this many.
    ///
    /// # Errors
    /// [`ErrorKind::OutputCount`].
    pub fn slots(&self, asked: usize) -> Result<Slots<'r>, Error> {
        let slots = self.all_slots();
        let given = slots.len();
        if given == asked { Ok(slots) } else { Err(ErrorKind::OutputCount { asked, given }.into()) }
    }

    /// Runs, and writes the results to new arrays, one for each slot in order.
    ///
    /// # Errors
    /// As [`Plan::run`](crate::Plan::run).
    pub fn write(self, arrays: &mut [NewArray]) -> Result<(), Error> {
        self.bind(true, |plan, ins, options, scratch, control| {
            Ok(exec::evaluate(plan, ins, arrays, options, scratch, control)?)
        })
    }

    /// Runs, and writes the results to memory of the caller.
    ///
    /// # Errors
    /// As [`Call::into`](crate::Call::into).
    pub fn into(self, outs: &mut [AnyViewMut<'_>]) -> Result<(), Error> {
        self.bind(false, |plan, ins, options, scratch, control| {
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
            &exec::BindOptions<'_>,
            &mut Scratch,
            &exec::Control<'_>,
        ) -> Result<R, Error>,
    ) -> Result<R, Error> {
        let Run { expression, program, arguments, options } = self;
        if let Some(operand) = arguments.conj_mismatch(program.inputs()) {
            let planned = program.inputs()[operand].conj;
            return Err(program.point(expression, ErrorKind::Conj { operand, planned }.into()));
        }
        let compiled = program.compiled();
        let settings = &expression.settings;
        let CallOptions { alpha, beta, scratch, control, order: _ } = options;
        if (alpha.is_some() || beta.is_some()) && !expression.is_scalable() {
            return Err(ErrorKind::NotScalable.into());
        }
        let (alpha, beta) = (program.scalar("alpha", alpha, settings)?, program.scalar("beta", beta, settings)?);
        let (alpha, beta) = (alpha.as_ref().map(|x| x.view()), beta.as_ref().map(|x| x.view()));
        let taken = if new { compiled.memory.outputs as u64 } else { 0 };
        let left = |bytes: u64| usize::try_from(bytes.saturating_sub(taken)).unwrap_or(usize::MAX);
        let options = exec::BindOptions {
            alpha: alpha.as_ref(),
            beta: beta.as_ref(),
            semirings: settings.semiring.as_slice(),
            memory: settings.budget.memory_bytes.map(left),
            ..exec::BindOptions::default()
        };
        let mut all: SmallVec<[AnyView<'_>; 8]> = SmallVec::new();
        let views = match program.is_fixed() {
            false => arguments.views(),
            true => {
                all.extend(arguments.views().iter().cloned().chain(program.kept()));
                &all[..]
            }
        };
        let go = |scratch: &mut Scratch| go(&compiled.plan, views, &options, scratch, &control);
        let result = match scratch {
            Some(scratch) => go(scratch),
            None => with_spare(go),
        };
        result.map_err(|e| program.point(expression, e))
    }
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
        let dtype = self.dtype();
        let wanted = match settings.options.algebra {
            Algebra::User(user) => user.element,
            Algebra::Builtin { .. } => dtype.accumulator(),
        };
        let refused = || BindError::Scalar { name, wanted };
        Ok(Some(value.as_element(wanted).ok_or_else(refused)?))
    }
}
