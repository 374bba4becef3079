//! The types that results can have.

use crate::array::AnyArray;
use crate::error::{Error, ErrorKind};
use crate::lists::for_each_builtin;
use einfold_exec::{Element, NewArray};
use einfold_ir::Dtype;
use ndarray::{Array, Array0, Dimension};
use smallvec::SmallVec;

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
    /// Checks the dtype and the rank; `None` accepts every rank.
    fn check(&self, dtype: Dtype, rank: Option<usize>) -> Result<(), Error> {
        let OutputType { index: output, dtype: given, shape, .. } = *self;
        if given != dtype {
            return Err(ErrorKind::OutputDtype { output, asked: dtype, given }.into());
        }
        match rank.filter(|&rank| rank != shape.len()) {
            Some(asked) => Err(ErrorKind::OutputRank { output, asked, given: shape.len() }.into()),
            None => Ok(()),
        }
    }
}

/// The results of a run, in order. A single result needs no allocation for the list.
pub type Arrays = SmallVec<[NewArray; 1]>;

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
        output.check(T::dtype(), D::NDIM)
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
                    <Array0<$element> as Output>::fits(output)
                }

                fn receive(array: NewArray, output: usize) -> Result<$element, Error> {
                    <Array0<$element> as Output>::receive(array, output).map(Array0::into_scalar)
                }
            }
        )+
    };
}

for_each_builtin!(outputs);
