//! The options of an expression.

use crate::algebra::IntoAlgebra;
use crate::error::Error;
use crate::expression::{Expression, Settings};
use einfold_ir::{Dtype, Literal, Machine, OutOfRange};
use einfold_order::{Budget, Order, SavedOrder};
use einfold_plan::PassSet;
use std::collections::BTreeSet;
use std::str::FromStr;
use std::sync::Arc;

/// A type that specifies the origin of a contraction order: an [`Order`], a [`SavedOrder`], or the name of a strategy.
pub trait IntoOrder {
    /// Converts to an [`Order`].
    ///
    /// # Errors
    /// [`ErrorKind::Order`](crate::ErrorKind::Order) if there is no strategy with this name.
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
    /// Changes the settings, which are copied if another expression shares them.
    fn with(mut self, change: impl FnOnce(&mut Settings)) -> Expression {
        change(Arc::make_mut(&mut self.settings));
        self
    }

    /// Sets whether an axis must have the same size in all operands. By default axes of size 1 broadcast as in NumPy.
    pub fn strict(self, strict: bool) -> Expression {
        self.with(|settings| settings.options.strict = strict)
    }

    /// Sets another sum and product: a marker such as [`MinPlus`](crate::algebra::MinPlus), or your own
    /// [`Semiring`](crate::Semiring).
    pub fn algebra(self, algebra: impl IntoAlgebra) -> Expression {
        self.with(|settings| (settings.options.algebra, settings.semiring) = algebra.into_algebra())
    }

    /// Sets the origin of the contraction order: the name of a [strategy](crate::order::STRATEGIES), an [`Order`], or
    /// the [order](crate::Plan::order) of another plan. Planning checks whether a given order fits the expression.
    ///
    /// # Errors
    /// [`ErrorKind::Order`](crate::ErrorKind::Order) if there is no strategy with this name.
    pub fn order(self, order: impl IntoOrder) -> Result<Expression, Error> {
        let order = order.into_order()?;
        Ok(self.with(|settings| settings.order = order))
    }

    /// Sets the contraction path in NumPy's linear form: each step lists positions in the list of remaining tensors,
    /// removes these tensors and appends its result. Planning checks whether the path is valid.
    pub fn path<S: AsRef<[u32]>>(self, steps: impl IntoIterator<Item = S>) -> Expression {
        let steps = steps.into_iter().map(|s| s.as_ref().to_vec()).collect();
        self.with(|settings| settings.order = Order::Linear(steps))
    }

    /// Sets the contraction path in SSA form: with `n` operands, step `k` makes tensor `n + k`. Each tensor is used
    /// once.
    pub fn ssa_path<S: AsRef<[u32]>>(self, steps: impl IntoIterator<Item = S>) -> Expression {
        let steps = steps.into_iter().map(|s| s.as_ref().to_vec()).collect();
        self.with(|settings| settings.order = Order::Ssa(steps))
    }

    /// Sets the budget of the order search, with the memory limit of runs and the [machine](Expression::machine).
    pub fn budget(self, budget: Budget) -> Expression {
        self.with(|settings| settings.budget = budget)
    }

    /// Limits the bytes that a run may use in addition to its operands, on all threads; results count. If every order
    /// exceeds the limit, the contraction runs in slices, which takes more flops. If slices do not help, planning
    /// returns an error. Operands that are not in C order may need copies that the plan does not count; if these exceed
    /// the limit, the run returns an error before it computes anything.
    pub fn memory(self, bytes: u64) -> Expression {
        self.with(|settings| settings.budget.memory_bytes = Some(bytes))
    }

    /// Sets the machine to plan for, instead of the built-in one: the output of `einfold calibrate`, parsed by
    /// [`machine_from_json`](crate::order::machine_from_json). The machine decides which steps are matrix
    /// products, the effort of the order search, and how work is divided among threads. Results are equal up to
    /// rounding.
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
    pub fn machine(self, machine: Machine) -> Expression {
        self.with(|settings| settings.budget.machine = machine)
    }

    /// Sets the passes that the plan goes through; the default is all. Results are equal up to rounding. This is for
    /// debugging.
    pub fn passes(self, passes: PassSet) -> Expression {
        self.with(|settings| settings.passes = passes)
    }

    /// Sets the dtype that operands are converted to, and that all computations and results have. It must be able to
    /// represent the operands.
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
    pub fn acc(self, dtype: Dtype) -> Expression {
        self.with(|settings| settings.options.acc = Some(dtype))
    }

    /// Sets the value of a size: of an axis of named subscripts, or of a size parameter of a program, such as `K` in
    /// `Y[g[n]:K]`.
    pub fn size(self, name: &str, size: usize) -> Expression {
        self.with(|settings| _ = settings.options.sizes.insert(name.into(), size))
    }

    /// Sets the values of several sizes.
    pub fn sizes<'n>(self, sizes: impl IntoIterator<Item = (&'n str, usize)>) -> Expression {
        sizes.into_iter().fold(self, |expression, (name, size)| expression.size(name, size))
    }

    /// Sets what happens for an index outside its axis: the run stops with an error (the default), the point is
    /// dropped, or a negative index counts from the end.
    pub fn out_of_range(self, policy: OutOfRange) -> Expression {
        self.with(|settings| settings.options.out_of_range = policy)
    }

    /// Sets the same policy for one index tensor alone.
    pub fn out_of_range_in(self, index_tensor: &str, policy: OutOfRange) -> Expression {
        self.with(|settings| _ = settings.options.policy.insert(index_tensor.into(), policy))
    }

    /// Sets the value of positions of the result `name` without contributions, instead of the identity of the
    /// reduction.
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
    pub fn fill(self, name: &str, value: impl Into<Literal>) -> Expression {
        self.with(|settings| _ = settings.options.fill.insert(name.into(), value.into()))
    }

    /// Selects the names of a program that are its results, in this order, each once. By default the results are the
    /// names that the program never reads, in the order of the text. Statements that no result depends on are not
    /// computed.
    pub fn outputs<'n>(self, names: impl IntoIterator<Item = &'n str>) -> Expression {
        let mut seen = BTreeSet::new();
        let asked = names.into_iter().filter(|&name| seen.insert(name)).map(Into::into).collect();
        self.with(|settings| settings.options.outputs = Some(asked))
    }
}

#[cfg(test)]
mod tests {
    use crate::algebra::{MaxPlus, MinPlus};
    use crate::expression::Expression;
    use einfold_ir::{Dtype, Machine, OutOfRange};
    use einfold_order::Budget;
    use einfold_plan::PassSet;

    #[test]
    fn settings_differ_in_every_option() {
        let path: [[u32; 2]; 2] = [[0, 1], [0, 1]];
        let machine = |partitions| move |e: Expression| e.machine(Machine { partitions, ..Machine::default() });
        let options: [&dyn Fn(Expression) -> Expression; 24] = [
            &machine(16),
            &machine(8),
            &|e| e.strict(true),
            &|e| e.algebra(MinPlus),
            &|e| e.algebra(MaxPlus),
            &|e| e.order("greedy").unwrap(),
            &|e| e.order("deep").unwrap(),
            &|e| e.path(path),
            &|e| e.ssa_path(path),
            &|e| e.budget(Budget { seed: 1, ..Budget::default() }),
            &|e| e.memory(1),
            &|e| e.passes(PassSet::NONE),
            &|e| e.acc(Dtype::F32),
            &|e| e.acc(Dtype::F64),
            &|e| e.size("i", 1),
            &|e| e.size("i", 2),
            &|e| e.size("j", 1),
            &|e| e.out_of_range(OutOfRange::Drop),
            &|e| e.out_of_range_in("g", OutOfRange::Drop),
            &|e| e.fill("Y", 0),
            &|e| e.fill("Y", 0.0),
            &|e| e.fill("Y", -0.0),
            &|e| e.fill("Y", f64::NAN),
            &|e| e.outputs(["Y"]),
        ];
        let settings = |option: &dyn Fn(Expression) -> Expression| option(Expression::new("ij").unwrap()).settings;
        assert!(settings(options[0]) == Expression::new("ij").unwrap().settings, "the built-in machine is the default");
        for (a, one) in options.iter().enumerate() {
            for (b, other) in options.iter().enumerate() {
                assert_eq!(settings(one) == settings(other), a == b, "options {a} and {b}");
            }
        }
    }
}
