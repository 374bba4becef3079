//! Semirings that users bring. The built-in ones are pairs of operations in [`kernels`](crate::kernels).

use std::any::TypeId;

use einfold_ir::{Laws, UserAlgebra};

use crate::element::Element;

/// A commutative semiring over `Acc`, with operands and results of type `Elem`.
///
/// ⊕ ([`add`](Semiring::add)) and ⊗ ([`mul`](Semiring::mul)) must be commutative and associative, [`zero`](Semiring::zero)
/// the identity of ⊕ and [`one`](Semiring::one) that of ⊗; [`LAWS`](Semiring::LAWS) says what else holds. An implementation
/// that breaks its laws gives wrong numbers, never undefined behaviour. An operation that panics makes the run panic.
pub trait Semiring: Copy + Send + Sync + 'static {
    /// The type of operands and results.
    type Elem: Element;
    /// The type in which products and sums are kept, intermediate tensors included.
    type Acc: Element;
    /// What a planner may assume.
    const LAWS: Laws;
    /// An operand's element as a factor.
    fn lift(x: Self::Elem) -> Self::Acc;
    /// The identity of ⊕: the sum of nothing.
    fn zero() -> Self::Acc;
    /// The identity of ⊗: the product of nothing.
    fn one() -> Self::Acc;
    /// ⊕.
    fn add(a: Self::Acc, b: Self::Acc) -> Self::Acc;
    /// ⊗.
    fn mul(a: Self::Acc, b: Self::Acc) -> Self::Acc;
    /// A sum as an element of the result.
    fn finish(x: Self::Acc) -> Self::Elem;
}

/// What the compiler is told of the semiring `S`.
pub fn algebra<S: Semiring>() -> UserAlgebra {
    UserAlgebra {
        id: TypeId::of::<S>(),
        name: std::any::type_name::<S>(),
        element: S::Elem::dtype(),
        accumulator: S::Acc::dtype(),
        laws: S::LAWS,
    }
}
