//! Semirings of the user. The built-in ones are pairs of operations in [`kernels`](crate::kernels).

use std::any::TypeId;

use einfold_ir::{Laws, UserAlgebra};

use crate::element::Element;

/// A commutative semiring over `Acc`, with operands and results of type `Elem`.
///
/// ⊕ ([`add`](Semiring::add)) and ⊗ ([`mul`](Semiring::mul)) must be commutative and associative,
/// [`zero`](Semiring::zero) the identity of ⊕ and [`one`](Semiring::one) the identity of ⊗; [`LAWS`](Semiring::LAWS)
/// states what else holds. An implementation that breaks its laws gives wrong numbers, never undefined behaviour. An
/// operation that panics makes the run panic.
pub trait Semiring: Copy + Send + Sync + 'static {
    /// The type of operands and results.
    type Elem: Element;
    /// The type of products and sums, including intermediates.
    type Acc: Element;
    /// The laws that a planner may assume.
    const LAWS: Laws;
    /// Converts an element of an operand.
    fn lift(x: Self::Elem) -> Self::Acc;
    /// The identity of ⊕: the sum over an empty set.
    fn zero() -> Self::Acc;
    /// The identity of ⊗: the product of no factors.
    fn one() -> Self::Acc;
    /// ⊕.
    fn add(a: Self::Acc, b: Self::Acc) -> Self::Acc;
    /// ⊗.
    fn mul(a: Self::Acc, b: Self::Acc) -> Self::Acc;
    /// Converts a sum to an element of the result.
    fn finish(x: Self::Acc) -> Self::Elem;
}

/// The description of the semiring `S` for the compiler.
pub fn algebra<S: Semiring>() -> UserAlgebra {
    UserAlgebra {
        id: TypeId::of::<S>(),
        name: std::any::type_name::<S>(),
        element: S::Elem::dtype(),
        accumulator: S::Acc::dtype(),
        laws: S::LAWS,
    }
}
