//! One call of a plan: operands, options, and where the result goes.

use crate::array::AnyArray;
use crate::dynamic::{self, CallOptions};
use crate::error::Error;
use crate::operand::Operands;
use crate::output::Outputs;
use crate::plan::Plan;
use crate::scalar::Scalar;
use crate::target::Targets;
use einfold_exec::{Control, MemoryOrder, Scratch};
use std::num::NonZeroUsize;

/// A call of a plan that is being put together; made by [`Plan::call`](crate::Plan::call).
///
/// The result is `alpha ⊗ e ⊕ beta ⊗ out` in the expression's own algebra, where `e` is the value of subscripts, or of a program
/// with one result and only `=` or `+=`:
///
/// ```
/// use einfold::{Expression, Scratch};
/// use einfold::ndarray::array;
///
/// let (a, x) = (array![[1.0, 2.0], [3.0, 4.0]], array![1.0, 1.0]);
/// let plan = Expression::new("ij,j->i")?.plan_for((&a, &x))?;
/// let mut y = array![10.0, 20.0];
/// let mut scratch = Scratch::new();
/// plan.call((&a, &x)).alpha(2.0).beta(0.5).scratch(&mut scratch).into(&mut y)?;
/// assert_eq!(y, array![11.0, 24.0]);
/// # Ok::<(), einfold::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "a call does nothing until `run` or `into`"]
pub struct Call<'a, O> {
    plan: &'a Plan,
    operands: O,
    options: CallOptions<'a>,
}

impl<'a, O: Operands> Call<'a, O> {
    pub(crate) fn new(plan: &'a Plan, operands: O) -> Call<'a, O> {
        Call { plan, operands, options: CallOptions::default() }
    }

    /// The factor of the value. It takes on the dtype of the result, which must be able to hold it.
    pub fn alpha(mut self, alpha: impl Into<Scalar>) -> Call<'a, O> {
        self.options.alpha = Some(alpha.into());
        self
    }

    /// The factor of what the output holds. It covers every element, those that no point contributes to included. Without it
    /// the output is never read.
    pub fn beta(mut self, beta: impl Into<Scalar>) -> Call<'a, O> {
        self.options.beta = Some(beta.into());
        self
    }

    /// Memory to use for intermediates, and again in the next call. Once warm, a call into an output on one thread allocates
    /// nothing, but for the packing buffer of each matrix product of floats; this holds up to eight axes an operand.
    pub fn scratch(mut self, scratch: &'a mut Scratch) -> Call<'a, O> {
        self.options.scratch = Some(scratch);
        self
    }

    /// At most so many threads of the current rayon pool; 0 means all of them. Results do not depend on it.
    pub fn threads(mut self, threads: usize) -> Call<'a, O> {
        self.options.control.threads = NonZeroUsize::new(threads);
        self
    }

    /// A hold on the run: a flag that stops it, a function that is told how far it is, a number of threads.
    pub fn control(mut self, control: &Control<'a>) -> Call<'a, O> {
        self.options.control = *control;
        self
    }

    /// The order of a new result in memory; without it C order, the last axis contiguous.
    pub fn out_order(mut self, order: MemoryOrder) -> Call<'a, O> {
        self.options.order = order;
        self
    }

    /// Runs, and returns the result as a new array, a scalar or an [`AnyArray`], or several of them.
    ///
    /// # Errors
    /// As [`Plan::run`](crate::Plan::run).
    pub fn run<A: Outputs>(self) -> Result<A, Error> {
        A::fits(self.plan)?;
        let operands = self.operands.arguments();
        A::receive(dynamic::call(self.plan, operands.arguments(), self.options)?, self.plan)
    }

    /// Runs, and returns an array of whatever dtype and rank the result has.
    ///
    /// # Errors
    /// As [`Plan::run`](crate::Plan::run).
    pub fn run_any(self) -> Result<AnyArray, Error> {
        self.run()
    }

    /// Runs, and writes the results to memory of the caller. If the run stops half way, that memory holds unspecified values.
    ///
    /// ```
    /// use einfold::Expression;
    /// use einfold::ndarray::array;
    ///
    /// let (g, w) = (array![0, 0, 1], array![1.0, 3.0, 5.0]);
    /// let plan = Expression::new("sum[g[n]:2] += w[n]; count[g[n]:2] += 1")?.plan_for((&g, &w))?;
    /// let (mut sum, mut count) = (array![0.0, 0.0], array![0_i64, 0]);
    /// plan.call((&g, &w)).into((&mut sum, &mut count))?;
    /// assert_eq!((sum, count), (array![4.0, 5.0], array![2, 1]));
    /// # Ok::<(), einfold::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Bind`](crate::ErrorKind::Bind) if the operands or the outputs are not those of the plan, `alpha` or `beta`
    /// does not convert to the dtype of the result, or memory is short; [`ErrorKind::Names`](crate::ErrorKind::Names);
    /// [`ErrorKind::NotScalable`](crate::ErrorKind::NotScalable); [`ErrorKind::Stopped`](crate::ErrorKind::Stopped).
    pub fn into(self, mut out: impl Targets) -> Result<(), Error> {
        let operands = self.operands.arguments();
        dynamic::call_into(self.plan, operands.arguments(), &mut out.views(), self.options)
    }
}
