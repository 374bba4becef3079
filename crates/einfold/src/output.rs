//! What a result can be: a new array of a type that the caller names, or memory that the caller has.

use crate::array::AnyArray;
use crate::builtin::for_each_builtin;
use crate::call::Run;
use crate::error::{Error, ErrorKind};
use einfold_exec::{AnyViewMut, Element};
use einfold_ir::Dtype;
use ndarray::{Array, ArrayBase, ArrayRef, ArrayViewMut, DataMut, Dimension};

/// A type that a run can return: `Array<T, D>` of any static or dynamic dimension, a scalar for a result without axes, or
/// [`AnyArray`] where nothing is known beforehand.
pub trait Output: Sized {
    /// Runs and returns the result.
    ///
    /// # Errors
    /// [`ErrorKind::OutputDtype`] and [`ErrorKind::OutputRank`] where the expression gives something else, before anything
    /// runs; and whatever the run itself fails with.
    fn produce(run: Run<'_>) -> Result<Self, Error>;
}

/// Checks the result of an expression against what was asked for; no rank fits every rank.
fn check(run: &Run<'_>, asked: Dtype, rank: Option<usize>) -> Result<(), Error> {
    let (given, extents) = run.output();
    if given != asked {
        return Err(ErrorKind::OutputDtype { output: 0, asked, given }.into());
    }
    match rank.filter(|&rank| rank != extents.len()) {
        Some(asked) => Err(ErrorKind::OutputRank { output: 0, asked, given: extents.len() }.into()),
        None => Ok(()),
    }
}

impl<T: Element, D: Dimension> Output for Array<T, D> {
    fn produce(run: Run<'_>) -> Result<Array<T, D>, Error> {
        check(&run, T::dtype(), D::NDIM)?;
        let array = run.array::<T>()?;
        let (asked, given) = (D::NDIM.unwrap_or(0), array.ndim());
        array.into_dimensionality().map_err(|_| ErrorKind::OutputRank { output: 0, asked, given }.into())
    }
}

macro_rules! outputs {
    ($($tag:ident: $element:ty,)+) => {
        impl Output for AnyArray {
            fn produce(run: Run<'_>) -> Result<AnyArray, Error> {
                match run.output().0 {
                    $(Dtype::$tag => run.array::<$element>().map(AnyArray::$tag),)+
                    given => Err(ErrorKind::NotBuiltin { output: 0, given }.into()),
                }
            }
        }

        $(
            impl Output for $element {
                fn produce(run: Run<'_>) -> Result<$element, Error> {
                    check(&run, Dtype::$tag, Some(0))?;
                    let mut value = [<$element>::default()];
                    run.into(&mut AnyViewMut::from_slice(&mut value, 0, &[], &[])?)?;
                    Ok(value[0])
                }
            }
        )+
    };
}

for_each_builtin!(outputs);

/// Memory that a result can be written to: a mutable reference to an `ndarray` array, a mutable view of any strides by value,
/// an [`AnyViewMut`] over a plain slice, or an [`AnyArray`].
pub trait Target {
    /// The elements.
    fn elements_mut(&mut self) -> AnyViewMut<'_>;
}

impl<T: Element, D: Dimension, S: DataMut<Elem = T>> Target for &mut ArrayBase<S, D> {
    fn elements_mut(&mut self) -> AnyViewMut<'_> {
        AnyViewMut::from(ArrayRef::view_mut(self))
    }
}

impl<T: Element, D: Dimension> Target for ArrayViewMut<'_, T, D> {
    fn elements_mut(&mut self) -> AnyViewMut<'_> {
        AnyViewMut::from(ArrayRef::view_mut(self))
    }
}

impl<T: Element, D: Dimension> Target for &mut ArrayRef<T, D> {
    fn elements_mut(&mut self) -> AnyViewMut<'_> {
        AnyViewMut::from(ArrayRef::view_mut(self))
    }
}

impl Target for &mut AnyArray {
    fn elements_mut(&mut self) -> AnyViewMut<'_> {
        AnyArray::view_mut(self)
    }
}

impl Target for AnyViewMut<'_> {
    fn elements_mut(&mut self) -> AnyViewMut<'_> {
        self.reborrow()
    }
}
