//! One call of a plan: its operands, its options and its outputs.

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

/// A builder for one call of a plan, made by [`Plan::call`](crate::Plan::call).
///
/// The result is `alpha ⊗ e ⊕ beta ⊗ out` in the algebra of the expression, where `e` is the value of the expression.
/// The factors are available for subscripts, and for programs with one result and only `=` or `+=`:
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

    /// Sets the factor of the value. It is converted to the dtype of the result, which must be able to represent it.
    pub fn alpha(mut self, alpha: impl Into<Scalar>) -> Call<'a, O> {
        self.options.alpha = Some(alpha.into());
        self
    }

    /// Sets the factor of the previous values of the output. It applies to every element, including elements without
    /// contributions. Without `beta` the output is never read.
    pub fn beta(mut self, beta: impl Into<Scalar>) -> Call<'a, O> {
        self.options.beta = Some(beta.into());
        self
    }

    /// Sets the memory for intermediates, which later calls can reuse. With memory that an earlier call has used, a
    /// call on one thread that writes to existing outputs allocates nothing, except for the packing buffer of each
    /// matrix product of floats. This holds for up to twelve operands of up to eight axes.
    pub fn scratch(mut self, scratch: &'a mut Scratch) -> Call<'a, O> {
        self.options.scratch = Some(scratch);
        self
    }

    /// Limits the number of threads of the current rayon pool; 0 means all of them. Results do not depend on the
    /// number.
    pub fn threads(mut self, threads: usize) -> Call<'a, O> {
        self.options.control.threads = NonZeroUsize::new(threads);
        self
    }

    /// Sets the control of the run: cancellation flag, progress callback and thread limit.
    pub fn control(mut self, control: &Control<'a>) -> Call<'a, O> {
        self.options.control = *control;
        self
    }

    /// Sets the memory order of new results. The default is C order, in which the last axis is contiguous.
    pub fn out_order(mut self, order: MemoryOrder) -> Call<'a, O> {
        self.options.order = order;
        self
    }

    /// Runs, and returns the result as a new array, a scalar or an [`AnyArray`], or several results.
    ///
    /// # Errors
    /// As [`Plan::run`](crate::Plan::run).
    pub fn run<A: Outputs>(self) -> Result<A, Error> {
        A::fits(self.plan)?;
        let operands = self.operands.arguments();
        A::receive(dynamic::call(self.plan, operands.arguments(), self.options)?, self.plan)
    }

    /// Runs, and returns one array of any dtype and rank.
    ///
    /// # Errors
    /// As [`Plan::run`](crate::Plan::run).
    pub fn run_any(self) -> Result<AnyArray, Error> {
        self.run()
    }

    /// Runs, and writes the results to memory of the caller. If the run stops early, that memory holds unspecified
    /// values.
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
    /// [`ErrorKind::Bind`](crate::ErrorKind::Bind) if operands or outputs do not have the types of the plan, if `alpha`
    /// or `beta` cannot be represented in the dtype of the result, or if memory cannot be allocated;
    /// [`ErrorKind::Names`](crate::ErrorKind::Names) if the names of operands do not match the program;
    /// [`ErrorKind::NotScalable`](crate::ErrorKind::NotScalable) if the program does not support `alpha` and `beta`;
    /// [`ErrorKind::Stopped`](crate::ErrorKind::Stopped) if the run was cancelled or read an invalid index.
    pub fn into(self, mut out: impl Targets) -> Result<(), Error> {
        let operands = self.operands.arguments();
        dynamic::call_into(self.plan, operands.arguments(), &mut out.views(), self.options)
    }
}
