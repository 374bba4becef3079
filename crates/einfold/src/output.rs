//! What a result can be: a new array of a type that the caller names.

use crate::array::AnyArray;
use crate::builtin::for_each_builtin;
use crate::call::Run;
use crate::error::{Error, ErrorKind};
use einfold_exec::{BindError, Element, MemoryOrder, NewArray};
use einfold_ir::Dtype;
use ndarray::{Array, Dimension};

/// A result that is not there yet: what the plan says of it.
#[derive(Clone, Copy, Debug)]
pub struct Slot<'r> {
    pub(crate) index: usize,
    pub(crate) name: Option<&'r str>,
    pub(crate) dtype: Dtype,
    pub(crate) shape: &'r [usize],
    pub(crate) order: MemoryOrder,
}

impl<'r> Slot<'r> {
    /// Which result it is, from 0.
    pub fn index(&self) -> usize {
        self.index
    }

    /// Its name in a program.
    pub fn name(&self) -> Option<&'r str> {
        self.name
    }

    /// The element type.
    pub fn dtype(&self) -> Dtype {
        self.dtype
    }

    /// The extents.
    pub fn shape(&self) -> &'r [usize] {
        self.shape
    }

    /// Memory for it. It is never zeroed first.
    ///
    /// # Errors
    /// [`ErrorKind::OutputDtype`] if its elements are no `T`, [`ErrorKind::Bind`] if there is no memory.
    pub fn reserve<T: Element>(&self) -> Result<NewArray, Error> {
        self.check_dtype(T::dtype())?;
        Ok(NewArray::new::<T>(self.shape, self.order).map_err(BindError::Memory)?)
    }

    fn check_dtype(&self, asked: Dtype) -> Result<(), Error> {
        let Slot { index: output, dtype: given, .. } = *self;
        if given == asked { Ok(()) } else { Err(ErrorKind::OutputDtype { output, asked, given }.into()) }
    }

    /// No rank fits every rank.
    fn check_rank(&self, asked: Option<usize>) -> Result<(), Error> {
        let (output, given) = (self.index, self.shape.len());
        match asked.filter(|&asked| asked != given) {
            Some(asked) => Err(ErrorKind::OutputRank { output, asked, given }.into()),
            None => Ok(()),
        }
    }
}

/// A type that one result can have: `Array<T, D>` of any static or dynamic dimension, a scalar for a result without axes, or
/// [`AnyArray`] where nothing is known beforehand.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not the type of a result of einfold",
    label = "not the type of a result",
    note = "a result is an `Array<T, D>` of ndarray 0.17 (`einfold::ndarray`), such as `Array2<f64>`, a scalar, or an `AnyArray`",
    note = "name it where the result goes: `let y: Array2<f64> = einsum(..)?` or `einsum::<Array2<f64>>(..)?`",
    note = "of an `Array1`, `to_vec` makes a `Vec`"
)]
pub trait Output: Sized {
    /// Whether a result is of this type.
    ///
    /// # Errors
    /// [`ErrorKind::OutputDtype`], [`ErrorKind::OutputRank`] and [`ErrorKind::NotBuiltin`] where it is not.
    fn fits(slot: &Slot<'_>) -> Result<(), Error>;

    /// Memory for a result, before anything runs.
    ///
    /// # Errors
    /// As [`fits`](Output::fits) and [`Slot::reserve`].
    fn reserve(slot: &Slot<'_>) -> Result<NewArray, Error>;

    /// The result, once it is there. `slot` says again what it is.
    ///
    /// # Errors
    /// As [`fits`](Output::fits).
    fn receive(array: NewArray, slot: &Slot<'_>) -> Result<Self, Error>;
}

impl<T: Element, D: Dimension> Output for Array<T, D> {
    fn fits(slot: &Slot<'_>) -> Result<(), Error> {
        slot.check_dtype(T::dtype())?;
        slot.check_rank(D::NDIM)
    }

    fn reserve(slot: &Slot<'_>) -> Result<NewArray, Error> {
        Self::fits(slot)?;
        slot.reserve::<T>()
    }

    fn receive(array: NewArray, slot: &Slot<'_>) -> Result<Array<T, D>, Error> {
        let (output, given) = (slot.index, array.dtype());
        let array = array.into_array().ok_or(ErrorKind::OutputDtype { output, asked: T::dtype(), given })?;
        let (asked, given) = (D::NDIM.unwrap_or(0), array.ndim());
        array.into_dimensionality().map_err(|_| ErrorKind::OutputRank { output, asked, given }.into())
    }
}

macro_rules! outputs {
    ($($tag:ident: $element:ty,)+) => {
        impl Output for AnyArray {
            fn fits(slot: &Slot<'_>) -> Result<(), Error> {
                match slot.dtype {
                    $(Dtype::$tag => Ok(()),)+
                    given => Err(ErrorKind::NotBuiltin { output: slot.index, given }.into()),
                }
            }

            fn reserve(slot: &Slot<'_>) -> Result<NewArray, Error> {
                match slot.dtype {
                    $(Dtype::$tag => slot.reserve::<$element>(),)+
                    given => Err(ErrorKind::NotBuiltin { output: slot.index, given }.into()),
                }
            }

            fn receive(array: NewArray, slot: &Slot<'_>) -> Result<AnyArray, Error> {
                match array.dtype() {
                    $(Dtype::$tag => Output::receive(array, slot).map(AnyArray::$tag),)+
                    given => Err(ErrorKind::NotBuiltin { output: slot.index, given }.into()),
                }
            }
        }

        $(
            impl Output for $element {
                fn fits(slot: &Slot<'_>) -> Result<(), Error> {
                    slot.check_dtype(Dtype::$tag)?;
                    slot.check_rank(Some(0))
                }

                fn reserve(slot: &Slot<'_>) -> Result<NewArray, Error> {
                    Self::fits(slot)?;
                    slot.reserve::<$element>()
                }

                fn receive(array: NewArray, slot: &Slot<'_>) -> Result<$element, Error> {
                    let array: ndarray::Array0<$element> = Output::receive(array, slot)?;
                    Ok(array.into_scalar())
                }
            }
        )+
    };
}

for_each_builtin!(outputs);

/// What a run returns: one [`Output`], a tuple of two to eight for as many results, a vector of any number of one type, or
/// [`Results`](crate::Results), which are taken out by name.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not the type of the results of einfold",
    label = "not the type of a result, or of several",
    note = "a result is an `Array<T, D>` of ndarray 0.17 (`einfold::ndarray`), such as `Array2<f64>`, a scalar, or an `AnyArray`; several are a tuple, a `Vec` or `Results`",
    note = "name it where the result goes: `let y: Array2<f64> = einsum(..)?` or `einsum::<Array2<f64>>(..)?`",
    note = "of an `Array1`, `to_vec` makes a `Vec`"
)]
pub trait Outputs: Sized {
    /// Runs and returns the results.
    ///
    /// # Errors
    /// [`ErrorKind::OutputCount`] where there are more or fewer, and the errors of [`Output::reserve`], before anything runs;
    /// and whatever the run itself fails with.
    fn produce(run: Run<'_>) -> Result<Self, Error>;
}

impl<A: Output> Outputs for A {
    fn produce(run: Run<'_>) -> Result<A, Error> {
        let slots = run.slots(1)?;
        let mut arrays = [A::reserve(&slots.at(0))?];
        run.write(&mut arrays)?;
        let [array] = arrays;
        A::receive(array, &slots.at(0))
    }
}

impl<A: Output> Outputs for Vec<A> {
    fn produce(run: Run<'_>) -> Result<Vec<A>, Error> {
        let slots = run.all_slots();
        let mut arrays = slots.iter().map(|slot| A::reserve(&slot)).collect::<Result<Vec<_>, Error>>()?;
        run.write(&mut arrays)?;
        arrays.into_iter().zip(slots.iter()).map(|(array, slot)| A::receive(array, &slot)).collect()
    }
}

macro_rules! tuples {
    ($count:literal: $($name:ident $at:tt)+) => {
        impl<$($name: Output),+> Outputs for ($($name,)+) {
            fn produce(run: Run<'_>) -> Result<Self, Error> {
                let slots = run.slots($count)?;
                let mut arrays = [$($name::reserve(&slots.at($at))?),+];
                run.write(&mut arrays)?;
                #[expect(non_snake_case, reason = "each result is bound to the name of its type")]
                let [$($name),+] = arrays;
                Ok(($($name::receive($name, &slots.at($at))?,)+))
            }
        }
    };
}

tuples!(2: A 0 B 1);
tuples!(3: A 0 B 1 C 2);
tuples!(4: A 0 B 1 C 2 D 3);
tuples!(5: A 0 B 1 C 2 D 3 E 4);
tuples!(6: A 0 B 1 C 2 D 3 E 4 F 5);
tuples!(7: A 0 B 1 C 2 D 3 E 4 F 5 G 6);
tuples!(8: A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7);
