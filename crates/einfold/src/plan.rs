//! Plans: expressions compiled for operand types.

use crate::array::AnyArray;
use crate::call::Call;
use crate::dynamic::Arguments;
use crate::error::Error;
use crate::expression::Expression;
use crate::operand::Operands;
use crate::output::{OutputType, Outputs};
use crate::program::Program;
use crate::settings::Settings;
use einfold_exec::AnyView;
use einfold_ir::{Cost, Count, Form, Machine, Nest, TensorType, Tree};
use einfold_order::SavedOrder;
use einfold_plan::{Compiled, Explain, ExplainSource, saved_order};
use einfold_syntax::Warning;
use std::sync::Arc;

/// An expression compiled for operands of certain dtypes and shapes. A plan is immutable, cheap to clone, and can be
/// shared between threads.
///
/// A plan depends only on the expression, its options and the operand types. It does not depend on the CPU it is made
/// on or on the strides of operands: a run accepts views with any strides.
///
/// ```
/// use einfold::{Expression, spec};
/// use einfold::ndarray::Array2;
///
/// let chain = Expression::new("ij,jk,kl->il")?;
/// let plan = chain.plan((spec::<f64>([20, 10]), spec::<f64>([10, 30]), spec::<f64>([30, 40])))?;
/// assert_eq!(plan.path(), [[1, 2], [0, 1]]);
/// assert_eq!(plan.cost().flops.exact(), Some(20_000));
///
/// let (a, b, c) = (Array2::<f64>::ones([20, 10]), Array2::<f64>::ones([10, 30]), Array2::<f64>::ones([30, 40]));
/// let y: Array2<f64> = plan.run((&a, &b, &c))?;
/// assert!(y.iter().all(|&y| y == 300.0));
/// # Ok::<(), einfold::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Plan(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    expression: Expression,
    program: Program,
    /// The plan without constants, if some operands are constants.
    whole: Option<Plan>,
}

impl Plan {
    pub(crate) fn new(expression: Expression, program: Program, whole: Option<Plan>) -> Plan {
        Plan(Arc::new(Inner { expression, program, whole }))
    }

    /// Plans for given operands. Sizes that depend on the values of index tensors are computed first.
    pub(crate) fn for_arguments(expression: Expression, arguments: Arguments<'_>) -> Result<Plan, Error> {
        let arranged = expression.arrange(arguments)?;
        let arguments = arranged.as_ref().map_or(arguments, |list| list.arguments());
        let program = Program::compile_with(&expression, arguments)?;
        Ok(Plan::new(expression, program, None))
    }

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
        Call::new(self, operands)
    }

    /// The expression, with its options.
    pub fn expression(&self) -> &Expression {
        &self.0.expression
    }

    /// The types of the operands, with names in a program, in the order of operands without names.
    /// [Constants](Plan::bind_constants) are not included.
    pub fn input_types(&self) -> &[TensorType] {
        self.0.program.inputs()
    }

    /// Dtype, shape and, in a program, name of each result.
    pub fn output_types(&self) -> Vec<TensorType> {
        let own = |OutputType { name, dtype, shape, .. }| TensorType {
            name: name.map(Into::into),
            dtype,
            shape: shape.into(),
            conj: false,
        };
        self.outputs().map(own).collect()
    }

    /// The outputs, in order.
    pub fn outputs(&self) -> impl ExactSizeIterator<Item = OutputType<'_>> {
        (0..self.compiled().plan.outputs.len()).map(|index| self.output(index))
    }

    /// The output at a position.
    pub(crate) fn output(&self, index: usize) -> OutputType<'_> {
        let plan = &self.compiled().plan;
        let buffer = plan.buffer(plan.outputs[index]);
        let name = self.0.expression.output_name(index);
        OutputType { index, name, dtype: buffer.dtype, shape: &buffer.extents }
    }

    /// The cost of the contraction order. It does not depend on the machine.
    ///
    /// ```
    /// # use einfold::{Expression, spec};
    /// let plan = Expression::new("ij,jk->ik")?.plan((spec::<f64>([20, 10]), spec::<f64>([10, 30])))?;
    /// let cost = plan.cost().to_string();
    /// assert_eq!(cost, "flops 6000, largest result 600 elements, written 600, at most 600 at once");
    /// # Ok::<(), einfold::Error>(())
    /// ```
    pub fn cost(&self) -> Cost {
        self.compiled().cost
    }

    /// The machine that the plan was made for: the built-in one, or that of
    /// [`Expression::machine`](crate::Expression::machine).
    pub fn machine(&self) -> Machine {
        self.0.program.compiled().plan.machine
    }

    /// The bytes that a run needs in addition to its operands: results, intermediates, copies of operands that cannot
    /// be folded into matrices, and the packing buffers of one thread, for operands in C order. With this number as the
    /// [limit](Expression::memory) the plan runs, on as many threads as the memory allows. Without a limit a run uses
    /// more memory where that is faster.
    pub fn peak_bytes(&self) -> Count {
        self.compiled().memory.total()
    }

    /// The path in NumPy's linear form: each step lists positions in the list of remaining tensors, removes these
    /// tensors and appends its result. Index tensors of gathers and scatters are tensors of their own, after the
    /// factors, unless the contraction is one step. If parentheses or statements lead to several contractions, their
    /// paths are concatenated; the path is empty if no contraction has a choice of order. [`order`](Plan::order) has
    /// the path of each contraction with its slices. A plan with [constants](Plan::bind_constants) has the path of what
    /// remains: intermediates of the constants and the other operands.
    pub fn path(&self) -> Vec<Vec<u32>> {
        self.order().contractions.iter().flat_map(|saved| saved.tree.linear_path()).collect()
    }

    /// The path in SSA form: with `n` operands, step `k` makes tensor `n + k`.
    pub fn ssa_path(&self) -> Vec<Vec<u32>> {
        self.order().contractions.iter().flat_map(|saved| saved.tree.steps().to_vec()).collect()
    }

    /// The order of every contraction with its slices, and the network that it belongs to. With
    /// [`Expression::order`](crate::Expression::order) it leads to the same plan without a search. Its text form is
    /// JSON, which [`Order::from_json`](crate::Order::from_json) parses.
    ///
    /// ```
    /// use einfold::{Expression, Order, spec};
    ///
    /// let types = [spec::<f64>([64, 64]), spec::<f64>([64, 64]), spec::<f64>([64, 64])];
    /// let sliced = Expression::new("ij,jk,kl->il")?.memory(40_000).plan(&types[..])?;
    /// let text = sliced.order().to_string();
    /// let order = Order::from_json(&text).expect("an order");
    /// let again = Expression::new("ij,jk,kl->il")?.order(order)?.plan(&types[..])?;
    /// assert_eq!((again.order(), again.peak_bytes()), (sliced.order(), sliced.peak_bytes()));
    /// # Ok::<(), einfold::Error>(())
    /// ```
    pub fn order(&self) -> SavedOrder {
        let Settings { order, budget, .. } = &self.0.expression.settings;
        saved_order(self.compiled(), order, budget)
    }

    /// Explains the plan: every stage from the text to the last pass, as text, JSON or DOT. `Display` shows the final
    /// plan with its costs.
    ///
    /// ```
    /// # use einfold::{Expression, spec};
    /// # let plan = Expression::new("ij,jk->ik")?.plan((spec::<f64>([20, 10]), spec::<f64>([10, 30])))?;
    /// println!("{}", plan.explain()?);
    /// # assert!(plan.explain()?.to_string().starts_with("contract ij,jk->ik  (20x10:f64, 10x30:f64)"));
    /// # Ok::<(), einfold::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Plan`](crate::ErrorKind::Plan) if the order does not reproduce the plan, which would be a bug.
    pub fn explain(&self) -> Result<Explain, Error> {
        let Inner { expression, program, .. } = &*self.0;
        let ast = expression.to_string();
        let source = ExplainSource { expression: ast.replace('\n', "; "), ast };
        let trace = program.trace(expression, self.compiled())?;
        let explain = Explain::new(source, program.ir(), self.compiled(), &trace);
        Ok(explain.with_warnings(self.warnings().iter().map(Warning::to_string).collect()))
    }

    /// Warnings about parts of the expression that are valid but may not be meant, such as a sum of `bool`, which is
    /// *or*.
    ///
    /// ```
    /// use einfold::{Expression, spec, explain::WarningKind};
    ///
    /// let plan = Expression::new("hits += eq(p[n], t[n])")?.plan((spec::<i64>([9]), spec::<i64>([9])))?;
    /// let warnings = plan.warnings();
    /// assert!(matches!(warnings[0].kind(), WarningKind::SumOfBool { result } if result == "`hits`"));
    /// assert_eq!(warnings[0].suggestions()[0], "hits += 1*eq(p[n], t[n])");
    /// # Ok::<(), einfold::Error>(())
    /// ```
    pub fn warnings(&self) -> Vec<Warning> {
        self.whole().0.program.warnings(&self.0.expression)
    }

    /// The plan without constants.
    pub(crate) fn whole(&self) -> &Plan {
        self.0.whole.as_ref().unwrap_or(self)
    }

    /// Whether some operands are constants.
    pub(crate) fn has_constants(&self) -> bool {
        self.0.whole.is_some()
    }

    /// Cached operands, which a run reads after the operands of the call.
    pub(crate) fn cached_operands(&self) -> impl Iterator<Item = AnyView<'_>> {
        self.0.program.cached_operands()
    }

    /// The bytes that a plan with [constants](Plan::bind_constants) stores: intermediates of constants alone, and
    /// constants that a run reads directly.
    pub fn kept_bytes(&self) -> usize {
        self.0.program.cached_bytes()
    }

    pub(crate) fn program(&self) -> &Program {
        &self.0.program
    }

    pub(crate) fn compiled(&self) -> &Compiled {
        self.0.program.compiled()
    }

    /// Adds the span of the operand to an error of a run. In a plan with constants, operands are counted without the
    /// constants, and errors have no span.
    pub(crate) fn point(&self, error: Error) -> Error {
        if self.has_constants() { error } else { self.0.expression.point(error) }
    }

    /// Whether these operands lead to the sizes that the plan was made for.
    pub(crate) fn has_sizes_of(&self, arguments: Arguments<'_>) -> Result<bool, Error> {
        if self.answers().is_empty() {
            return Ok(true);
        }
        let arranged = self.arrange(arguments)?;
        let arguments = arranged.as_ref().map_or(arguments, |list| list.arguments());
        self.0.program.has_sizes_of(arguments).map_err(|error| self.point(error))
    }

    /// The number of [`parts`] of the plan and of the plans of its size queries.
    pub(crate) fn parts(&self) -> usize {
        parts(&self.compiled().plan) + self.0.program.query_plans().map(parts).sum::<usize>()
    }

    /// The contraction trees of the contractions without index tensors.
    pub(crate) fn without_selections(&self) -> impl Iterator<Item = &Tree> {
        self.compiled().without_selections().map(|ordered| &ordered.tree)
    }

    /// The values of the size queries, in order.
    pub(crate) fn answers(&self) -> &[i64] {
        self.0.program.answers()
    }
}

/// The number of steps with their axes, reads and operations, to which the memory of a plan and of a bound program is
/// proportional.
pub(crate) fn parts(plan: &einfold_ir::Plan) -> usize {
    let operations = |form: &Form| match form {
        Form::Nest(Nest { expr: Some(expr), .. }) => expr.ops().len(),
        _ => 0,
    };
    plan.steps().map(|(_, step)| 1 + step.axes.len() + step.reads.len() + operations(&step.form)).sum()
}
