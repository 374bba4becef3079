//! The types that can be operands, and the types of operands that plans are made for.

use crate::array::AnyArray;
use crate::lists::{for_each_builtin, for_each_tuple};
use einfold_exec::{AnyView, Element};
use einfold_ir::TensorType;
use ndarray::{ArrayBase, ArrayRef, Data, Dimension};

/// A type that can be passed as one operand: an `ndarray` array or view of any dimension, a scalar, an [`AnyArray`] or
/// [`AnyView`], a reference to one of these, or one of these inside [`conj`] or [`named`]. Elements are never copied.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an operand of einfold",
    label = "not an operand",
    note = "an operand is an array or a view of ndarray 0.17 (`einfold::ndarray`), a scalar, an `AnyArray` or an `AnyView`, or a reference to one",
    note = "a `Vec` or a slice of elements is one as `einfold::ndarray::aview1(&elements)`, with several axes as `ArrayView::from_shape(shape, &elements)?`",
    note = "an array of another version of ndarray is another type: make it with `einfold::ndarray`, or pass its slice and shape in that way"
)]
pub trait Operand {
    /// A view of the elements.
    fn elements(&self) -> AnyView<'_>;

    /// Whether the elements are conjugated as they are read. This has no effect on real elements.
    fn is_conj(&self) -> bool {
        false
    }

    /// The name of the operand in a program, if it has one.
    fn name(&self) -> Option<&str> {
        None
    }
}

/// An operand whose elements are conjugated as they are read; made by [`conj`].
#[derive(Clone, Copy, Debug)]
pub struct Conj<O>(O);

/// Conjugates the elements of an operand as they are read, without a copy. Real elements are unchanged.
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

/// An operand, or the type of an operand, with a name; made by [`named`].
#[derive(Clone, Copy, Debug)]
pub struct NamedOperand<'n, O> {
    pub(crate) name: &'n str,
    pub(crate) inner: O,
}

/// Gives a name to an operand, or to the type of an operand (a [`spec`](crate::spec)), for use in a program.
///
/// Named operands may be passed in any order, and the program need not read all of them.
///
/// ```
/// use einfold::ndarray::{Array1, array};
/// use einfold::{einsum, named};
///
/// let (values, groups) = (array![1.0, 2.0, 4.0], array![0, 1, 0]);
/// let y: Array1<f64> = einsum("Y[g[n]] += w[n]", (named("w", &values), named("g", &groups)))?;
/// assert_eq!(y, array![5.0, 2.0]);
/// # Ok::<(), einfold::Error>(())
/// ```
pub fn named<O>(name: &str, operand: O) -> NamedOperand<'_, O> {
    NamedOperand { name, inner: operand }
}

impl<O: Operand> Operand for NamedOperand<'_, O> {
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
        AnyView::from(&**self)
    }
}

impl<T: Element, D: Dimension> Operand for ArrayRef<T, D> {
    fn elements(&self) -> AnyView<'_> {
        AnyView::from(self)
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

/// The type of an operand with elements of type `T` and this shape.
///
/// ```
/// use einfold::{Expression, spec};
///
/// let plan = Expression::new("ij,jk->ik")?.plan((spec::<f64>([20, 10]), spec::<f32>([10, 30])))?;
/// assert_eq!(plan.output_types()[0], spec::<f64>([20, 30]));
/// # Ok::<(), einfold::Error>(())
/// ```
pub fn spec<T: Element>(shape: impl AsRef<[usize]>) -> TensorType {
    TensorType { name: None, dtype: T::dtype(), shape: shape.as_ref().into(), conj: false }
}

/// A type that describes one operand: a [`spec`], or a spec with a name, as `named("X", spec::<f64>([3]))`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not the type of an operand of einfold",
    label = "not the type of an operand",
    note = "types of operands are made by `spec::<f64>([20, 10])`; `plan_for` takes the operands themselves"
)]
pub trait Spec {
    /// Converts to a tensor type.
    fn into_type(self) -> TensorType;
}

impl Spec for TensorType {
    fn into_type(self) -> TensorType {
        self
    }
}

impl Spec for NamedOperand<'_, TensorType> {
    fn into_type(self) -> TensorType {
        TensorType { name: Some(self.name.into()), ..self.inner }
    }
}

/// The types of all operands, in the order of the operands or with names: a tuple of up to twelve, or an array, slice
/// or vector.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a list of types of operands of einfold",
    label = "not types of operands",
    note = "types of operands are made by `spec::<f64>([20, 10])`, and come as a tuple of up to twelve or in an array, slice or vector",
    note = "`plan_for` takes the operands themselves"
)]
pub trait Specs {
    /// Converts to a list.
    fn into_types(self) -> Vec<TensorType>;
}

impl<S: Spec> Specs for S {
    fn into_types(self) -> Vec<TensorType> {
        vec![self.into_type()]
    }
}

impl<S: Spec> Specs for Vec<S> {
    fn into_types(self) -> Vec<TensorType> {
        self.into_iter().map(S::into_type).collect()
    }
}

impl<S: Spec + Clone> Specs for &[S] {
    fn into_types(self) -> Vec<TensorType> {
        self.iter().cloned().map(S::into_type).collect()
    }
}

impl<S: Spec, const N: usize> Specs for [S; N] {
    fn into_types(self) -> Vec<TensorType> {
        self.map(S::into_type).into()
    }
}

macro_rules! tuples {
    ($($operand:ident)+) => {
        impl<$($operand: Spec),+> Specs for ($($operand,)+) {
            fn into_types(self) -> Vec<TensorType> {
                #[expect(non_snake_case, reason = "each type is bound to the name of its form")]
                let ($($operand,)+) = self;
                vec![$($operand.into_type()),+]
            }
        }
    };
}

for_each_tuple!(tuples, [] A B C D E F G H I J K L);
