//! Memory of the caller that results are written to.

use crate::array::AnyArray;
use crate::lists::for_each_tuple;
use einfold_exec::{AnyViewMut, Element};
use ndarray::{ArrayBase, ArrayRef, ArrayViewMut, DataMut, Dimension};
use smallvec::SmallVec;

/// A type that one result can be written to: a mutable reference to an `ndarray` array, a mutable view with any strides
/// (by value), an [`AnyViewMut`] of a slice, or an [`AnyArray`].
#[diagnostic::on_unimplemented(
    message = "results of einfold cannot be written to `{Self}`",
    label = "not memory for a result",
    note = "results go to a mutable reference to an array of ndarray 0.17 (`einfold::ndarray`), a mutable view by value, an `AnyArray` or an `AnyViewMut`",
    note = "of a `Vec` or a slice of elements, `einfold::ndarray::ArrayViewMut::from_shape(shape, &mut elements)?` makes a view"
)]
pub trait Target {
    /// A mutable view of the elements.
    fn elements_mut(&mut self) -> AnyViewMut<'_>;
}

impl<T: Element, D: Dimension, S: DataMut<Elem = T>> Target for &mut ArrayBase<S, D> {
    fn elements_mut(&mut self) -> AnyViewMut<'_> {
        AnyViewMut::from(&mut ***self)
    }
}

impl<T: Element, D: Dimension> Target for ArrayViewMut<'_, T, D> {
    fn elements_mut(&mut self) -> AnyViewMut<'_> {
        AnyViewMut::from(&mut **self)
    }
}

impl<T: Element, D: Dimension> Target for &mut ArrayRef<T, D> {
    fn elements_mut(&mut self) -> AnyViewMut<'_> {
        AnyViewMut::from(&mut **self)
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

/// The outputs of a call, in the order of the results: one [`Target`], a tuple of two to eight, or a vector or array of
/// targets of one type.
#[diagnostic::on_unimplemented(
    message = "results of einfold cannot be written to `{Self}`",
    label = "not memory for the results",
    note = "results go to a mutable reference to an array of ndarray 0.17 (`einfold::ndarray`), a mutable view by value, an `AnyArray` or an `AnyViewMut`; several are a tuple, a vector or an array of them",
    note = "of a `Vec` or a slice of elements, `einfold::ndarray::ArrayViewMut::from_shape(shape, &mut elements)?` makes a view"
)]
pub trait Targets {
    /// Appends a mutable view of each output.
    fn append_to<'a>(&'a mut self, views: &mut TargetViews<'a>);
}

/// Mutable views of [`Targets`]. Up to eight need no allocation.
pub type TargetViews<'a> = SmallVec<[AnyViewMut<'a>; 8]>;

impl<T: Target> Targets for T {
    fn append_to<'a>(&'a mut self, views: &mut TargetViews<'a>) {
        views.push(self.elements_mut());
    }
}

impl<T: Target> Targets for Vec<T> {
    fn append_to<'a>(&'a mut self, views: &mut TargetViews<'a>) {
        views.extend(self.iter_mut().map(T::elements_mut));
    }
}

impl<T: Target, const N: usize> Targets for [T; N] {
    fn append_to<'a>(&'a mut self, views: &mut TargetViews<'a>) {
        views.extend(self.iter_mut().map(T::elements_mut));
    }
}

macro_rules! tuples {
    ($($name:ident)+) => {
        impl<$($name: Target),+> Targets for ($($name,)+) {
            fn append_to<'a>(&'a mut self, views: &mut TargetViews<'a>) {
                #[expect(non_snake_case, reason = "each target is bound to the name of its type")]
                let ($($name,)+) = self;
                $(views.push($name.elements_mut());)+
            }
        }
    };
}

for_each_tuple!(tuples, [A] B C D E F G H);
