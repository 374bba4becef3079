//! The options of an expression.

use crate::algebra::IntoAlgebra;
use crate::error::Error;
use crate::expression::Expression;
use einfold_exec::UserSemiring;
use einfold_ir::{Dtype, Literal, Machine, OutOfRange};
use einfold_order::{Budget, Order, SavedOrder};
use einfold_plan::PassSet;
use einfold_syntax::Options;
use std::collections::BTreeSet;
use std::str::FromStr;

/// The options of an [`Expression`].
#[derive(Clone, Debug, Default)]
pub(crate) struct Settings {
    /// Those that belong to the meaning.
    pub(crate) options: Options,
    /// The user's own, if the algebra is one.
    pub(crate) semiring: Option<UserSemiring>,
    pub(crate) order: Order,
    pub(crate) budget: Budget,
    pub(crate) passes: PassSet,
}

/// Whether a plan by the one is a plan by the other; fill values are compared by their bits.
impl PartialEq for Settings {
    fn eq(&self, other: &Settings) -> bool {
        // The semiring follows from the algebra, which is one of the options.
        let Settings { options, semiring: _, order, budget, passes } = self;
        let Options { strict, algebra, acc, sizes, policy, out_of_range, fill, outputs } = options;
        let theirs = &other.options;
        (strict, algebra, acc) == (&theirs.strict, &theirs.algebra, &theirs.acc)
            && (sizes, outputs) == (&theirs.sizes, &theirs.outputs)
            && (policy, out_of_range) == (&theirs.policy, &theirs.out_of_range)
            && fill.iter().map(bits).eq(theirs.fill.iter().map(bits))
            && (budget, passes) == (&other.budget, &other.passes)
            && same_order(order, &other.order)
    }
}

/// A literal as integers: 0.0 is not -0.0, and NaN is NaN.
fn bits<'n>((name, literal): (&'n String, &Literal)) -> (&'n str, Result<i128, u64>) {
    match *literal {
        Literal::Int(value) => (name, Ok(value)),
        Literal::Float(value) => (name, Err(value.to_bits())),
    }
}

fn same_order(a: &Order, b: &Order) -> bool {
    match (a, b) {
        // One strategy may have several addresses.
        (Order::Strategy(a), Order::Strategy(b)) => a.name == b.name,
        (Order::Linear(a), Order::Linear(b)) | (Order::Ssa(a), Order::Ssa(b)) => a == b,
        (Order::Replay(a), Order::Replay(b)) => a == b,
        (Order::Saved(a), Order::Saved(b)) => a == b,
        _ => false,
    }
}

/// Something that says where a contraction order comes from: an [`Order`], a [`SavedOrder`], or the name of a strategy.
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

impl IntoOrder for SavedOrder {
    fn into_order(self) -> Result<Order, Error> {
        Ok(self.into())
    }
}

impl IntoOrder for &str {
    fn into_order(self) -> Result<Order, Error> {
        Ok(Order::from_str(self)?)
    }
}

impl Expression {
    /// Whether an axis must have the same size in all operands. If not, the default, size 1 stretches as in NumPy.
    pub fn strict(mut self, strict: bool) -> Expression {
        self.settings.options.strict = strict;
        self
    }

    /// Evaluates with another sum and product: one of the markers such as [`MinPlus`](crate::algebra::MinPlus), or a
    /// [`Semiring`](crate::Semiring) of yours.
    pub fn algebra(mut self, algebra: impl IntoAlgebra) -> Expression {
        (self.settings.options.algebra, self.settings.semiring) = algebra.into_algebra();
        self
    }

    /// Where the contraction order comes from: the name of a [strategy](crate::order::STRATEGIES), an [`Order`], or the
    /// [order](crate::Plan::order) of another plan. Whether one that is given fits is seen when the expression is planned.
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

    /// What the order search may use, how much memory a run may, and the [machine](Expression::machine).
    pub fn budget(mut self, budget: Budget) -> Expression {
        self.settings.budget = budget;
        self
    }

    /// How many bytes a run may take besides its operands, its result included, on all threads. Where no order keeps to it, the contraction runs
    /// in slices of some axes, which takes more flops; where that does not help, it is an error before anything runs. Operands
    /// that are not in C order may need copies that the plan did not count; then it is one as the run begins.
    pub fn memory(mut self, bytes: u64) -> Expression {
        self.settings.budget.memory_bytes = Some(bytes);
        self
    }

    /// The machine that the plan is for, instead of the built-in one: what `einfold calibrate` measured, as
    /// [`machine_from_json`](crate::order::machine_from_json) reads it. It decides where copies are packed, which steps are matrix
    /// products, how far an order is searched, and how work is shared among threads. The result is the same up to rounding.
    ///
    /// ```
    /// use einfold::order::Machine;
    /// use einfold::{Expression, spec};
    ///
    /// let types = [spec::<f64>([8, 8]), spec::<f64>([8, 8])];
    /// let machine = Machine { partitions: 4, ..Machine::default() };
    /// let plan = Expression::new("ij,jk->ik")?.machine(machine).plan(types)?;
    /// assert_eq!(plan.machine(), machine);
    /// # Ok::<(), einfold::Error>(())
    /// ```
    pub fn machine(mut self, machine: Machine) -> Expression {
        self.settings.budget.machine = machine;
        self
    }

    /// Which passes the plan goes through: all, unless somebody looks for a fault. The result is the same up to rounding.
    pub fn passes(mut self, passes: PassSet) -> Expression {
        self.settings.passes = passes;
        self
    }

    /// The element type that operands are converted to and everything is computed in, which is also that of the results. It
    /// must hold the operands.
    ///
    /// ```
    /// use einfold::ndarray::{Array1, array};
    /// use einfold::{Dtype, Expression};
    ///
    /// let bytes = array![[200_u8, 100], [50, 250]];
    /// let sums: Array1<u32> = Expression::new("ij->i")?.acc(Dtype::U32).run(&bytes)?;
    /// assert_eq!(sums, array![300, 300]);
    /// # Ok::<(), einfold::Error>(())
    /// ```
    pub fn acc(mut self, dtype: Dtype) -> Expression {
        self.settings.options.acc = Some(dtype);
        self
    }

    /// The value of a size: of an axis of named subscripts, of a size parameter of a program, such as `K` in `Y[g[n]:K]`.
    pub fn size(mut self, name: &str, size: usize) -> Expression {
        self.settings.options.sizes.insert(name.into(), size);
        self
    }

    /// The values of several sizes.
    pub fn sizes<'n>(self, sizes: impl IntoIterator<Item = (&'n str, usize)>) -> Expression {
        sizes.into_iter().fold(self, |expression, (name, size)| expression.size(name, size))
    }

    /// What ids outside the axis that they index do: stop the run, which is the default, contribute nothing, or count from the
    /// end.
    pub fn out_of_range(mut self, policy: OutOfRange) -> Expression {
        self.settings.options.out_of_range = policy;
        self
    }

    /// The same for the ids in the operand `ids` alone.
    pub fn out_of_range_in(mut self, ids: &str, policy: OutOfRange) -> Expression {
        self.settings.options.policy.insert(ids.into(), policy);
        self
    }

    /// The value of positions of the result `name` that nothing contributes to, instead of the identity of its reduction.
    ///
    /// ```
    /// use einfold::Expression;
    /// use einfold::ndarray::{Array1, array};
    ///
    /// let (w, g) = (array![-1.0, -2.0], array![2, 2]);
    /// let y: Array1<f64> = Expression::new("Y[g[n]] max= w[n]")?.fill("Y", 0).run((&g, &w))?;
    /// assert_eq!(y, array![0.0, 0.0, -1.0]);
    /// # Ok::<(), einfold::Error>(())
    /// ```
    pub fn fill(mut self, name: &str, value: impl Into<Literal>) -> Expression {
        self.settings.options.fill.insert(name.into(), value.into());
        self
    }

    /// The names of a program that are its results, in this order, each once; without it those that it never reads, in the
    /// order of the text. What they do not need is not computed.
    pub fn outputs<'n>(mut self, names: impl IntoIterator<Item = &'n str>) -> Expression {
        let mut seen = BTreeSet::new();
        let asked = names.into_iter().filter(|&name| seen.insert(name)).map(Into::into).collect();
        self.settings.options.outputs = Some(asked);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::Settings;
    use einfold_ir::Machine;
    use einfold_order::Budget;

    #[test]
    fn a_plan_for_one_machine_is_not_one_for_another() {
        let on = |partitions| {
            let machine = Machine { partitions, ..Machine::default() };
            Settings { budget: Budget { machine, ..Budget::default() }, ..Settings::default() }
        };
        assert!(on(16) == Settings::default() && on(16) != on(8));
    }
}
