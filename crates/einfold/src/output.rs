//! The types that results can have.

use crate::array::AnyArray;
use crate::builtin::for_each_builtin;
use crate::dynamic::Arrays;
use crate::error::{Error, ErrorKind};
use crate::plan::Plan;
use crate::tuples::for_each_tuple;
use einfold_exec::{Element, NewArray};
use einfold_ir::Dtype;
use ndarray::{Array, Dimension};

/// Name, dtype and shape of one output of a plan.
#[derive(Clone, Copy, Debug)]
pub struct OutputType<'r> {
    /// The position of the output, from 0.
    pub index: usize,
    /// The name of the result, in a program.
    pub name: Option<&'r str>,
    /// The dtype of the elements.
    pub dtype: Dtype,
    /// The shape: the extent of each axis.
    pub shape: &'r [usize],
}

impl OutputType<'_> {
    fn check_dtype(&self, asked: Dtype) -> Result<(), Error> {
        let OutputType { index: output, dtype: given, .. } = *self;
        if given == asked { Ok(()) } else { Err(ErrorKind::OutputDtype { output, asked, given }.into()) }
    }

    /// Checks the rank of the output; `None` accepts every rank.
    fn check_rank(&self, asked: Option<usize>) -> Result<(), Error> {
        let (output, given) = (self.index, self.shape.len());
        match asked.filter(|&asked| asked != given) {
            Some(asked) => Err(ErrorKind::OutputRank { output, asked, given }.into()),
            None => Ok(()),
        }
    }
}

/// A type that one result can have: `Array<T, D>` of static or dynamic dimension, a scalar for a result of rank 0, or
/// [`AnyArray`] if dtype and rank are not known at compile time.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not the type of a result of einfold",
    label = "not the type of a result",
    note = "a result is an `Array<T, D>` of ndarray 0.17 (`einfold::ndarray`), such as `Array2<f64>`, a scalar, or an `AnyArray`",
    note = "name it where the result goes: `let y: Array2<f64> = einsum(..)?` or `einsum::<Array2<f64>>(..)?`",
    note = "of an `Array1`, `to_vec` makes a `Vec`"
)]
pub trait Output: Sized {
    /// Checks that a result has this type.
    ///
    /// # Errors
    /// [`ErrorKind::OutputDtype`], [`ErrorKind::OutputRank`] or [`ErrorKind::NotBuiltin`] if it has another type.
    fn fits(output: &OutputType<'_>) -> Result<(), Error>;

    /// Converts the result of a run, which is the output at a position, to this type.
    ///
    /// # Errors
    /// As [`fits`](Output::fits).
    fn receive(array: NewArray, output: usize) -> Result<Self, Error>;
}

impl<T: Element, D: Dimension> Output for Array<T, D> {
    fn fits(output: &OutputType<'_>) -> Result<(), Error> {
        output.check_dtype(T::dtype())?;
        output.check_rank(D::NDIM)
    }

    fn receive(array: NewArray, output: usize) -> Result<Array<T, D>, Error> {
        let given = array.dtype();
        let array = array.into_array().ok_or(ErrorKind::OutputDtype { output, asked: T::dtype(), given })?;
        let (asked, given) = (D::NDIM.unwrap_or(0), array.ndim());
        array.into_dimensionality().map_err(|_| ErrorKind::OutputRank { output, asked, given }.into())
    }
}

macro_rules! outputs {
    ($($tag:ident: $element:ty,)+) => {
        impl Output for AnyArray {
            fn fits(output: &OutputType<'_>) -> Result<(), Error> {
                match output.dtype {
                    $(Dtype::$tag => Ok(()),)+
                    given => Err(ErrorKind::NotBuiltin { output: output.index, given }.into()),
                }
            }

            fn receive(array: NewArray, output: usize) -> Result<AnyArray, Error> {
                match array.dtype() {
                    $(Dtype::$tag => Output::receive(array, output).map(AnyArray::$tag),)+
                    given => Err(ErrorKind::NotBuiltin { output, given }.into()),
                }
            }
        }

        $(
            impl Output for $element {
                fn fits(output: &OutputType<'_>) -> Result<(), Error> {
                    output.check_dtype(Dtype::$tag)?;
                    output.check_rank(Some(0))
                }

                fn receive(array: NewArray, output: usize) -> Result<$element, Error> {
                    let array: ndarray::Array0<$element> = Output::receive(array, output)?;
                    Ok(array.into_scalar())
                }
            }
        )+
    };
}

for_each_builtin!(outputs);

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

/// The outputs of a plan, if their number is `N`.
fn exactly<const N: usize>(plan: &Plan) -> Result<[OutputType<'_>; N], Error> {
    let given = plan.outputs().len();
    match given == N {
        true => Ok(std::array::from_fn(|index| plan.output(index))),
        false => Err(ErrorKind::OutputCount { asked: N, given }.into()),
    }
}

/// Converts the next of `N` arrays.
fn next<A: Output, const N: usize>(arrays: &mut impl Iterator<Item = (usize, NewArray)>) -> Result<A, Error> {
    let (output, array) = arrays.next().ok_or(ErrorKind::OutputCount { asked: N, given: 0 })?;
    A::receive(array, output)
}

impl<A: Output> Outputs for A {
    fn fits(plan: &Plan) -> Result<(), Error> {
        let [output] = exactly(plan)?;
        A::fits(&output)
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
                #[expect(non_snake_case, reason = "each output is bound to the name of its type")]
                let [$($name),+] = exactly(plan)?;
                $($name::fits(&$name)?;)+
                Ok(())
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
