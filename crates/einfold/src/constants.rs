//! Constant operands: operands that a plan stores instead of reading them in each call.

use crate::dynamic::{self, Arguments};
use crate::error::{ConstantsProblem, Error, ErrorKind};
use crate::operand::Operands;
use crate::plan::Plan;
use einfold_ir::TensorType;
use std::collections::BTreeSet;

impl Plan {
    /// Binds the operands at the positions `at` as constants, in this order, and returns a plan for the other operands.
    /// It searches the contraction order again and computes intermediates of constants alone once, now; the plan
    /// [stores](Plan::kept_bytes) them.
    ///
    /// ```
    /// use einfold::{Expression, spec};
    /// use einfold::ndarray::{Array1, Array2};
    ///
    /// let (a, b) = (Array2::<f64>::ones([100, 100]), Array2::<f64>::eye(100));
    /// let types = (spec::<f64>([100]), spec::<f64>([100, 100]), spec::<f64>([100, 100]));
    /// let plan = Expression::new("i,ij,jk->k")?.plan(types)?;
    /// let bound = plan.bind_constants(&[1, 2], (&a, &b))?;
    /// for x in 0..3 {
    ///     let y: Array1<f64> = bound.run(&Array1::from_elem(100, f64::from(x)))?;
    ///     assert_eq!(y, Array1::from_elem(100, f64::from(100 * x)));
    /// }
    /// # Ok::<(), einfold::Error>(())
    /// ```
    ///
    /// Errors count operands without the constants.
    ///
    /// # Errors
    /// [`ErrorKind::Constants`] if `at` does not have one distinct valid position for each given operand, or the plan
    /// already has constants; [`ErrorKind::Bind`] and [`ErrorKind::Conj`] if an operand does not have the planned type
    /// or conjugation; [`ErrorKind::Stopped`] if computing the intermediates stops; and as
    /// [`Expression::plan`](crate::Expression::plan).
    pub fn bind_constants(&self, at: &[usize], operands: impl Operands) -> Result<Plan, Error> {
        dynamic::bind_constants(self, at, operands.arguments().arguments())
    }

    pub(crate) fn with_constants(&self, at: &[usize], arguments: Arguments<'_>) -> Result<Plan, Error> {
        if self.has_constants() {
            return Err(ConstantsProblem::Again.into());
        }
        let (expression, types) = (self.expression(), self.input_types());
        check_positions(at, types.len(), arguments.views().len())?;
        let given: Vec<TensorType> = at.iter().map(|&k| types[k].clone()).collect();
        let point = |error: Error| expression.point(error.of_operand(|k| at[k]));
        if let Some(operand) = arguments.conj_mismatch(&given) {
            return Err(point(ErrorKind::Conj { operand, planned: given[operand].conj }.into()));
        }
        let program = self.program().with_constants(expression, at, arguments).map_err(point)?;
        Ok(Plan::new(expression.clone(), program, Some(self.clone())))
    }
}

/// Checks that the positions are valid and distinct, and that there is one for each given operand.
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
