//! A plan: how an expression is computed for operands of certain types.

use crate::array::AnyArray;
use crate::call::Call;
use crate::error::Error;
use crate::expression::Expression;
use crate::operand::Operands;
use crate::output::Outputs;
use crate::program::Program;
use crate::settings::Settings;
use einfold_ir::{Buffer, Cost, Count, Machine, TensorType, Tree};
use einfold_order::SavedOrder;
use einfold_plan::{Explain, Source, saved_order};
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
}

impl Plan {
    pub(crate) fn new(expression: Expression, program: Program) -> Plan {
        Plan(Arc::new(Inner { expression, program }))
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
        Call::new(&self.0.expression, &self.0.program, operands)
    }

    /// The expression, with its options.
    pub fn expression(&self) -> &Expression {
        &self.0.expression
    }

    /// The types that the plan is for, those of a program with their names, in the order of operands without names.
    pub fn input_types(&self) -> &[TensorType] {
        self.0.program.inputs()
    }

    /// Dtype and shape of each result, and in a program its name.
    pub fn output_types(&self) -> Vec<TensorType> {
        let names = self.0.expression.output_names();
        let ty = |(k, b): (usize, &Buffer)| TensorType {
            name: names.get(k).map(|&name| name.into()),
            dtype: b.dtype,
            shape: b.extents.clone(),
            conj: false,
        };
        self.0.program.outputs().enumerate().map(ty).collect()
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
        self.0.program.compiled().cost
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
        self.0.program.compiled().memory.total()
    }

    /// The path in NumPy's linear form: each step names positions in the list of remaining tensors, removes them and appends
    /// its result. The ids of a gather or a scatter are tensors of their own, after the factors, unless all is one step. Where
    /// parentheses or statements make several contractions, the paths of all, one after the other; empty where there is nothing to
    /// order. [`order`](Plan::order) has them apart, with their slices.
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
        saved_order(self.0.program.compiled(), order, budget)
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
    /// [`ErrorKind::Plan`](crate::ErrorKind::Plan) if a pass fails as it runs again to be watched: a defect.
    pub fn explain(&self) -> Result<Explain, Error> {
        let Inner { expression, program } = &*self.0;
        let ast = expression.to_string();
        let source = Source { expression: ast.replace('\n', "; "), ast };
        let explain = Explain::new(source, program.ir(), program.compiled(), &expression.plan_options())?;
        Ok(explain.with_warnings(self.warnings().iter().map(Warning::to_string).collect()))
    }

    /// What is allowed in the expression and is perhaps not meant, such as a sum of `bool`, which is *or*.
    ///
    /// ```
    /// use einfold::{Expression, WarningKind, spec};
    ///
    /// let plan = Expression::new("hits += eq(p[n], t[n])")?.plan((spec::<i64>([9]), spec::<i64>([9])))?;
    /// let warnings = plan.warnings();
    /// assert!(matches!(warnings[0].kind(), WarningKind::SumOfBool { result } if result == "`hits`"));
    /// assert_eq!(warnings[0].suggestions()[0], "hits += 1*eq(p[n], t[n])");
    /// # Ok::<(), einfold::Error>(())
    /// ```
    pub fn warnings(&self) -> Vec<Warning> {
        self.0.program.warnings(&self.0.expression)
    }

    /// What the plan is made of.
    pub(crate) fn parts(&self) -> (&Expression, &Program) {
        (&self.0.expression, &self.0.program)
    }

    /// The contraction trees of the contractions without ids.
    pub(crate) fn without_ids(&self) -> impl Iterator<Item = &Tree> {
        self.0.program.compiled().orders.iter().map(|(_, ordered)| &ordered.tree)
    }

    /// What the questions about ids were answered with, if there were any.
    pub(crate) fn answers(&self) -> &[i64] {
        self.0.program.answers()
    }
}
