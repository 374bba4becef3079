//! A plan: how an expression is computed for operands of certain types.

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
use einfold_ir::{Cost, Count, Machine, TensorType, Tree};
use einfold_order::SavedOrder;
use einfold_plan::{Compiled, Explain, Source, saved_order};
use einfold_syntax::Warning;
use std::sync::Arc;

/// An expression compiled for operands of certain dtypes and shapes. It is immutable, cheap to clone and may be used from any
/// number of threads at once.
///
/// A plan depends on types and options alone, never on the machine or on the strides of the operands: views of any strides
/// may be passed to it.
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
    /// Where some operands are constants, the plan that it was made from.
    whole: Option<Plan>,
}

impl Plan {
    pub(crate) fn new(expression: Expression, program: Program, whole: Option<Plan>) -> Plan {
        Plan(Arc::new(Inner { expression, program, whole }))
    }

    /// The plan for operands that are at hand: sizes that only index tensors tell are looked up.
    pub(crate) fn for_arguments(expression: Expression, arguments: Arguments<'_>) -> Result<Plan, Error> {
        let arranged = expression.arrange(arguments)?;
        let arguments = arranged.as_ref().map_or(arguments, |list| list.arguments());
        let program = Program::compile_with(&expression, arguments)?;
        Ok(Plan::new(expression, program, None))
    }

    /// Runs on operands of the planned types, and returns the result as the type that is asked for, or several in a tuple, a
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
    /// [`ErrorKind::Names`](crate::ErrorKind::Names) if operands have names that do not fit,
    /// [`ErrorKind::OutputCount`](crate::ErrorKind::OutputCount) if there are more or fewer results than are asked for,
    /// [`ErrorKind::Bind`](crate::ErrorKind::Bind) if the operands are not those of the plan or memory is short,
    /// [`ErrorKind::OutputDtype`](crate::ErrorKind::OutputDtype) and [`ErrorKind::OutputRank`](crate::ErrorKind::OutputRank)
    /// if the result is not of the type that is asked for, [`ErrorKind::Stopped`](crate::ErrorKind::Stopped).
    pub fn run<A: Outputs>(&self, operands: impl Operands) -> Result<A, Error> {
        self.call(operands).run()
    }

    /// Runs, and returns an array of whatever dtype and rank the result has.
    ///
    /// # Errors
    /// As [`run`](Plan::run).
    pub fn run_any(&self, operands: impl Operands) -> Result<AnyArray, Error> {
        self.run(operands)
    }

    /// A call with options: factors, scratch memory, threads, an output that is there already.
    pub fn call<O: Operands>(&self, operands: O) -> Call<'_, O> {
        Call::new(self, operands)
    }

    /// The expression, with its options.
    pub fn expression(&self) -> &Expression {
        &self.0.expression
    }

    /// The types that the plan is for, those of a program with their names, in the order of operands without names; without
    /// those of [constants](Plan::bind_constants).
    pub fn input_types(&self) -> &[TensorType] {
        self.0.program.inputs()
    }

    /// Dtype and shape of each result, and in a program its name.
    pub fn output_types(&self) -> Vec<TensorType> {
        let own = |OutputType { name, dtype, shape, .. }| TensorType {
            name: name.map(Into::into),
            dtype,
            shape: <[usize]>::to_vec(shape),
            conj: false,
        };
        self.outputs().map(own).collect()
    }

    /// The outputs, in their order.
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

    /// What the contraction order costs, whatever the machine.
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

    /// The machine that the plan is for: the built-in one, or that of [`Expression::machine`](crate::Expression::machine).
    pub fn machine(&self) -> Machine {
        self.0.program.compiled().plan.machine
    }

    /// The bytes that a run needs besides its operands: the result, intermediates, copies of what does not fold into
    /// matrices, and what a kernel packs on one thread, for operands in C order. With that much as a
    /// [limit](Expression::memory) it runs, on as many threads as there is room for; without a limit it takes more where that is
    /// faster.
    pub fn peak_bytes(&self) -> Count {
        self.compiled().memory.total()
    }

    /// The path in NumPy's linear form: each step names positions in the list of remaining tensors, removes them and appends
    /// its result. The ids of a gather or a scatter are tensors of their own, after the factors, unless all is one step. Where
    /// parentheses or statements make several contractions, the paths of all, one after the other; empty where there is nothing to
    /// order. [`order`](Plan::order) has them apart, with their slices. A plan with [constants](Plan::bind_constants) contracts what
    /// was computed from them with the other operands, and this is the path of that.
    pub fn path(&self) -> Vec<Vec<u32>> {
        self.order().contractions.iter().flat_map(|saved| saved.tree.linear_path()).collect()
    }

    /// The path in SSA form: step `k` of `n` operands makes tensor `n + k`.
    pub fn ssa_path(&self) -> Vec<Vec<u32>> {
        self.order().contractions.iter().flat_map(|saved| saved.tree.steps().to_vec()).collect()
    }

    /// The orders of all contractions with their slices, and what they were found for. Given to
    /// [`Expression::order`](crate::Expression::order), they lead to the same plan without any search. As text it is JSON, which
    /// [`Order::from_json`](crate::Order::from_json) reads.
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

    /// Why the plan is what it is: every stage from the text to the last pass, as text, JSON or DOT. It displays as the plan
    /// with its costs.
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
    /// [`ErrorKind::Plan`](crate::ErrorKind::Plan) if the order of the plan does not lead to a plan again: a defect.
    pub fn explain(&self) -> Result<Explain, Error> {
        let Inner { expression, program, .. } = &*self.0;
        let ast = expression.to_string();
        let source = Source { expression: ast.replace('\n', "; "), ast };
        let trace = program.trace(expression, self.compiled())?;
        let explain = Explain::new(source, program.ir(), self.compiled(), &trace);
        Ok(explain.with_warnings(self.warnings().iter().map(Warning::to_string).collect()))
    }

    /// What is allowed in the expression and is perhaps not meant, such as a sum of `bool`, which is *or*.
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

    /// Whether some operands are given already.
    pub(crate) fn has_constants(&self) -> bool {
        self.0.whole.is_some()
    }

    /// What is read with the operands of a call, after them.
    pub(crate) fn kept(&self) -> impl Iterator<Item = AnyView<'_>> {
        self.0.program.kept()
    }

    /// The bytes that a plan with [constants](Plan::bind_constants) keeps: what is computed from them alone, and those of them
    /// that a run reads itself.
    pub fn kept_bytes(&self) -> usize {
        self.0.program.kept_bytes()
    }

    pub(crate) fn program(&self) -> &Program {
        &self.0.program
    }

    pub(crate) fn compiled(&self) -> &Compiled {
        self.0.program.compiled()
    }

    /// An error of a run, with the place of the operand that it is about. Where some operands are constants, the others are
    /// counted without them, and have no place.
    pub(crate) fn point(&self, error: Error) -> Error {
        if self.has_constants() { error } else { self.0.expression.point(error) }
    }

    /// Whether the sizes that index tensors tell are those of these operands.
    pub(crate) fn has_sizes_of(&self, arguments: Arguments<'_>) -> Result<bool, Error> {
        if self.answers().is_empty() {
            return Ok(true);
        }
        let arranged = self.arrange(arguments)?;
        let arguments = arranged.as_ref().map_or(arguments, |list| list.arguments());
        self.0.program.has_sizes_of(arguments)
    }

    /// The contraction trees of the contractions without ids.
    pub(crate) fn without_ids(&self) -> impl Iterator<Item = &Tree> {
        self.compiled().without_ids().map(|ordered| &ordered.tree)
    }

    /// What the questions about ids were answered with, if there were any.
    pub(crate) fn answers(&self) -> &[i64] {
        self.0.program.answers()
    }
}
