//! Operand types, which plans are made for.

use crate::lists::for_each_tuple;
use crate::operand::NamedOperand;
use einfold_exec::Element;
use einfold_ir::TensorType;

/// The type of an operand with elements of type `T` and this shape.
///
/// ```
/// use einfold::{Expression, spec};
///
/// let plan = Expression::new("ij,jk->ik")?.plan((spec::<f64>([20, 10]), spec::<f32>([10, 30])))?;
/// assert_eq!(plan.output_types()[0], spec::<f64>([20, 30]));
/// # Ok::<(), einfold::Error>(())
/// ```
pub fn spec<T: Element>(shape: impl Into<Vec<usize>>) -> TensorType {
    TensorType { name: None, dtype: T::dtype(), shape: shape.into(), conj: false }
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

for_each_tuple!(1..=12, tuples);
