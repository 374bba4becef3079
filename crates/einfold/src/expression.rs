//! An expression: what is to be computed, whatever the operands.

use crate::algebra::IntoAlgebra;
use crate::call::{CallOptions, Run};
use crate::error::Error;
use crate::operand::Operands;
use crate::output::Output;
use crate::plan::Plan;
use crate::program::Program;
use crate::spec::Specs;
use einfold_exec::{BindError, UserSemiring};
use einfold_ir::Algebra;
use einfold_order::{Budget, Order};
use einfold_plan::PassSet;
use einfold_syntax::{Ast, Span};
use std::fmt;
use std::str::FromStr;

/// A parsed expression with its options, ready to be planned for operands of any shape.
///
/// The options say how it is evaluated, never what the result is up to rounding; only [`strict`](Expression::strict) and
/// [`algebra`](Expression::algebra) belong to its meaning.
///
/// ```
/// use einfold::{Expression, MinPlus};
/// use einfold::ndarray::{Array2, array};
///
/// let inf = f64::INFINITY;
/// let w = array![[0.0, 3.0, inf], [inf, 0.0, 1.0], [2.0, inf, 0.0]];
/// let two_steps: Array2<f64> = Expression::new("ij,jk->ik")?.algebra(MinPlus).run((&w, &w))?;
/// assert_eq!(two_steps, array![[0.0, 3.0, 4.0], [3.0, 0.0, 1.0], [2.0, 5.0, 0.0]]);
/// # Ok::<(), einfold::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Expression {
    pub(crate) ast: Ast,
    pub(crate) settings: Settings,
}

/// The options of an [`Expression`].
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) strict: bool,
    pub(crate) algebra: Algebra,
    pub(crate) semiring: Option<UserSemiring>,
    pub(crate) order: Order,
    pub(crate) budget: Budget,
    pub(crate) passes: PassSet,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            strict: false,
            algebra: Algebra::SUM_PRODUCT,
            semiring: None,
            order: Order::default(),
            budget: Budget::default(),
            passes: PassSet::ALL,
        }
    }
}

/// Something that says where a contraction order comes from: an [`Order`], or the name of a strategy.
pub trait IntoOrder {
    /// The order.
    ///
    /// # Errors
    /// [`ErrorKind::Order`](crate::ErrorKind::Order) if no strategy has this name.
    fn into_order(self) -> Result<Order, Error>;
}

impl IntoOrder for Order {
    fn into_order(self) -> Result<Order, Error> {
        Ok(self)
    }
}

impl IntoOrder for &str {
    fn into_order(self) -> Result<Order, Error> {
        Ok(Order::from_str(self)?)
    }
}

impl Expression {
    /// Parses a text such as `ij,jk->ik`.
    ///
    /// # Errors
    /// [`ErrorKind::Expression`](crate::ErrorKind::Expression), which points at the place in the text.
    pub fn new(text: &str) -> Result<Expression, Error> {
        Ok(Expression { ast: einfold_syntax::parse(text)?, settings: Settings::default() })
    }

    /// The expression with these integer labels for each operand and for the output, without text: any number of labels.
    /// Without an output it has the labels that are used exactly once, in ascending order.
    ///
    /// # Errors
    /// As [`new`](Expression::new); places are in the printed form, `[0 1], [1 2] -> [0 2]`.
    pub fn labels(operands: &[&[u32]], output: Option<&[u32]>) -> Result<Expression, Error> {
        Ok(Expression { ast: einfold_syntax::from_labels(operands, output)?, settings: Settings::default() })
    }

    /// Whether an axis must have the same size in all operands. If not, the default, size 1 stretches as in NumPy.
    pub fn strict(mut self, strict: bool) -> Expression {
        self.settings.strict = strict;
        self
    }

    /// Evaluates with another sum and product: one of the markers such as [`MinPlus`](crate::MinPlus), or a
    /// [`Semiring`](crate::Semiring) of yours.
    pub fn algebra(mut self, algebra: impl IntoAlgebra) -> Expression {
        (self.settings.algebra, self.settings.semiring) = algebra.into_algebra();
        self
    }

    /// Where the contraction order comes from: the name of a [strategy](crate::STRATEGIES), or an [`Order`].
    ///
    /// # Errors
    /// [`ErrorKind::Order`](crate::ErrorKind::Order) if no strategy has this name.
    pub fn order(mut self, order: impl IntoOrder) -> Result<Expression, Error> {
        self.settings.order = order.into_order()?;
        Ok(self)
    }

    /// Contracts along this path, in NumPy's linear form: each step names positions in the list of remaining tensors, removes
    /// them and appends its result. Whether it fits is seen when the expression is planned.
    pub fn path<S: AsRef<[u32]>>(mut self, steps: impl IntoIterator<Item = S>) -> Expression {
        self.settings.order = Order::Linear(steps.into_iter().map(|s| s.as_ref().to_vec()).collect());
        self
    }

    /// Contracts along this path in SSA form: step `k` of `n` operands makes tensor `n + k`, and each is used once.
    pub fn ssa_path<S: AsRef<[u32]>>(mut self, steps: impl IntoIterator<Item = S>) -> Expression {
        self.settings.order = Order::Ssa(steps.into_iter().map(|s| s.as_ref().to_vec()).collect());
        self
    }

    /// What the order search may use, and how much memory a run may.
    pub fn budget(mut self, budget: Budget) -> Expression {
        self.settings.budget = budget;
        self
    }

    /// How many bytes a run may need besides its operands, its result included. More is an error before anything runs.
    pub fn memory(mut self, bytes: u64) -> Expression {
        self.settings.budget.memory_bytes = Some(bytes);
        self
    }

    /// Which passes the plan goes through: all, unless somebody looks for a fault. The result is the same up to rounding.
    pub fn passes(mut self, passes: PassSet) -> Expression {
        self.settings.passes = passes;
        self
    }

    /// The source: the text as it was given, or the printed form of integer labels.
    pub fn text(&self) -> &str {
        match &self.ast {
            Ast::Letters(subscripts) => subscripts.text(),
            _ => "",
        }
    }

    /// Plans for operands of these types.
    ///
    /// # Errors
    /// [`ErrorKind::Expression`](crate::ErrorKind::Expression) where the types do not fit the expression,
    /// [`ErrorKind::Order`](crate::ErrorKind::Order) where there is no order,
    /// [`ErrorKind::Plan`](crate::ErrorKind::Plan) where it would need more memory than allowed or addressable.
    pub fn plan(&self, types: impl Specs) -> Result<Plan, Error> {
        Plan::new(self.clone(), types.into_types())
    }

    /// Plans for operands of the types of these.
    ///
    /// # Errors
    /// As [`plan`](Expression::plan).
    pub fn plan_for(&self, operands: impl Operands) -> Result<Plan, Error> {
        let mut types = Vec::new();
        operands.with(&mut |arguments| types = arguments.types());
        self.plan(types)
    }

    /// Plans and runs.
    ///
    /// # Errors
    /// As [`plan`](Expression::plan) and [`Plan::run`].
    pub fn run<A: Output>(&self, operands: impl Operands) -> Result<A, Error> {
        let mut result = None;
        operands.with(&mut |arguments| {
            let program = Program::compile_for(self, &arguments);
            result = Some(program.and_then(|program| {
                A::produce(Run { expression: self, program: &program, arguments, options: CallOptions::default() })
            }));
        });
        result.unwrap_or_else(|| Err(BindError::Operands { expected: self.operands(), found: 0 }.into()))
    }

    /// How many operands there are.
    pub fn operands(&self) -> usize {
        match &self.ast {
            Ast::Letters(subscripts) => subscripts.terms().len(),
            Ast::Named(named) => named.terms().len(),
            Ast::Program(program) => program.names().inputs().len(),
            _ => 0,
        }
    }

    /// Where operand `k` is written.
    pub(crate) fn place(&self, operand: usize) -> Option<Span> {
        match &self.ast {
            Ast::Letters(subscripts) => subscripts.terms().get(operand).map(|term| term.span),
            Ast::Named(named) => named.terms().get(operand).map(|term| term.span),
            _ => None,
        }
    }

    /// An error about an operand, with the place of its term.
    pub(crate) fn point(&self, error: Error) -> Error {
        match error.kind().operand().and_then(|operand| self.place(operand)) {
            Some(span) => error.at(self.text(), span),
            None => error,
        }
    }
}

impl fmt::Display for Expression {
    /// The canonical form: without white space, or as lists of integers.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.ast.fmt(f)
    }
}
