//! What a plan is made for: the types of operands that are not there yet.

use einfold_exec::Element;
use einfold_ir::TensorType;

/// An operand with elements of type `T` and this shape, to plan for.
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

/// The types of the operands, in the order of the terms: a tuple of up to twelve, or any number in an array, slice or vector.
pub trait Specs {
    /// As one list.
    fn into_types(self) -> Vec<TensorType>;
}

impl Specs for TensorType {
    fn into_types(self) -> Vec<TensorType> {
        vec![self]
    }
}

impl Specs for Vec<TensorType> {
    fn into_types(self) -> Vec<TensorType> {
        self
    }
}

impl Specs for &[TensorType] {
    fn into_types(self) -> Vec<TensorType> {
        self.to_vec()
    }
}

impl<const N: usize> Specs for [TensorType; N] {
    fn into_types(self) -> Vec<TensorType> {
        self.into()
    }
}

macro_rules! tuples {
    ($($operand:ident)+) => {
        impl Specs for ($(tuples!(@ty $operand),)+) {
            fn into_types(self) -> Vec<TensorType> {
                let ($($operand,)+) = self;
                vec![$($operand),+]
            }
        }
    };
    (@ty $operand:ident) => { TensorType };
}

tuples!(a);
tuples!(a b);
tuples!(a b c);
tuples!(a b c d);
tuples!(a b c d e);
tuples!(a b c d e f);
tuples!(a b c d e f g);
tuples!(a b c d e f g h);
tuples!(a b c d e f g h i);
tuples!(a b c d e f g h i j);
tuples!(a b c d e f g h i j k);
tuples!(a b c d e f g h i j k l);
