//! Plans some of whose operands are given once.

use crate::array::AnyArray;
use crate::call::Call;
use crate::error::{ConstantsProblem, Error, ErrorKind};
use crate::expression::Expression;
use crate::operand::{Arguments, Operands};
use crate::output::Outputs;
use crate::plan::Plan;
use crate::program::Program;
use einfold_exec::BindError;
use einfold_ir::{Cost, Count, TensorType};
use std::collections::BTreeSet;
use std::sync::Arc;

/// A plan some of whose operands are given already: what is made of these alone has been computed, and is kept. Made by
/// [`Plan::fix`]; it runs with the other operands, any number of times, from any thread, and is cheap to clone.
#[derive(Clone, Debug)]
pub struct Fixed(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    expression: Expression,
    program: Program,
}

impl Plan {
    /// Gives the operands at the positions `at`, in this order, once and for all. The order of the contraction is searched anew:
    /// what is made of them alone costs nothing any more.
    ///
    /// ```
    /// use einfold::{Expression, spec};
    /// use einfold::ndarray::{Array1, Array2};
    ///
    /// let (a, b) = (Array2::<f64>::ones([100, 100]), Array2::<f64>::eye(100));
    /// let types = (spec::<f64>([100]), spec::<f64>([100, 100]), spec::<f64>([100, 100]));
    /// let plan = Expression::new("i,ij,jk->k")?.plan(types)?;
    /// let fixed = plan.fix(&[1, 2], (&a, &b))?;
    /// for x in 0..3 {
    ///     let y: Array1<f64> = fixed.run(&Array1::from_elem(100, f64::from(x)))?;
    ///     assert_eq!(y, Array1::from_elem(100, f64::from(100 * x)));
    /// }
    /// # Ok::<(), einfold::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Constants`] if `at` are not positions of as many operands as are given, each once; [`ErrorKind::Bind`] and
    /// [`ErrorKind::Conj`] if an operand is not the one that the plan is for; [`ErrorKind::Stopped`]; and as
    /// [`Expression::plan`].
    pub fn fix(&self, at: &[usize], operands: impl Operands) -> Result<Fixed, Error> {
        let mut result = None;
        operands.with(&mut |arguments| result = Some(self.fix_arguments(at, arguments)));
        result.unwrap_or_else(|| Err(BindError::Operands { expected: at.len(), found: 0 }.into()))
    }

    fn fix_arguments(&self, at: &[usize], arguments: Arguments<'_>) -> Result<Fixed, Error> {
        let (expression, program) = self.parts();
        let types = self.input_types();
        check_positions(at, types.len(), arguments.views().len())?;
        let given: Vec<TensorType> = at.iter().map(|&k| types[k].clone()).collect();
        let point = |error: Error| expression.point(error.of_operand(|k| at[k]));
        if let Some(operand) = arguments.conj_mismatch(&given) {
            return Err(point(ErrorKind::Conj { operand, planned: given[operand].conj }.into()));
        }
        let program = program.fix(expression, at, &arguments).map_err(point)?;
        Ok(Fixed(Arc::new(Inner { expression: expression.clone(), program })))
    }
}

/// Refuses positions that are not those of operands, each once, and another number of them than operands are given.
fn check_positions(at: &[usize], operands: usize, given: usize) -> Result<(), ConstantsProblem> {
    if let Some(&position) = at.iter().find(|&&position| position >= operands) {
        return Err(ConstantsProblem::Position { position, operands });
    }
    let mut seen = BTreeSet::new();
    if let Some(&position) = at.iter().find(|&&position| !seen.insert(position)) {
        return Err(ConstantsProblem::Twice { position });
    }
    let positions = at.len();
    if positions == given { Ok(()) } else { Err(ConstantsProblem::Count { positions, given }) }
}

impl Fixed {
    /// Runs on the other operands, in their order or with names, and returns the result as the type that is asked for, as
    /// [`Plan::run`] does.
    ///
    /// # Errors
    /// As [`Plan::run`]; operands are counted without those that are given already.
    pub fn run<A: Outputs>(&self, operands: impl Operands) -> Result<A, Error> {
        self.call(operands).run()
    }

    /// Runs, and returns an array of whatever dtype and rank the result has.
    ///
    /// # Errors
    /// As [`run`](Fixed::run).
    pub fn run_any(&self, operands: impl Operands) -> Result<AnyArray, Error> {
        self.run(operands)
    }

    /// A call with options, as [`Plan::call`] is.
    pub fn call<O: Operands>(&self, operands: O) -> Call<'_, O> {
        Call::new(&self.0.expression, &self.0.program, operands)
    }

    /// The types of the other operands, in their order.
    pub fn input_types(&self) -> &[TensorType] {
        self.0.program.inputs()
    }

    /// What a run costs, whatever the machine.
    pub fn cost(&self) -> Cost {
        self.0.program.compiled().cost
    }

    /// The bytes that a run takes besides its operands and what is kept, as [`Plan::peak_bytes`].
    pub fn peak_bytes(&self) -> Count {
        self.0.program.compiled().memory.total()
    }

    /// The bytes that are kept: what is made of the given operands alone, and those of them that a run reads itself.
    pub fn kept_bytes(&self) -> usize {
        self.0.program.kept_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::check_positions;
    use crate::error::ConstantsProblem;

    #[test]
    fn many_positions_are_checked_each_once() {
        const MANY: usize = 500_000;
        let mut at: Vec<usize> = (0..MANY).rev().collect();
        assert!(check_positions(&at, MANY, MANY).is_ok());
        at[MANY - 1] = 7;
        let twice = check_positions(&at, MANY, MANY);
        assert!(matches!(twice, Err(ConstantsProblem::Twice { position: 7 })));
    }
}
