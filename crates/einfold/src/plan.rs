//! Plans: expressions compiled for operand types.

use crate::arguments::{ArgumentList, Arguments, OperandType, Operands};
use crate::compiled::CompiledExpression;
use crate::error::Error;
use crate::expression::{Expression, Settings};
use crate::operand::Specs;
use crate::output::OutputType;
use einfold_exec::{CachedOperand, schedule};
use einfold_ir::{Cost, Count, Machine, TensorType};
use einfold_order::SavedOrder;
use einfold_plan::{Compiled, Explain, ExplainSource, NamedNetwork, named_network, saved_order};
use einfold_syntax::{Warning, resolve};
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
pub struct Plan(pub(crate) Arc<CompiledExpression>);

impl Plan {
    /// The expression, with its options.
    pub fn expression(&self) -> &Expression {
        &self.0.expression
    }

    /// The types of the operands, with names in a program, in the order of operands without names.
    /// [Constants](Plan::bind_constants) are not included.
    pub fn input_types(&self) -> &[TensorType] {
        &self.0.inputs
    }

    /// Dtype, shape and, in a program, name of each result.
    pub fn output_types(&self) -> Vec<TensorType> {
        let types = self.outputs();
        types.map(|ty| OperandType { dtype: ty.dtype, shape: ty.shape, conj: false, name: ty.name }.into()).collect()
    }

    /// The outputs, in order.
    pub fn outputs(&self) -> impl ExactSizeIterator<Item = OutputType<'_>> {
        let plan = &self.compiled().plan;
        plan.output_types().enumerate().map(|(index, (dtype, shape))| {
            let name = self.0.expression.output_name(index);
            OutputType { index, name, dtype, shape }
        })
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
        self.compiled().plan.machine
    }

    /// The bytes that a run needs in addition to its operands: results, intermediates, and packed blocks of matrix
    /// products. With this number as the [limit](Expression::memory) the plan runs; with less, as long as results and
    /// intermediates fit, it packs smaller blocks. Without a limit a run uses more memory where that is faster.
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
        let Settings { order, budget, .. } = &*self.0.expression.settings;
        saved_order(self.compiled().forms(self.0.ir()), order, budget)
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
    /// [`ErrorKind::Plan`](crate::ErrorKind::Plan) if the stages do not lead to the plan again, which would be a bug.
    pub fn explain(&self) -> Result<Explain, Error> {
        let ast = self.expression().to_string();
        let warnings = self.warnings().iter().map(Warning::to_string).collect();
        let source = ExplainSource { expression: ast.replace('\n', "; "), ast, warnings };
        let schedule = schedule(&self.compiled().plan, self.expression().settings.semiring.as_slice());
        Ok(Explain::new(source, self.0.ir(), self.compiled(), schedule)?)
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
        self.whole().warnings()
    }

    /// The bytes that a plan with [constants](Plan::bind_constants) stores: intermediates of constants alone, and
    /// constants that a run reads directly.
    pub fn kept_bytes(&self) -> usize {
        self.0.cached.iter().map(CachedOperand::bytes).sum()
    }

    /// The expression without constants.
    pub(crate) fn whole(&self) -> &Arc<CompiledExpression> {
        self.0.whole.as_ref().unwrap_or(&self.0)
    }

    pub(crate) fn compiled(&self) -> &Compiled {
        &self.0.compiled
    }
}

/// Plans an expression for these operands, as [`Expression::plan_with`].
///
/// # Errors
/// As [`Expression::plan_with`].
pub fn plan_with(expression: &Expression, arguments: Arguments<'_>) -> Result<Plan, Error> {
    Ok(Plan(CompiledExpression::for_arguments(expression.clone(), arguments)?))
}

impl Expression {
    /// Plans for operands of these types, which are in the order of the operands or have names.
    ///
    /// # Errors
    /// [`ErrorKind::Expression`](crate::ErrorKind::Expression) if the types do not match the expression, or a shape
    /// depends on the values of index tensors; [`ErrorKind::Names`](crate::ErrorKind::Names) if the names of the
    /// operands are not valid; [`ErrorKind::Order`](crate::ErrorKind::Order) if no contraction order satisfies the
    /// options; [`ErrorKind::Plan`](crate::ErrorKind::Plan) if the plan would need more memory than the limit or than
    /// is addressable.
    pub fn plan(&self, types: impl Specs) -> Result<Plan, Error> {
        Ok(Plan(CompiledExpression::new(self.clone(), types.into_types().into(), |_, _| Ok(None))?))
    }

    /// Returns the tensor network of the contraction, for a search of its order apart from planning. The resulting path
    /// can be passed to [`ssa_path`](Expression::ssa_path).
    ///
    /// # Errors
    /// As [`plan`](Expression::plan); [`PlanError::OnePath`](crate::errors::PlanError::OnePath) if several contractions
    /// have more than one possible order.
    pub fn network(&self, types: impl Specs) -> Result<NamedNetwork, Error> {
        self.check_options()?;
        let types = self.arrange_types(types.into_types().into())?;
        Ok(named_network(&resolve(&self.ast, &types, &self.settings.options)?, self.settings.passes)?)
    }

    /// Plans for operands of the same types as these.
    ///
    /// # Errors
    /// As [`plan`](Expression::plan).
    pub fn plan_for(&self, operands: impl Operands) -> Result<Plan, Error> {
        let types = ArgumentList::with(&operands, |arguments| arguments.shared_types());
        Ok(Plan(CompiledExpression::new(self.clone(), types, |_, _| Ok(None))?))
    }

    /// Plans for these operands. A size that depends on the values of index tensors, as in `Y[g[n]] += x[n]`, is
    /// computed from them. The plan also runs on other operands, whose indices must be less than that size.
    ///
    /// # Errors
    /// As [`plan`](Expression::plan), except for shapes that depend on values, and as [`Plan::run`] for the computation
    /// of sizes.
    pub fn plan_with(&self, operands: impl Operands) -> Result<Plan, Error> {
        ArgumentList::with(&operands, |arguments| plan_with(self, arguments))
    }
}
