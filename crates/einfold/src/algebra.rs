//! The algebra that an expression is evaluated with: its sum and its product.

use einfold_exec::{Semiring, UserSemiring};
use einfold_ir::Algebra;

pub use einfold_ir::Laws;

/// An algebra to evaluate an expression with, in place of `+` and `×`: one of the built-in pairs [`SumProduct`],
/// [`MaxPlus`], [`MinPlus`], [`MaxTimes`], [`MinTimes`], [`MaxMin`], [`OrAnd`], [`LsePlus`], an entry of [`ALGEBRAS`],
/// or your own implementation of [`Semiring`].
pub trait IntoAlgebra {
    /// Returns the algebra for the planner, and the implementation for the executor unless the algebra is built in.
    fn into_algebra(self) -> (Algebra, Option<UserSemiring>);
}

impl<S: Semiring> IntoAlgebra for S {
    fn into_algebra(self) -> (Algebra, Option<UserSemiring>) {
        let semiring = UserSemiring::of::<S>();
        (Algebra::User(semiring.algebra()), Some(semiring))
    }
}

/// A built-in algebra with its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NamedAlgebra {
    /// The name, in kebab case.
    pub name: &'static str,
    /// The sum and the product, as text.
    pub operations: &'static str,
    algebra: Algebra,
}

impl IntoAlgebra for NamedAlgebra {
    fn into_algebra(self) -> (Algebra, Option<UserSemiring>) {
        (self.algebra, None)
    }
}

macro_rules! algebras {
    ($($(#[$doc:meta])* $marker:ident = $algebra:ident, $name:literal, $operations:literal;)+) => {
        /// The built-in algebras.
        pub const ALGEBRAS: [NamedAlgebra; 8] =
            [$(NamedAlgebra { name: $name, operations: $operations, algebra: Algebra::$algebra }),+];

        $(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
            pub struct $marker;

            impl IntoAlgebra for $marker {
                fn into_algebra(self) -> (Algebra, Option<UserSemiring>) {
                    (Algebra::$algebra, None)
                }
            }
        )+
    };
}

algebras! {
    /// (+, ×), the default; (or, and) on `bool`.
    SumProduct = SUM_PRODUCT, "sum-product", "(+, *)";
    /// (max, +): longest paths. NaN propagates, −0 is less than +0, integers wrap.
    MaxPlus = MAX_PLUS, "max-plus", "(max, +)";
    /// (min, +): shortest paths. NaN propagates, −0 is less than +0, integers wrap.
    MinPlus = MIN_PLUS, "min-plus", "(min, +)";
    /// (max, ×): most likely explanations. NaN propagates, −0 is less than +0, integers wrap.
    MaxTimes = MAX_TIMES, "max-times", "(max, *)";
    /// (min, ×). NaN propagates, −0 is less than +0, integers wrap.
    MinTimes = MIN_TIMES, "min-times", "(min, *)";
    /// (max, min): widest paths. NaN propagates, −0 is less than +0.
    MaxMin = MAX_MIN, "max-min", "(max, min)";
    /// (or, and): reachability. Bitwise on integers; not defined on floats.
    OrAnd = OR_AND, "or-and", "(|, &)";
    /// (lse, +): sums of products of numbers that are represented by their logarithms. Floats only.
    LsePlus = LSE_PLUS, "lse-plus", "(lse, +)";
}

#[cfg(test)]
mod tests {
    use super::ALGEBRAS;

    #[test]
    fn algebras_are_printed_by_their_operations() {
        for named in ALGEBRAS {
            assert_eq!(named.algebra.to_string(), named.operations, "{}", named.name);
        }
    }
}
