//! Constant operands: operands that a plan stores instead of reading them in each call.

use crate::arguments::{ArgumentList, Arguments, Operands};
use crate::compiled::CompiledExpression;
use crate::error::{ConstantsProblem, Error};
use crate::plan::Plan;
use einfold_exec::{AnyView, BindOptions, Control, Scratch, compute_constants};
use einfold_ir::TensorType;
use einfold_plan::ConstantPlan;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

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
    /// [`ErrorKind::Constants`](crate::ErrorKind::Constants) if `at` does not have one distinct valid position for each
    /// given operand, an operand has another name than the one at its position, or the plan already has constants;
    /// [`ErrorKind::Bind`](crate::ErrorKind::Bind) and [`ErrorKind::Conj`](crate::ErrorKind::Conj) if an operand does not have the planned type or conjugation;
    /// [`ErrorKind::Stopped`](crate::ErrorKind::Stopped) if computing the intermediates stops; and as
    /// [`Expression::plan`](crate::Expression::plan).
    pub fn bind_constants(&self, at: &[usize], operands: impl Operands) -> Result<Plan, Error> {
        ArgumentList::with(&operands, |arguments| bind_constants(self, at, arguments))
    }
}

/// Binds operands of a plan as constants, as [`Plan::bind_constants`].
///
/// # Errors
/// As [`Plan::bind_constants`].
pub fn bind_constants(plan: &Plan, at: &[usize], arguments: Arguments<'_>) -> Result<Plan, Error> {
    let CompiledExpression { expression, inputs, answers, whole, .. } = &*plan.0;
    if whole.is_some() {
        return Err(ConstantsProblem::Again.into());
    }
    check_positions(at, inputs.len(), arguments.views().len())?;
    for (&position, name) in at.iter().zip(arguments.operand_names()) {
        if let Some(name) = name.filter(|name| inputs[position].name.as_deref() != Some(name)) {
            return Err(ConstantsProblem::Name { name: name.into(), position }.into());
        }
    }
    let point = |error: Error| expression.point(error.of_operand(|k| at[k]));
    let types: Vec<TensorType> = at.iter().map(|&k| inputs[k].clone()).collect();
    arguments.check_conj(&types).map_err(point)?;
    let compiled = expression.compile(plan.0.ir(), at.iter().map(|&k| k as u32).collect()).map_err(point)?;
    let mut cached = Vec::new();
    if let Some(ConstantPlan { plan, operands }) = compiled.constant_plan.as_deref() {
        let given: BTreeMap<usize, usize> = at.iter().copied().zip(0..).collect();
        let read: Vec<usize> = operands.iter().filter_map(|&k| given.get(&(k as usize)).copied()).collect();
        let views: Vec<AnyView<'_>> = read.iter().map(|&k| arguments.views()[k].clone()).collect();
        let semirings = expression.settings.semiring.as_slice();
        let options = BindOptions { semirings, ..BindOptions::default() };
        let run = compute_constants(plan, &views, &options, &mut Scratch::new(), &Control::default());
        cached = run.map_err(|error| point(Error::from(error).of_operand(|k| read[k])))?;
    }
    Ok(Plan(Arc::new(CompiledExpression {
        expression: expression.clone(),
        inputs: compiled.operands.iter().map(|&k| inputs[k as usize].clone()).collect(),
        ir: plan.0.ir.clone(),
        answers: answers.clone(),
        queries: Vec::new(),
        compiled,
        cached,
        whole: Some(plan.0.clone()),
    })))
}

/// Checks that the positions are valid and distinct, and that there is one for each given operand.
fn check_positions(at: &[usize], operands: usize, given: usize) -> Result<(), ConstantsProblem> {
    let (positions, mut seen) = (at.len(), BTreeSet::new());
    if let Some(&position) = at.iter().find(|&&position| position >= operands) {
        return Err(ConstantsProblem::Position { position, operands });
    }
    match at.iter().find(|&position| !seen.insert(position)) {
        Some(&position) => Err(ConstantsProblem::Twice { position }),
        None if positions == given => Ok(()),
        None => Err(ConstantsProblem::Count { positions, given }),
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
