//! The types that all results of a run can have together.

use crate::error::{Error, ErrorKind};
use crate::lists::for_each_tuple;
use crate::output::{Arrays, Output, OutputType};
use crate::plan::Plan;
use einfold_exec::NewArray;

/// The results of a run: one [`Output`], a tuple of two to eight, a vector of results of one type, or
/// [`Results`](crate::Results), which are accessed by name.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not the type of the results of einfold",
    label = "not the type of a result, or of several",
    note = "a result is an `Array<T, D>` of ndarray 0.17 (`einfold::ndarray`), such as `Array2<f64>`, a scalar, or an `AnyArray`; several are a tuple, a `Vec` or `Results`",
    note = "name it where the result goes: `let y: Array2<f64> = einsum(..)?` or `einsum::<Array2<f64>>(..)?`",
    note = "of an `Array1`, `to_vec` makes a `Vec`"
)]
pub trait Outputs: Sized {
    /// Checks, before a run, that the results of a plan have these types.
    ///
    /// # Errors
    /// [`ErrorKind::OutputCount`] if the number of results differs, and the errors of [`Output::fits`].
    fn fits(plan: &Plan) -> Result<(), Error>;

    /// Converts the results of a run of the plan.
    ///
    /// # Errors
    /// As [`fits`](Outputs::fits).
    fn receive(arrays: Arrays, plan: &Plan) -> Result<Self, Error>;
}

/// Checks the number of the outputs of a plan, and each with its function.
fn check(plan: &Plan, fits: &[fn(&OutputType<'_>) -> Result<(), Error>]) -> Result<(), Error> {
    let (asked, given) = (fits.len(), plan.outputs().len());
    if given != asked {
        return Err(ErrorKind::OutputCount { asked, given }.into());
    }
    plan.outputs().zip(fits).try_for_each(|(output, fits)| fits(&output))
}

/// Converts the next of `N` arrays.
fn next<A: Output, const N: usize>(arrays: &mut impl Iterator<Item = (usize, NewArray)>) -> Result<A, Error> {
    let (output, array) = arrays.next().ok_or(ErrorKind::OutputCount { asked: N, given: 0 })?;
    A::receive(array, output)
}

impl<A: Output> Outputs for A {
    fn fits(plan: &Plan) -> Result<(), Error> {
        check(plan, &[A::fits])
    }

    fn receive(arrays: Arrays, _plan: &Plan) -> Result<A, Error> {
        next::<A, 1>(&mut (0..).zip(arrays))
    }
}

impl<A: Output> Outputs for Vec<A> {
    fn fits(plan: &Plan) -> Result<(), Error> {
        plan.outputs().try_for_each(|output| A::fits(&output))
    }

    fn receive(arrays: Arrays, _plan: &Plan) -> Result<Vec<A>, Error> {
        (0..).zip(arrays).map(|(output, array)| A::receive(array, output)).collect()
    }
}

macro_rules! tuples {
    ($($name:ident)+) => {
        impl<$($name: Output),+> Outputs for ($($name,)+) {
            fn fits(plan: &Plan) -> Result<(), Error> {
                check(plan, &[$($name::fits),+])
            }

            fn receive(arrays: Arrays, _plan: &Plan) -> Result<Self, Error> {
                const COUNT: usize = [$(stringify!($name)),+].len();
                let mut arrays = (0..).zip(arrays);
                Ok(($(next::<$name, COUNT>(&mut arrays)?,)+))
            }
        }
    };
}

for_each_tuple!(2..=8, tuples);
