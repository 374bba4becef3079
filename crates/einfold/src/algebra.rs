//! The sum and the product that an expression is evaluated with.

use einfold_exec::{Semiring, UserSemiring};
use einfold_ir::Algebra;

pub use einfold_ir::Laws;

/// What takes the place of `+` and `×`: one of the built-in pairs [`SumProduct`], [`MaxPlus`], [`MinPlus`], [`MaxTimes`],
/// [`MinTimes`], [`MaxMin`], [`OrAnd`], [`LsePlus`], one of [`ALGEBRAS`] by its name, or a type of yours that implements [`Semiring`].
pub trait IntoAlgebra {
    /// What the compiler is told, and what the executor runs if it is not built in.
    fn into_algebra(self) -> (Algebra, Option<UserSemiring>);
}

impl<S: Semiring> IntoAlgebra for S {
    fn into_algebra(self) -> (Algebra, Option<UserSemiring>) {
        let semiring = UserSemiring::of::<S>();
        (Algebra::User(semiring.algebra()), Some(semiring))
    }
}

/// A built-in algebra by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NamedAlgebra {
    /// The name, in kebab case.
    pub name: &'static str,
    /// The sum and the product, as they are printed.
    pub operations: &'static str,
    algebra: Algebra,
}

/// The built-in algebras.
pub const ALGEBRAS: [NamedAlgebra; 8] = [
    NamedAlgebra { name: "sum-product", operations: "(+, *)", algebra: Algebra::SUM_PRODUCT },
    NamedAlgebra { name: "max-plus", operations: "(max, +)", algebra: Algebra::MAX_PLUS },
    NamedAlgebra { name: "min-plus", operations: "(min, +)", algebra: Algebra::MIN_PLUS },
    NamedAlgebra { name: "max-times", operations: "(max, *)", algebra: Algebra::MAX_TIMES },
    NamedAlgebra { name: "min-times", operations: "(min, *)", algebra: Algebra::MIN_TIMES },
    NamedAlgebra { name: "max-min", operations: "(max, min)", algebra: Algebra::MAX_MIN },
    NamedAlgebra { name: "or-and", operations: "(|, &)", algebra: Algebra::OR_AND },
    NamedAlgebra { name: "lse-plus", operations: "(lse, +)", algebra: Algebra::LSE_PLUS },
];

impl IntoAlgebra for NamedAlgebra {
    fn into_algebra(self) -> (Algebra, Option<UserSemiring>) {
        (self.algebra, None)
    }
}

macro_rules! markers {
    ($($(#[$doc:meta])* $name:ident = $algebra:ident;)+) => { $(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct $name;

        impl IntoAlgebra for $name {
            fn into_algebra(self) -> (Algebra, Option<UserSemiring>) {
                (Algebra::$algebra, None)
            }
        }
    )+ };
}

markers! {
    /// (+, ×), what einsum means without further words; (or, and) on `bool`.
    SumProduct = SUM_PRODUCT;
    /// (max, +): longest paths. NaN wins over every number; −0 is below +0; integers wrap.
    MaxPlus = MAX_PLUS;
    /// (min, +): shortest paths. NaN wins over every number; −0 is below +0; integers wrap.
    MinPlus = MIN_PLUS;
    /// (max, ×): most likely explanations. NaN wins over every number; −0 is below +0; integers wrap.
    MaxTimes = MAX_TIMES;
    /// (min, ×). NaN wins over every number; −0 is below +0; integers wrap.
    MinTimes = MIN_TIMES;
    /// (max, min): widest paths. NaN wins over every number; −0 is below +0.
    MaxMin = MAX_MIN;
    /// (or, and): reachability. Bit by bit on integers; floats have no bits.
    OrAnd = OR_AND;
    /// (lse, +): sums of products of numbers that are given by their logarithms. Floats only.
    LsePlus = LSE_PLUS;
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
