//! Constant operands: plans some of whose operands are given once.

use crate::dynamic::{self, Arguments};
use crate::error::{ConstantsProblem, Error, ErrorKind};
use crate::operand::Operands;
use crate::plan::Plan;
use einfold_ir::TensorType;

impl Plan {
    /// Gives the operands at the positions `at`, in this order, once and for all: a plan for the other operands. The order of the
    /// contraction is searched again, and what is computed from these operands alone is computed now, and
    /// [kept](Plan::kept_bytes).
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
    /// In errors operands are counted without the constants.
    ///
    /// # Errors
    /// [`ErrorKind::Constants`] if `at` are not positions of as many operands as are given, each once, or the plan has constants
    /// already; [`ErrorKind::Bind`] and [`ErrorKind::Conj`] if an operand is not the one that the plan is for;
    /// [`ErrorKind::Stopped`]; and as [`Expression::plan`](crate::Expression::plan).
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

/// Refuses positions that are not those of operands, each once, and another number of them than operands are given.
fn check_positions(at: &[usize], operands: usize, given: usize) -> Result<(), ConstantsProblem> {
    if let Some(&position) = at.iter().find(|&&position| position >= operands) {
        return Err(ConstantsProblem::Position { position, operands });
    }
    if let Some(twice) = (1..at.len()).find(|&k| at[..k].contains(&at[k])) {
        return Err(ConstantsProblem::Twice { position: at[twice] });
    }
    let positions = at.len();
    if positions == given { Ok(()) } else { Err(ConstantsProblem::Count { positions, given }) }
}
