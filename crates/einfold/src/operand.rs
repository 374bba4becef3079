//! What can be an operand, and how operands are passed.

use crate::array::AnyArray;
use crate::builtin::for_each_builtin;
use crate::dynamic::ArgumentList;
use crate::tuples::for_each_tuple;
use einfold_exec::{AnyView, Element};
use ndarray::{ArrayBase, ArrayRef, Data, Dimension};

/// Something that can be read as one tensor: an `ndarray` array or view of any dimension, a scalar, an [`AnyArray`] or
/// [`AnyView`], any of them by reference, or inside [`conj`] or [`named`]. No form copies elements.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an operand of einfold",
    label = "not an operand",
    note = "an operand is an array or a view of ndarray 0.17 (`einfold::ndarray`), a scalar, an `AnyArray` or an `AnyView`, or a reference to one",
    note = "a `Vec` or a slice of elements is one as `einfold::ndarray::aview1(&elements)`, with several axes as `ArrayView::from_shape(shape, &elements)?`",
    note = "an array of another version of ndarray is another type: make it with `einfold::ndarray`, or pass its slice and shape in that way"
)]
pub trait Operand {
    /// The elements.
    fn elements(&self) -> AnyView<'_>;

    /// Whether the elements are conjugated as they are read. Without effect on real elements.
    fn is_conj(&self) -> bool {
        false
    }

    /// The name by which a program reads it.
    fn name(&self) -> Option<&str> {
        None
    }
}

/// An operand whose elements are conjugated as they are read; made by [`conj`].
#[derive(Clone, Copy, Debug)]
pub struct Conj<O>(O);

/// The same operand with its elements conjugated as they are read, without a copy. Real elements stay as they are.
///
/// ```
/// use einfold::{conj, einsum};
/// use einfold::ndarray::array;
/// use num_complex::Complex;
///
/// let a = array![Complex::new(1.0, 2.0), Complex::new(0.0, -1.0)];
/// let norm: Complex<f64> = einsum("i,i->", (conj(&a), &a))?;
/// assert_eq!(norm, Complex::new(6.0, 0.0));
/// # Ok::<(), einfold::Error>(())
/// ```
pub fn conj<O: Operand>(operand: O) -> Conj<O> {
    Conj(operand)
}

impl<O: Operand> Operand for Conj<O> {
    fn elements(&self) -> AnyView<'_> {
        self.0.elements()
    }

    fn is_conj(&self) -> bool {
        !self.0.is_conj()
    }

    fn name(&self) -> Option<&str> {
        self.0.name()
    }
}

/// An operand, or the type of one, with a name; made by [`named`].
#[derive(Clone, Copy, Debug)]
pub struct Named<'n, O> {
    pub(crate) name: &'n str,
    pub(crate) inner: O,
}

/// An operand with the name by which a program reads it; of a [`spec`](crate::spec), the type of one.
///
/// Operands with names may come in any order, and with others that the program does not read.
///
/// ```
/// use einfold::ndarray::{Array1, array};
/// use einfold::{einsum, named};
///
/// let (values, ids) = (array![1.0, 2.0, 4.0], array![0, 1, 0]);
/// let y: Array1<f64> = einsum("Y[g[n]] += w[n]", (named("w", &values), named("g", &ids)))?;
/// assert_eq!(y, array![5.0, 2.0]);
/// # Ok::<(), einfold::Error>(())
/// ```
pub fn named<O>(name: &str, operand: O) -> Named<'_, O> {
    Named { name, inner: operand }
}

impl<O: Operand> Operand for Named<'_, O> {
    fn elements(&self) -> AnyView<'_> {
        self.inner.elements()
    }

    fn is_conj(&self) -> bool {
        self.inner.is_conj()
    }

    fn name(&self) -> Option<&str> {
        Some(self.name)
    }
}

impl<O: Operand + ?Sized> Operand for &O {
    fn elements(&self) -> AnyView<'_> {
        (**self).elements()
    }

    fn is_conj(&self) -> bool {
        (**self).is_conj()
    }

    fn name(&self) -> Option<&str> {
        (**self).name()
    }
}

impl<T: Element, D: Dimension, S: Data<Elem = T>> Operand for ArrayBase<S, D> {
    fn elements(&self) -> AnyView<'_> {
        AnyView::from(self.view())
    }
}

impl<T: Element, D: Dimension> Operand for ArrayRef<T, D> {
    fn elements(&self) -> AnyView<'_> {
        AnyView::from(self.view())
    }
}

impl Operand for AnyArray {
    fn elements(&self) -> AnyView<'_> {
        self.view()
    }
}

impl Operand for AnyView<'_> {
    fn elements(&self) -> AnyView<'_> {
        self.clone()
    }
}

macro_rules! scalars {
    ($($tag:ident: $element:ty,)+) => { $(
        impl Operand for $element {
            fn elements(&self) -> AnyView<'_> {
                AnyView::scalar(self)
            }
        }
    )+ };
}

for_each_builtin!(scalars);

/// The operands of a call: a tuple of up to twelve, a single one alone, or any number of one type in an array, slice or vector.
/// They come in the order of the terms; those of a program in the order in which its text first names them, or in any order and
/// with any others among them, each with its name.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a list of operands of einfold",
    label = "not operands",
    note = "operands are a tuple of up to twelve, one operand alone, or an array, slice or vector of operands of one type",
    note = "an operand is an array or a view of ndarray 0.17 (`einfold::ndarray`), a scalar, an `AnyArray` or an `AnyView`, or a reference to one",
    note = "a `Vec` or a slice of elements is one as `einfold::ndarray::aview1(&elements)`, with several axes as `ArrayView::from_shape(shape, &elements)?`",
    note = "an array of another version of ndarray is another type: make it with `einfold::ndarray`, or pass its slice and shape in that way"
)]
pub trait Operands {
    /// All of them.
    fn arguments(&self) -> ArgumentList<'_>;
}

impl<O: Operand> Operands for O {
    fn arguments(&self) -> ArgumentList<'_> {
        let mut list = ArgumentList::default();
        list.push(self);
        list
    }
}

impl<O: Operand> Operands for [O] {
    fn arguments(&self) -> ArgumentList<'_> {
        let mut list = ArgumentList::default();
        self.iter().for_each(|operand| list.push(operand));
        list
    }
}

macro_rules! lists {
    ($([$($generics:tt)*] $list:ty;)+) => { $(
        impl<O: Operand, $($generics)*> Operands for $list {
            fn arguments(&self) -> ArgumentList<'_> {
                let list: &[O] = self.as_ref();
                list.arguments()
            }
        }
    )+ };
}

lists! {
    [] &[O];
    [] Vec<O>;
    [] &Vec<O>;
    [const N: usize] [O; N];
    [const N: usize] &[O; N];
}

macro_rules! tuples {
    ($($name:ident)+) => {
        impl<$($name: Operand),+> Operands for ($($name,)+) {
            fn arguments(&self) -> ArgumentList<'_> {
                #[expect(non_snake_case, reason = "each operand is bound to the name of its type")]
                let ($($name,)+) = self;
                let mut list = ArgumentList::default();
                $(list.push($name);)+
                list
            }
        }
    };
}

for_each_tuple!(1..=12, tuples);
