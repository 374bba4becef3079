//! One call of a plan: its operands, its options and its outputs.

use crate::arguments::{ArgumentList, Arguments, Operands};
use crate::array::AnyArray;
use crate::cache;
use crate::error::Error;
use crate::expression::Expression;
use crate::plan::Plan;
use crate::results::Outputs;
use crate::run::{self, CallOptions};
use crate::scalar::Scalar;
use crate::target::{TargetViews, Targets};
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
    /// matrix product of floats on a CPU without AVX2. This holds for up to twelve operands of up to eight axes.
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
        ArgumentList::with(&self.operands, |arguments| run(self.plan, arguments, self.options))
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
        let mut views = TargetViews::new();
        out.append_to(&mut views);
        ArgumentList::with(&self.operands, |arguments| run::call_into(self.plan, arguments, &mut views, self.options))
    }
}

/// Runs a plan, and converts its results.
pub(crate) fn run<A: Outputs>(plan: &Plan, arguments: Arguments<'_>, options: CallOptions<'_>) -> Result<A, Error> {
    A::fits(plan)?;
    A::receive(run::call(plan, arguments, options)?, plan)
}

impl Plan {
    /// Runs on operands of the planned types. Returns one result of the requested type, or several as a tuple, as a
    /// vector or by name.
    ///
    /// ```
    /// use einfold::{Expression, Results, named};
    /// use einfold::ndarray::{Array1, array};
    ///
    /// let (g, w) = (array![0, 0, 1], array![1.0, 3.0, 5.0]);
    /// let plan = Expression::new("sum[g[n]:2] += w[n]; avg[g[n]:2] mean= w[n]")?.plan_for((&g, &w))?;
    /// let (sum, avg): (Array1<f64>, Array1<f64>) = plan.run((&g, &w))?;
    /// assert_eq!((&sum, &avg), (&array![4.0, 5.0], &array![2.0, 5.0]));
    /// let mut named: Results = plan.run((named("w", &w), named("g", &g)))?;
    /// assert_eq!(named.take::<Array1<f64>>("avg")?, avg);
    /// # Ok::<(), einfold::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Names`](crate::ErrorKind::Names) if the names of operands do not match the program;
    /// [`ErrorKind::OutputCount`](crate::ErrorKind::OutputCount) if the requested number of results is wrong;
    /// [`ErrorKind::Bind`](crate::ErrorKind::Bind) if operands do not have the planned types, or memory cannot be
    /// allocated; [`ErrorKind::OutputDtype`](crate::ErrorKind::OutputDtype) and
    /// [`ErrorKind::OutputRank`](crate::ErrorKind::OutputRank) if a result does not have the requested type;
    /// [`ErrorKind::Stopped`](crate::ErrorKind::Stopped) if an index is out of range.
    pub fn run<A: Outputs>(&self, operands: impl Operands) -> Result<A, Error> {
        self.call(operands).run()
    }

    /// Runs, and returns one array of any dtype and rank.
    ///
    /// # Errors
    /// As [`run`](Plan::run).
    pub fn run_any(&self, operands: impl Operands) -> Result<AnyArray, Error> {
        self.run(operands)
    }

    /// Starts a call with options: factors, scratch memory, threads, existing outputs.
    pub fn call<O: Operands>(&self, operands: O) -> Call<'_, O> {
        Call { plan: self, operands, options: CallOptions::default() }
    }
}

impl Expression {
    /// Plans and runs. Sizes that depend on the values of index tensors are computed first. The plan is
    /// [cached](crate::cache).
    ///
    /// # Errors
    /// As [`plan`](Expression::plan) and [`Plan::run`].
    pub fn run<A: Outputs>(&self, operands: impl Operands) -> Result<A, Error> {
        ArgumentList::with(&operands, |arguments| {
            run(&cache::plan(self, arguments)?, arguments, CallOptions::default())
        })
    }
}
